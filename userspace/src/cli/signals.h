// SPDX-License-Identifier: GPL-2.0-only
// Signals that wait until a step is whole.

#ifndef PORTACL_CLI_SIGNALS_H
#define PORTACL_CLI_SIGNALS_H

#include <csignal>

#include <sys/signalfd.h>

#include "lib/fd.h"

namespace portacl {

// Those that end the tool.
inline sigset_t end_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&signals, signal);
  return signals;
}

// Keeps the signals that would end or stop the tool half-way waiting: a stopped
// one would keep the lock.
class SignalsBlocked final {
public:
  SignalsBlocked() : SignalsBlocked(with_stop()) {}
  explicit SignalsBlocked(const sigset_t &signals) {
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked &) = delete;
  SignalsBlocked &operator=(const SignalsBlocked &) = delete;

private:
  static sigset_t with_stop() {
    sigset_t signals = end_signals();
    sigaddset(&signals, SIGTSTP);
    return signals;
  }

  sigset_t before_{};
};

// Shows them as something to read, for a command that ends in no other way.
class EndSignals final {
public:
  EndSignals() {
    const sigset_t signals = end_signals();
    fd_ = UniqueFd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  }
  int descriptor() const { return fd_.get(); }
  // Takes one, so that it has no other effect.
  bool take() {
    signalfd_siginfo info{};
    return read(fd_.get(), &info, sizeof(info)) == sizeof(info);
  }

private:
  SignalsBlocked blocked_{end_signals()};
  UniqueFd fd_;
};

} // namespace portacl

#endif
