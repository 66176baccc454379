// SPDX-License-Identifier: GPL-2.0-only
// The files that auditd writes. Where it runs, audit records reach no other
// log, unless the journal asks for them, too.

#ifndef PORTACL_LIB_AUDIT_LOG_H
#define PORTACL_LIB_AUDIT_LOG_H

#include <optional>
#include <string>
#include <vector>

#include "lib/events.h"
#include "lib/fd.h"
#include "lib/result.h"

namespace portacl {

class AuditLog final {
public:
  // Empty where there is no such file.
  static Result<std::optional<AuditLog>> open(const std::string &path);

  // Adds what has come since the last call; the first one adds all there is,
  // in the files that auditd has put away (".1" and so on), too.
  Result<void> read(std::vector<Event> &events);
  int descriptor() const { return watch_.get(); }

private:
  explicit AuditLog(std::string path) : path_(std::move(path)) {}
  Result<void> read_older(std::vector<Event> &events) const;
  Result<void> read_file(const UniqueFd &fd, std::string &rest,
                         std::vector<Event> &events) const;
  bool is_replaced() const;

  std::string path_;
  UniqueFd watch_;   // says when its directory changes
  UniqueFd fd_;      // the file, at its end
  std::string rest_; // the beginning of its last line
  bool older_read_ = false;
};

} // namespace portacl

#endif
