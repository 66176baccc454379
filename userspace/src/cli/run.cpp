// SPDX-License-Identifier: GPL-2.0-only

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "cli/commands.h"
#include "version.h"

namespace portacl {

namespace {

struct Command {
  std::string_view name;
  int (*run)(const Context &);
};

constexpr std::array<Command, 14> commands = {{{"status", cmd_status},
                                               {"list", cmd_list},
                                               {"query", cmd_query},
                                               {"allow", cmd_allow},
                                               {"deny", cmd_allow},
                                               {"reserve", cmd_allow},
                                               {"remove", cmd_remove},
                                               {"mode", cmd_setting},
                                               {"strict", cmd_setting},
                                               {"scope", cmd_setting},
                                               {"lock", cmd_lock},
                                               {"load", cmd_load},
                                               {"unload", cmd_unload},
                                               {"version", cmd_version}}};

int dispatch(const Options &options, Console &console, const Machine &machine) {
  const std::string &root = options.root.empty() ? machine.root : options.root;
  Names names(root);
  ProcSysctl rooted(options.root + "/proc/sys/net/ipv4");
  const Context context{.options = options,
                        .console = console,
                        .names = names,
                        .kernel = machine.kernel,
                        .kmod = machine.kmod,
                        .sysctl =
                            options.root.empty() ? machine.sysctl : rooted,
                        .root = root};
  for (const Command &command : commands) {
    if (command.name == options.command)
      return command.run(context);
  }
  return fail(context, usage("unknown command"));
}

} // namespace

Result<bool> kernel_in_use(const Context &context) {
  if (!context.options.root.empty())
    return false;
  return is_loaded(context.kernel);
}

Error usage(std::string message, std::string hint) {
  return {.code = Code::usage,
          .message = std::move(message),
          .hint = std::move(hint)};
}

int fail(const Context &context, const Error &error) {
  context.console.error(error);
  return static_cast<int>(error.code);
}

int run(const std::vector<std::string> &arguments, const Machine &machine) {
  Options options;
  const auto parsed = parse_options(arguments, options);
  Console console(machine.terminal, options.json, options.color, options.quiet);
  int status = 0;
  if (!parsed) {
    console.error(parsed.error());
    console.try_help(options.command);
    status = static_cast<int>(parsed.error().code);
  } else if (!options.help.empty()) {
    machine.terminal.out << options.help;
  } else if (options.version) {
    machine.terminal.out << "portaclctl " PORTACL_VERSION "\n";
  } else {
    status = dispatch(options, console, machine);
  }
  if (!console.finish()) {
    machine.terminal.err << "portaclctl: cannot write to standard output\n";
    return static_cast<int>(Code::system);
  }
  return status;
}

} // namespace portacl
