// SPDX-License-Identifier: GPL-2.0-only
// Rules as iptables-save(8) prints them and iptables-restore(8) reads them.

#ifndef PORTACL_LIB_IPTABLES_H
#define PORTACL_LIB_IPTABLES_H

#include <optional>
#include <string>
#include <string_view>

#include "lib/names.h"
#include "lib/packets.h"

namespace portacl {

struct IptablesText {
  std::string text = {};
  unsigned family = family_ip4;
  std::string program = {}; // that changes them: "iptables", "ip6tables-legacy"
  std::string file = {};    // with the lines; empty for what a program printed
};

// Whether the text says that it is of ip6tables, by its first line or by an
// address; empty if it does not say.
std::optional<bool> is_ip6_text(std::string_view text);

// Adds the tables and what could not be understood of them.
void read_iptables(const IptablesText &source, Names &names,
                   PacketTables &tables);

// Reads the words behind "-A CHAIN", such as firewalld's direct rules have.
Result<PacketRule> iptables_rule(std::vector<std::string> words,
                                 unsigned family, Names &names);

// The words of a line, in quotes as iptables-save(8) makes them.
Result<std::vector<std::string>> iptables_words(std::string_view line);

} // namespace portacl

#endif
