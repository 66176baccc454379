// SPDX-License-Identifier: GPL-2.0-only

#include "lib/times.h"

#include <charconv>
#include <ctime>
#include <optional>

#include <fmt/format.h>

#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *time_hint =
    "write seconds since the epoch, 2026-12-24T18:00Z, "
    "2026-12-24T18:00+01:00, or local time: 2026-12-24T18:00, 2026-12-24";
constexpr const char *duration_hint =
    "write numbers with the units s, m, h, d or w, for example 10m or 1h30m";

Error not_a_time(std::string_view text) {
  return {.code = Code::usage,
          .message = fmt::format("expected a time: '{}'", excerpt(text)),
          .hint = time_hint};
}

// Reads a text from its beginning.
class Scanner final {
public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char ch) {
    if (!rest_.starts_with(ch))
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly so many digits.
  std::optional<int> number(size_t digits) {
    int value = 0;
    if (!all_digits(rest_.substr(0, digits)) || rest_.size() < digits)
      return std::nullopt;
    std::from_chars(rest_.data(), rest_.data() + digits, value);
    rest_.remove_prefix(digits);
    return value;
  }

private:
  std::string_view rest_;
};

bool scan_date(Scanner &scanner, tm &when) {
  const auto year = scanner.number(4);
  if (!year || !scanner.take('-'))
    return false;
  const auto month = scanner.number(2);
  if (!month || !scanner.take('-'))
    return false;
  const auto day = scanner.number(2);
  if (!day)
    return false;
  when.tm_year = *year - 1900;
  when.tm_mon = *month - 1;
  when.tm_mday = *day;
  return true;
}

bool scan_clock(Scanner &scanner, tm &when) {
  const auto hour = scanner.number(2);
  if (!hour || !scanner.take(':'))
    return false;
  const auto minute = scanner.number(2);
  const auto second = scanner.take(':') ? scanner.number(2) : 0;
  if (!minute || !second || *hour > 23 || *minute > 59 || *second > 59)
    return false;
  when.tm_hour = *hour;
  when.tm_min = *minute;
  when.tm_sec = *second;
  return true;
}

// Seconds east of UTC.
std::optional<int> scan_zone(Scanner &scanner) {
  if (scanner.take('Z'))
    return 0;
  const bool east = scanner.take('+');
  if (!east && !scanner.take('-'))
    return std::nullopt;
  const auto hours = scanner.number(2);
  scanner.take(':');
  const auto minutes = scanner.number(2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59)
    return std::nullopt;
  return (east ? 1 : -1) * (*hours * 3600 + *minutes * 60);
}

// timegm() and mktime() make the 31st of February a day in March.
bool same_day(const tm &a, const tm &b) {
  return a.tm_year == b.tm_year && a.tm_mon == b.tm_mon &&
         a.tm_mday == b.tm_mday;
}

std::optional<uint64_t> seconds_of_unit(char unit) {
  switch (unit) {
  case 's':
    return 1;
  case 'm':
    return 60;
  case 'h':
    return 3600;
  case 'd':
    return 86400;
  case 'w':
    return 7 * 86400;
  default:
    return std::nullopt;
  }
}

uint64_t microseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000 +
         static_cast<uint64_t>(now.tv_nsec) / 1000;
}

} // namespace

Result<uint64_t> parse_time(std::string_view text) {
  Scanner scanner(text);
  tm when{};
  when.tm_isdst = -1;
  if (!scan_date(scanner, when))
    return not_a_time(text);
  std::optional<int> zone;
  if (!scanner.at_end() && (!scanner.take('T') || !scan_clock(scanner, when)))
    return not_a_time(text);
  if (!scanner.at_end()) {
    zone = scan_zone(scanner);
    if (!zone || !scanner.at_end())
      return not_a_time(text);
  }
  tm normal = when;
  const time_t seconds = zone ? timegm(&normal) - *zone : mktime(&normal);
  if (!same_day(normal, when))
    return not_a_time(text);
  if (seconds < 1 || static_cast<uint64_t>(seconds) > PACL_MAX_TIME)
    return Error{.code = Code::usage,
                 .message = fmt::format("{}: '{}'",
                                        pacl_error_text(PACL_ERR_TIME_RANGE),
                                        excerpt(text))};
  return static_cast<uint64_t>(seconds);
}

Result<uint64_t> parse_duration(std::string_view text) {
  const Error wrong{
      .code = Code::usage,
      .message = all_digits(text)
                     ? fmt::format("a duration without a unit: '{}'", text)
                     : fmt::format("expected a duration: '{}'", excerpt(text)),
      .hint = duration_hint};
  uint64_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    uint64_t value = 0;
    const char *end = rest.data() + rest.size();
    const auto [unit, error] = std::from_chars(rest.data(), end, value);
    if (error == std::errc::invalid_argument || unit == end)
      return wrong;
    const auto factor = seconds_of_unit(*unit);
    if (!factor)
      return wrong;
    if (error != std::errc() || value > PACL_MAX_TIME / *factor ||
        total + value * *factor > PACL_MAX_TIME)
      return Error{.code = Code::usage,
                   .message = fmt::format("a duration that is too long: '{}'",
                                          excerpt(text))};
    total += value * *factor;
    rest.remove_prefix(static_cast<size_t>(unit + 1 - rest.data()));
  }
  if (text.empty())
    return wrong;
  if (total == 0)
    return Error{.code = Code::usage,
                 .message =
                     fmt::format("a duration of no time: '{}'", excerpt(text)),
                 .hint = duration_hint};
  return total;
}

std::string iso_time(uint64_t seconds) {
  const auto when = static_cast<time_t>(seconds);
  tm parts{};
  gmtime_r(&when, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                     parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

pacl_clock clock_now() {
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  return {.wall = static_cast<uint64_t>(time(nullptr)),
          .boot = static_cast<uint64_t>(boot.tv_sec)};
}

uint64_t monotonic_start() {
  return microseconds(CLOCK_REALTIME) - microseconds(CLOCK_MONOTONIC);
}

uint64_t boot_start() {
  return microseconds(CLOCK_REALTIME) - microseconds(CLOCK_BOOTTIME);
}

} // namespace portacl
