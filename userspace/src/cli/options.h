// SPDX-License-Identifier: GPL-2.0-only
// The command line.

#ifndef PORTACL_CLI_OPTIONS_H
#define PORTACL_CLI_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

#include "cli/console.h"
#include "lib/result.h"

namespace portacl {

struct Options {
  bool dry_run = false;
  bool quiet = false;
  bool verbose = false;
  bool yes = false;
  bool no_legend = false;
  bool numeric = false;
  bool runtime = false;
  bool force = false;
  bool version = false;
  JsonStyle json = JsonStyle::off;
  Color color = Color::automatic;
  std::string root;

  std::string command;            // "status" when none was given
  std::vector<std::string> words; // the arguments
  uint64_t duration = 0;          // of --for, in seconds; 0 without it

  bool boot = false;            // of apply
  bool skip_unresolved = false; // of apply, load and check
  uint64_t confirm = 0;         // of apply, in seconds; 0 without it
  std::string replace;          // of apply: a file or "-"; empty without it
  bool close = false;           // of remove

  bool tcp_only = false;  // of import
  std::string prometheus; // of stats: a file or "-"; empty without it

  bool follow = false; // of log
  uint64_t lines = 20; // of log

  std::string source; // of list: "kernel", "files" or empty
  std::string format; // of list: "table" or "rules"
  std::string user;
  std::string port;

  std::string help; // to be printed instead of running the command
};

// Fills options as far as it gets, so that an error can be shown as asked for.
Result<void> parse_options(const std::vector<std::string> &arguments,
                           Options &options);

} // namespace portacl

#endif
