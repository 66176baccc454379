// SPDX-License-Identifier: GPL-2.0-only
// Who may execute a file or search a directory: mode bits and POSIX ACLs, as
// acl(5) has it.

#ifndef PORTACL_LIB_EXECUTE_RIGHTS_H
#define PORTACL_LIB_EXECUTE_RIGHTS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/fd.h"
#include "lib/result.h"

namespace portacl {

// The first that is met decides: the owner; a user who is named; any group of
// the user that is named, where one that may is enough; the others. What the
// mask takes away is taken away here. Root, who may everything, is not thought
// of.
struct ExecuteRights {
  uint32_t owner = 0;
  bool owner_may = false;
  std::map<uint32_t, bool> users = {};  // without the owner
  std::map<uint32_t, bool> groups = {}; // with the file's own
  bool others = false;
};

// Of an open file, which may have been opened with O_PATH.
Result<ExecuteRights> execute_rights(const UniqueFd &fd,
                                     const std::string &path);

bool may_execute(const ExecuteRights &rights, uint32_t uid,
                 const std::vector<uint32_t> &gids);

bool everybody_may(const ExecuteRights &rights);
// Root apart.
bool nobody_may(const ExecuteRights &rights);

} // namespace portacl

#endif
