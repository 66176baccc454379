// SPDX-License-Identifier: GPL-2.0-only

#include "lib/kernel.h"

#include <cerrno>
#include <filesystem>
#include <numeric>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "tool_test.h"
#include "uapi/portacl.h"

namespace portacl {
namespace {

TEST(Sysfs, ReadsADirectory) {
  const TempRoot root;
  SysfsKernel kernel(root.path());
  EXPECT_FALSE(*is_loaded(kernel));
  root.write("/abi", "1\n");
  root.write("/generation", "18446744073709551615\n");
  EXPECT_TRUE(*is_loaded(kernel));
  EXPECT_EQ(*read_number(kernel, "generation"), UINT64_MAX);
  EXPECT_EQ(kernel.read("missing").error().errnum, ENOENT);
  root.write("/generation", "7 apples\n");
  EXPECT_FALSE(read_number(kernel, "generation"));
}

TEST(Sysfs, AnotherAbiIsAsGoodAsNotLoaded) {
  const TempRoot root;
  SysfsKernel kernel(root.path());
  for (const char *abi : {"2\n", "\n", "11\n"}) {
    root.write("/abi", abi);
    const auto loaded = is_loaded(kernel);
    ASSERT_FALSE(loaded) << abi;
    EXPECT_EQ(loaded.error().code, Code::not_loaded);
  }
}

TEST(Sysfs, WritesOnceAndDoesNotCreateFiles) {
  const TempRoot root;
  SysfsKernel kernel(root.path());
  EXPECT_EQ(kernel.write("add", "allow any 80\n").error().errnum, ENOENT);
  EXPECT_FALSE(root.exists("/add"));
  // A pipe shows what arrives together.
  const std::string path = root.path() + "/add";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const UniqueFd reader(open(path.c_str(), O_RDONLY | O_NONBLOCK));
  ASSERT_TRUE(kernel.write("add", "allow any 80\n"));
  EXPECT_EQ(*read_all(reader, path), "allow any 80\n");
}

TEST(ReadPolicy, TakesOneWholeGeneration) {
  FakeKernel kernel;
  kernel.rules = {"allow any 80", "allow user 1001 443"};
  const auto policy = read_policy(kernel);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->generation, 1U);
  EXPECT_EQ(policy->rules,
            (std::vector<std::string>{"allow any 80", "allow user 1001 443"}));
}

TEST(ReadPolicy, StartsAgainAfterAChange) {
  FakeKernel kernel;
  kernel.rules = {"allow any 80"};
  kernel.next_policies = {
      "", // ESTALE
      "# portacl policy, generation 1\nallow any 1\n# end of generation 2\n",
      "# portacl policy, generation 1\nallow any 1\n",
      "# portacl policy, generation 1\nallow any 1\n# end of generation 1",
      "allow any 1\n"};
  const auto policy = read_policy(kernel);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->rules, std::vector<std::string>{"allow any 80"});
  EXPECT_TRUE(kernel.next_policies.empty());
}

TEST(ReadPolicy, GivesUpInTheEnd) {
  FakeKernel kernel;
  kernel.next_policies.resize(1000);
  EXPECT_EQ(read_policy(kernel).error().code, Code::system);
  EXPECT_FALSE(kernel.next_policies.empty());
}

TEST(ReadPolicy, RefusesRulesItDoesNotKnow) {
  FakeKernel kernel;
  kernel.next_policies = {"# portacl policy, generation 1\ndeny any 1\n"
                          "# end of generation 1\n"};
  EXPECT_FALSE(read_policy(kernel));
}

TEST(Difference, IsOfSets) {
  const PolicyChange change =
      difference({"b", "a", "a", "c"}, {"c", "d", "d", "b"});
  EXPECT_EQ(change.add, std::vector<std::string>{"d"});
  EXPECT_EQ(change.remove, std::vector<std::string>{"a"});
  EXPECT_TRUE(difference({"a", "b"}, {"b", "a", "a"}).empty());
}

TEST(Chunks, FillTheLimitAndNeverPassIt) {
  const std::string rule(9, 'x'); // 10 bytes with its newline
  const std::vector<std::string> rules(5, rule);
  EXPECT_EQ(chunks_of(rules, 50).size(), 1U);
  EXPECT_EQ(chunks_of(rules, 49).size(), 2U);
  EXPECT_EQ(chunks_of(rules, 20).size(), 3U);
  EXPECT_TRUE(chunks_of({}, 50).empty());
}

TEST(Chunks, AreWholeLinesUpTo4095Bytes) {
  std::vector<std::string> rules;
  for (unsigned i = 0; i < 3000; i++)
    rules.push_back(fmt::format("allow user {} {}", i * 7919, i % 65535 + 1));
  std::string joined;
  bool full = false;
  for (const std::string &chunk : chunks_of(rules, PORTACL_MAX_WRITE)) {
    EXPECT_LE(chunk.size(), 4095U);
    EXPECT_TRUE(chunk.ends_with('\n'));
    full = full || chunk.size() > 4050;
    joined += chunk;
  }
  EXPECT_TRUE(full) << "chunks are wastefully small";
  std::string expected;
  for (const std::string &rule : rules)
    expected += rule + "\n";
  EXPECT_EQ(joined, expected);
}

// A rule of 4094 bytes and its newline are just a page less one byte.
TEST(Chunks, TakeExactly4095Bytes) {
  const std::vector<std::string> rules = {std::string(4094, 'x')};
  ASSERT_EQ(chunks_of(rules, PORTACL_MAX_WRITE).size(), 1U);
  EXPECT_EQ(chunks_of(rules, PORTACL_MAX_WRITE)[0].size(), 4095U);
}

std::vector<std::string> many_rules(unsigned first, unsigned count) {
  std::vector<std::string> rules;
  for (unsigned i = first; i < first + count; i++)
    rules.push_back(fmt::format("allow user {} 80-90,443/tcp", 100000 + i));
  return rules;
}

TEST(ChangePolicy, AddsBeforeItRemoves) {
  FakeKernel kernel;
  const auto old_rules = many_rules(0, 300);
  kernel.rules = {old_rules.begin(), old_rules.end()};
  std::vector<size_t> progress;
  ASSERT_TRUE(change_policy(kernel, {many_rules(300, 300), old_rules},
                            [&](size_t done, size_t total) {
                              EXPECT_EQ(total, 600U);
                              progress.push_back(done);
                            }));
  const auto new_rules = many_rules(300, 300);
  EXPECT_EQ(kernel.rules,
            (std::set<std::string>{new_rules.begin(), new_rules.end()}));
  ASSERT_GE(kernel.writes.size(), 4U);
  bool removing = false;
  for (const auto &[attribute, data] : kernel.writes) {
    EXPECT_FALSE(removing && attribute == "add");
    removing = attribute == "remove";
  }
  EXPECT_EQ(progress.back(), 600U);
}

// A refusal in the middle leaves the policy as it was.
TEST(ChangePolicy, TakesBackTheFirstPart) {
  for (unsigned refused = 0; refused < 6; refused++) {
    FakeKernel kernel;
    const auto old_rules = many_rules(0, 300);
    kernel.rules = {old_rules.begin(), old_rules.end()};
    const auto before = kernel.rules;
    unsigned count = 0;
    kernel.refuse = [&] { return count++ == refused ? ENOMEM : 0; };
    EXPECT_FALSE(change_policy(kernel, {many_rules(300, 300), old_rules}));
    EXPECT_EQ(kernel.rules, before) << refused;
  }
}

TEST(ChangePolicy, SaysWhatTheKernelSays) {
  FakeKernel kernel;
  kernel.fixed["error"] = "line 2 column 12: port out of range\n";
  kernel.refuse = [] { return EINVAL; };
  const auto refused =
      change_policy(kernel, {{"allow any 1", "allow any 2"}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::system);
  EXPECT_EQ(refused.error().message,
            "the kernel refused the rules: line 2 column 12: port out of "
            "range, in: allow any 2");
  kernel.refuse = [] { return EPERM; };
  EXPECT_EQ(change_policy(kernel, {{"allow any 1"}, {}}).error().code,
            Code::permission);
  kernel.refuse = [] { return ENOSPC; };
  EXPECT_EQ(change_policy(kernel, {{"allow any 1"}, {}}).error().message,
            "the kernel's policy is full");
}

} // namespace
} // namespace portacl
