// SPDX-License-Identifier: GPL-2.0-only
// Ranges of addresses, and the prefixes that a rule can name. As everywhere in
// the engine, IPv4 addresses are written as ::ffff:a.b.c.d.

#ifndef PORTACL_LIB_ADDRESS_RANGES_H
#define PORTACL_LIB_ADDRESS_RANGES_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/engine.h"

namespace portacl {

constexpr pacl_addr ipv6_wildcard{};
constexpr pacl_addr ipv4_wildcard = PACL_ADDR_IPV4(0);

// Both ends belong to it; the first is never behind the last.
struct AddressRange {
  pacl_addr first{};
  pacl_addr last{};
};

struct AddressPrefix {
  pacl_addr address{};
  uint8_t length = 128; // 96 and more for IPv4
};

bool address_less(const pacl_addr &a, const pacl_addr &b);
bool in_range(const AddressRange &range, const pacl_addr &address);

// Of either family, as inet_pton(3) reads it. The flag tells ::ffff:192.0.2.1
// from 192.0.2.1.
struct ParsedAddress {
  pacl_addr address{};
  bool ipv6 = false;
};
std::optional<ParsedAddress> parse_address(const std::string &text);

// All addresses of a prefix.
AddressRange range_of(const AddressPrefix &prefix);

// What is left of a range without some addresses, in ascending order.
std::vector<AddressRange> without(const AddressRange &range,
                                  std::vector<pacl_addr> addresses);

// The part of a range that lies in another one.
std::optional<AddressRange> intersection(const AddressRange &a,
                                         const AddressRange &b);

// As few prefixes as cover a range exactly; none holds addresses of both
// families, as the engine would take it for one of IPv6 alone.
std::vector<AddressPrefix> prefixes_of(const AddressRange &range);

} // namespace portacl

#endif
