// SPDX-License-Identifier: GPL-2.0-only
// Loading and unloading the module.

#ifndef PORTACL_LIB_KMOD_H
#define PORTACL_LIB_KMOD_H

#include <string>

#include "lib/result.h"

namespace portacl {

class Kmod {
public:
  Kmod() = default;
  Kmod(const Kmod &) = delete;
  Kmod &operator=(const Kmod &) = delete;
  virtual ~Kmod() = default;

  // By path when the module has a slash or ends in .ko, else by name.
  virtual Result<void> load(const std::string &module) = 0;
  virtual Result<void> unload(const std::string &name) = 0;
};

class LibKmod final : public Kmod {
public:
  Result<void> load(const std::string &module) override;
  Result<void> unload(const std::string &name) override;
};

} // namespace portacl

#endif
