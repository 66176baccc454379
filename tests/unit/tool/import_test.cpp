// SPDX-License-Identifier: GPL-2.0-only
// The command "import", whatever it reads, and doctor's check of authbind.

#include <filesystem>

#include <unistd.h>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;

class ImportTest : public ToolTest {
protected:
  void add(const std::string &file, unsigned mode,
           const std::string &text = "") {
    root.write("/etc/authbind/" + file, text, mode);
  }
};

TEST_F(ImportTest, ListsItsWays) {
  const Outcome outcome = run_tool({"import"});
  EXPECT_EQ(outcome.status, 0);
  for (const char *way :
       {"authbind", "mac_portacl", "setcap", "systemd", "sysctl", "nat"})
    EXPECT_THAT(outcome.out, HasSubstr(std::string("\n") + way + " ")) << way;
  EXPECT_THAT(run_tool({"import", "--no-legend"}).out, Not(HasSubstr("WAY")));
}

TEST_F(ImportTest, RefusesUnknownWays) {
  EXPECT_EQ(run_tool({"import", "authbnd"}).status, 2);
  EXPECT_THAT(run_tool({"import", "authbnd"}).err,
              HasSubstr("did you mean 'authbind'?"));
  EXPECT_THAT(run_tool({"import", "polkit\x1b"}).err, HasSubstr("polkit\\x1b"));
  EXPECT_EQ(run_tool({"import", "authbind", "/etc"}).status, 2);
}

TEST_F(ImportTest, NothingFound) {
  const Outcome outcome = run_tool({"import", "authbind"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "nothing found that authbind allows\n");
  EXPECT_EQ(run_tool({"import", "authbind", "--quiet"}).err, "");
}

TEST_F(ImportTest, PrintsAPolicyFile) {
  add("byport/80", 0755);
  add("byuid/1001", 0644, "0.0.0.0/0:25,25\n::/0,25\n0.0.0.0/0:25,25\n");
  add("byuid/!1002", 0644, "127.0.0.1,600\n");
  add("byuid/5555", 0644, "127.0.0.1,70\n");
  const Outcome outcome = run_tool({"import", "authbind"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("# Imported from authbind by portaclctl " +
                                     std::string(PORTACL_VERSION) + ".\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n# /etc/authbind/byport/80\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n# /etc/authbind/byuid/1001:1\n"
                                     "allow user web 25 on 0.0.0.0/0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n# nobody has this number here: "));
  EXPECT_THAT(outcome.err, HasSubstr("byuid/1001:3: says what line 1 says"));
  EXPECT_THAT(outcome.err, HasSubstr("every user may bind port 80"));
  EXPECT_THAT(outcome.err, HasSubstr("ports 512-1023 carry trust"));
  EXPECT_THAT(outcome.err, HasSubstr("nothing is changed: "));

  root.write("/etc/portacl.d/60-authbind.conf", outcome.out);
  const Outcome checked = run_tool({"check"});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("ok: 5 rules"));
  EXPECT_THAT(run_tool({"import", "authbind", "--numeric"}).out,
              HasSubstr("\nallow user 1001 25 on 0.0.0.0/0\n"));
  EXPECT_THAT(run_tool({"import", "authbind", "--tcp-only"}).out,
              HasSubstr("\nallow user web 25/tcp\n"));
}

// Names of files and of users that want to be rules.
TEST_F(ImportTest, NothingIsInjected) {
  root.write("/etc/passwd", "root:x:0:0::/:/bin/sh\n"
                            "allow any 22:x:1001:1001::/:/bin/sh\n"
                            "x\"y:x:1002:1002::/:/bin/sh\n");
  add("byport/80\nallow any 23", 0755);
  add("byuid/1001", 0644, "127.0.0.1,70\n\nallow any 24\n");
  add("byuid/1002", 0644, "127.0.0.1,71\n");
  const Outcome outcome = run_tool({"import", "authbind"});
  EXPECT_THAT(outcome.out,
              HasSubstr("\nallow user \"allow any 22\" 70 on 127.0.0.1\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user 1002 71 on 127.0.0.1\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\nallow any")));
  EXPECT_THAT(outcome.err, HasSubstr("byport/80\\x0aallow any 23: "));
  EXPECT_THAT(outcome.err, HasSubstr("byuid/1001:3: cannot be read"));
}

TEST_F(ImportTest, UnreadableFilesAreNoEmptyOnes) {
  if (geteuid() == 0)
    GTEST_SKIP() << "root reads everything";
  add("byuid/1001", 0200, "127.0.0.1,70\n");
  const Outcome outcome = run_tool({"import", "authbind"});
  EXPECT_EQ(outcome.status, 5);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("run it as root"));
}

TEST_F(ImportTest, DoctorPassesWithoutAuthbind) {
  Outcome outcome = run_tool({"doctor", "authbind"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("pass  authbind"));
  root.write("/usr/lib/authbind/helper", "", 04755);
  add("byport/.keep", 0644);
  add("byport/81", 0644);
  outcome = run_tool({"doctor", "authbind"});
  EXPECT_THAT(outcome.out, HasSubstr("pass  authbind"));
  EXPECT_THAT(outcome.out, HasSubstr("lets nobody bind a port"));
}

TEST_F(ImportTest, DoctorWarnsOfAuthbind) {
  root.write("/usr/lib/authbind/helper", "", 04755);
  add("byport/80", 0755);
  add("byuid/1001", 0644, "127.0.0.1,70\n::1,70\n");
  Outcome outcome = run_tool({"doctor", "authbind"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("warn  authbind"));
  EXPECT_THAT(outcome.out,
              HasSubstr("3 grants in " + root.path() + "/etc/authbind\n"));
  EXPECT_THAT(outcome.out, HasSubstr("portaclctl import authbind"));
  EXPECT_THAT(outcome.out, HasSubstr("apt-get purge authbind"));
  std::filesystem::remove(root.path() + "/usr/lib/authbind/helper");
  outcome = run_tool({"doctor", "authbind"});
  EXPECT_THAT(outcome.out, HasSubstr("helper is not installed"));
  root.write("/usr/local/lib/authbind/helper", "", 04755);
  outcome = run_tool({"doctor", "authbind"});
  EXPECT_THAT(outcome.out, HasSubstr("rm /usr/local/lib/authbind/helper\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("apt-get")));
}

} // namespace
} // namespace portacl
