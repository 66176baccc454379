// SPDX-License-Identifier: GPL-2.0-only
// Numbers in text.

#ifndef PORTACL_LIB_NUMBERS_H
#define PORTACL_LIB_NUMBERS_H

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace portacl {

// The number that is the whole text, with no plus and no blanks; empty if
// it is none or does not fit.
template <class Number>
std::optional<Number> number_of(std::string_view text, int base = 10) {
  Number value = 0;
  const char *end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || rest != end)
    return std::nullopt;
  return value;
}

} // namespace portacl

#endif
