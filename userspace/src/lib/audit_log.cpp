// SPDX-License-Identifier: GPL-2.0-only

#include "lib/audit_log.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

namespace portacl {

namespace {

UniqueFd open_file(const std::string &path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

Error read_error(const std::string &path) {
  Error error = system_error(errno, "cannot read " + path);
  if (error.code == Code::permission)
    error.hint = "run it as root, or as a member of the group adm";
  return error;
}

void drain(const UniqueFd &watch) {
  std::array<char, 4096> buffer{};
  while (read(watch.get(), buffer.data(), buffer.size()) > 0)
    continue;
}

} // namespace

Result<std::optional<AuditLog>> AuditLog::open(const std::string &path) {
  AuditLog log(path);
  log.fd_ = open_file(path);
  if (!log.fd_ && (errno == ENOENT || errno == ENOTDIR))
    return std::optional<AuditLog>();
  if (!log.fd_)
    return read_error(path);
  log.watch_ = UniqueFd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const std::string directory = path.substr(0, path.rfind('/'));
  if (!log.watch_ || inotify_add_watch(log.watch_.get(), directory.c_str(),
                                       IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
    return system_error(errno, "cannot watch " + directory);
  return std::optional(std::move(log));
}

Result<void> AuditLog::read_file(const UniqueFd &fd, std::string &rest,
                                 std::vector<Event> &events) const {
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got == 0)
      return {};
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return read_error(path_);
    rest.append(buffer.data(), static_cast<size_t>(got));
    size_t begin = 0;
    for (size_t end = 0; (end = rest.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      const auto line = std::string_view(rest).substr(begin, end - begin);
      if (line.find("lsm=portacl") == std::string_view::npos)
        continue;
      if (auto event = parse_audit_line(line))
        events.push_back(std::move(*event));
    }
    rest.erase(0, begin);
  }
}

Result<void> AuditLog::read_older(std::vector<Event> &events) const {
  std::vector<UniqueFd> files;
  for (;;) {
    UniqueFd fd = open_file(fmt::format("{}.{}", path_, files.size() + 1));
    if (!fd)
      break;
    files.push_back(std::move(fd));
  }
  // What has no newline in one file goes on in none.
  for (; !files.empty(); files.pop_back()) {
    std::string rest;
    if (auto done = read_file(files.back(), rest, events); !done)
      return done;
  }
  return {};
}

bool AuditLog::is_replaced() const {
  struct stat ours {};
  struct stat named {};
  return fstat(fd_.get(), &ours) == 0 && stat(path_.c_str(), &named) == 0 &&
         (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev);
}

Result<void> AuditLog::read(std::vector<Event> &events) {
  drain(watch_);
  if (!older_read_) {
    if (auto done = read_older(events); !done)
      return done;
    older_read_ = true;
  }
  if (auto done = read_file(fd_, rest_, events); !done)
    return done;
  if (!is_replaced())
    return {};
  // What was written meanwhile to the file that has been put away.
  if (auto done = read_file(fd_, rest_, events); !done)
    return done;
  UniqueFd next = open_file(path_);
  if (!next)
    return {};
  fd_ = std::move(next);
  rest_.clear();
  return read_file(fd_, rest_, events);
}

} // namespace portacl
