// SPDX-License-Identifier: GPL-2.0-only
// What a terminal shows while something takes long.

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/console.h"

namespace portacl {
namespace {

constexpr size_t all_rules = 100000;

class ProgressTest : public testing::Test {
protected:
  Console console(JsonStyle json = JsonStyle::off, bool quiet = false) {
    return Console({.in = in,
                    .out = out,
                    .err = err,
                    .out_is_terminal = true,
                    .err_is_terminal = terminal,
                    .color_wanted = false,
                    .err_columns = columns},
                   json, Color::automatic, quiet);
  }
  // What was written since the last call.
  std::string written() {
    const std::string text = err.str();
    err.str("");
    return text;
  }

  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  bool terminal = true;
  size_t columns = 28;
};

TEST_F(ProgressTest, Bar) {
  Console shown = console();
  shown.progress("applying", 0, all_rules);
  EXPECT_EQ(written(), "\rapplying [----------]   0 %");
  shown.progress("applying", all_rules / 2, all_rules);
  EXPECT_EQ(written(), "\rapplying [#####-----]  50 %");
  shown.progress("applying", all_rules - 1, all_rules);
  EXPECT_EQ(written(), "\rapplying [#########-]  99 %");
  shown.progress("applying", all_rules, all_rules);
  EXPECT_EQ(written(), "\r" + std::string(27, ' ') + "\r");
  EXPECT_TRUE(shown.finish());
  EXPECT_EQ(written(), "");
}

TEST_F(ProgressTest, NothingWhereNothingIsNew) {
  Console shown = console();
  shown.progress("applying", 1000, all_rules);
  written();
  shown.progress("applying", 1001, all_rules);
  EXPECT_EQ(written(), "");
}

TEST_F(ProgressTest, AsWideAsTheTerminal) {
  columns = 1000;
  Console wide = console();
  wide.progress("applying", all_rules / 2, all_rules);
  EXPECT_EQ(written(), "\rapplying [" + std::string(25, '#') +
                           std::string(25, '-') + "]  50 %");
  for (columns = 0; columns < 28; columns++) {
    Console narrow = console();
    narrow.progress("applying", all_rules / 2, all_rules);
    const std::string bar = written();
    EXPECT_LE(bar.size(), columns) << columns;
    narrow.finish();
    written();
  }
}

TEST_F(ProgressTest, MessagesHaveTheirOwnLine) {
  const std::string erased = "\r" + std::string(27, ' ') + "\r";
  Console shown = console();
  const auto again = [&] {
    shown.progress("applying", all_rules / 2, all_rules);
    written();
  };
  again();
  shown.warning("careful");
  EXPECT_EQ(written(), erased + "warning: careful\n");
  again();
  shown.note("well");
  EXPECT_EQ(written(), erased + "well\n");
  again();
  shown.error({.message = "no"});
  EXPECT_EQ(written(), erased + "portaclctl: no\n");
  again();
  shown.line("answer");
  EXPECT_EQ(written(), erased);
  EXPECT_EQ(out.str(), "answer\n");
  again();
  shown.confirm("Really?");
  EXPECT_EQ(written(), erased + "Really? [y/N] ");
  again();
  shown.finish();
  EXPECT_EQ(written(), erased);
}

TEST_F(ProgressTest, NotWhereNobodyLooks) {
  for (const bool quiet : {true, false}) {
    Console silent = console(quiet ? JsonStyle::off : JsonStyle::pretty, quiet);
    silent.progress("applying", all_rules / 2, all_rules);
  }
  Console small = console();
  small.progress("applying", 1, 9999);
  terminal = false;
  Console file = console();
  file.progress("applying", all_rules / 2, all_rules);
  EXPECT_EQ(err.str(), "");
}

} // namespace
} // namespace portacl
