// SPDX-License-Identifier: GPL-2.0-only
// allow and remove, with a kernel.

#include <cerrno>
#include <filesystem>

#include "tool_test.h"

namespace portacl {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class AllowTest : public ToolTest {};
class RemoveTest : public ToolTest {};

TEST_F(AllowTest, SavesAndApplies) {
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "allowed: user web (uid 1001) may bind 443, any transport, now; "
            "after a reboot once portaclctl load has run\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(root.read(local), HasSubstr("\nallow user web 443\n"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
}

TEST_F(AllowTest, PromisesAReboootOnlyWithTheService) {
  fs::create_directories(root.path() +
                         "/etc/systemd/system/sysinit.target.wants");
  fs::create_symlink("/usr/lib/systemd/system/portacl.service",
                     root.path() + "/etc/systemd/system/sysinit.target.wants/"
                                   "portacl.service");
  EXPECT_EQ(run_tool({"allow", "web", "443"}).out,
            "allowed: user web (uid 1001) may bind 443, any transport, now and "
            "after a reboot\n");
  // A bad file would make load refuse everything.
  root.write(vendor, "allow nobody-here 80\n");
  const Outcome bad = run_tool({"allow", "web", "444"});
  EXPECT_EQ(bad.status, 0);
  EXPECT_THAT(bad.out, HasSubstr("once the policy files are corrected"));
  EXPECT_THAT(bad.err, HasSubstr("40-vendor.conf:1:7: no such user"));
  // Masked units do not run.
  fs::create_symlink("/dev/null",
                     root.path() + "/etc/systemd/system/portacl.service");
  root.write(vendor, "");
  EXPECT_THAT(run_tool({"allow", "web", "445"}).out,
              HasSubstr("once portaclctl load has run"));
}

TEST_F(AllowTest, TwiceIsOnce) {
  run_tool({"allow", "web", "443"});
  const std::string text = root.read(local);
  const Outcome again = run_tool({"allow", "user", "1001", "443"});
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.out, HasSubstr("already allowed: user web (uid 1001)"));
  EXPECT_EQ(root.read(local), text);
}

TEST_F(AllowTest, BringsBackWhatTheKernelLost) {
  run_tool({"allow", "web", "443"});
  kernel.rules.clear();
  EXPECT_THAT(run_tool({"allow", "web", "443"}).out,
              testing::StartsWith("allowed: "));
  EXPECT_EQ(kernel.rules.size(), 1U);
}

TEST_F(AllowTest, NotLoadedIsSavedButSaysSo) {
  kernel.loaded = false;
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "saved: user web (uid 1001) may bind 443, any "
                         "transport, once the module is loaded\n");
  EXPECT_EQ(outcome.err,
            "warning: not yet in force: the portacl module is not loaded\n"
            "hint: to load it, run: portaclctl load\n");
  EXPECT_THAT(root.read(local), HasSubstr("allow user web 443\n"));
}

TEST_F(AllowTest, AKernelThatRefusesLeavesNoTrace) {
  kernel.refuse = [] { return ENOSPC; };
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "portaclctl: the kernel's policy is full; nothing was "
                         "changed\n");
  EXPECT_FALSE(root.exists(local));

  root.write(local, "allow eve 22\n");
  run_tool({"allow", "web", "443"});
  EXPECT_EQ(root.read(local), "allow eve 22\n");
  kernel.refuse = [] { return EPERM; };
  EXPECT_EQ(run_tool({"allow", "web", "443"}).status, 5);
  EXPECT_EQ(root.read(local), "allow eve 22\n");
}

TEST_F(AllowTest, AnotherAbiChangesNothing) {
  kernel.fixed["abi"] = "2\n";
  EXPECT_EQ(run_tool({"allow", "web", "443"}).status, 3);
  EXPECT_FALSE(root.exists(local));
}

TEST_F(AllowTest, RuntimeGoesToRun) {
  const Outcome outcome = run_tool({"allow", "--runtime", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("now, until the next reboot"));
  EXPECT_FALSE(root.exists(local));
  EXPECT_THAT(root.read(runtime), HasSubstr("\nallow user web 443\n"));
  // To make it stay is a change.
  EXPECT_THAT(run_tool({"allow", "web", "443"}).out, Not(HasSubstr("until")));
  EXPECT_THAT(root.read(local), HasSubstr("\nallow user web 443\n"));
  // What stays needs no runtime rule.
  EXPECT_THAT(run_tool({"allow", "--runtime", "web", "443"}).out,
              HasSubstr("already allowed"));
}

TEST_F(AllowTest, VendorRulesCount) {
  root.write(vendor, "allow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  EXPECT_THAT(run_tool({"allow", "web", "443"}).out,
              HasSubstr("already allowed"));
  EXPECT_FALSE(root.exists(local));
}

TEST_F(AllowTest, DryRunTellsAndDoesNothing) {
  const Outcome outcome = run_tool({"allow", "-n", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "would add to " + root.path() + local +
                             ":4: allow user web 443\n"
                             "would add to the kernel: allow user 1001 443\n");
  EXPECT_FALSE(root.exists(local));
  EXPECT_FALSE(root.exists("/run/portacl.lock"));
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(AllowTest, BadInputChangesNothing) {
  kernel.rules = {"allow any 80"};
  for (const char *ports : {"0", "65536", "99999999999", "80-", "90-80", "80,",
                            ",", "", "/tcp", "80/", "80 443", "-80"}) {
    const Outcome outcome = run_tool({"allow", "--", "web", ports});
    EXPECT_EQ(outcome.status, 2) << ports;
    EXPECT_EQ(outcome.out, "") << ports;
  }
  EXPECT_EQ(run_tool({"allow", "nobody-here", "80"}).status, 4);
  EXPECT_EQ(run_tool({"allow", "web", "no-service"}).status, 4);
  EXPECT_EQ(run_tool({"allow", "4294967295", "80"}).status, 2);
  EXPECT_EQ(run_tool({"allow", "4294967296", "80"}).status, 2);
  EXPECT_FALSE(root.exists(local));
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_EQ(kernel.generation, 1U);
}

TEST_F(AllowTest, Warns) {
  EXPECT_THAT(run_tool({"allow", "web", "511"}).err, "");
  EXPECT_THAT(run_tool({"allow", "web", "512"}).err, HasSubstr("512-1023"));
  EXPECT_THAT(run_tool({"allow", "web", "1,1000-1100"}).err,
              HasSubstr("512-1023"));
  EXPECT_THAT(run_tool({"allow", "web", "1024"}).err, "");
  EXPECT_THAT(run_tool({"allow", "root", "80"}).err, HasSubstr("root may"));
}

TEST_F(RemoveTest, TakesTheSameWordsAgain) {
  root.write(local, "# mine\nallow 1001 443 # web\nallow eve 22\n"
                    "allow user web https\n");
  kernel.rules = {"allow user 1001 443", "allow user 1002 22"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "removed: allow user web 443 (" + root.path() + local +
                             ":2, " + root.path() + local + ":4)\n");
  EXPECT_EQ(outcome.err, "hint: sockets that are bound already stay open\n");
  EXPECT_EQ(root.read(local), "# mine\nallow eve 22\n");
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1002 22"});
}

TEST_F(RemoveTest, WhatIsNotThereNamesTheNearest) {
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"remove", "allow", "web", "444"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(outcome.err, "portaclctl: no such rule: allow user web 444\n"
                         "hint: the nearest is: allow user web 443\n");
}

TEST_F(RemoveTest, NeverAPartOfARule) {
  root.write(local, "allow web 80,443\n");
  kernel.rules = {"allow user 1001 80,443"};
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 4);
  EXPECT_EQ(root.read(local), "allow web 80,443\n");
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(RemoveTest, TheActionIsNamed) {
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"remove", "web", "443"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("hint: portaclctl remove allow web 443"));
  EXPECT_EQ(run_tool({"remove"}).status, 2);
  EXPECT_EQ(root.read(local), "allow web 443\n");
}

TEST_F(RemoveTest, OtherFilesAreLeftToTheirOwners) {
  root.write(vendor, "\nallow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr(std::string(vendor) + ":2"));
  EXPECT_THAT(outcome.err,
              HasSubstr("ln -s /dev/null /etc/portacl.d/40-vendor.conf"));
  EXPECT_EQ(kernel.rules.size(), 1U);

  root.write(local, "allow web 443\n");
  const Outcome both = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(both.status, 7);
  EXPECT_THAT(both.err, HasSubstr("warning: still allowed by"));
  EXPECT_EQ(root.read(local), "");
  EXPECT_EQ(kernel.rules.size(), 1U) << "a file still grants it";
}

TEST_F(RemoveTest, RuntimeRulesAreFoundToo) {
  root.write(runtime, "allow web 443\nallow eve 22\n");
  kernel.rules = {"allow user 1001 443", "allow user 1002 22"};
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 0);
  EXPECT_EQ(root.read(runtime), "allow eve 22\n");
  EXPECT_EQ(run_tool({"remove", "--runtime", "allow", "eve", "22"}).status, 0);
  EXPECT_EQ(root.read(runtime), "");
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(RemoveTest, FromTheKernelAlone) {
  kernel.rules = {"allow user 77 443"};
  const Outcome outcome = run_tool({"remove", "allow", "77", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("it was in the kernel only"));
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(RemoveTest, AKernelThatRefusesLeavesTheFilesAsTheyWere) {
  root.write(local, "allow web 443\n");
  root.write(runtime, "allow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  kernel.refuse = [] { return ENOMEM; };
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("nothing was changed"));
  EXPECT_EQ(root.read(local), "allow web 443\n");
  EXPECT_EQ(root.read(runtime), "allow web 443\n");
}

// A user who is gone must not make his rules immortal.
TEST_F(RemoveTest, NamesThatAreGoneAreComparedAsWords) {
  root.write(local, "allow gone 443 # left in May\nallow eve 22\n");
  const Outcome outcome = run_tool({"remove", "allow", "user", "gone", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(root.read(local), "allow eve 22\n");
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl load"));
  EXPECT_EQ(run_tool({"remove", "allow", "gone", "443"}).status, 4);
}

TEST_F(RemoveTest, DryRunTellsAndDoesNothing) {
  root.write(local, "allow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443", "-n"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "would remove from " + root.path() + local +
                ":1: allow user web 443\n"
                "would remove from the kernel: allow user 1001 443\n");
  EXPECT_EQ(root.read(local), "allow web 443\n");
  EXPECT_TRUE(kernel.writes.empty());
}

} // namespace
} // namespace portacl
