// SPDX-License-Identifier: GPL-2.0-only
// A directory stream that closes itself.

#ifndef PORTACL_LIB_DIRECTORY_H
#define PORTACL_LIB_DIRECTORY_H

#include <memory>

#include <dirent.h>

namespace portacl {

struct CloseDirectory {
  void operator()(DIR *directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

} // namespace portacl

#endif
