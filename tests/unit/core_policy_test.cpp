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
      "allow user 7 80",          "allow user 7 80-81",
      "allow user 7 80,82",       "allow user 7 80,82,84",
      "allow user 7 80,82-85",    "allow user 7 79-80",
      "allow user 7 80/tcp",      "allow user 7 80/udp",
      "allow user 7 80/sctp",     "allow user 8 80",
      "allow group 7 80",         "allow any 80",
      "allow each 7-7 80+1",      "allow each 7-8 80+1",
      "allow each 7-7 80+2",      "allow each 7-8 80+1/tcp",
      "allow user 4294967294 80", "allow group 0 80",
      "allow user 0 80",          "allow user 7 1-65535",
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
  for (const char *part :
       {"allow user 7 80", "allow user 7 443", "allow user 7 80,443,1000",
        "allow user 7 80,443/tcp", "allow group 7 80,443", "allow any 80,443",
        "allow user 7 80-443", "allow user 7 1000", "allow user 7 1000-1999",
        "allow user 7 1001-2000", "allow user 7 1500", "allow user 7 80,442",
        "allow user 8 80,443", "allow each 7-15 3000+10",
        "allow each 7-11 3000+20", "allow user 7 3000-3099",
        "allow each 8-17 3000+10", "allow each 7-106 3000+1"}) {
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
  // Already in order: kind, id (of users the lowest ten bits first), protocol,
  // ports. Of ports that begin alike the widest range comes first, then the
  // shorter list.
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
      "allow each 5-9 80+1",
      "allow each 5-9 81+1",
      "allow each 5-9 80+1/udp",
      "allow each 6-9 80+1",
      "allow each 1024-1025 80+1",
  };
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
                         "allow group 7 80",         "allow each 7-8 80+1"};
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
  EXPECT_EQ(engine.get()->rule_count, atoms_of(model));
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
      ASSERT_EQ(engine.get()->rule_count, atoms_of(model));
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
    for (unsigned asked = 0; asked < 20; asked++)
      ASSERT_TRUE(agree(base, model, random.request(model)));
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
  for (const char *rule : {"allow group 3 83", "allow each 3-3 83+1",
                           "allow group 3 83,90,97/tcp"}) {
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
