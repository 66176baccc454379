// SPDX-License-Identifier: GPL-2.0-only
// Commands that people can give to a shell as they are printed.

#ifndef PORTACL_LIB_SHELL_WORDS_H
#define PORTACL_LIB_SHELL_WORDS_H

#include <string>
#include <string_view>
#include <vector>

namespace portacl {

// One word for a shell, quoted where that is needed. Nothing in it disturbs a
// terminal or ends a line: such bytes are written as $'\012'.
std::string shell_word(std::string_view text);

// With blanks between them.
std::string shell_words(const std::vector<std::string> &words);

} // namespace portacl

#endif
