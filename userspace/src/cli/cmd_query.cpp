// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/question.h"
#include "lib/engine.h"
#include "lib/text.h"

namespace portacl {

namespace {

// All that there is to say.
struct Reply {
  const Question &question;
  const ActivePolicy &in_force;
  const std::vector<Answer> &answers;
  std::optional<bool> after_apply;
  uint64_t free_from;
  bool allowed;
  RuleIndex index;
};

std::string by_rule(const Context &context, const Reply &reply,
                    const Decision &decision) {
  if (decision.rule.empty())
    return {};
  bool unresolved = false;
  return fmt::format(
      " by {}: {}",
      first_origin(reply.in_force.files, reply.index.find(decision.rule)),
      show_rule(context, decision.rule, unresolved));
}

std::string why_decided(const Context &context, const Reply &reply,
                        const Decision &decision) {
  const std::string by = by_rule(context, reply, decision);
  switch (decision.verdict) {
  case PACL_GRANT:
    return "granted" + by;
  case PACL_DENIED:
    return "denied" + by;
  case PACL_RESERVED:
    return "refused: reserved" + by;
  case PACL_STRICT:
    return "refused: strict is on and no rule allows it";
  default:
    return "no rule";
  }
}

// What the kernel says to who is left to it.
std::string why_left(const Question &question, bool privileged) {
  if (question.subject.uid == 0)
    return "left to the kernel: root holds CAP_NET_BIND_SERVICE";
  return fmt::format("left to the kernel: port {} is {}", question.port,
                     privileged ? "privileged, refused" : "unprivileged, free");
}

std::string reason(const Context &context, const Reply &reply,
                   const Answer &answer) {
  const std::string left = why_left(reply.question, answer.privileged);
  if (reply.in_force.settings[Setting::mode] == "off")
    return "mode off, " + left;
  const std::string decided = why_decided(context, reply, answer.decision);
  if (answer.spared)
    return fmt::format("in mode enforce {}; now {}", decided, left);
  return answer.by_kernel() ? left : decided;
}

// One line where all answers are the same, else one for each transport, or for
// each of its addresses.
void print_reasons(const Context &context, const Reply &reply) {
  const Question &question = reply.question;
  std::vector<std::string> reasons;
  for (const Answer &answer : reply.answers)
    reasons.push_back(reason(context, reply, answer));
  const auto same = [&](size_t first, size_t count) {
    for (size_t i = 1; i < count; i++) {
      if (reasons[first + i] != reasons[first])
        return false;
    }
    return true;
  };
  if (same(0, reasons.size())) {
    context.console.line("  " + reasons.front());
    return;
  }
  const size_t step = question.addresses.size();
  for (size_t at = 0; at < reasons.size(); at++) {
    const bool together = same(at / step * step, step);
    if (together && at % step != 0)
      continue;
    const Answer &answer = reply.answers[at];
    context.console.line(fmt::format(
        "  {}/{}{}: {}", question.port, pacl_proto_name(answer.protocol),
        together ? "" : " on " + address_text(answer.address), reasons[at]));
  }
}

std::string hint_text(const Remedy &remedy) {
  switch (remedy.kind) {
  case Remedy::Kind::setting:
    return "to have rules obeyed, run: " + remedy.text;
  case Remedy::Kind::setting_by_hand:
    return "to have rules obeyed: " + remedy.text;
  case Remedy::Kind::remove:
  case Remedy::Kind::edit:
    return "a deny goes before every allow: " + remedy.text;
  default:
    return "to allow it, run: " + remedy.text;
  }
}

// The first thing to do about a refusal, and where the others are.
Result<void> print_hint(const Context &context, const Reply &reply) {
  if (is_locked(reply.in_force)) {
    context.console.hint(nothing_while_locked);
    return {};
  }
  if (reply.after_apply.value_or(false)) {
    context.console.hint("to allow it, run: portaclctl apply");
    return {};
  }
  const auto remedies =
      find_remedies(context, reply.question, reply.in_force, reply.free_from);
  if (!remedies)
    return remedies.error();
  if (!remedies->empty())
    context.console.hint(hint_text(remedies->front()));
  const std::string &words = reply.question.words;
  const std::string asked = words.substr(words.find(' ') + 1);
  if (remedies->size() > 1)
    context.console.hint(
        fmt::format("that alone does not allow it; to see the rest, run: {}",
                    command_here(context, shell_command("explain", asked))));
  return {};
}

Result<void> print_text(const Context &context, const Reply &reply) {
  const Question &question = reply.question;
  const std::string subject = describe_subject(context, question.rule);
  const std::string ports = describe_ports(question.rule);
  // In mode off nobody looked for one.
  const bool no_rule =
      reply.in_force.settings[Setting::mode] != "off" &&
      std::ranges::all_of(reply.answers, [](const Answer &answer) {
        return answer.decision.verdict == PACL_DEFAULT;
      });
  if (reply.allowed)
    context.console.verdict("allowed", true,
                            describe_rule(context, question.rule));
  else if (no_rule)
    context.console.verdict(
        "denied", false, fmt::format("no rule for {} on {}", subject, ports));
  else
    context.console.verdict("denied", false,
                            fmt::format("{} may not bind {}", subject, ports));
  print_reasons(context, reply);
  return reply.allowed ? Result<void>() : print_hint(context, reply);
}

void print_json(const Context &context, const Reply &reply) {
  Json list = Json::array();
  for (const Answer &answer : reply.answers) {
    const std::string &rule = answer.decision.rule;
    Json item = {{"protocol", pacl_proto_name(answer.protocol)},
                 {"address", address_text(answer.address)},
                 {"allowed", answer.allowed},
                 {"verdict", pacl_verdict_name(answer.decision.verdict)},
                 {"reason", reason(context, reply, answer)},
                 {"rule", nullptr},
                 {"origins", Json::array()}};
    if (!rule.empty()) {
      item["rule"] = rule_json(context, rule);
      item["origins"] =
          origins_json(reply.in_force.files, reply.index.find(rule));
    }
    list.push_back(item);
  }
  const Settings &settings = reply.in_force.settings;
  Json value = subject_json(context, reply.question.rule);
  value["port"] = reply.question.port;
  value["source"] = reply.in_force.from_kernel ? "kernel" : "files";
  value["mode"] = settings[Setting::mode];
  value["strict"] = settings.strict();
  value["scope"] = settings[Setting::scope];
  value["allowed"] = reply.allowed;
  value["allowed_after_apply"] =
      reply.after_apply ? Json(*reply.after_apply) : Json(nullptr);
  value["answers"] = list;
  context.console.json("query", value);
}

} // namespace

int cmd_query(const Context &context) {
  const auto question = make_question(context);
  if (!question)
    return fail(context, question.error());
  const auto in_force = read_to_answer(context);
  if (!in_force)
    return fail(context, in_force.error());
  const uint64_t free_from = unprivileged_start(context);
  const auto policy =
      Policy::make(in_force->rules, in_force->settings.strict());
  if (!policy)
    return fail(context, policy.error());
  const auto answers =
      answer_all(*question, {*policy, in_force->settings, free_from});
  const bool allowed = all_allowed(answers);
  const auto after = allowed_after_apply(*question, *in_force, free_from);
  if (!after)
    return fail(context, after.error());
  warn_of_drift(context, *in_force, apply_meaning(*after, allowed));
  warn_of_namespace(context, in_force->settings);
  warn_of_mode(context, in_force->settings,
               std::ranges::any_of(answers, &Answer::spared));
  const Reply reply{.question = *question,
                    .in_force = *in_force,
                    .answers = answers,
                    .after_apply = *after,
                    .free_from = free_from,
                    .allowed = allowed,
                    .index = RuleIndex(in_force->files)};
  if (context.console.wants_json())
    print_json(context, reply);
  else if (auto printed = print_text(context, reply); !printed)
    return fail(context, printed.error());
  return static_cast<int>(allowed ? Code::done : Code::no);
}

} // namespace portacl
