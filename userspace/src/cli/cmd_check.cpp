// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/applying.h"
#include "cli/commands.h"
#include "cli/lint.h"
#include "cli/name_changes.h"
#include "lib/config_dirs.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Files of a checkout, say, whoever owns them.
RuleFiles read_named(const Context &context) {
  RuleReader reader(context.names, NameRecord::read(context.root),
                    reading_of(context));
  for (const std::string &file : context.options.words) {
    const bool standard_input = file == "-";
    auto text = standard_input ? context.console.input(max_config_bytes)
                               : read_any_file(file);
    if (text) {
      reader.read(standard_input ? "standard input" : file, *text);
      continue;
    }
    Error error = text.error();
    error.file = standard_input ? "" : file;
    reader.add_error(std::move(error));
  }
  return reader.take();
}

void warn_of_file_names(const std::vector<std::string> &paths,
                        std::vector<Error> &warnings) {
  for (const std::string &path : paths) {
    const std::string name = file_name(path);
    if (path != "standard input" &&
        (!name.ends_with(".conf") || name.starts_with('.')))
      warnings.push_back(
          {.code = Code::policy,
           .message = "would not be read in a policy directory: its name "
                      "does not end in .conf, or begins with a dot",
           .file = path});
  }
}

// On the machine that the files are for.
void warn_of_machine(const Context &context, const RuleFiles &files) {
  Applying applying{.files = files, .rules = files.numeric()};
  compare(applying, {});
  warn_of_too_much(context, applying);
}

Code worst(const std::vector<Error> &errors) {
  Code code = Code::done;
  for (const Error &error : errors)
    code = std::max(code, error.code);
  return code;
}

Json errors_json(const std::vector<Error> &errors) {
  Json list = Json::array();
  for (const Error &error : errors)
    list.push_back(error_json(error));
  return list;
}

int report(const Context &context, const RuleFiles &files,
           const std::vector<Error> &warnings) {
  for (const Error &error : files.errors)
    context.console.error(error);
  warn_of_names(context, files);
  for (const Error &warning : warnings)
    context.console.warning(warning);
  if (files.errors.empty())
    context.console.verdict(
        "ok", true,
        fmt::format("{}, {} in {}", counted(files.rules.size(), "rule"),
                    counted(files.directives.size(), "setting"),
                    counted(files.paths.size(), "file")));
  context.console.json("check", {{"files", files.paths},
                                 {"rules", files.rules.size()},
                                 {"settings", files.directives.size()},
                                 {"names", names_json(files)},
                                 {"left_out", left_out_json(files)},
                                 {"errors", errors_json(files.errors)},
                                 {"warnings", errors_json(warnings)}});
  return static_cast<int>(worst(files.errors));
}

} // namespace

int cmd_check(const Context &context) {
  const bool named = !context.options.words.empty();
  RuleFiles files =
      named ? read_named(context)
            : read_rule_files(context.root, context.names, reading_of(context));
  if (!named)
    note_hidden(context, find_config_files(context.root));
  if (const auto policy = Policy::make(files.numeric()); !policy)
    files.errors.push_back(policy.error());
  std::vector<Error> warnings;
  if (named)
    warn_of_file_names(files.paths, warnings);
  for (Error &error : lint_files(context, files))
    warnings.push_back(std::move(error));
  const int status = report(context, files, warnings);
  if (!named)
    warn_of_machine(context, files);
  return status;
}

} // namespace portacl
