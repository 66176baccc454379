// SPDX-License-Identifier: GPL-2.0-only
// Users, groups and services: names to numbers and back. The only place that
// asks; the answers are kept for the life of the object.

#ifndef PORTACL_LIB_NAMES_H
#define PORTACL_LIB_NAMES_H

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/result.h"

namespace portacl {

struct User {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct Group {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;
};

// What a services file lists under one name, for tcp, udp and sctp.
struct ServicePort {
  uint16_t port = 0;
  std::string protocol;
};

// Where names come from when no file below a root has them: all that
// nsswitch.conf(5) lists, which may be far away and slow, or nothing but the
// files of /etc, which are there when nothing else is.
enum class NameSources { all, local };

class Names final {
public:
  // With a root, names come from ROOT/etc/passwd, group and services where
  // these exist, else from this machine.
  explicit Names(const std::string &root = {},
                 NameSources sources = NameSources::all);

  // Code::policy if there is none, Code::system if the lookup failed.
  Result<uint32_t> uid(const std::string &name);
  Result<uint32_t> gid(const std::string &name);
  Result<std::vector<ServicePort>> service(const std::string &name);

  // Empty if there is none or the lookup failed.
  std::optional<User> user(uint32_t uid);
  std::string group_name(uint32_t gid);

  // Who is listed as a member of a group. Users whose primary group it is are
  // not listed: that would take reading all users.
  std::vector<std::string> group_members(uint32_t gid) const;

  // All groups of a user, the primary one included, in ascending order.
  Result<std::vector<uint32_t>> groups_of(const User &user) const;

private:
  struct Service {
    std::string name;
    std::vector<std::string> aliases;
    ServicePort port;
  };

  void read_root(const std::string &root);
  // After many answers that took a lookup each it is cheaper to read all there
  // are at once, as each lookup reads the file from its beginning.
  void count_user_lookup();
  void count_group_lookup();
  void read_services(const std::string &root);
  Error unknown(std::string_view kind, const std::string &name,
                std::optional<std::vector<std::string>> &candidates,
                std::vector<std::string> (Names::*list)() const);
  Result<uint32_t> find_uid(const std::string &name);
  Result<uint32_t> find_gid(const std::string &name);
  std::vector<ServicePort> find_service(const std::string &name) const;
  std::optional<User> find_user(uint32_t uid) const;
  std::string find_group_name(uint32_t gid) const;
  std::vector<std::string> user_names() const;
  std::vector<std::string> group_names() const;
  std::vector<std::string> service_names() const;

  // Set when the answers come from a file, and why one cannot be read.
  std::optional<std::vector<User>> users_;
  std::optional<std::vector<Group>> groups_;
  std::optional<std::vector<Service>> services_;
  int users_error_ = 0;
  int groups_error_ = 0;

  std::unordered_map<std::string, Result<uint32_t>> uids_;
  std::unordered_map<std::string, Result<uint32_t>> gids_;
  std::unordered_map<std::string, std::vector<ServicePort>> ports_;
  std::unordered_map<uint32_t, std::optional<User>> users_by_uid_;
  std::unordered_map<uint32_t, std::string> groups_by_gid_;

  // Of those whom a file lists.
  std::unordered_map<std::string, std::vector<uint32_t>> gids_of_members_;

  size_t user_lookups_ = 0;
  size_t group_lookups_ = 0;
  // What a name could have been meant to be, once somebody asked.
  std::optional<std::vector<std::string>> user_candidates_;
  std::optional<std::vector<std::string>> group_candidates_;
  std::optional<std::vector<std::string>> service_candidates_;
  size_t suggestions_ = 0;
};

} // namespace portacl

#endif
