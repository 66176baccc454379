// SPDX-License-Identifier: GPL-2.0-only

#include "lib/local_ports.h"

#include <cerrno>
#include <random>
#include <set>

#include "tool_test.h"

namespace portacl {
namespace {

PortSet ports(std::string_view list) { return *parse_port_list(list); }

PortSet every_second(uint16_t first, uint16_t last) {
  PortSet result;
  for (unsigned port = first; port <= last; port += 2)
    result.set(port);
  return result;
}

TEST(LocalPortsTest, OnlyReservationsReserve) {
  EXPECT_EQ(port_list(reserved_ports(
                {"allow user 1 40000", "reserve 5432,40001-40003/tcp",
                 "deny any 40009", "reserve 40003-40005/udp",
                 "reserve 50000/sctp", "allow each 1-2 40010+5"})),
            "5432,40001-40005,50000");
}

TEST(LocalPortsTest, MoreThanHalfIsTooMuch) {
  // Of ten ports, and of eleven.
  EXPECT_FALSE(takes_too_much(ports("40000-40009"), ports("40000-40003")));
  EXPECT_FALSE(takes_too_much(ports("40000-40009"), ports("40000-40004")));
  EXPECT_TRUE(takes_too_much(ports("40000-40009"), ports("40000-40005")));
  EXPECT_FALSE(takes_too_much(ports("40000-40010"), ports("40000-40004")));
  EXPECT_TRUE(takes_too_much(ports("40000-40010"), ports("40000-40005")));
  // Ports elsewhere do not count.
  EXPECT_FALSE(takes_too_much(ports("40000-40009"), ports("1-39999")));
  EXPECT_FALSE(takes_too_much(ports("40000"), {}));
  EXPECT_TRUE(takes_too_much(ports("40000"), ports("40000")));
}

// Sets of small numbers, so that they meet; a model that goes port by port.
TEST(LocalPortsTest, ArithmeticAgainstAModel) {
  std::mt19937 random(1);
  const auto random_set = [&random](unsigned of) {
    std::set<unsigned> set;
    for (unsigned port = 0; port < of; port++) {
      if (random() % 3 == 0)
        set.insert(port);
    }
    return set;
  };
  const auto bits = [](const std::set<unsigned> &set) {
    PortSet result;
    for (const unsigned port : set)
      result.set(port);
    return result;
  };
  for (int round = 0; round < 5000; round++) {
    const auto range = random_set(12);
    const auto listed = random_set(12);
    const auto reserved = random_set(12);
    auto recorded = random_set(12);
    // Mostly it is what is listed.
    if (random() % 4 != 0)
      std::erase_if(recorded,
                    [&](unsigned port) { return listed.count(port) == 0; });
    LocalPorts local{.range = bits(range), .listed = bits(listed), .ours = {}};
    local.claim(bits(recorded));
    bool overwritten = false;
    for (const unsigned port : recorded)
      overwritten = overwritten || listed.count(port) == 0;
    std::set<unsigned> missing;
    std::set<unsigned> stale;
    for (unsigned port = 0; port < 12; port++) {
      const bool wanted = range.count(port) != 0 && reserved.count(port) != 0;
      const bool ours = !overwritten && recorded.count(port) != 0;
      if (wanted && listed.count(port) == 0)
        missing.insert(port);
      if (!wanted && ours)
        stale.insert(port);
    }
    ASSERT_EQ(local.missing(bits(reserved)), bits(missing));
    ASSERT_EQ(local.stale(bits(reserved)), bits(stale));
  }
}

class PortFilesTest : public ToolTest {};

TEST_F(PortFilesTest, ReadsWhatTheKernelWrites) {
  sysctl.range = "1024\t65535\n";
  EXPECT_EQ(*read_port_range(sysctl), (PortRange{1024, 65535}));
  sysctl.set_list("8080,9000-9010");
  EXPECT_EQ(*read_listed_ports(sysctl), ports("8080,9000-9010"));
  for (const char *range :
       {"", "1\n", "5 4\n", "1 65536\n", "x y\n", "-1 5\n"}) {
    sysctl.range = range;
    EXPECT_FALSE(read_port_range(sysctl)) << range;
  }
  sysctl.read_error = EACCES;
  EXPECT_EQ(read_listed_ports(sysctl).error().errnum, EACCES);
}

// A page is all that one write() can bring.
TEST_F(PortFilesTest, LongListsGoInPieces) {
  const PortSet foreign = ports("8080,9000-9010");
  sysctl.listed = foreign;
  const PortSet many = every_second(20001, 59999);
  bool complete = true;
  sysctl.refuse = [&] {
    complete = complete && is_subset(foreign, sysctl.listed);
    return 0;
  };
  ASSERT_TRUE(list_ports(sysctl, many));
  EXPECT_GT(sysctl.writes, 10);
  EXPECT_EQ(sysctl.listed, foreign | many);
  EXPECT_TRUE(complete) << "nothing is missing meanwhile";

  sysctl.writes = 0;
  const PortSet fewer = every_second(20001, 49999);
  int after_first = 0;
  sysctl.refuse = [&] {
    if (sysctl.writes > 1 && is_subset(foreign, sysctl.listed))
      after_first++;
    return 0;
  };
  ASSERT_TRUE(replace_list(sysctl, foreign, fewer));
  EXPECT_EQ(sysctl.listed, foreign | fewer);
  EXPECT_GT(sysctl.writes, 10);
  EXPECT_EQ(after_first, sysctl.writes - 1) << "the foreign ports go first";
}

// Below the limit of one write(), at it and beyond it.
TEST_F(PortFilesTest, OneWriteIsEnoughForAPage) {
  const auto written = [this](const PortSet &set) {
    sysctl.listed.reset();
    sysctl.writes = 0;
    EXPECT_TRUE(replace_list(sysctl, {}, set));
    EXPECT_EQ(sysctl.listed, set);
    return sysctl.writes;
  };
  PortSet set = every_second(20001, 20001 + 2 * 681);
  ASSERT_EQ(port_list(set).size() + 1, 4092U);
  EXPECT_EQ(written(set), 1);
  // The number and a comma more.
  EXPECT_EQ(written(set | ports("1")), 1);
  EXPECT_EQ(written(set | ports("10")), 1);
  EXPECT_EQ(written(set | ports("100")), 2);
  EXPECT_EQ(written({}), 1);
}

TEST_F(PortFilesTest, TheRecordIsReadBack) {
  EXPECT_EQ(*read_record(root.path()), PortSet());
  ASSERT_TRUE(write_record(root.path(), ports("40000-40002,50000")));
  EXPECT_EQ(root.read("/run/portacl/local-reserved-ports"),
            "40000-40002,50000\n");
  EXPECT_EQ(*read_record(root.path()), ports("40000-40002,50000"));
  ASSERT_TRUE(write_record(root.path(), {}));
  EXPECT_FALSE(root.exists("/run/portacl/local-reserved-ports"));
  ASSERT_TRUE(write_record(root.path(), {}));
  EXPECT_FALSE(root.exists("/run/portacl/.local-reserved-ports.new"));
}

TEST_F(PortFilesTest, ABadRecordIsAnError) {
  root.write("/run/portacl/local-reserved-ports", "40000,x\n");
  EXPECT_FALSE(read_record(root.path()));
  root.write("/run/portacl/local-reserved-ports", "40000\n", 0666);
  EXPECT_FALSE(read_record(root.path()));
}

TEST_F(PortFilesTest, KnowsTheFirstNetworkNamespace) {
  const std::string proc = root.path() + "/proc";
  const auto link = [&](const char *process, const char *target) {
    std::filesystem::create_directories(proc + "/" + process + "/ns");
    std::filesystem::create_symlink(target, proc + "/" + process + "/ns/net");
  };
  EXPECT_FALSE(in_other_network_namespace(proc));
  link("1", "net:[4026531840]");
  EXPECT_FALSE(in_other_network_namespace(proc));
  link("self", "net:[4026532000]");
  EXPECT_TRUE(in_other_network_namespace(proc));
  std::filesystem::remove(proc + "/self/ns/net");
  link("self", "net:[4026531840]");
  EXPECT_FALSE(in_other_network_namespace(proc));
}

} // namespace
} // namespace portacl
