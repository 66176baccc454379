// SPDX-License-Identifier: GPL-2.0-only

#include "lib/config_dirs.h"

#include <cerrno>
#include <climits>
#include <map>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/fd.h"

namespace portacl {

namespace {

struct CloseDirectory {
  void operator()(DIR *directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Opens for reading without waiting for a FIFO or taking a terminal. Under a
// root, symbolic links stay inside it.
UniqueFd open_config(const std::string &root, const std::string &path) {
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  if (root.empty())
    return UniqueFd(open(path.c_str(), flags));
  const UniqueFd top(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top)
    return {};
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = RESOLVE_IN_ROOT;
  const std::string inside = path.substr(root.size());
  return UniqueFd(static_cast<int>(
      syscall(SYS_openat2, top.get(), inside.c_str(), &how, sizeof(how))));
}

bool owned_safely(const std::string &root, const struct stat &info) {
  return info.st_uid == 0 || (!root.empty() && info.st_uid == geteuid());
}

Result<void> check_safe(const std::string &root, const std::string &path,
                        const struct stat &info) {
  Error error{.code = Code::policy, .file = path};
  if (!owned_safely(root, info)) {
    error.message = "not owned by root";
    error.hint = fmt::format("chown root: {}", path);
    return error;
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    error.message =
        fmt::format("writable for others (mode {:04o})", info.st_mode & 07777U);
    error.hint = fmt::format("chmod go-w {}", path);
    return error;
  }
  return {};
}

bool is_masked(const std::string &path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size > 0 && target.substr(0, static_cast<size_t>(size)) == "/dev/null";
}

// Adds the names of one directory that no earlier directory has.
void scan(const std::string &root, const std::string &path,
          std::map<std::string, std::string> &found,
          std::vector<Error> &errors) {
  const Directory directory(opendir(path.c_str()));
  if (!directory) {
    if (errno != ENOENT)
      errors.push_back(system_error(errno, "cannot read " + path));
    return;
  }
  struct stat info {};
  if (fstat(dirfd(directory.get()), &info) != 0) {
    errors.push_back(system_error(errno, "cannot read " + path));
    return;
  }
  if (auto safe = check_safe(root, path, info); !safe)
    errors.push_back(safe.error());
  errno = 0;
  while (const dirent *item = readdir(directory.get())) {
    const std::string name = item->d_name;
    if (name.ends_with(".conf") && !name.starts_with('.'))
      found.emplace(name, fmt::format("{}/{}", path, name));
    errno = 0;
  }
  if (errno != 0)
    errors.push_back(system_error(errno, "cannot read " + path));
}

} // namespace

ConfigFiles find_config_files(const std::string &root) {
  ConfigFiles files;
  std::map<std::string, std::string> found;
  for (const std::string_view directory : config_dirs)
    scan(root, root + std::string(directory), found, files.errors);
  for (const auto &[name, path] : found) {
    if (!is_masked(path))
      files.paths.push_back(path);
  }
  return files;
}

Result<std::string> read_config_file(const std::string &root,
                                     const std::string &path) {
  const UniqueFd fd = open_config(root, path);
  if (!fd)
    return system_error(errno, "cannot open " + path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot read " + path);
  if (!S_ISREG(info.st_mode))
    return Error{
        .code = Code::policy, .message = "not a regular file", .file = path};
  if (auto safe = check_safe(root, path, info); !safe)
    return safe.error();
  return read_all(fd, path);
}

} // namespace portacl
