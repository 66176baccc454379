// SPDX-License-Identifier: GPL-2.0-only

#include "lib/capabilities.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

#include <endian.h>
#include <sys/capability.h>

#include "lib/numbers.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr unsigned set_bits = 64;

struct FreeCapability {
  void operator()(void *memory) const { cap_free(memory); }
};
template <class T> using Owned = std::unique_ptr<T, FreeCapability>;

void set_flags(cap_t capabilities, cap_flag_t flag, CapabilitySet set) {
  for (unsigned i = 0; i < set_bits; i++) {
    const auto value = static_cast<cap_value_t>(i);
    if ((set >> i & 1U) != 0)
      cap_set_flag(capabilities, flag, 1, &value, CAP_SET);
  }
}

// The sizes tell the revisions apart, and both must agree.
size_t size_of_revision(uint32_t revision) {
  switch (revision) {
  case VFS_CAP_REVISION_1:
    return XATTR_CAPS_SZ_1;
  case VFS_CAP_REVISION_2:
    return XATTR_CAPS_SZ_2;
  case VFS_CAP_REVISION_3:
    return XATTR_CAPS_SZ_3;
  default:
    return 0;
  }
}

} // namespace

std::optional<unsigned> capability_number(const std::string &name) {
  if (all_digits(name)) {
    const auto number = number_of<unsigned>(name);
    return number && *number < set_bits ? number : std::nullopt;
  }
  cap_value_t value = 0;
  if (cap_from_name(name.c_str(), &value) != 0 || value < 0)
    return std::nullopt;
  return static_cast<unsigned>(value);
}

std::string capability_names(CapabilitySet set) {
  std::string names;
  for (unsigned i = 0; i < set_bits; i++) {
    if ((set >> i & 1U) == 0)
      continue;
    const Owned<char> name(cap_to_name(static_cast<cap_value_t>(i)));
    if (!name)
      continue;
    names += names.empty() ? "" : " ";
    for (const char *ch = name.get(); *ch != '\0'; ch++)
      names +=
          static_cast<char>(*ch >= 'a' && *ch <= 'z' ? *ch - 'a' + 'A' : *ch);
  }
  return names;
}

std::optional<FileCapability> parse_file_capability(std::string_view bytes) {
  // Words in little endian: revision and flags, then permitted and inheritable
  // of each 32 capabilities, then the root.
  std::array<uint32_t, XATTR_CAPS_SZ_3 / sizeof(uint32_t)> words{};
  if (bytes.size() < sizeof(uint32_t) || bytes.size() > sizeof(words))
    return std::nullopt;
  std::memcpy(words.data(), bytes.data(), bytes.size());
  for (uint32_t &word : words)
    word = le32toh(word);
  const uint32_t revision = words[0] & VFS_CAP_REVISION_MASK;
  if (bytes.size() != size_of_revision(revision))
    return std::nullopt;
  FileCapability capability{.permitted = words[1],
                            .inheritable = words[2],
                            .effective =
                                (words[0] & VFS_CAP_FLAGS_EFFECTIVE) != 0};
  if (revision != VFS_CAP_REVISION_1) {
    capability.permitted |= CapabilitySet{words[3]} << 32U;
    capability.inheritable |= CapabilitySet{words[4]} << 32U;
  }
  if (revision == VFS_CAP_REVISION_3)
    capability.root = words[5];
  return capability;
}

std::string capability_text(const FileCapability &capability) {
  const Owned<std::remove_pointer_t<cap_t>> capabilities(cap_init());
  if (!capabilities)
    return {};
  set_flags(capabilities.get(), CAP_PERMITTED, capability.permitted);
  set_flags(capabilities.get(), CAP_INHERITABLE, capability.inheritable);
  if (capability.effective)
    set_flags(capabilities.get(), CAP_EFFECTIVE,
              capability.permitted | capability.inheritable);
  const Owned<char> text(cap_to_text(capabilities.get(), nullptr));
  return text ? text.get() : "";
}

FileCapability without_ports(FileCapability capability) {
  capability.permitted &= ~port_capability;
  capability.inheritable &= ~port_capability;
  return capability;
}

} // namespace portacl
