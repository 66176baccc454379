// SPDX-License-Identifier: GPL-2.0-only
// The files of /proc/sys/net/ipv4, which are those of the network namespace
// that the process is in.

#ifndef PORTACL_LIB_SYSCTL_H
#define PORTACL_LIB_SYSCTL_H

#include <string>
#include <string_view>

#include <sys/types.h>

#include "lib/result.h"

namespace portacl {

class Sysctl {
public:
  Sysctl() = default;
  Sysctl(const Sysctl &) = delete;
  Sysctl &operator=(const Sysctl &) = delete;
  virtual ~Sysctl() = default;

  virtual Result<std::string> read(const std::string &name) = 0;
  // Exactly one write() call, at this offset.
  virtual Result<void> write(const std::string &name, std::string_view data,
                             off_t offset) = 0;
};

class ProcSysctl final : public Sysctl {
public:
  explicit ProcSysctl(std::string directory)
      : directory_(std::move(directory)) {}
  Result<std::string> read(const std::string &name) override;
  Result<void> write(const std::string &name, std::string_view data,
                     off_t offset) override;

private:
  std::string directory_;
};

} // namespace portacl

#endif
