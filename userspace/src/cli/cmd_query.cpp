// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/in_force.h"
#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

// (uid_t)-1 is nobody's id, so that no rule can name it.
constexpr uint32_t no_id = PACL_MAX_ID + 1U;

constexpr pacl_addr ipv6_wildcard{};
constexpr pacl_addr ipv4_wildcard = PACL_ADDR_IPV4(0);

struct Question {
  pacl_rule rule{};
  std::string words; // "allow user web 443"
  uint16_t port = 0;
  uint32_t uid = no_id;
  uint32_t gid = no_id;
  std::vector<uint32_t> groups;
  std::vector<pacl_addr> addresses;
  std::vector<uint8_t> protocols;
};

// Whose rules answer, made ready.
struct Judge {
  const ActivePolicy &in_force;
  const Policy &policy;
  RuleIndex index;
  uint64_t free_from;
};

// The answer for one protocol and address.
struct Answer {
  uint8_t protocol = PACL_PROTO_ANY;
  pacl_addr address{};
  bool allowed = false;
  Decision decision;
  std::string reason; // in words
};

Result<Question> make_question(const Context &context) {
  std::vector<std::string> words = {"allow"};
  words.insert(words.end(), context.options.words.begin(),
               context.options.words.end());
  if (words.size() == 2 && words[1].find(' ') != std::string::npos)
    words = {"allow " + words[1]};
  if (words.size() < 3 && words.back().find(' ') == std::string::npos)
    return usage("say who and which port",
                 "for example: portaclctl query web 443");
  auto parsed = rule_of_words(context, words);
  if (!parsed)
    return parsed.error();
  Question question;
  question.rule = parsed->rule;
  const pacl_rule &rule = question.rule;
  if (rule.kind == PACL_EACH)
    return usage("a query takes a user, a group or 'any'");
  if (rule.count != 1 || rule.range[0].lo != rule.range[0].hi)
    return usage("a query takes one port");
  if (rule.until != 0)
    return usage("a query is about this moment: leave 'until' out");
  if (rule.on != 0 && rule.prefix_len != 128)
    return usage("a query takes one address",
                 "for example: portaclctl query web 443 on 192.0.2.1");
  question.words = parsed->words;
  question.port = rule.range[0].lo;
  if (rule.on != 0)
    question.addresses = {rule.prefix};
  else
    question.addresses = {ipv4_wildcard, ipv6_wildcard};
  if (rule.proto != PACL_PROTO_ANY)
    question.protocols = {rule.proto};
  else
    question.protocols = {PACL_PROTO_TCP, PACL_PROTO_UDP};
  if (rule.kind == PACL_GROUP)
    question.gid = rule.id;
  if (rule.kind != PACL_USER)
    return question;
  question.uid = rule.id;
  if (const auto user = context.names.user(rule.id)) {
    auto groups = context.names.groups_of(*user);
    if (!groups)
      return groups.error();
    question.gid = user->gid;
    question.groups = std::move(*groups);
  }
  return question;
}

// Bad files do not matter where the kernel answers.
Result<void> check_files(const Context &context, const ActivePolicy &in_force) {
  if (in_force.from_kernel) {
    warn_of_bad_files(context, in_force.files);
    return {};
  }
  if (in_force.files.errors.empty())
    return {};
  for (const Error &error : in_force.files.errors)
    context.console.error(error);
  return Error{.code = in_force.files.errors.front().code,
               .message = "no answer while the policy files have errors"};
}

std::string by_rule(const Context &context, const Judge &judge,
                    const Decision &decision) {
  if (decision.rule.empty())
    return {};
  bool unresolved = false;
  return fmt::format(
      " by {}: {}",
      first_origin(judge.in_force.files, judge.index.find(decision.rule)),
      show_rule(context, decision.rule, unresolved));
}

std::string why_decided(const Context &context, const Judge &judge,
                        const Decision &decision) {
  const std::string by = by_rule(context, judge, decision);
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
  if (question.uid == 0)
    return "left to the kernel: root holds CAP_NET_BIND_SERVICE";
  return fmt::format("left to the kernel: port {} is {}", question.port,
                     privileged ? "privileged, refused" : "unprivileged, free");
}

Answer answer_one(const Context &context, const Question &question,
                  const Judge &judge, uint8_t protocol,
                  const pacl_addr &address) {
  const Settings &settings = judge.in_force.settings;
  pacl_request request =
      make_request(address, protocol, question.port, judge.free_from);
  request.groups = question.groups.data();
  request.group_count = static_cast<uint32_t>(question.groups.size());
  request.uid = question.uid;
  request.gid = question.gid;

  Answer answer{.protocol = protocol,
                .address = address,
                .allowed = question.uid == 0 || !request.privileged,
                .decision = {},
                .reason = why_left(question, request.privileged)};
  const std::string &mode = settings[Setting::mode];
  if (mode == "off") {
    answer.reason = "mode off, " + answer.reason;
    return answer;
  }
  // Holders of the capability are not judged.
  if (question.uid == 0 && !settings.strict())
    return answer;
  answer.decision = judge.policy.decide(request);
  if (answer.decision.verdict == PACL_DEFAULT)
    return answer;
  const std::string reason = why_decided(context, judge, answer.decision);
  if (pacl_refuses(answer.decision.verdict) && mode == "permissive") {
    answer.reason =
        fmt::format("in mode enforce {}; now {}", reason, answer.reason);
    return answer;
  }
  answer.allowed = answer.decision.verdict == PACL_GRANT;
  answer.reason = reason;
  return answer;
}

std::vector<Answer> answer_all(const Context &context, const Question &question,
                               const Judge &judge) {
  std::vector<Answer> answers;
  for (const uint8_t protocol : question.protocols) {
    for (const pacl_addr &address : question.addresses)
      answers.push_back(
          answer_one(context, question, judge, protocol, address));
  }
  return answers;
}

// One line where all answers are the same, else one for each transport, or for
// each of its addresses.
void print_reasons(const Context &context, const Question &question,
                   const std::vector<Answer> &answers) {
  const auto same = [&](size_t first, size_t count) {
    for (size_t i = 1; i < count; i++) {
      if (answers[first + i].reason != answers[first].reason)
        return false;
    }
    return true;
  };
  if (same(0, answers.size())) {
    context.console.line("  " + answers.front().reason);
    return;
  }
  const size_t step = question.addresses.size();
  for (size_t at = 0; at < answers.size(); at++) {
    const bool together = same(at / step * step, step);
    if (together && at % step != 0)
      continue;
    const Answer &answer = answers[at];
    context.console.line(fmt::format(
        "  {}/{}{}: {}", question.port, pacl_proto_name(answer.protocol),
        together ? "" : " on " + address_text(answer.address), answer.reason));
  }
}

// What to do about the first refusal.
void print_hint(const Context &context, const Question &question,
                const Judge &judge, const std::vector<Answer> &answers) {
  std::vector<const Answer *> refused;
  bool every_protocol = true;
  for (const Answer &answer : answers) {
    if (!answer.allowed)
      refused.push_back(&answer);
    every_protocol = every_protocol && !answer.allowed;
  }
  if (judge.in_force.settings[Setting::mode] == "off") {
    context.console.hint("to have rules obeyed, run: portaclctl mode enforce");
    return;
  }
  const Answer &first = *refused.front();
  if (first.decision.verdict == PACL_DENIED) {
    bool unresolved = false;
    context.console.hint(
        fmt::format("a deny goes before every allow: portaclctl remove {}",
                    show_rule(context, first.decision.rule, unresolved)));
    return;
  }
  RuleColumns columns = rule_columns(question.words);
  if (!every_protocol && question.protocols.size() > 1)
    columns.ports =
        fmt::format("{}/{}", question.port, pacl_proto_name(first.protocol));
  // No rule is about a wildcard but by its whole family.
  if (!columns.terms.empty() && question.addresses.size() == 1) {
    const pacl_addr &address = question.addresses.front();
    if (address.hi == 0 && (address.lo & UINT32_MAX) == 0)
      columns.terms.clear();
  }
  context.console.hint("to allow it, run: portaclctl " +
                       line_of_columns(columns));
}

void print_text(const Context &context, const Question &question,
                const Judge &judge, const std::vector<Answer> &answers,
                bool allowed) {
  const std::string subject = describe_subject(context, question.rule);
  const std::string ports = describe_ports(question.rule);
  // In mode off nobody looked for one.
  bool no_rule = judge.in_force.settings[Setting::mode] != "off";
  for (const Answer &answer : answers)
    no_rule = no_rule && answer.decision.verdict == PACL_DEFAULT;
  if (allowed)
    context.console.verdict("allowed", true,
                            describe_rule(context, question.rule));
  else if (no_rule)
    context.console.verdict(
        "denied", false, fmt::format("no rule for {} on {}", subject, ports));
  else
    context.console.verdict("denied", false,
                            fmt::format("{} may not bind {}", subject, ports));
  print_reasons(context, question, answers);
  if (!allowed)
    print_hint(context, question, judge, answers);
}

void print_json(const Context &context, const Question &question,
                const Judge &judge, const std::vector<Answer> &answers,
                bool allowed) {
  Json list = Json::array();
  for (const Answer &answer : answers) {
    Json item = {{"protocol", pacl_proto_name(answer.protocol)},
                 {"address", address_text(answer.address)},
                 {"allowed", answer.allowed},
                 {"verdict", pacl_verdict_name(answer.decision.verdict)},
                 {"reason", answer.reason},
                 {"rule", nullptr},
                 {"origins", Json::array()}};
    if (!answer.decision.rule.empty()) {
      item["rule"] = rule_json(context, answer.decision.rule);
      item["origins"] = origins_json(judge.in_force.files,
                                     judge.index.find(answer.decision.rule));
    }
    list.push_back(item);
  }
  const Settings &settings = judge.in_force.settings;
  Json value = subject_json(context, question.rule);
  value["port"] = question.port;
  value["source"] = judge.in_force.from_kernel ? "kernel" : "files";
  value["mode"] = settings[Setting::mode];
  value["strict"] = settings.strict();
  value["scope"] = settings[Setting::scope];
  value["allowed"] = allowed;
  value["answers"] = list;
  context.console.json("query", value);
}

void warn_of_mode(const Context &context, const ActivePolicy &in_force,
                  const std::vector<Answer> &answers) {
  const std::string &mode = in_force.settings[Setting::mode];
  if (mode == "off")
    context.console.warning("mode is off: no rule has an effect");
  const bool spared = std::ranges::any_of(answers, [](const Answer &answer) {
    return pacl_refuses(answer.decision.verdict);
  });
  if (mode == "permissive" && spared)
    context.console.warning("mode is permissive: what rules refuse is only "
                            "logged and counted");
}

} // namespace

int cmd_query(const Context &context) {
  const auto question = make_question(context);
  if (!question)
    return fail(context, question.error());
  const auto in_force = read_in_force(context);
  if (!in_force)
    return fail(context, in_force.error());
  if (auto fine = check_files(context, *in_force); !fine)
    return fail(context, fine.error());
  warn_of_files_only(context, *in_force);
  const auto policy =
      Policy::make(in_force->rules, in_force->settings.strict());
  if (!policy)
    return fail(context, policy.error());
  const Judge judge{*in_force, *policy, RuleIndex(in_force->files),
                    unprivileged_start(context)};
  const auto answers = answer_all(context, *question, judge);
  const bool allowed = std::ranges::all_of(answers, &Answer::allowed);
  warn_of_mode(context, *in_force, answers);
  if (context.console.wants_json())
    print_json(context, *question, judge, answers, allowed);
  else
    print_text(context, *question, judge, answers, allowed);
  return static_cast<int>(allowed ? Code::done : Code::no);
}

} // namespace portacl
