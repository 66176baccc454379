// SPDX-License-Identifier: GPL-2.0-only

#include "lib/table.h"

#include <algorithm>

namespace portacl {

namespace {

// Continuation bytes of UTF-8 take no column.
size_t width(const std::string &text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char ch) {
    return (static_cast<unsigned char>(ch) & 0xc0U) != 0x80U;
  }));
}

} // namespace

std::string format_table(const std::vector<std::vector<std::string>> &rows) {
  std::vector<size_t> widths;
  for (const auto &row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); i++)
      widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto &row : rows) {
    std::string line;
    size_t padding = 0;
    for (size_t i = 0; i < row.size(); i++) {
      line.append(padding, ' ');
      line += row[i];
      padding = widths[i] - width(row[i]) + 2;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

} // namespace portacl
