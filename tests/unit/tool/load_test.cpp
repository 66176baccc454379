// SPDX-License-Identifier: GPL-2.0-only
// load and unload.

#include <cerrno>

#include <fmt/format.h>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;

class LoadTest : public ToolTest {
protected:
  LoadTest() { kernel.loaded = false; }
};
class UnloadTest : public ToolTest {};

TEST_F(LoadTest, LoadsByNameAndApplies) {
  root.write(local, "allow web 443\nallow eve 22\n");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "loaded: 2 rules from 1 file (2 added, 0 removed)\n");
  EXPECT_EQ(kmod.calls, std::vector<std::string>{"load portacl"});
  EXPECT_EQ(kernel.rules, (std::set<std::string>{"allow user 1001 443",
                                                 "allow user 1002 22"}));
}

TEST_F(LoadTest, LoadsAFile) {
  EXPECT_EQ(run_tool({"load", "./portacl.ko"}).status, 0);
  EXPECT_EQ(kmod.calls, std::vector<std::string>{"load ./portacl.ko"});
  EXPECT_EQ(run_tool({"load", "a.ko", "b.ko"}).status, 2);
}

TEST_F(LoadTest, MakesTheKernelWhatTheFilesSay) {
  kernel.loaded = true;
  kernel.rules = {"allow any 80", "allow user 1001 443"};
  root.write(local, "allow web 443\nallow eve 22\n");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.out, "applied: 2 rules from 1 file (1 added, 1 removed)\n");
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_EQ(kernel.rules, (std::set<std::string>{"allow user 1001 443",
                                                 "allow user 1002 22"}));
  EXPECT_EQ(kernel.generation, 2U) << "at once";
}

TEST_F(LoadTest, WhatIsThereIsNotWritten) {
  kernel.loaded = true;
  kernel.rules = {"allow user 1001 443"};
  root.write(local, "allow web 443\nmode enforce\n");
  EXPECT_EQ(run_tool({"load"}).out, "already applied: 1 rule from 1 file\n");
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(LoadTest, SetsWhatTheFilesSayAndLocksLast) {
  kernel.fixed["scope"] = "all\n";
  root.write(local, "lock\nmode off\nallow web 443\nstrict on\n");
  root.write(runtime, "mode permissive\n");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "loaded: 1 rule from 2 files (1 added, 0 removed), "
                         "mode permissive, strict on, lock\n");
  EXPECT_EQ(kernel.rules.size(), 1U);
  EXPECT_EQ(kernel.fixed["mode"], "permissive\n");
  EXPECT_EQ(kernel.fixed["strict"], "1\n");
  EXPECT_EQ(kernel.fixed["scope"], "all\n") << "no file says anything";
  EXPECT_EQ(kernel.fixed["locked"], "1\n");
  EXPECT_EQ(kernel.writes.back().first, "locked");
  // Locked, but as it should be.
  EXPECT_EQ(run_tool({"load"}).status, 0);
  root.write(local, "allow web 80\n");
  const Outcome locked = run_tool({"load"});
  EXPECT_EQ(locked.status, 6);
  EXPECT_THAT(locked.err, HasSubstr("locked until the next reboot"));
}

TEST_F(LoadTest, DryRunNamesTheSettings) {
  root.write(local, "strict on\nallow web 443\n");
  EXPECT_THAT(run_tool({"load", "-n"}).out,
              HasSubstr("(1 added, 0 removed), strict on\n"));
  kernel.loaded = true;
  EXPECT_THAT(run_tool({"load", "-n"}).out,
              HasSubstr("(1 added, 0 removed), strict on\n"));
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(LoadTest, OvertakenByAnotherUpload) {
  root.write(local, "allow web 443\n");
  kernel.refuse = [&] {
    if (!kernel.upload.nonce.empty())
      kernel.upload.nonce = "other";
    return 0;
  };
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("overtaken by other uploads"));
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(LoadTest, ARefusedRuleHasItsPlaceInTheFiles) {
  root.write(vendor, "# vendor\n\nallow any 80\n");
  root.write(local, "allow web 443\nmode off\n# comment\nallow eve 22\n");
  kernel.disliked = "allow user 1002 22";
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr(std::string(local) +
                                     ":4: the kernel refused it: line 3 column "
                                     "1: disliked, in: allow user 1002 22\n"));
  EXPECT_TRUE(kernel.rules.empty());
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n") << "nothing is set, either";
}

TEST_F(LoadTest, ARefusedSettingHasItsPlace) {
  root.write(local, "allow any 80\nstrict on\nscope all\n");
  unsigned write = 0;
  kernel.refuse = [&] { return ++write == 4 ? EPERM : 0; };
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 5);
  EXPECT_THAT(outcome.err, HasSubstr("50-local.conf:2: not permitted"));
  EXPECT_THAT(outcome.err, HasSubstr("; the rules are in force, but not: "
                                     "strict on, scope all\n"));
  EXPECT_EQ(kernel.rules.size(), 1U);
}

std::vector<std::string> attributes(const FakeKernel &kernel) {
  std::vector<std::string> names;
  for (const auto &[name, data] : kernel.writes) {
    if (names.empty() || names.back() != name)
      names.push_back(name);
  }
  return names;
}

// No deny bites for a moment that no file means.
TEST_F(LoadTest, WhatRefusesLessGoesBeforeTheRules) {
  using Names = std::vector<std::string>;
  root.write(local, "lock\nscope all\nstrict off\nmode permissive\n"
                    "deny any 22\n");
  kernel.fixed["strict"] = "1\n";
  EXPECT_EQ(run_tool({"load"}).status, 0);
  EXPECT_EQ(attributes(kernel),
            (Names{"mode", "strict", "policy", "scope", "locked"}));
}

TEST_F(LoadTest, WhatRefusesMoreGoesBehindTheRules) {
  using Names = std::vector<std::string>;
  kernel.loaded = true;
  root.write(local, "lock\nscope all\nstrict on\nmode enforce\n"
                    "allow any 22\n");
  kernel.fixed["mode"] = "off\n";
  EXPECT_EQ(run_tool({"load"}).status, 0);
  EXPECT_EQ(attributes(kernel),
            (Names{"policy", "mode", "strict", "scope", "locked"}));
}

TEST_F(LoadTest, SettingsGoBackWithTheRules) {
  root.write(local, "mode off\nstrict off\ndeny any 22\n");
  kernel.fixed["strict"] = "1\n";
  kernel.disliked = "deny any 22";
  EXPECT_EQ(run_tool({"load"}).status, 6);
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n");
  EXPECT_EQ(kernel.fixed["strict"], "1\n");
  // The first one alone was set.
  unsigned write = 0;
  kernel.refuse = [&] { return ++write == 2 ? EPERM : 0; };
  EXPECT_EQ(run_tool({"load"}).status, 5);
  EXPECT_EQ(kernel.fixed["mode"], "enforce\n");
  write = 0;
  kernel.refuse = [&] { return ++write >= 2 ? EPERM : 0; };
  EXPECT_THAT(run_tool({"load"}).err,
              HasSubstr("'mode off' is in force, though the rules are not"));
}

TEST_F(LoadTest, WarnsOfWhatHasEnded) {
  root.write(local, "allow web 443 until 1000000000\nallow web 80\n");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "warning: " + root.path() + local +
                             ":1 has ended: allow user web 443 until "
                             "2001-09-09T01:46:40Z\n");
}

TEST_F(LoadTest, ABadDirectiveLoadsNothing) {
  root.write(local, "mode maybe\n");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr(":1:6: 'maybe' is no value for mode"));
  EXPECT_TRUE(kmod.calls.empty());
}

TEST_F(LoadTest, ABadFileLoadsNothing) {
  root.write(local, "allow web 443\nallow web 70000\n");
  root.write(vendor, "allow wbe 80\n");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("50-local.conf:2:11: port out of range"));
  EXPECT_THAT(outcome.err, HasSubstr("hint: ports are 1-65535"));
  EXPECT_THAT(outcome.err, HasSubstr("40-vendor.conf:1:7: no such user"));
  EXPECT_THAT(outcome.err, HasSubstr("nothing was loaded or changed"));
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(LoadTest, AModuleThatDoesNotLoad) {
  kmod.error = EPERM;
  EXPECT_EQ(run_tool({"load"}).status, 5);
  kmod.error = ENODEV;
  EXPECT_EQ(run_tool({"load"}).status, 6);
}

TEST_F(LoadTest, DryRunLoadsNothing) {
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"load", "--dry-run"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "would be loaded: 1 rule from 1 file (1 added, 0 removed)\n");
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_FALSE(root.exists("/run/portacl.lock"));
}

TEST_F(LoadTest, ManyRulesGoInWholePages) {
  std::string text;
  for (int i = 0; i < 20000; i++)
    text += fmt::format("allow {} {}\n", 100000 + i, i + 1);
  root.write(local, text);
  EXPECT_EQ(run_tool({"load"}).status, 0);
  EXPECT_EQ(kernel.rules.size(), 20000U);
}

TEST_F(UnloadTest, AsksFirst) {
  kernel.rules = {"allow any 80"};
  const Outcome no = run_tool({"unload"}, "n\n", true);
  EXPECT_EQ(no.status, 1);
  EXPECT_THAT(no.err, HasSubstr("ends the enforcement of 1 rule"));
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_EQ(run_tool({"unload"}, "", true).status, 1);
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_EQ(run_tool({"unload"}, "y\n", true).status, 0);
  EXPECT_EQ(kmod.calls, std::vector<std::string>{"unload portacl"});
}

TEST_F(UnloadTest, NeedsYesWithoutATerminal) {
  const Outcome outcome = run_tool({"unload"}, "y\n", false);
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("unload --yes"));
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_EQ(run_tool({"unload", "--yes"}).status, 0);
  EXPECT_FALSE(kernel.loaded);
}

TEST_F(UnloadTest, NotLoadedIsDone) {
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"unload"}).status, 0);
  EXPECT_TRUE(kmod.calls.empty());
}

// The way out when tool and module do not fit.
TEST_F(UnloadTest, AnotherAbiCanBeUnloaded) {
  kernel.fixed["abi"] = "9\n";
  EXPECT_EQ(run_tool({"unload", "-y"}).status, 0);
  EXPECT_FALSE(kernel.loaded);
}

// What loads and unloads a module does not change a kernel.
constexpr const char *built_in = "/sys/module/portacl/version";

TEST_F(LoadTest, BuiltInIsApplied) {
  root.write(built_in, PORTACL_VERSION "\n");
  root.write(local, "allow web 443\n");
  kernel.loaded = true;
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "applied: 1 rule from 1 file (1 added, 0 removed)\n");
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_THAT(run_tool({"status"}).out, HasSubstr("module built in (abi 1)"));
}

TEST_F(LoadTest, BuiltInAndLeftOutIsToldEverywhere) {
  root.write(built_in, PORTACL_VERSION "\n");
  root.write("/sys/kernel/security/lsm", "capability,landlock,yama");
  root.write(local, "allow web 443\n");
  for (const std::vector<std::string> &command :
       std::vector<std::vector<std::string>>{{"load"},
                                             {"apply"},
                                             {"diff"},
                                             {"flush"},
                                             {"list", "--source", "kernel"},
                                             {"status"}}) {
    const Outcome outcome = run_tool(command);
    EXPECT_EQ(outcome.status, 3) << command.front();
    EXPECT_THAT(outcome.out + outcome.err, HasSubstr("not switched on"));
    EXPECT_THAT(outcome.err, HasSubstr("lsm=landlock,yama,portacl on the "));
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("portaclctl load")));
  }
  EXPECT_TRUE(kmod.calls.empty());
  const Outcome saved = run_tool({"allow", "eve", "22"});
  EXPECT_EQ(saved.status, 7);
  EXPECT_THAT(saved.err, HasSubstr("not yet in force: portacl is built into "));
  EXPECT_THAT(run_tool({"version"}).out, HasSubstr("not switched on"));
  EXPECT_EQ(run_tool({"unload"}).status, 0);
}

TEST_F(LoadTest, NamesNoSecurityModulesThatItDoesNotKnow) {
  root.write(built_in, PORTACL_VERSION "\n");
  EXPECT_THAT(run_tool({"load"}).err, HasSubstr("lsm=...,portacl on the "));
  root.write("/sys/kernel/security/lsm", "capability");
  EXPECT_THAT(run_tool({"load"}).err, HasSubstr("lsm=portacl on the "));
}

TEST_F(LoadTest, ALoadedModuleIsNotBuiltIn) {
  root.write(built_in, PORTACL_VERSION "\n");
  root.write("/sys/module/portacl/initstate", "live\n");
  kernel.loaded = true;
  EXPECT_THAT(run_tool({"status"}).out, HasSubstr("module loaded (abi 1)"));
  EXPECT_EQ(run_tool({"unload", "-y"}).status, 0);
  EXPECT_FALSE(kernel.loaded);
}

TEST_F(UnloadTest, BuiltInStays) {
  root.write(built_in, PORTACL_VERSION "\n");
  const Outcome outcome = run_tool({"unload", "-y"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl mode off"));
  EXPECT_TRUE(kmod.calls.empty());
}

TEST_F(UnloadTest, BusyIsASystemError) {
  kmod.error = EBUSY;
  EXPECT_EQ(run_tool({"unload", "-y"}).status, 6);
}

} // namespace
} // namespace portacl
