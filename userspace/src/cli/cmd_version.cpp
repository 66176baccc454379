// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/commands.h"
#include "lib/kernel_files.h"
#include "lib/text.h"
#include "uapi/portacl.h"
#include "version.h"

namespace portacl {

int cmd_version(const Context &context) {
  context.console.text("portaclctl " PORTACL_VERSION "\n");
  Json module = nullptr;
  if (context.options.root.empty()) {
    const auto abi = read_number(context.kernel, "abi");
    const auto version = read_line(context.kernel, "version");
    if (abi && version) {
      context.console.text(
          fmt::format("module {} (abi {})\n", printable(*version), *abi));
      module = {{"version", *version}, {"abi", *abi}};
    } else {
      context.console.text(is_built_in(context.root, PORTACL_MODULE)
                               ? "module built in, not switched on\n"
                               : "module not loaded\n");
    }
  }
  context.console.json("version",
                       {{"tool", PORTACL_VERSION}, {"module", module}});
  return static_cast<int>(Code::done);
}

} // namespace portacl
