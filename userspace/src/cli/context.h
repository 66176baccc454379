// SPDX-License-Identifier: GPL-2.0-only
// What every command works with.

#ifndef PORTACL_CLI_CONTEXT_H
#define PORTACL_CLI_CONTEXT_H

#include "cli/console.h"
#include "cli/options.h"
#include "lib/event_log.h"
#include "lib/kernel.h"
#include "lib/kmod.h"
#include "lib/names.h"
#include "lib/programs.h"
#include "lib/rule_files.h"
#include "lib/rule_words.h"
#include "lib/sockets.h"
#include "lib/sysctl.h"

namespace portacl {

struct Context {
  const Options &options;
  Console &console;
  Names &names;
  Kernel &kernel;
  Kmod &kmod;
  Sysctl &sysctl;
  Sockets &sockets;
  EventLog &events;
  Programs &programs;
  // Put before every path of a file; --root unless a test has its own.
  std::string root;
};

// Whether the kernel is to be asked: not under --root, not without the module.
Result<bool> kernel_in_use(const Context &context);

// Why the kernel cannot be asked, and what changes that: there is no module, or
// it was built in and this boot has left it out.
Error not_loaded_error(const Context &context);

// For commands that cannot do without.
Result<void> require_loaded(const Context &context);

Error usage(std::string message, std::string hint = {});

// Prints the error; its code is the exit status.
int fail(const Context &context, const Error &error);

// What the tool is run with; tests bring their own.
struct Machine {
  Terminal terminal;
  Kernel &kernel;
  Kmod &kmod;
  Sysctl &sysctl;
  Sockets &sockets;
  EventLog &events;
  Programs &programs;
  std::string root = {}; // where its files are
};

// Parses the command line and runs the command. Returns the exit status.
int run(const std::vector<std::string> &arguments, const Machine &machine);

} // namespace portacl

#endif
