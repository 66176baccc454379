// SPDX-License-Identifier: GPL-2.0-only
// stats: the module's counters.

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/fd.h"
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

class PrometheusTest : public StatsTest {
protected:
  std::string metrics() {
    const Outcome outcome = run_tool({"stats", "--prometheus"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  }
};

TEST_F(PrometheusTest, Metrics) {
  kernel.rules = {"allow user 1001 443"};
  kernel.fixed["hooks"] = "__inet_bind attached\n__inet6_bind dead\n";
  const std::string out = metrics();
  for (const char *sample :
       {"portacl_loaded 1",
        "portacl_info{version=\"" PORTACL_VERSION "\"} 1",
        "portacl_mode{mode=\"enforce\"} 1",
        "portacl_mode{mode=\"off\"} 0",
        "portacl_strict 0",
        "portacl_scope{scope=\"init\"} 1",
        "portacl_locked 0",
        "portacl_rules 1",
        "portacl_generation 1",
        "portacl_binds_total{verdict=\"granted\"} 12",
        "portacl_binds_total{verdict=\"denied_rule\"} 3",
        "portacl_binds_total{verdict=\"denied_reserved\"} 2",
        "portacl_binds_total{verdict=\"denied_strict\"} 1",
        "portacl_binds_total{verdict=\"passed\"} 30",
        "portacl_passed_permissive_total 4",
        "portacl_passed_no_rule_total 5",
        "portacl_hook_attached{hook=\"__inet_bind\"} 1",
        "portacl_hook_attached{hook=\"__inet6_bind\"} 0",
        "portacl_file_errors 0",
        "portacl_drift{kind=\"missing\"} 0",
        "portacl_drift{kind=\"foreign\"} 1"})
    EXPECT_THAT(out, HasSubstr("\n" + std::string(sample) + "\n"));
}

TEST_F(PrometheusTest, WithoutTheModule) {
  kernel.loaded = false;
  EXPECT_EQ(metrics(),
            "# HELP portacl_loaded Whether the portacl module is loaded.\n"
            "# TYPE portacl_loaded gauge\nportacl_loaded 0\n");
}

TEST_F(PrometheusTest, FilesWithErrors) {
  root.write(local, "allow nonsense\n");
  const std::string out = metrics();
  EXPECT_THAT(out, HasSubstr("\nportacl_file_errors 1\n"));
  EXPECT_THAT(out, Not(HasSubstr("portacl_drift")));
}

TEST_F(PrometheusTest, LabelsAreEscaped) {
  kernel.fixed["version"] = "1\"\\x\n";
  EXPECT_THAT(metrics(), HasSubstr("{version=\"1\\\"\\\\x\"} 1\n"));
}

TEST_F(PrometheusTest, TheFileIsReplaced) {
  root.write("/out/portacl.prom", "old\n", 0640);
  const std::string file = root.path() + "/out/portacl.prom";
  // Whoever may open the directory must not be able to stop it.
  const UniqueFd lock(open((root.path() + "/out").c_str(), O_RDONLY));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  const Outcome outcome = run_tool({"stats", "--prometheus=" + file});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(root.read("/out/portacl.prom"), metrics());
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0644U);
  EXPECT_EQ(
      std::distance(std::filesystem::directory_iterator(root.path() + "/out"),
                    std::filesystem::directory_iterator()),
      1);
}

TEST_F(PrometheusTest, WhatIsRefused) {
  const auto refused = [this](const std::string &file, int status) {
    const Outcome outcome = run_tool({"stats", "--prometheus=" + file});
    EXPECT_EQ(outcome.status, status) << file << outcome.err;
    EXPECT_NE(outcome.err, "");
  };
  refused(root.path() + "/metrics.txt", 2);
  refused(root.path() + "/.prom", 2);
  refused(root.path() + "/nosuch/portacl.prom", 6);
  std::filesystem::create_directory(root.path() + "/a.prom");
  refused(root.path() + "/a.prom", 6);
  std::filesystem::create_symlink(root.path() + "/etc/passwd",
                                  root.path() + "/b.prom");
  refused(root.path() + "/b.prom", 6);
  EXPECT_EQ(run_tool({"stats", "--prometheus", "--json"}).status, 2);
  kernel.fixed["abi"] = "999\n";
  refused(root.path() + "/c.prom", 3);
  EXPECT_FALSE(root.exists("/c.prom"));
}

} // namespace
} // namespace portacl
