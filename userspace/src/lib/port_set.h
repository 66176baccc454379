// SPDX-License-Identifier: GPL-2.0-only
// Sets of ports, and the lists that the kernel writes them as.

#ifndef PORTACL_LIB_PORT_SET_H
#define PORTACL_LIB_PORT_SET_H

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portacl {

using PortSet = std::bitset<size_t{UINT16_MAX} + 1>;

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;

  bool operator==(const PortRange &) const = default;
};

void add_ports(PortSet &ports, const PortRange &range);

inline bool is_subset(const PortSet &part, const PortSet &whole) {
  return (part & ~whole).none();
}

// Ascending, with as few ranges as possible.
std::vector<PortRange> port_ranges(const PortSet &ports);

// "80" or "8000-8080".
std::string range_text(const PortRange &range);

// "80,8000-8080", empty for no port.
std::string port_list(const PortSet &ports);

// Such a list, with or without a newline behind it; empty if it is none.
std::optional<PortSet> parse_port_list(std::string_view text);

} // namespace portacl

#endif
