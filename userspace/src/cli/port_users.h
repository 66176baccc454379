// SPDX-License-Identifier: GPL-2.0-only
// Who uses privileged ports now, and the rules that let them do it again.

#ifndef PORTACL_CLI_PORT_USERS_H
#define PORTACL_CLI_PORT_USERS_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/import.h"
#include "lib/listeners.h"
#include "lib/port_set.h"

namespace portacl {

// Ports by the protocol that rules name, PACL_PROTO_ANY included.
using PortsOfProtocols = std::array<PortSet, PACL_PROTOS>;

// Those that listen in the initial network namespace below 1024, or below a
// higher boundary. What is not known is a warning.
Listeners read_port_users(const Context &context, std::vector<Error> &warnings);

// The last port that needs the capability; 1023 where nobody has said more.
uint16_t last_privileged(const Listeners &listeners);

// By whose right a socket is there.
uint32_t user_of(const Listener &listener);

// "allow user web 80,443/tcp", as many as it takes, none for no ports.
std::vector<std::string> allow_rules(const Context &context, uint32_t uid,
                                     const PortsOfProtocols &ports);

// All ports up to this one: what the capability gives. The subject is
// canonical: "any", "user 1001".
std::string allow_all_rule(const Context &context, const std::string &subject,
                           uint16_t last);

// "nginx (pid 812) listens on 80/tcp, 443/tcp now"; each program once.
std::vector<std::string>
listening_remarks(const std::vector<const Listener *> &listeners);

// The effective uid of a process; empty where it cannot be read.
std::optional<uint32_t> uid_of_process(const Context &context, int pid);

} // namespace portacl

#endif
