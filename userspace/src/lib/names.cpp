// SPDX-License-Identifier: GPL-2.0-only

#include "lib/names.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>

#include "lib/config_dirs.h"
#include "lib/fd.h"
#include "lib/text.h"

namespace portacl {

namespace {

struct CloseFile {
  void operator()(FILE *file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

constexpr std::array<const char *, 3> service_protocols = {"tcp", "udp",
                                                           "sctp"};

// Calls one of the *_r functions until its buffer is large enough. Returns its
// error: glibc's have none when nobody has the name or number, so that what
// getpwnam_r(3) lists for that is a source which cannot answer.
template <class Call> int with_buffer(std::vector<char> &buffer, Call call) {
  buffer.resize(4096);
  int error = call();
  while (error == ERANGE && buffer.size() < (size_t{1} << 26)) {
    buffer.resize(buffer.size() * 4);
    error = call();
  }
  return error;
}

// The same for the entries of a file, which ends with ENOENT.
template <class Call>
bool next_entry(std::vector<char> &buffer, int &error, Call call) {
  error = with_buffer(buffer, call);
  const bool found = error == 0;
  if (error == ENOENT)
    error = 0;
  return found;
}

// A file of names; error is 0 when there is none.
File open_names(const std::string &root, const std::string &file, int &error) {
  UniqueFd fd = open_in_root(root, root + file);
  struct stat info {};
  error = !fd || fstat(fd.get(), &info) != 0 ? errno
          : S_ISREG(info.st_mode)            ? 0
          : S_ISDIR(info.st_mode)            ? EISDIR
                                             : EINVAL;
  if (error != 0) {
    error = error == ENOENT ? 0 : error;
    return {};
  }
  return File(fdopen(fd.release(), "r"));
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

// Empty if there is no such file. One that cannot be read is not the same: its
// users are not known to be none.
std::optional<std::vector<User>> read_passwd(const std::string &root,
                                             int &error) {
  const File file = open_names(root, "/etc/passwd", error);
  if (!file)
    return error == 0 ? std::nullopt
                      : std::optional<std::vector<User>>(std::in_place);
  std::vector<User> users;
  std::vector<char> buffer;
  passwd entry{};
  passwd *found = nullptr;
  while (next_entry(buffer, error, [&] {
    return fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(),
                       &found);
  }))
    users.push_back(to_user(entry));
  return users;
}

std::optional<std::vector<Group>> read_group(const std::string &root,
                                             int &error) {
  const File file = open_names(root, "/etc/group", error);
  if (!file)
    return error == 0 ? std::nullopt
                      : std::optional<std::vector<Group>>(std::in_place);
  std::vector<Group> groups;
  std::vector<char> buffer;
  group entry{};
  group *found = nullptr;
  while (next_entry(buffer, error, [&] {
    return fgetgrent_r(file.get(), &entry, buffer.data(), buffer.size(),
                       &found);
  }))
    groups.push_back(to_group(entry));
  return groups;
}

Error lookup_failed(std::string_view kind, const std::string &name, int error) {
  Error result = system_error(
      error, fmt::format("lookup of {} '{}' failed", kind, excerpt(name)));
  result.code = Code::system;
  result.hint = "that is not the same as unknown: check nsswitch.conf(5)";
  return result;
}

} // namespace

Names::Names(const std::string &root, NameSources sources) {
  if (!root.empty() || sources == NameSources::local)
    read_root(root);
  if (sources == NameSources::all)
    return;
  // A file that is missing names nobody.
  if (!users_)
    users_.emplace();
  if (!groups_)
    groups_.emplace();
  if (!services_)
    services_.emplace();
}

// What was meant by a name that is not there. A list of mistakes is not worth
// a search for each of them.
Error Names::unknown(std::string_view kind, const std::string &name,
                     std::optional<std::vector<std::string>> &candidates,
                     std::vector<std::string> (Names::*list)() const) {
  constexpr size_t most_suggestions = 20;
  Error error{.code = Code::policy,
              .message = fmt::format("no such {}: '{}'", kind, excerpt(name)),
              .errnum = ENOENT};
  if (suggestions_++ >= most_suggestions)
    return error;
  if (!candidates)
    candidates = (this->*list)();
  if (const std::string best = nearest(name, *candidates); !best.empty())
    error.hint = fmt::format("did you mean '{}'?", best);
  return error;
}

// Lookups of one kind after which it is cheaper to read all there are.
constexpr size_t many_lookups = 256;

void Names::count_user_lookup() {
  if (++user_lookups_ != many_lookups)
    return;
  setpwent();
  while (const passwd *entry = getpwent()) {
    uids_.emplace(entry->pw_name, entry->pw_uid);
    users_by_uid_.emplace(entry->pw_uid, to_user(*entry));
  }
  endpwent();
}

void Names::count_group_lookup() {
  if (++group_lookups_ != many_lookups)
    return;
  setgrent();
  while (const group *entry = getgrent()) {
    gids_.emplace(entry->gr_name, entry->gr_gid);
    groups_by_gid_.emplace(entry->gr_gid, entry->gr_name);
  }
  endgrent();
}

void Names::read_root(const std::string &root) {
  users_ = read_passwd(root, users_error_);
  groups_ = read_group(root, groups_error_);
  for (const User &user : users_ ? *users_ : std::vector<User>()) {
    uids_.emplace(user.name, user.uid);
    users_by_uid_.emplace(user.uid, user);
  }
  for (const Group &entry : groups_ ? *groups_ : std::vector<Group>()) {
    gids_.emplace(entry.name, entry.gid);
    groups_by_gid_.emplace(entry.gid, entry.name);
  }
  for (const Group &entry : groups_ ? *groups_ : std::vector<Group>()) {
    for (const std::string &member : entry.members)
      gids_of_members_[member].push_back(entry.gid);
  }
  read_services(root);
}

void Names::read_services(const std::string &root) {
  int ignored = 0;
  const File file = open_names(root, "/etc/services", ignored);
  if (!file)
    return;
  services_.emplace();
  char *text = nullptr;
  size_t size = 0;
  while (getline(&text, &size, file.get()) > 0) {
    const std::string line = text;
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
  free(text);
}

Result<uint32_t> Names::uid(const std::string &name) {
  auto known = uids_.find(name);
  if (known == uids_.end())
    known = uids_.emplace(name, find_uid(name)).first;
  return known->second;
}

Result<uint32_t> Names::find_uid(const std::string &name) {
  const auto no_such_user = [&] {
    return unknown("user", name, user_candidates_, &Names::user_names);
  };
  // Those of the file are known already.
  if (users_ && users_error_ != 0)
    return lookup_failed("user", name, users_error_);
  if (users_)
    return no_such_user();
  count_user_lookup();
  if (const auto known = uids_.find(name); known != uids_.end())
    return known->second;
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
  return no_such_user();
}

Result<uint32_t> Names::gid(const std::string &name) {
  auto known = gids_.find(name);
  if (known == gids_.end())
    known = gids_.emplace(name, find_gid(name)).first;
  return known->second;
}

Result<uint32_t> Names::find_gid(const std::string &name) {
  const auto no_such_group = [&] {
    return unknown("group", name, group_candidates_, &Names::group_names);
  };
  if (groups_ && groups_error_ != 0)
    return lookup_failed("group", name, groups_error_);
  if (groups_)
    return no_such_group();
  count_group_lookup();
  if (const auto known = gids_.find(name); known != gids_.end())
    return known->second;
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
  return no_such_group();
}

Result<std::vector<ServicePort>> Names::service(const std::string &name) {
  auto known = ports_.find(name);
  if (known == ports_.end())
    known = ports_.emplace(name, find_service(name)).first;
  if (known->second.empty())
    return unknown("service", name, service_candidates_, &Names::service_names);
  return known->second;
}

std::vector<ServicePort> Names::find_service(const std::string &name) const {
  std::vector<ServicePort> result;
  if (services_) {
    for (const Service &service : *services_) {
      const bool named = service.name == name ||
                         std::ranges::count(service.aliases, name) != 0;
      if (named &&
          std::ranges::count(service_protocols, service.port.protocol) != 0)
        result.push_back(service.port);
    }
    return result;
  }
  for (const char *protocol : service_protocols) {
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
  if (known == users_by_uid_.end() && !users_) {
    count_user_lookup();
    known = users_by_uid_.find(uid);
  }
  if (known == users_by_uid_.end())
    known = users_by_uid_.emplace(uid, find_user(uid)).first;
  return known->second;
}

std::optional<User> Names::find_user(uint32_t uid) const {
  if (users_)
    return std::nullopt;
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
  if (known == groups_by_gid_.end() && !groups_) {
    count_group_lookup();
    known = groups_by_gid_.find(gid);
  }
  if (known == groups_by_gid_.end())
    known = groups_by_gid_.emplace(gid, find_group_name(gid)).first;
  return known->second;
}

std::string Names::find_group_name(uint32_t gid) const {
  if (groups_)
    return {};
  std::vector<char> buffer;
  group entry{};
  group *found = nullptr;
  with_buffer(buffer, [&] {
    return getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  });
  return found == nullptr ? std::string() : std::string(entry.gr_name);
}

std::vector<std::string> Names::group_members(uint32_t gid) const {
  if (groups_) {
    const auto entry = std::ranges::find(*groups_, gid, &Group::gid);
    return entry == groups_->end() ? std::vector<std::string>()
                                   : entry->members;
  }
  std::vector<char> buffer;
  group entry{};
  group *found = nullptr;
  with_buffer(buffer, [&] {
    return getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  });
  return found == nullptr ? std::vector<std::string>()
                          : to_group(entry).members;
}

Result<std::vector<uint32_t>> Names::groups_of(const User &user) const {
  std::vector<uint32_t> gids;
  if (groups_) {
    const auto member = gids_of_members_.find(user.name);
    if (member != gids_of_members_.end())
      gids = member->second;
    gids.push_back(user.gid);
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
