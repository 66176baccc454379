// SPDX-License-Identifier: GPL-2.0-only
// "May SUBJECT bind PORT?", as query and explain are asked it, and what the
// engine answers.

#ifndef PORTACL_CLI_QUESTION_H
#define PORTACL_CLI_QUESTION_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/in_force.h"
#include "lib/address_ranges.h"
#include "lib/policy.h"
#include "lib/rule_files.h"

namespace portacl {

// (uid_t)-1 is nobody's id, so that no rule can name it.
constexpr uint32_t no_id = PACL_MAX_ID + 1U;

// Whoever binds. Requests that are made of one point into it.
struct Subject {
  uint32_t uid = no_id;
  uint32_t gid = no_id;
  std::vector<uint32_t> groups = {}; // ascending

  void bind_as(pacl_request &request) const;
};

// A user with the groups that the name service knows.
Result<Subject> subject_of_user(const Context &context, uint32_t uid);

struct Question {
  pacl_rule rule{};  // that would allow what is asked
  std::string words; // "allow user web 443"
  uint16_t port = 0;
  Subject subject;
  std::vector<pacl_addr> addresses; // all of them must pass
  std::vector<uint8_t> protocols;   // and all of these
};

// From the arguments of the command.
Result<Question> make_question(const Context &context);

// The one port, and address if there is one, that a rule made of a command's
// arguments names; an error if it names more.
Result<void> check_one_port(const Context &context, const pacl_rule &rule);

// Whose rules answer, made ready.
struct Judge {
  const Policy &policy;
  const Settings &settings;
  uint64_t free_from;
};

// The answer for one protocol and address.
struct Answer {
  uint8_t protocol = PACL_PROTO_ANY;
  pacl_addr address{};
  bool privileged = false;
  bool judged = false; // whether rules are asked
  bool spared = false; // refused by a rule, but for mode permissive
  bool allowed = false;
  Decision decision = {};

  // Whether it is no rule that decides.
  bool by_kernel() const { return spared || decision.verdict == PACL_DEFAULT; }
};

pacl_request request_of(const Question &question, const Answer &answer,
                        uint64_t free_from);

std::vector<Answer> answer_all(const Question &question, const Judge &judge);

bool all_allowed(const std::vector<Answer> &answers);

// Whether the rule could matter for what is asked: it names the port, and the
// subject or everybody.
bool concerns(const pacl_rule &rule, const Question &question);

// One step towards another answer.
struct Remedy {
  enum class Kind { setting, setting_by_hand, remove, edit, add };
  Kind kind = Kind::add;
  std::string text; // a command, or what to do by hand
};

constexpr const char *nothing_while_locked =
    "nothing can be changed until the next reboot: the policy is locked";

// A command, "portaclctl ...", as it has to be given to work where this one
// does: with --root if this one has it.
std::string command_here(const Context &context, const std::string &command);

// What would turn the answer round, in the order in which it is to be done; the
// engine has confirmed that all of it together does. None while the policy is
// locked.
Result<std::vector<Remedy>> find_remedies(const Context &context,
                                          const Question &question,
                                          const ActivePolicy &in_force,
                                          uint64_t free_from);

// Whether it would be allowed with the files applied; empty where that would
// change nothing, or cannot be done.
Result<std::optional<bool>> allowed_after_apply(const Question &question,
                                                const ActivePolicy &in_force,
                                                uint64_t free_from);

// What that means, in words; empty if the answer stays as it is.
std::string apply_meaning(const std::optional<bool> &after, bool allowed);

} // namespace portacl

#endif
