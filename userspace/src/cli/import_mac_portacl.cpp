// SPDX-License-Identifier: GPL-2.0-only
// Rules of FreeBSD's mac_portacl(4), and what else decides there who may bind.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/import.h"
#include "lib/config_dirs.h"
#include "lib/numbers.h"
#include "lib/port_set.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr std::string_view mac_rules = "security.mac.portacl.rules";
constexpr const char *mac_enabled = "security.mac.portacl.enabled";
constexpr const char *mac_port_high = "security.mac.portacl.port_high";
constexpr const char *mac_suser_exempt = "security.mac.portacl.suser_exempt";
constexpr const char *mac_autoport = "security.mac.portacl.autoport_exempt";
constexpr const char *mac_reserved_high = "net.inet.ip.portrange.reservedhigh";

// In the order in which FreeBSD reads them, so that the last one counts.
constexpr std::array<const char *, 5> mac_files = {
    "/boot/loader.conf", "/boot/loader.conf.local",
    "/etc/sysctl.kld.d/mac_portacl.conf", "/etc/sysctl.conf",
    "/etc/sysctl.conf.local"};

// A file of settings is not larger.
constexpr size_t most_mac_bytes = size_t{1} << 20;
constexpr int64_t mac_last_privileged = 1023;
constexpr int64_t mac_last_port = 65535;

struct MacValue {
  std::string text;
  Error place; // of its first byte; no more than file, line and column
};

// A field of a rule, as strtol(3) reads it there: an empty one is 0.
struct MacNumber {
  int64_t value = 0;
  bool plain = true; // digits and nothing else
};

std::optional<MacNumber> mac_number(std::string_view field) {
  const std::string text(field);
  char *end = nullptr;
  const int64_t value = std::strtoll(text.c_str(), &end, 10);
  if (end != text.c_str() + text.size() && !text.empty())
    return std::nullopt;
  return MacNumber{value, all_digits(field)};
}

// Where one of the fields of an entry begins.
Error field_place(const Error &entry,
                  const std::vector<std::string_view> &fields, size_t field) {
  Error place = entry;
  for (size_t i = 0; i < field; i++)
    place.column += static_cast<uint32_t>(fields[i].size() + 1);
  return place;
}

class MacImporter final {
public:
  explicit MacImporter(const Context &context) : context_(context) {}

  Result<void> argument(const std::string &word);
  Result<void> machine();
  Result<Imported> finish();

private:
  void read(const std::string &file, std::string_view text);
  void read_line(const std::string &file, std::string_view line,
                 uint32_t number);
  void set(const std::string &name, MacValue value);
  void warn(const Error &place, std::string message);
  std::optional<int64_t> setting(const char *name);
  std::string origin(const Error &place, std::string_view text) const;

  Result<void> entries(const MacValue &rules);
  Result<void> entry(std::string_view text, const Error &place);
  void grant(std::string_view text, const Error &place, const MacNumber &id,
             const MacNumber &port);
  void settings();
  void boundaries();

  const Context &context_;
  std::vector<MacValue> arguments_; // lists of rules
  std::map<std::string, MacValue, std::less<>> values_;
  bool from_files_ = false;
  int64_t port_high_ = mac_last_privileged;
  std::optional<int64_t> reserved_high_;
  Imported imported_;
};

void MacImporter::warn(const Error &place, std::string message) {
  Error warning = place;
  warning.code = Code::policy;
  warning.message = std::move(message);
  imported_.warnings.push_back(std::move(warning));
}

void MacImporter::set(const std::string &name, MacValue value) {
  const auto [known, is_new] = values_.try_emplace(name, value);
  if (is_new)
    return;
  if (known->second.text != value.text)
    warn(known->second.place,
         fmt::format("{} is set again later, which is what counts",
                     printable(name)));
  known->second = std::move(value);
}

// NAME=VALUE, the value in quotes or not, up to a comment.
void MacImporter::read_line(const std::string &file, std::string_view line,
                            uint32_t number) {
  constexpr std::string_view blanks = " \t\r";
  const size_t equal = line.find('=');
  const size_t begin = line.find_first_not_of(blanks);
  if (equal == std::string_view::npos || line[begin] == '#' || begin == equal)
    return;
  const std::string_view name =
      without_blanks(line.substr(begin, equal - begin));
  if (!name.starts_with("security.mac.portacl.") && name != mac_reserved_high)
    return;
  size_t first =
      std::min(line.find_first_not_of(blanks, equal + 1), line.size());
  const bool quoted = first < line.size() && line[first] == '"';
  first += quoted ? 1 : 0;
  std::string_view value = line.substr(first);
  value = value.substr(0, value.find(quoted ? '"' : '#'));
  if (!quoted)
    value = without_blanks(value);
  set(std::string(name), {std::string(value),
                          {.file = printable(file),
                           .line = number,
                           .column = static_cast<uint32_t>(first + 1)}});
}

void MacImporter::read(const std::string &file, std::string_view text) {
  from_files_ = true;
  uint32_t number = 0;
  for (const std::string_view line : split(text, '\n'))
    read_line(file, line, ++number);
}

Result<void> MacImporter::argument(const std::string &word) {
  struct stat info {};
  if (stat(word.c_str(), &info) == 0) {
    const auto text = read_any_file(word);
    if (!text)
      return text.error();
    read(word, *text);
    return {};
  }
  if (word.find(':') == std::string::npos)
    return usage(fmt::format("neither rules nor a file: '{}'", excerpt(word)),
                 "for example: portaclctl import mac_portacl uid:33:tcp:80");
  // As sysctl(8) prints it, too.
  size_t first = 0;
  if (word.starts_with(mac_rules) && word.size() > mac_rules.size() &&
      (word[mac_rules.size()] == ':' || word[mac_rules.size()] == '='))
    first = std::min(word.find_first_not_of(' ', mac_rules.size() + 1),
                     word.size());
  // Where there is a place there is a file, so that it is shown.
  arguments_.push_back({word.substr(first),
                        {.file = "argument",
                         .line = static_cast<uint32_t>(arguments_.size() + 1),
                         .column = static_cast<uint32_t>(first + 1)}});
  return {};
}

Result<void> MacImporter::machine() {
  for (const char *file : mac_files) {
    const std::string path = context_.root + file;
    const UniqueFd fd = open_in_root(context_.root, path);
    if (!fd && errno == ENOENT)
      continue;
    struct stat info {};
    if (!fd || fstat(fd.get(), &info) != 0)
      return system_error(errno, "cannot read " + printable(path));
    if (!S_ISREG(info.st_mode))
      return Error{.code = Code::policy,
                   .message = "not a regular file",
                   .file = printable(path)};
    const auto text = read_all(fd, printable(path), most_mac_bytes);
    if (!text)
      return text.error();
    read(path, *text);
  }
  return {};
}

std::optional<int64_t> MacImporter::setting(const char *name) {
  const auto found = values_.find(name);
  if (found == values_.end())
    return std::nullopt;
  const auto value = mac_number(found->second.text);
  if (value && value->plain)
    return value->value;
  warn(found->second.place,
       fmt::format("{} is no number: '{}'", name, excerpt(found->second.text)));
  return std::nullopt;
}

// "/etc/sysctl.conf:3: uid:33:tcp:80", or what an argument says alone.
std::string MacImporter::origin(const Error &place,
                                std::string_view text) const {
  if (!from_files_)
    return excerpt(text);
  std::string file = place.file;
  if (const std::string root = printable(context_.root);
      file.starts_with(root + "/"))
    file = file.substr(root.size());
  return fmt::format("{}:{}: {}", file, place.line, excerpt(text));
}

// An entry that FreeBSD takes. What only its way to read numbers makes of it is
// left to the administrator.
void MacImporter::grant(std::string_view text, const Error &place,
                        const MacNumber &id, const MacNumber &port) {
  const auto fields = split(text, ':');
  const auto number = static_cast<uint16_t>(port.value);
  if (id.value < 0 || id.value > PACL_MAX_ID) {
    warn(
        field_place(place, fields, 1),
        fmt::format("nobody has the id {}: the entry has no effect", id.value));
    return;
  }
  if (number == 0) {
    warn(field_place(place, fields, 3),
         "port 0 is the choice of the system, for which nobody needs a rule");
    return;
  }
  ImportedRule rule{.rule = fmt::format("allow {} {} {}/{}",
                                        fields[0] == "uid" ? "user" : "group",
                                        id.value, number, fields[2]),
                    .origin = origin(place, text)};
  const auto leave = [&](size_t field, std::string remark) {
    warn(field_place(place, fields, field), remark);
    rule.active = false;
    rule.remarks.push_back(std::move(remark));
  };
  if (!id.plain)
    leave(1, fmt::format("'{}' is no id; FreeBSD reads it as {}",
                         excerpt(fields[1]), id.value));
  if (!port.plain || port.value > mac_last_port)
    leave(3, fmt::format("'{}' is no port; FreeBSD reads it as {}",
                         excerpt(fields[3]), number));
  if (number > mac_last_privileged && number > port_high_ && from_files_)
    leave(3, fmt::format("everybody could bind the port there, as port_high "
                         "is {}",
                         port_high_));
  else if (number > mac_last_privileged && !from_files_)
    warn(field_place(place, fields, 3),
         fmt::format("everybody may bind port {} here: if only these may have "
                     "it, add: reserve {}",
                     number, number));
  if (reserved_high_ && number <= *reserved_high_)
    leave(3, fmt::format("had no effect there, as {} is {}: FreeBSD itself "
                         "left these ports to root",
                         mac_reserved_high, *reserved_high_));
  imported_.rules.push_back(std::move(rule));
}

// IDTYPE:ID:PROTOCOL:PORT. What FreeBSD refuses makes it refuse all of them.
Result<void> MacImporter::entry(std::string_view text, const Error &place) {
  const auto fields = split(text, ':');
  const auto refused = [&](size_t field, const char *expected) {
    Error error = field_place(place, fields, field);
    error.code = from_files_ ? Code::policy : Code::usage;
    error.message =
        fmt::format("{}: '{}'", expected,
                    excerpt(fields.size() == 4 ? fields[field] : text));
    error.hint = "FreeBSD refuses the whole list for that: correct it; an "
                 "entry is uid:33:tcp:80";
    return error;
  };
  if (fields.size() != 4)
    return refused(0, "an entry has four fields");
  if (fields[0] != "uid" && fields[0] != "gid")
    return refused(0, "expected uid or gid");
  const auto id = mac_number(fields[1]);
  if (!id)
    return refused(1, "expected a number");
  if (fields[2] != "tcp" && fields[2] != "udp")
    return refused(2, "expected tcp or udp");
  const auto port = mac_number(fields[3]);
  if (!port)
    return refused(3, "expected a port");
  grant(text, place, *id, *port);
  return {};
}

Result<void> MacImporter::entries(const MacValue &rules) {
  // Longer than FreeBSD takes.
  constexpr size_t longest = 1023;
  if (rules.text.size() > longest)
    warn(rules.place,
         fmt::format("longer than {} bytes, which FreeBSD refuses", longest));
  Error place = rules.place;
  for (const std::string_view text : split(rules.text, ',')) {
    if (!text.empty()) {
      if (auto done = entry(text, place); !done)
        return done;
    }
    place.column += static_cast<uint32_t>(text.size() + 1);
  }
  return {};
}

// What is privileged there and not here, and the other way round.
void MacImporter::boundaries() {
  const auto value = values_.find(mac_port_high);
  const auto add = [&](const std::string &rule, ImportedRule about) {
    about.origin =
        origin(value == values_.end() ? Error{} : value->second.place,
               fmt::format("{} is {}", mac_port_high, port_high_));
    for (const char *protocol : {"tcp", "udp"}) {
      about.rule = fmt::format("{}/{}", rule, protocol);
      imported_.rules.push_back(about);
    }
  };
  if (port_high_ > mac_last_privileged)
    add(fmt::format("reserve {}-{}", mac_last_privileged + 1,
                    std::min(port_high_, mac_last_port)),
        {.rule = {},
         .origin = {},
         .remarks = {"up to here only root and those named could bind"}});
  const int64_t free =
      std::max(port_high_, reserved_high_.value_or(mac_last_privileged));
  if (free >= 0 && free < mac_last_privileged)
    add(fmt::format("allow any {}-{}", free + 1, mac_last_privileged),
        {.rule = {},
         .origin = {},
         .remarks = {"there everybody could bind these ports; here they are "
                     "privileged"},
         .active = false});
}

void MacImporter::settings() {
  if (setting(mac_enabled) == 0) {
    warn(values_.find(mac_enabled)->second.place,
         "mac_portacl is switched off there: its rules had no effect");
    for (ImportedRule &rule : imported_.rules) {
      rule.active = false;
      rule.remarks.emplace_back("mac_portacl was switched off there");
    }
    return;
  }
  if (setting(mac_autoport) == 0)
    warn(values_.find(mac_autoport)->second.place,
         "there binding port 0 needed a rule, too; here it is always free");
  if (setting(mac_suser_exempt) == 0)
    imported_.steps.push_back(
        {.what = "root was bound by the rules, too (suser_exempt is 0); so it "
                 "is here with strict on, which tells first which services "
                 "need a rule",
         // It would be for this machine.
         .command =
             context_.options.root.empty() ? "portaclctl strict on" : ""});
  if (from_files_ && !reserved_high_ && !imported_.rules.empty())
    imported_.warnings.push_back(
        {.code = Code::policy,
         .message = fmt::format(
             "{} is not set in these files; unless it was set to 0 elsewhere, "
             "FreeBSD itself left ports up to 1023 to root",
             mac_reserved_high)});
}

Result<Imported> MacImporter::finish() {
  port_high_ = setting(mac_port_high).value_or(mac_last_privileged);
  reserved_high_ = setting(mac_reserved_high);
  if (const auto rules = values_.find(mac_rules); rules != values_.end()) {
    if (auto done = entries(rules->second); !done)
      return done.error();
  }
  for (const MacValue &rules : arguments_) {
    if (auto done = entries(rules); !done)
      return done.error();
  }
  boundaries();
  settings();
  if (!imported_.rules.empty())
    imported_.notes.emplace_back(
        "The numbers of users and groups are those of the FreeBSD machine; "
        "names are who has them here.");
  return std::move(imported_);
}

} // namespace

Result<Imported> import_mac_portacl(const Context &context) {
  MacImporter importer(context);
  const auto &words = context.options.words;
  for (size_t i = 1; i < words.size(); i++) {
    if (auto done = importer.argument(words[i]); !done)
      return done.error();
  }
  if (words.size() <= 1) {
    if (auto done = importer.machine(); !done)
      return done.error();
  }
  return importer.finish();
}

} // namespace portacl
