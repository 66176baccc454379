// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cli/automatic.h"
#include "cli/describe.h"
#include "cli/doctor.h"
#include "cli/drift.h"
#include "cli/holders.h"
#include "cli/lint.h"
#include "lib/drop_in.h"
#include "lib/local_ports.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Of one kind, no more than people read.
constexpr size_t most_findings = 10;

void shorten(Findings &findings, const char *all) {
  if (findings.size() <= most_findings)
    return;
  const auto hidden = findings.begin() + static_cast<ptrdiff_t>(most_findings);
  const auto worst = std::max_element(
      hidden, findings.end(), [](const Finding &left, const Finding &right) {
        return left.health < right.health;
      });
  Finding rest{.health = worst->health,
               .text =
                   fmt::format("and {} more", findings.size() - most_findings),
               .fix = all};
  findings.resize(most_findings);
  findings.push_back(std::move(rest));
}

// What no name is to blame for.
bool is_of_name(const Error &error) {
  return error.line != 0 && error.errnum != 0;
}

Finding finding_of(const Error &error, Health health, const char *otherwise) {
  return {.health = error.code == Code::permission ? Health::warn : health,
          .text = error_text(error),
          .fix = error.hint.empty() ? otherwise : error.hint};
}

std::optional<Finding> check_drift(const ActivePolicy &in_force) {
  if (!in_force.from_kernel || !in_force.files.errors.empty())
    return std::nullopt;
  const Drift drift = without_ended(
      drift_of(in_force.files, in_force.rules, in_force.settings));
  if (drift.empty())
    return std::nullopt;
  const bool locked = in_force.settings.locked();
  return Finding{.health = Health::warn,
                 .text =
                     "the kernel differs from the files: " + drift_text(drift),
                 .fix = locked ? "locked until the next boot: reboot"
                               : "portaclctl diff\nportaclctl apply"};
}

// The numbers that systemd gives to units with DynamicUser=, for as long as
// they run.
constexpr uint32_t first_dynamic = 61184;
constexpr uint32_t last_dynamic = 65519;

std::optional<Finding> check_name(const SubjectName &name,
                                  const UsedName &used) {
  switch (used.state) {
  case NameState::moved:
    return Finding{.health = Health::warn,
                   .text = fmt::format(
                       "{} was {} at the last apply, is now {}: its rules are "
                       "in force for {}",
                       name.text(), *used.recorded, *used.id, *used.recorded),
                   .fix = "portaclctl apply"};
  case NameState::kept:
    return Finding{.health = Health::warn,
                   .text = fmt::format("{}; its number at the last apply "
                                       "stands for it: {}",
                                       used.trouble, *used.recorded),
                   .fix = fmt::format("getent {} {}",
                                      name.is_group ? "group" : "passwd",
                                      shell_word(name.name))};
  default:
    break;
  }
  if (!used.id || *used.id < first_dynamic || *used.id > last_dynamic ||
      name.is_group)
    return std::nullopt;
  return Finding{
      .health = Health::warn,
      .text = fmt::format("{} has the number {}, one of those that units with "
                          "DynamicUser= get anew at each start",
                          name.text(), *used.id),
      .fix = "give the unit a user of its own: DynamicUser=no and a User= that "
             "sysusers.d(5) makes"};
}

// The policy, or what is said instead where the module cannot be asked.
Result<ActivePolicy> policy_in_force(const Context &context) {
  auto in_force = read_in_force(context);
  if (in_force)
    return in_force;
  return Error{.code = in_force.error().code,
               .message = "not known: " + in_force.error().message,
               .hint = "portaclctl doctor version"};
}

// As the kernel has it, or would have it after apply.
std::optional<KernelState> strict_state(const ActivePolicy &in_force) {
  if (in_force.settings.strict())
    return in_force;
  auto next = after_apply(in_force);
  if (next && next->settings.strict())
    return next;
  return std::nullopt;
}

Finding locked_out(const Context &context, const Listener &listener, bool now) {
  return {.health = now ? Health::fail : Health::warn,
          .text = fmt::format(
              "{} would be refused at its next start: strict is {}on, and no "
              "rule allows it",
              describe_socket(context, listener), now ? "" : "to be "),
          .fix = allow_command(context, listener.creator, listener)};
}

// The tool takes rules out of its own two files only.
std::string how_to_remove(const Context &context, const ActivePolicy &in_force,
                          const std::string &rule) {
  bool unresolved = false;
  const std::string words = show_rule(context, rule, unresolved);
  const RuleFiles &files = in_force.files;
  const RuleIndex index(files);
  std::string places;
  for (const FileRule *origin : index.find(rule)) {
    const std::string &path = files.paths[origin->file];
    if (path != DropIn::path(context.root, false) &&
        path != DropIn::path(context.root, true))
      places += (places.empty() ? "" : ", ") + files.origin(*origin);
  }
  if (places.empty())
    return shell_command("remove", words);
  return fmt::format("take '{}' out of {}{}", words, places,
                     in_force.from_kernel ? "\nportaclctl apply" : "");
}

// What a rule refuses. No allow can mend that where it is a deny.
Finding denied(const Context &context, const ActivePolicy &in_force,
               const Listener &listener, const Judgement &judgement, bool now) {
  Finding finding = locked_out(context, listener, now);
  finding.text = fmt::format("{} would be refused at its next start{} by: {}",
                             describe_socket(context, listener),
                             now ? "" : ", once strict is on,", judgement.rule);
  if (judgement.verdict != PACL_DENIED)
    return finding;
  const std::string protocol =
      listener.protocol == PACL_PROTO_ANY
          ? ""
          : fmt::format("/{}", pacl_proto_name(listener.protocol));
  finding.fix = fmt::format("portaclctl explain {} {}{}\n{}", listener.creator,
                            listener.port, protocol,
                            how_to_remove(context, in_force, judgement.rule));
  return finding;
}

} // namespace

Findings check_files(const Context &context) {
  const auto in_force = policy_in_force(context);
  const RuleFiles files =
      in_force ? in_force->files : read_rule_files(context.root, context.names);
  Findings findings;
  for (const Error &error : files.errors) {
    if (!is_of_name(error))
      findings.push_back(finding_of(error, Health::fail, "portaclctl check"));
  }
  // What not everybody may read is not missed.
  if (files.bad_record && files.bad_record->code != Code::permission)
    findings.push_back(
        finding_of(*files.bad_record, Health::warn, "portaclctl apply"));
  if (in_force) {
    if (auto drift = check_drift(*in_force))
      findings.push_back(std::move(*drift));
  }
  if (const auto doubts = lint_files(context, files); !doubts.empty())
    findings.push_back(
        {.health = Health::warn,
         .text = counted(doubts.size(), "rule") + " may not do what is meant",
         .fix = "portaclctl check"});
  if (findings.empty())
    findings.push_back(
        {.text = fmt::format("{} in {}, which only root can write",
                             counted(files.rules.size(), "rule"),
                             counted(files.paths.size(), "file"))});
  shorten(findings, "portaclctl check");
  return findings;
}

Findings check_names(const Context &context) {
  const RuleFiles files = read_rule_files(context.root, context.names);
  Findings findings;
  for (const Error &error : files.errors) {
    if (is_of_name(error))
      findings.push_back(finding_of(error, Health::fail, "portaclctl check"));
  }
  for (const auto &[name, used] : files.names) {
    if (auto finding = check_name(name, used))
      findings.push_back(std::move(*finding));
  }
  for (const Error &error : files.left_out)
    findings.push_back(finding_of(error, Health::warn, "portaclctl check"));
  if (findings.empty())
    findings.push_back(
        {.text = files.names.empty()
                     ? "no rule names anybody"
                     : fmt::format("{}, and all stand for what they did",
                                   counted(files.names.size(), "name"))});
  shorten(findings, "portaclctl check");
  return findings;
}

Findings check_automatic(const Context &context) {
  const auto in_force = policy_in_force(context);
  if (!in_force)
    return {finding_of(in_force.error(), Health::warn, "")};
  const PortSet reserved = reserved_ports(in_force->rules);
  if (reserved.none())
    return {{.text = "no port is reserved"}};
  const auto choosable = not_kept_out(context, reserved);
  if (!choosable)
    return {{.health = Health::warn,
             .text = "not known: net.ipv4.ip_local_reserved_ports of process 1 "
                     "is not to be seen from here",
             .fix = "nsenter --target 1 --net portaclctl doctor automatic"}};
  if (choosable->none())
    return {{.text = "the kernel gives no reserved port away by itself"}};
  return {
      {.health = Health::warn,
       .text = fmt::format("{} reserved, but the kernel may give them to "
                           "anybody who asks for none",
                           shown_ports(*choosable)),
       .fix = in_force->from_kernel ? "portaclctl apply" : "portaclctl load"}};
}

Findings check_strict(const Context &context) {
  const auto in_force = policy_in_force(context);
  if (!in_force)
    return {finding_of(in_force.error(), Health::warn, "")};
  const auto state = strict_state(*in_force);
  if (!state)
    return {{.text = "strict is off: who holds the capability needs no rule"}};
  const bool now = in_force->settings.strict() && in_force->from_kernel;
  const auto judge = ListenerJudge::make(state->rules, state->settings);
  if (!judge)
    return {finding_of(judge.error(), Health::fail, "portaclctl check")};
  const auto listeners = read_holders(
      context, state->settings,
      [](const Socket &socket, const NetNamespace &space) {
        return socket.port < space.unprivileged_start && socket.inode != 0;
      });
  if (!listeners)
    return {finding_of(listeners.error(), Health::warn, "portaclctl ports")};
  Findings findings;
  size_t unknown = 0;
  for (const Listener &listener : listeners->found) {
    const Judgement judgement = judge->judge(context, *listeners, listener);
    unknown += judgement.standing == Standing::unknown ? 1 : 0;
    if (judgement.standing != Standing::refused)
      continue;
    Finding finding =
        judgement.rule.empty()
            ? locked_out(context, listener, now)
            : denied(context, *in_force, listener, judgement, now);
    // The sockets of both families are one to who reads this.
    if (std::ranges::none_of(findings, [&finding](const Finding &other) {
          return other.fix == finding.fix;
        }))
      findings.push_back(std::move(finding));
  }
  if (unknown != 0 || listeners->partial)
    findings.push_back({.health = Health::warn,
                        .text = "not all processes are to be seen",
                        .fix = "sudo portaclctl doctor strict"});
  if (findings.empty())
    findings.push_back(
        {.text = fmt::format(
             "strict is on, and a rule allows each of {}",
             counted(listeners->found.size(), "privileged listener"))});
  shorten(findings, "portaclctl ports");
  return findings;
}

} // namespace portacl
