// SPDX-License-Identifier: GPL-2.0-only
// What of libsystemd is used, by the names of its own header.

#ifndef PORTACL_LIB_LIBSYSTEMD_CALLS_H
#define PORTACL_LIB_LIBSYSTEMD_CALLS_H

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "lib/library.h"

namespace portacl::lazy {

inline constinit Library libsystemd("libsystemd.so.0");

inline constinit Call<decltype(::sd_id128_get_boot)>
    sd_id128_get_boot(libsystemd, "sd_id128_get_boot");
inline constinit Call<decltype(::sd_id128_to_string)>
    sd_id128_to_string(libsystemd, "sd_id128_to_string");
inline constinit Call<decltype(::sd_journal_add_conjunction)>
    sd_journal_add_conjunction(libsystemd, "sd_journal_add_conjunction");
inline constinit Call<decltype(::sd_journal_add_disjunction)>
    sd_journal_add_disjunction(libsystemd, "sd_journal_add_disjunction");
inline constinit Call<decltype(::sd_journal_add_match)>
    sd_journal_add_match(libsystemd, "sd_journal_add_match");
inline constinit Call<decltype(::sd_journal_close)>
    sd_journal_close(libsystemd, "sd_journal_close");
inline constinit Call<decltype(::sd_journal_flush_matches)>
    sd_journal_flush_matches(libsystemd, "sd_journal_flush_matches");
inline constinit Call<decltype(::sd_journal_get_cursor)>
    sd_journal_get_cursor(libsystemd, "sd_journal_get_cursor");
inline constinit Call<decltype(::sd_journal_get_data)>
    sd_journal_get_data(libsystemd, "sd_journal_get_data");
inline constinit Call<decltype(::sd_journal_get_fd)>
    sd_journal_get_fd(libsystemd, "sd_journal_get_fd");
inline constinit Call<decltype(::sd_journal_get_monotonic_usec)>
    sd_journal_get_monotonic_usec(libsystemd, "sd_journal_get_monotonic_usec");
inline constinit Call<decltype(::sd_journal_get_realtime_usec)>
    sd_journal_get_realtime_usec(libsystemd, "sd_journal_get_realtime_usec");
inline constinit Call<decltype(::sd_journal_next)>
    sd_journal_next(libsystemd, "sd_journal_next");
inline constinit Call<decltype(::sd_journal_open)>
    sd_journal_open(libsystemd, "sd_journal_open");
inline constinit Call<decltype(::sd_journal_previous)>
    sd_journal_previous(libsystemd, "sd_journal_previous");
inline constinit Call<decltype(::sd_journal_process)>
    sd_journal_process(libsystemd, "sd_journal_process");
inline constinit Call<decltype(::sd_journal_seek_cursor)>
    sd_journal_seek_cursor(libsystemd, "sd_journal_seek_cursor");
inline constinit Call<decltype(::sd_journal_seek_head)>
    sd_journal_seek_head(libsystemd, "sd_journal_seek_head");
inline constinit Call<decltype(::sd_journal_seek_tail)>
    sd_journal_seek_tail(libsystemd, "sd_journal_seek_tail");

} // namespace portacl::lazy

#endif
