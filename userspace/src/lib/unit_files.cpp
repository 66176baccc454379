// SPDX-License-Identifier: GPL-2.0-only

#include "lib/unit_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

constexpr std::string_view service_suffix = ".service";

// The system's unit path; the first that has a name wins.
constexpr std::array<const char *, 13> unit_directories = {
    "/etc/systemd/system.control", "/run/systemd/system.control",
    "/run/systemd/transient",      "/run/systemd/generator.early",
    "/etc/systemd/system",         "/etc/systemd/system.attached",
    "/run/systemd/system",         "/run/systemd/system.attached",
    "/run/systemd/generator",      "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",     "/lib/systemd/system",
    "/run/systemd/generator.late"};

// Words as systemd splits them, without their quotes; specifiers and escapes
// stay as they are.
std::vector<std::string> unit_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = '\0';
  for (const char ch : text) {
    if (quote != '\0') {
      if (ch == quote)
        quote = '\0';
      else
        word += ch;
    } else if (ch == '"' || ch == '\'') {
      quote = ch;
      inside = true;
    } else if (ch == ' ' || ch == '\t') {
      if (inside)
        words.push_back(std::move(word));
      word.clear();
      inside = false;
    } else {
      word += ch;
      inside = true;
    }
  }
  if (inside)
    words.push_back(std::move(word));
  return words;
}

bool is_yes_word(std::string_view value) {
  constexpr std::array<std::string_view, 6> words = {"1",    "yes", "y",
                                                     "true", "t",   "on"};
  // Of either case, as parse_boolean() has it.
  std::string lower(value);
  std::ranges::transform(lower, lower.begin(), [](char ch) {
    return ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
  });
  return std::ranges::find(words, lower) != words.end();
}

// As config_parse_capability_set() does it: "~" takes out, but of a set that
// is not there yet it makes all others.
void merge_capabilities(CapabilitySet &set, bool unset,
                        std::string_view value) {
  const bool invert = value.starts_with('~');
  if (invert)
    value.remove_prefix(1);
  CapabilitySet named = 0;
  for (const std::string &word : unit_words(value)) {
    if (const auto number = capability_number(word))
      named |= CapabilitySet{1} << *number;
  }
  if (named == 0 || unset)
    set = invert ? ~named : named;
  else if (invert)
    set &= ~named;
  else
    set |= named;
}

// The prefixes say how a program is run: "+/usr/bin/node".
void add_program(Unit &unit, std::string_view value) {
  if (value.empty()) {
    unit.programs.clear();
    return;
  }
  const auto words = unit_words(value);
  const size_t begin =
      words.empty() ? std::string::npos : words[0].find_first_not_of("@-:+!");
  if (begin != std::string::npos)
    unit.programs.push_back(words[0].substr(begin));
}

void assign(Unit &unit, std::string_view key, std::string_view value,
            const std::string &file) {
  if (key == "User") {
    unit.user = value;
  } else if (key == "DynamicUser") {
    unit.dynamic_user = is_yes_word(value);
  } else if (key == "AmbientCapabilities") {
    merge_capabilities(unit.ambient, unit.ambient == 0, value);
    unit.ambient_file = file;
  } else if (key == "CapabilityBoundingSet") {
    merge_capabilities(unit.bounding, !unit.has_bounding, value);
    unit.has_bounding = true;
  } else if (key == "ExecStart") {
    add_program(unit, value);
  } else if (key == "SocketBindAllow") {
    if (value.empty())
      unit.bind_allow.clear();
    for (std::string &word : unit_words(value))
      unit.bind_allow.push_back(std::move(word));
  } else if (key == "PrivateNetwork") {
    unit.private_network = is_yes_word(value);
  } else if (key == "NetworkNamespacePath") {
    unit.joins_network = !value.empty();
  } else if (key == "PrivateUsers") {
    // Names since systemd 257.
    constexpr std::array<std::string_view, 4> mappings = {"self", "identity",
                                                          "full", "managed"};
    unit.private_users = is_yes_word(value) ||
                         std::ranges::find(mappings, value) != mappings.end();
  }
}

using Assign =
    std::function<void(std::string_view key, std::string_view value)>;

// Lines that end with a backslash go on, comments between them left out.
class UnitParser final {
public:
  UnitParser(std::string_view section, const Assign &assign)
      : section_(section), assign_(assign) {}

  void parse(std::string_view text) {
    std::string joined;
    for (std::string_view line : split(text, '\n')) {
      const std::string_view shown = without_blanks(line);
      if (shown.starts_with('#') || shown.starts_with(';'))
        continue;
      // Two of them are one that is meant as such.
      const size_t end = line.find_last_not_of('\\');
      const bool goes_on =
          (line.size() - (end == std::string_view::npos ? 0 : end + 1)) % 2 ==
          1;
      if (goes_on)
        line.remove_suffix(1);
      joined += line;
      joined += goes_on ? " " : "";
      if (goes_on)
        continue;
      take(without_blanks(joined));
      joined.clear();
    }
    take(without_blanks(joined));
  }

private:
  void take(std::string_view line) {
    if (line.starts_with('[')) {
      inside_ = line == section_;
      return;
    }
    const size_t equals = line.find('=');
    if (inside_ && equals != std::string_view::npos)
      assign_(without_blanks(line.substr(0, equals)),
              without_blanks(line.substr(equals + 1)));
  }

  const std::string_view section_;
  const Assign &assign_;
  bool inside_ = false;
};

// Units that start a service, by default the one of their own name.
struct Starter {
  std::string_view suffix;
  std::string_view section;
  std::string_view key; // names another one
};
constexpr std::array<Starter, 3> starters = {{
    {.suffix = ".timer", .section = "[Timer]", .key = "Unit"},
    {.suffix = ".socket", .section = "[Socket]", .key = "Service"},
    {.suffix = ".path", .section = "[Path]", .key = "Unit"},
}};

const Starter *starter_of(std::string_view name) {
  for (const Starter &starter : starters) {
    if (name.ends_with(starter.suffix))
      return &starter;
  }
  return nullptr;
}

// "node@8080.service" is of "node@.service".
std::string template_of(const std::string &name) {
  const size_t at = name.find('@');
  const size_t dot = name.rfind('.');
  return at == std::string::npos || dot == std::string::npos || dot < at
             ? name
             : name.substr(0, at + 1) + name.substr(dot);
}

// Where drop-ins of a name are, the most specific first: its own, those of its
// template, of "foo-" for "foo-bar", and of all services.
std::vector<std::string> drop_in_directories(const std::string &name) {
  std::vector<std::string> directories = {name + ".d"};
  const size_t at = name.find('@');
  const bool is_template = at != std::string::npos;
  if (is_template && template_of(name) != name)
    directories.push_back(template_of(name) + ".d");
  const size_t stem_size =
      is_template ? at : name.size() - service_suffix.size();
  std::string stem = name.substr(0, stem_size);
  const std::string rest = is_template ? "@.service.d" : ".service.d";
  for (;;) {
    while (stem.ends_with('-'))
      stem.pop_back();
    const size_t dash = stem.rfind('-');
    if (dash == std::string::npos || dash == 0)
      break;
    stem.resize(dash + 1);
    directories.push_back(stem + rest);
  }
  return directories;
}

class UnitReader final {
public:
  explicit UnitReader(const std::string &root) : root_(root) {}

  Units read() {
    for (const char *directory : unit_directories)
      list(root_ + directory);
    find_names();
    find_started();
    for (const auto &[name, file] : files_) {
      if (auto unit = read_unit(name, file))
        units_.units.push_back(std::move(*unit));
    }
    for (const std::string &name : instances_)
      add_instance(name);
    std::ranges::sort(units_.units, {}, &Unit::name);
    return std::move(units_);
  }

private:
  struct Listed {
    std::string path;
    std::vector<TreeEntry> entries;
  };

  std::vector<TreeEntry> entries_of(const std::string &path) {
    auto entries = list_tree_directory(root_, path);
    if (entries)
      return std::move(*entries);
    units_.errors.push_back(entries.error());
    return {};
  }

  void list(const std::string &path) {
    const auto id = file_id(root_, path);
    if (!id && errno != ENOENT && errno != ENOTDIR)
      units_.errors.push_back(system_error(errno, "cannot read " + path));
    // Such as /lib, which leads to /usr/lib.
    if (id && seen_.insert(*id).second)
      directories_.push_back({path, entries_of(path)});
  }

  void find_names() {
    std::set<std::string> names;
    for (const Listed &listed : directories_) {
      for (const TreeEntry &entry : listed.entries) {
        const std::string &name = entry.name;
        if (name.ends_with(".wants") || name.ends_with(".requires"))
          find_wanted(listed.path + "/" + name);
        if (name.ends_with(".d")) {
          drop_in_directories_.insert(listed.path + "/" + name);
          add_instance_name(name.substr(0, name.size() - 2));
        }
        if (name.ends_with(service_suffix) && names.insert(name).second)
          add_name(listed.path, entry);
        if (starter_of(name) != nullptr)
          starters_.emplace(name, entry.target == "/dev/null"
                                      ? ""
                                      : listed.path + "/" + name);
      }
    }
  }

  void find_wanted(const std::string &path) {
    for (const TreeEntry &entry : entries_of(path))
      want(entry.name);
  }

  void want(const std::string &name) {
    wanted_.insert(name);
    wanted_.insert(template_of(name));
    add_instance_name(name);
  }

  void add_instance_name(const std::string &name) {
    // What is left of "node@%i.service" is no name.
    if (name.ends_with(service_suffix) && template_of(name) != name &&
        name.find('%') == std::string::npos)
      instances_.insert(name);
  }

  // The services of timers, sockets and paths that are wanted.
  void find_started() {
    const std::set<std::string> wanted = wanted_;
    for (const std::string &name : wanted) {
      const Starter *starter = starter_of(name);
      auto file = starters_.find(name);
      if (file == starters_.end())
        file = starters_.find(template_of(name));
      if (starter != nullptr && file != starters_.end() &&
          !file->second.empty())
        want_service_of(name, *starter, file->second);
    }
  }

  void want_service_of(const std::string &name, const Starter &starter,
                       const std::string &file) {
    const std::string stem =
        name.substr(0, name.size() - starter.suffix.size());
    std::string service;
    bool each = false; // an instance for each connection
    const Assign take = [&](std::string_view key, std::string_view value) {
      if (key == starter.key)
        service = value;
      else if (key == "Accept")
        each = is_yes_word(value);
    };
    const auto text = read_text(file);
    if (!text || text->empty())
      return;
    UnitParser(starter.section, take).parse(*text);
    if (service.empty())
      service = stem + (each ? "@" : "") + std::string(service_suffix);
    want(service);
  }

  void add_name(const std::string &directory, const TreeEntry &entry) {
    std::string &file = files_[entry.name];
    // Stays empty for what is masked.
    if (entry.target == "/dev/null")
      return;
    file = directory + "/" + entry.name;
    const std::string target =
        entry.target ? file_name(*entry.target) : entry.name;
    if (target == entry.name || !target.ends_with(service_suffix) ||
        !leads_to_units(directory, *entry.target))
      return;
    files_.erase(entry.name);
    if (target == template_of(entry.name))
      instances_.insert(entry.name);
    else
      aliases_[target].push_back(entry.name);
  }

  // A link to elsewhere only says where the file of its own name is.
  bool leads_to_units(const std::string &directory,
                      const std::string &target) const {
    const std::string path =
        target.starts_with('/') ? root_ + target : directory + "/" + target;
    const auto id =
        file_id(root_, std::filesystem::path(path).parent_path().string());
    return id && seen_.count(*id) != 0;
  }

  // By the file of its template, where it has none of its own.
  void add_instance(const std::string &name) {
    const auto file = files_.find(template_of(name));
    if (file == files_.end() || files_.count(name) != 0)
      return;
    auto unit = read_unit(name, file->second);
    const auto same = std::ranges::find(units_.units, file->first, &Unit::name);
    if (!unit || same == units_.units.end())
      return;
    Unit other = *same;
    other.name = unit->name;
    other.aliases = unit->aliases;
    other.wanted = unit->wanted;
    if (other != *unit)
      units_.units.push_back(std::move(*unit));
  }

  // By their file names; the first directory that has one wins.
  std::map<std::string, std::string>
  find_drop_ins(const std::vector<std::string> &names) {
    std::map<std::string, std::string> found;
    for (const std::string &name : names) {
      for (const Listed &listed : directories_) {
        for (const std::string &directory : drop_in_directories(name))
          add_drop_ins(listed.path + "/" + directory, found);
      }
    }
    for (const Listed &listed : directories_)
      add_drop_ins(listed.path + "/service.d", found);
    return found;
  }

  void add_drop_ins(const std::string &path,
                    std::map<std::string, std::string> &found) {
    if (drop_in_directories_.count(path) == 0)
      return;
    for (const TreeEntry &entry : entries_of(path)) {
      if (entry.name.ends_with(".conf"))
        found.emplace(entry.name, entry.target == "/dev/null"
                                      ? ""
                                      : path + "/" + entry.name);
    }
  }

  std::optional<std::string> read_text(const std::string &file) {
    auto text = read_tree_file(root_, file);
    if (text)
      return std::move(*text);
    // A link to what is not there is no unit, and no mistake of ours. What the
    // instances of a template have in common is said once.
    if (text.error().errnum != ENOENT && unreadable_.insert(file).second)
      units_.errors.push_back(text.error());
    return std::nullopt;
  }

  bool parse(Unit &unit, const std::string &file) {
    const auto text = read_text(file);
    if (!text)
      return false;
    const Assign take = [&](std::string_view key, std::string_view value) {
      assign(unit, key, value, file);
    };
    UnitParser("[Service]", take).parse(*text);
    return !text->empty();
  }

  std::optional<Unit> read_unit(const std::string &name,
                                const std::string &file) {
    Unit unit{.name = name, .file = file, .aliases = aliases_[name]};
    // An empty file masks.
    if (file.empty() || !parse(unit, file))
      return std::nullopt;
    std::vector<std::string> names = {name};
    names.insert(names.end(), unit.aliases.begin(), unit.aliases.end());
    for (const auto &[drop_in, path] : find_drop_ins(names)) {
      if (!path.empty() && parse(unit, path))
        unit.drop_ins.push_back(path);
    }
    unit.wanted = std::ranges::any_of(names, [this](const std::string &known) {
      return wanted_.count(known) != 0;
    });
    return unit;
  }

  const std::string &root_;
  Units units_;
  std::vector<Listed> directories_;
  std::set<FileId> seen_;
  std::set<std::string> drop_in_directories_;
  std::map<std::string, std::string> files_;    // by the names of services
  std::map<std::string, std::string> starters_; // of timers and the like
  std::set<std::string> instances_; // which may have no file of their own
  std::set<std::string> unreadable_;
  std::map<std::string, std::vector<std::string>> aliases_;
  std::set<std::string> wanted_;
};

} // namespace

Units read_units(const std::string &root) { return UnitReader(root).read(); }

const Unit *find_unit(const Units &units, const std::string &name) {
  const std::string full = name.ends_with(service_suffix)
                               ? name
                               : name + std::string(service_suffix);
  for (const std::string &wanted : {full, template_of(full)}) {
    for (const Unit &unit : units.units) {
      if (unit.name == wanted || std::ranges::count(unit.aliases, wanted) != 0)
        return &unit;
    }
  }
  return nullptr;
}

} // namespace portacl
