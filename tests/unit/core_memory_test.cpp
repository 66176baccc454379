// SPDX-License-Identifier: GPL-2.0-only
// What a policy occupies in the kernel, and what one change costs. Memory is
// counted as kmalloc would hand it out; a rule is what rule_count counts.

#include "engine_test.h"

#include <functional>

namespace {

constexpr double max_bytes_per_rule = 48;

// Few rules have a prefix or an end; those may take more.
constexpr double max_bytes_per_conditional_rule = 112;

class CoreMemory : public EngineTest {
protected:
  using Maker = std::function<pacl_rule(u32)>;

  // Builds a policy of `count` rules in place and weighs it.
  double bytes_per_rule(u32 count, const Maker &make) {
    size_t before = engine_alloc::kmalloc_bytes();
    Transaction txn;
    EXPECT_EQ(txn.begin(nullptr), 0);
    for (u32 at = 0; at < count; at++)
      EXPECT_EQ(txn.insert(make(at)), 0) << at;
    pacl_pile stale = {};
    Engine engine(txn.commit(&stale));
    return weigh(engine, before);
  }

  // The same, one transaction a rule, as it grows in the kernel.
  double bytes_per_grown_rule(u32 count, const Maker &make) {
    size_t before = engine_alloc::kmalloc_bytes();
    Engine engine;
    for (u32 at = 0; at < count; at++)
      EXPECT_EQ(engine.insert(make(at)), 0) << at;
    return weigh(engine, before);
  }

private:
  double weigh(const Engine &engine, size_t before) {
    double each = static_cast<double>(engine_alloc::kmalloc_bytes() - before) /
                  engine.get()->rule_count;
    printf("%u rules, %.1f bytes each\n", engine.get()->rule_count, each);
    return each;
  }
};

pacl_rule group_rule(u32 gid, u16 port) {
  pacl_rule rule = user_rule(gid, port, port);
  rule.kind = PACL_GROUP;
  return rule;
}

// 65,535 groups have a port of their own, and one shares the last.
pacl_rule own_port_group(u32 at) {
  return group_rule(at, static_cast<u16>(at < 65535 ? at + 1 : at));
}

pacl_rule ranged_user(u32 at) {
  u16 lo = static_cast<u16>(1024 + at % 60000);
  return user_rule(10000 + at, lo, static_cast<u16>(lo + 9));
}

pacl_rule nested(u32 at) {
  return user_rule(1000, static_cast<u16>(at + 1),
                   static_cast<u16>(65535 - at));
}

// Ports 80, 80 + gap, and so on, in one rule.
pacl_rule listed(u8 kind, u32 id, u8 items, unsigned gap) {
  pacl_rule rule = user_rule(id, 0, 0);
  rule.kind = kind;
  rule.count = items;
  for (unsigned item = 0; item < items; item++) {
    u16 port = static_cast<u16>(80 + gap * item);
    rule.range[item] = {port, port};
  }
  return rule;
}

TEST_F(CoreMemory, MillionDenseUids) {
  EXPECT_LE(
      bytes_per_rule(1000000,
                     [](u32 at) { return user_rule(10000 + at, 443, 443); }),
      max_bytes_per_rule);
}

TEST_F(CoreMemory, FiftyThousandUsersWithARange) {
  EXPECT_LE(bytes_per_rule(50000, ranged_user), max_bytes_per_rule);
}

TEST_F(CoreMemory, ThirtyThousandNestedRanges) {
  EXPECT_LE(bytes_per_rule(30000, nested), max_bytes_per_rule);
}

TEST_F(CoreMemory, GroupsWithAPortEach) {
  EXPECT_LE(bytes_per_rule(65536, own_port_group), max_bytes_per_rule);
}

// As a directory service hands out uids: anywhere, in no order.
TEST_F(CoreMemory, MillionScatteredUids) {
  EXPECT_LE(bytes_per_rule(1000000,
                           [](u32 at) {
                             return user_rule(at * 2654435761U >> 1, 443, 443);
                           }),
            max_bytes_per_rule);
}

TEST_F(CoreMemory, ThousandUsersOfAThousandRules) {
  EXPECT_LE(bytes_per_rule(1000000,
                           [](u32 at) {
                             u16 port = static_cast<u16>(1 + at % 1000);
                             return user_rule(10000 + at / 1000, port, port);
                           }),
            max_bytes_per_rule);
}

TEST_F(CoreMemory, UsersWithTwoPorts) {
  EXPECT_LE(
      bytes_per_rule(
          100000, [](u32 at) { return listed(PACL_USER, 10000 + at, 2, 363); }),
      max_bytes_per_rule);
}

// More than the others: every atom of a group lies in two tries.
TEST_F(CoreMemory, GroupsWithTwoPorts) {
  EXPECT_LE(
      bytes_per_rule(
          30000, [](u32 at) { return listed(PACL_GROUP, 10000 + at, 2, 363); }),
      56);
}

TEST_F(CoreMemory, UsersWithLongLists) {
  EXPECT_LE(
      bytes_per_rule(
          10000, [](u32 at) { return listed(PACL_USER, 10000 + at, 64, 10); }),
      max_bytes_per_rule);
}

TEST_F(CoreMemory, DeniesAndReservations) {
  EXPECT_LE(bytes_per_rule(500000,
                           [](u32 at) {
                             pacl_rule rule =
                                 user_rule(10000 + at / 2, 443, 443);
                             rule.action = at % 2 ? PACL_DENY : PACL_ALLOW;
                             return rule;
                           }),
            max_bytes_per_rule);
  EXPECT_LE(bytes_per_rule(65535,
                           [](u32 at) {
                             u16 port = static_cast<u16>(at + 1);
                             pacl_rule rule = user_rule(0, port, port);
                             rule.action = PACL_RESERVE;
                             rule.kind = PACL_NOBODY;
                             return rule;
                           }),
            max_bytes_per_rule);
}

// One rule for each user on one address of his own.
TEST_F(CoreMemory, UsersWithAPrefix) {
  EXPECT_LE(bytes_per_rule(200000,
                           [](u32 at) {
                             pacl_rule rule = user_rule(10000 + at, 443, 443);
                             reference_set_prefix(
                                 rule, PACL_ADDR_IPV4(0x0a000000 + at), 128);
                             return rule;
                           }),
            max_bytes_per_conditional_rule);
}

TEST_F(CoreMemory, UsersWithAnEnd) {
  EXPECT_LE(bytes_per_rule(200000,
                           [](u32 at) {
                             pacl_rule rule = user_rule(10000 + at, 443, 443);
                             rule.until = 2000000000 + at;
                             return rule;
                           }),
            max_bytes_per_conditional_rule);
}

// Many rules of one user that differ in their terms alone.
TEST_F(CoreMemory, OneUserOnManyAddressesForAWhile) {
  EXPECT_LE(bytes_per_rule(50000,
                           [](u32 at) {
                             pacl_rule rule = user_rule(1000, 443, 443);
                             reference_set_prefix(
                                 rule, {0x20010db800000000, at * 2654435761U},
                                 128);
                             rule.until = 2000000000 + at;
                             rule.action = at % 2 ? PACL_DENY : PACL_ALLOW;
                             return rule;
                           }),
            max_bytes_per_conditional_rule);
}

TEST_F(CoreMemory, GrowingCostsNoMore) {
  EXPECT_LE(bytes_per_grown_rule(50000, ranged_user), max_bytes_per_rule);
  EXPECT_LE(bytes_per_grown_rule(65536, own_port_group), max_bytes_per_rule);
}

TEST_F(CoreMemory, EmptiedPolicyIsSmall) {
  size_t before = engine_alloc::kmalloc_bytes();
  Engine engine;
  for (bool insert : {true, false}) {
    Transaction txn;
    ASSERT_EQ(txn.begin(engine.get()), 0);
    for (u32 at = 0; at < 50000; at++)
      ASSERT_EQ(insert ? txn.insert(ranged_user(at))
                       : txn.remove(ranged_user(at)),
                0);
    engine.commit(txn);
  }
  EXPECT_LE(engine_alloc::kmalloc_bytes() - before, 16384u);
}

// What one rule more costs in calls of the allocator, on policies of a
// thousand rules and of a million.
TEST_F(CoreMemory, OneRuleMoreIsCheap) {
  uint64_t worst[2] = {};
  const u32 sizes[2] = {1000, 1000000};
  for (unsigned at = 0; at < 2; at++) {
    Transaction txn;
    ASSERT_EQ(txn.begin(nullptr), 0);
    for (u32 uid = 0; uid < sizes[at]; uid++)
      ASSERT_EQ(txn.insert(user_rule(2 * uid, 443, 443)), 0);
    pacl_pile stale = {};
    Engine engine(txn.commit(&stale));
    std::mt19937 random(1);
    for (unsigned round = 0; round < 1000; round++) {
      pacl_rule rule = user_rule(2 * (random() % sizes[at]) + 1, 443, 443);
      uint64_t calls = engine_alloc::calls();
      ASSERT_EQ(engine.insert(rule), 0);
      worst[at] = std::max(worst[at], engine_alloc::calls() - calls);
      calls = engine_alloc::calls();
      ASSERT_EQ(engine.remove(rule), 0);
      worst[at] = std::max(worst[at], engine_alloc::calls() - calls);
    }
  }
  printf("at most %lu allocations in 1,000 rules, %lu in 1,000,000\n",
         static_cast<unsigned long>(worst[0]),
         static_cast<unsigned long>(worst[1]));
  EXPECT_LE(worst[1], 40u);
  // A thousandfold policy is ten binary levels deeper.
  EXPECT_LE(worst[1], worst[0] + 10);
}

} // namespace
