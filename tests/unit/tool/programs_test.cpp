// SPDX-License-Identifier: GPL-2.0-only

#include "lib/programs.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace portacl {
namespace {

TEST(ProgramsTest, GivesWhatAProgramPrints) {
  SystemPrograms programs;
  const auto output = programs.run(
      {"sh", "-c", "cat; echo out $LC_ALL $HOME; echo err >&2; exit 3"});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->status, 3);
  EXPECT_EQ(output->out, "out C\n");
  EXPECT_EQ(output->err, "err\n");
}

TEST(ProgramsTest, TellsASignal) {
  const auto output = SystemPrograms().run({"sh", "-c", "kill -KILL $$"});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 128 + 9);
}

TEST(ProgramsTest, WordsAreNotForAShell) {
  const auto output = SystemPrograms().run({"echo", "$HOME; a  b"});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "$HOME; a  b\n");
}

TEST(ProgramsTest, OnlyOfTheSystem) {
  const auto output = SystemPrograms().run({"no-such-program"});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().errnum, ENOENT);
}

TEST(ProgramsTest, EndsWhatDoesNotEnd) {
  SystemPrograms programs(std::chrono::milliseconds{50});
  const auto output = programs.run({"sleep", "600"});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().errnum, ETIMEDOUT);
}

TEST(ProgramsTest, EndsWhatPrintsTooMuch) {
  const auto output = SystemPrograms().run({"yes"});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().errnum, EFBIG);
}

} // namespace
} // namespace portacl
