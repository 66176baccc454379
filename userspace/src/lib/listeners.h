// SPDX-License-Identifier: GPL-2.0-only
// Who listens on this machine, as /proc shows it.

#ifndef PORTACL_LIB_LISTENERS_H
#define PORTACL_LIB_LISTENERS_H

#include <cstdint>
#include <string>
#include <vector>

#include "lib/engine.h"
#include "lib/result.h"

namespace portacl {

struct Listener {
  uint16_t port = 0;
  uint8_t protocol = PACL_PROTO_ANY;
  pacl_addr address{};
  // The process that holds the socket, the oldest if several do; pid 0 when
  // none was found.
  int pid = 0;
  std::string program;
  uint32_t uid = 0;     // effective
  uint32_t creator = 0; // the uid that made the socket
  uint32_t gid = 0;
  std::vector<uint32_t> groups; // ascending
  // Of CAP_NET_BIND_SERVICE over the user namespace of process 1.
  bool capable = false;
};

// Sockets of TCP that listen and sockets of UDP that are not connected, in the
// order of their ports; those of the kernel are left out. Fails where the
// directory does not show any; tables of IPv6 may be missing.
Result<std::vector<Listener>> read_listeners(const std::string &proc);

} // namespace portacl

#endif
