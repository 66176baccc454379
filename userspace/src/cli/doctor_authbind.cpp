// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/doctor.h"
#include "cli/import.h"
#include "lib/config_dirs.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Of the Debian package, and of "make install" of the sources.
constexpr const char *package_helper = "/usr/lib/authbind/helper";
constexpr const char *local_helper = "/usr/local/lib/authbind/helper";

bool has_authbind_helper(const Context &context, const char *helper) {
  return static_cast<bool>(
      open_in_root(context.root, context.root + helper, open_to_look));
}

} // namespace

Findings check_authbind(const Context &context) {
  const auto imported = import_authbind(context);
  if (!imported)
    return {{.health = Health::warn,
             .text = "whether authbind lets users bind ports is not known: " +
                     error_text(imported.error()),
             .fix = imported.error().hint}};
  const bool of_package = has_authbind_helper(context, package_helper);
  const bool local = has_authbind_helper(context, local_helper);
  const bool helper = of_package || local;
  const auto grants = static_cast<size_t>(
      std::ranges::count_if(imported->rules, [](const ImportedRule &rule) {
        return rule.rule.starts_with("allow ");
      }));
  if (grants == 0)
    return {{.text = helper
                         ? "authbind is installed and lets nobody bind a port"
                         : "authbind is not in use"}};
  std::string fix = "portaclctl import authbind\n";
  if (local)
    fix += fmt::format("rm {}\n", local_helper);
  if (of_package || !local)
    fix += "apt-get purge authbind";
  return {{.health = Health::warn,
           .text = fmt::format("authbind lets users bind ports: {} in {}{}{}",
                               counted(grants, "grant"), context.root,
                               authbind_directory,
                               helper ? ""
                                      : ", which have no effect while its "
                                        "helper is not installed"),
           .fix = std::move(fix)}};
}

} // namespace portacl
