// SPDX-License-Identifier: GPL-2.0-only
// The sockets that have a port on this machine: those that listen or are bound
// and not connected, of one network namespace or of all.

#ifndef PORTACL_LIB_SOCKETS_H
#define PORTACL_LIB_SOCKETS_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/engine.h"
#include "lib/result.h"

namespace portacl {

struct Socket {
  uint16_t port = 0;
  uint8_t protocol = PACL_PROTO_ANY; // as rules name it
  uint8_t transport = 0;             // IPPROTO_*
  uint8_t family = 0;                // AF_INET or AF_INET6
  bool listening = false;            // never of a transport of datagrams
  pacl_addr address{};          // one of several there is a Socket for each
  uint32_t interface_index = 0; // 0 unless bound to one
  std::string interface = {};
  uint32_t creator = 0; // the uid that made the socket
  uint64_t inode = 0;   // 0 for some of the kernel's
  uint64_t cookie = 0;  // nobody else's until the reboot; 0 if not known
  size_t space = 0;     // index into SocketTable::namespaces
};

// "tcp", "udplite".
std::string transport_name(uint8_t transport);

// Whether nothing but datagrams, which need no listen().
bool is_datagram(uint8_t transport);

struct NetNamespace {
  uint64_t id = 0;         // as in "net:[4026531840]"; 0 if not known
  std::string name = {};   // "init", or that of "ip netns"; may be empty
  std::string path = {};   // to enter it by; empty for the one we are in
  uint64_t user_space = 0; // the user namespace that owns it; 0 if not known
  uint64_t unprivileged_start = 1024; // ports below it need the capability
  // Who is root in that user namespace, by our numbers; empty if not known.
  std::optional<uint32_t> root = 0;
};

struct SocketTable {
  std::vector<NetNamespace> namespaces = {};
  std::vector<Socket> sockets = {}; // in the order of their ports
  bool partial = false; // there may be namespaces that we may not look into
};

class Sockets {
public:
  Sockets() = default;
  Sockets(const Sockets &) = delete;
  Sockets &operator=(const Sockets &) = delete;
  virtual ~Sockets() = default;

  // Of the network namespace of process 1, or of all.
  virtual Result<SocketTable> list(bool all_namespaces) = 0;
  // SOCK_DESTROY, as root. A socket of TCP stops to listen; its number stays
  // taken until the program closes it. One of UDP only has an error for its
  // program to read. Errors carry the errno: EOPNOTSUPP where the kernel cannot
  // do it, ENOENT for a socket that is gone or that it cannot tell from others.
  virtual Result<void> destroy(const NetNamespace &space,
                               const Socket &socket) = 0;
};

// What /proc/net shows, which is what --root and machines without sock_diag
// have: no sockets that are bound only but for UDP, no cookies, one namespace.
// Fails where the directory does not show any; tables but those of TCP and UDP
// over IPv4 may be missing.
class ProcSockets final : public Sockets {
public:
  explicit ProcSockets(std::string proc) : proc_(std::move(proc)) {}
  Result<SocketTable> list(bool all_namespaces) override;
  Result<void> destroy(const NetNamespace &space,
                       const Socket &socket) override;

private:
  std::string proc_;
};

// The kernel's own answer by sock_diag(7), /proc/net where it has none.
class DiagSockets final : public Sockets {
public:
  Result<SocketTable> list(bool all_namespaces) override;
  Result<void> destroy(const NetNamespace &space,
                       const Socket &socket) override;
};

} // namespace portacl

#endif
