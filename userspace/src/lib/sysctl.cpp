// SPDX-License-Identifier: GPL-2.0-only

#include "lib/sysctl.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>

#include "lib/fd.h"

namespace portacl {

namespace {

// The kernel gives a list of ports to the first read() only, cut where the
// buffer ends. The longest one, of ranges of two ports, is half of this.
constexpr size_t buffer_size = 524288;

} // namespace

Result<std::string> ProcSysctl::read(const std::string &name) {
  const std::string path = fmt::format("{}/{}", directory_, name);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return system_error(errno, "cannot open " + path);
  std::string text(buffer_size, '\0');
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  if (got < 0)
    return system_error(errno, "cannot read " + path);
  if (static_cast<size_t>(got) == text.size())
    return Error{.message = path + " is longer than it can be"};
  text.resize(static_cast<size_t>(got));
  return text;
}

Result<void> ProcSysctl::write(const std::string &name, std::string_view data,
                               off_t offset) {
  const std::string path = fmt::format("{}/{}", directory_, name);
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd)
    return system_error(errno, "cannot open " + path);
  const ssize_t put = pwrite(fd.get(), data.data(), data.size(), offset);
  if (put < 0)
    return system_error(errno, "cannot write " + path);
  if (static_cast<size_t>(put) != data.size())
    return Error{.message =
                     "the kernel took only a part of the write to " + path};
  return {};
}

} // namespace portacl
