// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_files.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/config_dirs.h"
#include "lib/policy.h"
#include "lib/rule_words.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

// So many lines are read in no time.
constexpr uint32_t lines_per_step = 4096;

// Takes the first line off a text.
std::string_view take_line(std::string_view &text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

} // namespace

std::string RuleFiles::origin(const FileRule &rule) const {
  return fmt::format("{}:{}", printable(paths[rule.file]), rule.line);
}

std::string RuleFiles::origin(const Directive &directive) const {
  return fmt::format("{}:{}", printable(paths[directive.file]), directive.line);
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

RuleReader::RuleReader(Names &names, const Result<NameRecord> &record,
                       Reading reading)
    : names_(names), reading_(std::move(reading)),
      ids_([this](const SubjectName &name) { return id(name); }) {
  if (record)
    record_ = *record;
  else
    files_.bad_record = record.error();
}

UsedName RuleReader::look_up(const SubjectName &name) {
  auto found = name.is_group ? names_.gid(name.name) : names_.uid(name.name);
  UsedName used{
      .id = std::move(found), .recorded = record_.find(name), .trouble = {}};
  if (used.id) {
    if (used.recorded && *used.recorded != *used.id)
      used.state = NameState::moved;
  } else if (!used.recorded) {
    used.state = NameState::unknown;
  } else if (used.id.error().code == Code::policy) {
    used.state = NameState::vanished;
    used.id.error().message =
        fmt::format("{} was {} at the last apply and does not exist any more: "
                    "the rule is left out",
                    name.text(), *used.recorded);
    used.id.error().hint.clear();
  } else {
    used.state = NameState::kept;
    used.trouble = used.id.error().message;
    used.id = *used.recorded;
  }
  return used;
}

Result<uint32_t> RuleReader::id(const SubjectName &name) {
  auto known = files_.names.find(name);
  if (known == files_.names.end())
    known = files_.names.emplace(name, look_up(name)).first;
  if (!known->second.id)
    missing_ = &known->second;
  return known->second.id;
}

Result<void> RuleReader::read_line(std::string_view line, uint32_t number) {
  const auto file = static_cast<uint32_t>(files_.paths.size() - 1);
  if (line.size() > max_line_bytes)
    return Error{
        .code = Code::policy,
        .message = fmt::format("line is longer than {} bytes", max_line_bytes),
        .column = max_line_bytes + 1};
  auto directive = parse_directive(line);
  if (!directive)
    return directive.error();
  if (*directive) {
    (*directive)->file = file;
    (*directive)->line = number;
    files_.directives.push_back(std::move(**directive));
    return {};
  }
  auto rule = parse_rule(line, names_, ids_);
  if (!rule)
    return rule.error();
  if (*rule)
    files_.rules.push_back(
        {std::move((*rule)->numeric), std::move((*rule)->words), file, number});
  return {};
}

// Nobody reads them all, and memory has an end.
void RuleReader::add_mistake(Error error) {
  constexpr size_t most_mistakes = 1000;
  if (++mistakes_ <= most_mistakes)
    files_.errors.push_back(std::move(error));
  else if (mistakes_ == most_mistakes + 1)
    files_.errors.back().message += "; there are more mistakes behind it";
}

void RuleReader::add(Error error, uint32_t number) {
  const bool unresolved = error.errnum != 0;
  const bool vanished =
      missing_ != nullptr && missing_->state == NameState::vanished;
  if (error.code == Code::usage)
    error.code = Code::policy;
  error.file = files_.paths.back();
  error.line = number;
  if (!unresolved || (!vanished && !reading_.skip_unresolved)) {
    add_mistake(std::move(error));
    return;
  }
  if (!vanished)
    error.message += ": the rule is left out";
  files_.left_out.push_back(std::move(error));
}

void RuleReader::read(const std::string &path, std::string_view text) {
  files_.paths.push_back(path);
  const auto lines = static_cast<size_t>(std::ranges::count(text, '\n'));
  uint32_t number = 0;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    missing_ = nullptr;
    if (auto done = read_line(line, ++number); !done)
      add(done.error(), number);
    if (reading_.progress && number % lines_per_step == 0)
      reading_.progress(number, lines);
  }
  if (reading_.progress)
    reading_.progress(lines, lines);
}

RuleFiles read_rule_files(const std::string &root, Names &names,
                          Reading reading) {
  const auto record =
      reading.with_record ? NameRecord::read(root) : NameRecord();
  RuleReader reader(names, record, std::move(reading));
  ConfigFiles found = find_config_files(root);
  for (Error &error : found.errors)
    reader.add_error(std::move(error));
  for (const std::string &path : found.paths) {
    if (const auto text = read_config_file(root, path))
      reader.read(path, *text);
    else
      reader.add_error(text.error());
  }
  return reader.take();
}

std::vector<uint32_t> ended_lines(std::string_view text, Names &names) {
  // A clock that was ahead for a moment takes nothing away.
  constexpr uint64_t day = uint64_t{24} * 60 * 60;
  const uint64_t now = clock_now().wall;
  RuleReader reader(names, NameRecord());
  reader.read({}, text);
  std::vector<uint32_t> lines;
  for (const FileRule &rule : reader.take().rules) {
    const uint64_t until = rule_from_text(rule.numeric).until;
    if (until != 0 && until + day < now)
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
