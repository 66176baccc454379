// SPDX-License-Identifier: GPL-2.0-only

#include "lib/times.h"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace portacl {
namespace {

class TimesTest : public testing::Test {
protected:
  TimesTest() { set_zone("EST5EDT,M3.2.0,M11.1.0"); }
  ~TimesTest() override { set_zone("UTC"); }

  static void set_zone(const char *zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  static uint64_t seconds(const char *text) {
    const auto time = parse_time(text);
    return time ? *time : 0;
  }
};

TEST_F(TimesTest, WithAZone) {
  EXPECT_EQ(seconds("2026-12-24T18:00Z"), 1798135200U);
  EXPECT_EQ(seconds("2026-12-24T18:00:00Z"), 1798135200U);
  EXPECT_EQ(seconds("2026-12-24T18:00:01Z"), 1798135201U);
  EXPECT_EQ(seconds("2026-12-24T18:00:00+01:00"), 1798131600U);
  EXPECT_EQ(seconds("2026-12-24T18:00+0100"), 1798131600U);
  EXPECT_EQ(seconds("2026-12-24T18:00-05:30"), 1798155000U);
  EXPECT_EQ(seconds("1970-01-01T00:00:01Z"), 1U);
  EXPECT_EQ(seconds("9999-12-31T23:59:59Z"), 253402300799U);
}

TEST_F(TimesTest, WithoutAZoneItIsLocal) {
  EXPECT_EQ(seconds("2026-12-24T18:00"), 1798135200U + 5 * 3600);
  EXPECT_EQ(seconds("2026-07-01T12:00"), 1782921600U) << "summer time";
  EXPECT_EQ(seconds("2026-12-24"), 1798070400U + 5 * 3600);
}

TEST_F(TimesTest, NothingElse) {
  for (const char *text : {"",
                           "2026",
                           "2026-12",
                           "2026-13-01",
                           "2026-00-10",
                           "2026-02-29",
                           "2026-04-31",
                           "2026-12-24T",
                           "2026-12-24T18",
                           "2026-12-24T24:00",
                           "2026-12-24T18:60",
                           "2026-12-24T18:00:60",
                           "2026-12-24 18:00",
                           "2026-12-24T18:00z",
                           "2026-12-24T18:00Zx",
                           "2026-12-24T18:00+1",
                           "2026-12-24T18:00+24:00",
                           "26-12-24",
                           "2026-1-1",
                           "tomorrow",
                           "+2026-12-24",
                           "2026-12-24Z"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Code::usage);
    EXPECT_NE(time.error().hint, "") << text;
  }
}

TEST_F(TimesTest, OutOfRange) {
  for (const char *text : {"1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
                           "9999-12-31T23:59:59-00:01", "0000-01-01T00:00Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST_F(TimesTest, ReadBack) {
  for (const uint64_t time :
       {uint64_t{1}, uint64_t{1798135200}, uint64_t{253402300799}})
    EXPECT_EQ(seconds(iso_time(time).c_str()), time);
  EXPECT_EQ(iso_time(1798135200), "2026-12-24T18:00:00Z");
}

TEST(Durations, AddUp) {
  EXPECT_EQ(*parse_duration("1s"), 1U);
  EXPECT_EQ(*parse_duration("10m"), 600U);
  EXPECT_EQ(*parse_duration("1h30m"), 5400U);
  EXPECT_EQ(*parse_duration("2d"), 172800U);
  EXPECT_EQ(*parse_duration("1w1d1h1m1s"), 694861U);
}

TEST(Durations, NeedUnits) {
  for (const char *text : {"", "10", "m", "10x", "1h30", "1h-30m", "-1h", " 1h",
                           "1 h", "1.5h", "10M", "0s", "0m0s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().code, Code::usage);
    EXPECT_NE(duration.error().hint.find("s, m, h, d or w"), std::string::npos)
        << text;
  }
}

TEST(Durations, HaveALimit) {
  EXPECT_TRUE(parse_duration("253402300799s"));
  EXPECT_FALSE(parse_duration("253402300800s"));
  EXPECT_FALSE(parse_duration("253402300799s1s"));
  EXPECT_FALSE(parse_duration("18446744073709551615w"));
  EXPECT_FALSE(parse_duration("99999999999999999999999s"));
}

} // namespace
} // namespace portacl
