// SPDX-License-Identifier: GPL-2.0-only

#include "cli/question.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/drop_in.h"
#include "lib/engine.h"
#include "lib/text.h"

namespace portacl {

namespace {

// More rules than this to take away are no advice.
constexpr int most_remedies = 64;

bool in_groups(const Subject &subject, uint32_t gid) {
  return subject.gid == gid || std::ranges::binary_search(subject.groups, gid);
}

Answer answer_one(const Question &question, const Judge &judge,
                  uint8_t protocol, const pacl_addr &address) {
  const bool root = question.subject.uid == 0;
  const std::string &mode = judge.settings[Setting::mode];
  Answer answer{.protocol = protocol, .address = address};
  const pacl_request request = request_of(question, answer, judge.free_from);
  answer.privileged = request.privileged;
  answer.allowed = root || !request.privileged;
  // Holders of the capability are not judged.
  answer.judged = mode != "off" && (!root || judge.settings.strict());
  if (!answer.judged)
    return answer;
  answer.decision = judge.policy.decide(request);
  if (answer.decision.verdict == PACL_DEFAULT)
    return answer;
  answer.spared = pacl_refuses(answer.decision.verdict) && mode == "permissive";
  if (!answer.spared)
    answer.allowed = answer.decision.verdict == PACL_GRANT;
  return answer;
}

// What is thought through: as much of the policy as matters, and what is left
// to do so that the answer is another one.
struct Trial {
  const Context &context;
  const Question &question;
  const ActivePolicy &in_force;
  uint64_t free_from;
  const RuleIndex index;
  std::vector<std::string> rules;
  Settings settings;
  std::vector<Remedy> remedies = {};
  std::vector<std::string> added = {};
  std::vector<std::string> taken = {};
  std::vector<Setting> set_already = {};

  Result<std::vector<Answer>>
  answers_with(const std::vector<std::string> &some_rules) const;
  std::string elsewhere(Setting setting, const std::string &value) const;
  std::string elsewhere(const std::string &rule) const;
  void apply_files();
  void set(Setting setting, const std::string &value);
  void take_away(const std::string &rule);
  Result<void> add(const RuleColumns &columns);
  Result<bool> take_own_allow();
  Result<void> towards_allowed(const std::vector<Answer> &answers);
  Result<void> towards_denied();
};

std::vector<std::string> concerning(const std::vector<std::string> &rules,
                                    const Question &question) {
  std::vector<std::string> some;
  std::ranges::copy_if(rules, std::back_inserter(some),
                       [&](const std::string &rule) {
                         return concerns(rule_from_text(rule), question);
                       });
  return some;
}

Result<std::vector<Answer>>
Trial::answers_with(const std::vector<std::string> &some_rules) const {
  const auto policy = Policy::make(some_rules, settings.strict());
  if (!policy)
    return policy.error();
  return answer_all(question, {*policy, settings, free_from});
}

// The lines that win over what the tool would write for a setting, and say
// something else; empty if there are none.
std::string Trial::elsewhere(Setting setting, const std::string &value) const {
  const RuleFiles &files = in_force.files;
  const std::string own = DropIn::path(context.root, false);
  std::string lines;
  bool wins = false;
  for (const Directive &directive : files.directives) {
    const std::string &path = files.paths[directive.file];
    if (directive.setting != setting || path == own ||
        path == DropIn::path(context.root, true) ||
        file_name(path) < file_name(own))
      continue;
    wins = directive.value != value;
    if (wins)
      lines += fmt::format("{}'{}' out of {}", lines.empty() ? "" : ", ",
                           directive.text(), files.origin(directive));
  }
  return wins ? lines : "";
}

// The tool edits its own two files only.
std::string Trial::elsewhere(const std::string &rule) const {
  const RuleFiles &files = in_force.files;
  const std::string &root = context.root;
  std::string places;
  for (const FileRule *origin : index.find(rule)) {
    const std::string &path = files.paths[origin->file];
    if (path != DropIn::path(root, false) && path != DropIn::path(root, true))
      places += (places.empty() ? "" : ", ") + files.origin(*origin);
  }
  return places;
}

// From an advice to apply on it is the files that count, with what was advised
// before.
void Trial::apply_files() {
  const auto state = after_apply(in_force);
  if (!state)
    return;
  rules = concerning(state->rules, question);
  for (const std::string &rule : taken)
    std::erase(rules, rule);
  rules.insert(rules.end(), added.begin(), added.end());
  Settings applied = state->settings;
  for (const Setting setting : set_already)
    applied[setting] = settings[setting];
  settings = applied;
}

// Without its line a setting stays as it is when the files are applied, so that
// the command is needed in any case.
void Trial::set(Setting setting, const std::string &value) {
  settings[setting] = value;
  set_already.push_back(setting);
  const std::string command = command_here(
      context, fmt::format("portaclctl {} {}", setting_name(setting), value));
  const std::string lines = elsewhere(setting, value);
  if (lines.empty())
    remedies.push_back({Remedy::Kind::setting, command});
  else
    remedies.push_back({Remedy::Kind::setting_by_hand,
                        fmt::format("take {}, then run: {}", lines, command)});
}

void Trial::take_away(const std::string &rule) {
  bool unresolved = false;
  const std::string words = show_rule(context, rule, unresolved);
  const std::string places = elsewhere(rule);
  taken.push_back(rule);
  if (places.empty()) {
    remedies.push_back({Remedy::Kind::remove,
                        command_here(context, shell_command("remove", words))});
    std::erase(rules, rule);
    return;
  }
  std::string text = fmt::format("take '{}' out of {}", words, places);
  if (in_force.from_kernel)
    text += ", then run: portaclctl apply";
  remedies.push_back({Remedy::Kind::edit, std::move(text)});
  std::erase(rules, rule);
  apply_files();
}

Result<void> Trial::add(const RuleColumns &columns) {
  const std::string words = line_of_columns(columns);
  auto rule = parse_rule(words, context.names);
  if (!rule)
    return rule.error();
  rules.push_back((*rule)->numeric);
  added.push_back((*rule)->numeric);
  remedies.push_back(
      {Remedy::Kind::add, command_here(context, shell_command("", words))});
  return {};
}

// No rule is about a wildcard but by its whole family.
RuleColumns columns_of(const Question &question) {
  RuleColumns columns = rule_columns(question.words);
  const pacl_addr &address = question.addresses.front();
  if (address.hi == 0 && (address.lo & UINT32_MAX) == 0)
    columns.terms.clear();
  return columns;
}

Result<void> Trial::towards_allowed(const std::vector<Answer> &answers) {
  if (settings[Setting::mode] == "off") {
    set(Setting::mode, "enforce");
    return {};
  }
  const auto refused = std::ranges::find(answers, false, &Answer::allowed);
  if (refused->decision.verdict == PACL_DENIED) {
    take_away(refused->decision.rule);
    return {};
  }
  RuleColumns columns = columns_of(question);
  const bool all = std::ranges::none_of(answers, &Answer::allowed);
  if (!all && question.protocols.size() > 1)
    columns.ports =
        fmt::format("{}/{}", question.port, pacl_proto_name(refused->protocol));
  return add(columns);
}

// Whether a rule gives its subject, which is the one that was asked about, this
// port and nothing else.
bool is_just_for(const pacl_rule &rule, const Question &question) {
  return rule.action == PACL_ALLOW && rule.kind == question.rule.kind &&
         rule.id == question.rule.id && rule.count == 1 &&
         rule.range[0].lo == rule.range[0].hi &&
         (rule.proto != PACL_PROTO_ANY ||
          question.rule.proto == PACL_PROTO_ANY);
}

// Better than to deny what is allowed: to allow it no longer, where that is
// enough and takes nothing else away.
Result<bool> Trial::take_own_allow() {
  for (const std::string &rule : rules) {
    if (!is_just_for(rule_from_text(rule), question) ||
        !elsewhere(rule).empty())
      continue;
    std::vector<std::string> others = rules;
    std::erase(others, rule);
    const auto answers = answers_with(others);
    if (!answers)
      return answers.error();
    if (all_allowed(*answers))
      continue;
    take_away(std::string(rule));
    return true;
  }
  return false;
}

Result<void> Trial::towards_denied() {
  const auto taken_one = take_own_allow();
  if (!taken_one)
    return taken_one.error();
  if (*taken_one)
    return {};
  if (settings[Setting::mode] != "enforce") {
    set(Setting::mode, "enforce");
    return {};
  }
  if (question.subject.uid == 0 && !settings.strict()) {
    set(Setting::strict, "on");
    return {};
  }
  RuleColumns columns = columns_of(question);
  columns.action = "deny";
  return add(columns);
}

} // namespace

void Subject::bind_as(pacl_request &request) const {
  request.groups = groups.data();
  request.group_count = static_cast<uint32_t>(groups.size());
  request.uid = uid;
  request.gid = gid;
}

Result<Subject> subject_of_user(const Context &context, uint32_t uid) {
  Subject subject{.uid = uid};
  const auto user = context.names.user(uid);
  if (!user)
    return subject;
  auto groups = context.names.groups_of(*user);
  if (!groups)
    return groups.error();
  subject.gid = user->gid;
  subject.groups = std::move(*groups);
  return subject;
}

Result<void> check_one_port(const Context &context, const pacl_rule &rule) {
  const std::string &command = context.options.command;
  if (rule.count != 1 || rule.range[0].lo != rule.range[0].hi)
    return usage(fmt::format("{} takes one port", command));
  if (rule.until != 0)
    return usage(
        fmt::format("{} is about this moment: leave 'until' out", command));
  if (rule.on != 0 && rule.prefix_len != 128)
    return usage(fmt::format("{} takes one address", command),
                 fmt::format("for example: portaclctl {} {}443 on 192.0.2.1",
                             command, command == "who" ? "" : "web "));
  return {};
}

Result<Question> make_question(const Context &context) {
  const std::string &command = context.options.command;
  std::vector<std::string> words = {"allow"};
  words.insert(words.end(), context.options.words.begin(),
               context.options.words.end());
  if (words.size() == 2 && words[1].find(' ') != std::string::npos)
    words = {"allow " + words[1]};
  if (words.size() < 3 && words.back().find(' ') == std::string::npos)
    return usage("say who and which port",
                 fmt::format("for example: portaclctl {} web 443", command));
  auto parsed = rule_of_words(context, words);
  if (!parsed)
    return parsed.error();
  Question question;
  question.rule = parsed->rule;
  const pacl_rule &rule = question.rule;
  if (rule.kind == PACL_EACH)
    return usage(fmt::format("{} takes a user, a group or 'any'", command));
  if (auto fine = check_one_port(context, rule); !fine)
    return fine.error();
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
    question.subject.gid = rule.id;
  if (rule.kind != PACL_USER)
    return question;
  auto subject = subject_of_user(context, rule.id);
  if (!subject)
    return subject.error();
  question.subject = std::move(*subject);
  return question;
}

pacl_request request_of(const Question &question, const Answer &answer,
                        uint64_t free_from) {
  pacl_request request =
      make_request(answer.address, answer.protocol, question.port, free_from);
  question.subject.bind_as(request);
  return request;
}

std::vector<Answer> answer_all(const Question &question, const Judge &judge) {
  std::vector<Answer> answers;
  for (const uint8_t protocol : question.protocols) {
    for (const pacl_addr &address : question.addresses)
      answers.push_back(answer_one(question, judge, protocol, address));
  }
  return answers;
}

bool all_allowed(const std::vector<Answer> &answers) {
  return std::ranges::all_of(answers, &Answer::allowed);
}

bool concerns(const pacl_rule &rule, const Question &question) {
  if (!covers_port(rule, question.port))
    return false;
  switch (rule.kind) {
  case PACL_USER:
  case PACL_EACH:
    return question.subject.uid >= rule.id &&
           question.subject.uid <= rule.last_id;
  case PACL_GROUP:
    return in_groups(question.subject, rule.id);
  default:
    return true;
  }
}

std::string command_here(const Context &context, const std::string &command) {
  constexpr std::string_view name = "portaclctl";
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_./:,+@%-";
  const std::string &root = context.options.root;
  if (root.empty())
    return command;
  std::string quoted;
  for (const char ch : root)
    quoted += ch == '\'' ? std::string("'\\''") : std::string(1, ch);
  if (root.find_first_not_of(plain) != std::string::npos)
    quoted = "'" + quoted + "'";
  return fmt::format("{} --root {}{}", name, quoted,
                     command.substr(name.size()));
}

Result<std::vector<Remedy>> find_remedies(const Context &context,
                                          const Question &question,
                                          const ActivePolicy &in_force,
                                          uint64_t free_from) {
  if (is_locked(in_force))
    return std::vector<Remedy>();
  Trial trial{.context = context,
              .question = question,
              .in_force = in_force,
              .free_from = free_from,
              .index = RuleIndex(in_force.files),
              .rules = concerning(in_force.rules, question),
              .settings = in_force.settings};
  std::optional<bool> before;
  for (int round = 0; round <= most_remedies; round++) {
    const auto answers = trial.answers_with(trial.rules);
    if (!answers)
      return answers.error();
    const bool allowed = all_allowed(*answers);
    before = before.value_or(allowed);
    if (allowed != *before)
      return std::move(trial.remedies);
    const auto step =
        allowed ? trial.towards_denied() : trial.towards_allowed(*answers);
    if (!step)
      return step.error();
  }
  return std::vector<Remedy>();
}

Result<std::optional<bool>> allowed_after_apply(const Question &question,
                                                const ActivePolicy &in_force,
                                                uint64_t free_from) {
  const auto state = after_apply(in_force);
  if (!state)
    return std::optional<bool>();
  const auto policy = Policy::make(state->rules, state->settings.strict());
  if (!policy)
    return policy.error();
  return std::optional(
      all_allowed(answer_all(question, {*policy, state->settings, free_from})));
}

std::string apply_meaning(const std::optional<bool> &after, bool allowed) {
  if (!after || *after == allowed)
    return {};
  return fmt::format("after portaclctl apply the answer would be: {}",
                     *after ? "allowed" : "denied");
}

} // namespace portacl
