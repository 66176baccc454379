// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/preflight.h"
#include "lib/boot.h"
#include "lib/config_dirs.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

// Old protocols trust clients that come from these ports.
constexpr uint16_t trusted_low = 512;
constexpr uint16_t trusted_high = 1023;

struct Plan {
  bool kernel_loaded = false;
  bool files_are_good = true;
  Settings file_settings;
  // Where the rule stands already, or will stand.
  std::string file;
  uint32_t line = 0;
  bool was_in_file = false;
  bool stays = false;                    // in a file that a reboot keeps
  std::string endless;                   // "FILE:LINE" of the same without end
  std::vector<std::string> overruled_by; // "FILE:LINE: deny any 443"
  Change change;
};

// The address that a socket on all addresses has is none that a packet has.
void warn_of_wildcard(const Context &context, const pacl_rule &rule) {
  const bool ipv4 = pacl_addr_is_ipv4(rule.prefix);
  const uint64_t host = ipv4 ? rule.prefix.lo & UINT32_MAX : rule.prefix.lo;
  if (rule.on == 0 || rule.prefix_len != 128 || rule.prefix.hi != 0 ||
      host != 0)
    return;
  // A socket on :: is of both families, which no prefix holds.
  const std::string address = address_text(rule.prefix);
  context.console.warning(
      fmt::format("'on {}' never matches: {}leave 'on' out", address,
                  ipv4 ? "for every IPv4 address write 0.0.0.0/0, or " : ""));
}

void warn_of_grant(const Context &context, const pacl_rule &rule, bool strict) {
  warn_of_wildcard(context, rule);
  for (unsigned i = 0; i < rule.count; i++) {
    if (rule.range[i].lo <= trusted_high && rule.range[i].hi >= trusted_low) {
      context.console.warning(
          "ports 512-1023 carry trust with some old protocols (clients of "
          "NFS and of the r-commands)");
      break;
    }
  }
  if (rule.kind == PACL_USER && rule.id == 0 && !strict)
    context.console.warning(
        "root may bind every port anyway, unless its capability was dropped");
}

bool shares_ports(const pacl_rule &a, const pacl_rule &b) {
  if (a.proto != b.proto && a.proto != PACL_PROTO_ANY &&
      b.proto != PACL_PROTO_ANY)
    return false;
  for (unsigned i = 0; i < a.count; i++) {
    for (unsigned j = 0; j < b.count; j++) {
      if (a.range[i].lo <= b.range[j].hi && b.range[j].lo <= a.range[i].hi)
        return true;
    }
  }
  return false;
}

// Whether the deny is for all whom the allow is for; groups are the user's.
bool includes_subject(const pacl_rule &deny, const pacl_rule &allow,
                      const std::vector<uint32_t> &groups) {
  if (deny.kind == PACL_ANY)
    return true;
  if (deny.kind == PACL_GROUP && allow.kind == PACL_USER)
    return std::ranges::count(groups, deny.id) != 0;
  return deny.kind == allow.kind && deny.id == allow.id;
}

// The files' rules that refuse at least a part of what the rule allows.
std::vector<std::string> overruling(const Context &context,
                                    const RuleFiles &files,
                                    const pacl_rule &allow) {
  std::vector<uint32_t> groups;
  if (allow.kind == PACL_USER) {
    const auto user = context.names.user(allow.id);
    if (auto found = user ? context.names.groups_of(*user)
                          : Result<std::vector<uint32_t>>(groups))
      groups = std::move(*found);
  }
  std::vector<std::string> found;
  for (const FileRule &rule : files.rules) {
    if (!rule.numeric.starts_with("deny "))
      continue;
    const pacl_rule deny = rule_from_text(rule.numeric);
    if (!has_ended(deny) && includes_subject(deny, allow, groups) &&
        shares_ports(deny, allow))
      found.push_back(fmt::format("{}: {}", files.origin(rule), rule.words));
  }
  return found;
}

void warn_of_mode(const Context &context, const pacl_rule &rule,
                  const std::string &mode) {
  if (mode == "off")
    context.console.warning("mode is off: no rule has an effect");
  else if (mode == "permissive" && rule.action != PACL_ALLOW)
    context.console.warning("mode is permissive: what the rule would refuse is "
                            "only logged and counted");
}

void warn(const Context &context, const pacl_rule &rule,
          const Settings &settings) {
  warn_of_mode(context, rule, settings[Setting::mode]);
  if (rule.action == PACL_ALLOW)
    warn_of_grant(context, rule, settings.strict());
  else if (!settings.strict())
    context.console.note("note: who holds CAP_NET_BIND_SERVICE, as root does, "
                         "is not bound by it unless strict is on");
}

void find_in_files(const Context &context, const RuleFiles &files,
                   const WrittenRule &rule, Plan &plan) {
  const std::string run = context.root + std::string(config_run) + "/";
  plan.stays = !context.options.runtime;
  const RuleIndex index(files);
  for (const FileRule *found : index.find(rule.numeric)) {
    const std::string &path = files.paths[found->file];
    const bool stays = !path.starts_with(run);
    // What a reboot drops does not count when the rule is to stay.
    if (!stays && (plan.was_in_file || !context.options.runtime))
      continue;
    plan.was_in_file = true;
    plan.file = path;
    plan.line = found->line;
    plan.stays = stays;
    if (stays)
      break;
  }
  if (rule.rule.until == 0)
    return;
  const auto &endless = index.find(without_end(rule.numeric));
  if (!endless.empty())
    plan.endless = files.origin(*endless.front());
}

// With the rule among those in force, or of the files where there are none.
Result<AutomaticChoice> plan_automatic(const Context &context,
                                       const RuleFiles &files,
                                       const WrittenRule &rule, bool loaded) {
  PortSet before;
  if (loaded) {
    const auto policy = read_policy(context.kernel);
    if (!policy)
      return policy.error();
    before = reserved_ports(policy->rules);
  } else {
    before = reserved_ports(files.numeric());
  }
  return AutomaticChoice(before, before | reserved_ports({rule.numeric}));
}

Result<Plan> make_plan(const Context &context, const WrittenRule &rule) {
  Plan plan;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  plan.kernel_loaded = *loaded;
  const RuleFiles files = read_rule_files(context.root, context.names);
  warn_of_bad_files(context, files);
  plan.files_are_good = files.errors.empty();
  plan.file_settings = files.settings();
  if (rule.rule.action == PACL_ALLOW)
    plan.overruled_by = overruling(context, files, rule.rule);
  find_in_files(context, files, rule, plan);
  if (!plan.was_in_file) {
    auto file = DropIn::open(context.root, context.options.runtime);
    if (!file)
      return file.error();
    file->remove_lines(dropped_lines(context, *file));
    plan.file = file->path();
    plan.line = file->next_line();
    file->append(rule.words);
    plan.change.files.push_back(std::move(*file));
  }
  plan.change.kernel = {"add", rule.numeric};
  if (rule.rule.action == PACL_RESERVE) {
    auto automatic = plan_automatic(context, files, rule, *loaded);
    if (!automatic)
      return automatic.error();
    plan.change.automatic = *automatic;
  }
  return plan;
}

Json change_json(const Context &context, const WrittenRule &rule,
                 const Plan &plan, KernelPart part) {
  Json json = {{"command", context.options.command},
               {"dry_run", context.options.dry_run},
               {"rule", rule_json(context, rule.numeric)},
               {"file", plan.file},
               {"line", plan.line},
               {"file_changed", !plan.was_in_file},
               {"kernel", kernel_part_name(part)},
               {"runtime", context.options.runtime},
               {"applied_at_boot", applied_at_boot(context.root)}};
  if (plan.change.automatic)
    plan.change.automatic->add_to(json);
  return json;
}

std::string how_long(const Context &context, const WrittenRule &rule,
                     const Plan &plan, KernelPart part) {
  std::string place = how_long(context, part, plan.files_are_good, !plan.stays);
  if (rule.rule.until == 0)
    return place;
  const std::string end = iso_time(rule.rule.until);
  if (part != KernelPart::not_asked && part != KernelPart::not_loaded &&
      !plan.stays)
    return fmt::format("now, until {} or the next reboot", end);
  return fmt::format("{}, until {}", place, end);
}

int report(const Context &context, const WrittenRule &rule, const Plan &plan,
           KernelPart part) {
  const bool in_force = part != KernelPart::not_loaded;
  const bool nothing_new =
      plan.was_in_file && part != KernelPart::changed && in_force;
  const std::string done = action_done(rule.rule);
  const std::string word = nothing_new ? "already " + done
                           : !in_force || part == KernelPart::not_asked
                               ? "saved"
                               : done;
  context.console.verdict(word, true,
                          fmt::format("{}, {}",
                                      describe_rule(context, rule.rule),
                                      how_long(context, rule, plan, part)));
  if (plan.change.automatic)
    plan.change.automatic->report(context);
  context.console.json("change", change_json(context, rule, plan, part));
  if (in_force)
    return static_cast<int>(Code::done);
  warn_not_in_force(context);
  return static_cast<int>(Code::attention);
}

int dry_run(const Context &context, const WrittenRule &rule, Plan &plan) {
  KernelPart part = KernelPart::not_asked;
  bool known = false;
  if (plan.kernel_loaded) {
    const auto policy = read_policy(context.kernel);
    if (!policy)
      return fail(context, policy.error());
    known = std::ranges::count(policy->rules, rule.numeric) != 0;
    part = known ? KernelPart::unchanged : KernelPart::changed;
  } else if (context.options.root.empty()) {
    part = KernelPart::not_loaded;
  }
  if (!plan.was_in_file)
    context.console.line(fmt::format("would add to {}:{}: {}", plan.file,
                                     plan.line, rule.words));
  if (part == KernelPart::changed)
    context.console.line("would add to the kernel: " + rule.numeric);
  if (part == KernelPart::not_loaded)
    context.console.note("the portacl module is not loaded: the rule would "
                         "not be in force yet");
  if (plan.was_in_file && part != KernelPart::changed)
    context.console.line(fmt::format("would change nothing: already in {}:{}",
                                     plan.file, plan.line));
  if (plan.change.automatic && plan.kernel_loaded) {
    plan.change.automatic->begin(context);
    plan.change.automatic->commit(context);
    plan.change.automatic->report(context);
  }
  context.console.json("change", change_json(context, rule, plan, part));
  return static_cast<int>(Code::done);
}

std::vector<std::string> with_action(const Context &context) {
  const auto &words = context.options.words;
  const std::string &action = context.options.command;
  // One argument with blanks is a line.
  if (words.size() == 1 && words[0].find_first_of(" \t") != std::string::npos)
    return {action + " " + words[0]};
  std::vector<std::string> line = {action};
  line.insert(line.end(), words.begin(), words.end());
  return line;
}

Result<WrittenRule> with_end(const Context &context, const WrittenRule &rule) {
  if (rule.rule.until != 0)
    return usage("--for does not go with 'until'", "leave one of them out");
  const uint64_t end = clock_now().wall + context.options.duration;
  auto ending =
      parse_rule(fmt::format("{} until {}", rule.words, end), context.names);
  if (!ending)
    return ending.error();
  return std::move(**ending);
}

Result<WrittenRule> wanted_rule(const Context &context) {
  auto rule = rule_of_words(context, with_action(context));
  if (rule && context.options.duration != 0)
    rule = with_end(context, *rule);
  if (rule && rule->rule.until != 0 && rule->rule.until <= clock_now().wall)
    return usage(fmt::format("the rule would have ended already: until {}",
                             iso_time(rule->rule.until)));
  return rule;
}

// Rules that take something away may take it from who has it now.
Result<void> check_losers(const Context &context, const WrittenRule &rule,
                          bool strict) {
  if (rule.rule.action == PACL_ALLOW)
    return {};
  Intent intent{.words = rule.words,
                .rules = {rule.numeric},
                .strict = strict,
                .may_refuse = rule.rule.action == PACL_DENY};
  intent.concerns = [&rule](uint16_t port) {
    return covers_port(rule.rule, port);
  };
  return check_listeners(context, intent);
}

Result<void> check(const Context &context, const WrittenRule &rule,
                   Plan &plan) {
  const auto settings =
      plan.kernel_loaded ? read_settings(context.kernel) : plan.file_settings;
  if (!settings)
    return settings.error();
  if (plan.change.automatic) {
    if (const auto much = plan.change.automatic->too_much(context))
      return too_much_error(*much);
  }
  warn(context, rule.rule, *settings);
  if (!plan.endless.empty())
    context.console.warning(fmt::format("{} {} it without an end", plan.endless,
                                        action_does(rule.rule)));
  for (const std::string &deny : plan.overruled_by)
    context.console.warning("a deny goes before it, " + printable(deny));
  return check_losers(context, rule, settings->strict());
}

} // namespace

int cmd_allow(const Context &context) {
  const auto rule = wanted_rule(context);
  if (!rule)
    return fail(context, rule.error());
  Result<ChangeLock> lock = ChangeLock::none();
  if (!context.options.dry_run)
    lock = ChangeLock::take(context.root);
  if (!lock)
    return fail(context, lock.error());
  auto plan = make_plan(context, *rule);
  if (!plan)
    return fail(context, plan.error());
  if (auto fine = check(context, *rule, *plan); !fine)
    return fail(context, fine.error());
  if (context.options.dry_run)
    return dry_run(context, *rule, *plan);
  const auto part = carry_out(context, plan->change, plan->kernel_loaded);
  if (!part)
    return fail(context, part.error());
  return report(context, *rule, *plan, *part);
}

} // namespace portacl
