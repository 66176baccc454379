// SPDX-License-Identifier: GPL-2.0-only

#include "lib/name_record.h"

#include <cerrno>

#include <fmt/format.h>

#include "lib/config_dirs.h"
#include "lib/engine.h"
#include "lib/files.h"
#include "lib/numbers.h"
#include "lib/rule_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr std::string_view record_header =
    "# The ids that names in policy files had when they were last applied.\n"
    "# Kept by portaclctl; see portaclctl(8).\n";

// Nothing for a line that is none of a record.
std::optional<std::pair<SubjectName, uint32_t>>
parse_recorded(std::string_view line) {
  const auto words = split_words(line);
  if (!words || words->size() != 3)
    return std::nullopt;
  const std::string &kind = (*words)[0].text;
  const auto id = number_of<uint32_t>((*words)[2].text);
  if ((kind != "user" && kind != "group") || !id || *id > PACL_MAX_ID)
    return std::nullopt;
  return std::pair(
      SubjectName{.is_group = kind == "group", .name = (*words)[1].text}, *id);
}

} // namespace

std::string SubjectName::text() const {
  return fmt::format("{} {}", is_group ? "group" : "user",
                     printable(quote_name(name)));
}

std::string NameRecord::path(const std::string &root) {
  return root + "/var/lib/portacl/names";
}

Result<NameRecord> NameRecord::read(const std::string &root) {
  const std::string path = NameRecord::path(root);
  const auto text = read_config_file(root, path);
  NameRecord record;
  if (!text && text.error().errnum == ENOENT)
    return record;
  if (!text)
    return text.error();
  uint32_t number = 0;
  for (const std::string_view line : split(*text, '\n')) {
    number++;
    if (line.empty() || line.front() == '#')
      continue;
    const auto parsed = parse_recorded(line);
    if (!parsed)
      return Error{.code = Code::policy,
                   .message = "no line of a record of names",
                   .file = path,
                   .line = number};
    record.ids_[parsed->first] = parsed->second;
  }
  return record;
}

Result<void> NameRecord::write(const std::string &root) const {
  std::string text(record_header);
  for (const auto &[name, id] : ids_)
    text += fmt::format("{} {} {}\n", name.is_group ? "group" : "user",
                        quote_name(name.name), id);
  return replace_file(path(root), text);
}

std::optional<uint32_t> NameRecord::find(const SubjectName &name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

} // namespace portacl
