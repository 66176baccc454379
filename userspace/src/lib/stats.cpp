// SPDX-License-Identifier: GPL-2.0-only

#include "lib/stats.h"

#include <string>

namespace portacl {

Result<Counts> read_counts(Kernel &kernel) {
  Counts counts;
  for (const Counter &counter : all_counters) {
    const auto count =
        read_number(kernel, std::string("stats/") + counter.name);
    if (!count)
      return count.error();
    counts.*counter.count = *count;
  }
  return counts;
}

} // namespace portacl
