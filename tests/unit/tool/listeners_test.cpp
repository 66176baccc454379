// SPDX-License-Identifier: GPL-2.0-only

#include "lib/listeners.h"

#include "tool_test.h"

namespace portacl {
namespace {

class ListenersTest : public ToolTest {
protected:
  std::vector<Listener> listeners() const {
    auto all = read("/proc");
    return all ? std::move(all->found) : std::vector<Listener>();
  }
  Result<Listeners> read(const std::string &proc) const {
    ProcSockets tables(root.path() + proc);
    return read_listeners(tables, root.path() + proc, false);
  }
};

TEST_F(ListenersTest, NothingIsNobody) { EXPECT_TRUE(listeners().empty()); }

// Not to know is not the same as that nobody listens.
TEST_F(ListenersTest, TablesThatAreMissingAreAnError) {
  EXPECT_TRUE(read("/proc"));
  std::filesystem::remove(root.path() + "/proc/net/udp");
  EXPECT_FALSE(read("/proc"));
  EXPECT_FALSE(read("/nowhere"));
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

// Workers inherit the socket of the one who made it, and so does a program that
// is set-uid.
TEST_F(ListenersTest, WhoHasTheUidOfTheSocketIsShown) {
  write_listeners({{812, "nginx", 0, true, "tcp", "00000000:0050"}});
  for (const char *pid : {"99", "1000"}) {
    root.write(std::string("/proc/") + pid + "/status",
               "Name:\tworker\nUid:\t5\t5\t5\t5\n");
    std::filesystem::create_directories(root.path() + "/proc/" + pid + "/fd");
    std::filesystem::create_symlink("socket:[1001]",
                                    root.path() + "/proc/" + pid + "/fd/3");
  }
  ASSERT_EQ(listeners().size(), 1U);
  EXPECT_EQ(listeners()[0].pid, 812);
  EXPECT_EQ(listeners()[0].program, "nginx");
  EXPECT_EQ(listeners()[0].pids, (std::vector<int>{99, 812, 1000}));
  ASSERT_EQ(listeners()[0].others.size(), 1U) << "the workers are alike";
  EXPECT_EQ(listeners()[0].others[0].uid, 5U);
  root.write("/proc/812/status", "Name:\tnginx\nUid:\t7\t7\t7\t7\n");
  EXPECT_EQ(listeners()[0].pid, 99) << "nobody has it: the oldest";
}

TEST_F(ListenersTest, AProcessWhoseFirstThreadHasEnded) {
  write_listeners({{812, "java", 1001, false, "tcp", "00000000:0050"}});
  const std::string process = root.path() + "/proc/812";
  std::filesystem::create_directories(process + "/task/812/fd");
  std::filesystem::create_directories(process + "/task/813");
  std::filesystem::rename(process + "/fd", process + "/task/813/fd");
  std::filesystem::create_directories(process + "/fd");
  EXPECT_EQ(listeners().at(0).pid, 812);
}

// Of what is not wanted nobody is looked for.
TEST_F(ListenersTest, OnlyWhatIsWanted) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:0050"},
                   {813, "other", 1001, false, "tcp", "00000000:0051"}});
  ProcSockets tables(root.path() + "/proc");
  const auto seen =
      read_listeners(tables, root.path() + "/proc", false,
                     [](const Socket &socket, const NetNamespace & /*space*/) {
                       return socket.port == 81;
                     });
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->found.size(), 1U);
  EXPECT_EQ(seen->found[0].pid, 813);
}

// As with the mount option hidepid; then nobody's are not the kernel's.
TEST_F(ListenersTest, ProcessesThatAreNotListed) {
  root.write("/proc/net/tcp",
             "  sl  local_address\n"
             "   0: 00000000:0801 00000000:0000 0A 0:0 0:0 0 0 0 1001 1\n");
  std::filesystem::create_directories(root.path() + "/proc/self");
  EXPECT_TRUE(read("/proc")->partial);
  EXPECT_FALSE(listeners().at(0).of_kernel);
  std::filesystem::create_directories(root.path() + "/proc/1/fd");
  EXPECT_FALSE(read("/proc")->partial);
}

TEST_F(ListenersTest, ConnectionsAndRubbishAreNone) {
  root.write("/proc/net/tcp",
             "  sl  local_address\n"
             // established
             "   0: 00000000:0050 0100007F:1234 01 0:0 0:0 0 33 0 1001 1\n"
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
  EXPECT_FALSE(listeners()[0].of_kernel);
}

// Root's, and no process has it.
TEST_F(ListenersTest, WhatNobodyHasIsTheKernels) {
  root.write("/proc/net/tcp",
             "  sl  local_address\n"
             "   0: 00000000:0801 00000000:0000 0A 0:0 0:0 0 0 0 1001 1\n"
             "   1: 00000000:0802 00000000:0000 0A 0:0 0:0 0 0 0 0 1\n");
  ASSERT_EQ(listeners().size(), 2U);
  EXPECT_TRUE(listeners()[0].of_kernel);
  EXPECT_TRUE(listeners()[1].of_kernel);
  sockets.partial = true;
  const auto seen = read_listeners(sockets, root.path() + "/proc", false);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->partial);
}

TEST_F(ListenersTest, SctpHasAddressesOfBothFamilies) {
  root.write("/proc/net/sctp/eps",
             " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n"
             "       0        0 2   10  29   36412  1001 77 192.0.2.1 "
             "2001:0db8:0000:0000:0000:0000:0000:0001 \n"
             "       0        0 2   7   29   36413  1001 78 0.0.0.0 \n");
  const auto found = listeners();
  ASSERT_EQ(found.size(), 2U) << "one is closed";
  EXPECT_EQ(found[0].port, 36412);
  EXPECT_EQ(found[0].protocol, PACL_PROTO_SCTP);
  EXPECT_TRUE(found[0].listening);
  EXPECT_EQ(found[0].address.lo & UINT32_MAX, 0xc0000201U);
  EXPECT_EQ(found[1].address.hi, 0x20010db800000000U);
  EXPECT_EQ(found[1].address.lo, 1U);
  EXPECT_EQ(found[1].uid, 1001U);
}

} // namespace
} // namespace portacl
