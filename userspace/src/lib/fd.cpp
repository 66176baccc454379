// SPDX-License-Identifier: GPL-2.0-only

#include "lib/fd.h"

#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace portacl {

Result<std::string> read_all(const UniqueFd &fd, const std::string &path,
                             size_t limit) {
  std::string content;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got == 0)
      return content;
    if (got > 0)
      content.append(buffer.data(), static_cast<size_t>(got));
    if (content.size() > limit)
      return Error{.code = Code::policy,
                   .message = fmt::format("larger than {} bytes", limit),
                   .file = path};
    if (got > 0)
      continue;
    if (errno != EINTR)
      return system_error(errno, "cannot read " + path);
  }
}

Result<void> write_all(const UniqueFd &fd, std::string_view data,
                       const std::string &path) {
  while (!data.empty()) {
    const ssize_t put = write(fd.get(), data.data(), data.size());
    if (put >= 0)
      data.remove_prefix(static_cast<size_t>(put));
    else if (errno != EINTR)
      return system_error(errno, "cannot write " + path);
  }
  return {};
}

} // namespace portacl
