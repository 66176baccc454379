// SPDX-License-Identifier: GPL-2.0-only

#include "lib/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace portacl {

namespace {

// Letters to add, drop, replace or swap with their neighbour.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> older(b.size() + 1);
  std::vector<size_t> old(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); i++) {
    older.swap(old);
    old.swap(row);
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); j++) {
      const size_t replaced = old[j] + (a[i] == b[j] ? 0 : 1);
      row[j + 1] = std::min({row[j] + 1, old[j + 1] + 1, replaced});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = std::min(row[j + 1], older[j - 1] + 1);
    }
  }
  return row.back();
}

// A character of UTF-8; its size is 0 where the text is not UTF-8.
struct Character {
  uint32_t code = 0;
  size_t size = 0;
};

Character first_character(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte < 0x80)
    return {byte, 1};
  const size_t size = byte >= 0xf8   ? 0
                      : byte >= 0xf0 ? 4
                      : byte >= 0xe0 ? 3
                      : byte >= 0xc0 ? 2
                                     : 0;
  if (size == 0 || text.size() < size)
    return {};
  uint32_t code = byte & (0xffU >> (size + 1));
  for (size_t i = 1; i < size; i++) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80)
      return {};
    code = code << 6 | (next & 0x3fU);
  }
  // The shortest form is the only one.
  constexpr std::array<uint32_t, 5> lowest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < lowest.at(size) || code > 0x10ffff || surrogate)
    return {};
  return {code, size};
}

bool is_harmless(uint32_t code) {
  constexpr std::array<std::pair<uint32_t, uint32_t>, 6> harmful = {
      {{0, 0x1f},
       {0x7f, 0x9f},
       {0x61c, 0x61c},
       {0x200e, 0x200f},
       {0x202a, 0x202e},
       {0x2066, 0x2069}}};
  return std::ranges::none_of(harmful, [code](const auto &range) {
    return code >= range.first && code <= range.second;
  });
}

} // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const Character next = first_character(text);
    const size_t size = std::max<size_t>(next.size, 1);
    if (next.size != 0 && is_harmless(next.code)) {
      shown += text.substr(0, size);
    } else {
      for (const char ch : text.substr(0, size))
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(ch));
    }
    text.remove_prefix(size);
  }
  return shown;
}

std::string excerpt(std::string_view text) {
  constexpr size_t longest = 80;
  if (text.size() <= longest)
    return printable(text);
  // Not within a character.
  size_t end = longest;
  while (end > longest - 4 &&
         (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80)
    end--;
  return printable(text.substr(0, end)) + "...";
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char ch) {
    return ch >= '0' && ch <= '9';
  });
}

bool has_letter(std::string_view text) {
  return std::ranges::any_of(text, [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
  });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string file_name(const std::string &path) {
  return path.substr(path.rfind('/') + 1);
}

std::string counted(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

namespace {

std::string in_lower_case(std::string_view text) {
  std::string result(text);
  for (char &ch : result)
    ch = ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
  return result;
}

} // namespace

bool is_yes(std::string_view answer) {
  const std::string word = in_lower_case(answer);
  return word == "y" || word == "yes";
}

std::string nearest(std::string_view word,
                    const std::vector<std::string> &candidates) {
  constexpr size_t longest = 256;
  std::string best;
  if (word.size() > longest)
    return best;
  // Two thirds of a word must be right, or it is a guess that misleads.
  size_t limit = word.size() / 3 + 1;
  for (const std::string &candidate : candidates) {
    // At least so many letters are to add or to drop.
    const size_t difference = word.size() > candidate.size()
                                  ? word.size() - candidate.size()
                                  : candidate.size() - word.size();
    if (difference >= limit)
      continue;
    // A letter in the other case is hardly wrong.
    const size_t distance =
        edit_distance(in_lower_case(word), in_lower_case(candidate));
    if (distance < limit && distance < candidate.size()) {
      limit = distance;
      best = candidate;
    }
  }
  return best;
}

} // namespace portacl
