// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/census.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "lib/engine.h"
#include "lib/table.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Names in one field of the table; --json has all.
constexpr size_t most_names = 4;

// Lines between two reports.
constexpr size_t naming_step = 1000;

// The three that the language has a word for.
const std::vector<uint8_t> every_protocol = {PACL_PROTO_TCP, PACL_PROTO_UDP,
                                             PACL_PROTO_SCTP};

Result<AskedPort> make_port(const Context &context) {
  std::vector<std::string> words = {"allow", "any"};
  words.insert(words.end(), context.options.words.begin(),
               context.options.words.end());
  if (words.size() == 2)
    return usage("say which port", "for example: portaclctl who 443/tcp");
  const std::vector<std::string> &given = context.options.words;
  if (given.size() > 1 && given[1] != "on" && given[1] != "until")
    return usage("who takes a port, and an address behind 'on'",
                 "for one subject, run: portaclctl query SUBJECT PORT");
  if (words.size() == 3)
    words = {"allow any " + words[2]};
  const auto parsed = rule_of_words(context, words);
  if (!parsed)
    return parsed.error();
  const pacl_rule &rule = parsed->rule;
  if (auto fine = check_one_port(context, rule); !fine)
    return fine.error();
  AskedPort port{
      .number = rule.range[0].lo, .protocols = {rule.proto}, .address = {}};
  if (rule.proto == PACL_PROTO_ANY)
    port.protocols = every_protocol;
  if (rule.on != 0)
    port.address = rule.prefix;
  return port;
}

std::string some_of(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < most_names; i++)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > most_names)
    text += fmt::format(" and {} more", names.size() - most_names);
  return text;
}

// "443" for every transport, else "443/tcp, 443/udp".
std::string ports_text(const AskedPort &port, const Holder &holder) {
  if (holder.protocols == every_protocol)
    return std::to_string(port.number);
  std::vector<std::string> texts;
  for (const uint8_t protocol : holder.protocols)
    texts.push_back(
        fmt::format("{}/{}", port.number, pacl_proto_name(protocol)));
  return some_of(texts);
}

std::string subject_text(const Context &context, const Holder &holder) {
  pacl_rule alone{};
  alone.kind = holder.subject.kind;
  alone.id = holder.subject.id;
  alone.last_id = alone.id;
  alone.count = 1;
  alone.range[0] = {1, 1};
  bool unresolved = false;
  std::string text =
      rule_columns(show_rule(context, rule_text(alone), unresolved)).subject;
  if (alone.kind != PACL_GROUP || context.options.numeric)
    return text;
  std::vector<std::string> members;
  for (const std::string &member : context.names.group_members(alone.id))
    members.push_back(printable(member));
  return members.empty() ? text
                         : fmt::format("{} ({})", text, some_of(members));
}

// "user eve", "group games (udp) on 10.0.0.0/8".
std::string denied_text(const Context &context, const ListedRule &deny) {
  bool unresolved = false;
  const RuleColumns columns =
      rule_columns(show_rule(context, deny.text, unresolved));
  std::string text = columns.subject;
  if (deny.rule.proto != PACL_PROTO_ANY)
    text += fmt::format(" ({})", pacl_proto_name(deny.rule.proto));
  return columns.terms.empty() ? text : text + " " + columns.terms;
}

std::string exceptions_text(const Context &context, const Holder &holder) {
  std::vector<std::string> texts;
  // Names of those that are not shown are not looked up.
  for (size_t i = 0; i < holder.exceptions.size(); i++)
    texts.push_back(i < most_names ? denied_text(context, *holder.exceptions[i])
                                   : "");
  return some_of(texts);
}

std::string origins_text(const RuleFiles &files, const RuleIndex &index,
                         const Holder &holder) {
  if (holder.rules.empty())
    return "(unprivileged port)";
  std::vector<std::string> texts;
  for (const ListedRule *rule : holder.rules)
    texts.push_back(first_origin(files, index.find(rule->text)));
  return some_of(texts);
}

void print_table(const Context &context, const AskedPort &port,
                 const ActivePolicy &in_force, const Census &census) {
  const RuleIndex index(in_force.files);
  std::vector<std::vector<std::string>> rows = {
      {"SUBJECT", "PORTS", "TERMS", "EXCEPT", "FILE"}};
  for (const Holder &holder : census.holders()) {
    // Names may come from far away.
    if (rows.size() % naming_step == 0 ||
        rows.size() == census.holders().size())
      context.console.progress("naming", rows.size(), census.holders().size());
    const std::string terms =
        holder.rules.empty()
            ? ""
            : with_dates(rule_columns(holder.rules.front()->text)).terms;
    rows.push_back({subject_text(context, holder), ports_text(port, holder),
                    terms, exceptions_text(context, holder),
                    origins_text(in_force.files, index, holder)});
  }
  if (census.capable_may())
    rows.push_back({"any with CAP_NET_BIND_SERVICE",
                    port.protocols == every_protocol
                        ? std::to_string(port.number)
                        : fmt::format("{}/{}", port.number,
                                      pacl_proto_name(port.protocols.front())),
                    "", "", "(no rule needed)"});
  const size_t subjects = rows.size() - 1;
  // Most ports have neither.
  for (const size_t column : {size_t{3}, size_t{2}}) {
    const bool used =
        std::any_of(rows.begin() + 1, rows.end(),
                    [&](const auto &row) { return !row[column].empty(); });
    for (auto &row : rows) {
      if (!used)
        row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
    }
  }
  if (context.options.no_legend || subjects == 0)
    rows.erase(rows.begin());
  context.console.text(format_table(rows));
  if (context.options.no_legend)
    return;
  context.console.text(
      subjects == 0
          ? "Nobody.\n"
          : fmt::format("\n{} listed.\n", counted(subjects, "subject")));
}

// Rules that explain who is missing.
void print_denied(const Context &context, const ActivePolicy &in_force,
                  const Census &census) {
  const RuleIndex index(in_force.files);
  const auto note = [&](const char *what, const ListedRules &rules) {
    for (size_t i = 0; i < rules.size() && i < most_names; i++) {
      bool unresolved = false;
      context.console.note(fmt::format(
          "{}: {} ({})", what, show_rule(context, rules[i]->text, unresolved),
          first_origin(in_force.files, index.find(rules[i]->text))));
    }
    if (rules.size() > most_names)
      context.console.note(
          fmt::format("{}: {} more", what, rules.size() - most_names));
  };
  note("denied to everybody", census.denied_to_all());
  note("without effect", census.in_vain());
}

Json rules_json(const Context &context, const RuleFiles &files,
                const RuleIndex &index, const ListedRules &rules) {
  Json list = Json::array();
  for (const ListedRule *listed : rules) {
    Json rule = rule_json(context, listed->text);
    rule["origins"] = origins_json(files, index.find(listed->text));
    list.push_back(std::move(rule));
  }
  return list;
}

Json protocols_json(const std::vector<uint8_t> &protocols) {
  Json list = Json::array();
  for (const uint8_t protocol : protocols)
    list.push_back(pacl_proto_name(protocol));
  return list;
}

void print_json(const Context &context, const AskedPort &port,
                const ActivePolicy &in_force, const Census &census) {
  const RuleFiles &files = in_force.files;
  const RuleIndex index(files);
  Json subjects = Json::array();
  for (const Holder &holder : census.holders()) {
    Json subject = subject_json(context, holder.subject);
    if (holder.subject.kind == PACL_GROUP)
      subject["members"] = context.names.group_members(holder.subject.id);
    subject["protocols"] = protocols_json(holder.protocols);
    subject["rules"] = rules_json(context, files, index, holder.rules);
    subject["exceptions"] =
        rules_json(context, files, index, holder.exceptions);
    subjects.push_back(std::move(subject));
  }
  const Settings &settings = in_force.settings;
  context.console.json(
      "who", {{"port", port.number},
              {"protocols", protocols_json(port.protocols)},
              {"address", port.address ? Json(address_text(*port.address))
                                       : Json(nullptr)},
              {"source", in_force.from_kernel ? "kernel" : "files"},
              {"mode", settings[Setting::mode]},
              {"strict", settings.strict()},
              {"scope", settings[Setting::scope]},
              {"privileged", census.privileged()},
              {"subjects", subjects},
              {"capability_holders", census.capable_may()},
              {"denied_to_all",
               rules_json(context, files, index, census.denied_to_all())},
              {"without_effect",
               rules_json(context, files, index, census.in_vain())}});
}

} // namespace

int cmd_who(const Context &context) {
  const auto port = make_port(context);
  if (!port)
    return fail(context, port.error());
  const auto in_force = read_to_answer(context);
  if (!in_force)
    return fail(context, in_force.error());
  warn_of_drift(context, *in_force);
  warn_of_namespace(context, in_force->settings);
  warn_of_mode(context, in_force->settings, true);
  Census census(context, *port, *in_force);
  if (auto taken = census.take(); !taken)
    return fail(context, taken.error());
  if (context.console.wants_json()) {
    print_json(context, *port, *in_force, census);
    return static_cast<int>(Code::done);
  }
  print_table(context, *port, *in_force, census);
  print_denied(context, *in_force, census);
  return static_cast<int>(Code::done);
}

} // namespace portacl
