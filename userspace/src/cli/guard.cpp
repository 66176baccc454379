// SPDX-License-Identifier: GPL-2.0-only

#include "cli/guard.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "lib/text.h"

namespace portacl {

namespace {

using Clock = std::chrono::steady_clock;

// What the process is told, and how it ends.
constexpr char word_begin = 'b';
constexpr char word_keep = 'k';
constexpr int end_kept = 0;
constexpr int end_undone = 1;
constexpr int end_failed = 2;

// Waits until one of them can be read; false when the time is over.
template <size_t N>
bool wait_for(std::array<pollfd, N> &files, Clock::time_point end) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0)
      return false;
    const int ready =
        poll(files.data(), files.size(), static_cast<int>(left.count()));
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
  }
}

// 0 for the end: nobody is there any more.
char next_word(const UniqueFd &fd) {
  char word = 0;
  ssize_t got = 0;
  do
    got = read(fd.get(), &word, 1);
  while (got < 0 && errno == EINTR);
  return got == 1 ? word : '\0';
}

// Neither the terminal nor its signals are this process's business.
void detach() {
  setsid();
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGQUIT})
    std::signal(signal, SIG_IGN);
  const UniqueFd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    dup2(nothing.get(), fd);
}

bool told_to_keep(const UniqueFd &fd, std::chrono::seconds time) {
  if (next_word(fd) != word_begin)
    return false;
  std::array<pollfd, 1> files = {{{fd.get(), POLLIN, 0}}};
  return wait_for(files, Clock::now() + time) && next_word(fd) == word_keep;
}

} // namespace

Result<Guard> Guard::start(std::chrono::seconds time, Undo undo) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_error(errno, "cannot make a pair of sockets");
  UniqueFd own(ends[0]);
  UniqueFd other(ends[1]);
  const pid_t process = fork();
  if (process < 0)
    return system_error(errno, "cannot start a process");
  if (process > 0)
    return Guard(std::move(own), process, std::move(undo));
  own = UniqueFd();
  detach();
  // Nothing of the parent's may be flushed or ended a second time.
  try {
    if (told_to_keep(other, time))
      _exit(end_kept);
    _exit(undo() ? end_undone : end_failed);
  } catch (...) {
    _exit(end_failed);
  }
}

void Guard::tell(char word) {
  // The process may be gone.
  static_cast<void>(send(fd_.get(), &word, 1, MSG_NOSIGNAL));
}

void Guard::begin() { tell(word_begin); }

int Guard::wait() {
  int status = 0;
  while (waitpid(process_, &status, 0) < 0) {
    if (errno != EINTR)
      return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<bool> Guard::keep() {
  tell(word_keep);
  switch (wait()) {
  case end_undone:
    return false;
  case end_failed:
    if (auto done = undo_(); !done)
      return done.error();
    return false;
  default:
    // Somebody has ended it, before it could undo anything.
    return true;
  }
}

Result<void> Guard::undo() {
  fd_ = UniqueFd();
  if (wait() == end_undone)
    return {};
  return undo_();
}

void forget_typed() { tcflush(STDIN_FILENO, TCIFLUSH); }

bool yes_in_time(std::chrono::seconds time) {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGTSTP})
    sigaddset(&signals, signal);
  const UniqueFd signal(signalfd(-1, &signals, SFD_CLOEXEC));
  std::array<pollfd, 2> files = {
      {{STDIN_FILENO, POLLIN, 0}, {signal.get(), POLLIN, 0}}};
  if (!wait_for(files, Clock::now() + time))
    return false;
  if (!signal || files[1].revents != 0) {
    signalfd_siginfo taken{};
    static_cast<void>(read(signal.get(), &taken, sizeof(taken)));
    return false;
  }
  std::array<char, 256> buffer{};
  const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
  const std::string_view answer(buffer.data(),
                                static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return answer.ends_with('\n') && is_yes(answer.substr(0, answer.size() - 1));
}

} // namespace portacl
