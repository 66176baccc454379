// SPDX-License-Identifier: GPL-2.0-only

#include "lib/local_ports.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "lib/config_dirs.h"
#include "lib/files.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *range_name = "ip_local_port_range";
constexpr const char *list_name = "ip_local_reserved_ports";

// proc_do_large_bitmap() takes at most a page less one byte of a write, lets
// what is written at offset 0 replace the list and adds what is written at any
// other.
constexpr size_t most_written = 4095;
constexpr off_t to_replace = 0;
constexpr off_t to_add = 1;

// A list in lines that can be written one by one; none for no port.
std::vector<std::string> list_pieces(const PortSet &ports) {
  std::vector<std::string> pieces;
  for (const PortRange &range : port_ranges(ports)) {
    const std::string item = range_text(range);
    // With a comma and the newline.
    if (pieces.empty() || pieces.back().size() + item.size() + 2 > most_written)
      pieces.push_back(item);
    else
      pieces.back() += "," + item;
  }
  for (std::string &piece : pieces)
    piece += '\n';
  return pieces;
}

Error bad_text(const char *name, const std::string &text) {
  return {.message = fmt::format("net.ipv4.{} cannot be understood: '{}'", name,
                                 printable(text))};
}

} // namespace

void LocalPorts::claim(const PortSet &recorded) {
  ours = is_subset(recorded, listed) ? recorded : PortSet();
}

PortSet LocalPorts::missing(const PortSet &reserved) const {
  return reserved & range & ~listed;
}

PortSet LocalPorts::stale(const PortSet &reserved) const {
  return ours & ~(reserved & range);
}

PortSet reserved_ports(const std::vector<std::string> &rules) {
  PortSet ports;
  for (const std::string &text : rules) {
    if (!text.starts_with("reserve "))
      continue;
    const pacl_rule rule = rule_from_text(text);
    for (unsigned i = 0; i < rule.count; i++)
      add_ports(ports, {rule.range[i].lo, rule.range[i].hi});
  }
  return ports;
}

bool takes_too_much(const PortSet &range, const PortSet &reserved) {
  return (range & reserved).count() > range.count() / 2;
}

Result<PortRange> read_port_range(Sysctl &sysctl) {
  const auto text = sysctl.read(range_name);
  if (!text)
    return text.error();
  std::istringstream fields(*text);
  PortRange range;
  if (!(fields >> range.first >> range.last) || range.first > range.last)
    return bad_text(range_name, *text);
  return range;
}

Result<PortSet> read_listed_ports(Sysctl &sysctl) {
  const auto text = sysctl.read(list_name);
  if (!text)
    return text.error();
  if (const auto ports = parse_port_list(*text))
    return *ports;
  return bad_text(list_name, *text);
}

Result<void> list_ports(Sysctl &sysctl, const PortSet &ports) {
  for (const std::string &piece : list_pieces(ports)) {
    if (auto done = sysctl.write(list_name, piece, to_add); !done)
      return done;
  }
  return {};
}

Result<void> replace_list(Sysctl &sysctl, const PortSet &first,
                          const PortSet &second) {
  std::vector<std::string> pieces = list_pieces(first | second);
  if (pieces.size() > 1) {
    pieces = list_pieces(first);
    for (std::string &piece : list_pieces(second))
      pieces.push_back(std::move(piece));
  }
  if (pieces.empty())
    pieces.emplace_back("\n");
  off_t offset = to_replace;
  for (const std::string &piece : pieces) {
    if (auto done = sysctl.write(list_name, piece, offset); !done)
      return done;
    offset = to_add;
  }
  return {};
}

std::string record_path(const std::string &root) {
  return root + "/run/portacl/local-reserved-ports";
}

Result<PortSet> read_record(const std::string &root) {
  const std::string path = record_path(root);
  const auto text = read_config_file(root, path);
  if (!text && text.error().errnum == ENOENT)
    return PortSet();
  if (!text)
    return text.error();
  if (const auto ports = parse_port_list(*text))
    return *ports;
  return Error{.message = "not a list of ports", .file = path};
}

Result<void> write_record(const std::string &root, const PortSet &ports) {
  const std::string path = record_path(root);
  if (ports.any())
    return replace_file(path, port_list(ports) + "\n");
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return system_error(errno, "cannot remove " + path);
  return {};
}

bool in_other_network_namespace(const std::string &proc) {
  const auto name = [&proc](const char *process) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(
        fmt::format("{}/{}/ns/net", proc, process), error);
    return error ? std::string() : target.string();
  };
  const std::string first = name("1");
  const std::string own = name("self");
  return !first.empty() && !own.empty() && first != own;
}

} // namespace portacl
