// SPDX-License-Identifier: GPL-2.0-only
// Files that are written whole or not at all.

#ifndef PORTACL_LIB_FILES_H
#define PORTACL_LIB_FILES_H

#include <string>

#include "lib/result.h"

namespace portacl {

// Like mkdir -m 0755, whatever the umask says; one that exists is fine.
Result<void> make_directory(const std::string &path);

// Replaces a file by one of the same owner and mode, or makes it, readable for
// all, and its directory where that is missing. The caller holds the
// ChangeLock.
Result<void> replace_file(const std::string &path, const std::string &text);

} // namespace portacl

#endif
