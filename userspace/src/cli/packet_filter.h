// SPDX-License-Identifier: GPL-2.0-only
// The packet filter of this machine, from all who may have set it up.

#ifndef PORTACL_CLI_PACKET_FILTER_H
#define PORTACL_CLI_PACKET_FILTER_H

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/packets.h"

namespace portacl {

struct PacketFilter : PacketFates {
  // Where a rule is kept for the next boot, by its spec: "FILE:LINE".
  std::map<std::string, std::vector<std::string>> saved = {};
  // Addresses that are this machine's own.
  std::set<std::string> addresses = {};
  bool from_files = false;
};

// What the kernel has, by iptables and nft, and firewalld's configuration; the
// files that set them up under --root. With files, only what these say. Fails
// where nothing at all could be read. Under --root there are no commands, which
// would be for this machine.
Result<PacketFilter> read_packet_filter(const Context &context,
                                        const std::vector<std::string> &files);

// Whether the packets stay on this machine.
bool stays_here(const PacketFilter &filter, const PacketRedirect &redirect);

// Those that let the packets in, which are of one protocol; lines, empty if
// there are none.
std::string open_commands(const PacketDrop &drop, const Packets &packets);

// "80/tcp", "80,443/tcp".
std::string packet_ports(const Packets &packets);

// The ports of a range of 1 to the one before that.
std::vector<PortRange> low_ports(const std::vector<PortRange> &ranges,
                                 uint64_t unprivileged_start);

} // namespace portacl

#endif
