// SPDX-License-Identifier: GPL-2.0-only
// What the module has counted since it was loaded.

#ifndef PORTACL_LIB_STATS_H
#define PORTACL_LIB_STATS_H

#include <array>
#include <cstdint>

#include "lib/kernel.h"
#include "lib/result.h"

namespace portacl {

// Every bind counts in one of the first five.
struct Counts {
  uint64_t granted = 0;
  uint64_t denied_rule = 0;
  uint64_t denied_reserved = 0;
  uint64_t denied_strict = 0;
  uint64_t passed = 0;
  // Parts of the passed ones:
  uint64_t permissive = 0;
  uint64_t no_rule = 0;
};

struct Counter {
  const char *name; // of its file
  uint64_t Counts::*count;
};

// In the order in which they are shown.
constexpr std::array<Counter, 7> all_counters = {
    {{"granted", &Counts::granted},
     {"denied_rule", &Counts::denied_rule},
     {"denied_reserved", &Counts::denied_reserved},
     {"denied_strict", &Counts::denied_strict},
     {"passed", &Counts::passed},
     {"permissive", &Counts::permissive},
     {"no_rule", &Counts::no_rule}}};

Result<Counts> read_counts(Kernel &kernel);

} // namespace portacl

#endif
