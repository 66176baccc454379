// SPDX-License-Identifier: GPL-2.0-only
// What "nft -j list ruleset" prints; see libnftables-json(5).

#ifndef PORTACL_LIB_NFTABLES_H
#define PORTACL_LIB_NFTABLES_H

#include <set>
#include <string>
#include <string_view>

#include "lib/names.h"
#include "lib/packets.h"

namespace portacl {

// Tables, such as "ip nat", that iptables has shown already: their chains with
// the names that iptables gives are left out.
using IptablesTables = std::set<std::string>;

// Adds the tables and what could not be understood of them. The file is for
// messages. Fails where the text is not what nft prints.
Result<void> read_nftables(std::string_view text, const std::string &file,
                           const IptablesTables &shown, Names &names,
                           PacketTables &tables);

} // namespace portacl

#endif
