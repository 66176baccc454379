// SPDX-License-Identifier: GPL-2.0-only
// Files and directories of a machine or of a tree below --root that belong to
// others. Paths begin with the root; symbolic links stay inside it.

#ifndef PORTACL_LIB_TREE_H
#define PORTACL_LIB_TREE_H

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "lib/result.h"

namespace portacl {

// Which file it is, by whatever name.
struct FileId {
  uint64_t device = 0;
  uint64_t inode = 0;

  bool operator==(const FileId &) const = default;
  bool operator<(const FileId &other) const {
    return std::tie(device, inode) < std::tie(other.device, other.inode);
  }
};

// Empty if it is not there or may not be seen.
std::optional<FileId> file_id(const std::string &root, const std::string &path);

// More than a tool would want to read of a file.
constexpr size_t max_tree_file_bytes = size_t{64} << 20;

// A regular file. What is not there is ENOENT.
Result<std::string> read_tree_file(const std::string &root,
                                   const std::string &path);

struct TreeEntry {
  std::string name;
  std::optional<std::string> target = {}; // of a symbolic link
};

// All but those whose names begin with a dot, by their names. A directory that
// is not there is empty.
Result<std::vector<TreeEntry>> list_tree_directory(const std::string &root,
                                                   const std::string &path);

} // namespace portacl

#endif
