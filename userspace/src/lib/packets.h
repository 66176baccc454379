// SPDX-License-Identifier: GPL-2.0-only
// What packet filters do to packets, as far as it is about ports: iptables,
// nftables and firewalld become the same tables here.

#ifndef PORTACL_LIB_PACKETS_H
#define PORTACL_LIB_PACKETS_H

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/port_set.h"
#include "lib/result.h"

namespace portacl {

// A larger one is none that a machine could work with.
constexpr size_t max_packet_rules_bytes = size_t{64} << 20;

// Bits of Packets::families and Packets::protocols.
constexpr unsigned family_ip4 = 1;
constexpr unsigned family_ip6 = 2;
constexpr std::array<const char *, 2> family_names = {"IPv4", "IPv6"};
constexpr unsigned packet_tcp = 1;
constexpr unsigned packet_udp = 2;
constexpr unsigned packet_sctp = 4;
constexpr unsigned packet_all = packet_tcp | packet_udp | packet_sctp;
constexpr std::array<const char *, 3> packet_protocols = {"tcp", "udp", "sctp"};

// The bit of "tcp" or "6"; 0 for one that portacl has no word for, all bits for
// "all".
unsigned packet_protocol(const std::string &name);

// The packets that a rule is for.
struct Packets {
  unsigned families = family_ip4 | family_ip6;
  unsigned protocols = packet_all;
  // Of their destination; ascending and apart.
  std::vector<PortRange> ports = {{0, UINT16_MAX}};
  std::string destination = {};         // a prefix; empty for all
  std::vector<std::string> limits = {}; // what else they must be, in words
  // None of them asks for a connection from another machine, to the port that
  // it then has.
  bool aside = false;

  bool limited() const { return !limits.empty() || !destination.empty(); }
};

// Those that are of both kinds; empty if there are none.
std::optional<Packets> packets_of_both(const Packets &one,
                                       const Packets &other);

std::vector<PortRange> ranges_of_both(const std::vector<PortRange> &one,
                                      const std::vector<PortRange> &other);
std::vector<PortRange> other_ports(const std::vector<PortRange> &ranges);
// Sorts and joins what touches.
std::vector<PortRange> tidy_ranges(std::vector<PortRange> ranges);

enum class PacketVerdict {
  next, // on to the next rule
  accept,
  drop,
  leave, // the chain, for the one that it was called from
  jump,
  go, // a jump without a way back
  redirect,
};

// Where a redirect leads.
struct PacketTarget {
  std::string address = {};            // empty: the machine itself
  std::optional<PortRange> ports = {}; // empty: those that it had
  // The port that the first of them is for, the next for the next and so on;
  // otherwise a packet gets any of them.
  std::optional<uint16_t> base = {};

  bool operator==(const PacketTarget &) const = default;
};

struct PacketRule {
  Packets packets = {};
  PacketVerdict verdict = PacketVerdict::next;
  std::string chain = {}; // of jump and go
  PacketTarget target = {};
  std::string place = {};  // to name it by
  std::string remove = {}; // the command that does; empty if there is none
  std::string spec = {};   // equal where the same rule is saved
};

struct PacketChain {
  std::string hook = {}; // "prerouting"; empty unless packets begin there
  bool is_nat = false;
  int64_t priority = 0;
  bool drops = false; // what no rule decides
  std::string place = {};
  // Opens PORT/PROTOCOL, with {port} and {protocol} in their places.
  std::string open = {};
  std::vector<PacketRule> rules = {};
};

struct PacketTable {
  unsigned families = family_ip4 | family_ip6;
  std::string manager = {}; // "iptables", "nft", "firewalld"
  std::map<std::string, PacketChain> chains = {};
};

struct PacketTables {
  std::vector<PacketTable> tables = {};
  std::vector<Error> warnings = {}; // what could not be understood
};

// What becomes of new connections of one family and protocol.
struct PacketRedirect {
  Packets packets = {};  // of one family and one protocol
  bool outgoing = false; // of this machine itself
  PacketTarget target = {};
  std::string manager = {};
  std::string place = {};
  std::string remove = {};
  std::string spec = {};
};

struct PacketDrop {
  Packets packets = {}; // of one family and one protocol, without limits
  std::string place = {};
  std::string open = {};
};

struct PacketFates {
  std::vector<PacketRedirect> redirects = {};
  // Only what is sure: where some rule may let a connection in, it is left
  // out.
  std::vector<PacketDrop> drops = {};
  std::vector<Error> warnings = {};
};

// Follows packets from where they come in. Rules behind one that decides for
// the same packets have no effect. What comes from files may jump in circles or
// explode; it is given up after 100,000
// rules, or 4,096 redirects.
PacketFates packet_fates(const PacketTables &tables);

} // namespace portacl

#endif
