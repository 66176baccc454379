// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_files.h"

#include <fmt/format.h>

#include "lib/config_dirs.h"
#include "lib/rule_words.h"

namespace portacl {

std::string RuleFiles::origin(const FileRule &rule) const {
  return fmt::format("{}:{}", paths[rule.file], rule.line);
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
    auto rule = parse_rule(line, names);
    if (!rule) {
      Error error = rule.error();
      if (error.code == Code::usage)
        error.code = Code::policy;
      error.file = path;
      error.line = number;
      files.errors.push_back(std::move(error));
    } else if (*rule) {
      files.rules.push_back(
          {(*rule)->numeric, std::move((*rule)->words), file, number});
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
