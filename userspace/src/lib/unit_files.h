// SPDX-License-Identifier: GPL-2.0-only
// What the files of systemd's services say about users, capabilities and ports,
// read as systemd.unit(5) and systemd.exec(5) have it. Services of the system
// only, not those of users' own managers.

#ifndef PORTACL_LIB_UNIT_FILES_H
#define PORTACL_LIB_UNIT_FILES_H

#include <bit>
#include <string>
#include <vector>

#include "lib/capabilities.h"
#include "lib/result.h"

namespace portacl {

struct Unit {
  std::string name; // "nginx.service", "node@.service", "node@80.service"
  std::string file;
  std::vector<std::string> aliases = {};
  std::vector<std::string> drop_ins = {}; // in the order of their effect
  bool wanted = false;                    // by another unit, so that it starts

  std::string user = {}; // as written; empty for root
  bool dynamic_user = false;
  CapabilitySet ambient = 0;
  bool has_bounding = false; // CapabilityBoundingSet= is there
  CapabilitySet bounding = 0;
  std::string ambient_file = {}; // which has the last AmbientCapabilities=
  std::vector<std::string> programs = {};   // of ExecStart=, without arguments
  std::vector<std::string> bind_allow = {}; // words of SocketBindAllow=
  bool private_network = false;
  bool joins_network = false; // NetworkNamespacePath=
  bool private_users = false;

  bool operator==(const Unit &) const = default;

  bool own_network() const { return private_network || joins_network; }
  // "+0" and "00" are no user to systemd, which leaves root then.
  bool is_root() const {
    return !dynamic_user &&
           (user == "root" ||
            user.find_first_not_of('0', user.starts_with('+') ? 1 : 0) ==
                std::string::npos);
  }
  // Whether the processes of a user may bind privileged ports.
  bool gives_ports() const {
    return !is_root() && (ambient & port_capability) != 0 &&
           (!has_bounding || (bounding & port_capability) != 0);
  }
  // A file's capability may pass, and that is all. Not said of sets that leave
  // out a few: all other capabilities are in them.
  bool lets_ports_pass() const {
    return !is_root() && !gives_ports() && has_bounding &&
           (bounding & port_capability) != 0 && std::popcount(bounding) < 32;
  }
};

struct Units {
  // By their names. Masked ones are left out, and so are instances that are
  // nothing else than their template.
  std::vector<Unit> units = {};
  std::vector<Error> errors = {};
};

Units read_units(const std::string &root);

// The unit that goes by this name, an alias and "nginx" included, or of which
// it is an instance; nullptr for none.
const Unit *find_unit(const Units &units, const std::string &name);

} // namespace portacl

#endif
