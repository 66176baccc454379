// SPDX-License-Identifier: GPL-2.0-only
// What the manual pages show works as shown, one line after the other.

#include <fstream>
#include <sstream>

#include "tool_test.h"

namespace portacl {
namespace {

struct Page {
  const char *name;
  size_t least_commands;
  size_t least_policies;
};

// What stands in the section EXAMPLES.
struct Examples {
  std::vector<std::string> commands; // without "portaclctl "
  std::vector<std::string> policies; // literal blocks
};

Examples examples(const std::string &page) {
  constexpr std::string_view command = "portaclctl ";
  std::ifstream file(PORTACL_MAN "/" + page + ".scd");
  Examples found;
  bool inside = false;
  bool literal = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# ") && !literal)
      inside = line == "# EXAMPLES";
    if (!inside)
      continue;
    if (line == "```") {
      literal = !literal;
      if (literal)
        found.policies.emplace_back();
      continue;
    }
    if (literal) {
      found.policies.back() += line + "\n";
      continue;
    }
    const size_t at = line.find_first_not_of('\t');
    if (at == std::string::npos ||
        line.compare(at, command.size(), command) != 0)
      continue;
    if (line.ends_with("++"))
      line.resize(line.size() - 2);
    found.commands.push_back(line.substr(at + command.size()));
  }
  return found;
}

class ManTest : public ToolTest, public testing::WithParamInterface<Page> {};

TEST_P(ManTest, ExamplesWork) {
  const Examples found = examples(GetParam().name);
  EXPECT_GE(found.commands.size(), GetParam().least_commands);
  for (const std::string &line : found.commands) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
      words.push_back(word);
    const Outcome outcome = run_tool(words);
    EXPECT_EQ(outcome.status, 0) << line << "\n" << outcome.err;
  }
}

TEST_P(ManTest, PoliciesAreGood) {
  const Examples found = examples(GetParam().name);
  EXPECT_GE(found.policies.size(), GetParam().least_policies);
  for (const std::string &policy : found.policies) {
    root.write("/example.conf", policy);
    const Outcome outcome = run_tool({"check", root.path() + "/example.conf"});
    EXPECT_EQ(outcome.status, 0) << policy << "\n" << outcome.err;
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, ManTest,
                         testing::Values(Page{"portaclctl.8", 25, 0},
                                         Page{"portacl.conf.5", 3, 4},
                                         Page{"portacl.7", 5, 0}));

} // namespace
} // namespace portacl
