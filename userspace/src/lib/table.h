// SPDX-License-Identifier: GPL-2.0-only

#ifndef PORTACL_LIB_TABLE_H
#define PORTACL_LIB_TABLE_H

#include <string>
#include <vector>

namespace portacl {

// Lines of left-aligned columns with two blanks or more between them; nothing
// is cut, and no line ends with blanks.
std::string format_table(const std::vector<std::vector<std::string>> &rows);

} // namespace portacl

#endif
