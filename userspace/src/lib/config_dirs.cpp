// SPDX-License-Identifier: GPL-2.0-only

#include "lib/config_dirs.h"

#include <cerrno>
#include <climits>
#include <map>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/directory.h"
#include "lib/fd.h"

namespace portacl {

namespace {

// How symbolic links below a root are followed is said by RESOLVE_ flags.
UniqueFd open_below(const std::string &root, const std::string &inside,
                    int flags, uint64_t resolve) {
  const UniqueFd top(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top)
    return {};
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = resolve;
  return UniqueFd(static_cast<int>(
      syscall(SYS_openat2, top.get(), inside.c_str(), &how, sizeof(how))));
}

// Where the tool lists or writes files.
constexpr std::array<const char *, 5> own_directories = {
    "etc/portacl.d", "run/portacl.d", "run/portacl", "usr/lib/portacl.d",
    "var/lib/portacl"};

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

// What is wrong with a file that cannot be opened.
Error open_error(int error, const std::string &path) {
  struct stat info {};
  const bool is_link = lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
  if (is_link && (error == ENOENT || error == ELOOP))
    return {.code = Code::policy,
            .message = "a symbolic link that leads nowhere",
            .hint = "correct or remove it; a link to /dev/null masks a "
                    "file of its name",
            .file = path};
  // A socket.
  if (error == ENXIO)
    return {
        .code = Code::policy, .message = "not a regular file", .file = path};
  return system_error(error, "cannot open " + path);
}

// Adds the names of one directory that no earlier directory has.
void scan(const std::string &root, const std::string &path,
          std::map<std::string, std::string> &found, ConfigFiles &files) {
  std::vector<Error> &errors = files.errors;
  const Directory directory(opendir(path.c_str()));
  struct stat info {};
  if (!directory) {
    const int error = errno;
    // A link to a directory that is not there yet is no empty policy.
    if (error != ENOENT || lstat(path.c_str(), &info) == 0)
      errors.push_back(open_error(error, path));
    return;
  }
  if (fstat(dirfd(directory.get()), &info) != 0) {
    errors.push_back(system_error(errno, "cannot read " + path));
    return;
  }
  if (auto safe = check_safe(root, path, info); !safe)
    errors.push_back(safe.error());
  errno = 0;
  while (const dirent *item = readdir(directory.get())) {
    const std::string name = item->d_name;
    if (name.ends_with(".conf") && !name.starts_with('.')) {
      const std::string file = fmt::format("{}/{}", path, name);
      const auto [first, added] = found.emplace(name, file);
      if (!added)
        files.hidden.push_back({file, first->second, is_masked(first->second)});
    }
    errno = 0;
  }
  if (errno != 0)
    errors.push_back(system_error(errno, "cannot read " + path));
}

Result<std::string> read_regular(const UniqueFd &fd, const std::string &path,
                                 const struct stat &info) {
  if (!S_ISREG(info.st_mode))
    return Error{
        .code = Code::policy, .message = "not a regular file", .file = path};
  // Before the memory is asked for.
  if (static_cast<size_t>(info.st_size) > max_config_bytes)
    return Error{.code = Code::policy,
                 .message =
                     fmt::format("larger than {} bytes", max_config_bytes),
                 .file = path};
  return read_all(fd, path, max_config_bytes);
}

} // namespace

UniqueFd open_in_root(const std::string &root, const std::string &path,
                      int flags) {
  if (root.empty())
    return UniqueFd(open(path.c_str(), flags));
  const std::string inside = path.substr(root.size());
  return open_below(root, inside.empty() ? "." : inside, flags,
                    RESOLVE_IN_ROOT);
}

Result<void> check_tree(const std::string &root) {
  for (const char *directory : own_directories) {
    if (open_below(root, directory, O_PATH | O_CLOEXEC, RESOLVE_NO_SYMLINKS) ||
        errno != ELOOP)
      continue;
    return Error{.code = Code::policy,
                 .message = "leads through a symbolic link, which is not "
                            "followed below --root",
                 .hint = "make it a directory",
                 .file = fmt::format("{}/{}", root, directory)};
  }
  return {};
}

ConfigFiles find_config_files(const std::string &root) {
  ConfigFiles files;
  std::map<std::string, std::string> found;
  for (const std::string_view directory : config_dirs)
    scan(root, root + std::string(directory), found, files);
  for (const auto &[name, path] : found) {
    if (!is_masked(path))
      files.paths.push_back(path);
  }
  return files;
}

Result<std::string> read_config_file(const std::string &root,
                                     const std::string &path) {
  const UniqueFd fd = open_in_root(root, path);
  if (!fd)
    return open_error(errno, path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot read " + path);
  // Whose a directory or a FIFO is makes no difference.
  if (S_ISREG(info.st_mode)) {
    if (auto safe = check_safe(root, path, info); !safe)
      return safe.error();
  }
  return read_regular(fd, path, info);
}

Result<std::string> read_any_file(const std::string &path) {
  const UniqueFd fd = open_in_root({}, path);
  if (!fd)
    return open_error(errno, path);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot read " + path);
  return read_regular(fd, path, info);
}

} // namespace portacl
