// SPDX-License-Identifier: GPL-2.0-only
// status, list, query and version, with a kernel.

#include <nlohmann/json.hpp>

#include "tool_test.h"
#include "version.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;
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
                         "Settings strict off, scope init, not locked\n"
                         "Policy   generation 1, 1 rule; 1 in 1 file\n"));
  EXPECT_THAT(outcome.out, HasSubstr("hooks __inet_bind __inet6_bind\n"));
  EXPECT_THAT(
      outcome.out,
      HasSubstr("\nGranted  12 binds since load\n"
                "Denied   6 (3 by deny rules, 2 reserved, 1 by strict)\n"
                "Passed   30 left to the kernel (4 only because of mode "
                "permissive, 5 without a rule and refused)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nDrift    none\n"));
}

TEST_F(StatusTest, SettingsDriftToo) {
  root.write(local, "mode off\nstrict off\nlock\n");
  EXPECT_THAT(run_tool({"status"}).out,
              HasSubstr("Drift    'mode off' not in force, 'lock' not in "
                        "force\n"));
  kernel.fixed["mode"] = "off\n";
  kernel.fixed["locked"] = "1\n";
  EXPECT_THAT(run_tool({"status"}).out, HasSubstr("scope init, locked\n"));
  EXPECT_THAT(run_tool({"status"}).out, HasSubstr("Drift    none\n"));
}

TEST_F(StatusTest, WhatHasEndedIsNoDrift) {
  kernel.rules = {"allow any 80 until 1000000000"};
  root.write(runtime, "allow any 81 until 1000000000\n");
  EXPECT_THAT(run_tool({"status"}).out, HasSubstr("Drift    none\n"));
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
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl apply"));
}

TEST_F(StatusTest, TheDriftOfBadFilesIsNotKnown) {
  kernel.rules = {"allow user 1001 443"};
  root.write(local, "allow web 443 rubbish\n");
  const Outcome outcome = run_tool({"status"});
  EXPECT_THAT(
      outcome.out,
      HasSubstr("Drift    unknown: not all policy files can be read\n"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("portaclctl apply")));
  const Json json = Json::parse(run_tool({"--json", "status"}).out);
  EXPECT_EQ(json["status"]["drift"], nullptr);
}

TEST_F(StatusTest, SaysThatFtraceIsDead) {
  kernel.fixed["hooks"] = "__inet_bind dead\nsctp_do_bind absent\n";
  const Outcome outcome = run_tool({"status"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("hooks __inet_bind (dead) sctp_do_bind (absent)"));
  EXPECT_THAT(outcome.err, HasSubstr("killed ftrace"));
  const Json json = Json::parse(run_tool({"--json", "status"}).out);
  EXPECT_EQ(json["status"]["hooks"][0]["attached"], false);
  EXPECT_EQ(json["status"]["hooks"][0]["state"], "dead");
  EXPECT_EQ(json["status"]["hooks"][1]["state"], "absent");
}

TEST_F(StatusTest, SaysNothingOfFtraceWhileItLives) {
  kernel.fixed["hooks"] = "__inet_bind attached\nsctp_do_bind absent\n";
  EXPECT_THAT(run_tool({"status"}).err, Not(HasSubstr("ftrace")));
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
  EXPECT_EQ(status["denied"]["reserved"], 2);
  EXPECT_EQ(status["passed"], 30);
  EXPECT_EQ(status["strict"], false);
  EXPECT_EQ(status["scope"], "init");
  EXPECT_EQ(status["locked"], false);
  EXPECT_EQ(status["drift"]["settings"], Json::array());
  EXPECT_EQ(status["hooks"][1]["name"], "__inet6_bind");
  EXPECT_EQ(status["drift"]["missing"][0]["uid"], 1002);
  EXPECT_EQ(status["drift"]["foreign"][0]["subject"], "any");
}

TEST_F(ListTest, ShowsTheKernelWithOrigins) {
  kernel.rules = {"allow user 1001 443", "allow group 8 25/tcp",
                  "allow user 77 80"};
  kernel.hits = {{"allow user 1001 443", 4}};
  root.write(local, "allow web https\n");
  root.write(vendor, "allow group mail 25/tcp\n");
  const Outcome outcome = run_tool({"list"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "ACTION  SUBJECT     PORTS     HITS  FILE\n"
            "allow   group mail  25/tcp  #    0  " +
                root.path() + vendor +
                ":1\n"
                "allow   user web    443     #    4  " +
                root.path() + local +
                ":1\n"
                "allow   user 77     80      #    0  (kernel only) "
                "(unresolved)\n"
                "\n3 rules listed.\n");
}

TEST_F(ListTest, ShowsTermsAndReservations) {
  kernel.rules = {"allow any 80",
                  "deny user 1002 443 on 10.0.0.0/8 until 4101814800",
                  "reserve 5432/tcp"};
  kernel.hits = {{"reserve 5432/tcp", 123456}};
  EXPECT_EQ(
      run_tool({"list"}).out,
      "ACTION   SUBJECT   PORTS     TERMS                                     "
      "    HITS  FILE\n"
      "allow    any       80                                                  "
      "#      0  (kernel only)\n"
      "deny     user eve  443       on 10.0.0.0/8 until 2099-12-24T17:00:00Z  "
      "#      0  (kernel only)\n"
      "reserve            5432/tcp                                            "
      "# 123456  (kernel only)\n"
      "\n3 rules listed.\n");
}

TEST_F(ListTest, ShowsWhatHasEnded) {
  kernel.rules = {"allow any 80 until 1000000000",
                  "allow any 81 until 4101814800"};
  EXPECT_EQ(run_tool({"list", "--no-legend"}).out,
            "allow  any  80  until 2001-09-09T01:46:40Z  #    0 ended  (kernel "
            "only)\n"
            "allow  any  81  until 2099-12-24T17:00:00Z  #    0  (kernel "
            "only)\n");
  const Json rules =
      Json::parse(run_tool({"list", "--json"}).out)["list"]["rules"];
  EXPECT_EQ(rules[0]["ended"], true);
  EXPECT_EQ(rules[1]["ended"], false);
}

// A name that no line can hold, and that a terminal could obey.
TEST_F(ListTest, AStrangeNameIsUnresolved) {
  root.write("/etc/passwd", "we\x1b[2Jb:x:1001:1001::/:/bin/sh\n");
  kernel.rules = {"allow user 1001 443"};
  EXPECT_EQ(run_tool({"list", "--format=rules"}).out,
            "allow user 1001 443 # unresolved\n");
}

TEST_F(ListTest, SaysThatTheFilesDiffer) {
  kernel.rules = {"allow user 1001 443"};
  root.write(local, "allow web 443\nallow eve 22\n");
  EXPECT_THAT(run_tool({"list"}).err,
              HasSubstr("the files differ from what is in force: 1 rule of the "
                        "files not in force"));
  EXPECT_EQ(run_tool({"list", "--source", "files"}).err, "");
  root.write(local, "allow web 443\n");
  EXPECT_EQ(run_tool({"list"}).err, "");
}

TEST_F(ListTest, InJson) {
  kernel.rules = {"deny user 1002 443 on 10.0.0.0/8 until 4101814800",
                  "reserve 5432/tcp"};
  kernel.hits = {{"reserve 5432/tcp", 7}};
  const Json rules =
      Json::parse(run_tool({"list", "--json"}).out)["list"]["rules"];
  EXPECT_EQ(rules[0]["action"], "deny");
  EXPECT_EQ(rules[0]["prefix"], "10.0.0.0/8");
  EXPECT_EQ(rules[0]["until"], "2099-12-24T17:00:00Z");
  EXPECT_EQ(rules[0]["hits"], 0);
  EXPECT_EQ(rules[1]["action"], "reserve");
  EXPECT_EQ(rules[1]["subject"], nullptr);
  EXPECT_EQ(rules[1]["prefix"], nullptr);
  EXPECT_EQ(rules[1]["until"], nullptr);
  EXPECT_EQ(rules[1]["hits"], 7);
}

TEST_F(ListTest, RulesCanBeReadBack) {
  kernel.rules = {"allow user 1001 443", "allow user 77 80",
                  "allow user 1004 81",  "allow each 5-9 2000+3",
                  "reserve 5432",        "deny any 22 on ::1",
                  "deny any 23 until 99"};
  EXPECT_EQ(run_tool({"list", "--format=rules"}).out,
            "allow each 5-9 2000+3\n"
            "allow user web 443\n"
            "allow user \"domain users\" 81\n"
            "allow user 77 80 # unresolved\n"
            "deny any 22 on ::1\n"
            "deny any 23 until 1970-01-01T00:01:39Z # ended\n"
            "reserve 5432\n");
  EXPECT_EQ(run_tool({"list", "--format=rules", "--numeric"}).out,
            "allow each 5-9 2000+3\n"
            "allow user 1001 443\n"
            "allow user 1004 81\n"
            "allow user 77 80\n"
            "deny any 22 on ::1\n"
            "deny any 23 until 1970-01-01T00:01:39Z # ended\n"
            "reserve 5432\n");
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
                         "  granted by " +
                             root.path() + local + ":2: allow user web 443\n");
}

TEST_F(QueryTest, SaysHowToAllow) {
  const Outcome outcome = run_tool({"query", "user", "eve", "111/tcp"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out,
            "denied: no rule for user eve (uid 1002) on 111/tcp\n"
            "  left to the kernel: port 111 is privileged, refused\n");
  EXPECT_EQ(outcome.err,
            "hint: to allow it, run: portaclctl allow user eve 111/tcp\n");
}

TEST_F(QueryTest, WithoutAProtocolBothMustPass) {
  kernel.rules = {"allow user 1001 443/tcp"};
  root.write(local, "allow web 443/tcp\n");
  const Outcome half = run_tool({"query", "web", "443"});
  EXPECT_EQ(half.status, 1);
  EXPECT_EQ(
      half.out,
      "denied: user web (uid 1001) may not bind 443, any transport\n"
      "  443/tcp: granted by " +
          root.path() + local +
          ":1: allow user web 443/tcp\n"
          "  443/udp: left to the kernel: port 443 is privileged, refused\n");
  EXPECT_EQ(half.err, "hint: to allow it, run: portaclctl allow user web "
                      "443/udp\n");
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
  const Outcome answer = run_tool({"query", "web", "443"});
  EXPECT_EQ(answer.status, 1);
  EXPECT_EQ(answer.err,
            "warning: the files differ from what is in force: 1 rule of the "
            "files not in force; after portaclctl apply the answer would be: "
            "allowed\n"
            "hint: to see how, run: portaclctl diff\n"
            "hint: to allow it, run: portaclctl apply\n");
  EXPECT_EQ(Json::parse(run_tool({"query", "web", "443", "--json"})
                            .out)["query"]["allowed_after_apply"],
            true);
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

TEST_F(QueryTest, DenyGoesBeforeAllow) {
  kernel.rules = {"allow any 443", "deny user 1002 443"};
  root.write(local, "allow any 443\ndeny eve 443\n");
  const Outcome outcome = run_tool({"query", "eve", "443/tcp"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "denied: user eve (uid 1002) may not bind 443/tcp\n"
                         "  denied by " +
                             root.path() + local + ":2: deny user eve 443\n");
  EXPECT_EQ(outcome.err, "hint: a deny goes before every allow: portaclctl "
                         "remove deny user eve 443\n");
  EXPECT_EQ(run_tool({"query", "web", "443"}).status, 0);
}

TEST_F(QueryTest, ReservationsAndStrict) {
  kernel.rules = {"reserve 5432/tcp", "allow user 1001 5432"};
  root.write(local, "reserve 5432/tcp\nallow web 5432\n");
  const Outcome outcome = run_tool({"query", "eve", "5432"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out,
            "denied: user eve (uid 1002) may not bind 5432, any transport\n"
            "  5432/tcp: refused: reserved by " +
                root.path() + local +
                ":1: reserve "
                "5432/tcp\n"
                "  5432/udp: left to the kernel: port 5432 is unprivileged, "
                "free\n");
  EXPECT_EQ(outcome.err,
            "hint: to allow it, run: portaclctl allow user eve 5432/tcp\n");
  EXPECT_EQ(run_tool({"query", "web", "5432"}).status, 0);
  EXPECT_EQ(run_tool({"query", "root", "80"}).status, 0);
  kernel.fixed["strict"] = "1\n";
  const Outcome strict = run_tool({"query", "root", "80"});
  EXPECT_EQ(strict.status, 1);
  EXPECT_THAT(strict.out, HasSubstr("refused: strict is on"));
  EXPECT_EQ(run_tool({"query", "root", "8080"}).status, 0);
}

TEST_F(QueryTest, ModesThatDoNotRefuse) {
  kernel.rules = {"deny any 80,8080", "allow user 1001 443"};
  root.write(local, "deny any 80,8080\nallow web 443\n");
  kernel.fixed["mode"] = "permissive\n";
  const Outcome free = run_tool({"query", "web", "8080"});
  EXPECT_EQ(free.status, 0);
  EXPECT_EQ(free.out,
            "allowed: user web (uid 1001) may bind 8080, any transport\n"
            "  in mode enforce denied by " +
                root.path() + local +
                ":1: deny any 80,8080; now "
                "left to the kernel: port 8080 is unprivileged, free\n");
  EXPECT_EQ(free.err, "warning: mode is permissive: what rules refuse is only "
                      "logged and counted\n");
  EXPECT_EQ(run_tool({"query", "web", "80"}).status, 1);
  const Outcome granted = run_tool({"query", "web", "443"});
  EXPECT_EQ(granted.status, 0);
  EXPECT_EQ(granted.err, "");
  kernel.fixed["mode"] = "off\n";
  EXPECT_EQ(run_tool({"query", "web", "8080"}).status, 0);
  // There is a rule: to add it would not help.
  const Outcome off = run_tool({"query", "web", "443"});
  EXPECT_EQ(off.status, 1);
  EXPECT_EQ(
      off.out,
      "denied: user web (uid 1001) may not bind 443, any transport\n"
      "  mode off, left to the kernel: port 443 is privileged, refused\n");
  EXPECT_EQ(off.err, "warning: mode is off: no rule has an effect\n"
                     "hint: to have rules obeyed, run: portaclctl mode "
                     "enforce\n");
}

TEST_F(QueryTest, OnAnAddress) {
  kernel.rules = {"allow user 1001 443 on 10.0.0.0/8",
                  "deny any 80 on 192.0.2.0/24", "allow any 80",
                  "allow any 81 on 0.0.0.0/0"};
  const auto status = [&](const std::string &port, const std::string &address) {
    return run_tool({"query", "web", port, "on", address}).status;
  };
  EXPECT_EQ(status("443", "10.1.2.3"), 0);
  EXPECT_EQ(status("443", "11.1.2.3"), 1);
  EXPECT_EQ(status("443", "0.0.0.0"), 1);
  EXPECT_EQ(status("443", "::ffff:10.1.2.3"), 0);
  EXPECT_EQ(status("80", "192.0.2.1"), 1);
  EXPECT_EQ(status("80", "192.0.3.1"), 0);
  EXPECT_EQ(status("80", "::1"), 0);
  EXPECT_EQ(status("80", "::"), 1) << "can receive for the prefix";
  EXPECT_EQ(status("81", "0.0.0.0"), 0);
  EXPECT_EQ(status("81", "10.0.0.0/8"), 2);
  // Without an address both wildcards are asked.
  const Outcome both = run_tool({"query", "web", "81/tcp"});
  EXPECT_EQ(both.status, 1);
  EXPECT_THAT(both.out, HasSubstr("  81/tcp on 0.0.0.0: granted by"));
  EXPECT_THAT(both.out, HasSubstr("  81/tcp on ::: left to the kernel"));
  EXPECT_EQ(run_tool({"query", "web", "80", "until", "2099-01-01"}).status, 2);
}

TEST_F(QueryTest, RulesEnd) {
  kernel.rules = {"allow user 1001 443 until 4101814800",
                  "allow user 1001 444 until 1000000000"};
  EXPECT_EQ(run_tool({"query", "web", "443"}).status, 0);
  EXPECT_EQ(run_tool({"query", "web", "444"}).status, 1);
}

TEST_F(QueryTest, InJson) {
  kernel.rules = {"reserve 5432"};
  kernel.fixed["mode"] = "permissive\n";
  const Json query =
      Json::parse(run_tool({"query", "web", "5432/tcp", "on", "::1", "--json"})
                      .out)["query"];
  EXPECT_EQ(query["mode"], "permissive");
  EXPECT_EQ(query["strict"], false);
  EXPECT_EQ(query["scope"], "init");
  EXPECT_EQ(query["allowed"], true);
  EXPECT_EQ(query["answers"].size(), 1U);
  EXPECT_EQ(query["answers"][0]["address"], "::1");
  EXPECT_EQ(query["answers"][0]["verdict"], "reserved");
  EXPECT_EQ(query["answers"][0]["rule"]["rule"], "reserve 5432");
}

TEST_F(QueryTest, AKernelThatCannotBeReadIsNoAnswer) {
  kernel.next_policies = {"# portacl policy, generation 1\nwhat any 1\n"
                          "# end of generation 1\n"};
  const Outcome outcome = run_tool({"query", "web", "443"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("cannot read: what any 1"));
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
