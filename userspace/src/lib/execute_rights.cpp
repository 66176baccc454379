// SPDX-License-Identifier: GPL-2.0-only

#include "lib/execute_rights.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <acl/libacl.h>
#include <fmt/format.h>
#include <sys/acl.h>
#include <sys/stat.h>

namespace portacl {

namespace {

struct FreeAcl {
  void operator()(void *object) const { acl_free(object); }
};
using Acl = std::unique_ptr<std::remove_pointer_t<acl_t>, FreeAcl>;

struct AclEntry {
  acl_tag_t tag = ACL_UNDEFINED_TAG;
  uint32_t id = 0; // of ACL_USER and ACL_GROUP
  bool execute = false;
};

AclEntry read_entry(acl_entry_t entry) {
  AclEntry result;
  acl_permset_t permissions = nullptr;
  if (acl_get_tag_type(entry, &result.tag) == 0 &&
      acl_get_permset(entry, &permissions) == 0)
    result.execute = acl_get_perm(permissions, ACL_EXECUTE) == 1;
  if (result.tag == ACL_USER || result.tag == ACL_GROUP) {
    const std::unique_ptr<void, FreeAcl> id(acl_get_qualifier(entry));
    if (id == nullptr)
      throw std::bad_alloc();
    result.id = *static_cast<const uint32_t *>(id.get());
  }
  return result;
}

std::vector<AclEntry> read_entries(const Acl &acl) {
  std::vector<AclEntry> entries;
  acl_entry_t entry = nullptr;
  for (int which = ACL_FIRST_ENTRY;
       acl_get_entry(acl.get(), which, &entry) == 1; which = ACL_NEXT_ENTRY)
    entries.push_back(read_entry(entry));
  return entries;
}

void add_entry(ExecuteRights &rights, const AclEntry &entry, uint32_t group,
               bool masked) {
  const bool may = entry.execute && !masked;
  switch (entry.tag) {
  case ACL_USER_OBJ:
    rights.owner_may = entry.execute;
    break;
  case ACL_USER:
    if (entry.id != rights.owner)
      rights.users[entry.id] = may;
    break;
  case ACL_GROUP_OBJ:
  case ACL_GROUP: {
    bool &known = rights.groups[entry.tag == ACL_GROUP ? entry.id : group];
    known = known || may;
    break;
  }
  case ACL_OTHER:
    rights.others = entry.execute;
    break;
  default:
    break;
  }
}

bool all_may(const std::map<uint32_t, bool> &subjects) {
  return std::ranges::all_of(subjects,
                             [](const auto &one) { return one.second; });
}

bool none_may(const std::map<uint32_t, bool> &subjects) {
  return std::ranges::none_of(
      subjects, [](const auto &one) { return one.first != 0 && one.second; });
}

} // namespace

Result<ExecuteRights> execute_rights(const UniqueFd &fd,
                                     const std::string &path) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot read " + path);
  // Extended attributes cannot be read from an O_PATH descriptor itself.
  const std::string self = fmt::format("/proc/self/fd/{}", fd.get());
  Acl acl(acl_get_file(self.c_str(), ACL_TYPE_ACCESS));
  if (acl == nullptr && errno != EOPNOTSUPP)
    return system_error(errno, "cannot read the ACL of " + path);
  if (acl == nullptr)
    acl.reset(acl_from_mode(info.st_mode));
  if (acl == nullptr)
    throw std::bad_alloc();

  const std::vector<AclEntry> entries = read_entries(acl);
  const bool masked = std::ranges::any_of(entries, [](const AclEntry &entry) {
    return entry.tag == ACL_MASK && !entry.execute;
  });
  ExecuteRights rights{.owner = info.st_uid, .users = {}, .groups = {}};
  for (const AclEntry &entry : entries)
    add_entry(rights, entry, info.st_gid, masked);
  return rights;
}

bool may_execute(const ExecuteRights &rights, uint32_t uid,
                 const std::vector<uint32_t> &gids) {
  if (uid == rights.owner)
    return rights.owner_may;
  if (const auto user = rights.users.find(uid); user != rights.users.end())
    return user->second;
  bool listed = false;
  for (const uint32_t gid : gids) {
    const auto group = rights.groups.find(gid);
    if (group == rights.groups.end())
      continue;
    if (group->second)
      return true;
    listed = true;
  }
  return !listed && rights.others;
}

bool everybody_may(const ExecuteRights &rights) {
  return rights.owner_may && all_may(rights.users) && all_may(rights.groups) &&
         rights.others;
}

bool nobody_may(const ExecuteRights &rights) {
  return (rights.owner == 0 || !rights.owner_may) && none_may(rights.users) &&
         rights.others == false &&
         std::ranges::none_of(rights.groups,
                              [](const auto &one) { return one.second; });
}

} // namespace portacl
