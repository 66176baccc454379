// SPDX-License-Identifier: GPL-2.0-only
// portaclctl - say who may bind which ports

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

#include <unistd.h>

#include "cli/context.h"
#include "uapi/portacl.h"

namespace {

std::string_view environment(const char *name) {
  const char *value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

} // namespace

int main(int argc, char **argv) {
  try {
    portacl::SysfsKernel kernel(PORTACL_SYSFS);
    portacl::LibKmod kmod;
    portacl::ProcSysctl sysctl("/proc/sys/net/ipv4");
    const portacl::Machine machine{
        .terminal = {.in = std::cin,
                     .out = std::cout,
                     .err = std::cerr,
                     .in_is_terminal = isatty(STDIN_FILENO) == 1,
                     .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                     .err_is_terminal = isatty(STDERR_FILENO) == 1,
                     .color_wanted = environment("NO_COLOR").empty() &&
                                     environment("TERM") != "dumb"},
        .kernel = kernel,
        .kmod = kmod,
        .sysctl = sysctl};
    return portacl::run({argv + 1, argv + argc}, machine);
  } catch (const std::exception &error) {
    std::cerr << "portaclctl: " << error.what() << '\n';
    return static_cast<int>(portacl::Code::system);
  }
}
