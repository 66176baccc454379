// SPDX-License-Identifier: GPL-2.0-only

#include "lib/shell_words.h"

#include <fmt/format.h>

#include "lib/text.h"

namespace portacl {

namespace {

std::string with_escapes(std::string_view text) {
  std::string word = "$'";
  for (const char ch : text) {
    const auto byte = static_cast<unsigned char>(ch);
    if (byte < ' ' || byte >= 0x7f)
      word += fmt::format("\\{:03o}", byte);
    else if (ch == '\'' || ch == '\\')
      word += fmt::format("\\{}", ch);
    else
      word += ch;
  }
  return word + "'";
}

} // namespace

std::string shell_word(std::string_view text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_./:,+@%=-";
  if (printable(text) != text)
    return with_escapes(text);
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos)
    return std::string(text);
  std::string word = "'";
  for (const char ch : text)
    word += ch == '\'' ? std::string("'\\''") : std::string(1, ch);
  return word + "'";
}

std::string shell_words(const std::vector<std::string> &words) {
  std::string command;
  for (const std::string &word : words)
    command += (command.empty() ? "" : " ") + shell_word(word);
  return command;
}

} // namespace portacl
