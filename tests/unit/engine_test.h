// SPDX-License-Identifier: GPL-2.0-only
// A fixture that sees every leak, and random rules and requests.

#ifndef ENGINE_TEST_H
#define ENGINE_TEST_H

#include "engine.h"
#include "engine_alloc.h"

#include <gtest/gtest.h>
#include <ostream>
#include <random>

/// Every test must leave as many engine objects as it found, members of the
/// fixture included.
class EngineTest : public testing::Test {
protected:
  ~EngineTest() override {
    engine_alloc::stop_failing();
    EXPECT_EQ(engine_alloc::live(), live_) << "leaked or freed too much";
  }

private:
  const size_t live_ = engine_alloc::live();
};

/// Where random rules and requests come from. Small spaces make collisions.
struct Shape {
  const char *name;
  u32 first_id, ids;     // ids are first_id + [0, ids) * stride
  u16 first_port, ports; // ports are first_port + [0, ports)
  unsigned weight[PACL_KINDS];
  unsigned max_items;  // ranges a rule, before merging
  unsigned max_width;  // of a range, at most
  unsigned max_groups; // of a request
  u32 stride = 1;      // ids are this far apart
  unsigned deny = 10;  // of a hundred rules for a user, a group or any
  unsigned on = 10;    // and with a prefix
  unsigned until = 10; // and with an end
};

extern const std::vector<Shape> shapes;

void PrintTo(const Shape &shape, std::ostream *out);

class Random {
public:
  explicit Random(const Shape &shape, uint64_t seed)
      : shape_(shape), engine_(seed) {}

  /// A number from 0 to limit - 1.
  u32 below(u32 limit) { return static_cast<u32>(engine_() % limit); }
  pacl_rule rule();
  /// From 0 to 49 on each clock, whatever was before.
  pacl_clock clock() { return {below(50), below(50)}; }
  /// A request, often at the edge of one of the rules.
  Request request(const RuleSet &rules);
  /// One of the rules.
  const pacl_rule &pick(const RuleSet &rules);

private:
  pacl_addr addr();
  void terms(pacl_rule &rule);
  u32 id() { return shape_.first_id + below(shape_.ids) * shape_.stride; }

  const Shape &shape_;
  std::mt19937_64 engine_;
};

/// Asks policy and model the same question; false when the answers differ. Both
/// have then noted which rules have ended.
testing::AssertionResult agree(const pacl_policy *policy, const RuleSet &rules,
                               const Request &request);

#endif // ENGINE_TEST_H
