// SPDX-License-Identifier: GPL-2.0-only
// A change on trial: a process of its own takes it back unless it is told in
// time that all is well, whatever has become of who made the change.

#ifndef PORTACL_CLI_GUARD_H
#define PORTACL_CLI_GUARD_H

#include <chrono>
#include <functional>

#include <sys/types.h>

#include "lib/fd.h"
#include "lib/result.h"

namespace portacl {

class Guard final {
public:
  using Undo = std::function<Result<void>()>;

  // Starts the process, which holds all locks that are held now until it ends.
  // It undoes the change in its own copy of everything, and prints nothing.
  static Result<Guard> start(std::chrono::seconds time, Undo undo);

  Guard(Guard &&other) noexcept = default;
  Guard &operator=(Guard &&) = delete;
  Guard(const Guard &) = delete;
  Guard &operator=(const Guard &) = delete;
  ~Guard() = default;

  // The time runs from here; until then only this process's death counts.
  void begin();

  // Each may be called once, and waits for the process to end. keep() is false
  // where the time was over and the change is undone.
  Result<bool> keep();
  Result<void> undo();

private:
  Guard(UniqueFd fd, pid_t process, Undo undo)
      : fd_(std::move(fd)), process_(process), undo_(std::move(undo)) {}

  void tell(char word);
  int wait();

  UniqueFd fd_;
  pid_t process_;
  Undo undo_;
};

// What was typed before the question is no answer to it.
void forget_typed();

// Whether a line "y" or "yes" comes from the terminal within the time. SIGHUP,
// SIGINT, SIGTERM and SIGTSTP, which must be blocked, are a no.
bool yes_in_time(std::chrono::seconds time);

} // namespace portacl

#endif
