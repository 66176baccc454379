// SPDX-License-Identifier: GPL-2.0-only
// suggest: refusals become rules to review.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/policy.h"
#include "lib/rule_files.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class SuggestTest : public ToolTest {
protected:
  struct Bind {
    int port = 443;
    std::string transport = "tcp";
    unsigned uid = 1002;
    std::string address = "0.0.0.0";
    std::string program = "\"python3\"";
    bool permissive = false;
    uint64_t time = 1700000000;
  };
  void refuse(const Bind &bind) {
    events.add(fmt::format("portacl: {}: op=bind verdict=no_rule permissive={} "
                           "rule=\"\" proto={} laddr={} lport={} uid={} "
                           "gid=1002 auid=4294967295 pid=812 comm={}",
                           bind.permissive ? "would be refused" : "refused",
                           bind.permissive ? 1 : 0, bind.transport,
                           bind.address, bind.port, bind.uid, bind.program),
               bind.time);
  }
  std::string suggest() {
    const Outcome outcome = run_tool({"suggest"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(kernel.writes.size(), 0U);
    EXPECT_FALSE(root.exists(local));
    return outcome.out;
  }
  // What it prints is a policy file.
  std::vector<std::string> rules() {
    Names names(root.path());
    RuleReader reader(names, NameRecord());
    reader.read("suggested", suggest());
    const RuleFiles files = reader.take();
    EXPECT_EQ(files.errors.size(), 0U);
    return files.numeric();
  }
};

TEST_F(SuggestTest, ARuleToReview) {
  refuse({});
  refuse({.time = 1700000100});
  refuse({.program = "\"nc\"", .time = 1700000050});
  EXPECT_THAT(
      suggest(),
      HasSubstr("\n# refused 3 times, last 2023-11-14T22:15:00Z, by nc, "
                "python3\nallow user eve 443/tcp\n"));
  EXPECT_TRUE(events.asked.this_boot);
}

TEST_F(SuggestTest, ListsBySubjectAndProtocol) {
  refuse({.port = 443});
  refuse({.port = 80});
  refuse({.port = 53, .transport = "udp"});
  refuse({.port = 22, .uid = 1001});
  refuse({.port = 81, .uid = 1002});
  refuse({.port = 82, .transport = "sctp"});
  refuse({.port = 83, .transport = "dccp"});
  EXPECT_THAT(rules(),
              ElementsAre("allow user 1001 22/tcp", "allow user 1002 83",
                          "allow user 1002 80-81,443/tcp",
                          "allow user 1002 53/udp", "allow user 1002 82/sctp"));
}

TEST_F(SuggestTest, WithoutProtocolWhereBothWereTried) {
  refuse({.port = 443});
  refuse({.port = 443, .transport = "udp"});
  refuse({.port = 80});
  EXPECT_THAT(rules(),
              ElementsAre("allow user 1002 443", "allow user 1002 80/tcp"));
}

TEST_F(SuggestTest, Addresses) {
  refuse({.port = 80, .address = "192.0.2.1"});
  refuse({.port = 443, .address = "192.0.2.1"});
  refuse({.port = 443, .address = "::"});
  refuse({.port = 53, .transport = "udp", .address = "2001:db8::1"});
  // That of all addresses covers one of them.
  EXPECT_THAT(rules(), ElementsAre("allow user 1002 443/tcp",
                                   "allow user 1002 80/tcp on 192.0.2.1",
                                   "allow user 1002 53/udp on 2001:db8::1"));
  EXPECT_THAT(suggest(), HasSubstr("# refused 2 times"));
}

TEST_F(SuggestTest, AnotherProtocolIsNotCovered) {
  refuse({.port = 443, .transport = "udp", .address = "192.0.2.1"});
  refuse({.port = 443, .address = "::"});
  EXPECT_THAT(rules(), ElementsAre("allow user 1002 443/tcp",
                                   "allow user 1002 443/udp on 192.0.2.1"));
}

TEST_F(SuggestTest, NotWhatIsAllowedByNow) {
  kernel.rules = {"allow user 1002 443/tcp", "allow group 8 25"};
  refuse({.port = 443});
  refuse({.port = 25}); // eve is in the group
  refuse({.port = 443, .transport = "udp"});
  refuse({.port = 8080}); // was reserved, and is free now
  EXPECT_THAT(rules(), ElementsAre("allow user 1002 443/udp"));
}

TEST_F(SuggestTest, WhatIsReservedOrStrict) {
  kernel.rules = {"reserve 8080"};
  refuse({.port = 8080});
  kernel.fixed["strict"] = "1\n";
  refuse({.port = 80, .uid = 0});
  EXPECT_THAT(rules(),
              ElementsAre("allow user 0 80/tcp", "allow user 1002 8080/tcp"));
}

TEST_F(SuggestTest, ADenyIsNamed) {
  kernel.rules = {"deny any 443"};
  refuse({});
  refuse({.port = 443, .transport = "udp"});
  EXPECT_THAT(rules(), ElementsAre());
  EXPECT_THAT(suggest(),
              HasSubstr("\n# refused 2 times, last 2023-11-14T22:13:20Z, by "
                        "python3: user eve (uid 1002) on 443\n"));
  EXPECT_THAT(suggest(), HasSubstr("#   portaclctl remove deny any 443\n"));
}

TEST_F(SuggestTest, PermissiveCounts) {
  kernel.fixed["mode"] = "permissive\n";
  refuse({.permissive = true});
  EXPECT_THAT(rules(), ElementsAre("allow user 1002 443/tcp"));
}

TEST_F(SuggestTest, TrustedPorts) {
  refuse({.port = 600});
  refuse({.port = 80, .uid = 1001});
  const std::string out = suggest();
  EXPECT_THAT(out, HasSubstr("ports 512-1023\nallow user eve 600/tcp\n"));
  EXPECT_THAT(out, HasSubstr("by python3\nallow user web 80/tcp\n"));
}

TEST_F(SuggestTest, AScan) {
  for (int port = 1; port <= 1023; port++)
    refuse({.port = port});
  EXPECT_THAT(rules(), ElementsAre("allow user 1002 1-1023/tcp"));
  EXPECT_THAT(suggest(), HasSubstr("# 1023 ports of one user"));
}

TEST_F(SuggestTest, MoreItemsThanARuleMayHave) {
  for (int port = 1; port <= 2 * PACL_MAX_ITEMS + 1; port++)
    refuse({.port = 2 * port});
  const auto list = rules();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(rule_from_text(list[0]).count, PACL_MAX_ITEMS);
  EXPECT_EQ(rule_from_text(list[1]).count, PACL_MAX_ITEMS);
  EXPECT_EQ(list[2], fmt::format("allow user 1002 {}/tcp",
                                 2 * (2 * PACL_MAX_ITEMS + 1)));
}

TEST_F(SuggestTest, EveryAddressOfANetwork) {
  for (int i = 0; i < 200; i++)
    refuse({.address = fmt::format("127.0.0.{}", i)});
  EXPECT_EQ(rules().size(), 16U);
  EXPECT_THAT(suggest(), HasSubstr("(uid 1002) was refused on 184 single "
                                   "addresses more"));
}

TEST_F(SuggestTest, HostileNames) {
  refuse({.program = "0a616c6c6f7720616e7920310a"}); // "\nallow any 1\n"
  refuse({.uid = 1004});
  refuse({.uid = 77777});
  EXPECT_THAT(rules(),
              ElementsAre("allow user 1002 443/tcp", "allow user 1004 443/tcp",
                          "allow user 77777 443/tcp"));
  EXPECT_THAT(suggest(), HasSubstr("allow user \"domain users\" 443/tcp\n"));
  EXPECT_THAT(suggest(), HasSubstr("allow user 77777 443/tcp # unresolved\n"));
}

TEST_F(SuggestTest, ManyPrograms) {
  for (const char *name : {"\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\""})
    refuse({.program = name});
  EXPECT_THAT(suggest(), HasSubstr("by a, b, c and 2 more\n"));
}

TEST_F(SuggestTest, SaysThatRecordsAreLost) {
  events.add("portacl: no rule: 6 callbacks suppressed");
  events.add("portacl: refused: 1 callbacks suppressed");
  // These may be anybody's, and reach other logs.
  events.add("kauditd_printk_skb: 100 callbacks suppressed");
  EXPECT_THAT(suggest(), HasSubstr("\n# 7 more were not recorded"));
}

TEST_F(SuggestTest, Nothing) {
  EXPECT_THAT(rules(), ElementsAre());
  EXPECT_THAT(suggest(), HasSubstr("# No rule to suggest.\n"));
  EXPECT_EQ(run_tool({"suggest", "--no-legend"}).out, "");
}

TEST_F(SuggestTest, WithoutTheModule) {
  kernel.loaded = false;
  root.write(vendor, "allow eve 443/tcp\n");
  refuse({});
  refuse({.port = 80});
  const Outcome outcome = run_tool({"suggest"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("allow user eve 80/tcp\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("443")));
  EXPECT_THAT(outcome.err, HasSubstr("not loaded"));
}

TEST_F(SuggestTest, InJson) {
  kernel.rules = {"deny any 25"};
  refuse({});
  refuse({.port = 25});
  const Json json = Json::parse(run_tool({"--json", "suggest"}).out)["suggest"];
  ASSERT_EQ(json["rules"].size(), 1U);
  EXPECT_EQ(json["rules"][0]["rule"], "allow user eve 443/tcp");
  EXPECT_EQ(json["rules"][0]["uid"], 1002);
  EXPECT_EQ(json["rules"][0]["refused"], 1);
  EXPECT_EQ(json["rules"][0]["last"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(json["rules"][0]["programs"], Json({"python3"}));
  EXPECT_EQ(json["denied"][0]["denied_by"]["rule"], "deny any 25");
  EXPECT_EQ(json["denied"][0]["user"], "eve");
  EXPECT_EQ(json["denied"][0]["ports"][0]["first"], 25);
  EXPECT_EQ(json["left_out"], Json::array());
  EXPECT_EQ(json["lost"], 0);
}

} // namespace
} // namespace portacl
