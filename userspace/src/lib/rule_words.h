// SPDX-License-Identifier: GPL-2.0-only
// Rules as people write them, with names and quotes, to rules with numbers and
// back. Syntax is the engine's business: names are replaced by numbers, the
// engine parses, and the place of an error is mapped back.

#ifndef PORTACL_LIB_RULE_WORDS_H
#define PORTACL_LIB_RULE_WORDS_H

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/engine.h"
#include "lib/name_record.h"
#include "lib/names.h"
#include "lib/result.h"

namespace portacl {

struct Word {
  std::string text; // without quotes
  size_t begin = 0; // bytes of the line
  size_t end = 0;
  bool quoted = false;
};

struct WrittenRule {
  pacl_rule rule{};
  std::string numeric; // canonical text
  std::string words;   // as written, one blank between words, "user" spelt out
  std::optional<SubjectName> name;   // of the subject, unless it is a number
  std::vector<std::string> resolved; // what services became: "ssh is 22/tcp"
};

// The words of a line, up to a comment.
Result<std::vector<Word>> split_words(std::string_view line);

// The id of a user or a group; for callers who do not take it as it is.
using IdLookup = std::function<Result<uint32_t>(const SubjectName &)>;

// Parses one line; empty for a blank line or a comment. Errors carry the
// column, and Code::usage for syntax, Code::policy for names. Exactly those of
// names that stand for nothing, or whose lookup failed, have an errno.
Result<std::optional<WrittenRule>>
parse_rule(std::string_view line, Names &names, const IdLookup &ids = {});

// The line that shell arguments amount to. A single argument with blanks is a
// whole line.
std::string line_of_arguments(const std::vector<std::string> &arguments);

// "name", quoted if it could be taken for something else.
std::string quote_name(const std::string &name);

// The words of a line with one blank between them and "user" spelt out, whether
// it is a rule or not; empty if it has no words.
std::string spelt_out(std::string_view line);

// A rule's canonical text with names where ids have one and with dates.
// unresolved is set when an id has none.
std::string with_names(const std::string &numeric, Names &names,
                       bool &unresolved);

// A canonical or written rule in its parts.
struct RuleColumns {
  std::string action;
  std::string subject; // empty for a reservation
  std::string ports;
  std::string terms; // "on PREFIX until TIME", as far as there are any
};
RuleColumns rule_columns(const std::string &rule);
std::string line_of_columns(const RuleColumns &columns);

// With the seconds of an "until" as a date.
RuleColumns with_dates(RuleColumns columns);

} // namespace portacl

#endif
