// SPDX-License-Identifier: GPL-2.0-only
// What other ways of opening ports allow on this machine, as rules.

#ifndef PORTACL_CLI_IMPORT_H
#define PORTACL_CLI_IMPORT_H

#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/authbind.h"

namespace portacl {

// A rule that says what another system says. Those that follow each other and
// have the same origin and remarks are printed below one comment.
struct ImportedRule {
  // In the language of the files, "allow user web 80"; ids become names when it
  // is printed.
  std::string rule;
  std::string origin; // "/etc/authbind/byport/80", "nft: ip nat prerouting"
  // Each printed as a comment in front of the rule.
  std::vector<std::string> remarks = {};
  // Otherwise printed as a comment, for the administrator to decide.
  bool active = true;
};

// What to do by hand once the rules are in force, and why.
struct ImportStep {
  std::string what;         // "take the capability from /usr/bin/node"
  std::string command = {}; // for a shell, or empty
  std::string file = {};    // with the content that it is to have, or empty
  std::string content = {}; // lines, each ended by a newline
};

struct Imported {
  // About all of the rules, each a comment in front of them.
  std::vector<std::string> notes = {};
  std::vector<ImportedRule> rules = {};
  std::vector<ImportStep> steps = {};
  // What cannot be said in rules, with its place where it has one.
  std::vector<Error> warnings = {};
};

// Each reads what it has its name from, from the machine or below --root, or
// from what options.words name behind the first. Errors are those of reading;
// nothing found is no error.
Result<Imported> import_authbind(const Context &context);
Result<Imported> import_mac_portacl(const Context &context);
Result<Imported> import_setcap(const Context &context);
Result<Imported> import_systemd(const Context &context);
Result<Imported> import_sysctl(const Context &context);
Result<Imported> import_nat(const Context &context);

// What the files of authbind say, as rules with numbers.
Imported authbind_rules(const Authbind &authbind, Names &names, bool tcp_only);

} // namespace portacl

#endif
