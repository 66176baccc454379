// SPDX-License-Identifier: GPL-2.0-only

#include "lib/address_ranges.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace portacl {

namespace {

constexpr AddressRange all_of_ipv4 = {ipv4_wildcard,
                                      {0, ipv4_wildcard.lo | UINT32_MAX}};

// Callers see to it that there is one.
pacl_addr next_address(pacl_addr address) {
  address.lo++;
  if (address.lo == 0)
    address.hi++;
  return address;
}

pacl_addr previous_address(pacl_addr address) {
  if (address.lo == 0)
    address.hi--;
  address.lo--;
  return address;
}

// The last address of the prefix that begins with one.
pacl_addr last_of(const pacl_addr &first, unsigned length) {
  const pacl_addr mask = pacl_addr_cut({UINT64_MAX, UINT64_MAX}, length);
  return {first.hi | ~mask.hi, first.lo | ~mask.lo};
}

void add_prefixes(const AddressRange &range,
                  std::vector<AddressPrefix> &prefixes) {
  for (pacl_addr first = range.first;;) {
    unsigned length = 128;
    while (length > 0 &&
           pacl_addr_equal(pacl_addr_cut(first, length - 1), first) &&
           !address_less(range.last, last_of(first, length - 1)))
      length--;
    prefixes.push_back({first, static_cast<uint8_t>(length)});
    const pacl_addr last = last_of(first, length);
    if (pacl_addr_equal(last, range.last))
      return;
    first = next_address(last);
  }
}

} // namespace

bool address_less(const pacl_addr &a, const pacl_addr &b) {
  return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

bool in_range(const AddressRange &range, const pacl_addr &address) {
  return !address_less(address, range.first) &&
         !address_less(range.last, address);
}

std::optional<ParsedAddress> parse_address(const std::string &text) {
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1)
    return ParsedAddress{PACL_ADDR_IPV4(ntohl(four.s_addr)), false};
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1)
    return std::nullopt;
  ParsedAddress result{.address = {}, .ipv6 = true};
  for (size_t i = 0; i < 8; i++) {
    result.address.hi = result.address.hi << 8 | six.s6_addr[i];
    result.address.lo = result.address.lo << 8 | six.s6_addr[i + 8];
  }
  return result;
}

AddressRange range_of(const AddressPrefix &prefix) {
  return {prefix.address, last_of(prefix.address, prefix.length)};
}

std::vector<AddressRange> without(const AddressRange &range,
                                  std::vector<pacl_addr> addresses) {
  std::ranges::sort(addresses, address_less);
  std::vector<AddressRange> rest;
  pacl_addr first = range.first;
  for (const pacl_addr &hole : addresses) {
    if (!in_range({first, range.last}, hole))
      continue;
    if (address_less(first, hole))
      rest.push_back({first, previous_address(hole)});
    if (pacl_addr_equal(hole, range.last))
      return rest;
    first = next_address(hole);
  }
  rest.push_back({first, range.last});
  return rest;
}

std::optional<AddressRange> intersection(const AddressRange &a,
                                         const AddressRange &b) {
  const AddressRange both = {std::max(a.first, b.first, address_less),
                             std::min(a.last, b.last, address_less)};
  if (address_less(both.last, both.first))
    return std::nullopt;
  return both;
}

std::vector<AddressPrefix> prefixes_of(const AddressRange &range) {
  const std::array<AddressRange, 3> parts = {
      {{ipv6_wildcard, previous_address(all_of_ipv4.first)},
       all_of_ipv4,
       {next_address(all_of_ipv4.last), {UINT64_MAX, UINT64_MAX}}}};
  std::vector<AddressPrefix> prefixes;
  for (const AddressRange &part : parts) {
    if (const auto shared = intersection(range, part))
      add_prefixes(*shared, prefixes);
  }
  return prefixes;
}

} // namespace portacl
