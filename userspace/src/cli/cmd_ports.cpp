// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/holders.h"
#include "lib/port_set.h"
#include "lib/table.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Which ports rules name, for each protocol of the language.
class NamedPorts final {
public:
  explicit NamedPorts(const std::vector<std::string> &rules) {
    for (const std::string &text : rules) {
      const pacl_rule rule = rule_from_text(text);
      for (unsigned i = 0; i < rule.count; i++) {
        const pacl_range &range = rule.range[i];
        add_ports(named_.at(rule.proto), {range.lo, range.hi});
      }
    }
  }

  bool has(uint16_t port, uint8_t protocol) const {
    return named_.at(PACL_PROTO_ANY)[port] || named_.at(protocol)[port];
  }

private:
  std::array<PortSet, PACL_PROTOS> named_;
};

struct Row {
  Listener listener;
  Judgement judgement;
};

struct View {
  Listeners listeners;
  ActivePolicy in_force;
  std::vector<Row> rows;
  size_t refused = 0;
};

Result<View> look(const Context &context) {
  View view;
  auto in_force = read_in_force(context);
  if (!in_force)
    return in_force.error();
  view.in_force = std::move(*in_force);
  const NamedPorts named(view.in_force.rules);
  auto listeners =
      read_holders(context, view.in_force.settings,
                   [&named](const Socket &socket, const NetNamespace &space) {
                     return socket.port < space.unprivileged_start ||
                            named.has(socket.port, socket.protocol);
                   });
  if (!listeners)
    return listeners.error();
  view.listeners = std::move(*listeners);
  const auto judge =
      ListenerJudge::make(view.in_force.rules, view.in_force.settings);
  if (!judge)
    return judge.error();
  for (const Listener &listener : view.listeners.found) {
    Row row{.listener = listener,
            .judgement = judge->judge(context, view.listeners, listener)};
    view.refused += row.judgement.standing == Standing::refused ? 1 : 0;
    view.rows.push_back(std::move(row));
  }
  return view;
}

// "allow user web 443", "NO GRANT: reserve 5432".
std::string by_text(const Context &context, const Row &row) {
  const Judgement &judgement = row.judgement;
  bool unresolved = false;
  const bool of_creator =
      row.listener.pid != 0 && judgement.uid != row.listener.uid;
  switch (judgement.standing) {
  case Standing::rule:
    return show_rule(context, judgement.rule, unresolved);
  case Standing::capability:
    return of_creator ? fmt::format("capability of {}",
                                    user_label(context, judgement.uid))
                      : "capability";
  case Standing::free:
    return of_creator ? "free for " + user_label(context, judgement.uid)
                      : "free";
  case Standing::kernel:
    return "kernel";
  case Standing::unknown:
    return "-";
  case Standing::refused:
    break;
  }
  if (judgement.verdict == PACL_STRICT)
    return "NO GRANT: strict";
  if (judgement.rule.empty())
    return "NO GRANT";
  return "NO GRANT: " + show_rule(context, judgement.rule, unresolved);
}

std::string pid_text(const Listener &listener) {
  if (listener.pid == 0)
    return "-";
  const size_t others = listener.pids.size() - 1;
  return others == 0 ? std::to_string(listener.pid)
                     : fmt::format("{} +{}", listener.pid, others);
}

std::string user_text(const Context &context, uint32_t uid) {
  const auto user = context.names.user(uid);
  return !user || context.options.numeric ? std::to_string(uid)
                                          : printable(user->name);
}

std::string space_text(const NetNamespace &space) {
  return space.name.empty() ? std::to_string(space.id) : printable(space.name);
}

std::string program_text(const Listener &listener) {
  if (listener.of_kernel)
    return "(kernel)";
  return listener.pid == 0 ? "-" : printable(listener.program);
}

std::string state_text(const Listener &listener) {
  return listener.listening ? "listening" : "bound";
}

std::vector<std::string> cells_of(const Context &context, const View &view,
                                  const Row &row, const RuleIndex &index,
                                  bool several_spaces) {
  const Listener &listener = row.listener;
  const std::string &rule = row.judgement.rule;
  std::vector<std::string> cells = {
      fmt::format("{}/{}", listener.port, transport_name(listener.transport)),
      state_text(listener),
      socket_address(listener),
      program_text(listener),
      pid_text(listener),
      user_text(context, listener.uid),
      by_text(context, row),
      rule.empty()
          ? ""
          : "# " + first_origin(view.in_force.files, index.find(rule))};
  if (several_spaces)
    cells.insert(cells.begin() + 3,
                 space_text(view.listeners.namespaces.at(listener.space)));
  return cells;
}

// What can be done about one of them.
std::string advice(const Context &context, const View &view) {
  if (view.in_force.settings[Setting::mode] == "off")
    return "in mode off no rule grants anything, see: portaclctl mode";
  for (const Row &row : view.rows) {
    if (row.judgement.standing != Standing::refused ||
        row.judgement.verdict == PACL_DENIED)
      continue;
    return fmt::format(
        "to allow the first of them: {}; to end it, stop its program",
        allow_command(context, row.listener.uid, row.listener));
  }
  return "a rule denies them; to end one, stop its program";
}

void print_table(const Context &context, const View &view) {
  const RuleIndex index(view.in_force.files);
  const bool several = view.listeners.namespaces.size() > 1;
  std::vector<std::vector<std::string>> cells;
  std::vector<bool> refused;
  if (!context.options.no_legend && !view.rows.empty()) {
    cells.push_back(
        {"PORT", "STATE", "ADDRESS", "PROGRAM", "PID", "USER", "BY", "FILE"});
    if (several)
      cells.back().insert(cells.back().begin() + 3, "NETNS");
    refused.push_back(false);
  }
  for (const Row &row : view.rows) {
    cells.push_back(cells_of(context, view, row, index, several));
    refused.push_back(row.judgement.standing == Standing::refused);
  }
  const std::string table = format_table(cells);
  const auto lines = split(table, '\n');
  for (size_t i = 0; i < cells.size(); i++)
    context.console.text((refused[i] ? context.console.painted(lines[i], false)
                                     : std::string(lines[i])) +
                         "\n");
  if (context.options.no_legend)
    return;
  if (view.rows.empty())
    context.console.text("No sockets on governed ports.\n");
  else
    context.console.text(fmt::format("\n{} listed, {} without a grant.\n",
                                     counted(view.rows.size(), "socket"),
                                     view.refused));
}

std::string standing_name(Standing standing) {
  constexpr std::array<const char *, 6> names = {
      "rule", "capability", "free", "kernel", "refused", "unknown"};
  return names.at(static_cast<size_t>(standing));
}

std::string verdict_name(pacl_verdict verdict) {
  constexpr std::array<const char *, PACL_VERDICTS> names = {
      "default", "denied", "granted", "reserved", "strict"};
  return names.at(static_cast<size_t>(verdict));
}

void print_json(const Context &context, const View &view) {
  const RuleIndex index(view.in_force.files);
  Json sockets = Json::array();
  for (const Row &row : view.rows) {
    const Judgement &judgement = row.judgement;
    Json socket = socket_json(context, view.listeners, row.listener);
    socket["by"] = standing_name(judgement.standing);
    socket["verdict"] = verdict_name(judgement.verdict);
    socket["granted"] = judgement.standing == Standing::unknown
                            ? Json(nullptr)
                            : Json(judgement.standing != Standing::refused);
    socket["rule"] = judgement.rule.empty()
                         ? Json(nullptr)
                         : rule_json(context, judgement.rule);
    socket["origins"] =
        judgement.rule.empty()
            ? Json::array()
            : origins_json(view.in_force.files, index.find(judgement.rule));
    sockets.push_back(std::move(socket));
  }
  context.console.json(
      "ports", {{"source", view.in_force.from_kernel ? "kernel" : "files"},
                {"scope", view.in_force.settings[Setting::scope]},
                {"complete", !view.listeners.partial},
                {"without_grant", view.refused},
                {"sockets", sockets}});
}

} // namespace

int cmd_ports(const Context &context) {
  const auto view = look(context);
  if (!view)
    return fail(context, view.error());
  warn_of_bad_files(context, view->in_force.files);
  warn_of_files_only(context, view->in_force);
  if (context.console.wants_json())
    print_json(context, *view);
  else
    print_table(context, *view);
  if (view->listeners.partial)
    context.console.warning("not all processes and network namespaces may be "
                            "looked into: run this as root to see them all");
  if (view->refused != 0)
    context.console.hint(advice(context, *view));
  return static_cast<int>(Code::done);
}

} // namespace portacl
