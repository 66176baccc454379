// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/question.h"
#include "lib/engine.h"
#include "lib/table.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

// In the order in which a bind is judged.
enum StepName {
  at_mode,
  at_scope,
  at_capability,
  at_deny,
  at_allow,
  at_reserve,
  at_strict,
  at_kernel
};
constexpr std::array<const char *, 8> step_names = {
    "mode",  "scope",   "capability", "deny",
    "allow", "reserve", "strict",     "kernel"};

// Which of a rule's answers to one bind is which.
enum class Role { decides, agrees, overruled, not_asked, not_matching };

struct RuleLine {
  std::string rule; // canonical
  StepName step = at_deny;
  Role role = Role::not_matching;
  std::string why = {}; // in words; empty for the one that decides
};

struct Step {
  StepName name = at_mode;
  std::string text;
  bool reached = false;
  bool decides = false;
};

// How one answer came about.
struct Course {
  std::vector<Step> steps;
  std::vector<RuleLine> rules;
};

struct Explanation {
  const Question &question;
  const ActivePolicy &in_force;
  uint64_t free_from;
  std::vector<Answer> answers;
  std::vector<Course> courses; // of each answer
  std::optional<bool> after_apply;
  std::vector<std::string> changes;
  bool allowed;
  RuleIndex index;
};

StepName step_of(const pacl_rule &rule) {
  return rule.action == PACL_DENY    ? at_deny
         : rule.action == PACL_ALLOW ? at_allow
                                     : at_reserve;
}

// Where the engine's verdict falls; for all that no rule decides, at the end.
StepName step_of(const Answer &answer) {
  switch (answer.decision.verdict) {
  case PACL_DENIED:
    return at_deny;
  case PACL_GRANT:
    return at_allow;
  case PACL_RESERVED:
    return at_reserve;
  case PACL_STRICT:
    return at_strict;
  default:
    return at_kernel;
  }
}

// Why a rule about the port and the subject says nothing about this bind.
std::string why_not(const pacl_rule &rule, const Answer &answer,
                    const Question &question) {
  if (has_ended(rule))
    return "has ended";
  if (rule.proto != PACL_PROTO_ANY && rule.proto != answer.protocol)
    return "for another transport";
  if (rule.kind == PACL_EACH)
    return fmt::format("gives port {} to uid {}", question.port,
                       rule.id + (question.port - rule.range[0].lo) /
                                     uint32_t{rule.each});
  if (rule.on != 0)
    return "for other addresses";
  return "does not match";
}

RuleLine look_at(const std::string &text, const Explanation &explanation,
                 const Answer &answer) {
  const pacl_rule rule = rule_from_text(text);
  RuleLine line{.rule = text, .step = step_of(rule)};
  const StepName decisive = step_of(answer);
  if (answer.decision.rule == text) {
    line.role = Role::decides;
    line.why = answer.spared ? "would refuse, but for mode permissive" : "";
  } else if (!rule_matches(text, request_of(explanation.question, answer,
                                            explanation.free_from))) {
    line.why = why_not(rule, answer, explanation.question);
  } else if (!answer.judged) {
    line.role = Role::not_asked;
    line.why = "not asked";
  } else if (line.step == decisive) {
    line.role = Role::agrees;
    line.why = "matches, too";
  } else {
    line.role = Role::overruled;
    line.why = fmt::format("overruled by the {}", step_names.at(decisive));
  }
  return line;
}

std::string mode_text(const std::string &value) {
  if (value == "off")
    return "off: no rule has an effect";
  if (value == "permissive")
    return "permissive: what would be refused is only logged";
  return value + ": rules are obeyed";
}

std::string scope_text(const std::string &value) {
  return value == "all" ? "all: sockets of every network namespace are judged"
                        : value + ": sockets of the initial network namespace "
                                  "are judged";
}

std::string capability_text(const Explanation &explanation) {
  if (explanation.in_force.settings.strict())
    return "strict is on: who holds CAP_NET_BIND_SERVICE is judged, too";
  if (explanation.question.subject.uid == 0)
    return "root holds CAP_NET_BIND_SERVICE and is not judged";
  return "who holds CAP_NET_BIND_SERVICE is not judged; taken as not held";
}

std::string strict_text(const Explanation &explanation, const Answer &answer) {
  if (!explanation.in_force.settings.strict())
    return "off";
  if (!answer.privileged)
    return "on, but the port is not privileged";
  return answer.spared ? "on: would refuse, but for mode permissive"
                       : "on: a privileged port needs an allow";
}

std::string kernel_text(const Question &question, const Answer &answer) {
  const char *privileged = answer.privileged ? "privileged" : "unprivileged";
  if (question.subject.uid == 0)
    return fmt::format("port {} is {}: free for root, who holds "
                       "CAP_NET_BIND_SERVICE",
                       question.port, privileged);
  return fmt::format("port {} is {}: {}", question.port, privileged,
                     answer.privileged ? "refused without CAP_NET_BIND_SERVICE"
                                       : "free");
}

std::string step_text(StepName name, const Explanation &explanation,
                      const Answer &answer) {
  const Settings &settings = explanation.in_force.settings;
  switch (name) {
  case at_mode:
    return mode_text(settings[Setting::mode]);
  case at_scope:
    return scope_text(settings[Setting::scope]);
  case at_capability:
    return capability_text(explanation);
  case at_strict:
    return strict_text(explanation, answer);
  case at_kernel:
    return kernel_text(explanation.question, answer);
  case at_reserve:
    return "the port is not reserved";
  default:
    return "none matches";
  }
}

Course course_of(const Explanation &explanation, const Answer &answer,
                 const std::vector<std::string> &rules) {
  Course course;
  for (const std::string &rule : rules)
    course.rules.push_back(look_at(rule, explanation, answer));
  // Those that decide first, those that say nothing last.
  std::ranges::stable_sort(course.rules, {}, [](const RuleLine &line) {
    return std::pair(line.step, line.role);
  });
  const StepName decisive = step_of(answer);
  for (int i = at_mode; i <= at_kernel; i++) {
    const auto name = static_cast<StepName>(i);
    Step step{.name = name, .text = step_text(name, explanation, answer)};
    step.reached = i <= at_capability ||
                   (name == at_kernel && answer.by_kernel()) ||
                   (name != at_kernel && answer.judged && i <= decisive);
    step.decides = name == (answer.by_kernel() ? at_kernel : decisive);
    course.steps.push_back(std::move(step));
  }
  return course;
}

std::string origins_text(const Explanation &explanation,
                         const std::string &rule) {
  std::string text;
  for (const FileRule *origin : explanation.index.find(rule))
    text +=
        (text.empty() ? "" : ", ") + explanation.in_force.files.origin(*origin);
  return text.empty() ? first_origin(explanation.in_force.files, {}) : text;
}

// " (FILE:LINE)" for a setting that a file has a line for.
std::string setting_place(const Explanation &explanation, StepName name) {
  const auto setting = setting_of(step_names.at(name));
  if (!setting)
    return {};
  const RuleFiles &files = explanation.in_force.files;
  const Directive *directive = files.directive(*setting);
  if (directive == nullptr ||
      directive->value != explanation.in_force.settings[*setting])
    return {};
  return fmt::format(" ({})", files.origin(*directive));
}

// A line of what is shown; rules have a comment.
struct Line {
  bool decides = false;
  std::string step;
  std::string text;
  std::string comment = {};

  bool operator==(const Line &) const = default;
};
using Lines = std::vector<Line>;

void add_rules(const Context &context, const Explanation &explanation,
               const Course &course, const Step &step, Lines &lines) {
  bool first = true;
  for (const RuleLine &line : course.rules) {
    if (line.step != step.name)
      continue;
    bool unresolved = false;
    lines.push_back({.decides = step.decides && line.role == Role::decides,
                     .step = first ? step_names.at(step.name) : "",
                     .text = show_rule(context, line.rule, unresolved),
                     .comment = fmt::format(
                         "# {}{}{}", origins_text(explanation, line.rule),
                         line.why.empty() ? "" : ": ", line.why)});
    first = false;
  }
}

Lines lines_of(const Context &context, const Explanation &explanation,
               const Course &course) {
  Lines lines;
  for (const Step &step : course.steps) {
    if (step.name <= at_capability)
      continue; // the same for all, in the head
    const bool has_rules =
        std::ranges::any_of(course.rules, [&](const RuleLine &line) {
          return line.step == step.name;
        });
    if (has_rules)
      add_rules(context, explanation, course, step, lines);
    else if (step.reached)
      lines.push_back(
          {.decides = step.decides,
           .step = step_names.at(step.name),
           .text = step.text + setting_place(explanation, step.name)});
  }
  return lines;
}

// The comments begin in one column, that the widest rule makes.
void align_comments(std::vector<Line *> &lines) {
  std::vector<std::vector<std::string>> rows;
  for (const Line *line : lines) {
    if (!line->comment.empty())
      rows.push_back({line->text, line->comment});
  }
  const std::string table = format_table(rows);
  const auto texts = split(table, '\n');
  size_t next = 0;
  for (Line *line : lines) {
    if (!line->comment.empty())
      line->text = texts[next++];
  }
}

// "80/tcp and 80/udp on 0.0.0.0 and ::", for the answers that came about in
// the same way.
std::string asked_text(const Explanation &explanation,
                       const std::vector<size_t> &which) {
  const Question &question = explanation.question;
  const auto port = [&](uint8_t protocol) {
    return fmt::format("{}/{}", question.port, pacl_proto_name(protocol));
  };
  const auto addresses = [&] {
    std::vector<std::string> texts;
    for (const pacl_addr &address : question.addresses)
      texts.push_back(address_text(address));
    return fmt::format("{}", fmt::join(texts, " and "));
  };
  std::vector<std::string> parts;
  if (which.size() == explanation.answers.size()) {
    for (const uint8_t protocol : question.protocols)
      parts.push_back(port(protocol));
    return fmt::format("{} on {}", fmt::join(parts, " and "), addresses());
  }
  // Answers are sorted by protocol, then address.
  const size_t step = question.addresses.size();
  if (step > 1 && which.size() == step && which.front() % step == 0)
    return fmt::format("{} on {}",
                       port(explanation.answers[which.front()].protocol),
                       addresses());
  for (const size_t at : which)
    parts.push_back(fmt::format("{} on {}",
                                port(explanation.answers[at].protocol),
                                address_text(explanation.answers[at].address)));
  return fmt::format("{}", fmt::join(parts, " and "));
}

// The answers that came about in the same way, together.
struct Alike {
  Lines lines;
  std::vector<size_t> answers;
};

std::vector<Alike> alike_of(const Context &context,
                            const Explanation &explanation) {
  std::vector<Alike> groups;
  for (size_t i = 0; i < explanation.courses.size(); i++) {
    Lines lines = lines_of(context, explanation, explanation.courses[i]);
    const auto same = std::ranges::find(groups, lines, &Alike::lines);
    if (same == groups.end())
      groups.push_back({std::move(lines), {i}});
    else
      same->answers.push_back(i);
  }
  return groups;
}

void print_courses(const Context &context, const Explanation &explanation) {
  std::vector<Alike> groups = alike_of(context, explanation);
  std::vector<Line *> lines;
  for (Alike &group : groups) {
    for (Line &line : group.lines)
      lines.push_back(&line);
  }
  align_comments(lines);
  std::vector<std::vector<std::string>> rows;
  rows.reserve(lines.size());
  for (const Line *line : lines)
    rows.push_back({line->decides ? "=>" : "", line->step, line->text});
  const std::string table = format_table(rows);
  const auto texts = split(table, '\n');
  size_t next = 0;
  for (const Alike &group : groups) {
    context.console.line("");
    context.console.line(asked_text(explanation, group.answers));
    for (size_t i = 0; i < group.lines.size(); i++)
      context.console.line(fmt::format("  {}", texts[next++]));
  }
}

std::string group_text(const Context &context, uint32_t gid) {
  const std::string name =
      context.options.numeric ? "" : context.names.group_name(gid);
  return name.empty() ? std::to_string(gid)
                      : fmt::format("{} ({})", printable(name), gid);
}

std::string who_text(const Context &context, const Question &question) {
  std::string text = describe_subject(context, question.rule);
  if (question.rule.kind != PACL_USER)
    return text;
  std::vector<std::string> groups;
  for (const uint32_t gid : question.subject.groups)
    groups.push_back(group_text(context, gid));
  if (groups.empty())
    return text + ", in no known group";
  return fmt::format("{}, group{} {}", text, groups.size() > 1 ? "s" : "",
                     fmt::join(groups, ", "));
}

std::string policy_text(const Context &context, const ActivePolicy &in_force) {
  const std::string rules = counted(in_force.rules.size(), "rule");
  if (in_force.from_kernel)
    return fmt::format("the kernel's, generation {}, {}", in_force.generation,
                       rules);
  return fmt::format("{} of the files{}", rules,
                     context.options.root.empty() ? ", not in force" : "");
}

void print_head(const Context &context, const Explanation &explanation) {
  std::vector<std::vector<std::string>> rows = {
      {"Who", who_text(context, explanation.question)},
      {"Policy", policy_text(context, explanation.in_force)},
      {"Kernel", explanation.free_from == 0
                     ? "no port is privileged"
                     : fmt::format("ports below {} are privileged",
                                   explanation.free_from)}};
  constexpr std::array<const char *, 3> heads = {"Mode", "Scope", "Capability"};
  for (size_t i = at_mode; i <= at_capability; i++) {
    const Step &step = explanation.courses.front().steps[i];
    rows.push_back(
        {heads.at(i), step.text + setting_place(explanation, step.name)});
  }
  const std::string table = format_table(rows);
  context.console.line(table.substr(0, table.size() - 1));
}

void print_text(const Context &context, const Explanation &explanation) {
  const Question &question = explanation.question;
  if (explanation.allowed)
    context.console.verdict("allowed", true,
                            describe_rule(context, question.rule));
  else
    context.console.verdict(
        "denied", false,
        fmt::format("{} may not bind {}",
                    describe_subject(context, question.rule),
                    describe_ports(question.rule)));
  print_head(context, explanation);
  print_courses(context, explanation);
  if (explanation.changes.empty() && !is_locked(explanation.in_force))
    return;
  context.console.line("");
  context.console.line(explanation.allowed ? "To refuse it" : "To allow it");
  if (explanation.changes.empty())
    context.console.line(std::string("  ") + nothing_while_locked);
  for (const std::string &change : explanation.changes)
    context.console.line("  " + change);
}

const char *role_name(Role role) {
  constexpr std::array<const char *, 5> names = {
      "decides", "agrees", "overruled", "not_asked", "not_matching"};
  return names.at(static_cast<size_t>(role));
}

Json answer_json(const Context &context, const Explanation &explanation,
                 size_t at) {
  const Answer &answer = explanation.answers[at];
  Json steps = Json::array();
  for (const Step &step : explanation.courses[at].steps) {
    const bool has_rule = std::ranges::any_of(
        explanation.courses[at].rules, [&](const RuleLine &line) {
          return line.step == step.name && line.role != Role::not_matching;
        });
    steps.push_back({{"step", step_names.at(step.name)},
                     {"text", has_rule ? Json(nullptr) : Json(step.text)},
                     {"reached", step.reached},
                     {"decides", step.decides}});
  }
  Json rules = Json::array();
  for (const RuleLine &line : explanation.courses[at].rules) {
    Json rule = rule_json(context, line.rule);
    rule["origins"] = origins_json(explanation.in_force.files,
                                   explanation.index.find(line.rule));
    rule["role"] = role_name(line.role);
    rule["why"] = line.why.empty() ? Json(nullptr) : Json(line.why);
    rules.push_back(std::move(rule));
  }
  return {{"protocol", pacl_proto_name(answer.protocol)},
          {"address", address_text(answer.address)},
          {"privileged", answer.privileged},
          {"allowed", answer.allowed},
          {"verdict", pacl_verdict_name(answer.decision.verdict)},
          {"steps", steps},
          {"rules", rules}};
}

void print_json(const Context &context, const Explanation &explanation) {
  const Question &question = explanation.question;
  const Settings &settings = explanation.in_force.settings;
  Json groups = Json::array();
  for (const uint32_t gid : question.subject.groups) {
    const std::string name = context.names.group_name(gid);
    groups.push_back(
        {{"group", name.empty() ? Json(nullptr) : Json(name)}, {"gid", gid}});
  }
  Json answers = Json::array();
  for (size_t i = 0; i < explanation.answers.size(); i++)
    answers.push_back(answer_json(context, explanation, i));
  Json value = subject_json(context, question.rule);
  value["groups"] = groups;
  value["port"] = question.port;
  value["source"] = explanation.in_force.from_kernel ? "kernel" : "files";
  value["mode"] = settings[Setting::mode];
  value["strict"] = settings.strict();
  value["scope"] = settings[Setting::scope];
  value["unprivileged_port_start"] = explanation.free_from;
  value["allowed"] = explanation.allowed;
  value["allowed_after_apply"] =
      explanation.after_apply ? Json(*explanation.after_apply) : Json(nullptr);
  value["answers"] = answers;
  value["changes"] = explanation.changes;
  context.console.json("explain", value);
}

// What would have to change for the opposite answer.
Result<std::vector<std::string>> changes_of(const Context &context,
                                            const Explanation &explanation) {
  if (explanation.after_apply.value_or(explanation.allowed) !=
      explanation.allowed)
    return std::vector<std::string>{"portaclctl apply"};
  const auto remedies =
      find_remedies(context, explanation.question, explanation.in_force,
                    explanation.free_from);
  if (!remedies)
    return remedies.error();
  std::vector<std::string> changes;
  for (const Remedy &remedy : *remedies)
    changes.push_back(remedy.text);
  // Until then the files are only what they say.
  if (!explanation.in_force.from_kernel && context.options.root.empty())
    changes.emplace_back("portaclctl load");
  return changes;
}

Result<Explanation> make_explanation(const Context &context,
                                     const Question &question,
                                     const ActivePolicy &in_force) {
  const uint64_t free_from = unprivileged_start(context);
  const auto policy = Policy::make(in_force.rules, in_force.settings.strict());
  if (!policy)
    return policy.error();
  Explanation explanation{
      .question = question,
      .in_force = in_force,
      .free_from = free_from,
      .answers = answer_all(question, {*policy, in_force.settings, free_from}),
      .courses = {},
      .after_apply = {},
      .changes = {},
      .allowed = false,
      .index = RuleIndex(in_force.files)};
  explanation.allowed = all_allowed(explanation.answers);
  std::vector<std::string> rules;
  std::ranges::copy_if(in_force.rules, std::back_inserter(rules),
                       [&](const std::string &rule) {
                         return concerns(rule_from_text(rule), question);
                       });
  // A rule may stand in several files.
  std::ranges::sort(rules);
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  for (const Answer &answer : explanation.answers)
    explanation.courses.push_back(course_of(explanation, answer, rules));
  const auto after = allowed_after_apply(question, in_force, free_from);
  if (!after)
    return after.error();
  explanation.after_apply = *after;
  auto changes = changes_of(context, explanation);
  if (!changes)
    return changes.error();
  explanation.changes = std::move(*changes);
  return explanation;
}

} // namespace

int cmd_explain(const Context &context) {
  const auto question = make_question(context);
  if (!question)
    return fail(context, question.error());
  const auto in_force = read_to_answer(context);
  if (!in_force)
    return fail(context, in_force.error());
  const auto explanation = make_explanation(context, *question, *in_force);
  if (!explanation)
    return fail(context, explanation.error());
  warn_of_drift(context, *in_force,
                apply_meaning(explanation->after_apply, explanation->allowed));
  warn_of_namespace(context, in_force->settings);
  if (context.console.wants_json())
    print_json(context, *explanation);
  else
    print_text(context, *explanation);
  return static_cast<int>(explanation->allowed ? Code::done : Code::no);
}

} // namespace portacl
