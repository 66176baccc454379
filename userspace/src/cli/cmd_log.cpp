// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <poll.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/refusals.h"
#include "cli/signals.h"
#include "lib/policy.h"
#include "lib/settings.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

constexpr uint64_t per_second = 1000000;

// An event as it is shown.
struct Shown {
  std::string word = {};         // "refused"
  std::optional<bool> good = {}; // coloured, if it is a verdict
  std::string text = {};
  std::vector<std::string> advice = {}; // the commands that would allow it
  Json json = {};
};

// Says what would allow a bind; reads the policy once it is needed.
class Adviser final {
public:
  explicit Adviser(const Context &context) : context_(context) {}

  std::vector<std::string> commands(uint32_t uid, const Refusal &refusal) {
    const std::string allow = command("", allow_for(uid, refusal));
    if (refusal.reason != Reason::denied)
      return {allow};
    if (!retry_)
      retry_.emplace(Retry::make(context_));
    if (!*retry_)
      return without_policy(refusal, allow);
    const auto obstacles = (*retry_)->obstacles(uid, refusal);
    if (!obstacles)
      return without_policy(refusal, allow);
    std::vector<std::string> commands;
    for (const std::string &rule : obstacles->denies)
      commands.push_back(command("remove", rule));
    if (obstacles->needs_allow)
      commands.push_back(allow);
    return commands;
  }

private:
  std::string command(const char *verb, const std::string &rule) const {
    bool unresolved = false;
    return printable(
        shell_command(verb, show_rule(context_, rule, unresolved)));
  }

  // More than what is needed, perhaps.
  std::vector<std::string> without_policy(const Refusal &refusal,
                                          const std::string &allow) const {
    std::vector<std::string> commands;
    if (!refusal.rule.empty())
      commands.push_back(command("remove", refusal.rule));
    commands.push_back(allow);
    return commands;
  }

  const Context &context_;
  std::optional<Result<Retry>> retry_;
};

std::string reason_text(const Context &context, const Refusal &refusal) {
  bool unresolved = false;
  const std::string rule =
      refusal.rule.empty()
          ? "a rule that is too long for the log"
          : printable(show_rule(context, refusal.rule, unresolved));
  switch (refusal.reason) {
  case Reason::denied:
    return "denied by: " + rule;
  case Reason::reserved:
    return "reserved by: " + rule;
  case Reason::strict:
    return "strict is on and no rule allows it";
  default:
    return "no rule";
  }
}

std::string by_text(const Context &context, const Actor &by) {
  const auto name = [&context](uint32_t uid) {
    const auto user =
        context.options.numeric ? std::nullopt : context.names.user(uid);
    return user ? printable(user->name) : fmt::format("uid {}", uid);
  };
  const bool other_login = by.auid != Actor::no_id && by.auid != by.uid;
  return fmt::format(", by {}{} ({})", name(by.uid),
                     other_login ? ", logged in as " + name(by.auid) : "",
                     program_name(by));
}

Json actor_json(const Context &context, const Actor &by) {
  const auto name = [&context](uint32_t uid) {
    const auto user = context.names.user(uid);
    return user ? Json(user->name) : Json();
  };
  const bool login = by.auid != Actor::no_id;
  return {{"user", name(by.uid)},
          {"uid", by.uid},
          {"login_user", login ? name(by.auid) : Json()},
          {"login_uid", login ? Json(by.auid) : Json()},
          {"pid", by.pid != 0 ? Json(by.pid) : Json()},
          {"program", by.program}};
}

Shown show(const Context &context, Adviser &adviser, const Actor &by,
           const Refusal &refusal) {
  Shown shown{.word = refusal.permissive ? "would be refused" : "refused",
              .good = false,
              .advice = adviser.commands(by.uid, refusal)};
  const std::string address = address_text(refusal.address);
  shown.text = fmt::format("{} {}/{} on {}, {} (pid {}): {}",
                           describe_uid(context, by.uid), refusal.port,
                           refusal.transport, address, program_name(by), by.pid,
                           reason_text(context, refusal));
  shown.json = {{"event", refusal.permissive ? "would_be_refused" : "refused"}};
  shown.json.update(actor_json(context, by));
  shown.json["gid"] = refusal.gid;
  shown.json["transport"] = refusal.transport;
  shown.json["port"] = refusal.port;
  shown.json["address"] = address;
  shown.json["reason"] = reason_name(refusal.reason);
  shown.json["rule"] =
      refusal.rule.empty() ? Json() : rule_json(context, refusal.rule);
  shown.json["commands"] = shown.advice;
  return shown;
}

Shown show(const Context &context, Adviser & /*adviser*/, const Actor &by,
           const RulesChange &change) {
  Shown shown{
      .word = "changed",
      .text = fmt::format("generation {}: {} added, {} removed, {} in force{}",
                          change.generation, change.added, change.removed,
                          counted(change.rules, "rule"), by_text(context, by)),
      .json = {{"event", "rules_changed"}}};
  shown.json.update(actor_json(context, by));
  shown.json["generation"] = change.generation;
  shown.json["added"] = change.added;
  shown.json["removed"] = change.removed;
  shown.json["rules"] = change.rules;
  return shown;
}

Shown show(const Context &context, Adviser & /*adviser*/, const Actor &by,
           const SettingChange &change) {
  std::string name = change.name;
  std::string value = change.value;
  for (const Setting setting : all_settings) {
    if (setting_attribute(setting) != change.name)
      continue;
    name = setting_name(setting);
    value = shown_value(setting, change.value);
  }
  Shown shown{.word = "changed",
              .text = fmt::format("generation {}: {} {}{}", change.generation,
                                  printable(name), printable(value),
                                  by_text(context, by)),
              .json = {{"event", "setting_changed"}}};
  shown.json.update(actor_json(context, by));
  shown.json["generation"] = change.generation;
  shown.json["setting"] = name;
  shown.json["value"] = value;
  return shown;
}

Shown show(const Context & /*context*/, Adviser & /*adviser*/,
           const Actor & /*by*/, const ModuleChange &change) {
  return {
      .word = "changed",
      .text = change.loaded ? "module loaded, no rules yet"
                            : "module unloaded, every rule has ended",
      .json = {{"event", change.loaded ? "module_loaded" : "module_unloaded"}}};
}

Shown show(const Context & /*context*/, Adviser & /*adviser*/,
           const Actor & /*by*/, const Lost &lost) {
  return {.word = "lost",
          .text = fmt::format(
              "{} suppressed by the kernel, which limits how "
              "many it writes",
              counted(lost.count, lost.any_audit ? "audit record" : "record")),
          .json = {{"event", "lost"},
                   {"count", lost.count},
                   {"any_audit_record", lost.any_audit}}};
}

Shown show(const Context &context, Adviser &adviser, const Event &event) {
  return std::visit(
      [&](const auto &what) { return show(context, adviser, event.by, what); },
      event.what);
}

std::string time_of(const Event &event) {
  return iso_time(event.time / per_second);
}

Json json_of(const Event &event, const Shown &shown) {
  Json value = {{"time", time_of(event)}};
  value.update(shown.json);
  return value;
}

void print_event(const Context &context, const Event &event,
                 const Shown &shown) {
  std::string text =
      fmt::format("{} {}: {}\n", time_of(event),
                  shown.good ? context.console.painted(shown.word, *shown.good)
                             : shown.word,
                  shown.text);
  for (const std::string &command : shown.advice)
    text += fmt::format("  {}\n", command);
  if (shown.good && shown.advice.empty())
    text += "  (nothing in force refuses it any more)\n";
  context.console.text(text);
}

void print_events(const Context &context, const std::vector<Event> &events) {
  Adviser adviser(context);
  Json list = Json::array();
  for (const Event &event : events) {
    const Shown shown = show(context, adviser, event);
    if (context.options.follow)
      context.console.json_line("event", json_of(event, shown));
    else
      list.push_back(json_of(event, shown));
    print_event(context, event, shown);
  }
  if (!context.options.follow)
    context.console.json(
        "log", {{"sources", context.events.sources()}, {"events", list}});
}

void say_none(const Context &context) {
  if (!context.options.no_legend)
    context.console.text("No records.\n");
  const auto loaded = is_loaded(context.kernel);
  if (loaded && !*loaded)
    context.console.hint(fmt::format("{}; {}",
                                     not_loaded_error(context).message,
                                     not_loaded_error(context).hint));
}

// What has come, and whether nobody wants to see more.
struct Step {
  std::vector<Event> events = {};
  bool end = false;
};

// Waits until there may be more events. Only here do signals wait, too: what
// blocks elsewhere, as printing to a pager does, they end.
Result<Step> next_step(const Context &context) {
  EndSignals signals;
  std::vector<pollfd> watched = {
      {.fd = signals.descriptor(), .events = POLLIN, .revents = 0},
      // Nothing but that its other end was closed.
      {.fd = context.console.out_descriptor(), .events = 0, .revents = 0}};
  for (const int descriptor : context.events.descriptors())
    watched.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
  if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR)
    return system_error(errno, "cannot wait for events");
  if (signals.take() || watched[1].revents != 0)
    return Step{.end = true};
  auto events = context.events.more();
  if (!events)
    return events.error();
  return Step{.events = std::move(*events), .end = signals.take()};
}

int follow(const Context &context) {
  while (context.console.flush()) {
    const auto step = next_step(context);
    if (!step)
      return fail(context, step.error());
    print_events(context, step->events);
    if (step->end)
      break;
  }
  return static_cast<int>(Code::done);
}

} // namespace

int cmd_log(const Context &context) {
  const Options &options = context.options;
  if (!options.root.empty())
    return fail(context, usage("log does not go with --root"));
  const auto events = context.events.open({.last = options.lines});
  if (!events)
    return fail(context, events.error());
  tell_sources(context);
  print_events(context, *events);
  if (events->empty() && !options.follow && options.lines > 0)
    say_none(context);
  return options.follow ? follow(context) : static_cast<int>(Code::done);
}

} // namespace portacl
