// SPDX-License-Identifier: GPL-2.0-only

#include "cli/describe.h"

#include <array>

#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/shell_words.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

std::string subject_name(const Context &context, const pacl_rule &rule) {
  if (rule.kind == PACL_GROUP)
    return context.names.group_name(rule.id);
  const auto user = context.names.user(rule.id);
  return user ? user->name : "";
}

// "192.0.2.0/24", empty for a rule that is for every address.
std::string prefix_text(const pacl_rule &rule) {
  pacl_rule timeless = rule;
  timeless.until = 0;
  const std::string terms = rule_columns(rule_text(timeless)).terms;
  return terms.substr(terms.find(' ') + 1);
}

} // namespace

std::string describe_subject(const Context &context, const pacl_rule &rule) {
  if (rule.kind == PACL_ANY)
    return "anybody";
  if (rule.kind == PACL_EACH)
    return fmt::format("each uid from {} to {}", rule.id, rule.last_id);
  const bool is_group = rule.kind == PACL_GROUP;
  const char *id = is_group ? "gid" : "uid";
  const std::string name =
      context.options.numeric ? "" : subject_name(context, rule);
  if (name.empty())
    return fmt::format("{} {}", id, rule.id);
  return fmt::format("{} {} ({} {})", is_group ? "group" : "user",
                     printable(name), id, rule.id);
}

std::string describe_ports(const pacl_rule &rule) {
  const bool any_transport = rule.proto == PACL_PROTO_ANY;
  std::string ports = rule_columns(rule_text(rule)).ports;
  if (rule.kind == PACL_EACH)
    ports = fmt::format(
        "{} of {}-{}{}", counted(rule.each, "port"), rule.range[0].lo,
        rule.range[0].hi,
        any_transport ? "" : fmt::format("/{}", pacl_proto_name(rule.proto)));
  if (any_transport)
    ports += ", any transport";
  if (rule.on != 0)
    ports +=
        fmt::format("{} on {}", any_transport ? "," : "", prefix_text(rule));
  return ports;
}

std::string describe_rule(const Context &context, const pacl_rule &rule) {
  if (rule.action == PACL_RESERVE)
    return fmt::format("{}{} is only for those whom a rule allows",
                       describe_ports(rule),
                       rule.proto == PACL_PROTO_ANY ? "," : "");
  const bool deny = rule.action == PACL_DENY;
  if (deny && rule.kind == PACL_ANY)
    return "nobody may bind " + describe_ports(rule);
  return fmt::format("{} may{} bind {}", describe_subject(context, rule),
                     deny ? " not" : "", describe_ports(rule));
}

std::string action_name(const pacl_rule &rule) {
  return rule_columns(rule_text(rule)).action;
}

std::string action_does(const pacl_rule &rule) {
  constexpr std::array<const char *, PACL_ACTIONS> does = {"allows", "denies",
                                                           "reserves"};
  return does.at(rule.action);
}

std::string action_done(const pacl_rule &rule) {
  constexpr std::array<const char *, PACL_ACTIONS> done = {"allowed", "denied",
                                                           "reserved"};
  return done.at(rule.action);
}

std::string address_text(const pacl_addr &address) {
  std::array<char, PACL_MAX_ADDR_TEXT> buffer{};
  const size_t length = pacl_format_addr(address, buffer.data(), buffer.size());
  return {buffer.data(), length};
}

std::string show_rule(const Context &context, const std::string &numeric,
                      bool &unresolved) {
  unresolved = false;
  if (context.options.numeric)
    return line_of_columns(with_dates(rule_columns(numeric)));
  return with_names(numeric, context.names, unresolved);
}

std::string shell_command(const std::string &verb, const std::string &rule) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_./:,+@%- ";
  std::string command = "portaclctl";
  if (!verb.empty())
    command += " " + verb;
  if (rule.find_first_not_of(plain) == std::string::npos)
    return command + " " + rule;
  // Without a verb the action is the command.
  const size_t from = verb.empty() ? rule.find(' ') + 1 : 0;
  if (from != 0)
    command += " " + rule.substr(0, from - 1);
  return command + " " + shell_word(rule.substr(from));
}

Json subject_json(const Context &context, const pacl_rule &rule) {
  Json value;
  switch (rule.kind) {
  case PACL_USER:
  case PACL_GROUP: {
    const char *kind = rule.kind == PACL_USER ? "user" : "group";
    const std::string name = subject_name(context, rule);
    value["subject"] = kind;
    value[kind] = name.empty() ? Json(nullptr) : Json(name);
    value[rule.kind == PACL_USER ? "uid" : "gid"] = rule.id;
    break;
  }
  case PACL_EACH:
    value["subject"] = "each";
    value["first_uid"] = rule.id;
    value["last_uid"] = rule.last_id;
    value["ports_per_uid"] = rule.each;
    break;
  case PACL_NOBODY:
    value["subject"] = nullptr;
    break;
  default:
    value["subject"] = "any";
  }
  return value;
}

Json rule_json(const Context &context, const std::string &numeric) {
  const pacl_rule rule = rule_from_text(numeric);
  bool unresolved = false;
  Json value = {{"rule", with_names(numeric, context.names, unresolved)},
                {"action", action_name(rule)}};
  value.update(subject_json(context, rule));
  Json ports = Json::array();
  for (unsigned i = 0; i < rule.count; i++)
    ports.push_back({{"first", rule.range[i].lo}, {"last", rule.range[i].hi}});
  value["ports"] = ports;
  value["protocol"] = pacl_proto_name(rule.proto);
  value["prefix"] = rule.on != 0 ? Json(prefix_text(rule)) : Json(nullptr);
  value["until"] = rule.until != 0 ? Json(iso_time(rule.until)) : Json(nullptr);
  value["ended"] = has_ended(rule);
  return value;
}

Json origins_json(const RuleFiles &files,
                  const std::vector<const FileRule *> &rules) {
  Json origins = Json::array();
  for (const FileRule *rule : rules)
    origins.push_back(
        {{"file", files.paths[rule->file]}, {"line", rule->line}});
  return origins;
}

std::string first_origin(const RuleFiles &files,
                         const std::vector<const FileRule *> &rules) {
  if (!rules.empty())
    return files.origin(*rules.front());
  return files.errors.empty() ? "(kernel only)"
                              : "(kernel; in no file that can be read)";
}

Result<WrittenRule> rule_of_words(const Context &context,
                                  const std::vector<std::string> &words) {
  auto rule = parse_rule(line_of_arguments(words), context.names);
  if (!rule)
    return rule.error();
  if (!*rule)
    return usage("no rule given", "for example: portaclctl allow web 443");
  for (const std::string &resolved : (*rule)->resolved)
    context.console.note(resolved);
  return std::move(**rule);
}

} // namespace portacl
