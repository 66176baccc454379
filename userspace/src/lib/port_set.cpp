// SPDX-License-Identifier: GPL-2.0-only

#include "lib/port_set.h"

#include <fmt/format.h>

#include "lib/numbers.h"
#include "lib/text.h"

namespace portacl {

void add_ports(PortSet &ports, const PortRange &range) {
  for (size_t port = range.first; port <= range.last; port++)
    ports.set(port);
}

std::vector<PortRange> port_ranges(const PortSet &ports) {
  std::vector<PortRange> ranges;
  for (size_t port = 0; port < ports.size(); port++) {
    if (!ports[port])
      continue;
    const auto number = static_cast<uint16_t>(port);
    if (ranges.empty() || ranges.back().last + 1U != port)
      ranges.push_back({number, number});
    else
      ranges.back().last = number;
  }
  return ranges;
}

std::string range_text(const PortRange &range) {
  if (range.first == range.last)
    return std::to_string(range.first);
  return fmt::format("{}-{}", range.first, range.last);
}

std::string port_list(const PortSet &ports) {
  std::string list;
  for (const PortRange &range : port_ranges(ports))
    list += (list.empty() ? "" : ",") + range_text(range);
  return list;
}

std::optional<PortSet> parse_port_list(std::string_view text) {
  PortSet ports;
  if (text.ends_with('\n'))
    text.remove_suffix(1);
  if (text.empty())
    return ports;
  for (const std::string_view item : split(text, ',')) {
    const size_t dash = item.find('-');
    const auto first = number_of<uint16_t>(item.substr(0, dash));
    const auto last = dash == std::string_view::npos
                          ? first
                          : number_of<uint16_t>(item.substr(dash + 1));
    if (!first || !last || *first > *last)
      return std::nullopt;
    add_ports(ports, {*first, *last});
  }
  return ports;
}

} // namespace portacl
