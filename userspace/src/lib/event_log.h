// SPDX-License-Identifier: GPL-2.0-only
// What this machine has recorded of refusals and changes.

#ifndef PORTACL_LIB_EVENT_LOG_H
#define PORTACL_LIB_EVENT_LOG_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/audit_log.h"
#include "lib/events.h"
#include "lib/journal.h"
#include "lib/kmsg.h"
#include "lib/result.h"

namespace portacl {

struct WantedEvents {
  size_t last = SIZE_MAX; // how many at most
  bool this_boot = false; // only those since
};

class EventLog {
public:
  EventLog() = default;
  EventLog(const EventLog &) = delete;
  EventLog &operator=(const EventLog &) = delete;
  virtual ~EventLog() = default;

  // What there is, oldest first. Called once.
  virtual Result<std::vector<Event>> open(const WantedEvents &wanted) = 0;
  // What has come since; poll() finds one of the descriptors readable when
  // there may be something.
  virtual Result<std::vector<Event>> more() = 0;
  virtual std::vector<int> descriptors() const = 0;

  // Where they come from: "the systemd journal"; and what is there as well, but
  // could not be read.
  virtual std::vector<std::string> sources() const = 0;
  virtual std::vector<Error> unreadable() const = 0;
};

// Keeps the first of the events that came by several ways. Of the audit records
// of the last few minutes, as a log may be followed for years.
class Duplicates final {
public:
  // In the order of time.
  void drop(std::vector<Event> &events);

private:
  std::set<std::pair<uint64_t, std::string>> records_;
};

// The systemd journal where it runs and may be read, else the kernel log; with
// them the file of auditd.
class SystemEventLog final : public EventLog {
public:
  SystemEventLog(std::string kmsg, std::string audit_log)
      : kmsg_path_(std::move(kmsg)), audit_path_(std::move(audit_log)) {}
  Result<std::vector<Event>> open(const WantedEvents &wanted) override;
  Result<std::vector<Event>> more() override;
  std::vector<int> descriptors() const override;
  std::vector<std::string> sources() const override;
  std::vector<Error> unreadable() const override { return unreadable_; }

private:
  Result<std::vector<Event>> first_of_kernel(const WantedEvents &wanted);
  Result<void> add_audit_log(const WantedEvents &wanted,
                             std::vector<Event> &events);

  std::string kmsg_path_;
  std::string audit_path_;
  std::optional<Journal> journal_;
  std::optional<Kmsg> kmsg_;
  std::optional<AuditLog> audit_;
  Duplicates duplicates_;
  std::vector<Error> unreadable_;
};

} // namespace portacl

#endif
