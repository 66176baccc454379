// SPDX-License-Identifier: GPL-2.0-only

#include "lib/config_dirs.h"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "tool_test.h"

namespace portacl {
namespace {

namespace fs = std::filesystem;

class ConfigDirsTest : public testing::Test {
protected:
  std::vector<std::string> found() const {
    std::vector<std::string> paths = find_config_files(root.path()).paths;
    for (std::string &path : paths)
      path.erase(0, root.path().size());
    return paths;
  }
  Result<std::string> read(const std::string &file) const {
    return read_config_file(root.path(), root.path() + file);
  }
  TempRoot root;
};

TEST_F(ConfigDirsTest, NoDirectoriesAreNoFiles) {
  const ConfigFiles files = find_config_files(root.path());
  EXPECT_TRUE(files.paths.empty());
  EXPECT_TRUE(files.errors.empty());
}

TEST_F(ConfigDirsTest, SortedByNameAndEtcBeforeRunBeforeUsr) {
  root.write("/usr/lib/portacl.d/10-a.conf", "");
  root.write("/usr/lib/portacl.d/20-b.conf", "");
  root.write("/usr/lib/portacl.d/40-d.conf", "");
  root.write("/run/portacl.d/20-b.conf", "");
  root.write("/run/portacl.d/30-c.conf", "");
  root.write("/etc/portacl.d/30-c.conf", "");
  root.write("/etc/portacl.d/05-z.conf", "");
  EXPECT_EQ(found(),
            (std::vector<std::string>{
                "/etc/portacl.d/05-z.conf", "/usr/lib/portacl.d/10-a.conf",
                "/run/portacl.d/20-b.conf", "/etc/portacl.d/30-c.conf",
                "/usr/lib/portacl.d/40-d.conf"}));
}

TEST_F(ConfigDirsTest, OnlyConfFiles) {
  root.write("/etc/portacl.d/README", "");
  root.write("/etc/portacl.d/a.conf~", "");
  root.write("/etc/portacl.d/a.conf.dpkg-old", "");
  root.write("/etc/portacl.d/.hidden.conf", "");
  root.write("/etc/portacl.d/a.conf", "");
  EXPECT_EQ(found(), std::vector<std::string>{"/etc/portacl.d/a.conf"});
}

TEST_F(ConfigDirsTest, ALinkToDevNullMasks) {
  root.write("/usr/lib/portacl.d/10-a.conf", "");
  root.write("/usr/lib/portacl.d/20-b.conf", "");
  fs::create_directories(root.path() + "/etc/portacl.d");
  fs::create_symlink("/dev/null", root.path() + "/etc/portacl.d/10-a.conf");
  EXPECT_EQ(found(), std::vector<std::string>{"/usr/lib/portacl.d/20-b.conf"});
}

TEST_F(ConfigDirsTest, LinksStayInTheRoot) {
  root.write("/srv/shared.conf", "# in the root\n");
  root.write("/etc/portacl.d/other.conf", "");
  fs::create_symlink("/srv/shared.conf",
                     root.path() + "/etc/portacl.d/10-a.conf");
  const auto text = read("/etc/portacl.d/10-a.conf");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "# in the root\n");
}

TEST_F(ConfigDirsTest, RefusesFilesThatOthersCanWrite) {
  root.write("/etc/portacl.d/a.conf", "", 0664);
  const auto group = read("/etc/portacl.d/a.conf");
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().code, Code::policy);
  EXPECT_EQ(group.error().file, root.path() + "/etc/portacl.d/a.conf");
  EXPECT_EQ(group.error().message, "writable for others (mode 0664)");
  root.write("/etc/portacl.d/b.conf", "", 0646);
  EXPECT_FALSE(read("/etc/portacl.d/b.conf"));
  root.write("/etc/portacl.d/c.conf", "fine", 0600);
  EXPECT_TRUE(read("/etc/portacl.d/c.conf"));
}

TEST_F(ConfigDirsTest, RefusesFilesOfOthers) {
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give files away";
  root.write("/etc/portacl.d/a.conf", "");
  const std::string path = root.path() + "/etc/portacl.d/a.conf";
  ASSERT_EQ(chown(path.c_str(), 65534, 0), 0);
  const auto text = read("/etc/portacl.d/a.conf");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message, "not owned by root");
}

TEST_F(ConfigDirsTest, RefusesADirectoryThatOthersCanWrite) {
  root.write("/etc/portacl.d/a.conf", "");
  const std::string path = root.path() + "/etc/portacl.d";
  ASSERT_EQ(chmod(path.c_str(), 0777), 0);
  const ConfigFiles files = find_config_files(root.path());
  ASSERT_EQ(files.errors.size(), 1U);
  EXPECT_EQ(files.errors[0].file, path);
}

TEST_F(ConfigDirsTest, RefusesWhatIsNoFileWithoutWaitingForIt) {
  fs::create_directories(root.path() + "/etc/portacl.d/dir.conf");
  const std::string fifo = root.path() + "/etc/portacl.d/fifo.conf";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0644), 0);
  for (const char *name : {"dir.conf", "fifo.conf"}) {
    const auto text = read(std::string("/etc/portacl.d/") + name);
    ASSERT_FALSE(text) << name;
    EXPECT_EQ(text.error().message, "not a regular file") << name;
  }
}

} // namespace
} // namespace portacl
