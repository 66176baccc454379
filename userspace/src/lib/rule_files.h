// SPDX-License-Identifier: GPL-2.0-only
// The rules and settings that the policy files hold.

#ifndef PORTACL_LIB_RULE_FILES_H
#define PORTACL_LIB_RULE_FILES_H

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/names.h"
#include "lib/result.h"
#include "lib/settings.h"

namespace portacl {

struct FileRule {
  std::string numeric; // canonical text
  std::string words;   // as written, canonical spacing
  uint32_t file = 0;   // index into RuleFiles::paths
  uint32_t line = 0;
};

struct RuleFiles {
  std::vector<std::string> paths;
  std::vector<FileRule> rules;
  std::vector<Directive> directives;
  std::vector<Error> errors;

  // "FILE:LINE".
  std::string origin(const FileRule &rule) const;
  std::string origin(const Directive &directive) const;

  // The canonical texts of the rules, in the order of the files.
  std::vector<std::string> numeric() const;
  // The last of its kind, which wins; nullptr if there is none.
  const Directive *directive(Setting setting) const;
  // What the directives amount to, with defaults for the rest.
  Settings settings() const;
};

// All files in force; a bad line or file becomes an error and the rest is read.
RuleFiles read_rule_files(const std::string &root, Names &names);

// One text, as if it were the file at path.
void read_rules(RuleFiles &files, const std::string &path,
                std::string_view text, Names &names);

// The lines of a file's text whose rules have ended.
std::vector<uint32_t> ended_lines(std::string_view text, Names &names);

// Finds the rules of files by their canonical text.
class RuleIndex final {
public:
  explicit RuleIndex(const RuleFiles &files);
  // Empty when no file holds the rule.
  const std::vector<const FileRule *> &find(const std::string &numeric) const;

private:
  std::unordered_map<std::string_view, std::vector<const FileRule *>> rules_;
};

} // namespace portacl

#endif
