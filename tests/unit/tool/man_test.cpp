// SPDX-License-Identifier: GPL-2.0-only
// What the manual page shows works as shown, one line after the other.

#include <fstream>
#include <sstream>

#include "tool_test.h"

namespace portacl {
namespace {

std::vector<std::string> examples() {
  std::ifstream file(PORTACL_MAN "/portaclctl.8.scd");
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# "))
      inside = line == "# EXAMPLES";
    const size_t command = line.find_first_not_of("\t");
    if (!inside || command == std::string::npos ||
        line.compare(command, 11, "portaclctl ") != 0)
      continue;
    if (line.ends_with("++"))
      line.resize(line.size() - 2);
    lines.push_back(line.substr(command + 11));
  }
  return lines;
}

class ManTest : public ToolTest {};

TEST_F(ManTest, ExamplesWork) {
  const auto lines = examples();
  EXPECT_GT(lines.size(), 15U);
  for (const std::string &line : lines) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
      words.push_back(word);
    const Outcome outcome = run_tool(words);
    EXPECT_EQ(outcome.status, 0) << line << "\n" << outcome.err;
  }
}

} // namespace
} // namespace portacl
