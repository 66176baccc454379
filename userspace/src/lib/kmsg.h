// SPDX-License-Identifier: GPL-2.0-only
// The kernel log, as /dev/kmsg gives it: the messages since boot that it still
// has room for.

#ifndef PORTACL_LIB_KMSG_H
#define PORTACL_LIB_KMSG_H

#include <cstdint>
#include <string>
#include <vector>

#include "lib/events.h"
#include "lib/fd.h"
#include "lib/result.h"

namespace portacl {

class Kmsg final {
public:
  // Code::permission where only the privileged may read it.
  static Result<Kmsg> open(const std::string &path);
  // Takes a descriptor that does not block and gives one record a read; start
  // as for parse_kmsg_record().
  Kmsg(UniqueFd fd, uint64_t start) : fd_(std::move(fd)), start_(start) {}

  // Adds what has come since the last call, at first all there is.
  Result<void> read(std::vector<Event> &events);
  int descriptor() const { return fd_.get(); }

private:
  UniqueFd fd_;
  uint64_t start_;
};

} // namespace portacl

#endif
