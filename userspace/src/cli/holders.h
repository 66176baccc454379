// SPDX-License-Identifier: GPL-2.0-only
// Whether those who have sockets may have them, and how to speak of them.

#ifndef PORTACL_CLI_HOLDERS_H
#define PORTACL_CLI_HOLDERS_H

#include <string>

#include "cli/in_force.h"
#include "lib/listeners.h"

namespace portacl {

// Of the namespaces that the scope is, the kernel's or that of the files.
Result<Listeners> read_holders(const Context &context, const Settings &settings,
                               const SocketFilter &wanted = {});

// Whether nobody was found who has the socket and is the user who made it: at
// the next bind that is somebody who was not seen.
bool binds_unseen(const Listener &listener);

// Who made the socket, as he would make it again. Who gives up being root has
// the capability when he binds.
Identity as_creator(const Context &context, const NetNamespace &space,
                    const Socket &socket);

// One bind, by the rules alone: no capability counts.
Decision decide(const Policy &policy, const Socket &socket,
                const Identity &identity, uint64_t unprivileged_start);

enum class Standing {
  rule,       // an allow grants it
  capability, // which passes
  free,       // the port needs neither
  kernel,     // a socket of the kernel's own
  refused,
  unknown, // refused, unless by a right that was not to be seen
};

struct Judgement {
  Standing standing = Standing::unknown;
  pacl_verdict verdict = PACL_DEFAULT; // of the rules
  std::string rule = {};               // canonical text, if one decided
  uint32_t uid = 0;                    // whose right it is
};

// Judges binds as the module does with these rules and settings, its mode
// included.
class ListenerJudge final {
public:
  static Result<ListenerJudge> make(const std::vector<std::string> &rules,
                                    const Settings &settings);

  // A socket is fine if any of its holders or its creator may bind it. The
  // capability of a holder counts only if he or root made it: others may be
  // programs that are set-uid.
  Judgement judge(const Context &context, const Listeners &listeners,
                  const Listener &listener) const;

private:
  ListenerJudge(Policy policy, bool strict, bool enforce)
      : policy_(std::move(policy)), strict_(strict), enforce_(enforce) {}
  Judgement judge_as(const Socket &socket, const Identity &identity,
                     uint64_t unprivileged_start) const;
  bool is_unsure(const Listeners &listeners, const Listener &listener,
                 const Judgement &judgement) const;

  Policy policy_;
  bool strict_;
  bool enforce_;
};

// "user web", "uid 1001".
std::string user_label(const Context &context, uint32_t uid);

// "0.0.0.0", "::%eth0".
std::string socket_address(const Socket &socket);

// "portaclctl allow user web 443/tcp".
std::string allow_command(const Context &context, uint32_t uid,
                          const Socket &socket);

// "443/tcp on 0.0.0.0 of nginx (pid 913, user web)".
std::string describe_socket(const Context &context, const Listener &listener);

Json socket_json(const Context &context, const Listeners &listeners,
                 const Listener &listener);

} // namespace portacl

#endif
