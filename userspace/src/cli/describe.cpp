// SPDX-License-Identifier: GPL-2.0-only

#include "cli/describe.h"

#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

std::string subject_name(const Context &context, const pacl_rule &rule) {
  if (rule.kind == PACL_GROUP)
    return context.names.group_name(rule.id);
  const auto user = context.names.user(rule.id);
  return user ? user->name : "";
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
  const char *protocol =
      rule.proto == PACL_PROTO_ANY ? nullptr : pacl_proto_name(rule.proto);
  std::string ports;
  if (rule.kind == PACL_EACH) {
    ports = fmt::format("{} of {}-{}", counted(rule.each, "port"),
                        rule.range[0].lo, rule.range[0].hi);
    return protocol == nullptr ? ports + ", any transport"
                               : fmt::format("{}/{}", ports, protocol);
  }
  ports = rule_columns(rule_text(rule)).ports;
  return protocol == nullptr ? ports + ", any transport" : ports;
}

std::string describe_rule(const Context &context, const pacl_rule &rule) {
  return fmt::format("{} may bind {}", describe_subject(context, rule),
                     describe_ports(rule));
}

std::string show_rule(const Context &context, const std::string &numeric,
                      bool &unresolved) {
  unresolved = false;
  return context.options.numeric
             ? numeric
             : with_names(numeric, context.names, unresolved);
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
  default:
    value["subject"] = "any";
  }
  return value;
}

Json rule_json(const Context &context, const std::string &numeric) {
  const pacl_rule rule = rule_from_text(numeric);
  bool unresolved = false;
  Json value = {{"rule", with_names(numeric, context.names, unresolved)},
                {"action", "allow"}};
  value.update(subject_json(context, rule));
  Json ports = Json::array();
  for (unsigned i = 0; i < rule.count; i++)
    ports.push_back({{"first", rule.range[i].lo}, {"last", rule.range[i].hi}});
  value["ports"] = ports;
  value["protocol"] = pacl_proto_name(rule.proto);
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
  return rules.empty() ? "(kernel only)" : files.origin(*rules.front());
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
