// SPDX-License-Identifier: GPL-2.0-only
// Sets of capabilities, and those that files have; see capabilities(7).

#ifndef PORTACL_LIB_CAPABILITIES_H
#define PORTACL_LIB_CAPABILITIES_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <linux/capability.h>

namespace portacl {

// Bit N is capability N.
using CapabilitySet = uint64_t;

constexpr CapabilitySet port_capability = CapabilitySet{1}
                                          << CAP_NET_BIND_SERVICE;

// The number of "CAP_NET_RAW" or "13"; empty for what is none.
std::optional<unsigned> capability_number(const std::string &name);

// "CAP_CHOWN CAP_NET_RAW", as units have them.
std::string capability_names(CapabilitySet set);

// What a file gives to who runs it.
struct FileCapability {
  CapabilitySet permitted = 0;
  CapabilitySet inheritable = 0; // only what the process has as such, too
  bool effective = false;        // or the program has to raise it
  // Of the user namespaces in which it counts, the uid of their root.
  uint32_t root = 0;

  bool opens_ports() const {
    return root == 0 && ((permitted | inheritable) & port_capability) != 0;
  }
  bool empty() const { return (permitted | inheritable) == 0; }
};

// The value of the attribute security.capability; empty for what is none.
std::optional<FileCapability> parse_file_capability(std::string_view bytes);

// "cap_net_bind_service,cap_net_raw=ep", as setcap(8) takes it.
std::string capability_text(const FileCapability &capability);

FileCapability without_ports(FileCapability capability);

} // namespace portacl

#endif
