// SPDX-License-Identifier: GPL-2.0-only

#include "lib/sysctl.h"

#include <cerrno>

#include "tool_test.h"

namespace portacl {
namespace {

class SysctlTest : public testing::Test {
protected:
  TempRoot root;
  ProcSysctl sysctl{root.path()};
};

// The kernel gives the whole of it to one read() only.
TEST_F(SysctlTest, ReadsTheLongestListAtOnce) {
  PortSet ports;
  for (size_t port = 10000; port < 65534; port += 3)
    ports.set(port).set(port + 1);
  const std::string text = port_list(ports) + "\n";
  EXPECT_GT(text.size(), 200000U);
  root.write("/list", text);
  const auto read = sysctl.read("list");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, text);
}

TEST_F(SysctlTest, WhatMayBeCutIsAnError) {
  root.write("/list", std::string(600000, '1'));
  EXPECT_FALSE(sysctl.read("list"));
}

TEST_F(SysctlTest, WritesAtTheOffset) {
  root.write("/list", "abcd");
  ASSERT_TRUE(sysctl.write("list", "XY", 1));
  EXPECT_EQ(root.read("/list"), "aXYd");
  ASSERT_TRUE(sysctl.write("list", "Z", 0));
  EXPECT_EQ(root.read("/list"), "ZXYd");
}

TEST_F(SysctlTest, ErrorsCarryTheErrno) {
  EXPECT_EQ(sysctl.read("list").error().errnum, ENOENT);
  EXPECT_EQ(sysctl.write("list", "1", 0).error().errnum, ENOENT);
  EXPECT_FALSE(root.exists("/list"));
}

} // namespace
} // namespace portacl
