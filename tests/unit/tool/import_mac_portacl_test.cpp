// SPDX-License-Identifier: GPL-2.0-only
// Rules of FreeBSD's mac_portacl(4); its parser is the specification.

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;

class MacPortaclTest : public ToolTest {
protected:
  Outcome import(const std::vector<std::string> &words) {
    std::vector<std::string> all = {"import", "mac_portacl", "--numeric"};
    all.insert(all.end(), words.begin(), words.end());
    return run_tool(all);
  }
  // The lines that are no comments.
  static std::string rules(const Outcome &outcome) {
    std::istringstream lines(outcome.out);
    std::string found;
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line.front() != '#')
        found += line + "\n";
    }
    return found;
  }
};

TEST_F(MacPortaclTest, EntriesBecomeRules) {
  const Outcome outcome =
      import({"uid:33:tcp:80,gid:0:udp:53,,uid:4294967294:udp:1023,"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(rules(outcome), "allow user 33 80/tcp\n"
                            "allow group 0 53/udp\n"
                            "allow user 4294967294 1023/udp\n");
  EXPECT_THAT(outcome.out, HasSubstr("# uid:33:tcp:80\n"));
  EXPECT_THAT(outcome.err, HasSubstr("ports 512-1023"));
}

TEST_F(MacPortaclTest, AsSysctlPrintsIt) {
  EXPECT_EQ(rules(import({"security.mac.portacl.rules: uid:33:tcp:80"})),
            "allow user 33 80/tcp\n");
  EXPECT_EQ(rules(import(
                {"security.mac.portacl.rules=uid:33:tcp:80", "uid:34:tcp:81"})),
            "allow user 33 80/tcp\nallow user 34 81/tcp\n");
}

// FreeBSD refuses all of it, so that nothing was granted.
TEST_F(MacPortaclTest, RefusesWhatFreeBsdRefuses) {
  const std::vector<std::pair<const char *, const char *>> bad = {
      {"uid:33:tcp", "argument:1:1:"},
      {"uid:33:tcp:80:1", "argument:1:1:"},
      {"user:33:tcp:80", "argument:1:1:"},
      {"uid:www:tcp:80", "argument:1:5:"},
      {"uid:33x:tcp:80", "argument:1:5:"},
      {"uid:33:sctp:80", "argument:1:8:"},
      {"uid:33:tcp:http", "argument:1:12:"},
      {"uid:33:tcp:80 ", "argument:1:12:"},
      {"uid:1:tcp:80,uid:2:tcp:8o", "argument:1:24:"},
      {"uid:33 :tcp:80", "argument:1:5:"},
      {"UID:33:tcp:80", "argument:1:1:"}};
  for (const auto &[text, place] : bad) {
    const Outcome outcome = import({text});
    EXPECT_EQ(outcome.status, 2) << text;
    EXPECT_EQ(outcome.out, "") << text;
    EXPECT_THAT(outcome.err, HasSubstr(place)) << text;
    EXPECT_THAT(outcome.err, HasSubstr("whole list")) << text;
  }
  EXPECT_EQ(import({"nonsense"}).status, 2);
  EXPECT_EQ(import({""}).status, 2);
}

// It takes these and means something else.
TEST_F(MacPortaclTest, LeavesWhatIsMisread) {
  const Outcome cut = import({"uid:33:tcp:65616"});
  EXPECT_EQ(cut.status, 0);
  EXPECT_EQ(rules(cut), "");
  EXPECT_THAT(cut.out, HasSubstr("\n#allow user 33 80/tcp\n"));
  EXPECT_THAT(cut.err, HasSubstr("argument:1:12: '65616' is no port; FreeBSD "
                                 "reads it as 80"));
  const Outcome empty = import({"uid::tcp:80"});
  EXPECT_EQ(rules(empty), "");
  EXPECT_THAT(empty.out, HasSubstr("\n#allow user 0 80/tcp\n"));
  EXPECT_THAT(empty.err, HasSubstr("argument:1:5: '' is no id; FreeBSD reads "
                                   "it as 0"));
  for (const char *odd : {"uid: 33:tcp:80", "uid:+33:tcp:80", "uid:33:tcp: 80",
                          "uid:33:tcp:-65456"}) {
    const Outcome outcome = import({odd});
    EXPECT_EQ(rules(outcome), "") << odd;
    EXPECT_THAT(outcome.out, HasSubstr("\n#allow user 33 80/tcp\n")) << odd;
  }
}

TEST_F(MacPortaclTest, SaysWhatHasNoEffect) {
  for (const char *dead :
       {"uid:33:tcp:0", "uid:33:tcp:", "uid:33:tcp:65536", "uid:-1:tcp:80",
        "uid:4294967295:tcp:80", "uid:99999999999999999999:tcp:80"}) {
    const Outcome outcome = import({dead});
    EXPECT_EQ(outcome.status, 0) << dead;
    EXPECT_EQ(outcome.out, "") << dead;
    EXPECT_THAT(outcome.err, HasSubstr("warning: argument:1:")) << dead;
  }
  EXPECT_THAT(import({"uid:33:tcp:8080"}).err, HasSubstr("reserve 8080"));
}

TEST_F(MacPortaclTest, ReadsTheMachinesFiles) {
  root.write("/boot/loader.conf", "security.mac.portacl.port_high=\"5000\"\n");
  root.write(
      "/etc/sysctl.conf",
      "# security.mac.portacl.rules=uid:1:tcp:1\n"
      "net.inet.ip.portrange.reservedhigh=0\n"
      "security.mac.portacl.suser_exempt = 0\n"
      "security.mac.portacl.rules=uid:1001:tcp:80,uid:1002:udp:4000 # x\n"
      "kern.other=1\n");
  const Outcome outcome = run_tool({"import", "mac_portacl"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(rules(outcome), "allow user web 80/tcp\n"
                            "allow user eve 4000/udp\n"
                            "reserve 1024-5000/tcp\n"
                            "reserve 1024-5000/udp\n");
  EXPECT_THAT(outcome.out,
              HasSubstr("# /etc/sysctl.conf:4: uid:1001:tcp:80\n"));
  EXPECT_THAT(outcome.out, HasSubstr("# /boot/loader.conf:1: "));
  EXPECT_THAT(outcome.out, HasSubstr("portaclctl strict on"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("reservedhigh")));
}

TEST_F(MacPortaclTest, LastSettingCounts) {
  root.write("/etc/sysctl.conf",
             "security.mac.portacl.rules=uid:1001:tcp:80\n");
  root.write("/etc/sysctl.conf.local",
             "security.mac.portacl.rules=\"uid:1002:tcp:81\"\n");
  const Outcome outcome = run_tool({"import", "mac_portacl"});
  EXPECT_EQ(rules(outcome), "allow user eve 81/tcp\n");
  EXPECT_THAT(outcome.err, HasSubstr("/etc/sysctl.conf:1:28: "));
  EXPECT_THAT(outcome.err, HasSubstr("reservedhigh is not set"));
}

// FreeBSD's own check refused them before, or nobody's did.
TEST_F(MacPortaclTest, MindsTheOtherBoundaries) {
  const std::string file = root.path() + "/their.conf";
  root.write("/their.conf", "security.mac.portacl.rules=uid:1:tcp:80,"
                            "uid:1:tcp:800,uid:1:tcp:2000\n"
                            "security.mac.portacl.port_high=600\n"
                            "security.mac.portacl.autoport_exempt=0\n"
                            "net.inet.ip.portrange.reservedhigh=100\n");
  const Outcome outcome = import({file});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(rules(outcome), "allow user 1 800/tcp\n");
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow user 1 80/tcp\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow user 1 2000/tcp\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow any 601-1023/tcp\n"
                                     "#allow any 601-1023/udp\n"));
  EXPECT_THAT(outcome.err, HasSubstr("their.conf:3:"));
}

TEST_F(MacPortaclTest, SwitchedOff) {
  root.write("/their.conf", "security.mac.portacl.rules=uid:1:tcp:80\n"
                            "security.mac.portacl.port_high=2000\n"
                            "security.mac.portacl.enabled=0\n");
  const Outcome outcome = import({root.path() + "/their.conf"});
  EXPECT_EQ(rules(outcome), "");
  EXPECT_THAT(outcome.out, HasSubstr("# mac_portacl was switched off there\n"
                                     "#allow user 1 80/tcp\n"));
  EXPECT_THAT(outcome.err, HasSubstr("their.conf:3:"));
}

TEST_F(MacPortaclTest, BadFilesAreNamed) {
  root.write("/their.conf", "\nsecurity.mac.portacl.rules=uid:1:tcp:80,bad\n"
                            "security.mac.portacl.port_high=many\n");
  const Outcome outcome = import({root.path() + "/their.conf"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr("their.conf:2:41: an entry has four"));
  EXPECT_EQ(import({root.path()}).status, 4);
}

TEST_F(MacPortaclTest, NothingThere) {
  const Outcome outcome = run_tool({"import", "mac_portacl"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "nothing found that mac_portacl allows\n");
}

} // namespace
} // namespace portacl
