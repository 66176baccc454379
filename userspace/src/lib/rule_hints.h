// SPDX-License-Identifier: GPL-2.0-only
// What is wrong with a rule, in words, and what to write instead.

#ifndef PORTACL_LIB_RULE_HINTS_H
#define PORTACL_LIB_RULE_HINTS_H

#include <string>
#include <string_view>
#include <vector>

#include "lib/rule_words.h"

namespace portacl {

struct Mistake {
  uint8_t code; // enum pacl_error_code
  std::string_view line;
  const std::vector<Word> &words;
  size_t at; // byte of the line
};

std::string mistake_text(const Mistake &mistake);

// Empty when there is nothing sure to say.
std::string mistake_hint(const Mistake &mistake);

} // namespace portacl

#endif
