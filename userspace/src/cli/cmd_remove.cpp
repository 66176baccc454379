// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/close.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "lib/config_dirs.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Where a rule stands: in files that remove edits, in others, in the kernel.
struct Found {
  std::vector<std::string> places;    // "FILE:LINE", removed
  std::vector<std::string> elsewhere; // "FILE:LINE", left alone
  std::vector<std::string> remaining; // the same rule but for an end to come
  bool kernel_loaded = false;
  bool in_kernel = false;
  std::vector<std::string> kernel_rules; // before, where it is one to allow
  std::optional<LostSockets> lost;       // where the kernel loses one to allow
  Change change;
};

std::vector<bool> edited_files(const Context &context) {
  return context.options.runtime ? std::vector<bool>{true}
                                 : std::vector<bool>{false, true};
}

// The rules that remove could be meant for, as people write them.
std::vector<std::string> known_rules(const Context &context,
                                     const RuleFiles &files) {
  // To compare with a million would keep nobody waiting for anything good.
  constexpr size_t enough = 10000;
  std::vector<std::string> known;
  for (const FileRule &rule : files.rules) {
    known.push_back(rule.words);
    if (known.size() == enough)
      break;
  }
  const auto loaded = kernel_in_use(context);
  if (!loaded || !*loaded)
    return known;
  if (const auto policy = read_policy(context.kernel)) {
    for (const std::string &rule : policy->rules) {
      if (known.size() >= enough)
        break;
      bool unresolved = false;
      known.push_back(show_rule(context, rule, unresolved));
    }
  }
  return known;
}

Error not_found(const Context &context, const RuleFiles &files,
                const std::string &words) {
  Error error{.code = Code::policy,
              .message = fmt::format("no such rule: {}", printable(words))};
  const std::string best = nearest(words, known_rules(context, files));
  if (!best.empty())
    error.hint = fmt::format("the nearest is: {}", printable(best));
  return error;
}

Error only_elsewhere(const Context &context, const std::string &words,
                     const std::string &place) {
  const std::string path = place.substr(0, place.rfind(':'));
  std::string fix = fmt::format("edit {}, then run: portaclctl apply", path);
  if (path == DropIn::path(context.root, false))
    fix = shell_command("remove", words) + ", without --runtime";
  else if (path.find("/usr/lib/portacl.d/") != std::string::npos)
    fix = fmt::format("to mask the whole file: ln -s /dev/null {}/{}",
                      config_etc, file_name(path));
  return {.code = Code::policy,
          .message = fmt::format("'{}' is in {}, which this does not edit",
                                 words, place),
          .hint = fix};
}

// The reservations of the kernel's policy, with the rule and without it.
AutomaticChoice plan_automatic(std::vector<std::string> rules,
                               const std::string &numeric, bool goes) {
  const PortSet before = reserved_ports(rules);
  if (goes)
    std::erase(rules, numeric);
  return {before, reserved_ports(rules)};
}

// Finds the rule and edits it out of the files, in memory.
Result<Found> find_rule(const Context &context, const RuleFiles &files,
                        const std::string &numeric) {
  Found found;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  found.kernel_loaded = *loaded;
  std::vector<std::string> rules;
  if (*loaded) {
    auto policy = read_policy(context.kernel);
    if (!policy)
      return policy.error();
    rules = std::move(policy->rules);
    found.in_kernel = std::ranges::count(rules, numeric) != 0;
  }
  const auto matches = RuleIndex(files).find(numeric);
  std::vector<std::string> edited;
  for (const bool runtime : edited_files(context)) {
    const std::string path = DropIn::path(context.root, runtime);
    edited.push_back(path);
    std::vector<uint32_t> lines;
    for (const FileRule *match : matches) {
      if (files.paths[match->file] != path)
        continue;
      lines.push_back(match->line);
      found.places.push_back(files.origin(*match));
    }
    if (lines.empty())
      continue;
    auto file = DropIn::open(context.root, runtime);
    if (!file)
      return file.error();
    const auto dropped = dropped_lines(context, *file);
    lines.insert(lines.end(), dropped.begin(), dropped.end());
    file->remove_lines(lines);
    found.change.files.push_back(std::move(*file));
  }
  for (const FileRule *match : matches) {
    if (std::ranges::count(edited, files.paths[match->file]) == 0)
      found.elsewhere.push_back(files.origin(*match));
  }
  if (found.elsewhere.empty() && found.in_kernel)
    found.change.kernel = {"remove", numeric};
  if (numeric.starts_with("allow "))
    found.kernel_rules = std::move(rules);
  else if (numeric.starts_with("reserve "))
    found.change.automatic = plan_automatic(std::move(rules), numeric,
                                            found.change.kernel.has_value());
  return found;
}

Json change_json(const Context &context, const Json &rule, const Found &found,
                 KernelPart part) {
  Json json = {{"command", "remove"},
               {"dry_run", context.options.dry_run},
               {"rule", rule},
               {"removed_from", found.places},
               {"still_in", found.elsewhere},
               {"remaining", found.remaining},
               {"kernel", kernel_part_name(part)}};
  if (found.lost)
    json["lost_sockets"] = lost_json(context, *found.lost);
  if (found.change.automatic)
    found.change.automatic->add_to(json);
  return json;
}

// Who has a socket by this rule alone. Not to know is no reason to leave the
// rule where it is.
bool look_for_lost(const Context &context, const std::string &numeric,
                   Found &found) {
  if (!found.change.kernel || found.kernel_rules.empty())
    return true;
  auto lost = find_lost(context, found.kernel_rules, numeric);
  if (lost && context.options.close && !context.options.dry_run) {
    if (auto closed = close_lost(context, *lost); !closed)
      lost = closed.error();
  }
  if (!lost) {
    lost.error().message += ", so that it is not known which sockets have lost "
                            "their grant";
    context.console.warning(lost.error());
    return false;
  }
  found.lost = std::move(*lost);
  return true;
}

Code report_lost(const Context &context, const Found &found) {
  if (context.options.close)
    return report_closed(context, found.lost.value_or(LostSockets()));
  if (found.lost && !found.lost->sockets.empty())
    context.console.hint(fmt::format(
        "{} without a grant, see: portaclctl ports",
        found.lost->sockets.size() == 1
            ? "1 socket stays open"
            : fmt::format("{} sockets stay open", found.lost->sockets.size())));
  return Code::done;
}

// What the kernel does not know by these numbers it may know by others.
void warn_of_former_id(const Context &context) {
  context.console.warning("the kernel's policy did not have it: it may hold "
                          "the rule under a former id");
  context.console.hint("to make the kernel's policy what the files say, run: "
                       "portaclctl apply");
}

int report(const Context &context, const WrittenRule &rule, const Found &found,
           KernelPart part) {
  const std::string where =
      found.places.empty() ? "it was in the kernel only"
                           : fmt::format("{}", fmt::join(found.places, ", "));
  context.console.verdict("removed", true,
                          fmt::format("{} ({})", rule.words, where));
  if (found.change.automatic)
    found.change.automatic->report(context);
  context.console.json(
      "change",
      change_json(context, rule_json(context, rule.numeric), found, part));
  for (const std::string &remaining : found.remaining)
    context.console.warning(fmt::format(
        "still {} by a rule that has an end; to remove that, too, "
        "run: {}",
        action_done(rule.rule), printable(shell_command("remove", remaining))));
  if (!found.elsewhere.empty())
    context.console.warning(fmt::format(
        "still {} by {}", action_done(rule.rule), found.elsewhere.front()));
  const bool unknown = found.kernel_loaded && !found.in_kernel &&
                       found.elsewhere.empty() && !has_ended(rule.rule);
  if (unknown)
    warn_of_former_id(context);
  const Code closed = report_lost(context, found);
  if (unknown || !found.elsewhere.empty() || !found.remaining.empty())
    return static_cast<int>(Code::attention);
  return static_cast<int>(closed);
}

int dry_run(const Context &context, const WrittenRule &rule, Found &found) {
  for (const std::string &place : found.places)
    context.console.line(
        fmt::format("would remove from {}: {}", place, rule.words));
  if (found.change.kernel)
    context.console.line("would remove from the kernel: " + rule.numeric);
  for (const std::string &place : found.elsewhere)
    context.console.line(
        fmt::format("would still be {} by {}", action_done(rule.rule), place));
  for (const std::string &remaining : found.remaining)
    context.console.line(fmt::format("would still be {} by: {}",
                                     action_done(rule.rule),
                                     printable(remaining)));
  if (found.change.automatic && found.kernel_loaded) {
    found.change.automatic->begin(context);
    found.change.automatic->commit(context);
    found.change.automatic->report(context);
  }
  look_for_lost(context, rule.numeric, found);
  if (context.options.close)
    report_lost(context, found);
  const KernelPart part = !context.options.root.empty() ? KernelPart::not_asked
                          : !found.kernel_loaded        ? KernelPart::not_loaded
                          : found.change.kernel         ? KernelPart::changed
                                                        : KernelPart::unchanged;
  context.console.json(
      "change",
      change_json(context, rule_json(context, rule.numeric), found, part));
  return static_cast<int>(Code::done);
}

// This rule, if it is there, and those that differ from it by their end only.
Result<std::set<std::string>> ending_rules(const Context &context,
                                           const RuleFiles &files,
                                           const std::string &numeric) {
  std::set<std::string> ending;
  for (const FileRule &rule : files.rules) {
    if (without_end(rule.numeric) == numeric)
      ending.insert(rule.numeric);
  }
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  if (!*loaded)
    return ending;
  const auto policy = read_policy(context.kernel);
  if (!policy)
    return policy.error();
  for (const std::string &rule : policy->rules) {
    if (without_end(rule) == numeric)
      ending.insert(rule);
  }
  return ending;
}

struct Meant {
  WrittenRule rule;
  std::vector<std::string> remaining; // not meant, but the same until they end
};

// The rule that is meant: the one as written, else the only one that is the
// same but for its end. One that has ended is meant if there is no other.
Result<Meant> meant_rule(const Context &context, const RuleFiles &files,
                         const WrittenRule &rule) {
  Meant meant{.rule = rule, .remaining = {}};
  if (rule.rule.until != 0)
    return meant;
  const auto candidates = ending_rules(context, files, rule.numeric);
  if (!candidates)
    return candidates.error();
  const bool as_written = candidates->count(rule.numeric) != 0;
  std::vector<std::string> live;
  std::vector<std::string> ended;
  for (const std::string &candidate : *candidates) {
    if (candidate == rule.numeric)
      continue;
    bool unresolved = false;
    (has_ended(rule_from_text(candidate)) ? ended : live)
        .push_back(show_rule(context, candidate, unresolved));
  }
  if (as_written) {
    meant.remaining = std::move(live);
    return meant;
  }
  const auto &shown = live.empty() ? ended : live;
  if (shown.empty())
    return meant;
  if (shown.size() > 1)
    return Error{.code = Code::policy,
                 .message = fmt::format("{} rules are meant by: {}",
                                        shown.size(), printable(rule.words)),
                 .hint = fmt::format("repeat one of them in full: {}",
                                     fmt::join(shown, "; "))};
  auto only = rule_of_words(context, {shown.front()});
  if (!only)
    return only.error();
  meant.rule = std::move(*only);
  return meant;
}

int remove_rule(const Context &context, const RuleFiles &files,
                const WrittenRule &written) {
  auto meant = meant_rule(context, files, written);
  if (!meant)
    return fail(context, meant.error());
  const WrittenRule &rule = meant->rule;
  auto found = find_rule(context, files, rule.numeric);
  if (!found)
    return fail(context, found.error());
  if (found->places.empty() && !found->elsewhere.empty())
    return fail(context,
                only_elsewhere(context, rule.words, found->elsewhere.front()));
  if (found->places.empty() && !found->in_kernel)
    return fail(context, not_found(context, files, rule.words));
  found->remaining = std::move(meant->remaining);
  if (context.options.dry_run)
    return dry_run(context, rule, *found);
  const auto part = carry_out(context, found->change, found->kernel_loaded);
  if (!part)
    return fail(context, part.error());
  const bool known = look_for_lost(context, rule.numeric, *found);
  const int status = report(context, rule, *found, *part);
  return context.options.close && !known ? static_cast<int>(Code::attention)
                                         : status;
}

// A rule whose name is gone can still be taken out of the files by its words;
// which rule of the kernel it was, nobody knows.
int remove_words(const Context &context, const std::string &line,
                 const Error &why) {
  const std::string words = spelt_out(line);
  Found found;
  for (const bool runtime : edited_files(context)) {
    auto file = DropIn::open(context.root, runtime);
    if (!file)
      return fail(context, file.error());
    std::vector<uint32_t> lines;
    uint32_t number = 0;
    for (const std::string_view text : split(file->text(), '\n')) {
      number++;
      if (spelt_out(text) != words)
        continue;
      lines.push_back(number);
      found.places.push_back(fmt::format("{}:{}", file->path(), number));
    }
    if (lines.empty())
      continue;
    const auto dropped = dropped_lines(context, *file);
    lines.insert(lines.end(), dropped.begin(), dropped.end());
    file->remove_lines(lines);
    found.change.files.push_back(std::move(*file));
  }
  if (found.places.empty())
    return fail(context, why);
  context.console.warning(why.message);
  const std::string where = fmt::format("{}", fmt::join(found.places, ", "));
  if (context.options.dry_run) {
    context.console.line(fmt::format("would remove from {}: {}", where, words));
    context.console.json("change", change_json(context, {{"rule", words}},
                                               found, KernelPart::unchanged));
    return static_cast<int>(Code::done);
  }
  const auto part = carry_out(context, found.change, false);
  if (!part)
    return fail(context, part.error());
  context.console.verdict("removed", true,
                          fmt::format("{} ({})", words, where));
  context.console.json("change", change_json(context, {{"rule", words}}, found,
                                             KernelPart::unchanged));
  const auto loaded = kernel_in_use(context);
  if (!loaded || !*loaded)
    return static_cast<int>(Code::done);
  warn_of_former_id(context);
  return static_cast<int>(Code::attention);
}

bool is_action(const std::string &word) {
  return word == "allow" || word == "deny" || word == "reserve";
}

// What --close needs: a kernel that has granted something.
Result<void> check_close(const Context &context) {
  if (!context.options.root.empty())
    return usage("--close does not go with --root: it is about the sockets of "
                 "this machine");
  return require_loaded(context);
}

// "remove web 443" lacks its action.
Error missing_action(const std::string &line) {
  return usage("a rule begins with its action: allow, deny or reserve",
               fmt::format("portaclctl remove allow {}", printable(line)));
}

} // namespace

int cmd_remove(const Context &context) {
  const std::string line = line_of_arguments(context.options.words);
  if (line.empty())
    return fail(context, usage("no rule given",
                               "repeat the words of the rule: portaclctl "
                               "remove allow web 443"));
  const auto words = split_words(line);
  if (words && !words->empty() && !is_action(words->front().text) &&
      parse_rule("allow " + line, context.names))
    return fail(context, missing_action(line));
  const auto rule = rule_of_words(context, context.options.words);
  if (!rule && rule.error().code != Code::policy)
    return fail(context, rule.error());

  if (context.options.close) {
    if (auto fine = check_close(context); !fine)
      return fail(context, fine.error());
    // Which rule of the kernel it was is what nobody can tell.
    if (!rule)
      return fail(context, rule.error());
  }
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  if (!rule)
    return remove_words(context, line, rule.error());
  const RuleFiles files = read_rule_files(context.root, context.names);
  warn_of_bad_files(context, files);
  return remove_rule(context, files, *rule);
}

} // namespace portacl
