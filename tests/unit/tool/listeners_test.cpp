// SPDX-License-Identifier: GPL-2.0-only

#include "lib/listeners.h"

#include "tool_test.h"

namespace portacl {
namespace {

class ListenersTest : public ToolTest {
protected:
  std::vector<Listener> listeners() const {
    auto found = read_listeners(root.path() + "/proc");
    return found ? std::move(*found) : std::vector<Listener>();
  }
};

TEST_F(ListenersTest, NothingIsNobody) { EXPECT_TRUE(listeners().empty()); }

// Not to know is not the same as that nobody listens.
TEST_F(ListenersTest, TablesThatAreMissingAreAnError) {
  EXPECT_TRUE(read_listeners(root.path() + "/proc"));
  std::filesystem::remove(root.path() + "/proc/net/udp");
  EXPECT_FALSE(read_listeners(root.path() + "/proc"));
  EXPECT_FALSE(read_listeners(root.path() + "/nowhere"));
}

TEST_F(ListenersTest, WhoMadeTheSocketIsKept) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:0050", 0}});
  ASSERT_EQ(listeners().size(), 1U);
  EXPECT_EQ(listeners()[0].uid, 1001U);
  EXPECT_EQ(listeners()[0].creator, 0U);
}

TEST_F(ListenersTest, ACapabilityIsOneOfTheFirstUserNamespace) {
  write_listeners({{812, "nginx", 1001, true, "tcp", "00000000:0050"}});
  const auto link = [&](const char *process, const char *target) {
    std::filesystem::create_directories(root.path() + "/proc/" + process +
                                        "/ns");
    std::filesystem::create_symlink(target, root.path() + "/proc/" + process +
                                                "/ns/user");
  };
  link("1", "user:[4026531837]");
  EXPECT_TRUE(listeners().at(0).capable) << "its own cannot be read";
  link("812", "user:[4026532000]");
  EXPECT_FALSE(listeners().at(0).capable);
  std::filesystem::remove(root.path() + "/proc/812/ns/user");
  link("812", "user:[4026531837]");
  EXPECT_TRUE(listeners().at(0).capable);
}

TEST_F(ListenersTest, NameTheProcessBehindTheSocket) {
  write_listeners({{812, "nginx: master", 1001, true, "tcp", "0100007F:01BB"},
                   {900, "chronyd", 0, false, "udp6",
                    "B80D0120000000000000000001000000:007B"}});
  const auto found = listeners();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].port, 123);
  EXPECT_EQ(found[0].protocol, PACL_PROTO_UDP);
  EXPECT_EQ(found[0].address.hi, 0x20010db800000000U);
  EXPECT_EQ(found[0].address.lo, 1U);
  EXPECT_EQ(found[0].program, "chronyd");
  EXPECT_FALSE(found[0].capable);
  EXPECT_EQ(found[1].port, 443);
  EXPECT_EQ(found[1].protocol, PACL_PROTO_TCP);
  EXPECT_TRUE(pacl_addr_is_ipv4(found[1].address));
  EXPECT_EQ(found[1].address.lo & UINT32_MAX, 0x7f000001U);
  EXPECT_EQ(found[1].pid, 812);
  EXPECT_EQ(found[1].program, "nginx: master");
  EXPECT_EQ(found[1].uid, 1001U);
  EXPECT_EQ(found[1].gid, 1001U);
  EXPECT_EQ(found[1].groups, (std::vector<uint32_t>{4, 8}));
  EXPECT_TRUE(found[1].capable);
}

// Workers inherit the socket of the one who made it.
TEST_F(ListenersTest, TheOldestHolderCounts) {
  write_listeners({{812, "nginx", 0, true, "tcp", "00000000:0050"}});
  for (const char *pid : {"99", "1000"}) {
    root.write(std::string("/proc/") + pid + "/status",
               "Name:\tworker\nUid:\t5\t5\t5\t5\n");
    std::filesystem::create_directories(root.path() + "/proc/" + pid + "/fd");
    std::filesystem::create_symlink("socket:[1001]",
                                    root.path() + "/proc/" + pid + "/fd/3");
  }
  ASSERT_EQ(listeners().size(), 1U);
  EXPECT_EQ(listeners()[0].pid, 99);
}

TEST_F(ListenersTest, ConnectionsAndTheKernelsSocketsAreNone) {
  root.write("/proc/net/tcp",
             "  sl  local_address\n"
             // established
             "   0: 00000000:0050 0100007F:1234 01 0:0 0:0 0 33 0 1001 1\n"
             // a socket of the kernel
             "   1: 00000000:0801 00000000:0000 0A 0:0 0:0 0 0 0 0 1\n"
             "   2: rubbish\n"
             "   3: 00000000:XX 00000000:0000 0A 0:0 0:0 0 0 0 5 1\n");
  root.write("/proc/net/udp",
             "  sl  local_address\n"
             "   0: 00000000:0035 0100007F:1234 01 0:0 0:0 0 33 0 1002 2\n");
  EXPECT_TRUE(listeners().empty());
}

TEST_F(ListenersTest, ASocketWithoutAProcessHasItsUser) {
  root.write("/proc/net/tcp",
             "  sl  local_address\n"
             "   0: 00000000:0050 00000000:0000 0A 0:0 0:0 0 33 0 1001 1\n");
  ASSERT_EQ(listeners().size(), 1U);
  EXPECT_EQ(listeners()[0].pid, 0);
  EXPECT_EQ(listeners()[0].uid, 33U);
}

} // namespace
} // namespace portacl
