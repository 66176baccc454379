// SPDX-License-Identifier: GPL-2.0-only

#include "lib/programs.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "lib/fd.h"
#include "lib/text.h"

namespace portacl {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t most_output = size_t{64} << 20;
constexpr std::array<const char *, 4> directories = {"/usr/sbin/", "/usr/bin/",
                                                     "/sbin/", "/bin/"};

std::string find_program(const std::string &name) {
  for (const char *directory : directories) {
    std::string path = directory + name;
    if (access(path.c_str(), X_OK) == 0)
      return path;
  }
  return {};
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return system_error(errno, "cannot make a pipe");
  return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

// A child that is killed where it is left alone.
class Child final {
public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child &) = delete;
  Child &operator=(const Child &) = delete;
  ~Child() {
    if (pid_ <= 0)
      return;
    kill(pid_, SIGKILL);
    wait_for_end();
  }

  int end() {
    const int status = wait_for_end();
    pid_ = 0;
    constexpr int signalled = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status)
                             : signalled + WTERMSIG(status);
  }

private:
  int wait_for_end() const {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  pid_t pid_;
};

Result<pid_t> start(const std::string &path,
                    const std::vector<std::string> &arguments, const Pipe &out,
                    const Pipe &err) {
  std::vector<std::string> words = arguments;
  std::vector<char *> argv;
  argv.reserve(words.size() + 1);
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<std::string, 2> settings = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                         "LC_ALL=C"};
  std::array<char *, 3> environment = {settings[0].data(), settings[1].data(),
                                       nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr,
                                argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return system_error(error, "cannot run " + path);
  return pid;
}

// Reads both pipes to their ends, or until the deadline. Returns an errno.
int read_outputs(const Pipe &out, const Pipe &err, Clock::time_point deadline,
                 ProgramOutput &output) {
  std::array<pollfd, 2> polled = {
      pollfd{.fd = out.read.get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = err.read.get(), .events = POLLIN, .revents = 0}};
  const std::array<std::string *, 2> texts = {&output.out, &output.err};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    if (left.count() <= 0)
      return ETIMEDOUT;
    if (poll(polled.data(), polled.size(), static_cast<int>(left.count())) <
            0 &&
        errno != EINTR)
      return errno;
    for (size_t i = 0; i < polled.size(); i++) {
      if (polled.at(i).fd < 0 || polled.at(i).revents == 0)
        continue;
      std::array<char, 65536> buffer{};
      const ssize_t got = read(polled.at(i).fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return errno;
      if (got == 0)
        polled.at(i).fd = -1;
      texts.at(i)->append(buffer.data(), static_cast<size_t>(got));
      if (texts.at(i)->size() > most_output)
        return EFBIG;
    }
  }
  return 0;
}

} // namespace

Result<ProgramOutput>
SystemPrograms::run(const std::vector<std::string> &arguments) {
  const std::string what = "cannot run " + arguments.at(0);
  const std::string path = find_program(arguments.at(0));
  if (path.empty())
    return system_error(ENOENT, what);
  auto out = make_pipe();
  auto err = make_pipe();
  if (!out)
    return out.error();
  if (!err)
    return err.error();
  const auto pid = start(path, arguments, *out, *err);
  if (!pid)
    return pid.error();
  Child child(*pid);
  // Or there would be no end of file.
  out->write = UniqueFd();
  err->write = UniqueFd();
  ProgramOutput output;
  if (const int error =
          read_outputs(*out, *err, Clock::now() + longest_run_, output);
      error != 0)
    return system_error(error, what);
  output.status = child.end();
  return output;
}

Result<ProgramOutput>
NoPrograms::run(const std::vector<std::string> &arguments) {
  return system_error(ENOENT, "cannot run " + arguments.at(0));
}

} // namespace portacl
