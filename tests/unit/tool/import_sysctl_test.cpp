// SPDX-License-Identifier: GPL-2.0-only
// net.ipv4.ip_unprivileged_port_start: where it is set, and what it is as
// rules.

#include "lib/boundary_files.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

namespace fs = std::filesystem;

class ImportSysctlTest : public ToolTest {
protected:
  static constexpr const char *line =
      "net.ipv4.ip_unprivileged_port_start=80\n";

  void now(const std::string &boundary) {
    root.write("/proc/sys/net/ipv4/ip_unprivileged_port_start",
               boundary + "\n");
  }
  // "FILE:LINE=VALUE" of each.
  std::vector<std::string> lines() {
    found = find_boundary_lines(root.path());
    std::vector<std::string> texts;
    for (const BoundaryLine &one : found.lines)
      texts.push_back(one.file.substr(root.path().size()) + ":" +
                      std::to_string(one.line) + "=" +
                      std::to_string(one.value));
    return texts;
  }
  Outcome import(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"import", "sysctl"});
    Outcome outcome = run_tool(words);
    expect_good_policy(outcome.out);
    return outcome;
  }
  BoundaryLines found;
};

TEST_F(ImportSysctlTest, Lines) {
  root.write("/etc/sysctl.d/a.conf",
             "# net.ipv4.ip_unprivileged_port_start=1\n"
             ";net.ipv4.ip_unprivileged_port_start=2\n"
             "net.ipv4.ip_unprivileged_port_start_not=3\n"
             " - net/ipv4/ip_unprivileged_port_start \t=\t 4 \n"
             "net.ipv4.ip_unprivileged_port_start = 5\n"
             "-net.ipv4.ip_unprivileged_port_start\n"
             "net.ipv4.ip_unprivileged_port_start = high\n"
             "net.ipv4.ip_unprivileged_port_start = 65536\n"
             "net.ipv4.ip_unprivileged_port_start =\n"
             "net.ipv4/ip_unprivileged_port_start = 6\n");
  EXPECT_THAT(lines(), ElementsAre("/etc/sysctl.d/a.conf:4=4",
                                   "/etc/sysctl.d/a.conf:5=5"));
  ASSERT_THAT(found.errors, SizeIs(3));
  EXPECT_EQ(found.errors[0].line, 7U);
}

TEST_F(ImportSysctlTest, Precedence) {
  root.write("/proc/cmdline",
             "quiet sysctl.net.ipv4.ip_unprivileged_port_start=80 x\n");
  root.write("/usr/lib/sysctl.d/20-b.conf", line);
  root.write("/etc/sysctl.d/10-a.conf", line);
  root.write("/run/sysctl.d/30-c.conf", line);
  root.write("/usr/lib/sysctl.d/30-c.conf", line);
  root.write("/etc/sysctl.d/not.txt", line);
  root.write("/usr/lib/sysctl.d/40-masked.conf", line);
  fs::create_symlink("/dev/null", root.path() + "/etc/sysctl.d/40-masked.conf");
  root.write("/etc/sysctl.conf", line);
  EXPECT_THAT(lines(),
              ElementsAre("/proc/cmdline:0=80", "/etc/sysctl.d/10-a.conf:1=80",
                          "/usr/lib/sysctl.d/20-b.conf:1=80",
                          "/run/sysctl.d/30-c.conf:1=80",
                          "/etc/sysctl.conf:1=80"));
  // As Debian links it: once, and at its place.
  fs::create_symlink("../sysctl.conf",
                     root.path() + "/etc/sysctl.d/25-sysctl.conf");
  EXPECT_THAT(lines(),
              ElementsAre("/proc/cmdline:0=80", "/etc/sysctl.d/10-a.conf:1=80",
                          "/usr/lib/sysctl.d/20-b.conf:1=80",
                          "/etc/sysctl.conf:1=80",
                          "/run/sysctl.d/30-c.conf:1=80"));
}

TEST_F(ImportSysctlTest, NumbersAsTheKernelReadsThem) {
  root.write("/etc/sysctl.d/a.conf",
             "net.ipv4.ip_unprivileged_port_start=0120\n"
             "net.ipv4.ip_unprivileged_port_start=0x50\n"
             "net.ipv4.ip_unprivileged_port_start=0\n"
             "net.ipv4.ip_unprivileged_port_start=08\n"
             "net.ipv4.ip_unprivileged_port_start=0x\n");
  EXPECT_THAT(lines(), ElementsAre("/etc/sysctl.d/a.conf:1=80",
                                   "/etc/sysctl.d/a.conf:2=80",
                                   "/etc/sysctl.d/a.conf:3=0"));
  EXPECT_THAT(found.errors, SizeIs(2));
}

// sysctl.d(5): a line with the name itself overrules them.
TEST_F(ImportSysctlTest, Patterns) {
  root.write("/etc/sysctl.d/a.conf", line);
  root.write("/etc/sysctl.d/b.conf", "net.ipv4.ip_unprivileged_port_st*=1\n"
                                     "net/*/ip_unprivileged_port_star?=2\n"
                                     "net.*=3\nnet.ipv6.*=4\n*=5\n");
  EXPECT_THAT(lines(), ElementsAre("/etc/sysctl.d/b.conf:1=1",
                                   "/etc/sysctl.d/b.conf:2=2",
                                   "/etc/sysctl.d/a.conf:1=80"));
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, HasSubstr("1{/unprivileged_port_start/d}"));
  EXPECT_THAT(outcome.out, HasSubstr("# overrule " + root.path() +
                                     "/etc/sysctl.d/b.conf, which sets "));
  root.write("/etc/sysctl.d/c.conf", "-net.ipv4.ip_unprivileged_port_start\n");
  EXPECT_THAT(lines(), ElementsAre("/etc/sysctl.d/a.conf:1=80"));
}

TEST_F(ImportSysctlTest, OverrulesWhatComesLast) {
  root.write("/etc/sysctl.d/zz-boundary.conf",
             "net.ipv4.ip_unprivileged_port_start=1024\n");
  root.write("/usr/lib/sysctl.d/50-v.conf", line);
  EXPECT_EQ(import().out, "");
  root.write("/usr/lib/sysctl.d/zzz-container.conf", line);
  EXPECT_THAT(import().out,
              HasSubstr("/etc/sysctl.d/zzz-container_boundary.conf:\n"));
  root.write("/etc/sysctl.d/zzz-container_boundary.conf",
             "net.ipv4.ip_unprivileged_port_start=1024\n");
  EXPECT_EQ(import().out, "");
}

TEST_F(ImportSysctlTest, NothingIsFound) {
  now("1024");
  const Outcome outcome = import();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("is 1024, as it should be"));
}

TEST_F(ImportSysctlTest, Lowered) {
  now("80");
  root.write("/etc/sysctl.d/50-ports.conf", "\n" + std::string(line) + line);
  write_listeners({{700, "sshd", 0, true, "tcp", "00000000:0016"},
                   {812, "nginx", 1001, false, "tcp", "00000000:01BB"},
                   {812, "nginx", 1001, false, "tcp", "00000000:0050"},
                   {813, "capable", 1002, true, "tcp", "00000000:0051"},
                   {814, "low", 1002, false, "tcp", "00000000:0019"},
                   {815, "high", 1002, false, "tcp", "00000000:1F90"},
                   {816, "root", 0, true, "tcp", "00000000:0052"}});
  const Outcome outcome = import();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 80,443/tcp\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow any 80-1023\n"));
  EXPECT_THAT(outcome.out, HasSubstr("# EVERYBODY may bind"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("eve")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("user root")));
  EXPECT_THAT(
      outcome.out,
      HasSubstr("#     sed -i --follow-symlinks '2{/unprivileged_port_start/d};"
                "3{/unprivileged_port_start/d}' " +
                root.path() + "/etc/sysctl.d/50-ports.conf\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("#     sysctl -w "
                        "net.ipv4.ip_unprivileged_port_start=1024\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("ip_local_port_range")));
}

TEST_F(ImportSysctlTest, ToZero) {
  now("0");
  sysctl.range = "500\t60999\n";
  root.write("/usr/lib/sysctl.d/50-ports.conf", line);
  root.write("/proc/cmdline", "sysctl.net/ipv4/ip_unprivileged_port_start=80");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow any 1-1023\n"));
  // The kernel refuses the one before the other.
  const size_t first =
      outcome.out.find("sysctl -w 'net.ipv4.ip_local_port_range=1024 60999'");
  ASSERT_NE(first, std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("sysctl -w net.ipv4.ip_unpriv", first),
            std::string::npos);
  EXPECT_THAT(outcome.out, HasSubstr("/etc/sysctl.d/zz-boundary.conf:"));
  EXPECT_THAT(outcome.out, HasSubstr("from the kernel's command line"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("sed -i")));
  EXPECT_THAT(outcome.err, HasSubstr("is 0 now and becomes 80"));
}

TEST_F(ImportSysctlTest, Raised) {
  now("2000");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, HasSubstr("\nreserve 1024-1999\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("allow any")));
}

TEST_F(ImportSysctlTest, OfFiles) {
  now("1024");
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"}});
  root.write("/saved.conf", line);
  const Outcome outcome = import({root.path() + "/saved.conf"});
  EXPECT_THAT(outcome.out, HasSubstr("#allow any 80-1023"));
  EXPECT_THAT(outcome.out, HasSubstr("/saved.conf:1"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("web")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("sysctl -w")));
  EXPECT_EQ(run_tool({"import", "sysctl", "/no/such/file"}).status, 6);
}

TEST_F(ImportSysctlTest, DoctorIsFine) {
  now("1024");
  const Outcome outcome = run_tool({"doctor", "boundary"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("pass  boundary"));
  EXPECT_THAT(outcome.out, HasSubstr("1 passed, 0 warned, 0 failed"));
}

TEST_F(ImportSysctlTest, DoctorWarns) {
  now("80");
  root.write("/etc/sysctl.d/50-ports.conf", line);
  Outcome outcome = run_tool({"doctor", "boundary"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("warn  boundary"));
  EXPECT_THAT(outcome.out, HasSubstr("everybody may bind ports 80-1023"));
  EXPECT_THAT(outcome.out, HasSubstr("/etc/sysctl.d/50-ports.conf:1"));
  EXPECT_THAT(outcome.out, HasSubstr("port_start=1024\n"));
  now("0");
  outcome = run_tool({"doctor", "boundary"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("fail  boundary"));
  now("1024");
  outcome = run_tool({"doctor", "boundary"});
  EXPECT_THAT(outcome.out, HasSubstr("becomes 80 at the next boot"));
}

TEST_F(ImportSysctlTest, DoctorSeesOtherNamespaces) {
  now("1024");
  sockets.more_namespaces = {{.id = 42, .name = "blue"},
                             {.id = 43, .unprivileged_start = 0}};
  const Outcome outcome = run_tool({"doctor", "boundary"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("lower in 1 other network namespace, as containers "
                        "like it: 43 (0)"));
  EXPECT_THAT(outcome.out, HasSubstr("2 passed, 0 warned"));
  sockets.partial = true;
  EXPECT_THAT(run_tool({"doctor", "boundary"}).out,
              HasSubstr("not all network namespaces"));
}

} // namespace
} // namespace portacl
