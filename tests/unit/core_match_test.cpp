// SPDX-License-Identifier: GPL-2.0-only
// Verdicts, against the words of the design and against a linear scan.

#include "engine_test.h"

#include <algorithm>
#include <numeric>

namespace {

class CoreMatch : public EngineTest {
protected:
  void allow(std::string_view text) {
    ASSERT_EQ(engine_.insert(text), 0) << text;
    model_.insert(rule_of(text));
  }
  bool granted(const Request &request) {
    EXPECT_TRUE(agree(engine_.get(), model_, request));
    pacl_request view = request.view();
    const pacl_atom *why;
    return pacl_match(engine_.get(), &view, &why) == PACL_GRANT;
  }

  Engine engine_;
  RuleSet model_;
};

TEST_F(CoreMatch, EmptyPolicyGrantsNothing) {
  for (u32 port = 0; port < 65536; port++)
    ASSERT_FALSE(granted({.uid = 1000, .port = static_cast<u16>(port)}));
}

TEST_F(CoreMatch, OnlyThatPort) {
  allow("allow user 1000 443");
  for (u32 port = 0; port < 65536; port++)
    ASSERT_EQ(granted({.uid = 1000, .port = static_cast<u16>(port)}),
              port == 443)
        << port;
}

TEST_F(CoreMatch, OnlyThatUser) {
  allow("allow user 1000 443");
  for (u32 uid : {0u, 1u, 443u, 999u, 1001u, 2000u, 66536u, 65535u, 2147484648u,
                  4294967294u, 4294967295u})
    EXPECT_FALSE(granted({.uid = uid, .port = 443})) << uid;
  EXPECT_TRUE(granted({.uid = 1000, .port = 443}));
}

TEST_F(CoreMatch, AUserIsNotAGroup) {
  allow("allow user 1000 443");
  allow("allow group 2000 80");
  EXPECT_FALSE(granted({.gid = 1000, .groups = {1000}, .port = 443}));
  EXPECT_FALSE(granted({.uid = 2000, .port = 80}));
}

TEST_F(CoreMatch, Ranges) {
  allow("allow user 1000 80-90,443,65530-65535");
  for (u32 port = 0; port < 65536; port++)
    ASSERT_EQ(granted({.uid = 1000, .port = static_cast<u16>(port)}),
              (port >= 80 && port <= 90) || port == 443 || port >= 65530)
        << port;
}

TEST_F(CoreMatch, EveryPort) {
  allow("allow user 1000 1-65535");
  for (u32 port = 0; port < 65536; port++)
    ASSERT_EQ(granted({.uid = 1000, .port = static_cast<u16>(port)}),
              port != 0);
}

TEST_F(CoreMatch, PortZeroNever) {
  allow("allow user 1000 1-65535");
  allow("allow group 1000 1-65535");
  allow("allow any 1-65535");
  allow("allow each 0-9 1+6553");
  for (u8 proto = 0; proto < PACL_PROTOS; proto++)
    for (u32 uid : {0u, 9u, 1000u})
      EXPECT_FALSE(granted({.uid = uid,
                            .gid = 1000,
                            .groups = {1000},
                            .port = 0,
                            .proto = proto}));
}

TEST_F(CoreMatch, Transports) {
  allow("allow user 1 80");
  allow("allow user 2 80/tcp");
  allow("allow user 3 80/udp");
  allow("allow user 4 80/sctp");
  allow("allow group 1 81");
  allow("allow group 2 81/tcp");
  allow("allow group 3 81/udp");
  allow("allow group 4 81/sctp");
  allow("allow each 1-1 82+1");
  allow("allow each 2-2 82+1/tcp");
  allow("allow each 3-3 82+1/udp");
  allow("allow each 4-4 82+1/sctp");
  for (u32 id = 1; id <= 4; id++)
    for (u8 proto = 0; proto < PACL_PROTOS; proto++) {
      bool expected = id == 1 || id - 1 == proto;
      EXPECT_EQ(granted({.uid = id, .port = 80, .proto = proto}), expected);
      EXPECT_EQ(granted({.gid = id, .port = 81, .proto = proto}), expected);
      EXPECT_EQ(granted({.groups = {id}, .port = 81, .proto = proto}),
                expected);
      EXPECT_EQ(granted({.uid = id, .port = 82, .proto = proto}), expected);
    }
}

TEST_F(CoreMatch, AnyWithAndWithoutTransport) {
  allow("allow any 80");
  allow("allow any 81/tcp");
  allow("allow any 82/udp");
  allow("allow any 83/sctp");
  for (u16 port = 79; port <= 84; port++)
    for (u8 proto = 0; proto < PACL_PROTOS; proto++)
      EXPECT_EQ(granted({.uid = 5, .port = port, .proto = proto}),
                port == 80 || (port != 84 && port - 80 == proto));
}

TEST_F(CoreMatch, Groups) {
  allow("allow group 25 587");
  EXPECT_TRUE(granted({.gid = 25, .port = 587}));
  EXPECT_TRUE(granted({.groups = {25}, .port = 587}));
  EXPECT_TRUE(granted({.groups = {1, 25, 99}, .port = 587}));
  EXPECT_TRUE(granted({.groups = {1, 24, 25}, .port = 587}));
  EXPECT_TRUE(granted({.groups = {25, 25, 25}, .port = 587}));
  EXPECT_FALSE(granted({.groups = {1, 24, 26, 99}, .port = 587}));
  EXPECT_FALSE(granted({.gid = 24, .groups = {24, 26}, .port = 587}));
  EXPECT_FALSE(granted({.uid = 25, .port = 587}));
}

TEST_F(CoreMatch, ManySupplementaryGroups) {
  allow("allow group 300000 443");
  allow("allow group 4294967294 80");
  allow("allow group 0 81");
  for (u32 count : {1u, 2u, 3u, 4u, 255u, 256u, 257u, 65535u, 65536u}) {
    SCOPED_TRACE(count);
    Request request = {.gid = 7, .groups = std::vector<u32>(count)};
    std::iota(request.groups.begin(), request.groups.end(), 1000);
    for (u16 port : {u16{443}, u16{80}, u16{81}}) {
      request.port = port;
      EXPECT_FALSE(granted(request));
    }
    Request with = request;
    with.groups.back() = 300000;
    with.port = 443;
    EXPECT_TRUE(granted(with));
    with.groups.back() = 4294967294;
    with.port = 80;
    EXPECT_TRUE(granted(with));
    with = request;
    with.groups.front() = 0;
    with.port = 81;
    EXPECT_TRUE(granted(with));
  }
}

// Each of 65,536 groups in turn is the one that has the rule.
TEST_F(CoreMatch, EveryPlaceInTheGroupArray) {
  allow("allow group 500000 443");
  std::vector<u32> groups(65536);
  for (u32 at = 0; at < groups.size(); at++)
    groups[at] = 2 * at + (2 * at >= 500000);
  for (u32 at = 0; at < groups.size(); at += at % 1024 < 3 ? 1 : 37) {
    Request request = {.gid = 1, .groups = groups, .port = 443};
    for (u32 &group : request.groups)
      group = group < groups[at] ? group : group + 500000 - groups[at];
    pacl_request view = request.view();
    ASSERT_EQ(request.groups[at], 500000u);
    const pacl_atom *why;
    ASSERT_EQ(pacl_match(engine_.get(), &view, &why), PACL_GRANT) << at;
    request.groups[at]--;
    ASSERT_EQ(pacl_match(engine_.get(), &view, &why), PACL_DEFAULT) << at;
    ASSERT_EQ(why, nullptr);
  }
}

TEST_F(CoreMatch, ManyGroupsShareAPort) {
  for (u32 gid = 0; gid < 1000; gid += 2)
    allow("allow group " + std::to_string(gid) + " 443");
  Request odd = {.gid = 999, .port = 443};
  for (u32 gid = 1; gid < 1000; gid += 2)
    odd.groups.push_back(gid);
  EXPECT_FALSE(granted(odd));
  for (u32 gid = 0; gid < 1000; gid += 2) {
    Request one = odd;
    one.groups.insert(std::ranges::lower_bound(one.groups, gid), gid);
    ASSERT_TRUE(granted(one)) << gid;
  }
}

TEST_F(CoreMatch, EachUidHasItsOwnPorts) {
  allow("allow each 1000-1009 20000+10");
  for (u32 uid = 995; uid < 1015; uid++)
    for (u32 port = 19980; port < 20120; port++)
      ASSERT_EQ(granted({.uid = uid, .port = static_cast<u16>(port)}),
                uid >= 1000 && uid <= 1009 && port >= 20000 &&
                    (port - 20000) / 10 == uid - 1000)
          << uid << ' ' << port;
}

TEST_F(CoreMatch, EachAtTheEdges) {
  allow("allow each 0-65534 1+1");
  for (u32 uid : {0u, 1u, 32767u, 65533u, 65534u}) {
    EXPECT_TRUE(granted({.uid = uid, .port = static_cast<u16>(uid + 1)}));
    EXPECT_FALSE(granted({.uid = uid, .port = static_cast<u16>(uid)}));
    EXPECT_FALSE(granted({.uid = uid, .port = static_cast<u16>(uid + 2)}));
    EXPECT_FALSE(
        granted({.uid = uid + 65536, .port = static_cast<u16>(uid + 1)}));
  }
  EXPECT_FALSE(granted({.uid = 65535, .port = 65535}));
  EXPECT_FALSE(granted({.uid = 4294967295, .port = 1}));
}

TEST_F(CoreMatch, EachWithTheHighestUids) {
  allow("allow each 4294967290-4294967294 60000+1000/udp");
  for (u32 uid : {4294967289u, 4294967290u, 4294967294u, 4294967295u, 0u, 1u})
    for (u32 port = 59999; port < 65536; port++)
      ASSERT_EQ(granted({.uid = uid,
                         .port = static_cast<u16>(port),
                         .proto = PACL_PROTO_UDP}),
                uid >= 4294967290 && uid != 4294967295 && port >= 60000 &&
                    (port - 60000) / 1000 == uid - 4294967290);
}

TEST_F(CoreMatch, EachWithEveryPort) {
  allow("allow each 7-7 1+65535");
  EXPECT_TRUE(granted({.uid = 7, .port = 1}));
  EXPECT_TRUE(granted({.uid = 7, .port = 65535}));
  EXPECT_FALSE(granted({.uid = 8, .port = 1}));
  EXPECT_FALSE(granted({.uid = 6, .port = 65535}));
}

// `each` speaks of uids: no group matches it.
TEST_F(CoreMatch, EachIsNotForGroups) {
  allow("allow each 1000-1009 20000+10");
  EXPECT_FALSE(
      granted({.uid = 5, .gid = 1003, .groups = {1003}, .port = 20030}));
}

TEST_F(CoreMatch, OverlappingEach) {
  allow("allow each 1000-1099 20000+10");
  allow("allow each 1050-1149 20000+10");
  allow("allow each 1000-1999 20000+1");
  allow("allow each 1000-1999 20005+2/udp");
  for (u32 uid = 990; uid < 1160; uid++)
    for (u32 port = 19995; port < 21100; port += 3)
      ASSERT_TRUE(agree(engine_.get(), model_,
                        {.uid = uid,
                         .port = static_cast<u16>(port),
                         .proto = static_cast<u8>(1 + port % 2)}));
}

TEST_F(CoreMatch, NestedRanges) {
  for (u32 at = 1; at <= 200; at++)
    allow("allow user 1000 " + std::to_string(20 * at) + '-' +
          std::to_string(65536 - 17 * at));
  for (u32 port = 0; port < 65536; port += 5)
    ASSERT_TRUE(agree(engine_.get(), model_,
                      {.uid = 1000, .port = static_cast<u16>(port)}));
  // From the widest to the narrowest.
  while (!model_.empty()) {
    ASSERT_EQ(engine_.remove(*model_.begin()), 0);
    model_.erase(model_.begin());
    for (u32 port = 10; port < 65536; port += 1009)
      ASSERT_TRUE(agree(engine_.get(), model_,
                        {.uid = 1000, .port = static_cast<u16>(port)}));
  }
}

// A wide range behind many narrow ones that begin later, and the other way
// round: the nearest range below a port is not always the one that holds it.
TEST_F(CoreMatch, WideRangeBehindNarrowOnes) {
  allow("allow user 7 100-60000");
  for (u32 port = 200; port < 20000; port += 100)
    allow("allow user 7 " + std::to_string(port));
  for (u32 port = 50; port < 65536; port += 13)
    ASSERT_EQ(granted({.uid = 7, .port = static_cast<u16>(port)}),
              port >= 100 && port <= 60000);
}

TEST_F(CoreMatch, TheRuleThatDecided) {
  allow("allow user 1000 80,443,1000-2000/tcp");
  pacl_request request = Request{.uid = 1000, .port = 443}.view();
  const pacl_atom *why = nullptr;
  ASSERT_EQ(pacl_match(engine_.get(), &request, &why), PACL_GRANT);
  ASSERT_NE(why, nullptr);
  pacl_rule rule;
  pacl_atom_rule(why, &rule);
  EXPECT_EQ(text_of(rule), "allow user 1000 80,443,1000-2000/tcp");
}

// The same answer, whatever lies behind the request in memory.
TEST_F(CoreMatch, NoGroupsAtAll) {
  allow("allow group 25 587");
  pacl_request request = {nullptr, 0, 1000, 1000, 587, PACL_PROTO_TCP};
  const pacl_atom *why;
  EXPECT_EQ(pacl_match(engine_.get(), &request, &why), PACL_DEFAULT);
  request.gid = 25;
  EXPECT_EQ(pacl_match(engine_.get(), &request, &why), PACL_GRANT);
}

// Mode off leaves everything to the kernel; permissive grants as enforce does.
TEST_F(CoreMatch, Modes) {
  const pacl_request request = Request{.uid = 1000, .port = 443}.view();
  for (u8 mode : {PACL_MODE_ENFORCE, PACL_MODE_PERMISSIVE, PACL_MODE_OFF}) {
    pacl_policy *policy = pacl_policy_new();
    policy->mode = mode;
    Engine engine(policy);
    ASSERT_EQ(engine.insert("allow user 1000 443"), 0);
    const pacl_atom *why = nullptr;
    EXPECT_EQ(pacl_match(engine.get(), &request, &why) == PACL_GRANT,
              mode != PACL_MODE_OFF);
    EXPECT_EQ(why != nullptr, mode != PACL_MODE_OFF);
  }
}

// A clear bit says that no rule names the port, a rule's port never has one;
// once everything is removed no bit is left.
TEST_F(CoreMatch, Governed) {
  Engine engine;
  auto governed = [&](u16 port) { return pacl_governed(engine.get(), port); };
  EXPECT_FALSE(governed(443));
  ASSERT_EQ(engine.insert("allow user 1 443,1000-1200"), 0);
  ASSERT_EQ(engine.insert("allow each 5-9 64000+300"), 0);
  for (u32 port = 0; port < 65536; port++) {
    ASSERT_EQ(governed(static_cast<u16>(port)),
              port == 443 || (port >= 1000 && port <= 1200) ||
                  (port >= 64000 && port < 65500))
        << port;
  }
  ASSERT_EQ(engine.remove("allow user 1 443,1000-1200"), 0);
  EXPECT_TRUE(governed(64000));
  EXPECT_TRUE(governed(65499));
  ASSERT_EQ(engine.remove("allow each 5-9 64000+300"), 0);
  EXPECT_FALSE(governed(443));
  EXPECT_FALSE(governed(64000));
}

// Ports that removed rules have left governed do not stay so for ever.
TEST_F(CoreMatch, GovernedIsClearedAgain) {
  Engine engine;
  ASSERT_EQ(engine.insert("allow any 80"), 0);
  for (u16 port = 1000; port < 1010; port++) {
    ASSERT_EQ(engine.insert(user_rule(7, port, port)), 0);
    ASSERT_EQ(engine.remove(user_rule(7, port, port)), 0);
  }
  unsigned left = 0;
  for (u16 port = 1000; port < 1010; port++)
    left += pacl_governed(engine.get(), port);
  EXPECT_LE(left, 2u);
  EXPECT_TRUE(pacl_governed(engine.get(), 80));
}

// A match allocates nothing.
TEST_F(CoreMatch, AllocatesNothing) {
  allow("allow group 25 587");
  allow("allow each 0-99 1000+10");
  uint64_t calls = engine_alloc::calls();
  pacl_request request = Request{.uid = 7, .gid = 25, .port = 587}.view();
  const pacl_atom *why;
  ASSERT_EQ(pacl_match(engine_.get(), &request, &why), PACL_GRANT);
  request.port = 588;
  ASSERT_EQ(pacl_match(engine_.get(), &request, &why), PACL_DEFAULT);
  EXPECT_EQ(engine_alloc::calls(), calls);
}

class CoreMatchShapes : public EngineTest,
                        public testing::WithParamInterface<Shape> {};

INSTANTIATE_TEST_SUITE_P(, CoreMatchShapes, testing::ValuesIn(shapes),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

// Grows, then shrinks to nothing; asks after every change.
TEST_P(CoreMatchShapes, AgreesWithTheReference) {
  for (uint64_t seed = 1; seed <= 4; seed++) {
    SCOPED_TRACE(seed);
    Random random(GetParam(), seed);
    Engine engine;
    RuleSet model;
    unsigned asked[2] = {};
    const unsigned rounds = 160;
    for (unsigned round = 0; round < rounds || !model.empty(); round++) {
      bool grow = random.below(rounds) > round / 2;
      if (round >= rounds)
        grow = false;
      if (grow || model.empty()) {
        pacl_rule rule = random.rule();
        bool added = model.insert(rule).second;
        ASSERT_EQ(engine.insert(rule), added ? 0 : -EEXIST);
      } else {
        pacl_rule rule = random.pick(model);
        model.erase(rule);
        ASSERT_EQ(engine.remove(rule), 0);
      }
      for (unsigned at = 0; at < 40; at++) {
        Request request = random.request(model);
        ASSERT_TRUE(agree(engine.get(), model, request))
            << "round " << round << ", " << model.size() << " rules";
        pacl_request view = request.view();
        const pacl_atom *why;
        asked[pacl_match(engine.get(), &view, &why)]++;
      }
    }
    // Both answers were given often enough to mean something.
    EXPECT_GT(asked[PACL_GRANT], 500u);
    EXPECT_GT(asked[PACL_DEFAULT], 500u);
  }
}

// Every port for a few policies of many rules.
TEST_P(CoreMatchShapes, EveryPortOfAPolicy) {
  Random random(GetParam(), 9);
  Engine engine;
  RuleSet model;
  Transaction txn;
  ASSERT_EQ(txn.begin(engine.get()), 0);
  for (unsigned at = 0; at < 60; at++) {
    pacl_rule rule = random.rule();
    if (model.insert(rule).second) {
      ASSERT_EQ(txn.insert(rule), 0);
    }
  }
  engine.commit(txn);
  for (unsigned at = 0; at < 2; at++) {
    Request request = random.request(model);
    request.uid = random.pick(model).id;
    for (u32 port = 0; port < 65536; port++) {
      request.port = static_cast<u16>(port);
      ASSERT_TRUE(agree(engine.get(), model, request));
    }
  }
}

} // namespace
