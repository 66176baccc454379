// SPDX-License-Identifier: GPL-2.0-only

#include "cli/unit_users.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/numbers.h"
#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

// systemd gives these numbers to users that come and go with a unit.
constexpr uint32_t first_dynamic = 61184;
constexpr uint32_t last_dynamic = 65519;

bool goes_by(const Unit &unit, std::string_view name) {
  const size_t at = unit.name.find("@.");
  if (at == std::string::npos)
    return name == unit.name;
  return name.starts_with(std::string_view(unit.name).substr(0, at + 1)) &&
         name.ends_with(".service");
}

// Of a unit's name in that of a slice, where a dash would lead into another
// one: as unit_name_escape() does it.
std::string slice_part(std::string_view stem) {
  std::string part;
  for (const char ch : stem) {
    if (ch == '-' || ch == '\\')
      part += fmt::format("\\x{:02x}", static_cast<unsigned char>(ch));
    else
      part += ch;
  }
  return part;
}

// Of the system's manager: what is below a user's own is of no unit of ours.
bool is_of_unit(std::string_view group, const Unit &unit) {
  for (const std::string_view part : split(group, '/')) {
    if (goes_by(unit, part))
      return true;
    if (!part.empty() && !part.ends_with(".slice"))
      return false;
  }
  return false;
}

} // namespace

bool runs_in_unit(const Context &context, int pid, const Unit &unit) {
  const auto text = read_tree_file(
      context.root, fmt::format("{}/proc/{}/cgroup", context.root, pid));
  if (!text)
    return false;
  // hierarchy:controllers:path
  for (const std::string_view line : split(*text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 3 &&
        (fields[1].empty() || fields[1] == "name=systemd"))
      return is_of_unit(fields[2], unit);
  }
  return false;
}

bool unit_is_running(const Context &context, const Unit &unit) {
  std::string slice = "/system.slice";
  // Instances have a slice of their own in it.
  if (const size_t at = unit.name.find('@'); at != std::string::npos)
    slice += "/system-" + slice_part(unit.name.substr(0, at)) + ".slice";
  for (const char *groups :
       {"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}) {
    const auto entries =
        list_tree_directory(context.root, context.root + groups + slice);
    if (entries && std::ranges::any_of(*entries, [&](const TreeEntry &entry) {
          return goes_by(unit, entry.name);
        }))
      return true;
  }
  return false;
}

Result<uint32_t> unit_uid(const Context &context, const Unit &unit) {
  const auto refuse = [&unit](std::string message, std::string hint) {
    return Error{.code = Code::policy,
                 .message = std::move(message),
                 .hint = std::move(hint),
                 .file = unit.file};
  };
  if (unit.is_root())
    return 0U;
  if (unit.user.find('%') != std::string::npos)
    return refuse(fmt::format("User={} is another one for each instance",
                              excerpt(unit.user)),
                  "write a rule for each user");
  Result<uint32_t> uid = refuse("DynamicUser=yes without User=", "");
  if (const auto number =
          all_digits(unit.user) ? number_of<uint32_t>(unit.user) : std::nullopt)
    uid = *number;
  else if (!unit.user.empty())
    uid = context.names.uid(unit.user);
  const bool dynamic =
      unit.dynamic_user &&
      (!uid || (*uid >= first_dynamic && *uid <= last_dynamic));
  if (dynamic)
    return refuse(
        "DynamicUser=yes: its uid lasts no longer than the unit "
        "runs; give it a user of its own (useradd --system NAME) by a "
        "drop-in with DynamicUser=no and User=NAME",
        "");
  if (!uid)
    return refuse(uid.error().message, uid.error().hint);
  if (*uid > PACL_MAX_ID)
    return refuse(fmt::format("User={} is nobody", excerpt(unit.user)), "");
  return uid;
}

} // namespace portacl
