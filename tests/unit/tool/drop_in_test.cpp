// SPDX-License-Identifier: GPL-2.0-only

#include "lib/drop_in.h"

#include <filesystem>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool_test.h"

namespace portacl {
namespace {

namespace fs = std::filesystem;

constexpr const char *local_file = "/etc/portacl.d/50-local.conf";
constexpr const char *left_over = "/etc/portacl.d/.50-local.conf.new";

class DropInTest : public testing::Test {
protected:
  DropIn open() const {
    auto file = DropIn::open(root.path(), false);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  unsigned mode() const {
    struct stat info {};
    EXPECT_EQ(stat((root.path() + local_file).c_str(), &info), 0);
    return info.st_mode & 07777U;
  }
  TempRoot root;
};

TEST_F(DropInTest, IsMadeReadableForAllWhateverTheUmask) {
  const mode_t old = umask(077);
  DropIn file = open();
  const uint32_t line = file.next_line();
  file.append("allow user web 443");
  EXPECT_TRUE(file.save());
  umask(old);
  EXPECT_EQ(mode(), 0644U);
  const std::string text = root.read(local_file);
  EXPECT_TRUE(text.starts_with("# "));
  EXPECT_TRUE(text.ends_with("\nallow user web 443\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), line);
  EXPECT_FALSE(root.exists(left_over));
}

TEST_F(DropInTest, KeepsOtherLinesModeAndOwner) {
  const std::string text = "# mine\n\n   allow  web   80 # spaced\n\t\n"
                           "allow eve 22\n# end";
  root.write(local_file, text, 0600);
  const bool is_root = geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(chown((root.path() + local_file).c_str(), 0, 42), 0);
  }
  DropIn file = open();
  EXPECT_EQ(file.next_line(), 7U);
  file.append("allow user web 443");
  ASSERT_TRUE(file.save());
  EXPECT_EQ(root.read(local_file), text + "\nallow user web 443\n");
  EXPECT_EQ(mode(), 0600U);
  if (is_root) {
    struct stat info {};
    ASSERT_EQ(stat((root.path() + local_file).c_str(), &info), 0);
    EXPECT_EQ(info.st_gid, 42U);
  }

  DropIn again = open();
  again.remove_lines({3, 7});
  ASSERT_TRUE(again.save());
  EXPECT_EQ(root.read(local_file), "# mine\n\n\t\nallow eve 22\n# end\n");
}

TEST_F(DropInTest, RestoreUndoes) {
  DropIn made = open();
  made.append("allow user web 443");
  ASSERT_TRUE(made.save());
  ASSERT_TRUE(made.restore());
  EXPECT_FALSE(root.exists(local_file));

  root.write(local_file, "allow eve 22\n");
  DropIn changed = open();
  changed.append("allow user web 443");
  ASSERT_TRUE(changed.save());
  ASSERT_TRUE(changed.restore());
  EXPECT_EQ(root.read(local_file), "allow eve 22\n");
}

// What a process leaves that was killed before the rename: the next change
// must neither use it nor stumble over it.
TEST_F(DropInTest, SurvivesAKillBeforeTheRename) {
  root.write(local_file, "allow eve 22\n");
  root.write(left_over, "allow any 1-65535\n", 0600);
  EXPECT_EQ(DropIn::open(root.path(), false)->text(), "allow eve 22\n");
  DropIn file = open();
  file.append("allow user web 443");
  ASSERT_TRUE(file.save());
  EXPECT_EQ(root.read(local_file), "allow eve 22\nallow user web 443\n");
  EXPECT_FALSE(root.exists(left_over));
}

// A link that somebody laid in the way of the temporary file is not followed.
TEST_F(DropInTest, DoesNotWriteThroughALink) {
  root.write("/victim", "precious");
  root.write(local_file, "");
  fs::create_symlink(root.path() + "/victim", root.path() + left_over);
  DropIn file = open();
  file.append("allow user web 443");
  ASSERT_TRUE(file.save());
  EXPECT_EQ(root.read("/victim"), "precious");
}

// Processes that are killed at any moment leave a file of whole lines, and
// every line that a process has reported as saved.
TEST_F(DropInTest, KilledWritersLeaveWholeFiles) {
  root.write(local_file, "");
  for (int round = 0; round < 40; round++) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0;; i++) {
        const auto lock = ChangeLock::take(root.path());
        auto file = DropIn::open(root.path(), false);
        if (!lock || !file)
          _exit(1);
        file->append(fmt::format("allow user {} {}", 100000 + round, i + 1));
        if (!file->save())
          _exit(1);
      }
    }
    usleep(static_cast<useconds_t>(500 + round * 137));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
    const std::string text = root.read(local_file);
    ASSERT_TRUE(text.empty() || text.ends_with('\n'));
    Names names(root.path());
    RuleReader reader(names, NameRecord());
    reader.read(local_file, text);
    const RuleFiles files = reader.take();
    ASSERT_TRUE(files.errors.empty()) << error_text(files.errors.front());
  }
}

TEST_F(DropInTest, WritersDoNotLoseEachOthersLines) {
  constexpr int writers = 4;
  constexpr int each = 25;
  for (int writer = 0; writer < writers; writer++) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child != 0)
      continue;
    for (int i = 0; i < each; i++) {
      const auto lock = ChangeLock::take(root.path());
      auto file = DropIn::open(root.path(), false);
      if (!lock || !file)
        _exit(1);
      file->append(fmt::format("allow user {} {}", writer, i + 1));
      if (!file->save())
        _exit(1);
    }
    _exit(0);
  }
  for (int writer = 0; writer < writers; writer++) {
    int status = -1;
    ASSERT_GT(wait(&status), 0);
    EXPECT_EQ(status, 0);
  }
  const std::string text = root.read(local_file);
  for (int writer = 0; writer < writers; writer++) {
    for (int i = 0; i < each; i++)
      EXPECT_NE(text.find(fmt::format("allow user {} {}\n", writer, i + 1)),
                std::string::npos);
  }
}

TEST_F(DropInTest, LockIsForItsOwnerOnly) {
  const auto lock = ChangeLock::take(root.path());
  ASSERT_TRUE(lock);
  struct stat info {};
  ASSERT_EQ(stat((root.path() + "/run/portacl.lock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(DropInTest, RefusesLinksAndHiddenFiles) {
  fs::create_directories(root.path() + "/etc/portacl.d");
  fs::create_symlink("/dev/null", root.path() + local_file);
  EXPECT_EQ(DropIn::open(root.path(), false).error().message,
            "is a symbolic link, which is not edited");
  fs::remove(root.path() + local_file);

  root.write("/usr/lib/portacl.d/50-local.conf", "allow any 80\n");
  EXPECT_FALSE(DropIn::open(root.path(), false));
  root.write(local_file, "");
  EXPECT_TRUE(DropIn::open(root.path(), false));

  root.write("/etc/portacl.d/60-runtime.conf", "");
  EXPECT_FALSE(DropIn::open(root.path(), true));
}

// Who edits by hand takes no lock.
TEST_F(DropInTest, RefusesWhatSomebodyElseHasChanged) {
  root.write(local_file, "allow any 80\n");
  auto file = DropIn::open(root.path(), false);
  ASSERT_TRUE(file);
  file->append("allow any 81");
  root.write(local_file, "allow any 82\n");
  EXPECT_EQ(file->save().error().code, Code::policy);
  EXPECT_EQ(root.read(local_file), "allow any 82\n");

  fs::remove(root.path() + local_file);
  auto missing = DropIn::open(root.path(), false);
  ASSERT_TRUE(missing);
  missing->append("allow any 83");
  root.write(local_file, "");
  EXPECT_FALSE(missing->save());
  EXPECT_EQ(root.read(local_file), "");
}

TEST_F(DropInTest, WordsAreReplacedWhereTheyStand) {
  root.write(local_file, "  mode off # because\n\tstrict on\n");
  auto file = DropIn::open(root.path(), false);
  ASSERT_TRUE(file);
  file->replace_words(1, "mode enforce");
  file->replace_words(2, "strict off");
  EXPECT_EQ(file->text(), "  mode enforce # because\n\tstrict off\n");
}

} // namespace
} // namespace portacl
