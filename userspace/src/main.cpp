// SPDX-License-Identifier: GPL-2.0-only
// portaclctl - say who may bind which ports

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/context.h"
#include "uapi/portacl.h"

namespace {

std::string_view environment(const char *name) {
  const char *value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

size_t columns(int terminal) {
  constexpr size_t usual = 80;
  winsize size{};
  return ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col != 0
             ? size.ws_col
             : usual;
}

} // namespace

int main(int argc, char **argv) {
  try {
    portacl::SysfsKernel kernel(PORTACL_SYSFS);
    portacl::LibKmod kmod;
    portacl::ProcSysctl sysctl("/proc/sys/net/ipv4");
    portacl::DiagSockets sockets;
    portacl::SystemEventLog events("/dev/kmsg", "/var/log/audit/audit.log");
    portacl::SystemPrograms programs;
    const portacl::Machine machine{
        .terminal = {.in = std::cin,
                     .out = std::cout,
                     .err = std::cerr,
                     .in_is_terminal = isatty(STDIN_FILENO) == 1,
                     .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                     .err_is_terminal = isatty(STDERR_FILENO) == 1,
                     .color_wanted = environment("NO_COLOR").empty() &&
                                     environment("TERM") != "dumb",
                     .err_columns = columns(STDERR_FILENO),
                     .out_fd = STDOUT_FILENO},
        .kernel = kernel,
        .kmod = kmod,
        .sysctl = sysctl,
        .sockets = sockets,
        .events = events,
        .programs = programs};
    return portacl::run({argv + 1, argv + argc}, machine);
  } catch (const std::exception &error) {
    std::cerr << "portaclctl: " << error.what() << '\n';
    return static_cast<int>(portacl::Code::system);
  }
}
