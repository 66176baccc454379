// SPDX-License-Identifier: GPL-2.0-only

#include "lib/port_set.h"

#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portacl {
namespace {

using testing::ElementsAre;

std::string same(std::string_view text) {
  const auto ports = parse_port_list(text);
  return ports ? port_list(*ports) : "none";
}

TEST(PortSetTest, WritesListsAsTheKernel) {
  EXPECT_EQ(port_list({}), "");
  EXPECT_EQ(same("80"), "80");
  EXPECT_EQ(same("80,81,83\n"), "80-81,83");
  EXPECT_EQ(same("83,80-81,81-82"), "80-83");
  EXPECT_EQ(same("0,65535"), "0,65535");
  EXPECT_EQ(same("0-65535"), "0-65535");
  EXPECT_EQ(same(""), "");
  EXPECT_EQ(same("\n"), "");
}

TEST(PortSetTest, RefusesWhatIsNoList) {
  for (const char *text :
       {"x", "80,", ",80", "80,,81", "80-", "-80", "81-80", "65536", "80-65536",
        "80 81", " 80", "80\n\n", "80-81-82", "+80", "0x50"})
    EXPECT_FALSE(parse_port_list(text)) << text;
}

TEST(PortSetTest, RangesAreTheFewestPossible) {
  PortSet ports;
  add_ports(ports, {0, 1});
  add_ports(ports, {2, 2});
  add_ports(ports, {65535, 65535});
  EXPECT_THAT(port_ranges(ports),
              ElementsAre(PortRange{0, 2}, PortRange{65535, 65535}));
  EXPECT_EQ(range_text({8000, 8000}), "8000");
  EXPECT_EQ(range_text({8000, 8080}), "8000-8080");
}

TEST(PortSetTest, AListIsReadBackAsItWas) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; round++) {
    std::set<unsigned> model;
    PortSet ports;
    for (auto i = random() % 500; i > 0; i--) {
      const auto first = static_cast<unsigned>(random() % 65536);
      const auto last =
          std::min(65535U, first + static_cast<unsigned>(random() % 20));
      add_ports(ports,
                {static_cast<uint16_t>(first), static_cast<uint16_t>(last)});
      for (unsigned port = first; port <= last; port++)
        model.insert(port);
    }
    ASSERT_EQ(ports.count(), model.size());
    for (const unsigned port : model)
      ASSERT_TRUE(ports[port]) << port;
    const auto again = parse_port_list(port_list(ports));
    ASSERT_TRUE(again);
    ASSERT_EQ(*again, ports);
  }
}

TEST(PortSetTest, KnowsSubsets) {
  const PortSet part = *parse_port_list("80,443");
  const PortSet whole = *parse_port_list("80-443");
  EXPECT_TRUE(is_subset(part, whole));
  EXPECT_TRUE(is_subset(part, part));
  EXPECT_TRUE(is_subset({}, part));
  EXPECT_FALSE(is_subset(whole, part));
}

} // namespace
} // namespace portacl
