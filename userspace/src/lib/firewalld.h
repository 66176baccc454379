// SPDX-License-Identifier: GPL-2.0-only
// The forward ports of firewalld's configuration; see firewalld.zone(5),
// firewalld.policy(5), firewalld.richlanguage(5) and firewalld.direct(5).

#ifndef PORTACL_LIB_FIREWALLD_H
#define PORTACL_LIB_FIREWALLD_H

#include <string>
#include <string_view>

#include "lib/names.h"
#include "lib/packets.h"

namespace portacl {

// Adds what one XML file says; its name is that of the zone or policy. A file
// that is none of firewalld's, such as of a service, is an error.
Result<void> read_firewalld(std::string_view xml, const std::string &file,
                            Names &names, PacketTables &tables);

} // namespace portacl

#endif
