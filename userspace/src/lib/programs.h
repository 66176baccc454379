// SPDX-License-Identifier: GPL-2.0-only
// Other programs, for what only they can tell.

#ifndef PORTACL_LIB_PROGRAMS_H
#define PORTACL_LIB_PROGRAMS_H

#include <chrono>
#include <string>
#include <vector>

#include "lib/result.h"

namespace portacl {

struct ProgramOutput {
  int status = 0; // of exit; 128 + N if signal N ended it
  std::string out = {};
  std::string err = {};
};

class Programs {
public:
  Programs() = default;
  Programs(const Programs &) = delete;
  Programs &operator=(const Programs &) = delete;
  virtual ~Programs() = default;

  // Runs a program of the system's own directories to its end, in the C locale
  // and without input. Errors carry the errno: ENOENT if there is no such
  // program, ETIMEDOUT and EFBIG if it is killed because it takes too long or
  // prints more than 64 MiB.
  virtual Result<ProgramOutput>
  run(const std::vector<std::string> &arguments) = 0;
};

class SystemPrograms final : public Programs {
public:
  explicit SystemPrograms(
      std::chrono::milliseconds longest_run = std::chrono::seconds{30})
      : longest_run_(longest_run) {}
  Result<ProgramOutput> run(const std::vector<std::string> &arguments) override;

private:
  std::chrono::milliseconds longest_run_;
};

// Below a root there are files only: no program is found.
class NoPrograms final : public Programs {
public:
  Result<ProgramOutput> run(const std::vector<std::string> &arguments) override;
};

} // namespace portacl

#endif
