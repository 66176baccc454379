// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_files.h"

#include "tool_test.h"

namespace portacl {
namespace {

class RuleFilesTest : public testing::Test {
protected:
  RuleFilesTest() : names((write_names(root), root.path())) {}
  TempRoot root;
  Names names;
};

TEST_F(RuleFilesTest, MergesAllFilesAndKnowsWhereEachRuleStands) {
  root.write("/usr/lib/portacl.d/40-mail.conf", "allow group mail 25/tcp\n");
  root.write("/etc/portacl.d/50-local.conf",
             "# comment\n\nallow web 443\nallow 1001 443 # again, last line");
  const RuleFiles files = read_rule_files(root.path(), names);
  EXPECT_TRUE(files.errors.empty());
  ASSERT_EQ(files.rules.size(), 3U);
  EXPECT_EQ(files.rules[0].numeric, "allow group 8 25/tcp");
  EXPECT_EQ(files.rules[1].words, "allow user web 443");
  EXPECT_EQ(files.origin(files.rules[2]),
            root.path() + "/etc/portacl.d/50-local.conf:4");
  const RuleIndex index(files);
  EXPECT_EQ(index.find("allow user 1001 443").size(), 2U);
  EXPECT_TRUE(index.find("allow any 1").empty());
}

TEST_F(RuleFilesTest, EveryBadLineIsAPolicyErrorWithItsPlace) {
  root.write("/etc/portacl.d/10-a.conf",
             "allow web 443\nallow web 65536\nallow wbe 1\n");
  root.write("/etc/portacl.d/20-b.conf", "allow eve 80\n", 0666);
  root.write("/etc/portacl.d/30-c.conf", "allow eve 81\n");
  const RuleFiles files = read_rule_files(root.path(), names);
  ASSERT_EQ(files.errors.size(), 3U);
  EXPECT_EQ(error_text(files.errors[0]),
            root.path() + "/etc/portacl.d/10-a.conf:2:11: "
                          "port out of range, 1 to 65535: '65536'");
  EXPECT_EQ(error_text(files.errors[1]),
            root.path() + "/etc/portacl.d/10-a.conf:3:7: no such user: 'wbe'");
  for (const Error &error : files.errors)
    EXPECT_EQ(error.code, Code::policy);
  EXPECT_EQ(files.rules.size(), 2U);
}

} // namespace
} // namespace portacl
