// SPDX-License-Identifier: GPL-2.0-only
// mode, strict, scope and lock: as lines and as commands.

#include "lib/settings.h"

#include <cerrno>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SettingsTest : public ToolTest {};
class PreflightTest : public ToolTest {};

std::string directive(std::string_view line) {
  const auto found = parse_directive(line);
  if (!found)
    return "column " + std::to_string(found.error().column) + ": " +
           found.error().message;
  return *found ? (*found)->text() : "";
}

TEST(Directives, AreLines) {
  EXPECT_EQ(directive("mode permissive"), "mode permissive");
  EXPECT_EQ(directive("  strict\t1 # why"), "strict on");
  EXPECT_EQ(directive("strict off"), "strict off");
  EXPECT_EQ(directive("scope all"), "scope all");
  EXPECT_EQ(directive("lock"), "lock");
  EXPECT_EQ(directive("allow web 443"), "");
  EXPECT_EQ(directive("# mode off"), "");
  EXPECT_EQ(directive(""), "");
  EXPECT_EQ(directive("\"mode\" off"), "");
}

TEST(Directives, NameTheColumn) {
  EXPECT_EQ(directive("mode  disabled"),
            "column 7: 'disabled' is no value for mode");
  EXPECT_EQ(directive("strict yes"), "column 8: 'yes' is no value for strict");
  EXPECT_EQ(directive("scope 1"), "column 7: '1' is no value for scope");
  EXPECT_EQ(directive("mode"), "column 1: expected a value after 'mode'");
  EXPECT_EQ(directive("lock now"),
            "column 6: text after the end of the line: 'now'");
  EXPECT_EQ(directive("mode off off"),
            "column 10: text after the end of the line: 'off'");
}

TEST_F(SettingsTest, AreShown) {
  kernel.fixed["strict"] = "1\n";
  EXPECT_EQ(run_tool({"mode"}).out, "enforce\n");
  EXPECT_EQ(run_tool({"strict"}).out, "on\n");
  EXPECT_EQ(run_tool({"scope"}).out, "init\n");
  EXPECT_EQ(run_tool({"lock", "status"}).out, "not locked\n");
  kernel.fixed["locked"] = "1\n";
  EXPECT_EQ(run_tool({"lock", "status"}).out, "locked\n");
  EXPECT_EQ(Json::parse(run_tool({"mode", "--json"}).out)["mode"]["value"],
            "enforce");
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(SettingsTest, WithoutTheModuleTheFilesAnswer) {
  kernel.loaded = false;
  root.write(local, "mode off\n");
  const Outcome outcome = run_tool({"mode"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "off\n");
  EXPECT_THAT(outcome.err, HasSubstr("not what is in force"));
}

TEST_F(SettingsTest, ABadFileIsNotAnswered) {
  kernel.loaded = false;
  root.write(local, "mode off\n");
  root.write(vendor, "mode maybe\n");
  const Outcome outcome = run_tool({"mode"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(outcome.out, "off\n");
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl: "));
  kernel.loaded = true;
  EXPECT_EQ(run_tool({"mode"}).status, 0) << "the kernel answers";
}

TEST_F(SettingsTest, AreSavedAndApplied) {
  const Outcome outcome = run_tool({"mode", "permissive"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "set: mode permissive, now; after a reboot once "
                         "portaclctl load has run\n");
  EXPECT_EQ(kernel.fixed["mode"], "permissive\n");
  EXPECT_THAT(root.read(local), HasSubstr("\nmode permissive\n"));
  const Outcome again = run_tool({"mode", "permissive"});
  EXPECT_THAT(again.out, StartsWith("already set: "));
  EXPECT_EQ(kernel.writes.size(), 1U);
  EXPECT_EQ(run_tool({"strict", "1"}).status, 0);
  EXPECT_EQ(kernel.fixed["strict"], "1\n");
  EXPECT_THAT(root.read(local), HasSubstr("\nstrict on\n"));
  EXPECT_EQ(run_tool({"scope", "all"}).status, 0);
  EXPECT_EQ(kernel.fixed["scope"], "all\n");
}

TEST_F(SettingsTest, ReplaceTheLineOfTheirKind) {
  root.write(local, "mode off # for now\nallow web 443\nmode off\nstrict on\n");
  kernel.fixed["mode"] = "off\n";
  EXPECT_EQ(run_tool({"mode", "enforce"}).status, 0);
  // An earlier one has no effect, and is the user's.
  EXPECT_EQ(root.read(local),
            "mode off # for now\nallow web 443\nmode enforce\nstrict on\n");
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n");
}

TEST_F(SettingsTest, KeepTheCommentOfTheLine) {
  root.write(local, "strict off\nmode  enforce\t # since May\nscope all#x");
  EXPECT_EQ(run_tool({"mode", "permissive"}).status, 0);
  EXPECT_EQ(run_tool({"scope", "init"}).status, 0);
  EXPECT_EQ(root.read(local),
            "strict off\nmode permissive\t # since May\nscope init#x");
}

TEST_F(SettingsTest, RuntimeGoesToRun) {
  root.write(local, "mode enforce\n");
  const Outcome outcome = run_tool({"mode", "off", "--runtime"});
  EXPECT_THAT(outcome.out, HasSubstr("now, until the next reboot"));
  EXPECT_THAT(root.read(runtime), HasSubstr("\nmode off\n"));
  EXPECT_EQ(root.read(local), "mode enforce\n");
  EXPECT_EQ(run_tool({"mode", "enforce", "-n"}).out,
            "would remove from " + root.path() + runtime +
                ":2: mode\nwould set in the kernel: mode enforce\n");
  // What is to stay ends it.
  const Outcome back = run_tool({"mode", "enforce"});
  EXPECT_EQ(back.status, 0);
  EXPECT_EQ(back.err, "");
  EXPECT_THAT(back.out, StartsWith("set: mode enforce, now"));
  EXPECT_THAT(root.read(runtime), Not(HasSubstr("mode")));
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n");
  EXPECT_THAT(run_tool({"load"}).out, Not(HasSubstr("mode")));
}

TEST_F(SettingsTest, TheKernelsRefusalKeepsTheRuntimeLine) {
  root.write(runtime, "mode off\n");
  kernel.fixed["mode"] = "off\n";
  kernel.refuse = [] { return EPERM; };
  EXPECT_EQ(run_tool({"mode", "enforce"}).status, 5);
  EXPECT_EQ(root.read(runtime), "mode off\n");
  EXPECT_FALSE(root.exists(local));
}

TEST_F(SettingsTest, AnotherFileThatOverrulesNeedsAttention) {
  root.write("/etc/portacl.d/90-last.conf", "mode enforce\n");
  const Outcome outcome = run_tool({"mode", "off"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "set: mode off, now, until the files are applied\n");
  EXPECT_THAT(outcome.err,
              HasSubstr("90-last.conf:1 sets mode, too, and wins"));
  EXPECT_EQ(run_tool({"mode", "off"}).status, 7);
  EXPECT_EQ(run_tool({"mode", "enforce"}).status, 0);
}

TEST_F(SettingsTest, AKernelThatRefusesLeavesTheFileAsItWas) {
  root.write(local, "mode enforce\n");
  kernel.fixed["locked"] = "1\n";
  const Outcome outcome = run_tool({"mode", "off"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("locked until the next reboot; nothing "
                                     "was changed"));
  EXPECT_EQ(root.read(local), "mode enforce\n");
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n");
}

TEST_F(SettingsTest, NotLoadedIsSaved) {
  kernel.loaded = false;
  const Outcome outcome = run_tool({"scope", "all"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "saved: scope all, once the module is loaded\n");
}

TEST_F(SettingsTest, BadWordsChangeNothing) {
  for (const auto &words :
       std::vector<std::vector<std::string>>{{"mode", "on"},
                                             {"strict", "2"},
                                             {"scope", "net"},
                                             {"mode", ""},
                                             {"lock", "on"},
                                             {"lock", "--root", root.path()}}) {
    EXPECT_EQ(run_tool(words).status, 2) << words[0] << " " << words[1];
  }
  EXPECT_EQ(run_tool({"mode", "off", "now"}).status, 2);
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_FALSE(root.exists(local));
}

TEST_F(SettingsTest, DryRun) {
  EXPECT_EQ(run_tool({"mode", "off", "-n"}).out,
            "would write to " + root.path() + local +
                ":4: mode off\nwould set in the kernel: mode off\n");
  EXPECT_EQ(run_tool({"lock", "-n"}).status, 0);
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_FALSE(root.exists(local));
}

TEST_F(SettingsTest, LockAsksFirst) {
  EXPECT_EQ(run_tool({"lock"}, "n\n", true).status, 1);
  const Outcome blind = run_tool({"lock"}, "y\n", false);
  EXPECT_EQ(blind.status, 2);
  EXPECT_THAT(blind.err, HasSubstr("portaclctl lock --yes"));
  EXPECT_EQ(kernel.fixed["locked"], "0\n");
  const Outcome outcome = run_tool({"lock"}, "y\n", true);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("until the next reboot"));
  EXPECT_THAT(outcome.err, HasSubstr("write a line 'lock'"));
  EXPECT_EQ(kernel.fixed["locked"], "1\n");
  EXPECT_FALSE(root.exists(local)) << "a lock is not saved";
  const Outcome again = run_tool({"lock", "--yes"});
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.out, StartsWith("already locked"));
  EXPECT_EQ(kernel.writes.size(), 1U);
}

TEST_F(SettingsTest, LockNeedsTheModule) {
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"lock", "--yes"}).status, 3);
}

TEST_F(SettingsTest, LockKnowsTheLineOfAFile) {
  root.write(local, "lock\n");
  const Outcome outcome = run_tool({"lock", "--yes"});
  EXPECT_THAT(outcome.err, HasSubstr("50-local.conf:1 locks it again"));
}

TEST_F(SettingsTest, ALockedModuleStays) {
  kernel.fixed["locked"] = "1\n";
  EXPECT_EQ(run_tool({"unload", "--yes"}).status, 6);
  EXPECT_TRUE(kmod.calls.empty());
}

class StrictTest : public ToolTest {
protected:
  StrictTest() {
    write_listeners({{700, "sshd", 0, true, "tcp", "00000000:0016"},
                     {700, "sshd", 0, true, "tcp6",
                      "00000000000000000000000000000000:0016"},
                     {812, "nginx", 1001, true, "tcp", "00000000:01BB"},
                     {900, "app", 1002, false, "tcp", "00000000:1F90"}});
  }
};

TEST_F(StrictTest, RefusesWhereListenersWouldLoseTheirPort) {
  kernel.rules = {"allow user 1001 443/tcp"};
  const Outcome outcome = run_tool({"strict", "on"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(outcome.err,
            "warning: sshd (pid 700) of user root listens on 22/tcp and would "
            "be refused at its next bind\n"
            "portaclctl: strict on: 1 listener would be refused; nothing was "
            "changed\n"
            "hint: allow them first, as in: portaclctl allow user root 22/tcp; "
            "or go on with --force\n");
  EXPECT_EQ(kernel.fixed["strict"], "0\n");
  EXPECT_FALSE(root.exists(local));
  EXPECT_EQ(run_tool({"strict", "on", "--force"}).status, 0);
  EXPECT_EQ(kernel.fixed["strict"], "1\n");
}

TEST_F(StrictTest, ARuleForEachIsEnough) {
  kernel.rules = {"allow user 1001 443/tcp", "allow group 0 22",
                  "allow user 0 22"};
  const Outcome outcome = run_tool({"strict", "on"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, Not(HasSubstr("warning")));
}

// sshd listens on all addresses, which no rule with a prefix grants.
TEST_F(StrictTest, TheAddressCounts) {
  kernel.rules = {"allow user 1001 443", "allow user 0 22 on 192.0.2.1"};
  EXPECT_EQ(run_tool({"strict", "on"}).status, 4);
  kernel.rules = {"allow user 1001 443", "allow user 0 22"};
  EXPECT_EQ(run_tool({"strict", "on"}).status, 0);
}

TEST_F(StrictTest, ThePrivilegedRangeIsTheMachines) {
  kernel.rules = {"allow user 1001 443", "allow user 0 22"};
  root.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "9000\n");
  EXPECT_THAT(run_tool({"strict", "on"}).err, HasSubstr("app (pid 900)"));
}

// strict makes deny and reserve hold for root, on every port.
TEST_F(PreflightTest, PortsThatAreNotPrivilegedCount) {
  write_listeners({{700, "dbd", 0, true, "tcp", "00000000:1538"},
                   {900, "app", 1002, false, "tcp", "00000000:1F90"}});
  kernel.rules = {"reserve 5432", "allow user 1002 8080"};
  const Outcome outcome = run_tool({"strict", "on"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("dbd (pid 700) of user root"));
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl allow user root 5432/tcp"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("app")));
  kernel.rules = {"deny user 0 5432"};
  EXPECT_THAT(run_tool({"strict", "on"}).err,
              HasSubstr("hint: to go on all the same, add --force"))
      << "no allow mends a deny";
}

TEST_F(PreflightTest, TheHintNamesWhoMadeTheSocket) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB", 0}});
  kernel.rules = {"allow user 1001 443"};
  EXPECT_THAT(run_tool({"strict", "on"}).err,
              HasSubstr("portaclctl allow user root 443/tcp"));
  kernel.rules = {"allow user 1001 443", "allow user 0 443"};
  EXPECT_EQ(run_tool({"strict", "on"}).status, 0);
}

TEST_F(StrictTest, ModeEnforceIsCheckedAsWell) {
  kernel.rules = {"reserve 8080"};
  EXPECT_EQ(run_tool({"mode", "enforce"}).status, 0) << "it is in force";
  for (const char *mode : {"off\n", "permissive\n"}) {
    kernel.fixed["mode"] = mode;
    const Outcome outcome = run_tool({"mode", "enforce"});
    EXPECT_EQ(outcome.status, 4) << mode;
    EXPECT_THAT(outcome.err, HasSubstr("app (pid 900) of user eve"));
    EXPECT_THAT(outcome.err, HasSubstr("mode enforce: 1 listener"));
    EXPECT_EQ(kernel.fixed["mode"], mode);
  }
  kernel.fixed["strict"] = "1\n";
  EXPECT_THAT(run_tool({"mode", "enforce"}).err, HasSubstr("sshd (pid 700)"));
  EXPECT_EQ(run_tool({"mode", "enforce", "--force"}).status, 0);
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n");
}

TEST_F(PreflightTest, AStrangeNameIsItsNumber) {
  root.write("/etc/passwd", "we\xc2\x9b"
                            "b:x:1001:1001::/:/bin/sh\n");
  write_listeners({{812, "ng\x1b[2J", 1001, false, "tcp", "00000000:01BB"}});
  const Outcome outcome = run_tool({"strict", "on"});
  EXPECT_THAT(outcome.err, HasSubstr("ng\\x1b[2J (pid 812) of user "
                                     "we\\xc2\\x9bb listens"));
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl allow user 1001 443/tcp"));
}

TEST_F(StrictTest, DryRunWarns) {
  const Outcome outcome = run_tool({"strict", "on", "-n"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("sshd (pid 700)"));
  EXPECT_THAT(outcome.out, HasSubstr("would set in the kernel: strict on"));
}

TEST_F(StrictTest, OffNeedsNoCheck) {
  kernel.fixed["strict"] = "1\n";
  EXPECT_EQ(run_tool({"strict", "off"}).status, 0);
}

} // namespace
} // namespace portacl
