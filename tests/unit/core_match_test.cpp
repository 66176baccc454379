// SPDX-License-Identifier: GPL-2.0-only
// Verdicts, against the words of the design and against a linear scan.

#include "engine_test.h"

#include "core/format.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace {

class CoreMatch : public EngineTest {
protected:
  void add(std::string_view text) {
    ASSERT_EQ(engine_.insert(text), 0) << text;
    model_.insert(rule_of(text));
  }
  void allow(std::string_view text) { add(text); }
  void remove(std::string_view text) {
    ASSERT_EQ(engine_.remove(text), 0) << text;
    model_.erase(rule_of(text));
  }
  void set_mode(u8 mode) {
    model_.mode = mode;
    settle();
  }
  void set_strict(bool strict) {
    model_.strict = strict;
    settle();
  }
  void set_closing(bool closing) {
    model_.closing = closing;
    settle();
  }
  // The time of what is added from now on.
  void set_clock(pacl_clock now) { engine_.now = model_.now = now; }

  // In words, which read well in a failure.
  std::string verdict(const Request &request) {
    pacl_request view = request.view();
    const pacl_atom *why;
    // Then once more, beside the model.
    std::string first =
        pacl_verdict_name(pacl_match(engine_.get(), &view, &why));
    EXPECT_TRUE(agree(engine_.get(), model_, request));
    return first;
  }
  bool granted(const Request &request) { return verdict(request) == "grant"; }
  std::string verdict_on(std::string_view addr, Request request) {
    request.addr = addr_of(addr);
    return verdict(request);
  }

  Engine engine_;
  RuleSet model_;

private:
  void settle() {
    ASSERT_EQ(engine_.set([&](pacl_policy &policy) {
      policy.mode = model_.mode;
      policy.strict = model_.strict;
      policy.closing = model_.closing;
    }),
              0);
    EXPECT_TRUE(counts_agree(engine_.get(), model_));
  }
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
  pacl_request request = {};
  request.uid = request.gid = 1000;
  request.port = 587;
  request.proto = PACL_PROTO_TCP;
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

// The decision, line by line ------------------------------------------------

const Request web = {.uid = 1000, .gid = 100, .groups = {}, .port = 443};
const Request high = {.uid = 1000, .gid = 100, .groups = {}, .port = 8080};

Request privileged(Request request, bool is = true) {
  request.privileged = is;
  return request;
}

// Line 1: port 0 is the kernel's, whatever the rules say.
TEST_F(CoreMatch, PortZeroIsNeverJudged) {
  add("deny any 1-65535");
  add("reserve 1-65535");
  set_strict(true);
  for (bool is : {false, true})
    EXPECT_EQ(verdict(privileged({.uid = 1000, .port = 0}, is)), "default");
  EXPECT_EQ(verdict({.uid = 1000, .port = 1}), "deny");
}

// Line 2: mode off.
TEST_F(CoreMatch, ModeOffJudgesNothing) {
  add("allow user 1000 443");
  add("deny user 1001 443");
  add("reserve 8080");
  set_strict(true);
  set_mode(PACL_MODE_OFF);
  for (u32 uid : {1000u, 1001u, 1002u})
    for (u16 port : {u16{443}, u16{444}, u16{8080}})
      EXPECT_EQ(verdict(privileged({.uid = uid, .port = port})), "default");
  set_mode(PACL_MODE_ENFORCE);
  EXPECT_EQ(verdict({.uid = 1000, .port = 443}), "grant");
  EXPECT_EQ(verdict({.uid = 1001, .port = 443}), "deny");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8080}), "reserved");
}

// Lines 4 to 7 for each set of rules, in each order of insertion, with and
// without strict and privilege.
TEST_F(CoreMatch, EveryLineInEveryOrder) {
  std::vector<std::string> texts = {"allow user 1000 443", "deny group 7 443",
                                    "reserve 443"};
  std::ranges::sort(texts);
  do {
    for (unsigned which = 0; which < 8; which++) {
      Engine engine;
      RuleSet model;
      std::string expected = "default";
      bool has[3] = {};
      for (unsigned at = 0; at < 3; at++) {
        if (!(which >> at & 1))
          continue;
        ASSERT_EQ(engine.insert(texts[at]), 0);
        model.insert(rule_of(texts[at]));
        has[rule_of(texts[at]).action] = true;
      }
      for (bool strict : {false, true}) {
        model.strict = strict;
        ASSERT_EQ(
            engine.set([&](pacl_policy &policy) { policy.strict = strict; }),
            0);
        for (bool is : {false, true}) {
          expected = strict && is ? "strict" : "default";
          if (has[PACL_RESERVE])
            expected = "reserved";
          if (has[PACL_ALLOW])
            expected = "grant";
          if (has[PACL_DENY])
            expected = "deny";
          Request request = {
              .uid = 1000, .gid = 7, .port = 443, .privileged = is};
          pacl_request view = request.view();
          const pacl_atom *why;
          ASSERT_EQ(pacl_verdict_name(pacl_match(engine.get(), &view, &why)),
                    expected);
          ASSERT_TRUE(agree(engine.get(), model, request));
        }
      }
    }
  } while (std::ranges::next_permutation(texts).found);
}

// Line 4.
TEST_F(CoreMatch, ADenyBeatsEveryAllow) {
  for (const char *rule :
       {"allow user 1000 443", "allow group 100 443", "allow group 7 443",
        "allow any 443", "allow each 990-1009 433+1",
        "allow user 1000 1-65535/tcp", "allow any 443 on ::1"})
    add(rule);
  const Request request = {
      .uid = 1000, .gid = 100, .groups = {7, 9}, .port = 443};
  EXPECT_EQ(verdict_on("::1", request), "grant");
  for (const char *rule :
       {"deny user 1000 443", "deny group 100 443", "deny group 7 443",
        "deny group 9 1-65535", "deny any 443", "deny any 443/tcp",
        "deny user 1000 1-65535/tcp", "deny any 443 on ::1",
        "deny group 7 400-500 on ::/0 until 50",
        "deny user 1000 443 until 1"}) {
    SCOPED_TRACE(rule);
    add(rule);
    EXPECT_EQ(verdict_on("::1", request), "deny");
    remove(rule);
    EXPECT_EQ(verdict_on("::1", request), "grant");
  }
}

TEST_F(CoreMatch, ADenyForOthersDoesNothing) {
  add("allow user 1000 443");
  for (const char *rule :
       {"deny user 1001 443", "deny user 100 443", "deny group 1000 443",
        "deny group 8 443", "deny any 442", "deny any 444", "deny any 443/udp",
        "deny user 1000 443/sctp", "deny any 443 on 10.0.0.0/8",
        "deny any 443 on ::2"})
    add(rule);
  EXPECT_EQ(verdict_on("::1", web), "grant");
}

// Unlike an allow, a deny has a meaning above the privileged range.
TEST_F(CoreMatch, ADenyForAnyPort) {
  add("deny user 1000 1,1023-1024,65535");
  for (u32 port = 0; port < 65536; port++)
    ASSERT_EQ(verdict({.uid = 1000, .port = static_cast<u16>(port)}),
              port == 1 || port == 1023 || port == 1024 || port == 65535
                  ? "deny"
                  : "default")
        << port;
}

TEST_F(CoreMatch, DenyTransports) {
  add("deny user 1 80");
  add("deny user 2 80/tcp");
  add("deny user 3 80/udp");
  add("deny user 4 80/sctp");
  for (u32 id = 1; id <= 4; id++)
    for (u8 proto = 0; proto < PACL_PROTOS; proto++)
      EXPECT_EQ(verdict({.uid = id, .port = 80, .proto = proto}) == "deny",
                id == 1 || id - 1 == proto);
}

// Line 6.
TEST_F(CoreMatch, ReservedForAllButTheOwners) {
  add("reserve 8000-8999");
  add("allow user 1000 8080/tcp");
  add("allow group 7 8081");
  add("allow any 8082");
  add("allow each 1000-1009 8100+10");
  EXPECT_EQ(verdict({.uid = 1000, .port = 8080}), "grant");
  EXPECT_EQ(verdict({.uid = 1000, .port = 8080, .proto = PACL_PROTO_UDP}),
            "reserved");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8080}), "reserved");
  EXPECT_EQ(verdict({.uid = 1001, .groups = {7}, .port = 8081}), "grant");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8081}), "reserved");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8082}), "grant");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8110}), "grant");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8109}), "reserved");
  EXPECT_EQ(verdict({.uid = 0, .port = 8500}), "reserved");
  EXPECT_EQ(verdict({.uid = 1000, .port = 7999}), "default");
  EXPECT_EQ(verdict({.uid = 1000, .port = 9000}), "default");
}

TEST_F(CoreMatch, ReservedTransports) {
  add("reserve 80");
  add("reserve 81/tcp");
  add("reserve 82/udp");
  add("reserve 83/sctp");
  for (u16 port = 79; port <= 84; port++)
    for (u8 proto = 0; proto < PACL_PROTOS; proto++)
      EXPECT_EQ(verdict({.uid = 5, .port = port, .proto = proto}) == "reserved",
                port == 80 || (port != 84 && port - 80 == proto));
}

TEST_F(CoreMatch, StrictOnPortsWithoutARule) {
  set_strict(true);
  for (u32 port = 0; port < 65536; port++)
    for (bool is : {false, true})
      ASSERT_EQ(
          verdict(privileged({.uid = 0, .port = static_cast<u16>(port)}, is)),
          is && port ? "strict" : "default")
          << port;
}

// Whether a port is privileged is for the kernel to say: its boundary moves.
TEST_F(CoreMatch, StrictAsksTheKernelWhatIsPrivileged) {
  set_strict(true);
  add("allow user 1000 443,8080");
  for (u16 port : {u16{443}, u16{8080}}) {
    EXPECT_EQ(verdict(privileged({.uid = 1000, .port = port})), "grant");
    EXPECT_EQ(verdict(privileged({.uid = 1001, .port = port})), "strict");
    EXPECT_EQ(verdict(privileged({.uid = 1001, .port = port}, false)),
              "default");
  }
}

TEST_F(CoreMatch, StrictComesBehindReserved) {
  set_strict(true);
  add("reserve 443");
  EXPECT_EQ(verdict(privileged(web)), "reserved");
  remove("reserve 443");
  EXPECT_EQ(verdict(privileged(web)), "strict");
}

TEST_F(CoreMatch, PermissiveHasTheVerdictsOfEnforce) {
  add("allow user 1000 443");
  add("deny user 1001 443");
  add("reserve 8080");
  set_strict(true);
  set_mode(PACL_MODE_PERMISSIVE);
  EXPECT_EQ(verdict(web), "grant");
  EXPECT_EQ(verdict({.uid = 1001, .port = 443}), "deny");
  EXPECT_EQ(verdict(high), "reserved");
  EXPECT_EQ(verdict(privileged({.uid = 1002, .port = 443})), "strict");
}

// While the module goes away nothing is granted any more, and what was refused
// stays so.
TEST_F(CoreMatch, ClosingGrantsNothing) {
  add("allow user 1000 443,444,8080");
  add("allow any 445");
  add("allow group 7 446");
  add("allow each 1000-1009 600+1");
  add("deny user 1000 444");
  add("reserve 8080,8081");
  set_strict(true);
  set_closing(true);
  EXPECT_EQ(verdict(privileged(web)), "default");
  EXPECT_EQ(verdict(privileged({.uid = 1, .port = 445})), "default");
  EXPECT_EQ(verdict(privileged({.uid = 1, .gid = 7, .port = 446})), "default");
  EXPECT_EQ(verdict(privileged({.uid = 1003, .port = 603})), "default");
  EXPECT_EQ(verdict(privileged({.uid = 1000, .port = 444})), "deny");
  EXPECT_EQ(verdict(high), "default");
  EXPECT_EQ(verdict({.uid = 1001, .port = 8080}), "reserved");
  EXPECT_EQ(verdict({.uid = 1000, .port = 8081}), "reserved");
  EXPECT_EQ(verdict(privileged({.uid = 1001, .port = 443})), "strict");
  set_closing(false);
  EXPECT_EQ(verdict(privileged(web)), "grant");
}

TEST_F(CoreMatch, TheRuleThatDecidedByAction) {
  add("allow user 1000 80,443");
  add("deny user 1001 80,443 on 10.0.0.0/8 until 40");
  add("reserve 80,443,8080-8090/tcp");
  struct {
    u32 uid;
    u16 port;
    const char *rule;
  } const table[] = {
      {1000, 443, "allow user 1000 80,443"},
      {1001, 443, "deny user 1001 80,443 on 10.0.0.0/8 until 40"},
      {1002, 8085, "reserve 80,443,8080-8090/tcp"},
  };
  for (const auto &want : table) {
    Request request = {.uid = want.uid, .port = want.port};
    request.addr = addr_of("10.1.2.3");
    pacl_request view = request.view();
    const pacl_atom *why = nullptr;
    pacl_match(engine_.get(), &view, &why);
    ASSERT_NE(why, nullptr) << want.rule;
    pacl_rule rule;
    pacl_atom_rule(why, &rule);
    EXPECT_EQ(text_of(rule), want.rule);
  }
}

// Addresses ------------------------------------------------------------------

// By prefix, the bound addresses that an allow and a deny match.
TEST_F(CoreMatch, BoundAddresses) {
  const std::vector<std::string> bound = {
      "::",          "0.0.0.0",         "10.0.0.0",    "10.1.2.3",
      "10.1.2.2",    "10.255.255.255",  "11.0.0.0",    "255.255.255.255",
      "::1",         "2001:db8::",      "2001:db8::1", "2001:db9::",
      "::10.1.2.3",  "::fffe:10.1.2.3", "0.0.0.1",     "127.0.0.1",
      "::ffff:0:0:1"};
  struct {
    const char *prefix;
    std::set<std::string> allow, deny;
  } const table[] = {
      {"10.1.2.3", {"10.1.2.3"}, {"10.1.2.3", "0.0.0.0", "::"}},
      {"10.1.2.2/31",
       {"10.1.2.3", "10.1.2.2"},
       {"10.1.2.3", "10.1.2.2", "0.0.0.0", "::"}},
      {"10.0.0.0/8",
       {"10.0.0.0", "10.1.2.3", "10.1.2.2", "10.255.255.255"},
       {"10.0.0.0", "10.1.2.3", "10.1.2.2", "10.255.255.255", "0.0.0.0", "::"}},
      {"0.0.0.0", {}, {"0.0.0.0", "::"}},
      {"0.0.0.0/8", {"0.0.0.1"}, {"0.0.0.1", "0.0.0.0", "::"}},
      {"0.0.0.0/1",
       {"0.0.0.1", "10.0.0.0", "10.1.2.3", "10.1.2.2", "10.255.255.255",
        "11.0.0.0", "127.0.0.1"},
       {"0.0.0.1", "10.0.0.0", "10.1.2.3", "10.1.2.2", "10.255.255.255",
        "11.0.0.0", "127.0.0.1", "0.0.0.0", "::"}},
      {"128.0.0.0/1",
       {"255.255.255.255"},
       {"255.255.255.255", "0.0.0.0", "::"}},
      {"0.0.0.0/0",
       {"0.0.0.0", "0.0.0.1", "10.0.0.0", "10.1.2.3", "10.1.2.2",
        "10.255.255.255", "11.0.0.0", "127.0.0.1", "255.255.255.255"},
       {"0.0.0.0", "0.0.0.1", "10.0.0.0", "10.1.2.3", "10.1.2.2",
        "10.255.255.255", "11.0.0.0", "127.0.0.1", "255.255.255.255", "::"}},
      {"::1", {"::1"}, {"::1", "::"}},
      {"::", {}, {"::"}},
      {"::/127", {"::1"}, {"::1", "::"}},
      {"2001:db8::/32",
       {"2001:db8::", "2001:db8::1"},
       {"2001:db8::", "2001:db8::1", "::"}},
      // Not the mapped addresses, which lie inside by their bits.
      {"::/64",
       {"::1", "::10.1.2.3", "::fffe:10.1.2.3", "::ffff:0:0:1"},
       {"::1", "::10.1.2.3", "::fffe:10.1.2.3", "::ffff:0:0:1", "::"}},
      {"::fffe:0:0/95", {"::fffe:10.1.2.3"}, {"::fffe:10.1.2.3", "::"}},
      {"::/0",
       {"::1", "2001:db8::", "2001:db8::1", "2001:db9::", "::10.1.2.3",
        "::fffe:10.1.2.3", "::ffff:0:0:1"},
       {"::1", "2001:db8::", "2001:db8::1", "2001:db9::", "::10.1.2.3",
        "::fffe:10.1.2.3", "::ffff:0:0:1", "::"}},
  };
  for (const auto &want : table) {
    for (bool deny : {false, true}) {
      for (const char *subject : {"user 1000", "group 100", "any"}) {
        std::string rule = std::string(deny ? "deny " : "allow ") + subject +
                           " 443 on " + want.prefix;
        SCOPED_TRACE(rule);
        add(rule);
        std::set<std::string> matched;
        for (const std::string &addr : bound)
          if (verdict_on(addr, web) != "default")
            matched.insert(addr);
        EXPECT_EQ(matched, deny ? want.deny : want.allow);
        remove(rule);
      }
    }
  }
}

TEST_F(CoreMatch, ARuleWithoutAPrefixCoversEveryAddress) {
  add("allow user 1000 443");
  add("deny user 1000 444");
  add("reserve 445");
  for (const char *addr :
       {"::", "0.0.0.0", "::1", "127.0.0.1", "10.1.2.3", "2001:db8::1",
        "::ffff:10.1.2.3", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_EQ(verdict_on(addr, {.uid = 1000, .port = 443}), "grant");
    EXPECT_EQ(verdict_on(addr, {.uid = 1000, .port = 444}), "deny");
    EXPECT_EQ(verdict_on(addr, {.uid = 1000, .port = 445}), "reserved");
  }
}

// A rule whose prefix does not match hides no other one.
TEST_F(CoreMatch, ManyPrefixesForOnePort) {
  for (const char *subject : {"user 1000", "group 100", "any", "group 7"})
    for (unsigned net = 0; net < 256; net++)
      add(std::string("allow ") + subject + " 443 on 10." +
          std::to_string(net) + ".0.0/16");
  add("allow group 7 443 on 192.0.2.1");
  add("allow any 443-444 on 192.0.2.2");
  const Request request = {
      .uid = 1000, .gid = 100, .groups = {3, 7, 9}, .port = 443};
  for (const char *subject : {"user 1000", "group 100", "any"}) {
    for (unsigned net = 0; net < 256; net += 5) {
      std::string host = "10." + std::to_string(net) + ".1.2";
      EXPECT_EQ(verdict_on(host, request), "grant");
      remove(std::string("allow ") + subject + " 443 on 10." +
             std::to_string(net) + ".0.0/16");
      EXPECT_EQ(verdict_on(host, request), "grant");
    }
  }
  EXPECT_EQ(verdict_on("192.0.2.1", request), "grant");
  EXPECT_EQ(verdict_on("192.0.2.2", request), "grant");
  EXPECT_EQ(verdict_on("192.0.2.3", request), "default");
}

TEST_F(CoreMatch, ConditionalAndOtherRulesOfOneSubject) {
  add("allow user 1000 400-500 on 10.0.0.0/8");
  add("allow user 1000 443");
  add("deny user 1000 450-460 on ::1");
  EXPECT_EQ(verdict_on("127.0.0.1", web), "grant");
  EXPECT_EQ(verdict_on("127.0.0.1", {.uid = 1000, .port = 444}), "default");
  EXPECT_EQ(verdict_on("10.1.1.1", {.uid = 1000, .port = 444}), "grant");
  EXPECT_EQ(verdict_on("10.1.1.1", {.uid = 1000, .port = 455}), "grant");
  EXPECT_EQ(verdict_on("::", {.uid = 1000, .port = 455}), "deny");
  EXPECT_EQ(verdict_on("::1", {.uid = 1000, .port = 455}), "deny");
  EXPECT_EQ(verdict_on("::2", {.uid = 1000, .port = 455}), "default");
}

// Ends -----------------------------------------------------------------------

// Inserted at wall 1000, boot 50, until 1100: the deadline is 150.
class CoreMatchEnds : public CoreMatch {
protected:
  void begin(std::string_view rule) {
    set_clock({1000, 50});
    add(rule);
  }
  std::string at(u64 wall, u64 boot) {
    Request request = web;
    request.now = {wall, boot};
    return verdict(request);
  }
};

TEST_F(CoreMatchEnds, AnAllowEndsByTheWallClock) {
  begin("allow user 1000 443 until 1100");
  EXPECT_EQ(at(1000, 50), "grant");
  EXPECT_EQ(at(1099, 50), "grant");
  EXPECT_EQ(at(1100, 50), "default");
}

TEST_F(CoreMatchEnds, AnAllowEndsByTheClockSinceBoot) {
  begin("allow user 1000 443 until 1100");
  EXPECT_EQ(at(1000, 149), "grant");
  EXPECT_EQ(at(1000, 150), "default");
}

TEST_F(CoreMatchEnds, ADenyEndsWhenBothClocksSaySo) {
  begin("deny user 1000 443 until 1100");
  EXPECT_EQ(at(1000, 50), "deny");
  EXPECT_EQ(at(1100, 149), "deny");
  EXPECT_EQ(at(1000000, 149), "deny");
  EXPECT_EQ(at(1099, 150), "deny");
  EXPECT_EQ(at(1099, 1000000), "deny");
  EXPECT_EQ(at(1100, 150), "default");
}

// Seen once, for ever: neither clock brings it back.
TEST_F(CoreMatchEnds, WhatHasEndedStaysSo) {
  begin("allow user 1000 443 until 1100");
  EXPECT_EQ(at(1100, 50), "default");
  EXPECT_EQ(at(1000, 50), "default");
  EXPECT_EQ(at(0, 0), "default");
  remove("allow user 1000 443 until 1100");
  // What is written again is another rule, with an end of its own.
  add("allow user 1000 443 until 1100");
  EXPECT_EQ(at(1000, 50), "grant");
  EXPECT_EQ(at(1000, 150), "default");
  EXPECT_EQ(at(1000, 50), "default");
}

TEST_F(CoreMatchEnds, ADenyThatHasEndedStaysSo) {
  begin("deny user 1000 443 until 1100");
  EXPECT_EQ(at(1100, 150), "default");
  EXPECT_EQ(at(1000, 150), "default");
  EXPECT_EQ(at(1100, 50), "default");
  EXPECT_EQ(at(0, 0), "default");
}

// One clock of a deny at a time is not the end, though each has been there.
TEST_F(CoreMatchEnds, ADenyDoesNotAddUpItsClocks) {
  begin("deny user 1000 443 until 1100");
  EXPECT_EQ(at(1200, 50), "deny");
  EXPECT_EQ(at(1000, 160), "deny");
  EXPECT_EQ(at(1200, 149), "deny");
}

TEST_F(CoreMatchEnds, MatchItselfNotesTheEnd) {
  begin("allow user 1000 443 until 1100");
  Request request = web;
  request.now = {1100, 50};
  pacl_request view = request.view();
  const pacl_atom *why;
  EXPECT_EQ(pacl_match(engine_.get(), &view, &why), PACL_DEFAULT);
  const pacl_atom *atom = find(engine_.get(), "allow user 1000 443 until 1100");
  ASSERT_NE(atom, nullptr);
  EXPECT_EQ(pacl_atom_terms(atom)->ended, 1);
  EXPECT_TRUE(pacl_terms_ended(atom, {1000, 50}));
  model_.note_ends(request.now);
}

TEST_F(CoreMatchEnds, DeadlineOfAnEndAhead) {
  begin("allow user 1000 443 until 1100");
  const pacl_atom *atom = find(engine_.get(), "allow user 1000 443 until 1100");
  ASSERT_NE(atom, nullptr);
  EXPECT_EQ(pacl_atom_terms(atom)->deadline, 150u);
  EXPECT_EQ(pacl_atom_terms(atom)->ended, 0);
  EXPECT_FALSE(pacl_terms_ended(atom, {1099, 149}));
  EXPECT_EQ(pacl_atom_terms(atom)->ended, 0);
}

// What came after its end, or at that moment, has ended, whatever the clocks
// say later.
TEST_F(CoreMatchEnds, DeadlineOfAnEndPast) {
  for (const char *rule : {"allow any 443 until 1", "allow any 443 until 999",
                           "allow any 443 until 1000", "deny any 443 until 1",
                           "deny any 443 until 1000"}) {
    SCOPED_TRACE(rule);
    begin(rule);
    const pacl_atom *atom = find(engine_.get(), rule);
    ASSERT_NE(atom, nullptr);
    EXPECT_EQ(at(0, 0), "default");
    EXPECT_EQ(at(1000, 50), "default");
    remove(rule);
  }
}

TEST_F(CoreMatchEnds, TheLastSecond) {
  begin("allow user 1000 443 until 253402300799");
  EXPECT_EQ(at(253402300798, 50), "grant");
  EXPECT_EQ(at(1000, 253402300798 - 1000 + 50), "grant");
  EXPECT_EQ(at(1000, 253402300799 - 1000 + 50), "default");
  remove("allow user 1000 443 until 253402300799");
  begin("deny user 1000 443 until 253402300799");
  EXPECT_EQ(at(253402300799, 50), "deny");
  EXPECT_EQ(at(~u64{0}, ~u64{0}), "default");
}

// The end is of the rule, not of one of its ranges.
TEST_F(CoreMatchEnds, AListEndsAsAWhole) {
  begin("allow user 1000 80,443,500-600 until 1100");
  Request other = {.uid = 1000, .port = 550, .now = {1100, 50}};
  EXPECT_EQ(verdict(other), "default");
  EXPECT_EQ(at(1000, 50), "default");
}

TEST_F(CoreMatchEnds, BehindWhatHasEndedTheOthersDecide) {
  begin("deny user 1000 443 until 1010");
  add("deny group 100 443 until 1020");
  add("allow user 1000 443 until 1030");
  add("allow any 443 until 1040");
  add("reserve 443");
  EXPECT_EQ(at(1000, 50), "deny");
  EXPECT_EQ(at(1010, 60), "deny");
  EXPECT_EQ(at(1020, 70), "grant");
  EXPECT_EQ(at(1030, 80), "grant");
  EXPECT_EQ(at(1040, 90), "reserved");
  EXPECT_EQ(at(0, 0), "reserved");
}

TEST_F(CoreMatchEnds, GroupsAndAny) {
  for (const char *rule :
       {"allow group 100 443 until 1100", "allow any 443 until 1100",
        "allow group 100 443 on ::/0 until 1100"}) {
    SCOPED_TRACE(rule);
    begin(rule);
    Request request = web;
    request.addr = addr_of("::1");
    request.now = {1099, 149};
    EXPECT_EQ(verdict(request), "grant");
    request.now = {1100, 50};
    EXPECT_EQ(verdict(request), "default");
    request.now = {1000, 50};
    EXPECT_EQ(verdict(request), "default");
    remove(rule);
  }
}

// A successor of the policy has seen what its predecessor has seen.
TEST_F(CoreMatchEnds, TheEndOutlivesAChange) {
  begin("allow user 1000 443 until 1100");
  EXPECT_EQ(at(1100, 50), "default");
  for (u32 uid = 0; uid < 100; uid++)
    add("allow user " + std::to_string(1024 * uid + 1000) + " 80");
  EXPECT_EQ(at(1000, 50), "default");
  set_strict(true);
  EXPECT_EQ(at(1000, 50), "default");
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

// Grows, then shrinks to nothing; asks after every change. Now and then a
// setting changes.
TEST_P(CoreMatchShapes, AgreesWithTheReference) {
  unsigned long asked[PACL_VERDICTS] = {};
  for (uint64_t seed = 1; seed <= 4; seed++) {
    SCOPED_TRACE(seed);
    Random random(GetParam(), seed);
    Engine engine;
    RuleSet model;
    const unsigned rounds = 160;
    for (unsigned round = 0; round < rounds || !model.empty(); round++) {
      bool grow = random.below(rounds) > round / 2;
      if (round >= rounds)
        grow = false;
      engine.now = model.now = random.clock();
      if (random.below(8) == 0) {
        model.strict = random.below(2);
        model.closing = random.below(8) == 0;
        model.mode = PACL_MODE_ENFORCE;
        if (random.below(4) == 0)
          model.mode = static_cast<u8>(random.below(PACL_MODES));
        ASSERT_EQ(engine.set([&](pacl_policy &policy) {
          policy.strict = model.strict;
          policy.closing = model.closing;
          policy.mode = model.mode;
        }),
                  0);
      }
      if (grow || model.empty()) {
        pacl_rule rule = random.rule();
        bool added = model.insert(rule).second;
        ASSERT_EQ(engine.insert(rule), added ? 0 : -EEXIST);
      } else {
        pacl_rule rule = random.pick(model);
        model.erase(rule);
        ASSERT_EQ(engine.remove(rule), 0);
      }
      ASSERT_TRUE(counts_agree(engine.get(), model));
      for (unsigned at = 0; at < 40; at++) {
        Request request = random.request(model);
        pacl_request view = request.view();
        asked[model.verdict(view)]++;
        ASSERT_TRUE(agree(engine.get(), model, request))
            << "round " << round << ", " << model.size() << " rules";
      }
    }
  }
  // Each answer was given often enough to mean something.
  const Shape &shape = GetParam();
  EXPECT_GT(asked[PACL_GRANT], 500u);
  EXPECT_GT(asked[PACL_DEFAULT], 500u);
  EXPECT_GT(asked[PACL_STRICT], 200u);
  if (shape.deny && shape.weight[PACL_EACH] < 5) {
    EXPECT_GT(asked[PACL_DENIED], 100u);
  }
  if (shape.weight[PACL_NOBODY]) {
    EXPECT_GT(asked[PACL_RESERVED], 100u);
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
