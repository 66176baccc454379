// SPDX-License-Identifier: GPL-2.0-only
// Rules to canonical text, and back.

#include "core/format.h"

#include "engine_test.h"

namespace {

std::string canonical(std::string_view text) { return text_of(rule_of(text)); }

TEST(CoreFormat, CanonicalText) {
  EXPECT_EQ(canonical("allow 1000 443"), "allow user 1000 443");
  EXPECT_EQ(canonical("allow user 0 443"), "allow user 0 443");
  EXPECT_EQ(canonical("allow group 25 587,25,465/tcp # mail"),
            "allow group 25 25,465,587/tcp");
  EXPECT_EQ(canonical(" allow\tany  80 "), "allow any 80");
  EXPECT_EQ(canonical("allow any 80,81"), "allow any 80-81");
  EXPECT_EQ(canonical("allow any 80:90,85-99,200/sctp"),
            "allow any 80-99,200/sctp");
  EXPECT_EQ(canonical("allow any 1-65535/udp"), "allow any 1-65535/udp");
  EXPECT_EQ(canonical("allow any 7-7"), "allow any 7");
  EXPECT_EQ(canonical("allow each 20000-20999 30000+10/tcp"),
            "allow each 20000-20999 30000+10/tcp");
  EXPECT_EQ(canonical("allow each 5-5 80+1"), "allow each 5-5 80+1");
  EXPECT_EQ(canonical("allow user 4294967294 65535"),
            "allow user 4294967294 65535");
}

TEST(CoreFormat, LengthAndNul) {
  pacl_rule rule = rule_of("allow any 80");
  char buffer[PACL_MAX_RULE_TEXT];
  memset(buffer, 'x', sizeof buffer);
  EXPECT_EQ(pacl_format(&rule, buffer, sizeof buffer), 12u);
  EXPECT_EQ(buffer[12], '\0');
  EXPECT_EQ(buffer[13], 'x');
}

// The longest of every kind.
TEST(CoreFormat, LongestRuleFits) {
  for (const char *head :
       {"allow user 4294967294 ", "allow group 4294967294 ", "allow any "}) {
    std::string text = head;
    for (unsigned item = 0; item < PACL_MAX_ITEMS; item++)
      text += (item ? "," : "") + std::to_string(10000 + 4 * item) + '-' +
              std::to_string(10001 + 4 * item);
    text += "/sctp";
    ASSERT_LT(text.size(), size_t{PACL_MAX_RULE_TEXT});
    EXPECT_EQ(canonical(text), text);
  }
  std::string each = "allow each 4294967284-4294967294 10001+5000/sctp";
  EXPECT_EQ(canonical(each), each);
}

TEST(CoreFormat, ReadsBackAsTheSameRule) {
  for (const Shape &shape : shapes) {
    SCOPED_TRACE(shape.name);
    Random random(shape, 1);
    for (unsigned round = 0; round < 500; round++) {
      pacl_rule rule = random.rule();
      std::string text = text_of(rule);
      ASSERT_EQ(text, reference_format(rule));
      pacl_rule again = rule_of(text);
      ASSERT_TRUE(reference_same(again, rule)) << text;
      ASSERT_EQ(text_of(again), text);
    }
  }
}

// Unused members of the array do not leak into the text.
TEST(CoreFormat, OnlyUsedRanges) {
  pacl_rule rule = rule_of("allow any 80,443");
  rule.range[2] = {1, 2};
  rule.range[63] = {3, 4};
  EXPECT_EQ(text_of(rule), "allow any 80,443");
}

TEST(CoreFormat, Names) {
  EXPECT_STREQ(pacl_proto_name(PACL_PROTO_ANY), "any");
  EXPECT_STREQ(pacl_proto_name(PACL_PROTO_TCP), "tcp");
  EXPECT_STREQ(pacl_proto_name(PACL_PROTO_UDP), "udp");
  EXPECT_STREQ(pacl_proto_name(PACL_PROTO_SCTP), "sctp");
  EXPECT_STREQ(pacl_mode_name(PACL_MODE_ENFORCE), "enforce");
  EXPECT_STREQ(pacl_mode_name(PACL_MODE_PERMISSIVE), "permissive");
  EXPECT_STREQ(pacl_mode_name(PACL_MODE_OFF), "off");
}

} // namespace
