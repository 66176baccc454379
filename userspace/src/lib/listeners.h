// SPDX-License-Identifier: GPL-2.0-only
// Who has sockets with a port on this machine, as /proc shows it.

#ifndef PORTACL_LIB_LISTENERS_H
#define PORTACL_LIB_LISTENERS_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/sockets.h"

namespace portacl {

// Whose right a process has.
struct Identity {
  uint32_t uid = 0; // effective
  uint32_t gid = 0;
  std::vector<uint32_t> groups = {}; // ascending
  // Of CAP_NET_BIND_SERVICE over the user namespace of process 1 or that of
  // the socket's network namespace.
  bool capable = false;

  bool operator==(const Identity &) const = default;
};

// The identity is that of the process; the creator's uid if there is none.
struct Listener : Socket, Identity {
  // The process that holds the socket. If several do, the oldest of the user
  // who made it, else the oldest; pid 0 when none was found.
  int pid = 0;
  std::vector<int> pids = {}; // all of them, ascending
  std::string program = {};
  std::vector<Identity> others = {}; // of the other processes, each once
  // Nobody's, though every process was asked.
  bool of_kernel = false;
};

struct Listeners {
  std::vector<NetNamespace> namespaces;
  std::vector<Listener> found; // in the order of their ports
  bool partial = false; // not all namespaces or processes could be looked into
};

using SocketFilter = std::function<bool(const Socket &, const NetNamespace &)>;

// The sockets that are wanted, else all, with their holders; proc is a
// directory such as /proc. Fails where the sockets cannot be listed. Without
// any that is wanted, no process is looked into.
Result<Listeners> read_listeners(Sockets &sockets, const std::string &proc,
                                 bool all_namespaces,
                                 const SocketFilter &wanted = {});

} // namespace portacl

#endif
