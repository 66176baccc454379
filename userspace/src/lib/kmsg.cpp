// SPDX-License-Identifier: GPL-2.0-only

#include "lib/kmsg.h"

#include <array>
#include <cerrno>

#include <fcntl.h>

#include "lib/times.h"

namespace portacl {

Result<Kmsg> Kmsg::open(const std::string &path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    Error error = system_error(errno, "cannot read the kernel log, " + path);
    if (error.code == Code::permission)
      error.hint = "run it as root, for example with sudo; the systemd journal "
                   "is open to the groups adm and systemd-journal, too";
    return error;
  }
  return Kmsg(std::move(fd), monotonic_start());
}

Result<void> Kmsg::read(std::vector<Event> &events) {
  // A record is 1024 bytes of text at most, each of which may become four, and
  // its fields.
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got > 0) {
      const std::string_view record(buffer.data(), static_cast<size_t>(got));
      if (auto event = parse_kmsg_record(record, start_))
        events.push_back(std::move(*event));
    } else if (got == 0 || errno == EAGAIN) {
      return {};
    } else if (errno != EINTR && errno != EPIPE) {
      // EPIPE: the next one was overwritten before it was read.
      return system_error(errno, "cannot read the kernel log");
    }
  }
}

} // namespace portacl
