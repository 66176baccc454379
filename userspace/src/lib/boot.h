// SPDX-License-Identifier: GPL-2.0-only
// What this machine does at boot.

#ifndef PORTACL_LIB_BOOT_H
#define PORTACL_LIB_BOOT_H

#include <string>

namespace portacl {

// Whether portacl.service is enabled, which loads the module and applies the
// files. A line in modules-load.d is not enough: the module alone has no rules.
bool applied_at_boot(const std::string &root);

} // namespace portacl

#endif
