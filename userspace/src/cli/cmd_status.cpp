// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>
#include <sys/utsname.h>

#include "cli/automatic.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/drift.h"
#include "cli/name_changes.h"
#include "lib/kernel_files.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/stats.h"
#include "lib/text.h"
#include "uapi/portacl.h"
#include "version.h"

namespace portacl {

namespace {

struct State {
  std::string version;
  Settings settings;
  std::vector<std::string> hooks; // "NAME STATE"
  Counts counts;
  KernelPolicy policy;
};

Result<State> read_state(Kernel &kernel) {
  State state;
  const auto version = read_line(kernel, "version");
  const auto hooks = read_line(kernel, "hooks");
  const auto settings = read_settings(kernel);
  const auto counts = read_counts(kernel);
  auto policy = read_policy(kernel);
  for (const auto *text : {&version, &hooks}) {
    if (!*text)
      return text->error();
  }
  if (!settings)
    return settings.error();
  if (!policy)
    return policy.error();
  if (!counts)
    return counts.error();
  state.version = *version;
  state.settings = *settings;
  state.counts = *counts;
  for (const std::string_view hook : split(*hooks, '\n')) {
    if (!hook.empty())
      state.hooks.emplace_back(hook);
  }
  state.policy = std::move(*policy);
  return state;
}

std::string release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

std::string hook_names(const State &state) {
  std::string names;
  for (const std::string &hook : state.hooks) {
    const size_t blank = hook.find(' ');
    names += " " + hook.substr(0, blank);
    if (blank != std::string::npos && hook.substr(blank + 1) != "attached")
      names += fmt::format(" ({})", hook.substr(blank + 1));
  }
  return names.empty() ? " none" : names;
}

Json files_json(const RuleFiles &files) {
  Json errors = Json::array();
  for (const Error &error : files.errors)
    errors.push_back(error_text(error));
  return {{"paths", files.paths},
          {"rules", files.rules.size()},
          {"errors", errors},
          {"names", names_json(files)},
          {"left_out", left_out_json(files)}};
}

void print_bad_files(const Context &context, const RuleFiles &files,
                     bool loaded) {
  warn_of_names(context, files);
  if (files.errors.empty())
    return;
  context.console.line(fmt::format(
      "Files    {}, so that portaclctl {} would refuse them all",
      counted(files.errors.size(), "error"), loaded ? "apply" : "load"));
  for (const Error &error : files.errors)
    context.console.warning(error);
}

int report_files_only(const Context &context, const RuleFiles &files) {
  const bool offline = !context.options.root.empty();
  context.console.line(fmt::format("portacl {}, {}", PORTACL_VERSION,
                                   offline
                                       ? "files below " + context.options.root
                                   : is_built_in(context.root, PORTACL_MODULE)
                                       ? "module built in, not switched on"
                                       : "module not loaded"));
  context.console.line(fmt::format(
      "Policy   {} in {}{}", counted(files.rules.size(), "rule"),
      counted(files.paths.size(), "file"), offline ? "" : ", not in force"));
  print_bad_files(context, files, false);
  context.console.json("status", {{"loaded", offline ? Json() : Json(false)},
                                  {"files", files_json(files)}});
  if (offline)
    return static_cast<int>(Code::done);
  context.console.hint(not_loaded_error(context).hint);
  return static_cast<int>(Code::not_loaded);
}

void print_counts(const Context &context, const State &state) {
  const auto &counts = state.counts;
  context.console.line(
      fmt::format("Granted  {} since load", counted(counts.granted, "bind")));
  context.console.line(fmt::format(
      "Denied   {} ({} by deny rules, {} reserved, {} by strict)",
      counts.denied_rule + counts.denied_reserved + counts.denied_strict,
      counts.denied_rule, counts.denied_reserved, counts.denied_strict));
  context.console.line(fmt::format(
      "Passed   {} left to the kernel ({} only because of mode permissive, {} "
      "without a rule and refused)",
      counts.passed, counts.permissive, counts.no_rule));
}

Json drift_json(const Context &context, const Drift &drift) {
  Json missing = Json::array();
  for (const std::string &rule : drift.rules.add)
    missing.push_back(rule_json(context, rule));
  Json foreign = Json::array();
  for (const std::string &rule : drift.rules.remove)
    foreign.push_back(rule_json(context, rule));
  Json settings = Json::array();
  for (const Directive &directive : drift.settings)
    settings.push_back(directive.text());
  return {{"missing", missing}, {"foreign", foreign}, {"settings", settings}};
}

int report_loaded(const Context &context, const RuleFiles &files,
                  const State &state) {
  // What stands in lines that could not be read may well be in force.
  const std::optional<Drift> drift =
      files.errors.empty() ? std::optional(without_ended(drift_of(
                                 files, state.policy.rules, state.settings)))
                           : std::nullopt;
  context.console.line(fmt::format(
      "portacl {}, module{} {} (abi {}), mode {}", PORTACL_VERSION,
      state.version == PORTACL_VERSION ? "" : " " + printable(state.version),
      is_built_in(context.root, PORTACL_MODULE) ? "built in" : "loaded",
      PORTACL_ABI, printable(state.settings[Setting::mode])));
  context.console.line(
      fmt::format("Settings strict {}, scope {}, {}",
                  printable(state.settings[Setting::strict]),
                  printable(state.settings[Setting::scope]),
                  state.settings.locked() ? "locked" : "not locked"));
  context.console.line(fmt::format(
      "Policy   generation {}, {}; {} in {}", state.policy.generation,
      counted(state.policy.rules.size(), "rule"), files.rules.size(),
      counted(files.paths.size(), "file")));
  context.console.line(
      fmt::format("Kernel   {}, hooks{}", release(), hook_names(state)));
  if (std::ranges::any_of(state.hooks, [](const std::string &hook) {
        return hook.ends_with(" dead");
      }))
    context.console.warning(
        "a fault of the kernel has killed ftrace: binds may not be judged any "
        "more until the next boot; the kernel log says where");
  print_counts(context, state);
  context.console.line("Drift    " +
                       (drift ? drift_text(*drift)
                              : "unknown: not all policy files can be read"));
  const auto choosable =
      not_kept_out(context, reserved_ports(state.policy.rules));
  if (choosable && choosable->any())
    context.console.line(
        fmt::format("Ports    {} reserved but not kept out of automatic "
                    "choice; run: portaclctl apply",
                    shown_ports(*choosable)));
  print_bad_files(context, files, true);
  if (drift && !drift->empty() && !state.settings.locked())
    context.console.hint("to apply the files, run: portaclctl apply");
  Json hooks = Json::array();
  for (const std::string &hook : state.hooks)
    hooks.push_back({{"name", hook.substr(0, hook.find(' '))},
                     {"attached", hook.ends_with(" attached")},
                     {"state", hook.substr(hook.find(' ') + 1)}});
  context.console.json(
      "status", {{"loaded", true},
                 {"abi", PORTACL_ABI},
                 {"module_version", state.version},
                 {"mode", state.settings[Setting::mode]},
                 {"strict", state.settings.strict()},
                 {"scope", state.settings[Setting::scope]},
                 {"locked", state.settings.locked()},
                 {"generation", state.policy.generation},
                 {"rules", state.policy.rules.size()},
                 {"kernel", release()},
                 {"hooks", hooks},
                 {"granted", state.counts.granted},
                 {"denied",
                  {{"rule", state.counts.denied_rule},
                   {"reserved", state.counts.denied_reserved},
                   {"strict", state.counts.denied_strict}}},
                 {"passed", state.counts.passed},
                 {"passed_permissive", state.counts.permissive},
                 {"passed_no_rule", state.counts.no_rule},
                 {"not_kept_out", choosable ? ports_json(*choosable) : Json()},
                 {"drift", drift ? drift_json(context, *drift) : Json()},
                 {"files", files_json(files)}});
  return static_cast<int>(Code::done);
}

} // namespace

int cmd_status(const Context &context) {
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return fail(context, loaded.error());
  const RuleFiles files = read_rule_files(context.root, context.names);
  if (!*loaded)
    return report_files_only(context, files);
  const auto state = read_state(context.kernel);
  if (!state)
    return fail(context, state.error());
  return report_loaded(context, files, *state);
}

} // namespace portacl
