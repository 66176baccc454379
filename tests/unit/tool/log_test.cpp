// SPDX-License-Identifier: GPL-2.0-only
// log: what is shown of events, and the commands beneath refusals.

#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/text.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LogTest : public ToolTest {
protected:
  static std::string refused(const std::string &verdict,
                             const std::string &rule, int port = 443,
                             const std::string &address = "0.0.0.0",
                             const std::string &transport = "tcp",
                             unsigned uid = 1002) {
    return fmt::format("portacl: refused: op=bind verdict={} permissive=0 "
                       "rule=\"{}\" proto={} laddr={} lport={} uid={} gid=1002 "
                       "auid=4294967295 pid=812 comm=\"python3\"",
                       verdict, rule, transport, address, port, uid);
  }
  std::string log() { return run_tool({"log"}).out; }
};

TEST_F(LogTest, ARefusalAndWhatWouldAllowIt) {
  events.add(refused("no_rule", ""));
  const Outcome outcome = run_tool({"log"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "2023-11-14T22:13:20Z refused: user eve (uid 1002) 443/tcp on "
            "0.0.0.0, python3 (pid 812): no rule\n"
            "  portaclctl allow user eve 443/tcp\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(LogTest, TheCommandIsForThisBind) {
  events.add(refused("no_rule", "", 443, "192.0.2.1"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl allow user eve 443/tcp on "
                               "192.0.2.1\n"));
  events.add(refused("no_rule", "", 443, "::", "udplite"));
  EXPECT_THAT(log(), HasSubstr("443/udplite on ::, "));
  EXPECT_THAT(log(), HasSubstr("  portaclctl allow user eve 443/udp\n"));
  events.add(refused("no_rule", "", 443, "::1", "mptcp"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl allow user eve 443/tcp on ::1\n"));
  events.add(refused("no_rule", "", 444, "::", "dccp"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl allow user eve 444\n"));
  events.add(refused("no_rule", "", 443, "::", "tcp", 1004));
  EXPECT_THAT(
      log(), HasSubstr("  portaclctl allow 'user \"domain users\" 443/tcp'\n"));
  events.add(refused("no_rule", "", 443, "::", "tcp", 77777));
  EXPECT_THAT(log(), HasSubstr("refused: uid 77777 443/tcp"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl allow user 77777 443/tcp\n"));
}

TEST_F(LogTest, Numeric) {
  events.add(refused("no_rule", ""));
  const std::string out = run_tool({"log", "--numeric"}).out;
  EXPECT_THAT(out, HasSubstr("refused: uid 1002 443/tcp"));
  EXPECT_THAT(out, HasSubstr("  portaclctl allow user 1002 443/tcp\n"));
}

TEST_F(LogTest, ReservedAndStrict) {
  kernel.rules = {"reserve 8080"};
  events.add(refused("reserved", "reserve 8080", 8080));
  events.add(refused("strict", "", 80));
  EXPECT_THAT(log(), HasSubstr(": reserved by: reserve 8080\n"
                               "  portaclctl allow user eve 8080/tcp\n"));
  EXPECT_THAT(log(), HasSubstr(": strict is on and no rule allows it\n"
                               "  portaclctl allow user eve 80/tcp\n"));
}

TEST_F(LogTest, EveryCommandThatADenyTakes) {
  kernel.rules = {"deny any 8080", "deny user 1002 8000-9000/tcp",
                  "deny user 1001 8080", "deny any 8080/udp"};
  events.add(refused("deny", "deny any 8080", 8080));
  EXPECT_THAT(log(), HasSubstr(": denied by: deny any 8080\n"
                               "  portaclctl remove deny any 8080\n"
                               "  portaclctl remove deny user eve "
                               "8000-9000/tcp\n"));
  EXPECT_THAT(log(), Not(HasSubstr("portaclctl allow")));
}

TEST_F(LogTest, ADenyThatHidesThatNothingAllows) {
  kernel.rules = {"deny any 443"};
  events.add(refused("deny", "deny any 443"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl remove deny any 443\n"
                               "  portaclctl allow user eve 443/tcp\n"));
  kernel.rules.insert("allow user 1002 443");
  EXPECT_THAT(log(), Not(HasSubstr("portaclctl allow")));
  // A reservation that the deny hid, too.
  kernel.rules = {"deny any 8080", "reserve 8080"};
  events.add(refused("deny", "deny any 8080", 8080));
  EXPECT_THAT(log(), HasSubstr("  portaclctl allow user eve 8080/tcp\n"));
}

// The process may have a group that its user has not.
TEST_F(LogTest, ADenyOfAGroupOfTheProcess) {
  kernel.rules = {"deny group 4242 443", "allow user 1002 443"};
  events.add(refused("deny", "deny group 4242 443"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl remove deny group 4242 443\n"));
}

TEST_F(LogTest, ADenyThatIsGone) {
  kernel.rules = {"allow user 1002 443"};
  events.add(refused("deny", "deny any 443"));
  EXPECT_THAT(log(), HasSubstr("(nothing in force refuses it any more)"));
  EXPECT_THAT(log(), Not(HasSubstr("portaclctl")));
}

TEST_F(LogTest, WithoutTheModuleTheFilesAreAsked) {
  kernel.loaded = false;
  root.write(local, "deny any 443\n");
  events.add(refused("deny", "deny any 443"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl remove deny any 443\n"));
}

TEST_F(LogTest, APolicyThatCannotBeRead) {
  kernel.failing_read = "policy";
  events.add(refused("deny", "deny any 443"));
  EXPECT_THAT(log(), HasSubstr("  portaclctl remove deny any 443\n"
                               "  portaclctl allow user eve 443/tcp\n"));
}

TEST_F(LogTest, Changes) {
  events.add("portacl: version 1.2.3 loaded, no rules, nothing changes until "
             "there are");
  events.add("portacl: generation 7: 1 added, 0 removed, 3 rules in force, by "
             "auid=1001 uid=0 comm=\"portaclctl\"");
  events.add("portacl: generation 8: locked 1, by auid=4294967295 uid=0 "
             "comm=\"bash\"");
  events.add("portacl: refused: 12 callbacks suppressed");
  events.add("portacl: unloaded, every rule has ended");
  const std::string time = "2023-11-14T22:13:20Z ";
  EXPECT_EQ(log(),
            time + "changed: module loaded, no rules yet\n" + time +
                "changed: generation 7: 1 added, 0 removed, 3 rules in force, "
                "by root, logged in as web (portaclctl)\n" +
                time + "changed: generation 8: lock on, by root (bash)\n" +
                time +
                "lost: 12 records suppressed by the kernel, which limits how "
                "many it writes\n" +
                time + "changed: module unloaded, every rule has ended\n");
}

TEST_F(LogTest, Permissive) {
  std::string text = refused("strict", "");
  text.replace(text.find("refused"), 7, "would be refused");
  text.replace(text.find("permissive=0"), 12, "permissive=1");
  events.add(text);
  EXPECT_THAT(log(), HasSubstr("Z would be refused: user eve"));
}

TEST_F(LogTest, HostileNames) {
  std::string text = refused("no_rule", "");
  text.replace(text.find("\"python3\""), 9, "0a1b5b324a");
  events.add(text);
  EXPECT_THAT(log(), HasSubstr(", \\x0a\\x1b[2J (pid 812): no rule\n"));
  EXPECT_THAT(log(), Not(HasSubstr("\x1b")));
}

TEST_F(LogTest, Limits) {
  for (int port = 1; port <= 30; port++)
    events.add(refused("no_rule", "", port));
  EXPECT_EQ(events.asked.last, 0U);
  run_tool({"log"});
  EXPECT_EQ(events.asked.last, 20U);
  EXPECT_FALSE(events.asked.this_boot);
  for (const std::vector<std::string> &arguments :
       {std::vector<std::string>{"log", "-n5"},
        {"log", "-n", "5"},
        {"log", "--lines=5"}}) {
    const std::string out = run_tool(arguments).out;
    EXPECT_THAT(out, StartsWith("2023-11-14T22:13:20Z refused: user eve (uid "
                                "1002) 26/tcp"));
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 10);
  }
  EXPECT_EQ(run_tool({"log", "-n", "0"}).out, "");
  // Before the command it is the option of all commands.
  EXPECT_EQ(run_tool({"-n", "log"}).status, 0);
  EXPECT_EQ(events.asked.last, 20U);
  EXPECT_EQ(run_tool({"log", "-n", "-1"}).status, 2);
  EXPECT_EQ(run_tool({"log", "-n", "x"}).status, 2);
  EXPECT_EQ(run_tool({"log", "-n"}).status, 2);
  EXPECT_EQ(run_tool({"log", "extra"}).status, 2);
}

TEST_F(LogTest, Nothing) {
  Outcome outcome = run_tool({"log"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "No records.\n");
  EXPECT_EQ(outcome.err, "");
  kernel.loaded = false;
  outcome = run_tool({"log"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl load"));
  EXPECT_EQ(run_tool({"log", "--no-legend"}).out, "");
}

TEST_F(LogTest, NotPermitted) {
  events.error = EPERM;
  const Outcome outcome = run_tool({"log"});
  EXPECT_EQ(outcome.status, 5);
  EXPECT_THAT(outcome.err, HasSubstr("cannot read a fake"));
  EXPECT_EQ(run_tool({"suggest"}).status, 5);
}

TEST_F(LogTest, SaysWhatItReads) {
  events.bad = {{.message = "cannot read audit.log"}};
  EXPECT_EQ(run_tool({"log"}).err, "warning: cannot read audit.log\n");
  EXPECT_THAT(run_tool({"log", "-v"}).err, HasSubstr("reading a fake\n"));
}

TEST_F(LogTest, NotBelowARoot) {
  for (const char *command : {"log", "suggest", "stats"})
    EXPECT_EQ(run_tool({command, "--root=" + root.path()}).status, 2);
}

TEST_F(LogTest, Follow) {
  events.add(refused("no_rule", "", 80));
  events.later = {{FakeEventLog::event(refused("no_rule", "", 81))},
                  {},
                  {FakeEventLog::event(refused("no_rule", "", 82)),
                   FakeEventLog::event(refused("no_rule", "", 83))}};
  // Ends by the signal that comes after the last.
  const Outcome outcome = run_tool({"log", "-f"});
  EXPECT_EQ(outcome.status, 0);
  for (const char *port : {" 80/tcp", " 81/tcp", " 82/tcp", " 83/tcp"})
    EXPECT_THAT(outcome.out, HasSubstr(port));
  EXPECT_THAT(outcome.out, Not(HasSubstr("No records")));
}

TEST_F(LogTest, FollowNewOnes) {
  events.add(refused("no_rule", "", 80));
  events.later = {{FakeEventLog::event(refused("no_rule", "", 81))}};
  const Outcome outcome = run_tool({"log", "-f", "-n0"});
  EXPECT_THAT(outcome.out, Not(HasSubstr(" 80/tcp")));
  EXPECT_THAT(outcome.out, HasSubstr(" 81/tcp"));
}

TEST_F(LogTest, AsksThePolicyOfTheMoment) {
  kernel.rules = {"deny any 8080"};
  events.later = {
      {FakeEventLog::event(refused("deny", "deny any 8080", 8080))}};
  EXPECT_THAT(run_tool({"log", "-f"}).out,
              HasSubstr("portaclctl remove deny any 8080"));
}

TEST_F(LogTest, InJson) {
  events.add(refused("deny", "deny any 443"));
  events.add("portacl: generation 8: strict 1, by auid=1001 uid=0 "
             "comm=\"portaclctl\"");
  const Json json = Json::parse(run_tool({"--json", "log"}).out);
  EXPECT_EQ(json["portacl"]["schema"], 1);
  const Json &list = json["log"]["events"];
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["time"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(list[0]["event"], "refused");
  EXPECT_EQ(list[0]["user"], "eve");
  EXPECT_EQ(list[0]["uid"], 1002);
  EXPECT_EQ(list[0]["login_uid"], nullptr);
  EXPECT_EQ(list[0]["pid"], 812);
  EXPECT_EQ(list[0]["port"], 443);
  EXPECT_EQ(list[0]["reason"], "deny");
  EXPECT_EQ(list[0]["rule"]["rule"], "deny any 443");
  EXPECT_EQ(list[0]["commands"], Json({"portaclctl allow user eve 443/tcp"}));
  EXPECT_EQ(list[1]["event"], "setting_changed");
  EXPECT_EQ(list[1]["setting"], "strict");
  EXPECT_EQ(list[1]["value"], "on");
  EXPECT_EQ(list[1]["login_user"], "web");
  events.events.clear();
  EXPECT_EQ(Json::parse(run_tool({"--json", "log"}).out)["log"]["events"],
            Json::array());
}

TEST_F(LogTest, FollowInJsonLines) {
  events.later = {{FakeEventLog::event(refused("no_rule", "", 81)),
                   FakeEventLog::event(refused("no_rule", "", 82))}};
  const Outcome outcome = run_tool({"--json", "log", "-f"});
  std::istringstream lines(outcome.out);
  int port = 81;
  for (std::string line; std::getline(lines, line); port++) {
    const Json json = Json::parse(line);
    EXPECT_EQ(json["portacl"]["schema"], 1);
    EXPECT_EQ(json["event"]["port"], port);
  }
  EXPECT_EQ(port, 83);
}

} // namespace
} // namespace portacl
