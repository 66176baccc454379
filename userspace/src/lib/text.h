// SPDX-License-Identifier: GPL-2.0-only
// Small helpers for words.

#ifndef PORTACL_LIB_TEXT_H
#define PORTACL_LIB_TEXT_H

#include <string>
#include <string_view>
#include <vector>

namespace portacl {

// The text with every byte that could disturb a terminal or who reads it shown
// as \xNN: control characters, those that turn the direction of writing, and
// what is not UTF-8.
std::string printable(std::string_view text);

// The same of a text that may be of any length: its end is left out where it
// is longer than anybody reads in a message.
std::string excerpt(std::string_view text);

bool all_digits(std::string_view text);
bool has_letter(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

// A line without the blanks, tabs and carriage returns at its ends.
std::string_view without_blanks(std::string_view text);

// What stands behind the last slash of a path, all of it without one.
std::string file_name(const std::string &path);

// "1 rule", "2 rules".
std::string counted(size_t count, std::string_view noun);

// Whether an answer is y or yes, in letters of either case.
bool is_yes(std::string_view answer);

// The candidate most like the word; empty if none is close enough to be what
// was meant.
std::string nearest(std::string_view word,
                    const std::vector<std::string> &candidates);

} // namespace portacl

#endif
