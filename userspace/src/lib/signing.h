// SPDX-License-Identifier: GPL-2.0-only
// What a machine asks of the modules that it loads, and whom it trusts.

#ifndef PORTACL_LIB_SIGNING_H
#define PORTACL_LIB_SIGNING_H

#include <string>

#include "lib/result.h"

namespace portacl {

// "none", "integrity" or "confidentiality"; empty where the kernel has no such
// thing or does not show it.
std::string lockdown_level(const std::string &root);

enum class SecureBoot {
  absent, // no EFI
  off,
  unchecked, // on, but shim does not check what it starts
  on,
};
SecureBoot secure_boot(const std::string &root);

// Who asks for signatures, in words ("lockdown=integrity"); empty if nobody.
std::string signatures_wanted_by(const std::string &root);

// Where dkms(8) keeps the certificate that it signs with.
constexpr const char *dkms_certificate = "/var/lib/dkms/mok.pub";

// Whether it is there and that signer's, by his name.
bool has_dkms_certificate(const std::string &root, const std::string &signer);

enum class Enrolment {
  not_shown, // as to all but root
  absent,
  by_name, // a key of that name, which may be another one
  sure,
};

// Whether the kernel has the key of a signer. Sure where he is the owner of
// dkms' certificate: of others nothing but the name is known.
Enrolment key_enrolment(const std::string &root, const std::string &signer);

} // namespace portacl

#endif
