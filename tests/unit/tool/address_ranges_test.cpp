// SPDX-License-Identifier: GPL-2.0-only

#include "lib/address_ranges.h"

#include <gtest/gtest.h>

namespace portacl {
namespace {

pacl_addr address(const std::string &text) {
  const auto parsed = parse_address(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? parsed->address : pacl_addr{};
}

AddressRange range(const std::string &first, const std::string &last) {
  return {address(first), address(last)};
}

std::string text(const pacl_addr &value) {
  std::string buffer(PACL_MAX_ADDR_TEXT, '\0');
  buffer.resize(pacl_format_addr(value, buffer.data(), buffer.size()));
  return buffer;
}

std::string prefixes(const std::string &first, const std::string &last) {
  std::string result;
  for (const AddressPrefix &prefix : prefixes_of(range(first, last)))
    result += (result.empty() ? "" : " ") + text(prefix.address) + "/" +
              std::to_string(prefix.length);
  return result;
}

TEST(AddressRanges, ReadsBothFamilies) {
  EXPECT_FALSE(parse_address("192.0.2.1")->ipv6);
  EXPECT_TRUE(parse_address("::ffff:192.0.2.1")->ipv6);
  EXPECT_EQ(text(address("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(text(address("::ffff:192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(text(address("2001:db8:0:0::1")), "2001:db8::1");
  for (const char *bad : {"", "1", "1.2.3", "1.2.3.256", "01.2.3.4", "[::1]",
                          "fe80::1%eth0", " ::1", "::1 ", "::1/128"})
    EXPECT_FALSE(parse_address(bad)) << bad;
}

TEST(AddressRanges, PrefixesAreMinimalAndExact) {
  EXPECT_EQ(prefixes("10.0.0.5", "10.0.0.9"),
            "10.0.0.5/128 10.0.0.6/127 10.0.0.8/127");
  EXPECT_EQ(prefixes("0.0.0.0", "255.255.255.255"), "0.0.0.0/96");
  EXPECT_EQ(prefixes("192.0.2.0", "192.0.2.255"), "192.0.2.0/120");
  EXPECT_EQ(prefixes("::1", "::1"), "::1/128");
  EXPECT_EQ(prefixes("2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
            "2001:db8::ffff:ffff:ffff:ffff/128 2001:db8:0:1::/128");
  EXPECT_EQ(prefixes("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127");
  EXPECT_EQ(prefixes_of(range("0.0.0.1", "255.255.255.254")).size(), 62U);
}

// A prefix of IPv6 that held them would not match them.
TEST(AddressRanges, NoPrefixHoldsBothFamilies) {
  EXPECT_EQ(prefixes("::fffe:ffff:ffff", "::1:0:0:0"),
            "::fffe:ffff:ffff/128 0.0.0.0/96 ::1:0:0:0/128");
  for (const AddressPrefix &prefix :
       prefixes_of(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))) {
    const AddressRange covered = range_of(prefix);
    EXPECT_EQ(pacl_addr_is_ipv4(covered.first),
              pacl_addr_is_ipv4(covered.last));
  }
}

TEST(AddressRanges, HolesAreLeftOut) {
  const auto shown = [](const std::vector<AddressRange> &ranges) {
    std::string result;
    for (const AddressRange &part : ranges)
      result += "[" + text(part.first) + " " + text(part.last) + "]";
    return result;
  };
  const AddressRange all = range("10.0.0.0", "10.0.0.9");
  EXPECT_EQ(shown(without(all, {})), "[10.0.0.0 10.0.0.9]");
  EXPECT_EQ(shown(without(all, {address("10.0.0.9"), address("10.0.0.4"),
                                address("10.0.0.0")})),
            "[10.0.0.1 10.0.0.3][10.0.0.5 10.0.0.8]");
  EXPECT_EQ(shown(without(all, {address("10.0.0.4"), address("10.0.0.5"),
                                address("10.0.0.4"), address("11.0.0.0")})),
            "[10.0.0.0 10.0.0.3][10.0.0.6 10.0.0.9]");
  EXPECT_EQ(shown(without(range("::1", "::1"), {address("::1")})), "");
  const AddressRange top = range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
                                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(shown(without(top, {top.last})),
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]");
}

} // namespace
} // namespace portacl
