// SPDX-License-Identifier: GPL-2.0-only

#include "lib/result.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/text.h"

namespace portacl {

std::string error_text(const Error &error) {
  if (error.file.empty())
    return error.message;
  const std::string file = printable(error.file);
  if (error.line == 0)
    return fmt::format("{}: {}", file, error.message);
  if (error.column == 0)
    return fmt::format("{}:{}: {}", file, error.line, error.message);
  return fmt::format("{}:{}:{}: {}", file, error.line, error.column,
                     error.message);
}

Error system_error(int errnum, const std::string &what) {
  Error error;
  error.errnum = errnum;
  error.message = fmt::format("{}: {}", printable(what),
                              std::generic_category().message(errnum));
  if (errnum == EPERM || errnum == EACCES) {
    error.code = Code::permission;
    if (geteuid() != 0)
      error.hint = "run it as root, for example with sudo";
  }
  return error;
}

} // namespace portacl
