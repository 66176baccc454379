// SPDX-License-Identifier: GPL-2.0-only
// The messages of sock_diag(7) about sockets of the internet families.

#ifndef PORTACL_LIB_SOCK_DIAG_H
#define PORTACL_LIB_SOCK_DIAG_H

#include <vector>

#include <libmnl/libmnl.h>

#include "lib/result.h"
#include "lib/sockets.h"

namespace portacl {

// The sockets that one message of a dump tells of: one for each local address.
// Empty for what is no such message, is connected, or has no port.
std::vector<Socket> sockets_of_message(const nlmsghdr &message,
                                       uint8_t transport);

// Both are about the network namespace that the thread is in. Sctp and the
// like are asked for only where the kernel has them loaded, since to ask would
// load them.
Result<std::vector<Socket>> dump_sockets();
Result<void> destroy_socket(const Socket &socket);

} // namespace portacl

#endif
