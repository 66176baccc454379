// SPDX-License-Identifier: GPL-2.0-only

#include "lib/event_log.h"

#include <algorithm>

#include "lib/times.h"

namespace portacl {

namespace {

// Those of one time stay in the order in which they were read.
void sort_by_time(std::vector<Event> &events) {
  std::ranges::stable_sort(events, {}, &Event::time);
}

} // namespace

void Duplicates::drop(std::vector<Event> &events) {
  constexpr uint64_t minutes = 600000000; // ten, in microseconds
  std::erase_if(events, [this](const Event &event) {
    return !event.audit_record.empty() &&
           !records_.emplace(event.time, event.audit_record).second;
  });
  if (records_.empty())
    return;
  const uint64_t newest = records_.rbegin()->first;
  const uint64_t oldest = newest - std::min(newest, minutes);
  std::erase_if(records_,
                [oldest](const auto &record) { return record.first < oldest; });
}

Result<std::vector<Event>>
SystemEventLog::first_of_kernel(const WantedEvents &wanted) {
  auto journal = Journal::open(wanted.this_boot);
  if (!journal)
    return journal.error();
  if (*journal) {
    journal_ = std::move(*journal);
    return journal_->last(wanted.last);
  }
  auto kmsg = Kmsg::open(kmsg_path_);
  if (!kmsg)
    return kmsg.error();
  kmsg_ = std::move(*kmsg);
  std::vector<Event> events;
  if (auto done = kmsg_->read(events); !done)
    return done.error();
  return events;
}

Result<void> SystemEventLog::add_audit_log(const WantedEvents &wanted,
                                           std::vector<Event> &events) {
  auto audit = AuditLog::open(audit_path_);
  if (!audit && audit.error().code == Code::permission) {
    unreadable_.push_back(audit.error());
    return {};
  }
  if (!audit)
    return audit.error();
  if (!*audit)
    return {};
  audit_ = std::move(*audit);
  std::vector<Event> more;
  if (auto done = audit_->read(more); !done)
    return done;
  const uint64_t begin = wanted.this_boot ? boot_start() : 0;
  std::ranges::copy_if(
      more, std::back_inserter(events),
      [begin](const Event &event) { return event.time >= begin; });
  return {};
}

Result<std::vector<Event>> SystemEventLog::open(const WantedEvents &wanted) {
  auto events = first_of_kernel(wanted);
  if (!events)
    return events;
  if (auto added = add_audit_log(wanted, *events); !added)
    return added.error();
  sort_by_time(*events);
  duplicates_.drop(*events);
  if (events->size() > wanted.last)
    events->erase(events->begin(),
                  events->end() - static_cast<ptrdiff_t>(wanted.last));
  return events;
}

Result<std::vector<Event>> SystemEventLog::more() {
  std::vector<Event> events;
  Result<void> done;
  if (journal_)
    done = journal_->read(events);
  if (done && kmsg_)
    done = kmsg_->read(events);
  if (done && audit_)
    done = audit_->read(events);
  if (!done)
    return done.error();
  sort_by_time(events);
  duplicates_.drop(events);
  return events;
}

std::vector<int> SystemEventLog::descriptors() const {
  std::vector<int> descriptors;
  if (journal_)
    descriptors.push_back(journal_->descriptor());
  if (kmsg_)
    descriptors.push_back(kmsg_->descriptor());
  if (audit_)
    descriptors.push_back(audit_->descriptor());
  return descriptors;
}

std::vector<std::string> SystemEventLog::sources() const {
  std::vector<std::string> names;
  if (journal_)
    names.emplace_back("the systemd journal");
  if (kmsg_)
    names.emplace_back("the kernel log");
  if (audit_)
    names.push_back(audit_path_);
  return names;
}

} // namespace portacl
