// SPDX-License-Identifier: GPL-2.0-only
// Whether the unit is installed and enabled, told by files alone.

#include "lib/boot.h"

#include <filesystem>

#include "tool_test.h"

namespace portacl {

namespace {

namespace fs = std::filesystem;

class BootTest : public ::testing::Test {
protected:
  void unit(const std::string &directory,
            const std::string &text = "[Service]\n") const {
    root.write(directory + "/portacl.service", text);
  }

  void link(const std::string &directory, const std::string &target) const {
    fs::create_directories(root.path() + directory);
    fs::create_symlink(target, root.path() + directory + "/portacl.service");
  }

  bool enabled() const { return applied_at_boot(root.path()); }
  bool installed() const { return boot_unit_installed(root.path()); }

  TempRoot root;
  const std::string etc = "/etc/systemd/system";
  const std::string local = "/usr/local/lib/systemd/system";
  const std::string vendor = "/usr/lib/systemd/system";
  const std::string wants = "/sysinit.target.wants";
};

TEST_F(BootTest, NothingIsThere) {
  EXPECT_FALSE(installed());
  EXPECT_FALSE(enabled());
}

TEST_F(BootTest, InstalledIsNotEnabled) {
  unit(local);
  EXPECT_TRUE(installed());
  EXPECT_FALSE(enabled());
  link(etc + wants, local + "/portacl.service");
  EXPECT_TRUE(enabled());
}

TEST_F(BootTest, EveryDirectoryCounts) {
  for (const std::string &directory :
       {etc, local, vendor, std::string("/lib/systemd/system")}) {
    const TempRoot fresh;
    fresh.write(directory + "/portacl.service", "[Service]\n");
    fs::create_directories(fresh.path() + directory + wants);
    fs::create_symlink("../portacl.service",
                       fresh.path() + directory + wants + "/portacl.service");
    EXPECT_TRUE(applied_at_boot(fresh.path())) << directory;
  }
}

TEST_F(BootTest, TheTargetsOfABootCountAndRequiresDo) {
  for (const char *target :
       {"sysinit", "local-fs", "sockets", "basic", "network-pre", "multi-user",
        "graphical", "default"}) {
    for (const char *kind : {".wants", ".requires"}) {
      const TempRoot fresh;
      const std::string wanted =
          "/etc/systemd/system/" + std::string(target) + ".target" + kind;
      fresh.write("/usr/lib/systemd/system/portacl.service", "[Service]\n");
      fs::create_directories(fresh.path() + wanted);
      fs::create_symlink("/usr/lib/systemd/system/portacl.service",
                         fresh.path() + wanted + "/portacl.service");
      EXPECT_TRUE(applied_at_boot(fresh.path())) << wanted;
    }
  }
}

TEST_F(BootTest, OtherTargetsDoNotCount) {
  unit(vendor);
  for (const char *wanted :
       {"/rescue.target.wants", "/emergency.target.wants",
        "/shutdown.target.wants", "/x.service.wants", "/.wants"})
    link(etc + wanted, vendor + "/portacl.service");
  EXPECT_FALSE(enabled());
  link(etc + "/multi-user.target.wants", vendor + "/portacl.service");
  EXPECT_TRUE(enabled());
}

TEST_F(BootTest, ALinkToAUnitThatIsGoneDoesNothing) {
  link(etc + wants, local + "/portacl.service");
  EXPECT_FALSE(installed());
  EXPECT_FALSE(enabled());
}

TEST_F(BootTest, AMaskIsNoUnit) {
  unit(vendor);
  link(vendor + wants, "../portacl.service");
  EXPECT_TRUE(enabled());
  link(etc, "/dev/null");
  EXPECT_FALSE(installed());
  EXPECT_FALSE(enabled());
}

TEST_F(BootTest, AnEmptyFileMasks) {
  unit(vendor);
  link(vendor + wants, "../portacl.service");
  unit(local, "");
  EXPECT_FALSE(enabled());
}

TEST_F(BootTest, AMaskedDependencyIsNone) {
  unit(vendor);
  link(vendor + wants, "../portacl.service");
  link(etc + wants, "/dev/null");
  EXPECT_TRUE(installed());
  EXPECT_FALSE(enabled());
}

TEST_F(BootTest, WhatIsInRunIsGoneAtTheNextBoot) {
  unit(vendor);
  link("/run/systemd/system" + wants, vendor + "/portacl.service");
  EXPECT_FALSE(enabled());
}

TEST_F(BootTest, OtherDirectoriesAreNotAsked) {
  unit(vendor);
  link(etc + "/sysinit.target.d", vendor + "/portacl.service");
  EXPECT_FALSE(enabled());
}

} // namespace

} // namespace portacl
