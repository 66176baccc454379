// SPDX-License-Identifier: GPL-2.0-only

#include "lib/names.h"

#include <unistd.h>

#include "tool_test.h"

namespace portacl {
namespace {

class NamesTest : public testing::Test {
protected:
  NamesTest() { write_names(root); }
  TempRoot root;
};

TEST_F(NamesTest, ComeFromTheRoot) {
  Names names(root.path());
  EXPECT_EQ(*names.uid("web"), 1001U);
  EXPECT_EQ(*names.uid("domain users"), 1004U);
  EXPECT_EQ(*names.gid("mail"), 8U);
  EXPECT_EQ(names.user(1002)->name, "eve");
  EXPECT_EQ(names.group_name(8), "mail");
  EXPECT_FALSE(names.user(4242));
  EXPECT_EQ(names.group_name(4242), "");
}

TEST_F(NamesTest, UnknownNamesAreAPolicyErrorWithTheNearest) {
  Names names(root.path());
  const auto user = names.uid("wbe");
  ASSERT_FALSE(user);
  EXPECT_EQ(user.error().code, Code::policy);
  EXPECT_EQ(user.error().message, "no such user: 'wbe'");
  EXPECT_EQ(user.error().hint, "did you mean 'web'?");
  EXPECT_EQ(names.gid("mial").error().hint, "did you mean 'mail'?");
  EXPECT_EQ(names.service("htpps").error().hint, "did you mean 'https'?");
  // A user is no group.
  EXPECT_FALSE(names.gid("eve"));
}

TEST_F(NamesTest, GroupsAreThePrimaryAndTheListedOnesInOrder) {
  Names names(root.path());
  EXPECT_EQ(*names.groups_of(*names.user(1001)),
            (std::vector<uint32_t>{8, 1001}));
  EXPECT_EQ(*names.groups_of(*names.user(1003)), std::vector<uint32_t>{1003});
}

TEST_F(NamesTest, ServicesListTheirProtocols) {
  Names names(root.path());
  const auto https = names.service("https");
  ASSERT_TRUE(https);
  ASSERT_EQ(https->size(), 2U);
  EXPECT_EQ(https->at(0).port, 443);
  const auto www = names.service("www");
  ASSERT_TRUE(www);
  ASSERT_EQ(www->size(), 1U);
  EXPECT_EQ(www->at(0).port, 80);
  EXPECT_EQ(www->at(0).protocol, "tcp");
  EXPECT_FALSE(names.service("broken"));
}

TEST_F(NamesTest, FallBackToThisMachineWithoutFiles) {
  const TempRoot empty;
  Names names(empty.path());
  EXPECT_EQ(*names.uid("root"), 0U);
  EXPECT_EQ(*names.gid("root"), 0U);
}

TEST(Names, OfThisMachine) {
  Names names;
  EXPECT_EQ(*names.uid("root"), 0U);
  EXPECT_EQ(names.user(0)->name, "root");
  EXPECT_EQ(names.group_name(0), "root");
  EXPECT_EQ(names.uid("no-such-user-here").error().code, Code::policy);
  const auto groups = names.groups_of(*names.user(0));
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->front(), 0U);
}

// A name with a very long line needs a larger buffer than the first.
TEST_F(NamesTest, LongLinesAreReadWhole) {
  std::string members = "web";
  for (int i = 0; i < 5000; i++)
    members += ",member" + std::to_string(i);
  root.write("/etc/group", "first:x:7:\nbig:x:9:" + members + "\nlast:x:10:\n");
  Names names(root.path());
  EXPECT_EQ(*names.gid("first"), 7U);
  EXPECT_EQ(*names.gid("big"), 9U);
  EXPECT_EQ(*names.gid("last"), 10U);
  EXPECT_EQ(*names.groups_of(*names.user(1001)),
            (std::vector<uint32_t>{9, 1001}));
}

} // namespace
} // namespace portacl
