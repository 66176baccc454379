// SPDX-License-Identifier: GPL-2.0-only
// status, list, query and version, with a kernel.

#include <nlohmann/json.hpp>

#include "tool_test.h"
#include "version.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class StatusTest : public ToolTest {};
class ListTest : public ToolTest {};
class QueryTest : public ToolTest {};

TEST_F(StatusTest, IsWhatHappensWithoutACommand) {
  kernel.rules = {"allow user 1001 443"};
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out,
              StartsWith("portacl " PORTACL_VERSION
                         ", module loaded (abi 1), mode enforce\n"
                         "Policy   generation 1, 1 rule; 1 in 1 file\n"));
  EXPECT_THAT(outcome.out, HasSubstr("hooks __inet_bind __inet6_bind\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nDrift    none\n"));
}

TEST_F(StatusTest, ShowsDrift) {
  kernel.rules = {"allow user 1001 443", "allow any 80"};
  kernel.fixed["hooks"] = "__inet_bind attached\n__inet6_bind detached\n";
  root.write(local, "allow web 443\nallow eve 22\nallow eve 23\n");
  const Outcome outcome = run_tool({"status"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("Drift    2 rules of the files not in force, 1 rule in "
                        "force but in no file\n"));
  EXPECT_THAT(outcome.out, HasSubstr("__inet6_bind (detached)"));
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl load"));
}

TEST_F(StatusTest, NotLoaded) {
  kernel.loaded = false;
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"status"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.out, HasSubstr("1 rule in 1 file, not in force"));
}

TEST_F(StatusTest, AnotherAbi) {
  kernel.fixed["abi"] = "2\n";
  const Outcome outcome = run_tool({"status"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.err, HasSubstr("speaks ABI 2, this tool 1"));
}

TEST_F(StatusTest, InJson) {
  kernel.rules = {"allow user 1001 443", "allow any 80"};
  root.write(local, "allow web 443\nallow eve 22\n");
  const Json json = Json::parse(run_tool({"--json", "status"}).out);
  EXPECT_EQ(json["portacl"]["schema"], 1);
  const Json &status = json["status"];
  EXPECT_EQ(status["loaded"], true);
  EXPECT_EQ(status["generation"], 1);
  EXPECT_EQ(status["granted"], 12);
  EXPECT_EQ(status["hooks"][1]["name"], "__inet6_bind");
  EXPECT_EQ(status["drift"]["missing"][0]["uid"], 1002);
  EXPECT_EQ(status["drift"]["foreign"][0]["subject"], "any");
}

TEST_F(ListTest, ShowsTheKernelWithOrigins) {
  kernel.rules = {"allow user 1001 443", "allow group 8 25/tcp",
                  "allow user 77 80"};
  root.write(local, "allow web https\n");
  root.write(vendor, "allow group mail 25/tcp\n");
  const Outcome outcome = run_tool({"list"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "ACTION  SUBJECT     PORTS   FILE\n"
            "allow   group mail  25/tcp  # " +
                root.path() + vendor +
                ":1\n"
                "allow   user web    443     # " +
                root.path() + local +
                ":1\n"
                "allow   user 77     80      # (kernel only) (unresolved)\n"
                "\n3 rules listed.\n");
}

TEST_F(ListTest, RulesCanBeReadBack) {
  kernel.rules = {"allow user 1001 443", "allow user 77 80",
                  "allow user 1004 81", "allow each 5-9 2000+3"};
  EXPECT_EQ(run_tool({"list", "--format=rules"}).out,
            "allow each 5-9 2000+3\n"
            "allow user web 443\n"
            "allow user \"domain users\" 81\n"
            "allow user 77 80 # unresolved\n");
  EXPECT_EQ(run_tool({"list", "--format=rules", "--numeric"}).out,
            "allow each 5-9 2000+3\n"
            "allow user 1001 443\n"
            "allow user 1004 81\n"
            "allow user 77 80\n");
  // What is printed is a policy file that means the same.
  const auto before = kernel.rules;
  root.write(local, run_tool({"list", "--no-legend"}).out);
  kernel.rules.clear();
  EXPECT_EQ(run_tool({"load"}).status, 0);
  EXPECT_EQ(kernel.rules, before);
}

TEST_F(ListTest, Filters) {
  kernel.rules = {"allow user 1001 80,443/tcp", "allow each 1000-1999 20000+10",
                  "allow any 443/udp", "allow user 1002 443"};
  const std::vector<std::string> rules = {"list", "--format=rules"};
  const auto list = [&](std::vector<std::string> more) {
    more.insert(more.begin(), rules.begin(), rules.end());
    return run_tool(more).out;
  };
  EXPECT_EQ(list({"--user", "web"}), "allow each 1000-1999 20000+10\n"
                                     "allow user web 80,443/tcp\n");
  EXPECT_EQ(list({"--port=443"}), "allow any 443/udp\n"
                                  "allow user web 80,443/tcp\n"
                                  "allow user eve 443\n");
  EXPECT_EQ(list({"--port=https/udp"}), "allow any 443/udp\n"
                                        "allow user eve 443\n");
  EXPECT_EQ(list({"--port=20005"}), "allow each 1000-1999 20000+10\n");
  EXPECT_EQ(list({"--port=443", "--user=1002"}), "allow user eve 443\n");
}

TEST_F(ListTest, SourcesAreKernelOrFiles) {
  kernel.rules = {"allow any 80"};
  root.write(local, "allow any 81\n");
  EXPECT_THAT(run_tool({"list"}).out, HasSubstr("80"));
  EXPECT_THAT(run_tool({"list", "--source=files"}).out, HasSubstr("81"));
  kernel.loaded = false;
  EXPECT_THAT(run_tool({"list"}).out, HasSubstr("81"));
  EXPECT_EQ(run_tool({"list", "--source=kernel"}).status, 3);
}

TEST_F(ListTest, ReadsAgainWhenThePolicyChanges) {
  kernel.rules = {"allow any 80"};
  kernel.next_policies = {"", ""};
  EXPECT_EQ(run_tool({"list", "--format=rules"}).out, "allow any 80\n");
}

TEST_F(QueryTest, NamesTheLineThatGrants) {
  kernel.rules = {"allow user 1001 443"};
  root.write(local, "# \nallow web https\n");
  const Outcome outcome = run_tool({"query", "web", "443/tcp"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "allowed: user web (uid 1001) may bind 443/tcp\n"
                         "  by " +
                             root.path() + local + ":2: allow user web 443\n");
}

TEST_F(QueryTest, SaysHowToAllow) {
  const Outcome outcome = run_tool({"query", "user", "eve", "111/tcp"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out,
            "denied: no rule for user eve (uid 1002) on 111/tcp\n");
  EXPECT_EQ(outcome.err,
            "hint: to allow it, run: portaclctl allow user eve 111/tcp\n");
}

TEST_F(QueryTest, WithoutAProtocolBothMustPass) {
  kernel.rules = {"allow user 1001 443/tcp"};
  const Outcome half = run_tool({"query", "web", "443"});
  EXPECT_EQ(half.status, 1);
  EXPECT_THAT(half.out, StartsWith("denied: no rule for user web (uid 1001) on "
                                   "443/udp\n  443/tcp is allowed by "));
  kernel.rules.insert("allow group 8 443/udp");
  EXPECT_EQ(run_tool({"query", "web", "443"}).status, 0);
}

TEST_F(QueryTest, GroupsOfAUserCount) {
  kernel.rules = {"allow group 8 25", "allow group 1001 26"};
  EXPECT_EQ(run_tool({"query", "web", "25"}).status, 0);
  EXPECT_EQ(run_tool({"query", "web", "26"}).status, 0);
  EXPECT_EQ(run_tool({"query", "eve", "26"}).status, 1);
  EXPECT_EQ(run_tool({"query", "group", "mail", "25"}).status, 0);
  EXPECT_EQ(run_tool({"query", "group", "mail", "26"}).status, 1);
  EXPECT_EQ(run_tool({"query", "any", "25"}).status, 1);
  // A uid without a name is in no group.
  EXPECT_EQ(run_tool({"query", "4242", "25"}).status, 1);
}

TEST_F(QueryTest, BeyondTheRules) {
  EXPECT_THAT(run_tool({"query", "root", "80"}).out,
              HasSubstr("CAP_NET_BIND_SERVICE"));
  EXPECT_EQ(run_tool({"query", "web", "65535"}).status, 0);
}

TEST_F(QueryTest, TheKernelAnswersNotTheFiles) {
  root.write(local, "allow web 443\n");
  EXPECT_EQ(run_tool({"query", "web", "443"}).status, 1);
  kernel.loaded = false;
  const Outcome files = run_tool({"query", "web", "443"});
  EXPECT_EQ(files.status, 0);
  EXPECT_THAT(files.err, HasSubstr("not what is in force"));
  // Bad files do not matter where the kernel answers.
  root.write(local, "rubbish\n");
  EXPECT_EQ(run_tool({"query", "web", "443"}).status, 4);
  kernel.loaded = true;
  EXPECT_EQ(run_tool({"query", "web", "443"}).status, 1);
}

TEST_F(QueryTest, EachUserHasHisOwn) {
  kernel.rules = {"allow each 1000-1009 100+10"};
  EXPECT_EQ(run_tool({"query", "web", "110"}).status, 0);
  EXPECT_EQ(run_tool({"query", "web", "119"}).status, 0);
  EXPECT_EQ(run_tool({"query", "web", "120"}).status, 1);
  EXPECT_EQ(run_tool({"query", "web", "109"}).status, 1);
}

TEST_F(QueryTest, OnePortOneSubject) {
  EXPECT_EQ(run_tool({"query", "web", "80-81"}).status, 2);
  EXPECT_EQ(run_tool({"query", "web", "80,82"}).status, 2);
  EXPECT_EQ(run_tool({"query", "web"}).status, 2);
  EXPECT_EQ(run_tool({"query", "nobody-here", "80"}).status, 4);
}

TEST_F(ToolTest, VersionNamesBoth) {
  EXPECT_EQ(run_tool({"version"}).out,
            "portaclctl " PORTACL_VERSION "\nmodule " PORTACL_VERSION
            " (abi 1)\n");
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"version"}).out,
            "portaclctl " PORTACL_VERSION "\nmodule not loaded\n");
}

TEST_F(ToolTest, QuietPrintsNothingOnSuccess) {
  const Outcome outcome = run_tool({"-q", "allow", "web", "https"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(run_tool({"-q", "allow", "web", "0"}).err, "");
}

} // namespace
} // namespace portacl
