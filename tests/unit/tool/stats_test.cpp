// SPDX-License-Identifier: GPL-2.0-only
// stats: the module's counters.

#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;

class StatsTest : public ToolTest {};

TEST_F(StatsTest, Counters) {
  const Outcome outcome = run_tool({"stats"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "NAME             COUNT  BINDS\n"
            "granted             12  granted by an allow\n"
            "denied_rule          3  refused by a deny\n"
            "denied_reserved      2  refused because the port is reserved\n"
            "denied_strict        1  refused because of strict\n"
            "passed              30  left to the kernel\n"
            "permissive           4  of these only because of mode permissive\n"
            "no_rule              5  of these to privileged ports without a "
            "rule, which the kernel refused\n"
            "\n"
            "0 rules in force, generation 1; counted since the module was "
            "loaded.\n");
}

TEST_F(StatsTest, RulesByHits) {
  kernel.rules = {"allow user 1001 443", "deny any 80", "reserve 8080"};
  kernel.hits = {{"deny any 80", 12345}, {"allow user 1001 443", 7}};
  const std::string out = run_tool({"stats"}).out;
  EXPECT_THAT(out, HasSubstr("\n HITS  RULE\n"
                             "12345  deny any 80\n"
                             "    7  allow user web 443\n"
                             "\n3 rules in force, "));
  EXPECT_THAT(out, Not(HasSubstr("reserve 8080")));
}

TEST_F(StatsTest, TheFirstTen) {
  for (int port = 1; port <= 12; port++) {
    const std::string rule = "allow any " + std::to_string(port);
    kernel.rules.insert(rule);
    kernel.hits[rule] = static_cast<uint64_t>(port);
  }
  const std::string out = run_tool({"stats"}).out;
  EXPECT_THAT(out, HasSubstr("  12  allow any 12\n"));
  EXPECT_THAT(out, HasSubstr("   3  allow any 3\n"));
  EXPECT_THAT(out, Not(HasSubstr("allow any 2\n")));
}

TEST_F(StatsTest, WithoutLegend) {
  const std::string out = run_tool({"stats", "--no-legend"}).out;
  EXPECT_THAT(out, Not(HasSubstr("NAME")));
  EXPECT_THAT(out, Not(HasSubstr("generation")));
}

TEST_F(StatsTest, InJson) {
  kernel.rules = {"allow user 1001 443", "deny any 80"};
  kernel.hits = {{"deny any 80", 5}};
  const Json json = Json::parse(run_tool({"stats", "--json"}).out)["stats"];
  EXPECT_EQ(json["generation"], 1);
  EXPECT_EQ(json["rules"], 2);
  EXPECT_EQ(json["granted"], 12);
  EXPECT_EQ(json["denied_strict"], 1);
  EXPECT_EQ(json["no_rule"], 5);
  EXPECT_EQ(json["hits"][0]["rule"], "deny any 80");
  EXPECT_EQ(json["hits"][0]["hits"], 5);
  EXPECT_EQ(json["hits"][1]["uid"], 1001);
  EXPECT_EQ(json["hits"][1]["hits"], 0);
}

TEST_F(StatsTest, NotLoaded) {
  kernel.loaded = false;
  const Outcome outcome = run_tool({"stats"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl load"));
}

TEST_F(StatsTest, ACounterThatCannotBeRead) {
  kernel.failing_read = "stats/denied_strict";
  EXPECT_EQ(run_tool({"stats"}).status, 6);
}

} // namespace
} // namespace portacl
