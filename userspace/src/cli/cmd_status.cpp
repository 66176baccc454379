// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>
#include <sys/utsname.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "lib/text.h"
#include "uapi/portacl.h"
#include "version.h"

namespace portacl {

namespace {

struct State {
  std::string version;
  std::string mode;
  std::vector<std::string> hooks; // "NAME STATE"
  uint64_t granted = 0;
  KernelPolicy policy;
};

Result<State> read_state(Kernel &kernel) {
  State state;
  const auto version = read_line(kernel, "version");
  const auto mode = read_line(kernel, "mode");
  const auto hooks = read_line(kernel, "hooks");
  const auto granted = read_number(kernel, "stats/granted");
  auto policy = read_policy(kernel);
  for (const auto *text : {&version, &mode, &hooks}) {
    if (!*text)
      return text->error();
  }
  if (!granted)
    return granted.error();
  if (!policy)
    return policy.error();
  state.version = *version;
  state.mode = *mode;
  for (const std::string_view hook : split(*hooks, '\n')) {
    if (!hook.empty())
      state.hooks.emplace_back(hook);
  }
  state.granted = *granted;
  state.policy = std::move(*policy);
  return state;
}

std::vector<std::string> rules_of(const RuleFiles &files) {
  std::vector<std::string> rules;
  for (const FileRule &rule : files.rules)
    rules.push_back(rule.numeric);
  return rules;
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

std::string drift_text(const PolicyChange &drift) {
  if (drift.empty())
    return "none";
  std::string text;
  if (!drift.add.empty())
    text = fmt::format("{} of the files not in force",
                       counted(drift.add.size(), "rule"));
  if (!drift.remove.empty())
    text +=
        fmt::format("{}{} in force but in no file", text.empty() ? "" : ", ",
                    counted(drift.remove.size(), "rule"));
  return text;
}

Json files_json(const RuleFiles &files) {
  Json errors = Json::array();
  for (const Error &error : files.errors)
    errors.push_back(error_text(error));
  return {{"paths", files.paths},
          {"rules", files.rules.size()},
          {"errors", errors}};
}

void print_bad_files(const Context &context, const RuleFiles &files) {
  if (files.errors.empty())
    return;
  context.console.line(
      fmt::format("Files    {}, so that portaclctl load would refuse them all",
                  counted(files.errors.size(), "error")));
  for (const Error &error : files.errors)
    context.console.warning(error);
}

int report_files_only(const Context &context, const RuleFiles &files) {
  const bool offline = !context.options.root.empty();
  context.console.line(fmt::format(
      "portacl {}, {}", PORTACL_VERSION,
      offline ? "files below " + context.options.root : "module not loaded"));
  context.console.line(fmt::format(
      "Policy   {} in {}{}", counted(files.rules.size(), "rule"),
      counted(files.paths.size(), "file"), offline ? "" : ", not in force"));
  print_bad_files(context, files);
  context.console.json("status", {{"loaded", offline ? Json() : Json(false)},
                                  {"files", files_json(files)}});
  if (offline)
    return static_cast<int>(Code::done);
  context.console.hint("to load it, run: portaclctl load");
  return static_cast<int>(Code::not_loaded);
}

int report_loaded(const Context &context, const RuleFiles &files,
                  const State &state) {
  const PolicyChange drift = difference(state.policy.rules, rules_of(files));
  context.console.line(fmt::format(
      "portacl {}, module{} loaded (abi {}), mode {}", PORTACL_VERSION,
      state.version == PORTACL_VERSION ? "" : " " + printable(state.version),
      PORTACL_ABI, printable(state.mode)));
  context.console.line(fmt::format(
      "Policy   generation {}, {}; {} in {}", state.policy.generation,
      counted(state.policy.rules.size(), "rule"), files.rules.size(),
      counted(files.paths.size(), "file")));
  context.console.line(
      fmt::format("Kernel   {}, hooks{}", release(), hook_names(state)));
  context.console.line(
      fmt::format("Granted  {} since load", counted(state.granted, "bind")));
  context.console.line("Drift    " + drift_text(drift));
  print_bad_files(context, files);
  if (!drift.empty())
    context.console.hint("to apply the files, run: portaclctl load");
  Json hooks = Json::array();
  for (const std::string &hook : state.hooks)
    hooks.push_back({{"name", hook.substr(0, hook.find(' '))},
                     {"attached", hook.ends_with(" attached")}});
  Json missing = Json::array();
  for (const std::string &rule : drift.add)
    missing.push_back(rule_json(context, rule));
  Json foreign = Json::array();
  for (const std::string &rule : drift.remove)
    foreign.push_back(rule_json(context, rule));
  context.console.json("status",
                       {{"loaded", true},
                        {"abi", PORTACL_ABI},
                        {"module_version", state.version},
                        {"mode", state.mode},
                        {"generation", state.policy.generation},
                        {"rules", state.policy.rules.size()},
                        {"kernel", release()},
                        {"hooks", hooks},
                        {"granted", state.granted},
                        {"drift", {{"missing", missing}, {"foreign", foreign}}},
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
