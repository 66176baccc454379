// SPDX-License-Identifier: GPL-2.0-only

#include "cli/in_force.h"

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/drift.h"
#include "lib/local_ports.h"
#include "lib/times.h"

namespace portacl {

Result<KernelState> read_kernel_state(const Context &context) {
  auto policy = read_policy(context.kernel);
  if (!policy)
    return policy.error();
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return settings.error();
  return KernelState{.rules = std::move(policy->rules),
                     .settings = *settings,
                     .generation = policy->generation};
}

Result<ActivePolicy> read_in_force(const Context &context) {
  ActivePolicy in_force;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  in_force.from_kernel = *loaded;
  in_force.files = read_rule_files(context.root, context.names);
  if (!*loaded) {
    in_force.rules = in_force.files.numeric();
    in_force.settings = in_force.files.settings();
    return in_force;
  }
  auto state = read_kernel_state(context);
  if (!state)
    return state.error();
  static_cast<KernelState &>(in_force) = std::move(*state);
  return in_force;
}

void warn_of_files_only(const Context &context, const ActivePolicy &in_force) {
  if (!in_force.from_kernel && context.options.root.empty())
    context.console.warning(not_loaded_error(context).message +
                            ": this is what the files say, not what is in "
                            "force");
}

Result<ActivePolicy> read_to_answer(const Context &context) {
  auto in_force = read_in_force(context);
  if (!in_force)
    return in_force;
  const std::vector<Error> &errors = in_force->files.errors;
  if (in_force->from_kernel) {
    warn_of_bad_files(context, in_force->files);
  } else if (!errors.empty()) {
    for (const Error &error : errors)
      context.console.error(error);
    return Error{.code = errors.front().code,
                 .message = "no answer while the policy files have errors"};
  }
  warn_of_files_only(context, *in_force);
  return in_force;
}

void warn_of_drift(const Context &context, const ActivePolicy &in_force,
                   const std::string &meaning) {
  if (in_force.from_kernel)
    warn_of_drift(context, in_force.files, in_force.rules, in_force.settings,
                  meaning);
}

void warn_of_drift(const Context &context, const RuleFiles &files,
                   const std::vector<std::string> &rules,
                   const Settings &settings, const std::string &meaning) {
  if (!files.errors.empty())
    return;
  const Drift drift = without_ended(drift_of(files, rules, settings));
  if (drift.empty())
    return;
  context.console.warning(
      fmt::format("the files differ from what is in force: {}{}{}",
                  drift_text(drift), meaning.empty() ? "" : "; ", meaning));
  context.console.hint("to see how, run: portaclctl diff");
}

bool is_locked(const ActivePolicy &in_force) {
  return in_force.from_kernel && in_force.settings.locked();
}

std::optional<KernelState> after_apply(const ActivePolicy &in_force) {
  const RuleFiles &files = in_force.files;
  if (!in_force.from_kernel || is_locked(in_force) || !files.errors.empty() ||
      drift_of(files, in_force.rules, in_force.settings).empty())
    return std::nullopt;
  KernelState state{.rules = files.numeric(), .settings = in_force.settings};
  for (const Setting setting : all_settings) {
    if (const Directive *directive = files.directive(setting))
      state.settings[setting] = directive->value;
  }
  return state;
}

void warn_of_namespace(const Context &context, const Settings &settings) {
  if (!context.options.root.empty() ||
      !in_other_network_namespace(context.root + "/proc"))
    return;
  const bool init = settings[Setting::scope] == "init";
  context.console.warning(fmt::format(
      "this process is in a network namespace of its own: {}the boundary {} of "
      "privileged ports is that of this network namespace",
      init ? "the answer is for the initial one, and with scope init no rule "
             "is asked here, but "
           : "",
      unprivileged_start(context)));
}

void warn_of_mode(const Context &context, const Settings &settings,
                  bool spared) {
  const std::string &mode = settings[Setting::mode];
  if (mode == "off")
    context.console.warning("mode is off: no rule has an effect");
  if (mode == "permissive" && spared)
    context.console.warning("mode is permissive: what rules refuse is only "
                            "logged and counted");
}

uint64_t unprivileged_start(const Context &context) {
  constexpr uint64_t usual = 1024;
  SysfsKernel sysctl(context.root + "/proc/sys/net/ipv4");
  const auto value = read_number(sysctl, "ip_unprivileged_port_start");
  return value ? *value : usual;
}

pacl_request make_request(const pacl_addr &address, uint8_t protocol,
                          uint16_t port, uint64_t unprivileged_start) {
  pacl_request request{};
  request.addr = address;
  request.now = clock_now();
  request.port = port;
  request.proto = protocol;
  request.privileged = port < unprivileged_start;
  return request;
}

} // namespace portacl
