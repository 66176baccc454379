// SPDX-License-Identifier: GPL-2.0-only
// A file descriptor that closes itself.

#ifndef PORTACL_LIB_FD_H
#define PORTACL_LIB_FD_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "lib/result.h"

namespace portacl {

class UniqueFd final {
public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd &operator=(UniqueFd &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  UniqueFd(const UniqueFd &) = delete;
  UniqueFd &operator=(const UniqueFd &) = delete;
  ~UniqueFd() {
    if (fd_ >= 0)
      close(fd_);
  }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

private:
  int fd_ = -1;
};

// Both take the path for the message only. More than the limit is an error of
// Code::policy.
Result<std::string> read_all(const UniqueFd &fd, const std::string &path,
                             size_t limit = SIZE_MAX);
Result<void> write_all(const UniqueFd &fd, std::string_view data,
                       const std::string &path);

} // namespace portacl

#endif
