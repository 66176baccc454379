// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/lint.h"
#include "lib/config_dirs.h"
#include "lib/text.h"

namespace portacl {

int cmd_cat_config(const Context &context) {
  const ConfigFiles found = find_config_files(context.root);
  note_hidden(context, found);
  Code worst = Code::done;
  const auto refuse = [&](const Error &error) {
    context.console.error(error);
    worst = std::max(worst, error.code);
  };
  for (const Error &error : found.errors)
    refuse(error);
  Json files = Json::array();
  bool first = true;
  for (const std::string &path : found.paths) {
    const auto text = read_config_file(context.root, path);
    if (!text) {
      refuse(text.error());
      continue;
    }
    context.console.text(
        fmt::format("{}# {}\n", first ? "" : "\n", printable(path)));
    context.console.text(*text);
    if (!text->empty() && !text->ends_with('\n'))
      context.console.text("\n");
    files.push_back({{"path", path}, {"text", *text}});
    first = false;
  }
  context.console.json("cat_config", {{"files", files}});
  return static_cast<int>(worst);
}

} // namespace portacl
