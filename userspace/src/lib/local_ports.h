// SPDX-License-Identifier: GPL-2.0-only
// The ports that the kernel chooses by itself for who names none, and those of
// them that it leaves out.

#ifndef PORTACL_LIB_LOCAL_PORTS_H
#define PORTACL_LIB_LOCAL_PORTS_H

#include <string>
#include <vector>

#include "lib/port_set.h"
#include "lib/result.h"
#include "lib/sysctl.h"

namespace portacl {

// Of one network namespace.
struct LocalPorts {
  PortSet range;  // net.ipv4.ip_local_port_range
  PortSet listed; // net.ipv4.ip_local_reserved_ports
  PortSet ours;   // those of the listed that the tool has put there

  // Takes the record of what the tool has put there. A list without all of it
  // was written anew by somebody else, so that all in it is his.
  void claim(const PortSet &recorded);

  // What is to be listed and what no longer, for these reserved ports.
  PortSet missing(const PortSet &reserved) const;
  PortSet stale(const PortSet &reserved) const;
};

// Where rules reserve ports, as canonical text.
PortSet reserved_ports(const std::vector<std::string> &rules);

// Whether more than half of the range would be reserved.
bool takes_too_much(const PortSet &range, const PortSet &reserved);

// The range of a kernel that nobody has told another.
constexpr PortRange default_port_range = {32768, 60999};

Result<PortRange> read_port_range(Sysctl &sysctl);
Result<PortSet> read_listed_ports(Sysctl &sysctl);

// Adds to the list; at no moment a port is missing that was there before.
Result<void> list_ports(Sysctl &sysctl, const PortSet &ports);

// Makes a list of both. One that is too long for a single write() begins with
// the first, which is what is left if the process is killed.
Result<void> replace_list(Sysctl &sysctl, const PortSet &first,
                          const PortSet &second);

// The record of what the tool has put into the list. It is lost at a reboot,
// as is the list; without it nothing is taken out.
std::string record_path(const std::string &root);
Result<PortSet> read_record(const std::string &root);
Result<void> write_record(const std::string &root, const PortSet &ports);

// Whether the files of Sysctl are those of another network namespace than that
// of process 1. What cannot be read counts as the same.
bool in_other_network_namespace(const std::string &proc);

} // namespace portacl

#endif
