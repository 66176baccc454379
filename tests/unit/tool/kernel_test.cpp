// SPDX-License-Identifier: GPL-2.0-only

#include "lib/kernel.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "tool_test.h"

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
  kernel.next_policies = {"# portacl policy, generation 1\nblock any 1\n"
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

TEST(ReadPolicy, ReadsHits) {
  FakeKernel kernel;
  kernel.rules = {"allow any 80", "deny user 1001 443 on 10.0.0.0/8"};
  kernel.hits = {{"allow any 80", 9999999999}};
  const auto policy = read_policy(kernel);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->hits, (std::vector<uint64_t>{9999999999, 0}));
  // A module without them is fine, too.
  kernel.next_policies = {"# portacl policy, generation 1\nallow any 1\n"
                          "# end of generation 1\n"};
  EXPECT_EQ(read_policy(kernel)->hits, std::vector<uint64_t>{0});
}

TEST(Submit, SaysWhatTheKernelSays) {
  FakeKernel kernel;
  kernel.fixed["error"] = "line 2 column 12: port out of range\n";
  kernel.refuse = [] { return EINVAL; };
  const auto refused = submit(kernel, "add", "allow any 1\nallow any 2\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::system);
  EXPECT_EQ(refused.error().line, 2U);
  EXPECT_EQ(refused.error().message,
            "the kernel refused it: line 2 column 12: port out of range, in: "
            "allow any 2");
  kernel.fixed["error"] = "\n";
  EXPECT_THAT(submit(kernel, "add", "allow any 1\n").error().message,
              testing::HasSubstr("Invalid argument"));
  kernel.refuse = [] { return EPERM; };
  EXPECT_EQ(submit(kernel, "add", "allow any 1\n").error().code,
            Code::permission);
  kernel.refuse = [] { return ENOSPC; };
  EXPECT_EQ(submit(kernel, "add", "allow any 1\n").error().message,
            "the kernel's policy is full");
  kernel.refuse = {};
  kernel.fixed["locked"] = "1\n";
  EXPECT_EQ(submit(kernel, "add", "allow any 1\n").error().message,
            "the policy is locked until the next reboot");
}

} // namespace
} // namespace portacl
