// SPDX-License-Identifier: GPL-2.0-only
// Times and durations as people write them.

#ifndef PORTACL_LIB_TIMES_H
#define PORTACL_LIB_TIMES_H

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/engine.h"
#include "lib/result.h"

namespace portacl {

// "2026-12-24T18:00Z", with seconds or another zone, if wanted; without a zone
// it is local time, a date alone is its local midnight. Seconds since the
// epoch; Code::usage for anything else.
Result<uint64_t> parse_time(std::string_view text);

// "90s", "10m", "1h30m", "2d", "1w": in seconds, more than 0.
Result<uint64_t> parse_duration(std::string_view text);

// ISO 8601, UTC.
std::string iso_time(uint64_t seconds);

// What time it is for the engine.
pacl_clock clock_now();

// The wall clock's time at which the monotonic clock began, which the kernel
// log goes by, and that at which the machine was started; in microseconds.
uint64_t monotonic_start();
uint64_t boot_start();

} // namespace portacl

#endif
