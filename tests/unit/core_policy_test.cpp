// SPDX-License-Identifier: GPL-2.0-only
// A policy as a set: what goes in and out, in every order, with every failure.

#include "engine_test.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace {

using Strings = std::vector<std::string>;

class CorePolicy : public EngineTest {};

TEST_F(CorePolicy, EmptyPolicy) {
  Engine engine;
  ASSERT_NE(engine.get(), nullptr);
  EXPECT_EQ(engine.get()->rule_count, 0u);
  EXPECT_EQ(engine.get()->generation, 0u);
  EXPECT_EQ(engine.get()->mode, PACL_MODE_ENFORCE);
  EXPECT_EQ(list(engine.get()), Strings());
}

TEST_F(CorePolicy, FreeOfNothing) {
  pacl_policy_free(nullptr);
  pacl_pile pile = {};
  pacl_pile_free(&pile);
  EXPECT_EQ(pile.first, nullptr);
}

TEST_F(CorePolicy, InsertAndRemove) {
  Engine engine;
  EXPECT_EQ(engine.insert("allow user 1000 443"), 0);
  EXPECT_EQ(list(engine.get()), Strings({"allow user 1000 443"}));
  EXPECT_EQ(engine.get()->rule_count, 1u);
  EXPECT_EQ(engine.insert("allow user 1000 443"), -EEXIST);
  EXPECT_EQ(engine.get()->rule_count, 1u);
  EXPECT_EQ(engine.remove("allow user 1000 443"), 0);
  EXPECT_EQ(list(engine.get()), Strings());
  EXPECT_EQ(engine.get()->rule_count, 0u);
  EXPECT_EQ(engine.remove("allow user 1000 443"), -ENOENT);
  EXPECT_EQ(engine.insert("allow user 1000 443"), 0);
  EXPECT_EQ(list(engine.get()), Strings({"allow user 1000 443"}));
}

// Rules that differ in one thing only are different rules.
TEST_F(CorePolicy, NearRules) {
  Strings all = {
      "allow user 7 80",
      "allow user 7 80-81",
      "allow user 7 80,82",
      "allow user 7 80,82,84",
      "allow user 7 80,82-85",
      "allow user 7 79-80",
      "allow user 7 80/tcp",
      "allow user 7 80/udp",
      "allow user 7 80/sctp",
      "allow user 8 80",
      "allow group 7 80",
      "allow any 80",
      "allow each 7-7 80+1",
      "allow each 7-8 80+1",
      "allow each 7-7 80+2",
      "allow each 7-8 80+1/tcp",
      "allow user 4294967294 80",
      "allow group 0 80",
      "allow user 0 80",
      "allow user 7 1-65535",
      "deny user 7 80",
      "deny user 7 80/tcp",
      "deny user 7 80,82",
      "deny group 7 80",
      "deny any 80",
      "reserve 80",
      "reserve 80/tcp",
      "reserve 80,82",
      "allow user 7 80 on ::/0",
      "allow user 7 80 on ::",
      "allow user 7 80 on ::1",
      "allow user 7 80 on 0.0.0.0/0",
      "allow user 7 80 on 0.0.0.0",
      "allow user 7 80 on 10.0.0.0/8",
      "allow user 7 80 on 10.0.0.0/9",
      "allow user 7 80 on 10.0.0.0",
      "allow user 7 80 on ::a00:0",
      "allow user 7 80 on 8000::/1",
      "allow user 7 80,82 on ::1",
      "allow user 7 80,84 on ::1",
      "allow user 7 80 until 1",
      "allow user 7 80 until 2",
      "allow user 7 80 until 65537",
      "allow user 7 80 until 4294967297",
      "allow user 7 80 until 253402300799",
      "allow user 7 80 on ::1 until 1",
      "allow user 7 80 on ::/0 until 1",
      "deny user 7 80 on ::1",
      "deny user 7 80 until 1",
      "deny any 80 on ::/0",
      "allow any 80 on ::/0",
      "allow group 7 80 on ::/0",
  };
  Engine engine;
  for (const std::string &rule : all) {
    EXPECT_EQ(engine.remove(rule), -ENOENT) << rule;
    EXPECT_EQ(engine.insert(rule), 0) << rule;
    EXPECT_EQ(engine.insert(rule), -EEXIST) << rule;
  }
  Strings sorted = all;
  std::ranges::sort(sorted);
  Strings listed = list(engine.get());
  std::ranges::sort(listed);
  EXPECT_EQ(listed, sorted);
  for (const std::string &rule : all) {
    EXPECT_EQ(engine.remove(rule), 0) << rule;
    EXPECT_EQ(engine.remove(rule), -ENOENT) << rule;
    EXPECT_FALSE(std::ranges::count(list(engine.get()), rule)) << rule;
  }
  EXPECT_EQ(engine.get()->rule_count, 0u);
}

TEST_F(CorePolicy, RemovesARuleAsItWasWritten) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow user 7 80,443"), 0);
  ASSERT_EQ(engine.insert("allow user 7 1000-2000"), 0);
  ASSERT_EQ(engine.insert("allow each 7-16 3000+10"), 0);
  Strings before = list(engine.get());
  for (const char *part : {"allow user 7 80",
                           "allow user 7 443",
                           "allow user 7 80,443,1000",
                           "allow user 7 80,443/tcp",
                           "allow group 7 80,443",
                           "allow any 80,443",
                           "allow user 7 80-443",
                           "allow user 7 1000",
                           "allow user 7 1000-1999",
                           "allow user 7 1001-2000",
                           "allow user 7 1500",
                           "allow user 7 80,442",
                           "allow user 8 80,443",
                           "allow each 7-15 3000+10",
                           "allow each 7-11 3000+20",
                           "allow user 7 3000-3099",
                           "allow each 8-17 3000+10",
                           "allow each 7-106 3000+1",
                           "deny user 7 80,443",
                           "reserve 80,443",
                           "allow user 7 80,443 on ::/0",
                           "allow user 7 80,443 on 0.0.0.0/0",
                           "allow user 7 80,443 until 1"}) {
    EXPECT_EQ(engine.remove(part), -ENOENT) << part;
    EXPECT_EQ(list(engine.get()), before) << part;
  }
  EXPECT_EQ(engine.get()->rule_count, 4u);
  // The order of the words does not matter, only what they mean.
  EXPECT_EQ(engine.remove("allow 7 443,80"), 0);
  EXPECT_EQ(engine.get()->rule_count, 2u);
}

TEST_F(CorePolicy, CountsAtoms) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow user 7 80,443,1000-2000"), 0);
  EXPECT_EQ(engine.get()->rule_count, 3u);
  ASSERT_EQ(engine.insert("allow user 7 443"), 0);
  EXPECT_EQ(engine.get()->rule_count, 4u);
  ASSERT_EQ(engine.insert("allow each 0-999 2000+10"), 0);
  EXPECT_EQ(engine.get()->rule_count, 5u);
  EXPECT_EQ(engine.insert("allow user 7 443,80,1000-2000"), -EEXIST);
  EXPECT_EQ(engine.get()->rule_count, 5u);
  ASSERT_EQ(engine.remove("allow user 7 80,443,1000-2000"), 0);
  EXPECT_EQ(engine.get()->rule_count, 2u);
}

// What a rule is for and how long belongs to what is written.
TEST_F(CorePolicy, RemovesTermsAsTheyWereWritten) {
  Engine engine;
  ASSERT_EQ(engine.insert("deny user 7 80,443 on 10.0.0.0/8 until 50"), 0);
  ASSERT_EQ(engine.insert("reserve 80,443"), 0);
  Strings before = list(engine.get());
  for (const char *part :
       {"deny user 7 80,443", "deny user 7 80,443 on 10.0.0.0/8",
        "deny user 7 80,443 until 50", "deny user 7 80 on 10.0.0.0/8 until 50",
        "deny user 7 80,443 on 10.0.0.0/9 until 50",
        "deny user 7 80,443 on 10.0.0.0 until 50",
        "deny user 7 80,443 on 10.0.0.0/8 until 51",
        "deny user 7 80,443 on ::a00:0/104 until 50",
        "allow user 7 80,443 on 10.0.0.0/8 until 50", "reserve 80",
        "reserve 80,443/tcp", "deny any 80,443", "allow any 80,443"}) {
    EXPECT_EQ(engine.remove(part), -ENOENT) << part;
    EXPECT_EQ(list(engine.get()), before) << part;
  }
  EXPECT_EQ(
      engine.remove("deny 7 443,80 until 50 on ::ffff:10.0.0.0/104 # as well"),
      0);
  EXPECT_EQ(engine.remove("reserve 443,80"), 0);
  EXPECT_EQ(list(engine.get()), Strings());
}

// The way that most granted binds take is there while nothing else may decide.
TEST_F(CorePolicy, Quick) {
  Engine engine;
  auto quick = [&] { return engine.get()->quick == engine.get()->users; };
  ASSERT_EQ(engine.insert("allow user 7 80"), 0);
  EXPECT_TRUE(quick());
  // What can only come behind an allow does not stand in the way.
  ASSERT_EQ(engine.insert("reserve 80"), 0);
  ASSERT_EQ(engine.insert("allow user 8 80 on ::1 until 5"), 0);
  EXPECT_TRUE(quick());
  for (const char *deny :
       {"deny user 7 80", "deny any 9000", "deny group 5 80 on ::1",
        "deny user 9 1,3,5 until 1"}) {
    ASSERT_EQ(engine.insert(deny), 0);
    EXPECT_FALSE(quick()) << deny;
    ASSERT_EQ(engine.remove(deny), 0);
    EXPECT_TRUE(quick()) << deny;
  }
  ASSERT_EQ(engine.insert("deny user 7 80"), 0);
  ASSERT_EQ(engine.insert("deny user 7 81"), 0);
  ASSERT_EQ(engine.remove("deny user 7 80"), 0);
  EXPECT_FALSE(quick());
  ASSERT_EQ(engine.remove("deny user 7 81"), 0);
  EXPECT_TRUE(quick());

  for (u8 mode : {PACL_MODE_OFF, PACL_MODE_PERMISSIVE, PACL_MODE_ENFORCE}) {
    ASSERT_EQ(engine.set([&](pacl_policy &policy) { policy.mode = mode; }), 0);
    EXPECT_EQ(quick(), mode != PACL_MODE_OFF);
  }
  for (bool closing : {true, false}) {
    ASSERT_EQ(
        engine.set([&](pacl_policy &policy) { policy.closing = closing; }), 0);
    EXPECT_EQ(quick(), !closing);
  }
  for (bool strict : {true, false}) {
    ASSERT_EQ(engine.set([&](pacl_policy &policy) { policy.strict = strict; }),
              0);
    EXPECT_TRUE(quick());
  }
}

// An aborted deny, and one that failed, leave the base as quick as it was.
TEST_F(CorePolicy, QuickAfterAnAbort) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow user 7 80"), 0);
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  ASSERT_EQ(txn.insert("deny any 80"), 0);
  Request request = {.uid = 7, .port = 80};
  pacl_request view = request.view();
  const pacl_atom *why;
  EXPECT_EQ(pacl_match(txn.policy(), &view, &why), PACL_DENIED);
  EXPECT_EQ(pacl_match(engine.get(), &view, &why), PACL_GRANT);
  ASSERT_EQ(txn.remove("deny any 80"), 0);
  EXPECT_EQ(pacl_match(txn.policy(), &view, &why), PACL_GRANT);
  txn.abort();
  EXPECT_EQ(engine.get()->quick, engine.get()->users);
  EXPECT_EQ(pacl_match(engine.get(), &view, &why), PACL_GRANT);
}

TEST_F(CorePolicy, Counters) {
  Engine engine;
  RuleSet model;
  const Strings rules = {
      "allow user 7 80",
      "allow user 7 80,82 on ::1",
      "allow any 80-90,92,94 until 7",
      "deny any 80,82,84",
      "deny group 7 1-65535 on 10.0.0.0/8 until 8",
      "reserve 80,82,84,86",
      "reserve 80/tcp",
      "allow each 0-9 80+1",
  };
  for (bool insert : {true, false})
    for (const std::string &rule : rules) {
      ASSERT_EQ(insert ? engine.insert(rule) : engine.remove(rule), 0);
      if (insert)
        model.insert(rule_of(rule));
      else
        model.erase(rule_of(rule));
      EXPECT_TRUE(counts_agree(engine.get(), model)) << rule;
    }
  EXPECT_EQ(engine.get()->rule_count, 0u);
}

TEST_F(CorePolicy, WhatMayRefuse) {
  Engine engine;
  auto refuses = [&] { return pacl_policy_refuses(engine.get()); };
  EXPECT_FALSE(refuses());
  ASSERT_EQ(engine.insert("allow any 80"), 0);
  EXPECT_FALSE(refuses());
  for (const char *rule :
       {"deny any 80", "reserve 80", "deny any 80 until 1"}) {
    ASSERT_EQ(engine.insert(rule), 0);
    EXPECT_TRUE(refuses()) << rule;
    for (u8 mode : {PACL_MODE_OFF, PACL_MODE_PERMISSIVE, PACL_MODE_ENFORCE}) {
      ASSERT_EQ(engine.set([&](pacl_policy &policy) { policy.mode = mode; }),
                0);
      EXPECT_EQ(refuses(), mode == PACL_MODE_ENFORCE);
    }
    ASSERT_EQ(engine.remove(rule), 0);
    EXPECT_FALSE(refuses()) << rule;
  }
  ASSERT_EQ(engine.set([](pacl_policy &policy) { policy.strict = true; }), 0);
  EXPECT_TRUE(refuses());
}

// Settings are changed as rules are: in a transaction, whole or not at all.
TEST_F(CorePolicy, SettingsInATransaction) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow user 7 80"), 0);
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  pacl_policy *next = txn.settings();
  next->strict = next->locked = next->closing = true;
  next->mode = PACL_MODE_PERMISSIVE;
  next->scope = PACL_SCOPE_ALL;
  ASSERT_EQ(txn.insert("deny any 90"), 0);
  EXPECT_FALSE(engine.get()->strict);
  engine.commit(txn);
  ASSERT_EQ(txn.begin(engine.get()), 0);
  txn.settings()->strict = false;
  txn.abort();
  ASSERT_EQ(engine.remove("allow user 7 80"), 0);
  EXPECT_TRUE(engine.get()->strict);
  EXPECT_TRUE(engine.get()->locked);
  EXPECT_TRUE(engine.get()->closing);
  EXPECT_EQ(engine.get()->mode, PACL_MODE_PERMISSIVE);
  EXPECT_EQ(engine.get()->scope, PACL_SCOPE_ALL);
  EXPECT_EQ(list(engine.get()), Strings({"deny any 90"}));
}

TEST_F(CorePolicy, SettingsOfANewPolicy) {
  Engine engine;
  EXPECT_EQ(engine.get()->scope, PACL_SCOPE_INIT);
  EXPECT_FALSE(engine.get()->strict);
  EXPECT_FALSE(engine.get()->locked);
  EXPECT_FALSE(engine.get()->closing);
}

// Counts of hits stay with the rule while all about it changes, and begin anew
// with a rule that is written again.
TEST_F(CorePolicy, HitsStayWithTheRule) {
  Engine engine;
  const Strings rules = {"allow user 7 80,82", "allow group 7 80,82",
                         "deny any 80,82 on ::1", "allow each 0-9 80+1",
                         "reserve 80,82"};
  for (const std::string &rule : rules)
    ASSERT_EQ(engine.insert(rule), 0);
  u32 hits = 100;
  for (const std::string &rule : rules) {
    EXPECT_EQ(find(engine.get(), rule)->hits, 0u) << rule;
    const_cast<pacl_atom *>(find(engine.get(), rule))->hits = hits++;
  }
  for (u32 at = 0; at < 300; at++) {
    std::string id = std::to_string(at);
    std::string port = std::to_string(at + 1);
    ASSERT_EQ(engine.insert("allow user 7 " + port), 0);
    ASSERT_EQ(engine.insert("allow group " + id + " 80"), 0);
    ASSERT_EQ(engine.insert("deny any 80 on 10.0.0." +
                            std::to_string(at % 256) + " until " + port),
              0);
    ASSERT_EQ(engine.insert("allow each " + id + "-1000 80+2"), 0);
    ASSERT_EQ(engine.insert("reserve " + port + "/udp"), 0);
  }
  hits = 100;
  for (const std::string &rule : rules)
    EXPECT_EQ(find(engine.get(), rule)->hits, hits++) << rule;
  for (const std::string &rule : rules) {
    ASSERT_EQ(engine.remove(rule), 0);
    ASSERT_EQ(engine.insert(rule), 0);
    EXPECT_EQ(find(engine.get(), rule)->hits, 0u) << rule;
  }
}

// A rule is found in a policy by an atom of another one.
TEST_F(CorePolicy, FindsTheSameRule) {
  const Strings rules = {"allow user 7 80,82",
                         "deny user 7 80,82",
                         "allow user 7 80,82 on ::1 until 9",
                         "allow user 7 80,82 on ::1",
                         "allow group 7 80,82",
                         "deny any 80,82 until 9",
                         "allow each 0-9 80+1",
                         "reserve 80,82"};
  Engine one, other;
  for (const std::string &rule : rules)
    ASSERT_EQ(one.insert(rule), 0);
  for (const std::string &rule : rules) {
    const pacl_atom *atom = find(one.get(), rule);
    EXPECT_EQ(pacl_policy_find(one.get(), atom), atom) << rule;
    EXPECT_EQ(pacl_policy_find(other.get(), atom), nullptr) << rule;
    ASSERT_EQ(other.insert(rule), 0);
    for (u8 at = 0; at < atom->count; at++)
      EXPECT_EQ(pacl_policy_find(other.get(), atom + at),
                find(other.get(), rule))
          << rule;
  }
}

// A refused change inside a transaction does not end it.
TEST_F(CorePolicy, RefusalsInsideATransaction) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow any 80"), 0);
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  EXPECT_EQ(txn.insert("allow any 80"), -EEXIST);
  EXPECT_EQ(txn.insert("allow any 90,100"), 0);
  EXPECT_EQ(txn.insert("allow any 90,100"), -EEXIST);
  EXPECT_EQ(txn.remove("allow any 90"), -ENOENT);
  EXPECT_EQ(txn.remove("allow any 80"), 0);
  EXPECT_EQ(txn.remove("allow any 80"), -ENOENT);
  EXPECT_EQ(txn.insert("allow any 80"), 0);
  EXPECT_EQ(txn.insert("allow user 5 1"), 0);
  EXPECT_EQ(list(txn.policy()),
            Strings({"allow user 5 1", "allow any 80", "allow any 90,100"}));
  EXPECT_EQ(list(engine.get()), Strings({"allow any 80"}));
  engine.commit(txn);
  EXPECT_EQ(list(engine.get()),
            Strings({"allow user 5 1", "allow any 80", "allow any 90,100"}));
}

TEST_F(CorePolicy, CommitOfNothing) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow any 80,443"), 0);
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  engine.commit(txn);
  EXPECT_EQ(list(engine.get()), Strings({"allow any 80,443"}));
  EXPECT_EQ(engine.get()->rule_count, 2u);
}

TEST_F(CorePolicy, CommitKeepsTheMode) {
  pacl_policy *policy = pacl_policy_new();
  policy->mode = PACL_MODE_PERMISSIVE;
  Engine engine(policy);
  ASSERT_EQ(engine.insert("allow any 80"), 0);
  EXPECT_EQ(engine.get()->mode, PACL_MODE_PERMISSIVE);
  ASSERT_EQ(engine.remove("allow any 80"), 0);
  EXPECT_EQ(engine.get()->mode, PACL_MODE_PERMISSIVE);
}

TEST_F(CorePolicy, PileIsEmptyAfterwards) {
  pacl_policy *base = pacl_policy_new();
  Transaction txn;
  ASSERT_EQ(txn.begin(base), 0);
  ASSERT_EQ(txn.insert("allow any 80"), 0);
  pacl_pile stale = {};
  Engine engine(txn.commit(&stale));
  EXPECT_NE(stale.first, nullptr) << "the base belongs there";
  pacl_pile_free(&stale);
  EXPECT_EQ(stale.first, nullptr);
  pacl_pile_free(&stale);
}

TEST_F(CorePolicy, NewPolicyHasNoStaleParts) {
  Transaction txn;
  ASSERT_EQ(txn.begin(nullptr), 0);
  ASSERT_EQ(txn.insert("allow any 80"), 0);
  ASSERT_EQ(txn.insert("allow any 90"), 0);
  ASSERT_EQ(txn.remove("allow any 80"), 0);
  pacl_pile stale = {};
  Engine engine(txn.commit(&stale));
  EXPECT_EQ(stale.first, nullptr);
  EXPECT_EQ(list(engine.get()), Strings({"allow any 90"}));
  EXPECT_EQ(engine.get()->mode, PACL_MODE_ENFORCE);
}

TEST_F(CorePolicy, AbortOfANewPolicy) {
  Transaction txn;
  ASSERT_EQ(txn.begin(nullptr), 0);
  for (u32 uid = 0; uid < 500; uid++)
    ASSERT_EQ(txn.insert(user_rule(uid, 443, 444)), 0);
  EXPECT_EQ(list(txn.policy()).size(), 500u);
  txn.abort();
}

TEST_F(CorePolicy, AbortLeavesTheBase) {
  Engine engine;
  for (const char *rule : {"allow user 7 80,443", "allow group 7 80",
                           "allow any 8080", "allow each 1-9 9000+10"})
    ASSERT_EQ(engine.insert(rule), 0);
  Strings before = list(engine.get());
  size_t live = engine_alloc::live();
  Transaction txn;
  for (unsigned round = 0; round < 3; round++) {
    ASSERT_EQ(txn.begin(engine.get()), 0);
    ASSERT_EQ(txn.insert("allow user 7 81"), 0);
    ASSERT_EQ(txn.remove("allow user 7 80,443"), 0);
    ASSERT_EQ(txn.remove("allow each 1-9 9000+10"), 0);
    ASSERT_EQ(txn.insert("allow any 1-65535"), 0);
    EXPECT_EQ(list(engine.get()), before);
    txn.abort();
    EXPECT_EQ(list(engine.get()), before);
    EXPECT_EQ(engine.get()->rule_count, 5u);
    EXPECT_EQ(engine_alloc::live(), live);
  }
}

// The listing depends on the set alone ------------------------------------

TEST_F(CorePolicy, OrderOfTheListing) {
  // Already in order: kind, id (of users the lowest ten bits first), allow
  // before deny, both with terms behind those without, protocol, ports. Of
  // ports that begin alike the widest range comes first, then the terms, then
  // the shorter list, then the other ranges.
  Strings sorted = {
      "allow user 65536 1",
      "allow user 16777216 1",
      "allow user 2147483648 1",
      "allow user 5 1-65535",
      "allow user 5 2",
      "allow user 5 80-90",
      "allow user 5 80-89",
      "allow user 5 80",
      "allow user 5 80,9000",
      "allow user 5 80,443,500",
      "allow user 5 80,444,500",
      "allow user 5 443",
      "allow user 5 80/tcp",
      "allow user 5 79/udp",
      "allow user 5 1/sctp",
      "deny user 5 1",
      "allow user 5 1 on ::/0",
      "deny user 5 1 until 1",
      "allow user 1029 1",
      "allow user 6 1",
      "allow user 255 1",
      "allow user 256 1",
      "allow user 4294967294 1",
      "allow user 65535 1",
      "allow user 2147483647 1",
      "allow group 0 443",
      "allow group 5 80",
      "allow group 1024 80",
      "allow group 65536 1",
      "allow any 1",
      "allow any 255",
      "allow any 256",
      "allow any 32767",
      "allow any 32768",
      "allow any 65535",
      "allow any 80/tcp",
      "deny any 1",
      "deny any 80",
      "deny any 80/tcp",
      "allow any 1 on ::/0",
      "allow any 80-90 on ::1",
      "allow any 80,90 until 4",
      "allow any 80,91 until 4",
      "allow any 80 until 5",
      "allow any 80,89 until 5",
      "allow any 80 until 4294967296",
      "allow any 80 on ::/0",
      "allow any 80 on ::/0 until 5",
      "allow any 80 on ::/95",
      "allow any 80 on ::/96",
      "allow any 80 on 0.0.0.0/0",
      "allow any 80 on 2001:db8::/96",
      "allow any 80 on ::",
      "allow any 80 on ::1",
      "allow any 80,88 on ::1",
      "allow any 80 on ::1 until 4",
      "allow any 80 on ::a01:203",
      "allow any 80 on 10.1.2.3",
      "allow any 80 on 10.1.2.4",
      "allow any 80 on 2001:db8::",
      "allow any 79/tcp on ::1",
      "deny any 1 until 1",
      "deny any 1 on ::1",
      "deny any 1/udp until 1",
      "allow each 5-9 80+1",
      "allow each 5-9 81+1",
      "allow each 5-9 80+1/udp",
      "allow each 6-9 80+1",
      "allow each 1024-1025 80+1",
      "reserve 1",
      "reserve 80-90",
      "reserve 80",
      "reserve 80,90",
      "reserve 80/tcp",
  };
  RuleSet model;
  for (const std::string &rule : sorted)
    model.insert(rule_of(rule));
  ASSERT_EQ(list(model), sorted);
  std::mt19937 random(1);
  Strings order = sorted;
  for (unsigned round = 0; round < 50; round++) {
    std::ranges::shuffle(order, random);
    Engine engine;
    for (const std::string &rule : order)
      ASSERT_EQ(engine.insert(rule), 0) << rule;
    ASSERT_EQ(list(engine.get()), sorted);
  }
}

// All orders of going in, then all orders of going out.
TEST_F(CorePolicy, EveryPermutation) {
  const Strings rules = {"allow user 7 80,443",      "allow user 7 80",
                         "allow user 7 80,443,8080", "allow user 7 70-90/tcp",
                         "allow group 7 80",         "deny user 7 80 until 9"};
  std::vector<unsigned> order(rules.size());
  std::iota(order.begin(), order.end(), 0);
  Strings canonical;
  do {
    RuleSet model;
    Engine engine;
    for (unsigned at : order) {
      ASSERT_EQ(engine.insert(rules[at]), 0);
      model.insert(rule_of(rules[at]));
      ASSERT_EQ(list(engine.get()), list(model));
    }
    Strings listed = list(engine.get());
    if (canonical.empty())
      canonical = listed;
    ASSERT_EQ(listed, canonical);
    for (unsigned at : order) {
      ASSERT_EQ(engine.remove(rules[at]), 0);
      model.erase(rule_of(rules[at]));
      ASSERT_EQ(list(engine.get()), list(model));
    }
  } while (std::ranges::next_permutation(order).found);
}

// Many rules that share a range -------------------------------------------

TEST_F(CorePolicy, ManyRulesShareARange) {
  Engine engine;
  RuleSet model;
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  for (unsigned port = 1000; port < 4000; port++) {
    pacl_rule rule = rule_of("allow user 7 80,443," + std::to_string(port));
    ASSERT_EQ(txn.insert(rule), 0);
    model.insert(rule);
  }
  engine.commit(txn);
  EXPECT_EQ(list(engine.get()), list(model));
  EXPECT_EQ(engine.get()->rule_count, 9000u);
  // As long as one is left, 80 is granted, and by one that is there.
  Random random(shapes[0], 7);
  while (!model.empty()) {
    pacl_rule rule = random.pick(model);
    ASSERT_EQ(engine.remove(rule), 0);
    model.erase(rule);
    for (u16 port : {u16{80}, u16{443}, u16{81}, rule.range[2].lo})
      ASSERT_TRUE(agree(engine.get(), model, {.uid = 7, .port = port}));
    if (model.size() % 500 == 0) {
      ASSERT_EQ(list(engine.get()), list(model));
    }
  }
  EXPECT_EQ(engine.get()->rule_count, 0u);
}

TEST_F(CorePolicy, RulesThatDifferInTheLastItemOnly) {
  std::string head = "allow user 7 ";
  for (unsigned item = 0; item < PACL_MAX_ITEMS - 1; item++)
    head += std::to_string(100 + 2 * item) + ',';
  Engine engine;
  RuleSet model;
  for (unsigned last = 0; last < 40; last++) {
    pacl_rule rule = rule_of(head + std::to_string(1000 + last));
    ASSERT_EQ(engine.insert(rule), 0);
    ASSERT_EQ(engine.insert(rule), -EEXIST);
    model.insert(rule);
    rule = rule_of(head + "1000-" + std::to_string(2000 + last));
    ASSERT_EQ(engine.insert(rule), 0);
    model.insert(rule);
  }
  // The head of them all, without a last item.
  head.pop_back();
  ASSERT_EQ(engine.remove(head), -ENOENT);
  ASSERT_EQ(engine.insert(head), 0);
  model.insert(rule_of(head));
  EXPECT_EQ(list(engine.get()), list(model));
  EXPECT_EQ(engine.get()->rule_count, model.atoms());
  for (const pacl_rule &rule : RuleSet(model)) {
    ASSERT_EQ(engine.remove(rule), 0);
    model.erase(rule);
    ASSERT_EQ(list(engine.get()), list(model));
    ASSERT_TRUE(agree(engine.get(), model, {.uid = 7, .port = 100}));
    ASSERT_TRUE(agree(engine.get(), model, {.uid = 7, .port = 1001}));
  }
}

TEST_F(CorePolicy, SameRangeForManySubjects) {
  Engine engine;
  RuleSet model;
  for (u32 id = 0; id < 300; id++)
    for (const char *head : {"allow user ", "allow group "}) {
      pacl_rule rule = rule_of(head + std::to_string(id) + " 80-90/tcp");
      ASSERT_EQ(engine.insert(rule), 0);
      model.insert(rule);
    }
  for (u32 lo = 0; lo < 300; lo++) {
    pacl_rule rule = rule_of("allow each " + std::to_string(lo) + '-' +
                             std::to_string(lo + 3) + " 80+3");
    ASSERT_EQ(engine.insert(rule), 0);
    model.insert(rule);
  }
  EXPECT_EQ(list(engine.get()), list(model));
  for (const pacl_rule &rule : RuleSet(model)) {
    ASSERT_EQ(engine.remove(rule), 0);
    model.erase(rule);
  }
  EXPECT_EQ(list(engine.get()), Strings());
}

// Random changes -----------------------------------------------------------

class CorePolicyShapes : public EngineTest,
                         public testing::WithParamInterface<Shape> {};

INSTANTIATE_TEST_SUITE_P(, CorePolicyShapes, testing::ValuesIn(shapes),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST_P(CorePolicyShapes, FollowsTheModel) {
  for (uint64_t seed = 1; seed <= 3; seed++) {
    SCOPED_TRACE(seed);
    Random random(GetParam(), seed);
    Engine engine;
    RuleSet model;
    for (unsigned round = 0; round < 60; round++) {
      Transaction txn;
      ASSERT_EQ(txn.begin(engine.get()), 0);
      RuleSet next = model;
      next.now = random.clock();
      txn.set_now(next.now);
      next.strict = random.below(2);
      txn.settings()->strict = next.strict;
      for (u32 change = 1 + random.below(8); change; change--) {
        bool known = !next.empty() && random.below(3) == 0;
        pacl_rule rule = known ? random.pick(next) : random.rule();
        if (random.below(5) < 3) {
          bool added = next.insert(rule).second;
          ASSERT_EQ(txn.insert(rule), added ? 0 : -EEXIST) << text_of(rule);
        } else {
          bool removed = next.erase(rule);
          ASSERT_EQ(txn.remove(rule), removed ? 0 : -ENOENT) << text_of(rule);
        }
      }
      ASSERT_EQ(list(txn.policy()), list(next));
      ASSERT_EQ(list(engine.get()), list(model));
      if (random.below(5) == 0) {
        txn.abort();
      } else {
        engine.commit(txn);
        model = next;
      }
      ASSERT_EQ(list(engine.get()), list(model));
      ASSERT_TRUE(counts_agree(engine.get(), model));
      // Both sides know the same ends.
      ASSERT_TRUE(agree(engine.get(), model, random.request(model)));
    }
  }
}

// A policy that was built and one that has come there on many detours answer
// alike.
TEST_P(CorePolicyShapes, BuiltAndGrownAreAlike) {
  Random random(GetParam(), 11);
  Engine grown;
  RuleSet model;
  for (unsigned round = 0; round < 300; round++) {
    pacl_rule rule = random.rule();
    if (model.insert(rule).second) {
      ASSERT_EQ(grown.insert(rule), 0);
    }
    if (random.below(3) == 0) {
      rule = random.pick(model);
      ASSERT_EQ(grown.remove(rule), 0);
      model.erase(rule);
    }
  }
  Transaction txn;
  ASSERT_EQ(txn.begin(nullptr), 0);
  for (const pacl_rule &rule : model)
    ASSERT_EQ(txn.insert(rule), 0);
  pacl_pile stale = {};
  Engine built(txn.commit(&stale));
  EXPECT_EQ(list(built.get()), list(model));
  EXPECT_EQ(list(grown.get()), list(model));
  for (unsigned round = 0; round < 2000; round++) {
    Request request = random.request(model);
    ASSERT_TRUE(agree(built.get(), model, request));
    ASSERT_TRUE(agree(grown.get(), model, request));
  }
}

// Old generations stay what they were until their pile is freed.
TEST_P(CorePolicyShapes, FiftyGenerationsAtOnce) {
  constexpr unsigned generations = 50;
  Random random(GetParam(), 5);
  std::vector<pacl_policy *> policies = {pacl_policy_new()};
  std::vector<RuleSet> models(1);
  std::vector<pacl_pile> piles;
  while (policies.size() < generations) {
    Transaction txn;
    ASSERT_EQ(txn.begin(policies.back()), 0);
    RuleSet next = models.back();
    for (u32 change = 1 + random.below(12); change; change--) {
      pacl_rule rule = random.rule();
      if (next.insert(rule).second) {
        ASSERT_EQ(txn.insert(rule), 0);
      }
      if (random.below(3) == 0) {
        rule = random.pick(next);
        ASSERT_EQ(txn.remove(rule), 0);
        next.erase(rule);
      }
    }
    if (random.below(4) == 0)
      continue; // aborted
    piles.emplace_back();
    policies.push_back(txn.commit(&piles.back()));
    models.push_back(std::move(next));
  }
  for (unsigned freed = 0; freed < generations; freed++) {
    for (unsigned at = freed; at < generations; at++) {
      if (freed % 10 == 0 || at == freed) {
        ASSERT_EQ(list(policies[at]), list(models[at]))
            << "generation " << at << ", " << freed << " freed";
      }
      for (unsigned asked = 0; asked < 10; asked++)
        ASSERT_TRUE(agree(policies[at], models[at], random.request(models[at])))
            << "generation " << at << ", " << freed << " freed";
    }
    if (freed < piles.size())
      pacl_pile_free(&piles[freed]);
  }
  pacl_policy_free(policies.back());
}

// Readers need no lock: nothing that a published policy consists of is written
// to, not while its successor is made, nor when that is committed or aborted.
// That a rule has ended is the one thing which is noted there; here none does.
TEST_P(CorePolicyShapes, PublishedMemoryIsNeverWritten) {
  Random random(GetParam(), 3);
  engine_alloc::use_freezable_pages();
  pacl_policy *base = pacl_policy_new();
  RuleSet model;
  for (unsigned round = 0; round < 200; round++) {
    pacl_rule rule = random.rule();
    Transaction txn;
    ASSERT_EQ(txn.begin(base), 0);
    if (!model.insert(rule).second)
      continue;
    ASSERT_EQ(txn.insert(rule), 0);
    pacl_pile stale = {};
    base = txn.commit(&stale);
    pacl_pile_free(&stale);
  }
  engine_alloc::freeze();

  auto change = [&](Transaction &txn, RuleSet &next, unsigned changes) {
    for (unsigned at = 0; at < changes; at++) {
      pacl_rule rule = random.rule();
      if (next.insert(rule).second) {
        ASSERT_EQ(txn.insert(rule), 0);
      }
      rule = random.pick(next);
      ASSERT_EQ(txn.remove(rule), 0);
      next.erase(rule);
    }
  };
  for (unsigned round = 0; round < 20; round++) {
    RuleSet next = model;
    Transaction txn;
    ASSERT_EQ(txn.begin(base), 0);
    change(txn, next, 1 + round * 10);
    for (unsigned asked = 0; asked < 20; asked++) {
      Request request = random.request(model);
      request.now = {0, 0};
      ASSERT_TRUE(agree(base, model, request));
    }
    ASSERT_EQ(list(txn.policy()), list(next));
  }
  RuleSet next = model;
  Transaction txn;
  ASSERT_EQ(txn.begin(base), 0);
  change(txn, next, 150);
  pacl_pile stale = {};
  pacl_policy *policy = txn.commit(&stale);
  EXPECT_EQ(list(base), list(model));
  EXPECT_EQ(list(policy), list(next));
  pacl_pile_free(&stale);
  EXPECT_EQ(list(policy), list(next));
  // Now nobody reads any of it: to free it may write.
  engine_alloc::thaw();
  pacl_policy_free(policy);
  engine_alloc::release_pages();
}

// Failing allocations ------------------------------------------------------

struct Change {
  bool insert;
  pacl_rule rule;
};

std::vector<Change> batch_for(Random &random, const RuleSet &model,
                              RuleSet &next) {
  std::vector<Change> batch;
  next = model;
  while (batch.size() < 12) {
    pacl_rule rule = random.rule();
    if (next.insert(rule).second)
      batch.push_back({true, rule});
    rule = random.pick(next);
    if (random.below(2)) {
      next.erase(rule);
      batch.push_back({false, rule});
    }
    if (batch.size() < 6 && !model.empty() && next.contains(*model.begin())) {
      next.erase(*model.begin());
      batch.push_back({false, *model.begin()});
    }
  }
  return batch;
}

// Runs a batch; -ENOMEM as soon as something answers so.
int run_batch(Transaction &txn, const pacl_policy *base,
              const std::vector<Change> &batch) {
  int err = txn.begin(base);
  for (const Change &change : batch) {
    if (err)
      break;
    err = change.insert ? txn.insert(change.rule) : txn.remove(change.rule);
  }
  return err;
}

void fail_everywhere(const pacl_policy *base, const RuleSet &model,
                     const std::vector<Change> &batch, const RuleSet &next,
                     void (*fail)(uint64_t)) {
  const size_t live = engine_alloc::live();
  const Strings before = list(model);
  for (uint64_t n = 1;; n++) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    ASSERT_LT(n, 10000u) << "the batch never succeeds";
    Transaction txn;
    fail(n);
    int err = run_batch(txn, base, batch);
    if (err) {
      bool failed = engine_alloc::stop_failing();
      ASSERT_EQ(err, -ENOMEM);
      ASSERT_TRUE(failed);
      txn.abort();
      ASSERT_EQ(engine_alloc::live(), live);
      if (base) {
        ASSERT_EQ(list(base), before);
      }
      continue;
    }
    // The commit may not fail, with or without memory.
    ASSERT_EQ(list(txn.policy()), list(next));
    if (!base) {
      pacl_pile stale = {};
      Engine engine(txn.commit(&stale));
      engine_alloc::stop_failing();
      ASSERT_EQ(list(engine.get()), list(next));
    } else {
      txn.abort();
      engine_alloc::stop_failing();
      ASSERT_EQ(list(base), before);
    }
    ASSERT_EQ(engine_alloc::live(), live);
    ASSERT_GT(n, batch.size() / 2) << "too few allocations to be true";
    return;
  }
}

TEST_P(CorePolicyShapes, EveryAllocationFails) {
  // Long lists make many allocations.
  const bool long_lists = GetParam().max_items > 8;
  const uint64_t seeds = long_lists ? 1 : 3;
  const unsigned rules = long_lists ? 8 : 40;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    SCOPED_TRACE(seed);
    Random random(GetParam(), seed);
    Engine engine;
    RuleSet model;
    for (unsigned at = 0; at < rules; at++) {
      pacl_rule rule = random.rule();
      if (model.insert(rule).second) {
        ASSERT_EQ(engine.insert(rule), 0);
      }
    }
    RuleSet next;
    std::vector<Change> batch = batch_for(random, model, next);
    for (auto fail : {engine_alloc::fail_at, engine_alloc::fail_from}) {
      fail_everywhere(engine.get(), model, batch, next, fail);
      if (HasFatalFailure())
        return;
    }
    // The same from nothing, in place, with enough rules for wide nodes.
    std::vector<Change> all;
    for (const pacl_rule &rule : model)
      all.push_back({true, rule});
    RuleSet built;
    batch = batch_for(random, model, built);
    batch.insert(batch.begin(), all.begin(), all.end());
    for (auto fail : {engine_alloc::fail_at, engine_alloc::fail_from}) {
      fail_everywhere(nullptr, {}, batch, built, fail);
      if (HasFatalFailure())
        return;
    }
  }
}

// Failing to remove from the second index of a policy built in place.
TEST_F(CorePolicy, RemovalInPlaceFails) {
  for (const char *rule :
       {"allow group 3 83", "allow each 3-3 83+1", "allow group 3 83,90,97/tcp",
        "deny group 3 83", "deny group 3 83,90 on ::1 until 5",
        "reserve 83,90"}) {
    SCOPED_TRACE(rule);
    std::string text = rule;
    std::vector<Change> batch;
    RuleSet next;
    for (unsigned id = 0; id < 8; id++) {
      for (pacl_rule other : {rule_of("allow group " + std::to_string(id) +
                                      ' ' + std::to_string(80 + id)),
                              rule_of("allow each " + std::to_string(id) + '-' +
                                      std::to_string(id) + ' ' +
                                      std::to_string(80 + id) + "+1")}) {
        batch.push_back({true, other});
        next.insert(other);
      }
    }
    if (next.insert(rule_of(text)).second)
      batch.push_back({true, rule_of(text)});
    batch.push_back({false, rule_of(text)});
    next.erase(rule_of(text));
    fail_everywhere(nullptr, {}, batch, next, engine_alloc::fail_at);
    if (HasFatalFailure())
      return;
  }
}

// One rule of 64 ranges fails half-way at every step.
TEST_F(CorePolicy, LongRuleFailsHalfWay) {
  std::string text = "allow group 7 ";
  for (unsigned item = 0; item < PACL_MAX_ITEMS; item++)
    text += (item ? "," : "") + std::to_string(100 + 700 * item);
  for (bool in_place : {false, true}) {
    Engine engine;
    ASSERT_EQ(engine.insert("allow group 7 100,800"), 0);
    RuleSet model = {rule_of("allow group 7 100,800")};
    RuleSet next = model;
    next.insert(rule_of(text));
    std::vector<Change> batch = {{true, rule_of(text)}};
    if (in_place) {
      next.erase(next.begin());
      RuleSet only = {rule_of(text)};
      fail_everywhere(nullptr, {}, batch, only, engine_alloc::fail_at);
    } else {
      fail_everywhere(engine.get(), model, batch, next, engine_alloc::fail_at);
    }
    if (HasFatalFailure())
      return;
  }
}

// One change of each sort fails at each allocation, made in place and beside a
// base that others read.
TEST_F(CorePolicy, EverySortOfRuleFails) {
  const Strings known = {"allow user 7 80,443", "allow group 7 80,443",
                         "allow any 80,443", "allow each 0-9 80+10"};
  const Strings sorts = {"deny user 7 80,443",
                         "deny group 7 80,443/tcp",
                         "deny any 80,443",
                         "reserve 80,443",
                         "allow user 7 80,443 on 10.0.0.0/8",
                         "allow group 7 80,443 until 50",
                         "deny any 80,443 on ::1 until 50",
                         "deny group 7 80,443,500 on ::/0"};
  for (const std::string &sort : sorts) {
    SCOPED_TRACE(sort);
    Engine engine;
    RuleSet model;
    std::vector<Change> all;
    for (const std::string &rule : known) {
      ASSERT_EQ(engine.insert(rule), 0);
      model.insert(rule_of(rule));
      all.push_back({true, rule_of(rule)});
    }
    for (auto fail : {engine_alloc::fail_at, engine_alloc::fail_from}) {
      RuleSet next = model;
      next.insert(rule_of(sort));
      std::vector<Change> insert = {{true, rule_of(sort)}};
      fail_everywhere(engine.get(), model, insert, next, fail);
      // There and away again, in one transaction.
      std::vector<Change> both = {{true, rule_of(sort)},
                                  {false, rule_of(sort)}};
      fail_everywhere(engine.get(), model, both, model, fail);
      std::vector<Change> in_place = all;
      in_place.push_back(insert[0]);
      fail_everywhere(nullptr, {}, in_place, next, fail);
      in_place.push_back(both[1]);
      fail_everywhere(nullptr, {}, in_place, model, fail);
      if (HasFatalFailure())
        return;
    }
    ASSERT_EQ(engine.insert(sort), 0);
    RuleSet with = model;
    with.insert(rule_of(sort));
    for (auto fail : {engine_alloc::fail_at, engine_alloc::fail_from}) {
      std::vector<Change> remove = {{false, rule_of(sort)}};
      fail_everywhere(engine.get(), with, remove, model, fail);
      if (HasFatalFailure())
        return;
    }
  }
}

// A commit works although not one byte is left.
TEST_F(CorePolicy, CommitNeedsNoMemory) {
  Engine engine;
  for (u32 uid = 0; uid < 100; uid++)
    ASSERT_EQ(engine.insert(user_rule(uid, 80, 90)), 0);
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  for (u32 uid = 0; uid < 100; uid += 2)
    ASSERT_EQ(txn.remove(user_rule(uid, 80, 90)), 0);
  ASSERT_EQ(txn.insert("allow each 0-99 1000+100"), 0);
  engine_alloc::fail_from(1);
  engine.commit(txn);
  EXPECT_FALSE(engine_alloc::stop_failing());
  EXPECT_EQ(list(engine.get()).size(), 51u);
}

TEST_F(CorePolicy, NewFailsWithoutMemory) {
  engine_alloc::fail_at(1);
  EXPECT_EQ(pacl_policy_new(), nullptr);
  EXPECT_TRUE(engine_alloc::stop_failing());
}

// Limits -------------------------------------------------------------------

TEST_F(CorePolicy, MaxRules) {
  Transaction txn;
  ASSERT_EQ(txn.begin(nullptr), 0);
  for (u32 uid = 0; uid < PACL_MAX_RULES - 2; uid++)
    ASSERT_EQ(txn.insert(user_rule(uid, 443, 443)), 0);
  pacl_pile stale = {};
  Engine engine(txn.commit(&stale));
  ASSERT_EQ(engine.get()->rule_count, PACL_MAX_RULES - 2u);

  // A rule of three does not fit into two, and leaves nothing behind.
  size_t live = engine_alloc::live();
  EXPECT_EQ(engine.insert("allow any 1,3,5"), -ENOSPC);
  EXPECT_EQ(engine.get()->rule_count, PACL_MAX_RULES - 2u);
  EXPECT_EQ(engine_alloc::live(), live);

  ASSERT_EQ(txn.begin(engine.get()), 0);
  EXPECT_EQ(txn.insert("allow any 1,3,5"), -ENOSPC);
  EXPECT_EQ(txn.insert("allow any 1"), 0); // limit - 1
  EXPECT_EQ(txn.policy()->rule_count, PACL_MAX_RULES - 1u);
  EXPECT_EQ(txn.insert("allow any 3,5"), -ENOSPC);
  EXPECT_EQ(txn.insert("allow any 3"), 0); // limit
  EXPECT_EQ(txn.policy()->rule_count, u32{PACL_MAX_RULES});
  EXPECT_EQ(txn.insert("allow any 5"), -ENOSPC); // limit + 1
  EXPECT_EQ(txn.insert("allow any 3"), -EEXIST);
  EXPECT_EQ(txn.insert(user_rule(77, 443, 443)), -EEXIST);
  EXPECT_EQ(txn.policy()->rule_count, u32{PACL_MAX_RULES});
  engine.commit(txn);

  EXPECT_EQ(engine.insert("allow each 5-9 80+1"), -ENOSPC);
  EXPECT_EQ(engine.remove(user_rule(77, 443, 443)), 0);
  EXPECT_EQ(engine.insert("allow each 5-9 80+1"), 0);
  EXPECT_EQ(engine.get()->rule_count, u32{PACL_MAX_RULES});
  EXPECT_EQ(engine.insert("allow any 5"), -ENOSPC);

  // All of them are listed.
  u32 rules = 0;
  for (const pacl_atom *atom = pacl_policy_next(engine.get(), nullptr); atom;
       atom = pacl_policy_next(engine.get(), atom))
    rules++;
  EXPECT_EQ(rules, u32{PACL_MAX_RULES});
}

// Denies, reservations and rules with terms count as all others do.
TEST_F(CorePolicy, MaxRulesOfEverySort) {
  Transaction txn;
  ASSERT_EQ(txn.begin(nullptr), 0);
  for (u32 at = 0; at < PACL_MAX_RULES - 2; at++) {
    pacl_rule rule = user_rule(at / 2, 443, 443);
    rule.action = at % 2 ? PACL_DENY : PACL_ALLOW;
    ASSERT_EQ(txn.insert(rule), 0);
  }
  for (const char *sort :
       {"deny any 1,3", "reserve 1,3", "allow any 1,3 on ::1",
        "deny group 5 1,3 until 7", "allow group 5 1,3 on ::1 until 7"}) {
    SCOPED_TRACE(sort);
    std::string longer = sort;
    longer.replace(longer.find("1,3"), 3, "1,3,5");
    EXPECT_EQ(txn.insert(longer), -ENOSPC);
    ASSERT_EQ(txn.insert(sort), 0);
    EXPECT_EQ(txn.policy()->rule_count, u32{PACL_MAX_RULES});
    EXPECT_EQ(txn.insert("reserve 9"), -ENOSPC);
    EXPECT_EQ(txn.insert(sort), -EEXIST);
    ASSERT_EQ(txn.remove(sort), 0);
    ASSERT_EQ(txn.insert("reserve 9"), 0); // limit - 1
    EXPECT_EQ(txn.insert(sort), -ENOSPC);
    ASSERT_EQ(txn.remove("reserve 9"), 0);
  }
}

TEST_F(CorePolicy, MaxEach) {
  auto each = [](u32 nth) {
    std::string id = std::to_string(nth);
    return "allow each " + id + "-" + id + " 443+1";
  };
  Engine engine;
  for (u32 nth = 0; nth < PACL_MAX_EACH - 1; nth++)
    ASSERT_EQ(engine.insert(each(nth)), 0);
  EXPECT_EQ(engine.insert(each(PACL_MAX_EACH - 1)), 0);
  EXPECT_EQ(engine.insert(each(PACL_MAX_EACH)), -ENOSPC);
  EXPECT_EQ(engine.insert(each(7)), -EEXIST);
  EXPECT_EQ(engine.insert("allow user 5 443"), 0);
  EXPECT_EQ(engine.remove(each(7)), 0);
  EXPECT_EQ(engine.insert(each(PACL_MAX_EACH)), 0);
  EXPECT_EQ(engine.get()->each_count, u32{PACL_MAX_EACH});
}

} // namespace
