// SPDX-License-Identifier: GPL-2.0-only
// check, diff, apply, flush, and the names that they look at.

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/name_record.h"
#include "tool_test.h"

namespace portacl {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char *record = "/var/lib/portacl/names";

class ApplyTest : public ToolTest {};
class DiffTest : public ToolTest {};
class FlushTest : public ToolTest {};
class CheckTest : public ToolTest {};

TEST_F(ApplyTest, MakesTheKernelWhatTheFilesSay) {
  kernel.rules = {"allow any 80", "allow user 1001 443"};
  root.write(local, "allow web 443\nallow eve 22\nmode permissive\n");
  const Outcome outcome = run_tool({"apply"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "applied: 2 rules from 1 file (1 added, 1 removed), "
                         "mode permissive\n");
  EXPECT_EQ(kernel.rules, (std::set<std::string>{"allow user 1001 443",
                                                 "allow user 1002 22"}));
  EXPECT_TRUE(kmod.calls.empty());
}

TEST_F(ApplyTest, NeverLoadsTheModule) {
  kernel.loaded = false;
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"apply"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.err, HasSubstr("run: portaclctl load"));
  EXPECT_TRUE(kmod.calls.empty());
}

TEST_F(ApplyTest, AnUnchangedPolicyIsNotTouched) {
  root.write(local, "allow web 443\nstrict on\nscope all\n");
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  kernel.writes.clear();
  const uint64_t generation = kernel.generation;
  const Outcome again = run_tool({"apply"});
  EXPECT_EQ(again.status, 0);
  EXPECT_EQ(again.out, "already applied: 1 rule from 1 file\n");
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_EQ(kernel.generation, generation);
  EXPECT_THAT(run_tool({"apply", "--json=short"}).out,
              HasSubstr(R"("changed":false)"));
}

TEST_F(ApplyTest, DryRunChangesNothing) {
  root.write(local, "reserve 40000\nallow web 443\n");
  const Outcome outcome = run_tool({"apply", "-n"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("would be applied: 2 rules"));
  EXPECT_THAT(outcome.out, HasSubstr("would be kept out"));
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_EQ(sysctl.writes, 0);
  EXPECT_FALSE(root.exists(record));
}

TEST_F(ApplyTest, ABadFileAppliesNothing) {
  root.write(local, "allow web 443\nallow web 70000");
  const Outcome outcome = run_tool({"apply"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("50-local.conf:2:11: port out of range"));
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(ApplyTest, ReplaceIsAllOrNothingAndLeavesTheFilesAlone) {
  root.write(local, "allow web 443\n");
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  const Outcome bad =
      run_tool({"apply", "--replace=-"}, "allow eve 22\nallow wbe 80\n");
  EXPECT_EQ(bad.status, 4);
  EXPECT_THAT(bad.err, HasSubstr("standard input:2:7: no such user"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
  const Outcome good =
      run_tool({"apply", "--replace=-"}, "allow eve 22\nmode permissive\n");
  EXPECT_EQ(good.status, 0);
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1002 22"});
  EXPECT_EQ(kernel.fixed["mode"], "permissive\n");
  EXPECT_EQ(root.read(local), "allow web 443\n");
  EXPECT_THAT(good.err, HasSubstr("run: portaclctl apply"));
  EXPECT_EQ(run_tool({"diff"}).status, 1);
  EXPECT_EQ(run_tool({"apply"}).status, 0);
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
}

TEST_F(ApplyTest, ReplaceRefusesAnUnsafeFile) {
  root.write("/policy", "allow any 80\n", 0666);
  const Outcome outcome =
      run_tool({"apply", "--replace", root.path() + "/policy"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(ApplyTest, WhatDoesNotGoTogether) {
  root.write(local, "allow web 443\n");
  for (const std::vector<std::string> &more :
       std::vector<std::vector<std::string>>{
           {"--boot", "--confirm=5"},
           {"--boot", "--replace=-"},
           {"--yes", "--confirm=5"},
           {"--replace=-", "--confirm=5"},
           {"--confirm=0"},
           {"--confirm=x"},
           {"--confirm=5"}}) { // there is no terminal
    std::vector<std::string> line = {"apply"};
    line.insert(line.end(), more.begin(), more.end());
    EXPECT_EQ(run_tool(line).status, 2)
        << fmt::format("{}", fmt::join(line, " "));
  }
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(ApplyTest, ConfirmRefusesALockAndAsksNothingWithoutAChange) {
  root.write(local, "allow web 443\nlock\n");
  const Outcome locked = run_tool({"apply", "--confirm=5"}, "y\n", true);
  EXPECT_EQ(locked.status, 4);
  EXPECT_THAT(locked.err, HasSubstr("50-local.conf:2: the files lock"));
  EXPECT_TRUE(kernel.writes.empty());
  root.write(local, "allow web 443\n");
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  const Outcome same = run_tool({"apply", "--confirm=5"}, "", true);
  EXPECT_EQ(same.status, 0);
  EXPECT_THAT(same.err, Not(HasSubstr("Keep it?")));
}

TEST_F(ApplyTest, RecordsWhatNamesStandFor) {
  root.write(local, "allow web 443\nallow group mail 25\nallow 1002 1\n"
                    "allow user \"domain users\" 80\n");
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  EXPECT_THAT(root.read(record), HasSubstr("\nuser \"domain users\" 1004\n"
                                           "user web 1001\n"
                                           "group mail 8\n"));
  // allow adds to it, apply takes out what no file names.
  ASSERT_EQ(run_tool({"allow", "eve", "22"}).status, 0);
  EXPECT_THAT(root.read(record), HasSubstr("\nuser eve 1002\n"));
  EXPECT_THAT(root.read(record), HasSubstr("\ngroup mail 8\n"));
  root.write(local, "allow web 443\n");
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  EXPECT_THAT(root.read(record), HasSubstr("\nuser web 1001\n"));
  EXPECT_THAT(root.read(record), Not(HasSubstr("mail")));
}

TEST_F(ApplyTest, ANameWithAnotherNumberIsSaidAndRecorded) {
  root.write(record, "user web 1011\n");
  root.write(local, "allow web 443\n");
  kernel.rules = {"allow user 1011 443"};
  const char *warning = "user web was 1011 at the last apply, is now 1001\n";
  for (const char *command : {"check", "status"})
    EXPECT_THAT(run_tool({command}).err, HasSubstr(warning));
  const Outcome outcome = run_tool({"apply"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr(warning));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
  EXPECT_EQ(run_tool({"apply"}).err, "");
}

// Whoever gets the uid next must not get the ports.
TEST_F(ApplyTest, RulesOfANameThatIsGoneAreLeftOut) {
  root.write(record, "user ghost 1011\n");
  root.write(local, "allow ghost 80\nallow web 443\n");
  kernel.rules = {"allow user 1011 80"};
  const Outcome check = run_tool({"check"});
  EXPECT_EQ(check.status, 0);
  EXPECT_THAT(check.err, HasSubstr("50-local.conf:1:7: user ghost was 1011"));
  const Outcome diff = run_tool({"diff"});
  EXPECT_EQ(diff.status, 1);
  EXPECT_THAT(diff.out, HasSubstr("- allow user 1011 80 # unresolved\n"));
  EXPECT_EQ(run_tool({"apply"}).status, 7);
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
  // It is no drift, and stays known to be gone.
  EXPECT_EQ(run_tool({"diff"}).status, 0);
  EXPECT_EQ(run_tool({"apply"}).status, 7);
  // Who was never known is a mistake.
  root.write(local, "allow gohst 80\nallow web 443\n");
  EXPECT_EQ(run_tool({"apply"}).status, 4);
}

TEST_F(ApplyTest, AFailedLookupKeepsTheNumber) {
  root.write(record, "user web 1001\n");
  root.write(local, "allow web 443\n");
  fs::remove(root.path() + "/etc/passwd");
  fs::create_directory(root.path() + "/etc/passwd");
  const Outcome outcome = run_tool({"apply"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("lookup of user 'web' failed"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
  EXPECT_THAT(root.read(record), HasSubstr("user web 1001\n"));
  EXPECT_EQ(run_tool({"diff"}).status, 0);
  root.write(local, "allow web 443\nallow eve 22\n");
  EXPECT_EQ(run_tool({"apply"}).status, 6);
  EXPECT_EQ(run_tool({"apply", "--skip-unresolved"}).status, 7);
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
}

TEST_F(ApplyTest, SkipsWhatIsUnresolvedOnRequest) {
  root.write(local, "allow wbe 443\nallow web nosuchservice\nallow eve 22\n");
  EXPECT_EQ(run_tool({"apply"}).status, 4);
  const Outcome outcome = run_tool({"apply", "--skip-unresolved"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr(":1:7: no such user: 'wbe': the rule is "
                                     "left out"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1002 22"});
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"load", "--skip-unresolved"}).status, 7);
}

// The files below the root stand for those of /etc here, so that an absent one
// shows whether anybody else was asked.
TEST_F(ApplyTest, BootAsksLocalFilesOnly) {
  fs::remove(root.path() + "/etc/group");
  root.write(record, "group root 17\n");
  root.write(local, "allow web 443\nallow group root 25\n");
  const Outcome outcome = run_tool({"apply", "--boot"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("no such group: 'root': the rule is left "
                                     "out"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
  EXPECT_EQ(root.read(record), "group root 17\n") << "not its business";
}

TEST_F(ApplyTest, ARecordThatOthersCanWriteIsNotUsed) {
  root.write(record, "user ghost 0\n", 0666);
  root.write(local, "allow ghost 80\n");
  const Outcome outcome = run_tool({"check"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("names: not used: writable for others"));
}

TEST_F(DiffTest, ShowsWhatIsMissingAndWhatIsForeign) {
  kernel.rules = {"allow user 1002 22", "allow user 4242 1", "allow any 80"};
  kernel.fixed["strict"] = "1\n";
  root.write(local, "allow web 443 # comment\nallow any 80\nstrict off\n");
  const Outcome outcome = run_tool({"diff"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, fmt::format("- allow user eve 22\n"
                                     "- allow user 4242 1 # unresolved\n"
                                     "+ allow user web 443 # {0}:1\n"
                                     "- strict on\n"
                                     "+ strict off # {0}:3\n",
                                     root.path() + local));
  EXPECT_THAT(run_tool({"diff", "--json=short"}).out,
              HasSubstr(R"("different":true)"));
  EXPECT_TRUE(kernel.writes.empty());
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  const Outcome same = run_tool({"diff"});
  EXPECT_EQ(same.status, 0);
  EXPECT_EQ(same.out, "");
}

TEST_F(DiffTest, WhatHasEndedMakesNoDifference) {
  kernel.rules = {"allow user 1002 22 until 1000000000"};
  root.write(local, "allow web 443 until 1000000000\n");
  EXPECT_EQ(run_tool({"diff"}).status, 0);
}

TEST_F(DiffTest, NeedsTheModuleAndGoodFiles) {
  root.write(local, "rubbish\n");
  EXPECT_EQ(run_tool({"diff"}).status, 4);
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"diff"}).status, 3);
}

TEST_F(FlushTest, LeavesPlainKernelBehaviour) {
  root.write(local, "reserve 40000\nallow web 443\nstrict on\n");
  ASSERT_EQ(run_tool({"apply"}).status, 0);
  ASSERT_EQ(sysctl.list(), "40000");
  kernel.writes.clear();
  const Outcome outcome = run_tool({"flush", "--yes"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(
      outcome.out,
      HasSubstr("flushed: 2 rules taken out of the kernel, strict off"));
  EXPECT_THAT(outcome.err, HasSubstr("run: portaclctl apply"));
  EXPECT_TRUE(kernel.rules.empty());
  EXPECT_EQ(kernel.fixed["strict"], "0\n");
  EXPECT_EQ(kernel.writes.front().first, "strict") << "or all would be refused";
  EXPECT_EQ(sysctl.list(), "");
  EXPECT_THAT(root.read(local), HasSubstr("strict on"));
  EXPECT_EQ(run_tool({"flush"}).out,
            "already empty: the kernel's policy has no rules\n");
}

TEST_F(FlushTest, AsksFirst) {
  kernel.rules = {"allow any 80"};
  EXPECT_EQ(run_tool({"flush"}).status, 2);
  EXPECT_EQ(run_tool({"flush"}, "n\n", true).status, 1);
  EXPECT_EQ(run_tool({"flush", "-n"}).status, 0);
  EXPECT_EQ(kernel.rules.size(), 1U);
  EXPECT_EQ(run_tool({"flush"}, "y\n", true).status, 0);
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(FlushTest, ARefusalLeavesWhatWas) {
  kernel.rules = {"allow any 80"};
  kernel.fixed["strict"] = "1\n";
  int write = 0;
  kernel.refuse = [&] { return ++write == 2 ? EPERM : 0; };
  EXPECT_EQ(run_tool({"flush", "-y"}).status, 5);
  EXPECT_EQ(kernel.fixed["strict"], "1\n");
  EXPECT_EQ(kernel.rules.size(), 1U);
  kernel.refuse = {};
  kernel.fixed["locked"] = "1\n";
  EXPECT_EQ(run_tool({"flush", "-y"}).status, 6);
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"flush", "-y"}).status, 3);
}

TEST_F(CheckTest, AFileThatIsTooLargeIsNotRead) {
  root.write(local, "");
  fs::resize_file(root.path() + local, (uintmax_t{256} << 20) + 1);
  const Outcome outcome = run_tool({"check"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("50-local.conf: larger than 268435456 "));
}

TEST_F(CheckTest, OneMistakeTooManyIsWorthNoSuggestion) {
  std::string text;
  for (int i = 0; i < 1000; i++)
    text += fmt::format("allow wbe{} 443\n", i);
  root.write(local, text);
  const Outcome outcome = run_tool({"check"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("wbe0"));
  EXPECT_THAT(outcome.err, HasSubstr(":1000:7: no such user: 'wbe999'\n"));
}

// Every allow against every deny would be 10^10 steps.
TEST_F(CheckTest, ManyRulesTakeNoTime) {
  constexpr int many = 100000;
  std::string text;
  for (int i = 0; i < many; i++)
    text += i % 2 == 0 ? fmt::format("allow {} {}\n", i, 1 + i % 500)
                       : fmt::format("deny {} {}\n", i, 1 + i % 60000);
  root.write(local, text);
  const Outcome outcome = run_tool({"check"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("ok: 100000 rules"));
  EXPECT_THAT(outcome.err, HasSubstr("only the first 20 are shown"));
}

TEST_F(CheckTest, StandardInputHasALimitOfItsLines) {
  const Outcome outcome = run_tool({"check", "-"}, std::string(1 << 20, 'a'));
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(outcome.err, "portaclctl: standard input:1:65537: line is longer "
                         "than 65536 bytes\n");
}

// What is left of a stream may be another rule than was meant.
TEST_F(ApplyTest, AStreamMustBeWhole) {
  kernel.rules = {"deny any 8080"};
  for (const char *text : {"", "deny any 8080\nallow user 1001 8"}) {
    const Outcome outcome = run_tool({"apply", "--replace", "-"}, text);
    EXPECT_EQ(outcome.status, 4) << text;
    EXPECT_THAT(outcome.err, HasSubstr("standard input")) << text;
  }
  EXPECT_EQ(kernel.rules, std::set<std::string>{"deny any 8080"});
}

// The name has moved: its rules under the former number are still in force.
TEST_F(ApplyTest, OnlyApplyFollowsANameThatHasMoved) {
  root.write(record, "user web 1099\n");
  kernel.rules = {"allow user 1099 443"};
  root.write(local, "allow web 443\n");
  const Outcome allowed = run_tool({"allow", "web", "80"});
  EXPECT_EQ(allowed.status, 7);
  EXPECT_THAT(allowed.err, HasSubstr("user web was 1099 at the last apply"));
  EXPECT_THAT(run_tool({"check"}).err, HasSubstr("1099"));
  const Outcome applied = run_tool({"apply"});
  EXPECT_EQ(kernel.rules, (std::set<std::string>{"allow user 1001 443",
                                                 "allow user 1001 80"}));
  EXPECT_THAT(run_tool({"check"}).err, Not(HasSubstr("1099")));
}

TEST_F(CheckTest, AListOfMistakesEnds) {
  std::string text;
  for (int i = 0; i < 5000; i++)
    text += "nonsense\n";
  root.write(local, text);
  const Outcome outcome = run_tool({"check"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_LT(outcome.err.size(), 1000U * 256);
  EXPECT_THAT(outcome.err, HasSubstr("50-local.conf:1000:1: "));
  EXPECT_THAT(outcome.err, HasSubstr("more mistakes behind it"));
}

TEST_F(CheckTest, NamesOfFilesCannotDisturb) {
  root.write("/etc/portacl.d/10-\x1b[2Jx.conf", "nonsense\n");
  root.write("/etc/portacl.d/20-\x1b[2Jy.conf", "allow web 443\n");
  for (const char *command : {"check", "list", "diff", "status"}) {
    const Outcome outcome = run_tool({command});
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("\x1b[2J")))
        << command;
  }
}

TEST(ShellCommandTest, NamesAreWhatTheyAre) {
  EXPECT_EQ(shell_command("remove", "deny any 443"),
            "portaclctl remove deny any 443");
  EXPECT_EQ(shell_command("", "allow user web 80,443/tcp on 2001:db8::/32"),
            "portaclctl allow user web 80,443/tcp on 2001:db8::/32");
  EXPECT_EQ(shell_command("", "allow user \"2030\" 443"),
            "portaclctl allow 'user \"2030\" 443'");
  EXPECT_EQ(shell_command("remove", "allow user DOM\\joe 443"),
            "portaclctl remove 'allow user DOM\\joe 443'");
  EXPECT_EQ(shell_command("", "allow user o'neil 80"),
            "portaclctl allow 'user o'\\''neil 80'");
}

} // namespace
} // namespace portacl
