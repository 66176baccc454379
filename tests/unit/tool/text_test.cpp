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

TEST(Text, PrintableShowsWhatWouldDeceiveTheReader) {
  // U+0080, U+009F and their neighbour U+00A0
  EXPECT_EQ(printable("\xc2\x80\xc2\x9f\xc2\xa0"),
            "\\xc2\\x80\\xc2\\x9f\xc2\xa0");
  for (const char *bidi :
       {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xae",
        "\xe2\x81\xa6", "\xe2\x81\xa9", "\xd8\x9c"})
    EXPECT_EQ(printable(bidi).substr(0, 2), "\\x") << bidi;
  // U+200D, U+2029, U+202F, U+2065, U+206A, a kanji and a face
  for (const char *fine :
       {"\xe2\x80\x8d", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\xa5",
        "\xe2\x81\xaa", "\xe6\x97\xa5", "\xf0\x9f\x98\x80"})
    EXPECT_EQ(printable(fine), fine);
}

TEST(Text, PrintableShowsWhatIsNotUtf8) {
  EXPECT_EQ(printable("a\xff"), "a\\xff");
  EXPECT_EQ(printable("\x9b"), "\\x9b");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc3z"), "\\xc3z");
  // Longer than need be, a surrogate, and past the last character.
  EXPECT_EQ(printable("\xc0\x8a"), "\\xc0\\x8a");
  EXPECT_EQ(printable("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(printable("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
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
