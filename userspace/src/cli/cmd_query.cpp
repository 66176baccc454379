// SPDX-License-Identifier: GPL-2.0-only

#include <array>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

// (uid_t)-1 is nobody's id, so that no rule can name it.
constexpr uint32_t no_id = PACL_MAX_ID + 1U;
constexpr uint16_t privileged_below = 1024;

struct Question {
  pacl_rule rule{};
  std::string words; // "user web 443"
  uint16_t port = 0;
  uint32_t uid = no_id;
  uint32_t gid = no_id;
  std::vector<uint32_t> groups;
};

// Whose rules answer.
struct Source {
  bool from_kernel = false;
  RuleFiles files;
  std::vector<std::string> rules;
};

// The answer for one protocol.
struct Answer {
  uint8_t protocol = PACL_PROTO_ANY;
  bool allowed = false;
  std::string rule = {};   // canonical text of the deciding rule
  std::string reason = {}; // why it is allowed without a rule
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
  question.words = parsed->words.substr(parsed->words.find(' ') + 1);
  question.port = rule.range[0].lo;
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

Result<Source> choose_source(const Context &context) {
  Source source;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  source.from_kernel = *loaded;
  source.files = read_rule_files(context.root, context.names);
  if (source.from_kernel) {
    warn_of_bad_files(context, source.files);
    auto policy = read_policy(context.kernel);
    if (!policy)
      return policy.error();
    source.rules = std::move(policy->rules);
    return source;
  }
  if (!source.files.errors.empty()) {
    for (const Error &error : source.files.errors)
      context.console.error(error);
    return Error{.code = source.files.errors.front().code,
                 .message = "no answer while the policy files have errors"};
  }
  for (const FileRule &rule : source.files.rules)
    source.rules.push_back(rule.numeric);
  if (context.options.root.empty())
    context.console.warning("the portacl module is not loaded: this is what "
                            "the files say, not what is in force");
  return source;
}

uint64_t unprivileged_start(const Context &context) {
  if (!context.options.root.empty())
    return privileged_below;
  SysfsKernel sysctl("/proc/sys/net/ipv4");
  const auto value = read_number(sysctl, "ip_unprivileged_port_start");
  return value ? *value : privileged_below;
}

Answer answer_one(const Question &question, const Policy &policy,
                  uint8_t protocol, uint64_t free_from) {
  Answer answer{.protocol = protocol};
  pacl_request request{};
  request.groups = question.groups.data();
  request.group_count = static_cast<uint32_t>(question.groups.size());
  request.uid = question.uid;
  request.gid = question.gid;
  request.port = question.port;
  request.proto = protocol;
  if (question.uid == 0) {
    answer.allowed = true;
    answer.reason = "root holds CAP_NET_BIND_SERVICE";
  } else if (auto rule = policy.match(request)) {
    answer.allowed = true;
    answer.rule = std::move(*rule);
  } else if (question.port >= free_from) {
    answer.allowed = true;
    answer.reason = fmt::format("port {} is not privileged", question.port);
  }
  return answer;
}

std::vector<Answer> answer_all(const Question &question, const Policy &policy,
                               uint64_t free_from) {
  std::vector<Answer> answers;
  const auto ask = [&](uint8_t protocol) {
    answers.push_back(answer_one(question, policy, protocol, free_from));
  };
  if (question.rule.proto != PACL_PROTO_ANY) {
    ask(question.rule.proto);
  } else {
    ask(PACL_PROTO_TCP);
    ask(PACL_PROTO_UDP);
  }
  return answers;
}

std::string why(const Context &context, const Source &source,
                const RuleIndex &index, const Answer &answer) {
  if (answer.rule.empty())
    return answer.reason;
  bool unresolved = false;
  return fmt::format("by {}: {}",
                     first_origin(source.files, index.find(answer.rule)),
                     show_rule(context, answer.rule, unresolved));
}

void print_allowed(const Context &context, const Question &question,
                   const Source &source, const std::vector<Answer> &answers) {
  const RuleIndex index(source.files);
  context.console.verdict("allowed", true,
                          describe_rule(context, question.rule));
  std::string last;
  for (const Answer &answer : answers) {
    const std::string text = why(context, source, index, answer);
    if (text != last)
      context.console.line("  " + text);
    last = text;
  }
}

void print_denied(const Context &context, const Question &question,
                  const Source &source, const std::vector<Answer> &answers) {
  const RuleIndex index(source.files);
  std::vector<std::string> refused;
  for (const Answer &answer : answers) {
    if (!answer.allowed)
      refused.emplace_back(pacl_proto_name(answer.protocol));
  }
  const bool all = refused.size() == answers.size();
  const std::string ports =
      all ? describe_ports(question.rule)
          : fmt::format("{}/{}", question.port, refused.front());
  context.console.verdict("denied", false,
                          fmt::format("no rule for {} on {}",
                                      describe_subject(context, question.rule),
                                      ports));
  for (const Answer &answer : answers) {
    if (answer.allowed)
      context.console.line(fmt::format("  {}/{} is allowed {}", question.port,
                                       pacl_proto_name(answer.protocol),
                                       why(context, source, index, answer)));
  }
  const std::string subject =
      question.words.substr(0, question.words.rfind(' '));
  context.console.hint(fmt::format(
      "to allow it, run: portaclctl allow {} {}", subject,
      all ? question.words.substr(question.words.rfind(' ') + 1) : ports));
}

void print_json(const Context &context, const Question &question,
                const Source &source, const std::vector<Answer> &answers,
                bool allowed) {
  const RuleIndex index(source.files);
  Json list = Json::array();
  for (const Answer &answer : answers) {
    Json item = {{"protocol", pacl_proto_name(answer.protocol)},
                 {"allowed", answer.allowed},
                 {"rule", nullptr},
                 {"origins", Json::array()}};
    if (!answer.rule.empty()) {
      item["rule"] = rule_json(context, answer.rule);
      item["origins"] = origins_json(source.files, index.find(answer.rule));
    }
    if (!answer.reason.empty())
      item["reason"] = answer.reason;
    list.push_back(item);
  }
  Json value = subject_json(context, question.rule);
  value["port"] = question.port;
  value["source"] = source.from_kernel ? "kernel" : "files";
  value["allowed"] = allowed;
  value["answers"] = list;
  context.console.json("query", value);
}

} // namespace

int cmd_query(const Context &context) {
  const auto question = make_question(context);
  if (!question)
    return fail(context, question.error());
  const auto source = choose_source(context);
  if (!source)
    return fail(context, source.error());
  const auto policy = Policy::make(source->rules);
  if (!policy)
    return fail(context, policy.error());
  const auto answers =
      answer_all(*question, *policy, unprivileged_start(context));
  bool allowed = true;
  for (const Answer &answer : answers)
    allowed = allowed && answer.allowed;
  if (context.console.wants_json())
    print_json(context, *question, *source, answers, allowed);
  else if (allowed)
    print_allowed(context, *question, *source, answers);
  else
    print_denied(context, *question, *source, answers);
  return static_cast<int>(allowed ? Code::done : Code::no);
}

} // namespace portacl
