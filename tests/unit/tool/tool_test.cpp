// SPDX-License-Identifier: GPL-2.0-only

#include "tool_test.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace fs = std::filesystem;

TempRoot::TempRoot() {
  std::string name = (fs::temp_directory_path() / "portacl-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

TempRoot::~TempRoot() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void TempRoot::write(const std::string &file, const std::string &text,
                     unsigned mode) const {
  const fs::path path = path_ + file;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  fs::permissions(path, static_cast<fs::perms>(mode));
}

std::string TempRoot::read(const std::string &file) const {
  std::ostringstream text;
  text << std::ifstream(path_ + file, std::ios::binary).rdbuf();
  return text.str();
}

bool TempRoot::exists(const std::string &file) const {
  return fs::exists(fs::symlink_status(path_ + file));
}

void write_names(const TempRoot &root) {
  root.write("/etc/passwd", "root:x:0:0::/:/bin/sh\n"
                            "web:x:1001:1001::/:/bin/sh\n"
                            "eve:x:1002:1002::/:/bin/sh\n"
                            "user:x:1003:1003::/:/bin/sh\n"
                            "domain users:x:1004:1004::/:/bin/sh\n");
  root.write("/etc/group", "root:x:0:\n"
                           "mail:x:8:eve,web\n"
                           "web:x:1001:\n");
  root.write("/etc/services", "# comment\n"
                              "ssh 22/tcp # remote login\n"
                              "http 80/tcp www\n"
                              "ntp 123/udp\n"
                              "https 443/tcp\n"
                              "https 443/udp\n"
                              "9pfs 564/tcp\n"
                              "broken\n");
}

std::string FakeKernel::policy() const {
  std::string text =
      fmt::format("# portacl policy, generation {}\n", generation);
  for (const std::string &rule : rules)
    text += rule + "\n";
  return text + fmt::format("# end of generation {}\n", generation);
}

Result<std::string> FakeKernel::read(const std::string &attribute) {
  if (!loaded)
    return system_error(ENOENT, attribute);
  if (attribute == "generation")
    return fmt::format("{}\n", generation);
  if (attribute == "policy" && !next_policies.empty()) {
    const std::string text = next_policies.front();
    next_policies.erase(next_policies.begin());
    if (text.empty())
      return system_error(ESTALE, attribute);
    return text;
  }
  if (attribute == "policy")
    return policy();
  const auto found = fixed.find(attribute);
  if (found == fixed.end())
    return system_error(ENOENT, attribute);
  return found->second;
}

Result<void> FakeKernel::write(const std::string &attribute,
                               std::string_view data) {
  writes.emplace_back(attribute, data);
  if (const int error = refuse ? refuse() : 0; error != 0)
    return system_error(error, attribute);
  if (!data.ends_with('\n') || data.size() > 4095)
    return system_error(EINVAL, attribute);
  data.remove_suffix(1);
  std::set<std::string> changed = rules;
  for (const std::string_view line : split(data, '\n')) {
    const std::string text = rule_text(rule_from_text(line));
    if (attribute == "add")
      changed.insert(text);
    else if (changed.erase(text) == 0)
      return system_error(ENOENT, attribute);
  }
  if (changed != rules)
    generation++;
  rules = changed;
  return {};
}

Result<void> FakeKmod::load(const std::string &module) {
  calls.push_back("load " + module);
  if (error != 0)
    return system_error(error, "cannot load " + module);
  kernel_.loaded = true;
  return {};
}

Result<void> FakeKmod::unload(const std::string &name) {
  calls.push_back("unload " + name);
  if (error != 0)
    return system_error(error, "cannot unload " + name);
  kernel_.loaded = false;
  kernel_.rules.clear();
  return {};
}

Outcome ToolTest::run_tool(const std::vector<std::string> &arguments,
                           const std::string &input, bool terminal) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const Machine machine{.terminal = {.in = in,
                                     .out = out,
                                     .err = err,
                                     .in_is_terminal = terminal},
                        .kernel = kernel,
                        .kmod = kmod,
                        .root = root.path()};
  Outcome outcome;
  outcome.status = run(arguments, machine);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

} // namespace portacl
