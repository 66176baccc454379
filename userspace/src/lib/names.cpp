// SPDX-License-Identifier: GPL-2.0-only

#include "lib/names.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>

#include "lib/text.h"

namespace portacl {

namespace {

struct CloseFile {
  void operator()(FILE *file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

constexpr std::array<const char *, 3> protocols = {"tcp", "udp", "sctp"};

// Calls one of the *_r functions until its buffer is large enough. Returns its
// error, with those that only say "not found" as 0.
template <class Call> int with_buffer(std::vector<char> &buffer, Call call) {
  buffer.resize(4096);
  int error = call();
  while (error == ERANGE && buffer.size() < (size_t{1} << 26)) {
    buffer.resize(buffer.size() * 4);
    error = call();
  }
  // getpwnam_r(3): "The given name or uid was not found."
  if (error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
    return 0;
  return error;
}

User to_user(const passwd &entry) {
  return {entry.pw_name, entry.pw_uid, entry.pw_gid};
}

Group to_group(const group &entry) {
  Group result{entry.gr_name, entry.gr_gid, {}};
  for (char **member = entry.gr_mem; *member != nullptr; member++)
    result.members.emplace_back(*member);
  return result;
}

std::optional<std::vector<User>> read_passwd(const std::string &path) {
  const File file(fopen(path.c_str(), "re"));
  if (!file)
    return std::nullopt;
  std::vector<User> users;
  std::vector<char> buffer;
  passwd entry{};
  passwd *found = nullptr;
  while (with_buffer(buffer,
                     [&] {
                       return fgetpwent_r(file.get(), &entry, buffer.data(),
                                          buffer.size(), &found);
                     }) == 0 &&
         found != nullptr)
    users.push_back(to_user(entry));
  return users;
}

std::optional<std::vector<Group>> read_group(const std::string &path) {
  const File file(fopen(path.c_str(), "re"));
  if (!file)
    return std::nullopt;
  std::vector<Group> groups;
  std::vector<char> buffer;
  group entry{};
  group *found = nullptr;
  while (with_buffer(buffer,
                     [&] {
                       return fgetgrent_r(file.get(), &entry, buffer.data(),
                                          buffer.size(), &found);
                     }) == 0 &&
         found != nullptr)
    groups.push_back(to_group(entry));
  return groups;
}

Error lookup_failed(std::string_view kind, const std::string &name, int error) {
  Error result = system_error(
      error, fmt::format("lookup of {} '{}' failed", kind, printable(name)));
  result.code = Code::system;
  result.hint = "that is not the same as unknown: check nsswitch.conf(5)";
  return result;
}

Error unknown(std::string_view kind, const std::string &name,
              const std::vector<std::string> &candidates) {
  Error error{.code = Code::policy,
              .message = fmt::format("no such {}: '{}'", kind, printable(name)),
              .errnum = ENOENT};
  if (const std::string best = nearest(name, candidates); !best.empty())
    error.hint = fmt::format("did you mean '{}'?", best);
  return error;
}

} // namespace

Names::Names(const std::string &root) {
  if (!root.empty())
    read_root(root);
}

void Names::read_root(const std::string &root) {
  users_ = read_passwd(root + "/etc/passwd");
  groups_ = read_group(root + "/etc/group");
  std::ifstream file(root + "/etc/services");
  if (!file)
    return;
  services_.emplace();
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name;
    std::string target;
    if (!(words >> name >> target))
      continue;
    Service service{.name = name, .aliases = {}, .port = {}};
    for (std::string alias; words >> alias;)
      service.aliases.push_back(alias);
    const char *end = target.data() + target.size();
    const auto [slash, error] =
        std::from_chars(target.data(), end, service.port.port);
    if (error != std::errc() || slash == end || *slash != '/')
      continue;
    service.port.protocol.assign(slash + 1, end);
    services_->push_back(std::move(service));
  }
}

Result<uint32_t> Names::uid(const std::string &name) {
  auto known = uids_.find(name);
  if (known == uids_.end())
    known = uids_.emplace(name, find_uid(name)).first;
  return known->second;
}

Result<uint32_t> Names::find_uid(const std::string &name) const {
  if (users_) {
    const auto user = std::ranges::find(*users_, name, &User::name);
    if (user != users_->end())
      return user->uid;
    return unknown("user", name, user_names());
  }
  std::vector<char> buffer;
  passwd entry{};
  passwd *found = nullptr;
  const int error = with_buffer(buffer, [&] {
    return getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(),
                      &found);
  });
  if (found != nullptr)
    return entry.pw_uid;
  if (error != 0)
    return lookup_failed("user", name, error);
  return unknown("user", name, user_names());
}

Result<uint32_t> Names::gid(const std::string &name) {
  auto known = gids_.find(name);
  if (known == gids_.end())
    known = gids_.emplace(name, find_gid(name)).first;
  return known->second;
}

Result<uint32_t> Names::find_gid(const std::string &name) const {
  if (groups_) {
    const auto entry = std::ranges::find(*groups_, name, &Group::name);
    if (entry != groups_->end())
      return entry->gid;
    return unknown("group", name, group_names());
  }
  std::vector<char> buffer;
  group entry{};
  group *found = nullptr;
  const int error = with_buffer(buffer, [&] {
    return getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(),
                      &found);
  });
  if (found != nullptr)
    return entry.gr_gid;
  if (error != 0)
    return lookup_failed("group", name, error);
  return unknown("group", name, group_names());
}

Result<std::vector<ServicePort>> Names::service(const std::string &name) {
  auto known = ports_.find(name);
  if (known == ports_.end())
    known = ports_.emplace(name, find_service(name)).first;
  if (known->second.empty())
    return unknown("service", name, service_names());
  return known->second;
}

std::vector<ServicePort> Names::find_service(const std::string &name) const {
  std::vector<ServicePort> result;
  if (services_) {
    for (const Service &service : *services_) {
      const bool named = service.name == name ||
                         std::ranges::count(service.aliases, name) != 0;
      if (named && std::ranges::count(protocols, service.port.protocol) != 0)
        result.push_back(service.port);
    }
    return result;
  }
  for (const char *protocol : protocols) {
    std::vector<char> buffer;
    servent entry{};
    servent *found = nullptr;
    with_buffer(buffer, [&] {
      return getservbyname_r(name.c_str(), protocol, &entry, buffer.data(),
                             buffer.size(), &found);
    });
    if (found != nullptr)
      result.push_back({ntohs(static_cast<uint16_t>(entry.s_port)), protocol});
  }
  return result;
}

std::optional<User> Names::user(uint32_t uid) {
  auto known = users_by_uid_.find(uid);
  if (known == users_by_uid_.end())
    known = users_by_uid_.emplace(uid, find_user(uid)).first;
  return known->second;
}

std::optional<User> Names::find_user(uint32_t uid) const {
  if (users_) {
    const auto user = std::ranges::find(*users_, uid, &User::uid);
    return user == users_->end() ? std::nullopt : std::optional(*user);
  }
  std::vector<char> buffer;
  passwd entry{};
  passwd *found = nullptr;
  with_buffer(buffer, [&] {
    return getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  });
  return found == nullptr ? std::nullopt : std::optional(to_user(entry));
}

std::string Names::group_name(uint32_t gid) {
  auto known = groups_by_gid_.find(gid);
  if (known == groups_by_gid_.end())
    known = groups_by_gid_.emplace(gid, find_group_name(gid)).first;
  return known->second;
}

std::string Names::find_group_name(uint32_t gid) const {
  if (groups_) {
    const auto entry = std::ranges::find(*groups_, gid, &Group::gid);
    return entry == groups_->end() ? std::string() : entry->name;
  }
  std::vector<char> buffer;
  group entry{};
  group *found = nullptr;
  with_buffer(buffer, [&] {
    return getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  });
  return found == nullptr ? std::string() : std::string(entry.gr_name);
}

Result<std::vector<uint32_t>> Names::groups_of(const User &user) const {
  std::vector<uint32_t> gids;
  if (groups_) {
    gids.push_back(user.gid);
    for (const Group &entry : *groups_) {
      if (std::ranges::count(entry.members, user.name) != 0)
        gids.push_back(entry.gid);
    }
  } else {
    int count = 64;
    gids.resize(static_cast<size_t>(count));
    while (getgrouplist(user.name.c_str(), user.gid, gids.data(), &count) < 0) {
      // glibc leaves the count alone when the lookup itself failed.
      if (count <= static_cast<int>(gids.size()))
        return lookup_failed("groups of", user.name, EIO);
      gids.resize(static_cast<size_t>(count));
    }
    gids.resize(static_cast<size_t>(count));
  }
  std::ranges::sort(gids);
  gids.erase(std::unique(gids.begin(), gids.end()), gids.end());
  return gids;
}

std::vector<std::string> Names::user_names() const {
  std::vector<std::string> names;
  if (users_) {
    for (const User &user : *users_)
      names.push_back(user.name);
    return names;
  }
  setpwent();
  while (const passwd *entry = getpwent())
    names.emplace_back(entry->pw_name);
  endpwent();
  return names;
}

std::vector<std::string> Names::group_names() const {
  std::vector<std::string> names;
  if (groups_) {
    for (const Group &entry : *groups_)
      names.push_back(entry.name);
    return names;
  }
  setgrent();
  while (const group *entry = getgrent())
    names.emplace_back(entry->gr_name);
  endgrent();
  return names;
}

std::vector<std::string> Names::service_names() const {
  std::vector<std::string> names;
  if (services_) {
    for (const Service &service : *services_) {
      names.push_back(service.name);
      names.insert(names.end(), service.aliases.begin(), service.aliases.end());
    }
    return names;
  }
  setservent(0);
  while (const servent *entry = getservent())
    names.emplace_back(entry->s_name);
  endservent();
  return names;
}

} // namespace portacl
