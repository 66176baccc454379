// SPDX-License-Identifier: GPL-2.0-only

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "cli/commands.h"
#include "lib/config_dirs.h"
#include "lib/kernel_files.h"
#include "uapi/portacl.h"
#include "version.h"

namespace portacl {

namespace {

struct Command {
  std::string_view name;
  int (*run)(const Context &);
};

constexpr std::array commands = {
    Command{"status", cmd_status},   Command{"list", cmd_list},
    Command{"query", cmd_query},     Command{"explain", cmd_explain},
    Command{"who", cmd_who},         Command{"ports", cmd_ports},
    Command{"log", cmd_log},         Command{"suggest", cmd_suggest},
    Command{"stats", cmd_stats},     Command{"doctor", cmd_doctor},
    Command{"import", cmd_import},   Command{"allow", cmd_allow},
    Command{"deny", cmd_allow},      Command{"reserve", cmd_allow},
    Command{"remove", cmd_remove},   Command{"check", cmd_check},
    Command{"diff", cmd_diff},       Command{"apply", cmd_apply},
    Command{"flush", cmd_flush},     Command{"cat-config", cmd_cat_config},
    Command{"mode", cmd_setting},    Command{"strict", cmd_setting},
    Command{"scope", cmd_setting},   Command{"lock", cmd_lock},
    Command{"load", cmd_load},       Command{"unload", cmd_unload},
    Command{"version", cmd_version},
};

int dispatch(const Options &options, Console &console, const Machine &machine) {
  const std::string &root = options.root.empty() ? machine.root : options.root;
  if (!options.root.empty()) {
    if (auto fine = check_tree(options.root); !fine) {
      console.error(fine.error());
      return static_cast<int>(fine.error().code);
    }
  }
  Names names(root, options.boot ? NameSources::local : NameSources::all);
  ProcSysctl rooted(options.root + "/proc/sys/net/ipv4");
  ProcSockets rooted_sockets(options.root + "/proc");
  NoPrograms no_programs;
  const Context context{
      .options = options,
      .console = console,
      .names = names,
      .kernel = machine.kernel,
      .kmod = machine.kmod,
      .sysctl = options.root.empty() ? machine.sysctl : rooted,
      .sockets = options.root.empty() ? machine.sockets : rooted_sockets,
      .events = machine.events,
      .programs = options.root.empty() ? machine.programs : no_programs,
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

Error not_loaded_error(const Context &context) {
  if (!is_built_in(context.root, PORTACL_MODULE))
    return {.code = Code::not_loaded,
            .message = "the portacl module is not loaded",
            .hint = "to load it, run: portaclctl load"};
  return {.code = Code::not_loaded,
          .message = "portacl is built into this kernel, but not switched on: "
                     "this boot's list of security modules lacks it",
          .hint =
              fmt::format("to switch it on, boot with lsm={} on the kernel "
                          "command line",
                          security_modules_with(context.root, PORTACL_MODULE))};
}

Result<void> require_loaded(const Context &context) {
  const auto loaded = is_loaded(context.kernel);
  if (!loaded)
    return loaded.error();
  if (!*loaded)
    return not_loaded_error(context);
  return {};
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
