// SPDX-License-Identifier: GPL-2.0-only
// What the module writes into the kernel log, or into the audit log when audit
// is enabled: refusals and changes; see module/report.c.

#ifndef PORTACL_LIB_EVENTS_H
#define PORTACL_LIB_EVENTS_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/engine.h"

namespace portacl {

// The process that did it. A uid of nobody and an auid without a login are
// no_id.
struct Actor {
  static constexpr uint32_t no_id = UINT32_MAX;
  uint32_t uid = no_id;
  uint32_t auid = no_id;
  uint32_t pid = 0;         // 0 where the record does not tell
  std::string program = {}; // as the process calls itself: any bytes
};

enum class Reason { no_rule, denied, reserved, strict };

// "no_rule", "deny", "reserved", "strict": the words of the records.
std::string reason_name(Reason reason);

struct Refusal {
  // It would have been refused, but the mode was permissive.
  bool permissive = false;
  Reason reason = Reason::no_rule;
  // The canonical text of the rule that decided. Long ones are cut by the
  // kernel: then it is empty and rule_cut is set.
  std::string rule = {};
  bool rule_cut = false;
  std::string transport = {};        // "tcp", "mptcp", "dccp", ...
  uint8_t protocol = PACL_PROTO_ANY; // what a rule for it names
  pacl_addr address{};
  uint16_t port = 0;
  uint32_t gid = 0;
};

struct RulesChange {
  uint64_t generation = 0;
  uint64_t added = 0;
  uint64_t removed = 0;
  uint64_t rules = 0; // in force since, each range of a list counted as one
};

struct SettingChange {
  uint64_t generation = 0;
  std::string name = {};  // the file of the kernel: "strict"
  std::string value = {}; // the kernel's: "1"
};

struct ModuleChange {
  bool loaded = false;
};

// Records that the kernel has left out, because there were too many.
struct Lost {
  uint64_t count = 0;
  // Audit records, which need not be those of portacl.
  bool any_audit = false;
};

struct Event {
  uint64_t time = 0; // in microseconds since the epoch
  Actor by{};        // of refusals and changes
  std::variant<Refusal, RulesChange, SettingChange, ModuleChange, Lost> what =
      {};
  // Of an audit record: its time, serial number and text. The same one may come
  // by several ways.
  std::string audit_record = {};
};

// A message of the kernel itself, which the caller is sure of: anybody may
// write such a text into logs. Audit records that the kernel prints are read,
// too. Empty for what is not portacl's or not as it writes.
std::optional<Event> parse_kernel_message(std::string_view text, uint64_t time);

// The text of an audit record of this type (1400, 1403, 1405), which is what
// follows "audit(...): ".
struct AuditStamp {
  uint64_t milliseconds = 0; // since the epoch
  uint64_t serial = 0;
};
std::optional<Event> parse_audit_record(unsigned type, const AuditStamp &stamp,
                                        std::string_view text);

// A line of the file that auditd writes.
std::optional<Event> parse_audit_line(std::string_view line);

// What one read() of /dev/kmsg gives; start is the wall clock's time at which
// the kernel's clock began, in microseconds. Empty for what is not the
// kernel's own.
std::optional<Event> parse_kmsg_record(std::string_view record, uint64_t start);

} // namespace portacl

#endif
