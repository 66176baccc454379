// SPDX-License-Identifier: GPL-2.0-only

#include "lib/text.h"

#include <gtest/gtest.h>

#include "lib/table.h"

namespace portacl {
namespace {

TEST(Text, PrintableShowsWhatWouldDisturbATerminal) {
  EXPECT_EQ(printable("web"), "web");
  EXPECT_EQ(printable(std::string_view("a\x1b[31m\0\n\x7f", 9)),
            "a\\x1b[31m\\x00\\x0a\\x7f");
  EXPECT_EQ(printable("j\xc3\xbcrgen"), "j\xc3\xbcrgen");
}

TEST(Text, NearestFindsTypingMistakesAndNothingElse) {
  const std::vector<std::string> users = {"root", "web", "backup", "eve"};
  EXPECT_EQ(nearest("wbe", users), "web");
  EXPECT_EQ(nearest("bakcup", users), "backup");
  EXPECT_EQ(nearest("bcakup1", users), "backup");
  EXPECT_EQ(nearest("postgres", users), "");
  EXPECT_EQ(nearest("x", users), "");
  EXPECT_EQ(nearest("", users), "");
}

TEST(Text, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), Parts{""});
}

TEST(Table, AlignsByCharactersAndCutsNothing) {
  EXPECT_EQ(format_table({{"A", "B", "C"}, {"j\xc3\xbcr", "x", ""}, {"long"}}),
            "A     B  C\n"
            "j\xc3\xbcr   x\n"
            "long\n");
}

} // namespace
} // namespace portacl
