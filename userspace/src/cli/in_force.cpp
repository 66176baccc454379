// SPDX-License-Identifier: GPL-2.0-only

#include "cli/in_force.h"

#include "lib/times.h"

namespace portacl {

Result<KernelState> read_kernel_state(const Context &context) {
  auto policy = read_policy(context.kernel);
  if (!policy)
    return policy.error();
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return settings.error();
  return KernelState{.rules = std::move(policy->rules), .settings = *settings};
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
    context.console.warning("the portacl module is not loaded: this is what "
                            "the files say, not what is in force");
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
