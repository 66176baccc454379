// SPDX-License-Identifier: GPL-2.0-only
// Signals that wait until a step is whole.

#ifndef PORTACL_CLI_SIGNALS_H
#define PORTACL_CLI_SIGNALS_H

#include <csignal>

namespace portacl {

// Keeps the signals that would end the tool half-way waiting.
class SignalsBlocked final {
public:
  SignalsBlocked() {
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
      sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked &) = delete;
  SignalsBlocked &operator=(const SignalsBlocked &) = delete;

private:
  sigset_t before_{};
};

} // namespace portacl

#endif
