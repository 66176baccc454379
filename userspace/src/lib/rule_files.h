// SPDX-License-Identifier: GPL-2.0-only
// The rules and settings that the policy files hold.

#ifndef PORTACL_LIB_RULE_FILES_H
#define PORTACL_LIB_RULE_FILES_H

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/name_record.h"
#include "lib/names.h"
#include "lib/result.h"
#include "lib/rule_words.h"
#include "lib/settings.h"

namespace portacl {

struct FileRule {
  std::string numeric; // canonical text
  std::string words;   // as written, canonical spacing
  uint32_t file = 0;   // index into RuleFiles::paths
  uint32_t line = 0;
};

// A longer line is none that anybody has written.
constexpr size_t max_line_bytes = 65536;

enum class NameState {
  known,    // by the number of the record, or in no record
  moved,    // to another number than that of the record
  kept,     // the lookup failed: the number of the record stands for it
  vanished, // in the record, and there is no such name any more
  unknown,  // in no record, and looked up in vain
};

// What became of a name in the files.
struct UsedName {
  NameState state = NameState::known;
  Result<uint32_t> id; // what its rules get
  std::optional<uint32_t> recorded;
  std::string trouble; // why the lookup failed
};

struct RuleFiles {
  std::vector<std::string> paths;
  std::vector<FileRule> rules;
  std::vector<Directive> directives;
  std::vector<Error> errors;
  // Rules without effect, as nobody must get what their name stood for; with
  // Reading::skip_unresolved all whose names stand for nothing.
  std::vector<Error> left_out;
  std::map<SubjectName, UsedName> names;
  // Why the record of names was not used, if it was not.
  std::optional<Error> bad_record;

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

struct Reading {
  bool skip_unresolved = false;
  // Not where names come from local files only: who is missing there has not
  // vanished.
  bool with_record = true;
  // Called now and then with lines done and lines to do of a file.
  std::function<void(size_t, size_t)> progress = {};
};

// Reads texts as if they were files; a bad line becomes an error and the rest
// is read. Names are held against the record.
class RuleReader final {
public:
  RuleReader(Names &names, const Result<NameRecord> &record,
             Reading reading = {});
  RuleReader(const RuleReader &) = delete;
  RuleReader &operator=(const RuleReader &) = delete;
  ~RuleReader() = default;

  void read(const std::string &path, std::string_view text);
  // A file that is an error as a whole.
  void add_error(Error error) { files_.errors.push_back(std::move(error)); }
  RuleFiles take() { return std::move(files_); }

private:
  Result<void> read_line(std::string_view line, uint32_t number);
  Result<uint32_t> id(const SubjectName &name);
  UsedName look_up(const SubjectName &name);
  void add(Error error, uint32_t number);
  void add_mistake(Error error);

  Names &names_;
  NameRecord record_;
  Reading reading_;
  IdLookup ids_;
  RuleFiles files_;
  const UsedName *missing_ = nullptr; // what the line names
  size_t mistakes_ = 0;
};

// All files in force, with the record of names; a file that is bad as a whole
// becomes an error, too.
RuleFiles read_rule_files(const std::string &root, Names &names,
                          Reading reading = {});

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
