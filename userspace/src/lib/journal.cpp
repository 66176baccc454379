// SPDX-License-Identifier: GPL-2.0-only

#include "lib/journal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <linux/audit.h>

#include "lib/libsystemd_calls.h"
#include "lib/numbers.h"

namespace portacl {

namespace {

Error journal_error(int result) {
  return system_error(-result, "cannot read the systemd journal");
}

std::string this_boot_match() {
  sd_id128_t id{};
  std::array<char, SD_ID128_STRING_MAX> text{};
  if (lazy::sd_id128_get_boot(&id) < 0)
    return {};
  return fmt::format("_BOOT_ID={}", lazy::sd_id128_to_string(id, text.data()));
}

int add_match(sd_journal *journal, const std::string &match) {
  return lazy::sd_journal_add_match(journal, match.data(), match.size());
}

// Fields that begin with '_' are journald's own, and SYSLOG_FACILITY is, too,
// for what comes by way of the kernel log; 0 is the kernel itself.
int match_kernel(sd_journal *journal) {
  const int result = add_match(journal, "_TRANSPORT=kernel");
  return result < 0 ? result : add_match(journal, "SYSLOG_FACILITY=0");
}

int match_audit(sd_journal *journal) {
  int result = add_match(journal, "_TRANSPORT=audit");
  for (const int type :
       {AUDIT_AVC, AUDIT_MAC_POLICY_LOAD, AUDIT_MAC_CONFIG_CHANGE}) {
    if (result >= 0)
      result = add_match(journal, fmt::format("_AUDIT_TYPE={}", type));
  }
  return result;
}

// Valid until the next call for this journal.
std::string_view field(sd_journal *journal, const char *name) {
  const void *data = nullptr;
  size_t size = 0;
  if (lazy::sd_journal_get_data(journal, name, &data, &size) < 0)
    return {};
  const std::string_view text(static_cast<const char *>(data), size);
  return text.substr(std::min(text.find('=') + 1, size));
}

std::optional<uint64_t> number_field(sd_journal *journal, const char *name) {
  return number_of<uint64_t>(field(journal, name));
}

// When the kernel said it, which journald may have read much later.
uint64_t kernel_time(sd_journal *journal) {
  uint64_t received = 0;
  uint64_t monotonic = 0;
  sd_id128_t boot{};
  if (lazy::sd_journal_get_realtime_usec(journal, &received) < 0)
    return 0;
  const auto said = number_field(journal, "_SOURCE_MONOTONIC_TIMESTAMP");
  if (!said ||
      lazy::sd_journal_get_monotonic_usec(journal, &monotonic, &boot) < 0 ||
      *said > monotonic || monotonic - *said > received)
    return received;
  return received - (monotonic - *said);
}

std::optional<Event> audit_event(sd_journal *journal) {
  const auto type = number_field(journal, "_AUDIT_TYPE");
  const auto serial = number_field(journal, "_AUDIT_ID");
  const auto time = number_field(journal, "_SOURCE_REALTIME_TIMESTAMP");
  if (!type || !serial || !time)
    return std::nullopt;
  // "AVC lsm=portacl ..."
  std::string_view text = field(journal, "MESSAGE");
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  return parse_audit_record(static_cast<unsigned>(*type),
                            {.milliseconds = *time / 1000, .serial = *serial},
                            text);
}

std::optional<Event> current_event(sd_journal *journal) {
  if (field(journal, "_TRANSPORT") == "audit")
    return audit_event(journal);
  const std::string message(field(journal, "MESSAGE"));
  if (message.find("portacl") == std::string::npos &&
      message.find("audit") == std::string::npos)
    return std::nullopt;
  return parse_kernel_message(message, kernel_time(journal));
}

} // namespace

void Journal::Close::operator()(sd_journal *journal) const {
  lazy::sd_journal_close(journal);
}

Result<void> Journal::match(bool this_boot) {
  sd_journal *journal = journal_.get();
  lazy::sd_journal_flush_matches(journal);
  int result = match_kernel(journal);
  if (result >= 0)
    result = lazy::sd_journal_add_disjunction(journal);
  if (result >= 0)
    result = match_audit(journal);
  if (result >= 0 && this_boot)
    result = lazy::sd_journal_add_conjunction(journal);
  if (result >= 0 && this_boot)
    result = add_match(journal, this_boot_match());
  if (result < 0)
    return journal_error(result);
  return {};
}

Result<std::optional<Journal>> Journal::open(bool this_boot) {
  // Without the library the kernel log has to do.
  if (auto there = lazy::libsystemd.load(); !there)
    return std::optional<Journal>();
  sd_journal *opened = nullptr;
  // Fails where there is no journal at all, or this is another system's.
  if (lazy::sd_journal_open(&opened,
                            SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) < 0)
    return std::optional<Journal>();
  Journal journal;
  journal.journal_.reset(opened);
  const std::string boot = this_boot_match();
  if (boot.empty() || match_kernel(opened) < 0 || add_match(opened, boot) < 0 ||
      lazy::sd_journal_seek_tail(opened) < 0 ||
      lazy::sd_journal_previous(opened) <= 0)
    return std::optional<Journal>();
  if (auto matched = journal.match(this_boot); !matched)
    return matched.error();
  const int descriptor = lazy::sd_journal_get_fd(opened);
  if (descriptor < 0)
    return journal_error(descriptor);
  journal.descriptor_ = descriptor;
  return std::optional(std::move(journal));
}

Result<std::vector<Event>> Journal::last(size_t count) {
  sd_journal *journal = journal_.get();
  std::vector<Event> events;
  std::set<std::string> records;
  int result = lazy::sd_journal_seek_tail(journal);
  if (result >= 0)
    result = lazy::sd_journal_previous(journal);
  // Where read() goes on.
  char *text = nullptr;
  if (result > 0)
    result = lazy::sd_journal_get_cursor(journal, &text);
  const std::unique_ptr<char, decltype(&std::free)> cursor(text, std::free);
  if (result < 0)
    return journal_error(result);
  for (int more = cursor ? 1 : 0; more > 0 && events.size() < count;
       more = lazy::sd_journal_previous(journal)) {
    auto event = current_event(journal);
    // Audit records come from the kernel log, too.
    if (event && (event->audit_record.empty() ||
                  records.insert(event->audit_record).second))
      events.push_back(std::move(*event));
  }
  std::ranges::reverse(events);
  result = cursor ? lazy::sd_journal_seek_cursor(journal, cursor.get())
                  : lazy::sd_journal_seek_head(journal);
  if (result >= 0 && cursor)
    result = lazy::sd_journal_next(journal);
  if (result < 0)
    return journal_error(result);
  return events;
}

Result<void> Journal::read(std::vector<Event> &events) {
  sd_journal *journal = journal_.get();
  int result = lazy::sd_journal_process(journal);
  while (result >= 0 && (result = lazy::sd_journal_next(journal)) > 0) {
    if (auto event = current_event(journal))
      events.push_back(std::move(*event));
  }
  if (result < 0)
    return journal_error(result);
  return {};
}

} // namespace portacl
