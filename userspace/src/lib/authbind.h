// SPDX-License-Identifier: GPL-2.0-only
// The files of authbind(1), as its set-uid helper reads them. Where manual and
// program differ, this is the program, version 2.1.3.

#ifndef PORTACL_LIB_AUTHBIND_H
#define PORTACL_LIB_AUTHBIND_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "lib/address_ranges.h"
#include "lib/execute_rights.h"
#include "lib/port_set.h"
#include "lib/result.h"

namespace portacl {

// A directory that everybody who asks must be able to search: who may not is
// refused, whatever stands behind it.
struct AuthbindDoor {
  std::string path; // as all paths here, without the root
  ExecuteRights rights;
};

// A file in byport or byaddr: grants whom it lets execute it, refuses all
// others, and nothing behind it is asked.
struct AuthbindFile {
  std::string path;
  uint16_t port = 0;
  ExecuteRights rights;
};

// The address of a bind, literally: the wildcard is an address as any other.
struct AuthbindAddress {
  uint16_t port = 0;
  bool ipv6 = false; // the family of the socket
  pacl_addr address{};

  bool operator<(const AuthbindAddress &other) const {
    return std::tie(port, ipv6, address.hi, address.lo) <
           std::tie(other.port, other.ipv6, other.address.hi, other.address.lo);
  }
};

// A line of a file in byuid, asked where no file is there.
struct AuthbindLine {
  std::string path;
  uint32_t line = 0;
  uint32_t uid = 0;
  bool ipv6 = false;
  AddressRange addresses = {};
  PortRange ports = {}; // those that are asked for in this file
  bool clipped = false; // whether it names others, below 1024, too
};

struct Authbind {
  bool present = false; // its directory
  AuthbindDoor top = {};
  std::optional<AuthbindDoor> byport_door = {};
  std::optional<AuthbindDoor> byaddr_door = {};
  std::map<uint16_t, AuthbindFile> byport = {};
  // Those that come first where several are for one address.
  std::map<AuthbindAddress, AuthbindFile> byaddr = {};
  std::vector<AuthbindLine> lines = {};
  // What has no effect, with its place; these paths are without the root, too.
  std::vector<Error> warnings = {};
};

inline constexpr const char *authbind_directory = "/etc/authbind";

// One line of byuid without path, line and uid; the ports are not clipped. The
// error says why it never matches.
struct AuthbindRange {
  bool ipv6 = false;
  AddressRange addresses = {};
  uint32_t first_port = 0;
  uint32_t last_port = 0;
};
Result<AuthbindRange> parse_authbind_line(std::string_view text);

Result<Authbind> read_authbind(const std::string &root);

} // namespace portacl

#endif
