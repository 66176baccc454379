// SPDX-License-Identifier: GPL-2.0-only
// Rules and places in words and in JSON.

#ifndef PORTACL_CLI_DESCRIBE_H
#define PORTACL_CLI_DESCRIBE_H

#include <string>
#include <vector>

#include "cli/context.h"

namespace portacl {

// "user web (uid 1001)", "anybody", ...
std::string describe_subject(const Context &context, const pacl_rule &rule);

// "443, any transport", "80,443/tcp on 192.0.2.1".
std::string describe_ports(const pacl_rule &rule);

// "user web (uid 1001) may bind 443, any transport".
std::string describe_rule(const Context &context, const pacl_rule &rule);

// "allow", "allows" and "allowed".
std::string action_name(const pacl_rule &rule);
std::string action_does(const pacl_rule &rule);
std::string action_done(const pacl_rule &rule);

// "192.0.2.1", "::".
std::string address_text(const pacl_addr &address);

// The rule in the language, with names unless --numeric.
std::string show_rule(const Context &context, const std::string &numeric,
                      bool &unresolved);

// "portaclctl VERB RULE" for a shell, where names may hold anything: what is
// not plain becomes one quoted argument. The verb may be empty; the rule begins
// with its action.
std::string shell_command(const std::string &verb, const std::string &rule);

Json subject_json(const Context &context, const pacl_rule &rule);
Json rule_json(const Context &context, const std::string &numeric);
Json origins_json(const RuleFiles &files,
                  const std::vector<const FileRule *> &rules);

// "FILE:LINE" and "(kernel only)" if there is none.
std::string first_origin(const RuleFiles &files,
                         const std::vector<const FileRule *> &rules);

// Parses the words of the command line as a rule; says what services became.
Result<WrittenRule> rule_of_words(const Context &context,
                                  const std::vector<std::string> &words);

} // namespace portacl

#endif
