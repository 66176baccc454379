// SPDX-License-Identifier: GPL-2.0-only
// What this machine does at boot.

#ifndef PORTACL_LIB_BOOT_H
#define PORTACL_LIB_BOOT_H

#include <string>

namespace portacl {

// Whether portacl.service is there and not masked, so that it can be enabled.
bool boot_unit_installed(const std::string &root);

// Whether it is enabled, too, and so loads the module and applies the files. A
// line in modules-load.d is not enough: the module alone has no rules. What
// only other targets than those of a usual boot want does not count, such as
// rescue.target; nor do units that the next boot will not find, in /run. It is
// not known what that boot's kernel command line will say.
bool applied_at_boot(const std::string &root);

} // namespace portacl

#endif
