// SPDX-License-Identifier: GPL-2.0-only
// Capabilities of files: what their attribute says, where it is looked for, and
// what becomes of it as rules. Those that set one need to be root.

#include <cerrno>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/capabilities.h"
#include "lib/file_capabilities.h"
#include "lib/shell_words.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

namespace fs = std::filesystem;

std::string words_le(const std::vector<uint32_t> &words) {
  std::string bytes;
  for (uint32_t word : words) {
    for (int i = 0; i < 4; i++, word >>= 8U)
      bytes += static_cast<char>(word & 0xffU);
  }
  return bytes;
}

constexpr uint32_t bind_bit = 1U << 10U;
constexpr uint32_t raw_bit = 1U << 13U;
constexpr uint32_t second = 0x02000000;
constexpr uint32_t effective = 1;

TEST(CapabilitiesTest, Revisions) {
  const auto first =
      parse_file_capability(words_le({0x01000001, bind_bit, raw_bit}));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->permitted, bind_bit);
  EXPECT_EQ(first->inheritable, raw_bit);
  EXPECT_TRUE(first->effective);
  const auto two = parse_file_capability(words_le({second, bind_bit, 0, 1, 2}));
  ASSERT_TRUE(two);
  EXPECT_EQ(two->permitted, bind_bit | uint64_t{1} << 32U);
  EXPECT_EQ(two->inheritable, uint64_t{2} << 32U);
  EXPECT_FALSE(two->effective);
  EXPECT_TRUE(two->opens_ports());
  const auto three =
      parse_file_capability(words_le({0x03000001, bind_bit, 0, 0, 0, 100000}));
  ASSERT_TRUE(three);
  EXPECT_EQ(three->root, 100000U);
  EXPECT_FALSE(three->opens_ports());
  EXPECT_TRUE(
      parse_file_capability(words_le({0x03000001, 0, bind_bit, 0, 0, 0}))
          ->opens_ports());
}

TEST(CapabilitiesTest, WhatIsNone) {
  const std::string good = words_le({second, bind_bit, 0, 0, 0});
  for (size_t size = 0; size < good.size(); size++)
    EXPECT_FALSE(parse_file_capability(good.substr(0, size))) << size;
  EXPECT_FALSE(parse_file_capability(good + "\1"));
  EXPECT_FALSE(parse_file_capability(good + std::string(100, '\xff')));
  EXPECT_FALSE(parse_file_capability(words_le({0x04000000, 1, 0, 0, 0})));
  EXPECT_FALSE(parse_file_capability(words_le({0x01000000, 1, 0, 0, 0})))
      << "of another revision's size";
}

TEST(CapabilitiesTest, Texts) {
  FileCapability capability{.permitted = bind_bit | raw_bit, .effective = true};
  EXPECT_EQ(capability_text(capability), "cap_net_bind_service,cap_net_raw=ep");
  EXPECT_EQ(capability_text(without_ports(capability)), "cap_net_raw=ep");
  capability = {.inheritable = bind_bit};
  EXPECT_EQ(capability_text(capability), "cap_net_bind_service=i");
  EXPECT_TRUE(without_ports(capability).empty());
  EXPECT_EQ(capability_names(bind_bit | 1), "CAP_CHOWN CAP_NET_BIND_SERVICE");
  EXPECT_EQ(capability_number("CAP_NET_BIND_SERVICE"), 10U);
  EXPECT_EQ(capability_number("cap_net_bind_service"), 10U);
  EXPECT_EQ(capability_number("10"), 10U);
  EXPECT_FALSE(capability_number("64"));
  EXPECT_FALSE(capability_number("CAP_NOTHING"));
  EXPECT_FALSE(capability_number(""));
}

TEST(ShellWordTest, Quotes) {
  EXPECT_EQ(shell_word("/usr/bin/node"), "/usr/bin/node");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word("a\nb'\\"), "$'a\\012b\\'\\\\'");
  EXPECT_EQ(shell_word("\xff"), "$'\\377'");
}

class ImportSetcapTest : public ToolTest {
protected:
  // A program with a capability; false where this is not permitted.
  bool program(const std::string &path, uint32_t permitted = bind_bit,
               unsigned mode = 0755, uint32_t flags = effective) {
    root.write(path, "#!", mode);
    const std::string value = words_le({second | flags, permitted, 0, 0, 0});
    return setxattr((root.path() + path).c_str(), "security.capability",
                    value.data(), value.size(), 0) == 0;
  }
  void runs(int pid, const std::string &path) {
    fs::create_symlink(path, fmt_proc(pid) + "/exe");
  }
  std::string fmt_proc(int pid) const {
    return root.path() + "/proc/" + std::to_string(pid);
  }
  Outcome import(const std::string &directory = "") {
    return run_tool({"import", "setcap", root.path() + directory});
  }
  // What it prints is a file that "check" takes.
  void check(const Outcome &outcome) {
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    expect_good_policy(outcome.out);
  }
};

#define NEEDS(what)                                                            \
  if (!(what))                                                                 \
  GTEST_SKIP() << "capabilities of files cannot be set here"

TEST_F(ImportSetcapTest, NothingIsFound) {
  root.write("/usr/bin/true", "", 0755);
  const Outcome outcome = import();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "nothing found that setcap allows\n");
}

TEST_F(ImportSetcapTest, NoSuchPlace) {
  const Outcome outcome = import("/nowhere");
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("cannot open"));
}

TEST_F(ImportSetcapTest, UsersOfProcesses) {
  NEEDS(program("/usr/bin/server"));
  write_listeners({{812, "server", 1001, true, "tcp", "00000000:01BB"},
                   {812, "server", 1001, true, "udp", "00000000:01BB"},
                   {812, "server", 1001, true, "tcp", "00000000:1F90"},
                   {900, "other", 1002, true, "tcp", "00000000:0050"}});
  runs(812, "/usr/bin/server");
  runs(900, "/usr/bin/other");
  const Outcome outcome = import("/usr");
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 443/tcp\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 443/udp\n"));
  EXPECT_THAT(outcome.out, HasSubstr("# server (pid 812) listens on"));
  EXPECT_THAT(outcome.out, HasSubstr("cap_net_bind_service=ep"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("8080")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("eve")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("1-1023")));
  EXPECT_THAT(outcome.out, HasSubstr("#     setcap -r " + root.path() +
                                     "/usr/bin/server\n"));
}

TEST_F(ImportSetcapTest, UsersWhoDoNotListen) {
  NEEDS(program("/usr/bin/server"));
  root.write("/proc/812/status",
             "Name:\tserver\nUid:\t1001\t1001\t1001\t1001\n");
  runs(812, "/usr/bin/server");
  root.write("/proc/813/status", "Name:\tserver\nUid:\t0\t0\t0\t0\n");
  runs(813, "/usr/bin/server");
  const Outcome outcome = import("/usr");
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow user web 1-1023\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("root")));
}

TEST_F(ImportSetcapTest, UsersOfUnits) {
  NEEDS(program("/usr/bin/server"));
  root.write("/etc/systemd/system/server.service",
             "[Service]\nUser=web\nExecStart=-/usr/bin/server --all\n");
  root.write("/etc/systemd/system/other.service",
             "[Service]\nUser=eve\nExecStart=/usr/bin/other\n");
  const Outcome outcome = import("/usr/bin/server");
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("# server.service runs it as this user"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow user web 1-1023\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("eve")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("any")));
}

TEST_F(ImportSetcapTest, WhoeverMayRunIt) {
  NEEDS(program("/opt/all") && program("/opt/group", bind_bit, 0750) &&
        program("/opt/owner", bind_bit, 0700));
  ASSERT_EQ(chown((root.path() + "/opt/group").c_str(), 0, 8), 0);
  // As chown takes it away.
  NEEDS(program("/opt/group", bind_bit, 0750));
  const Outcome outcome = import("/opt");
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow any 1-1023\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow group mail 1-1023\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow user root 1-1023\n"));
}

TEST_F(ImportSetcapTest, KeepsOtherCapabilities) {
  NEEDS(program("/opt/my server's", bind_bit | raw_bit) &&
        program("/opt/ping", raw_bit));
  const Outcome outcome = import("/opt");
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("setcap cap_net_raw=ep '" + root.path() +
                                     "/opt/my server'\\''s'"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("ping")));
}

TEST_F(ImportSetcapTest, NamesInjectNothing) {
  NEEDS(program("/opt/x\nallow any 1-1023\n#"));
  const Outcome outcome = import("/opt");
  check(outcome);
  EXPECT_THAT(outcome.out, Not(HasSubstr("\nallow")));
  EXPECT_THAT(outcome.out, HasSubstr("/opt/x\\012allow any 1-1023\\012#'"));
}

TEST_F(ImportSetcapTest, OddOnes) {
  NEEDS(program("/lib64/ld-linux-x86-64.so.2") &&
        program("/usr/lib/libx.so.1") && program("/usr/bin/python3.11") &&
        program("/usr/bin/aware", bind_bit, 0755, 0));
  fs::create_hard_link(root.path() + "/usr/bin/aware",
                       root.path() + "/usr/bin/same");
  const Outcome outcome = import();
  check(outcome);
  EXPECT_THAT(outcome.err, HasSubstr("the dynamic loader has the capability"));
  EXPECT_THAT(outcome.out, HasSubstr("# a library: it gains nothing"));
  EXPECT_THAT(outcome.out, HasSubstr("# an interpreter"));
  EXPECT_THAT(outcome.out, HasSubstr("# not effective"));
  EXPECT_THAT(outcome.out, HasSubstr("# also " + root.path() + "/usr/bin/"));
}

TEST_F(ImportSetcapTest, LinksAreNotFollowed) {
  TempRoot elsewhere;
  NEEDS(program("/opt/server"));
  elsewhere.write("/x", "");
  fs::create_symlink(root.path() + "/opt", elsewhere.path() + "/link");
  EXPECT_EQ(run_tool({"import", "setcap", elsewhere.path()}).out, "");
  // But for a place that is named.
  EXPECT_THAT(run_tool({"import", "setcap", elsewhere.path() + "/link"}).out,
              HasSubstr("/opt/server"));
}

TEST_F(ImportSetcapTest, WhatJavaLeaves) {
  NEEDS(program("/usr/bin/other"));
  root.write("/etc/ld.so.conf.d/java.conf", "/usr/lib/jvm/lib\n");
  root.write("/etc/ld.so.conf.d/other.conf", "/usr/lib/other\n");
  root.write("/usr/lib/jvm/lib/libjli.so", "");
  EXPECT_THAT(import("/usr").out, Not(HasSubstr("ldconfig")))
      << "nothing says that a java had the capability";
  NEEDS(program("/usr/lib/jvm/bin/java"));
  Outcome outcome = import("/usr");
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("take the line /usr/lib/jvm/lib from"));
  EXPECT_THAT(outcome.out, HasSubstr("#     ldconfig\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("lib/other")));
  // It does nothing to this machine if it is about another tree.
  outcome = run_tool({"--root", root.path(), "import", "setcap"});
  EXPECT_THAT(outcome.out,
              HasSubstr("#     ldconfig -r " + root.path() + "\n"));
}

TEST_F(ImportSetcapTest, WhatIsMountedInATree) {
  NEEDS(program("/usr/bin/server"));
  fs::create_directories(root.path() + "/u");
  fs::create_directories(root.path() + "/v");
  const std::string below = root.path() + "/u";
  const std::string without = root.path() + "/v";
  // Of this process only: nothing is left behind.
  if (unshare(CLONE_NEWNS) != 0 ||
      mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", below.c_str(), "tmpfs", 0, nullptr) != 0)
    GTEST_SKIP() << "nothing can be mounted here";
  EXPECT_EQ(mount("none", without.c_str(), "tmpfs", MS_NOSUID, nullptr), 0);
  const bool set = program("/u/mounted") && program("/v/without");
  const Outcome outcome =
      run_tool({"-v", "--root", root.path(), "import", "setcap"});
  EXPECT_EQ(umount(below.c_str()), 0);
  EXPECT_EQ(umount(without.c_str()), 0);
  NEEDS(set);
  EXPECT_THAT(outcome.out, HasSubstr("/usr/bin/server: "));
  EXPECT_THAT(outcome.out, HasSubstr("/u/mounted: "));
  EXPECT_THAT(outcome.out, Not(HasSubstr("/v/without")));
  EXPECT_THAT(outcome.err,
              HasSubstr("not looked into: " + without + " (nosuid"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("/proc")));
}

TEST_F(ImportSetcapTest, LocalFileSystems) {
  root.write("/srv/a b/x", "");
  root.write("/proc/self/mountinfo",
             "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
             "23 22 0:5 / /proc rw,nosuid - proc proc rw\n"
             "24 22 8:2 / /srv/a\\040b rw - xfs /dev/sdb1 rw\n"
             "25 22 8:3 / /home rw,nosuid,nodev - ext4 /dev/sdc1 rw\n"
             "26 22 0:9 / /mnt rw - nfs4 server:/ rw\n"
             "27 22 0:10 / /mnt2 rw - fuse.sshfs x rw\n"
             "28 22 0:11 / /merged rw - overlay overlay rw\n"
             "broken\n");
  const auto found = local_file_systems(root.path());
  ASSERT_TRUE(found);
  ASSERT_THAT(found->starts, SizeIs(2));
  EXPECT_EQ(found->starts[0].path, root.path());
  EXPECT_EQ(found->starts[1].path, root.path() + "/srv/a b");
  EXPECT_THAT(found->left_out,
              ElementsAre(HasSubstr("/home (nosuid"), HasSubstr("/mnt (nfs4"),
                          HasSubstr("/mnt2 (fuse.sshfs"),
                          HasSubstr("/merged (overlay")));
  NEEDS(program("/srv/a b/server"));
  const Outcome outcome = run_tool({"-v", "import", "setcap"});
  check(outcome);
  EXPECT_THAT(outcome.out, HasSubstr("a b/server: cap_net"));
  EXPECT_THAT(outcome.err,
              HasSubstr("not looked into: " + root.path() + "/home (nosuid"));
}

TEST_F(ImportSetcapTest, NothingIsLookedAtTwice) {
  root.write("/a/b/c", "");
  const std::vector<ScanStart> starts = {{.path = root.path() + "/a/b"},
                                         {.path = root.path() + "/a"},
                                         {.path = root.path() + "/a"}};
  double last = 0;
  const auto scan = scan_capabilities(starts, [&last](double done) {
    EXPECT_GE(done, last);
    last = done;
    return true;
  });
  EXPECT_EQ(scan.looked_at, 1U);
  EXPECT_NEAR(last, 1, 1e-9);
}

TEST_F(ImportSetcapTest, Stops) {
  root.write("/a/b", "");
  const auto scan =
      scan_capabilities({{.path = root.path()}}, [](double) { return false; });
  EXPECT_TRUE(scan.stopped);
}

TEST_F(ImportSetcapTest, DeepTrees) {
  std::string path = root.path() + "/deep";
  fs::create_directory(path);
  while (path.size() < 3900) {
    path += "/" + std::string(100, 'd');
    fs::create_directory(path);
  }
  const auto scan =
      scan_capabilities({{.path = root.path()}}, [](double) { return true; });
  EXPECT_EQ(scan.unreadable, 0U);
}

TEST_F(ImportSetcapTest, DoctorSeesNone) {
  root.write("/usr/bin/true", "", 0755);
  const Outcome outcome = run_tool({"doctor", "capabilities"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("none of 1 file where programs are"));
}

TEST_F(ImportSetcapTest, DoctorSeesThem) {
  NEEDS(program("/usr/bin/server") && program("/home/web/tool"));
  Outcome outcome = run_tool({"doctor", "capabilities"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("warn  capabilities  "));
  EXPECT_THAT(outcome.out,
              HasSubstr("setcap -r " + root.path() + "/usr/bin/server\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("tool")));
  // Wherever it is, if it runs.
  root.write("/proc/812/status", "Name:\ttool\n");
  runs(812, "/home/web/tool");
  outcome = run_tool({"doctor", "capabilities"});
  EXPECT_THAT(outcome.out, HasSubstr("/home/web/tool has"));
}

TEST_F(ImportSetcapTest, DoctorFollowsLinks) {
  NEEDS(program("/data/opt/server"));
  fs::create_symlink("/data/opt", root.path() + "/opt");
  EXPECT_THAT(run_tool({"doctor", "capabilities"}).out,
              HasSubstr(root.path() + "/data/opt/server has"));
}

TEST_F(ImportSetcapTest, DoctorSeesTheLoader) {
  NEEDS(program("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
  const Outcome outcome = run_tool({"doctor", "capabilities"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("fail  capabilities  "));
}

} // namespace
} // namespace portacl
