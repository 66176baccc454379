// SPDX-License-Identifier: GPL-2.0-only

#include "lib/signing.h"

#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "lib/kernel_files.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *efi_variables = "/sys/firmware/efi/efivars";

// The state of a switch; empty if there is none. Four bytes of attributes come
// first.
std::optional<bool> efi_switch(const std::string &root, const char *name) {
  const auto data =
      read_system_file(root, fmt::format("{}/{}", efi_variables, name));
  constexpr size_t size = 5;
  if (!data || data->size() != size)
    return std::nullopt;
  return data->back() == 1;
}

// As /proc/keys describes it: "NAME: HEX: X509.rsa 01234567 []".
struct ShownKey {
  std::string_view name;
  std::string_view id;
};

std::optional<ShownKey> asymmetric_key(std::string_view line) {
  constexpr std::string_view kind = " asymmetri ";
  constexpr std::string_view between = ": ";
  const size_t at = line.find(kind);
  const size_t end = line.rfind(": X509.");
  if (at == std::string_view::npos || end == std::string_view::npos ||
      end < at + kind.size())
    return std::nullopt;
  const std::string_view described =
      line.substr(at + kind.size(), end - at - kind.size());
  const size_t colon = described.rfind(between);
  if (colon == std::string_view::npos)
    return std::nullopt;
  return ShownKey{.name = described.substr(0, colon),
                  .id = described.substr(colon + between.size())};
}

// The organisation may stand before a common name.
bool is_named(std::string_view described, const std::string &signer) {
  return described == signer || described.ends_with(": " + signer);
}

std::string bytes_of_hex(std::string_view hex) {
  constexpr int base = 16;
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned char byte = 0;
    const char *end = hex.data() + i + 2;
    if (std::from_chars(hex.data() + i, end, byte, base).ptr != end)
      return {};
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

} // namespace

std::string lockdown_level(const std::string &root) {
  const auto text = read_system_file(root, "/sys/kernel/security/lockdown");
  if (!text)
    return {};
  const size_t begin = text->find('[');
  const size_t end = text->find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return {};
  return text->substr(begin + 1, end - begin - 1);
}

SecureBoot secure_boot(const std::string &root) {
  const auto enabled =
      efi_switch(root, "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
  if (!enabled)
    return list_tree(root, "/sys/firmware/efi").empty() ? SecureBoot::absent
                                                        : SecureBoot::off;
  if (!*enabled)
    return SecureBoot::off;
  return efi_switch(root, "MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23")
                 .value_or(false)
             ? SecureBoot::unchecked
             : SecureBoot::on;
}

std::string signatures_wanted_by(const std::string &root) {
  const std::string level = lockdown_level(root);
  if (level == "integrity" || level == "confidentiality")
    return "lockdown=" + level;
  const auto enforced =
      read_system_file(root, "/sys/module/module/parameters/sig_enforce");
  if (enforced && enforced->starts_with('Y'))
    return "module.sig_enforce";
  // What lockdown follows from, where it does not show.
  if (level.empty() && secure_boot(root) == SecureBoot::on)
    return "Secure Boot";
  return {};
}

bool has_dkms_certificate(const std::string &root, const std::string &signer) {
  const auto certificate = read_system_file(root, dkms_certificate);
  return certificate && certificate->find(signer) != std::string::npos;
}

Enrolment key_enrolment(const std::string &root, const std::string &signer) {
  const auto keys = read_system_file(root, "/proc/keys");
  if (!keys)
    return Enrolment::not_shown;
  const auto certificate = read_system_file(root, dkms_certificate);
  const bool is_dkms =
      certificate && certificate->find(signer) != std::string::npos;
  bool any = false;
  for (const std::string_view line : split(*keys, '\n')) {
    const auto key = asymmetric_key(line);
    if (!key)
      continue;
    any = true;
    if (!is_named(key->name, signer))
      continue;
    const std::string id = bytes_of_hex(key->id);
    if (!is_dkms)
      return Enrolment::by_name;
    if (!id.empty() && certificate->find(id) != std::string::npos)
      return Enrolment::sure;
  }
  // Every kernel that checks signatures has a key of its own.
  return any ? Enrolment::absent : Enrolment::not_shown;
}

} // namespace portacl
