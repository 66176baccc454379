// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_files.h"

#include <fmt/format.h>

#include "lib/config_dirs.h"
#include "lib/policy.h"
#include "lib/rule_words.h"

namespace portacl {

namespace {

Result<void> read_line(RuleFiles &files, std::string_view line, uint32_t file,
                       uint32_t number, Names &names) {
  auto directive = parse_directive(line);
  if (!directive)
    return directive.error();
  if (*directive) {
    (*directive)->file = file;
    (*directive)->line = number;
    files.directives.push_back(std::move(**directive));
    return {};
  }
  auto rule = parse_rule(line, names);
  if (!rule)
    return rule.error();
  if (*rule)
    files.rules.push_back(
        {std::move((*rule)->numeric), std::move((*rule)->words), file, number});
  return {};
}

} // namespace

std::string RuleFiles::origin(const FileRule &rule) const {
  return fmt::format("{}:{}", paths[rule.file], rule.line);
}

std::string RuleFiles::origin(const Directive &directive) const {
  return fmt::format("{}:{}", paths[directive.file], directive.line);
}

std::vector<std::string> RuleFiles::numeric() const {
  std::vector<std::string> texts;
  texts.reserve(rules.size());
  for (const FileRule &rule : rules)
    texts.push_back(rule.numeric);
  return texts;
}

const Directive *RuleFiles::directive(Setting setting) const {
  const Directive *last = nullptr;
  for (const Directive &directive : directives) {
    if (directive.setting == setting)
      last = &directive;
  }
  return last;
}

Settings RuleFiles::settings() const {
  Settings settings;
  for (const Directive &directive : directives)
    settings[directive.setting] = directive.value;
  return settings;
}

void read_rules(RuleFiles &files, const std::string &path,
                std::string_view text, Names &names) {
  const auto file = static_cast<uint32_t>(files.paths.size());
  files.paths.push_back(path);
  uint32_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    number++;
    if (auto read = read_line(files, line, file, number, names); !read) {
      Error error = read.error();
      if (error.code == Code::usage)
        error.code = Code::policy;
      error.file = path;
      error.line = number;
      files.errors.push_back(std::move(error));
    }
  }
}

RuleFiles read_rule_files(const std::string &root, Names &names) {
  RuleFiles files;
  ConfigFiles found = find_config_files(root);
  files.errors = std::move(found.errors);
  for (const std::string &path : found.paths) {
    if (const auto text = read_config_file(root, path))
      read_rules(files, path, *text, names);
    else
      files.errors.push_back(text.error());
  }
  return files;
}

std::vector<uint32_t> ended_lines(std::string_view text, Names &names) {
  RuleFiles files;
  read_rules(files, {}, text, names);
  std::vector<uint32_t> lines;
  for (const FileRule &rule : files.rules) {
    if (has_ended(rule_from_text(rule.numeric)))
      lines.push_back(rule.line);
  }
  return lines;
}

RuleIndex::RuleIndex(const RuleFiles &files) {
  for (const FileRule &rule : files.rules)
    rules_[rule.numeric].push_back(&rule);
}

const std::vector<const FileRule *> &
RuleIndex::find(const std::string &numeric) const {
  static const std::vector<const FileRule *> none;
  const auto found = rules_.find(numeric);
  return found == rules_.end() ? none : found->second;
}

} // namespace portacl
