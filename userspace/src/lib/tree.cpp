// SPDX-License-Identifier: GPL-2.0-only

#include "lib/tree.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "lib/config_dirs.h"
#include "lib/directory.h"

namespace portacl {

namespace {

std::optional<std::string> link_target(int directory, const dirent &item) {
  if (item.d_type != DT_LNK && item.d_type != DT_UNKNOWN)
    return std::nullopt;
  std::string target(PATH_MAX, '\0');
  const ssize_t size =
      readlinkat(directory, item.d_name, target.data(), target.size());
  if (size < 0)
    return std::nullopt;
  target.resize(static_cast<size_t>(size));
  return target;
}

} // namespace

std::optional<FileId> file_id(const std::string &root,
                              const std::string &path) {
  struct stat info {};
  if (root.empty()) {
    // The links of /proc lead to what they stand for only in this way.
    if (stat(path.c_str(), &info) != 0)
      return std::nullopt;
  } else {
    const UniqueFd fd = open_in_root(root, path, open_to_look);
    if (!fd || fstat(fd.get(), &info) != 0)
      return std::nullopt;
  }
  return FileId{.device = info.st_dev, .inode = info.st_ino};
}

Result<std::string> read_tree_file(const std::string &root,
                                   const std::string &path) {
  const UniqueFd fd = open_in_root(root, path);
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot read " + path);
  if (!S_ISREG(info.st_mode))
    return Error{
        .code = Code::policy, .message = "not a regular file", .file = path};
  return read_all(fd, path, max_tree_file_bytes);
}

Result<std::vector<TreeEntry>> list_tree_directory(const std::string &root,
                                                   const std::string &path) {
  std::vector<TreeEntry> entries;
  UniqueFd fd = open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!fd && (errno == ENOENT || errno == ENOTDIR))
    return entries;
  const Directory directory(fd ? fdopendir(fd.get()) : nullptr);
  if (!directory)
    return system_error(errno, "cannot read " + path);
  fd.release();
  errno = 0;
  while (const dirent *item = readdir(directory.get())) {
    if (item->d_name[0] != '.')
      entries.push_back({.name = item->d_name,
                         .target = link_target(dirfd(directory.get()), *item)});
    errno = 0;
  }
  if (errno != 0)
    return system_error(errno, "cannot read " + path);
  std::ranges::sort(entries, {}, &TreeEntry::name);
  return entries;
}

} // namespace portacl
