// SPDX-License-Identifier: GPL-2.0-only

#include "cli/name_changes.h"

#include <fmt/format.h>

#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *state_name(NameState state) {
  switch (state) {
  case NameState::moved:
    return "changed";
  case NameState::kept:
    return "lookup_failed";
  case NameState::vanished:
    return "vanished";
  case NameState::unknown:
    return "unknown";
  default:
    return "known";
  }
}

void write_if_changed(const Context &context, const NameRecord &before,
                      const NameRecord &record) {
  if (record == before)
    return;
  if (auto done = record.write(context.root); !done) {
    Error error = done.error();
    error.message += ", so that changed ids will not be noticed";
    context.console.warning(error);
  }
}

} // namespace

void warn_of_names(const Context &context, const RuleFiles &files) {
  // What not everybody may read is not missed.
  if (files.bad_record && files.bad_record->code != Code::permission) {
    Error error = *files.bad_record;
    error.message = "not used: " + error.message;
    context.console.warning(error);
  }
  for (const auto &[name, used] : files.names) {
    if (used.state == NameState::moved)
      context.console.warning(
          fmt::format("{} was {} at the last apply, is now {}", name.text(),
                      *used.recorded, *used.id));
    else if (used.state == NameState::kept)
      context.console.warning(
          fmt::format("{}; its number at the last apply stands for it: {}",
                      used.trouble, *used.recorded));
  }
  for (const Error &error : files.left_out)
    context.console.warning(error);
}

bool is_incomplete(const RuleFiles &files) {
  for (const auto &[name, used] : files.names) {
    if (used.state == NameState::kept)
      return true;
  }
  return !files.left_out.empty();
}

Json names_json(const RuleFiles &files) {
  Json names = Json::array();
  for (const auto &[name, used] : files.names) {
    if (used.state == NameState::known)
      continue;
    const bool resolved = used.state == NameState::moved;
    names.push_back(
        {{"kind", name.is_group ? "group" : "user"},
         {"name", name.name},
         {"state", state_name(used.state)},
         {"recorded", used.recorded ? Json(*used.recorded) : Json()},
         {"now", resolved ? Json(*used.id) : Json()}});
  }
  return names;
}

Json left_out_json(const RuleFiles &files) {
  Json rules = Json::array();
  for (const Error &error : files.left_out)
    rules.push_back(error_json(error));
  return rules;
}

void record_names(const Context &context, const RuleFiles &files) {
  // One that is not to be trusted is written anew.
  const auto before = NameRecord::read(context.root);
  NameRecord record;
  for (const auto &[name, used] : files.names) {
    const bool found =
        used.state == NameState::known || used.state == NameState::moved;
    // Who has vanished stays vanished, or his name would be a mistake that
    // keeps all other rules out.
    if (found)
      record.set(name, *used.id);
    else if (used.recorded)
      record.set(name, *used.recorded);
  }
  write_if_changed(context, before ? *before : NameRecord(), record);
}

bool record_name(const Context &context, const WrittenRule &rule) {
  if (!rule.name)
    return true;
  const auto before = NameRecord::read(context.root);
  if (!before) {
    context.console.warning(before.error());
    return true;
  }
  const uint32_t former = before->find(*rule.name).value_or(rule.rule.id);
  // Until apply has put all of its rules right, the record must tell.
  if (former != rule.rule.id) {
    context.console.warning(fmt::format(
        "{} was {} at the last apply, is now {}: other rules may be in force "
        "for {}",
        rule.name->text(), former, rule.rule.id, former));
    context.console.hint("to put them right, run: portaclctl apply");
    return false;
  }
  NameRecord record = *before;
  record.set(*rule.name, rule.rule.id);
  write_if_changed(context, *before, record);
  return true;
}

} // namespace portacl
