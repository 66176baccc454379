// SPDX-License-Identifier: GPL-2.0-only
// The systemd journal, as far as it has what the kernel says.

#ifndef PORTACL_LIB_JOURNAL_H
#define PORTACL_LIB_JOURNAL_H

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "lib/events.h"
#include "lib/result.h"

struct sd_journal;

namespace portacl {

class Journal final {
public:
  // Empty where journald does not run, or keeps from the caller what the kernel
  // has said since boot.
  static Result<std::optional<Journal>> open(bool this_boot);

  // So many of the last events, oldest first.
  Result<std::vector<Event>> last(size_t count);
  // Adds what has come since last() or read().
  Result<void> read(std::vector<Event> &events);
  int descriptor() const { return descriptor_; }

private:
  struct Close {
    void operator()(sd_journal *journal) const;
  };

  Journal() = default;
  Result<void> match(bool this_boot);

  std::unique_ptr<sd_journal, Close> journal_;
  int descriptor_ = -1; // the library's
};

} // namespace portacl

#endif
