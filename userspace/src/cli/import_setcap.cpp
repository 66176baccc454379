// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/capable_files.h"
#include "cli/describe.h"
#include "cli/import.h"
#include "cli/port_users.h"
#include "cli/unit_users.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

// A path that the administrator has named, with all links followed.
Result<ScanStart> start_of_word(const Context &context,
                                const std::string &word) {
  const std::string &root = context.options.root;
  const std::string path = root.empty()            ? word
                           : word.starts_with('/') ? root + word
                                                   : root + "/" + word;
  auto resolved = resolve_in_root(root, path);
  if (!resolved)
    return resolved.error();
  return ScanStart{.path = std::move(*resolved)};
}

Result<std::vector<ScanStart>> starts_of_words(const Context &context) {
  std::vector<ScanStart> starts;
  for (size_t i = 1; i < context.options.words.size(); i++) {
    auto start = start_of_word(context, context.options.words[i]);
    if (!start)
      return start.error();
    starts.push_back(std::move(*start));
  }
  return starts;
}

// A tree below --root, with what this machine has mounted in it.
Result<ScanStarts> starts_in_tree(const std::string &root) {
  auto resolved = resolve_in_root(root, root);
  if (!resolved)
    return resolved.error();
  auto found = local_file_systems("");
  if (!found)
    return found.error();
  const std::string prefix = *resolved + "/";
  std::erase_if(found->starts, [&prefix](const ScanStart &start) {
    return !start.path.starts_with(prefix);
  });
  std::erase_if(found->left_out, [&prefix](const std::string &text) {
    return !text.starts_with(prefix);
  });
  found->starts.insert(found->starts.begin(), {.path = std::move(*resolved)});
  return found;
}

Result<std::vector<ScanStart>> choose_starts(const Context &context) {
  if (context.options.words.size() > 1)
    return starts_of_words(context);
  auto found = context.options.root.empty() ? local_file_systems(context.root)
                                            : starts_in_tree(context.root);
  if (!found)
    return found.error();
  if (context.options.verbose) {
    for (const std::string &text : found->left_out)
      context.console.note("not looked into: " + printable(text));
  }
  return std::move(found->starts);
}

bool is_interpreter(const std::string &path) {
  constexpr std::array<std::string_view, 12> names = {
      "python", "perl", "ruby", "node", "java", "php",
      "bash",   "dash", "lua",  "deno", "mono", "busybox"};
  const std::string name = file_name(path);
  return std::ranges::any_of(names, [&name](std::string_view known) {
    // "python3.11", "php8.2", but not "nodemon".
    return name.starts_with(known) &&
           (name.size() == known.size() ||
            !has_letter(std::string_view(name).substr(known.size())));
  });
}

// Who may run a file, as rules name him.
std::string subject_of_mode(const CapableFile &file) {
  if ((file.mode & S_IXOTH) != 0)
    return "any";
  if ((file.mode & S_IXGRP) != 0)
    return fmt::format("group {}", file.group);
  return fmt::format("user {}", file.owner);
}

class SetcapImport final {
public:
  explicit SetcapImport(const Context &context) : context_(context) {}

  Result<Imported> read();

private:
  void warn_of_scan(const CapabilityScan &scan);
  void add_file(const CapableFile &file);
  std::vector<std::string> remarks_on(const CapableFile &file) const;
  // Return whether they found a user.
  bool add_processes(const CapableFile &file, const ImportedRule &rule);
  bool add_units(const CapableFile &file, const ImportedRule &rule);
  void add_steps(const CapableFile &file);
  void find_java_paths();

  const Context &context_;
  Imported imported_;
  Listeners listeners_;
  RunningPrograms running_;
  Units units_;
  std::set<uint32_t> known_; // users of the file at hand
};

void SetcapImport::warn_of_scan(const CapabilityScan &scan) {
  if (scan.unreadable != 0)
    imported_.warnings.push_back(
        {.code = Code::permission,
         .message = fmt::format(
             "could not look into {} {}, such as {}", scan.unreadable,
             scan.unreadable == 1 ? "directory" : "directories",
             printable(scan.first_unreadable)),
         .hint = geteuid() == 0 ? "" : "run this as root"});
  if (!context_.options.verbose)
    return;
  for (const std::string &path : scan.foreign)
    context_.console.note(fmt::format(
        "{}: its capability counts in a user namespace of its own only",
        printable(path)));
}

std::vector<std::string>
SetcapImport::remarks_on(const CapableFile &file) const {
  std::vector<std::string> remarks;
  for (const std::string &name : file.also)
    remarks.push_back("also " + printable(name));
  if ((file.capability.permitted & port_capability) == 0)
    remarks.emplace_back("inheritable only: it counts for those to whom "
                         "pam_cap or their parent gives it");
  else if (!file.capability.effective)
    remarks.emplace_back("not effective: it counts for a program that raises "
                         "it by itself");
  if (is_dynamic_loader(file.path))
    remarks.emplace_back("the dynamic loader: it runs any program with it");
  else if (is_library(file.path))
    remarks.emplace_back("a library: it gains nothing by a capability");
  else if (is_interpreter(file.path))
    remarks.emplace_back("an interpreter: it runs any script with it");
  return remarks;
}

bool SetcapImport::add_processes(const CapableFile &file,
                                 const ImportedRule &rule) {
  const auto found = running_.pids.find(file.id);
  if (found == running_.pids.end())
    return false;
  std::map<uint32_t, std::vector<const Listener *>> users;
  for (const int pid : found->second) {
    if (const auto uid = uid_of_process(context_, pid))
      users[*uid];
  }
  for (const Listener &listener : listeners_.found) {
    if (std::ranges::count(found->second, listener.pid) != 0)
      users[listener.uid].push_back(&listener);
  }
  // Root needs no rule.
  users.erase(0);
  for (const auto &[uid, theirs] : users) {
    ImportedRule copy = rule;
    PortsOfProtocols ports;
    for (const Listener *listener : theirs)
      ports.at(listener->protocol).set(listener->port);
    for (std::string &text : listening_remarks(theirs))
      copy.remarks.push_back(std::move(text));
    for (std::string &text : allow_rules(context_, uid, ports)) {
      copy.rule = std::move(text);
      imported_.rules.push_back(copy);
    }
    known_.insert(uid);
    if (!theirs.empty())
      continue;
    copy.rule = allow_all_rule(context_, fmt::format("user {}", uid),
                               last_privileged(listeners_));
    copy.active = false;
    copy.remarks.emplace_back("runs now and listens on no privileged port: "
                              "name the ports that it needs");
    imported_.rules.push_back(std::move(copy));
  }
  return !users.empty();
}

bool SetcapImport::add_units(const CapableFile &file,
                             const ImportedRule &rule) {
  bool any = false;
  for (const Unit &unit : units_.units) {
    const bool runs =
        std::ranges::any_of(unit.programs, [&](const std::string &program) {
          return program.starts_with('/') &&
                 file_id(context_.root, context_.root + program) == file.id;
        });
    const auto uid = runs ? unit_uid(context_, unit) : Result<uint32_t>(0);
    // Root needs no rule.
    if (!uid || *uid == 0)
      continue;
    any = true;
    if (!known_.insert(*uid).second)
      continue;
    ImportedRule copy = rule;
    copy.active = false;
    copy.rule = allow_all_rule(context_, fmt::format("user {}", *uid),
                               last_privileged(listeners_));
    copy.remarks.push_back(
        fmt::format("{} runs it as this user: name the ports that it needs",
                    printable(unit.name)));
    imported_.rules.push_back(std::move(copy));
  }
  return any;
}

void SetcapImport::add_steps(const CapableFile &file) {
  imported_.steps.push_back(
      {.what = "take the capability from " + printable(file.path),
       .command = removal_command(file)});
  if (is_dynamic_loader(file.path))
    imported_.warnings.push_back(
        {.code = Code::attention,
         .message = "the dynamic loader has the capability: whoever may run "
                    "it binds privileged ports with any program of his",
         .hint = removal_command(file),
         .file = file.path});
}

void SetcapImport::add_file(const CapableFile &file) {
  known_.clear();
  ImportedRule rule{.rule = {},
                    .origin = fmt::format("{}: {}", printable(file.path),
                                          capability_text(file.capability)),
                    .remarks = remarks_on(file)};
  const bool running = add_processes(file, rule);
  const bool started = add_units(file, rule);
  if (!running && !started) {
    rule.rule = allow_all_rule(context_, subject_of_mode(file),
                               last_privileged(listeners_));
    rule.active = false;
    rule.remarks.emplace_back("nobody is seen to run it; this is what the "
                              "capability gives to whoever may: name the user "
                              "and the ports");
    imported_.rules.push_back(std::move(rule));
  }
  add_steps(file);
}

// A program with a capability ignores $ORIGIN and LD_LIBRARY_PATH, so that Java
// finds its libraries by a path that was added for all programs.
void SetcapImport::find_java_paths() {
  const std::string directory = context_.root + "/etc/ld.so.conf.d";
  const auto entries = list_tree_directory(context_.root, directory);
  if (!entries)
    return;
  const std::string &tree = context_.options.root;
  const std::string ldconfig =
      tree.empty() ? "ldconfig" : "ldconfig -r " + shell_word(tree);
  for (const TreeEntry &entry : *entries) {
    const std::string path = directory + "/" + entry.name;
    const auto text = read_tree_file(context_.root, path);
    if (!text || !entry.name.ends_with(".conf"))
      continue;
    for (const std::string_view line : split(*text, '\n')) {
      const std::string library = std::string(line) + "/libjli.so";
      if (!line.starts_with('/') ||
          !file_id(context_.root, context_.root + library))
        continue;
      imported_.steps.push_back(
          {.what = fmt::format("take the line {} from {}, which only a java "
                               "with a capability needs, then",
                               excerpt(line), printable(path)),
           .command = ldconfig});
    }
  }
}

Result<Imported> SetcapImport::read() {
  const auto starts = choose_starts(context_);
  if (!starts)
    return starts.error();
  const CapabilityScan scan = scan_shown(context_, *starts);
  if (scan.stopped)
    return Error{.message = fmt::format("stopped after {}",
                                        counted(scan.looked_at, "file")),
                 .hint = "name what to look into: portaclctl import setcap "
                         "/usr/local"};
  warn_of_scan(scan);
  if (context_.options.verbose)
    context_.console.note(counted(scan.looked_at, "file") + " looked at");
  if (!scan.files.empty()) {
    listeners_ = read_port_users(context_, imported_.warnings);
    running_ = read_running_programs(context_);
    units_ = read_units(context_.root);
  }
  for (const CapableFile &file : scan.files)
    add_file(file);
  if (std::ranges::any_of(scan.files, [](const CapableFile &file) {
        return file_name(file.path) == "java";
      }))
    find_java_paths();
  return std::move(imported_);
}

} // namespace

Result<Imported> import_setcap(const Context &context) {
  return SetcapImport(context).read();
}

} // namespace portacl
