// SPDX-License-Identifier: GPL-2.0-only

#include "lib/upload.h"

#include <cerrno>
#include <set>

#include <fmt/format.h>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

std::vector<std::string> many_rules(unsigned count) {
  std::vector<std::string> rules;
  for (unsigned i = 0; i < count; i++)
    rules.push_back(fmt::format("allow user {} 80-90,443/tcp", 100000 + i));
  return rules;
}

std::set<std::string> as_set(const std::vector<std::string> &rules) {
  return {rules.begin(), rules.end()};
}

TEST(Upload, ReplacesTheWholePolicyAtOnce) {
  FakeKernel kernel;
  kernel.rules = {"allow any 1"};
  const auto rules = many_rules(1000);
  std::vector<size_t> progress;
  kernel.refuse = [&] {
    EXPECT_EQ(kernel.rules.size(), 1U) << "before the commit";
    return 0;
  };
  ASSERT_TRUE(upload_policy(kernel, rules, [&](size_t done, size_t total) {
    EXPECT_EQ(total, 1000U);
    progress.push_back(done);
  }));
  EXPECT_EQ(kernel.rules, as_set(rules));
  EXPECT_EQ(kernel.generation, 2U);
  EXPECT_EQ(progress.back(), 1000U);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
}

TEST(Upload, EveryStepIsOneWriteOfAtMost4095Bytes) {
  FakeKernel kernel;
  ASSERT_TRUE(upload_policy(kernel, many_rules(1000)));
  bool full = false;
  for (const auto &[attribute, data] : kernel.writes) {
    EXPECT_EQ(attribute, "policy");
    EXPECT_LE(data.size(), 4095U);
    full = full || data.size() == 4095;
  }
  EXPECT_TRUE(full) << "chunks are wastefully small";
  EXPECT_THAT(kernel.writes.front().second,
              MatchesRegex("begin [0-9]+ [0-9a-f]{16}\n"));
  EXPECT_THAT(kernel.writes[1].second,
              MatchesRegex("chunk [0-9a-f]{16} 0\nallow(.|\n)*"));
  EXPECT_THAT(kernel.writes.back().second,
              MatchesRegex("commit [0-9a-f]{16} [0-9a-f]{8}\n"));
}

TEST(Upload, AnEmptyPolicyIsOneToo) {
  FakeKernel kernel;
  kernel.rules = {"allow any 1"};
  ASSERT_TRUE(upload_policy(kernel, {}));
  EXPECT_TRUE(kernel.rules.empty());
  ASSERT_EQ(kernel.writes.size(), 2U);
  EXPECT_THAT(kernel.writes.back().second, HasSubstr(" 00000000\n"));
}

// Each place at which another upload can come in between.
TEST(Upload, StartsAgainWhenOvertaken) {
  for (int at = 1; at <= 3; at++) {
    FakeKernel kernel;
    int write = 0;
    kernel.refuse = [&] {
      if (write++ == at)
        kernel.upload = {.nonce = "other", .length = 5, .text = {}};
      return 0;
    };
    ASSERT_TRUE(upload_policy(kernel, many_rules(150))) << at;
    EXPECT_EQ(kernel.rules.size(), 150U);
    std::set<std::string> begins;
    for (const auto &[attribute, data] : kernel.writes) {
      if (data.starts_with("begin"))
        begins.insert(data);
    }
    EXPECT_EQ(begins.size(), 2U) << "a nonce of its own for each";
  }
}

TEST(Upload, GivesUpInTheEnd) {
  FakeKernel kernel;
  kernel.rules = {"allow any 1"};
  kernel.refuse = [&] {
    if (!kernel.upload.nonce.empty())
      kernel.upload.nonce = "other";
    return 0;
  };
  const auto failed = upload_policy(kernel, many_rules(3));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::system);
  EXPECT_THAT(failed.error().message,
              StartsWith("overtaken by other uploads 5 times"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow any 1"});
}

TEST(Upload, NamesTheRuleThatTheKernelRefuses) {
  FakeKernel kernel;
  kernel.disliked = "allow user 100002 80-90,443/tcp";
  const auto refused = upload_policy(kernel, many_rules(5));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().line, 3U);
  EXPECT_EQ(refused.error().message,
            "the kernel refused it: line 3 column 1: disliked, in: allow user "
            "100002 80-90,443/tcp");
  EXPECT_TRUE(kernel.rules.empty());
}

// Whatever step fails, the old policy stays and nothing is left behind.
TEST(Upload, AFailureDropsIt) {
  for (int failing = 0; failing < 4; failing++) {
    FakeKernel kernel;
    kernel.rules = {"allow any 1"};
    int write = 0;
    kernel.refuse = [&] { return write++ == failing ? ENOMEM : 0; };
    EXPECT_FALSE(upload_policy(kernel, many_rules(150))) << failing;
    EXPECT_EQ(kernel.rules, std::set<std::string>{"allow any 1"});
    EXPECT_TRUE(kernel.upload.nonce.empty()) << failing;
  }
}

TEST(Upload, Locked) {
  FakeKernel kernel;
  kernel.fixed["locked"] = "1\n";
  const auto refused = upload_policy(kernel, many_rules(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the policy is locked until the next reboot");
}

} // namespace
} // namespace portacl
