// SPDX-License-Identifier: GPL-2.0-only
// allow, deny, reserve and remove, with a kernel.

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "lib/policy.h"
#include "lib/times.h"
#include "tool_test.h"

namespace portacl {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class AllowTest : public ToolTest {};
class DenyTest : public ToolTest {};
class ReserveTest : public ToolTest {};
class ForTest : public ToolTest {};
class RemoveTest : public ToolTest {};

constexpr const char *capability_note =
    "note: who holds CAP_NET_BIND_SERVICE, as root does, is not bound by it "
    "unless strict is on\n";

TEST_F(AllowTest, SavesAndApplies) {
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "allowed: user web (uid 1001) may bind 443, any transport, now; "
            "after a reboot once portaclctl load has run\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(root.read(local), HasSubstr("\nallow user web 443\n"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1001 443"});
}

TEST_F(AllowTest, PromisesAReboootOnlyWithTheService) {
  fs::create_directories(root.path() +
                         "/etc/systemd/system/sysinit.target.wants");
  fs::create_symlink("/usr/lib/systemd/system/portacl.service",
                     root.path() + "/etc/systemd/system/sysinit.target.wants/"
                                   "portacl.service");
  root.write("/usr/lib/systemd/system/portacl.service", "[Service]\n");
  EXPECT_EQ(run_tool({"allow", "web", "443"}).out,
            "allowed: user web (uid 1001) may bind 443, any transport, now and "
            "after a reboot\n");
  // A bad file would make load refuse everything.
  root.write(vendor, "allow nobody-here 80\n");
  const Outcome bad = run_tool({"allow", "web", "444"});
  EXPECT_EQ(bad.status, 0);
  EXPECT_THAT(bad.out, HasSubstr("once the policy files are corrected"));
  EXPECT_THAT(bad.err, HasSubstr("40-vendor.conf:1:7: no such user"));
  // Masked units do not run.
  fs::create_symlink("/dev/null",
                     root.path() + "/etc/systemd/system/portacl.service");
  root.write(vendor, "");
  EXPECT_THAT(run_tool({"allow", "web", "445"}).out,
              HasSubstr("once portaclctl load has run"));
}

TEST_F(AllowTest, SaysHowToHaveItAfterAReboot) {
  root.write("/usr/local/lib/systemd/system/portacl.service", "[Service]\n");
  EXPECT_EQ(run_tool({"allow", "web", "443"}).out,
            "allowed: user web (uid 1001) may bind 443, any transport, now; "
            "after a reboot once portaclctl load has run, or with: systemctl "
            "enable portacl.service\n");
}

TEST_F(AllowTest, TwiceIsOnce) {
  run_tool({"allow", "web", "443"});
  const std::string text = root.read(local);
  const Outcome again = run_tool({"allow", "user", "1001", "443"});
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.out, HasSubstr("already allowed: user web (uid 1001)"));
  EXPECT_EQ(root.read(local), text);
}

TEST_F(AllowTest, BringsBackWhatTheKernelLost) {
  run_tool({"allow", "web", "443"});
  kernel.rules.clear();
  EXPECT_THAT(run_tool({"allow", "web", "443"}).out,
              testing::StartsWith("allowed: "));
  EXPECT_EQ(kernel.rules.size(), 1U);
}

TEST_F(AllowTest, NotLoadedIsSavedButSaysSo) {
  kernel.loaded = false;
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.out, "saved: user web (uid 1001) may bind 443, any "
                         "transport, once the module is loaded\n");
  EXPECT_EQ(outcome.err,
            "warning: not yet in force: the portacl module is not loaded\n"
            "hint: to load it, run: portaclctl load\n");
  EXPECT_THAT(root.read(local), HasSubstr("allow user web 443\n"));
}

TEST_F(AllowTest, AKernelThatRefusesLeavesNoTrace) {
  kernel.refuse = [] { return ENOSPC; };
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "portaclctl: the kernel's policy is full; nothing was "
                         "changed\n");
  EXPECT_FALSE(root.exists(local));

  root.write(local, "allow eve 22\n");
  run_tool({"allow", "web", "443"});
  EXPECT_EQ(root.read(local), "allow eve 22\n");
  kernel.refuse = [] { return EPERM; };
  EXPECT_EQ(run_tool({"allow", "web", "443"}).status, 5);
  EXPECT_EQ(root.read(local), "allow eve 22\n");
}

TEST_F(AllowTest, ALineOfNoFileIsNotNamed) {
  kernel.fixed["error"] = "line 1 column 12: port out of range\n";
  kernel.refuse = [] { return EINVAL; };
  const Json error =
      Json::parse(run_tool({"allow", "web", "443", "--json"}).err)["errors"][0];
  EXPECT_EQ(error["code"], 6);
  EXPECT_FALSE(error.contains("line"));
  EXPECT_FALSE(error.contains("file"));
}

// The rule is in force: a file without it would be wrong.
TEST_F(AllowTest, AnUnreadableGenerationAfterTheWriteKeepsTheFile) {
  kernel.failing_read = "generation";
  kernel.good_reads = 1;
  const Outcome outcome = run_tool({"allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(kernel.rules.size(), 1U);
  EXPECT_THAT(root.read(local), HasSubstr("\nallow user web 443\n"));
}

TEST_F(AllowTest, SignalsWaitUntilFileAndKernelAgree) {
  const auto blocked = [] {
    sigset_t now{};
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, SIGINT) + sigismember(&now, SIGTERM) +
           sigismember(&now, SIGHUP);
  };
  int during = 0;
  kernel.refuse = [&] {
    during = blocked();
    return 0;
  };
  run_tool({"allow", "web", "443"});
  EXPECT_EQ(during, 3);
  EXPECT_EQ(blocked(), 0);
}

TEST_F(AllowTest, AnotherAbiChangesNothing) {
  kernel.fixed["abi"] = "2\n";
  EXPECT_EQ(run_tool({"allow", "web", "443"}).status, 3);
  EXPECT_FALSE(root.exists(local));
}

TEST_F(AllowTest, RuntimeGoesToRun) {
  const Outcome outcome = run_tool({"allow", "--runtime", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("now, until the next reboot"));
  EXPECT_FALSE(root.exists(local));
  EXPECT_THAT(root.read(runtime), HasSubstr("\nallow user web 443\n"));
  // To make it stay is a change.
  EXPECT_THAT(run_tool({"allow", "web", "443"}).out, Not(HasSubstr("until")));
  EXPECT_THAT(root.read(local), HasSubstr("\nallow user web 443\n"));
  // What stays needs no runtime rule, and stays.
  const Outcome stays = run_tool({"allow", "--runtime", "web", "443"});
  EXPECT_THAT(stays.out, HasSubstr("already allowed"));
  EXPECT_THAT(stays.out, Not(HasSubstr("until")));
}

TEST_F(AllowTest, VendorRulesCount) {
  root.write(vendor, "allow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  EXPECT_THAT(run_tool({"allow", "web", "443"}).out,
              HasSubstr("already allowed"));
  EXPECT_FALSE(root.exists(local));
}

TEST_F(AllowTest, DryRunTellsAndDoesNothing) {
  const Outcome outcome = run_tool({"allow", "-n", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "would add to " + root.path() + local +
                             ":4: allow user web 443\n"
                             "would add to the kernel: allow user 1001 443\n");
  EXPECT_FALSE(root.exists(local));
  EXPECT_FALSE(root.exists("/run/portacl.lock"));
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(AllowTest, BadInputChangesNothing) {
  kernel.rules = {"allow any 80"};
  for (const char *ports : {"0", "65536", "99999999999", "80-", "90-80", "80,",
                            ",", "", "/tcp", "80/", "80 443", "-80"}) {
    const Outcome outcome = run_tool({"allow", "--", "web", ports});
    EXPECT_EQ(outcome.status, 2) << ports;
    EXPECT_EQ(outcome.out, "") << ports;
  }
  EXPECT_EQ(run_tool({"allow", "nobody-here", "80"}).status, 4);
  EXPECT_EQ(run_tool({"allow", "web", "no-service"}).status, 4);
  EXPECT_EQ(run_tool({"allow", "4294967295", "80"}).status, 2);
  EXPECT_EQ(run_tool({"allow", "4294967296", "80"}).status, 2);
  EXPECT_FALSE(root.exists(local));
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_EQ(kernel.generation, 1U);
}

TEST_F(AllowTest, Warns) {
  EXPECT_THAT(run_tool({"allow", "web", "511"}).err, "");
  EXPECT_THAT(run_tool({"allow", "web", "512"}).err, HasSubstr("512-1023"));
  EXPECT_THAT(run_tool({"allow", "web", "1,1000-1100"}).err,
              HasSubstr("512-1023"));
  EXPECT_THAT(run_tool({"allow", "web", "1024"}).err, "");
  EXPECT_THAT(run_tool({"allow", "root", "80"}).err, HasSubstr("root may"));
}

TEST_F(AllowTest, OnAnAddress) {
  const Outcome outcome = run_tool({"allow", "web", "443", "on", "192.0.2.1"});
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out,
              HasSubstr("may bind 443, any transport, on 192.0.2.1, now"));
  EXPECT_EQ(kernel.rules,
            std::set<std::string>{"allow user 1001 443 on 192.0.2.1"});
  EXPECT_THAT(run_tool({"allow", "web", "443/tcp", "on", "10.0.0.0/8"}).out,
              HasSubstr("may bind 443/tcp on 10.0.0.0/8, now"));
}

TEST_F(AllowTest, OnTheWildcardNeverMatches) {
  EXPECT_THAT(run_tool({"allow", "web", "443", "on", "0.0.0.0"}).err,
              HasSubstr("'on 0.0.0.0' never matches: for every IPv4 address "
                        "write 0.0.0.0/0, or leave 'on' out"));
  EXPECT_THAT(run_tool({"allow", "web", "443", "on", "::"}).err,
              HasSubstr("'on ::' never matches: leave 'on' out"));
  for (const char *fine : {"0.0.0.0/0", "::/0", "0.0.0.1", "::1"})
    EXPECT_EQ(run_tool({"allow", "web", "443", "on", fine}).err, "") << fine;
  EXPECT_EQ(run_tool({"deny", "web", "443", "on", "::"}).err, capability_note);
}

TEST_F(AllowTest, UntilATime) {
  const Outcome outcome =
      run_tool({"allow", "web", "443", "until", "2099-12-24T18:00+01:00"});
  EXPECT_THAT(outcome.out,
              HasSubstr("portaclctl load has run, until 2099-12-24T17:00:00Z"));
  EXPECT_EQ(kernel.rules,
            std::set<std::string>{"allow user 1001 443 until 4101814800"});
  // What is saved means the same in every time zone.
  EXPECT_THAT(root.read(local),
              HasSubstr("\nallow user web 443 until 2099-12-24T17:00:00Z\n"));
  EXPECT_THAT(run_tool({"allow", "web", "443", "until", "4101814800"}).out,
              HasSubstr("already allowed"));
}

TEST_F(AllowTest, AnEndThatASecondRuleLacks) {
  root.write(vendor, "# vendor\nallow web 443\ndeny eve 80\n");
  EXPECT_THAT(run_tool({"allow", "web", "443", "--for", "1h"}).err,
              HasSubstr("40-vendor.conf:2 allows it without an end"));
  EXPECT_THAT(run_tool({"deny", "eve", "80", "--for", "1h"}).err,
              HasSubstr("40-vendor.conf:3 denies it without an end"));
  EXPECT_EQ(run_tool({"allow", "web", "444", "--for", "1h"}).err, "");
}

TEST_F(AllowTest, NotUntilThePast) {
  for (const char *time : {"1", "2001-01-01T00:00Z"}) {
    const Outcome outcome = run_tool({"allow", "web", "443", "until", time});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr("would have ended already"));
  }
  EXPECT_FALSE(root.exists(local));
}

TEST_F(DenyTest, SavesAndApplies) {
  const Outcome outcome = run_tool({"deny", "eve", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "denied: user eve (uid 1002) may not bind 443, any transport, now; "
            "after a reboot once portaclctl load has run\n");
  EXPECT_EQ(outcome.err, capability_note);
  EXPECT_THAT(root.read(local), HasSubstr("\ndeny user eve 443\n"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"deny user 1002 443"});
  EXPECT_THAT(run_tool({"deny", "eve", "443"}).out,
              HasSubstr("already denied: user eve"));
}

TEST_F(DenyTest, StrictBindsEverybody) {
  kernel.fixed["strict"] = "1\n";
  EXPECT_EQ(run_tool({"deny", "eve", "443"}).err, "");
}

TEST_F(DenyTest, WithoutTheModuleTheFilesSayWhetherItIsStrict) {
  kernel.loaded = false;
  EXPECT_THAT(run_tool({"deny", "eve", "443"}).err, HasSubstr("note: "));
  root.write(vendor, "strict on\n");
  EXPECT_THAT(run_tool({"deny", "eve", "80"}).err, Not(HasSubstr("note: ")));
}

TEST_F(AllowTest, ADenyGoesBeforeIt) {
  root.write(vendor, "deny any 443/udp\ndeny group mail 80\n"
                     "deny web 22 until 1000000000\ndeny eve 443\n");
  const std::string place =
      "warning: a deny goes before it, " + root.path() + vendor;
  EXPECT_EQ(run_tool({"allow", "web", "440-450"}).err,
            place + ":1: deny any 443/udp\n");
  EXPECT_EQ(run_tool({"allow", "web", "443/tcp"}).err, "");
  EXPECT_EQ(run_tool({"allow", "web", "80"}).err,
            place + ":2: deny group mail 80\n");
  EXPECT_EQ(run_tool({"allow", "group", "mail", "80"}).err,
            place + ":2: deny group mail 80\n");
  EXPECT_EQ(run_tool({"allow", "1003", "80"}).err, "");
  EXPECT_EQ(run_tool({"allow", "web", "22"}).err, "");
}

TEST_F(DenyTest, SaysThatTheModeDoesNotRefuse) {
  kernel.fixed["mode"] = "permissive\n";
  EXPECT_THAT(run_tool({"deny", "eve", "443"}).err,
              HasSubstr("warning: mode is permissive"));
  EXPECT_EQ(run_tool({"allow", "eve", "80"}).err, "");
  kernel.fixed["mode"] = "off\n";
  EXPECT_THAT(run_tool({"allow", "eve", "443"}).err,
              HasSubstr("warning: mode is off"));
}

TEST_F(DenyTest, NoWarningsThatAreForGrants) {
  EXPECT_EQ(run_tool({"deny", "root", "600"}).err, capability_note);
}

TEST_F(DenyTest, EachIsAllowedOnly) {
  const Outcome outcome = run_tool({"deny", "each", "1-2", "2000+5"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("'each' goes with 'allow' only"));
}

TEST_F(DenyTest, NamesWhoWouldLoseThePort) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"},
                   {813, "other", 1002, false, "tcp", "00000000:01BB"},
                   {700, "capable", 1001, true, "udp", "00000000:01BB"},
                   {814, "elsewhere", 1001, false, "tcp", "00000000:0050"}});
  kernel.rules = {"allow any 80,443"};
  const Outcome outcome = run_tool({"deny", "web", "443"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(outcome.err,
            std::string(capability_note) +
                "warning: nginx (pid 812) of user web listens on 443/tcp and "
                "would be refused at its next bind\n"
                "portaclctl: deny user web 443: 1 listener would be refused; "
                "nothing was changed\n"
                "hint: to go on all the same, add --force\n");
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_FALSE(root.exists(local));
  EXPECT_EQ(run_tool({"deny", "web", "443", "--force"}).status, 0);
  EXPECT_EQ(kernel.rules.count("deny user 1001 443"), 1U);
}

TEST_F(DenyTest, StrictCountsTheCapable) {
  write_listeners({{700, "capable", 1001, true, "udp", "00000000:01BB"}});
  kernel.rules = {"allow any 443"};
  EXPECT_EQ(run_tool({"deny", "web", "443", "-n"}).err, capability_note);
  kernel.fixed["strict"] = "1\n";
  EXPECT_THAT(run_tool({"deny", "web", "443", "-n"}).err,
              HasSubstr("capable (pid 700)"));
}

// Who can see nobody cannot say that nobody loses.
TEST_F(DenyTest, UnknownListenersAreAnError) {
  fs::remove_all(root.path() + "/proc/net");
  const Outcome outcome = run_tool({"deny", "web", "443"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("so that who listens is not known"));
  EXPECT_TRUE(kernel.writes.empty());
  EXPECT_FALSE(root.exists(local));
  const Outcome forced = run_tool({"deny", "web", "443", "--force"});
  EXPECT_EQ(forced.status, 0);
  EXPECT_THAT(forced.err, HasSubstr("warning: cannot open"));
  EXPECT_EQ(run_tool({"reserve", "5432"}).status, 0) << "it only warns";
}

// Binds as web, then becomes eve: web is who would be refused.
TEST_F(DenyTest, WhoMadeTheSocketCounts) {
  write_listeners({{812, "app", 1002, false, "tcp", "00000000:1F90", 1001}});
  const Outcome outcome = run_tool({"deny", "web", "8080"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("app (pid 812) of user eve, with a socket that user "
                        "web made, listens on 8080/tcp"));
  EXPECT_EQ(run_tool({"deny", "eve", "8080"}).status, 0);
  EXPECT_EQ(run_tool({"deny", "1003", "8080"}).status, 0);
}

// What is refused already is no news.
TEST_F(DenyTest, OnlyWhoCouldBind) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"}});
  kernel.rules = {"deny any 443"};
  EXPECT_EQ(run_tool({"deny", "web", "443"}).status, 0);
}

TEST_F(DenyTest, AnUnreadableKernelChangesNothing) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"}});
  kernel.next_policies = {"# portacl policy, generation 1\nwhat any 1\n"
                          "# end of generation 1\n"};
  EXPECT_EQ(run_tool({"deny", "web", "443"}).status, 6);
  EXPECT_FALSE(root.exists(local));
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(ReserveTest, SavesAndApplies) {
  const Outcome outcome = run_tool({"reserve", "5432/tcp"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "reserved: 5432/tcp is only for those whom a rule allows, now; "
            "after a reboot once portaclctl load has run\n");
  EXPECT_EQ(outcome.err, capability_note);
  EXPECT_THAT(root.read(local), HasSubstr("\nreserve 5432/tcp\n"));
  EXPECT_EQ(kernel.rules, std::set<std::string>{"reserve 5432/tcp"});
  EXPECT_THAT(run_tool({"reserve", "5432/tcp"}).out,
              HasSubstr("already reserved: 5432/tcp"));
  EXPECT_THAT(run_tool({"reserve", "8000-8009"}).out,
              HasSubstr("8000-8009, any transport, is only for"));
}

TEST_F(ReserveTest, WarnsOfWhoWouldLoseThePort) {
  write_listeners({{812, "postgres", 1002, false, "tcp", "00000000:1538"}});
  const Outcome outcome = run_tool({"reserve", "5432"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("postgres (pid 812) of user eve"));
}

TEST_F(ReserveTest, HasNoSubjectAndNoTerms) {
  for (const auto &words : std::vector<std::vector<std::string>>{
           {"reserve", "web", "5432"},
           {"reserve", "user", "web", "5432"},
           {"reserve", "5432", "on", "192.0.2.1"},
           {"reserve", "5432", "until", "2099-01-01"},
           {"reserve", "--for", "1h", "5432"},
           {"reserve", "0"},
           {"reserve"}})
    EXPECT_EQ(run_tool(words).status, 2) << words.back();
  EXPECT_THAT(run_tool({"reserve", "web", "5432"}).err,
              HasSubstr("a reservation has no subject: 'web'\nhint: write: "
                        "reserve 5432"));
  EXPECT_FALSE(root.exists(local));
}

TEST_F(ForTest, IsRuntimeWithAnEnd) {
  const uint64_t before = clock_now().wall;
  const Outcome outcome = run_tool({"allow", "web", "443", "--for", "10m"});
  EXPECT_EQ(outcome.status, 0);
  ASSERT_EQ(kernel.rules.size(), 1U);
  const pacl_rule rule = rule_from_text(*kernel.rules.begin());
  EXPECT_GE(rule.until, before + 600);
  EXPECT_LE(rule.until, clock_now().wall + 600);
  const std::string end = iso_time(rule.until);
  EXPECT_THAT(outcome.out,
              HasSubstr("now, until " + end + " or the next reboot\n"));
  EXPECT_FALSE(root.exists(local));
  EXPECT_THAT(root.read(runtime),
              HasSubstr("\nallow user web 443 until " + end + "\n"));
  EXPECT_EQ(run_tool({"deny", "--for=1h30m", "eve", "80"}).status, 0);
  EXPECT_EQ(kernel.rules.size(), 2U);
}

TEST_F(ForTest, TakesDurations) {
  const Outcome bare = run_tool({"allow", "--for", "10", "web", "443"});
  EXPECT_EQ(bare.status, 2);
  EXPECT_THAT(bare.err, HasSubstr("a duration without a unit: '10'"));
  EXPECT_THAT(bare.err, HasSubstr("s, m, h, d or w"));
  for (const char *bad : {"", "x", "0s", "-5m", "1h 5m"})
    EXPECT_EQ(run_tool({"allow", "--for", bad, "web", "443"}).status, 2) << bad;
  const Outcome both =
      run_tool({"allow", "--for", "10m", "web", "443", "until", "2099-12-24"});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(both.err, HasSubstr("--for does not go with 'until'"));
  EXPECT_EQ(run_tool({"allow", "--for=1m", "each", "1-2", "3000+5"}).status, 2);
  EXPECT_EQ(run_tool({"remove", "--for=1m", "allow", "web", "443"}).status, 2);
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(ForTest, IsRemovedByItsLine) {
  run_tool({"allow", "web", "443", "--for", "10m"});
  std::string line = run_tool({"list", "--no-legend"}).out;
  line = line.substr(0, line.find('#'));
  EXPECT_EQ(run_tool({"remove", line}).status, 0);
  EXPECT_TRUE(kernel.rules.empty());
  EXPECT_THAT(root.read(runtime), Not(HasSubstr("allow user")));
}

TEST_F(ForTest, IsRemovedByItsWordsIfItIsTheOnlyOne) {
  run_tool({"allow", "web", "443", "--for", "10m"});
  run_tool({"allow", "web", "80", "--for", "10m"});
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 0);
  EXPECT_EQ(kernel.rules.size(), 1U);
  run_tool({"allow", "web", "80", "--for", "20m"});
  const auto rules = kernel.rules;
  ASSERT_EQ(rules.size(), 2U);
  const Outcome outcome = run_tool({"remove", "allow", "web", "80"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("2 rules are meant by: allow user web 80"));
  for (const std::string &rule : rules)
    EXPECT_THAT(outcome.err, HasSubstr(iso_time(rule_from_text(rule).until)));
  EXPECT_EQ(kernel.rules, rules);
  // The one without an end is meant when it is there; the others are named.
  run_tool({"allow", "web", "80"});
  const Outcome plain = run_tool({"remove", "allow", "web", "80"});
  EXPECT_EQ(plain.status, 7);
  for (const std::string &rule : rules)
    EXPECT_THAT(plain.err,
                HasSubstr("still allowed by a rule that has an end; to remove "
                          "that, too, run: portaclctl remove allow user web "
                          "80 until " +
                          iso_time(rule_from_text(rule).until) + "\n"));
  EXPECT_EQ(kernel.rules, rules);
}

TEST_F(ForTest, DropsWhatHasEndedFromItsFile) {
  root.write(runtime, "# mine\nallow web 1 until 1000000000\nallow web 2\n");
  const Outcome outcome =
      run_tool({"allow", "web", "443", "--for", "1h", "-v"});
  EXPECT_THAT(root.read(runtime),
              testing::StartsWith("# mine\nallow web 2\nallow user web 443 "));
  root.write(local, "allow web 1 until 1000000000\n");
  run_tool({"allow", "web", "3"});
  EXPECT_THAT(root.read(local), testing::StartsWith("allow web 1 until"));
}

TEST_F(RemoveTest, WhatHasEndedIsNotMeantWhileAnotherIs) {
  const std::string ended = "allow web 443 until 1000000000\n";
  root.write(runtime, "# mine\n" + ended + "allow web 443 until 4101814800\n");
  kernel.rules = {"allow user 1001 443 until 1000000000",
                  "allow user 1001 443 until 4101814800"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("until 2099-12-24T17:00:00Z"));
  EXPECT_EQ(root.read(runtime), "# mine\n") << "what has ended goes, too";
  EXPECT_EQ(kernel.rules.count("allow user 1001 443 until 4101814800"), 0U);

  kernel.rules = {"allow user 1001 443"};
  root.write(runtime, ended);
  root.write(local, "allow web 443\n");
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 0);
  EXPECT_EQ(root.read(local), "");
  // Alone it can be removed by its words, too.
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 0);
  EXPECT_EQ(root.read(runtime), "");
}

TEST_F(RemoveTest, TheKernelMayKnowItByAnotherId) {
  root.write(local, "allow web 443\n");
  kernel.rules = {"allow user 900 443"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("may hold the rule under a former id"));
  EXPECT_EQ(root.read(local), "");
}

TEST_F(RemoveTest, TakesEveryKindOfRule) {
  root.write(local, "deny eve 443 on 10.0.0.0/8 until 2099-12-24T17:00Z\n"
                    "reserve 5432/tcp\ndeny any 22\n");
  kernel.rules = {"deny user 1002 443 on 10.0.0.0/8 until 4101814800",
                  "reserve 5432/tcp", "deny any 22"};
  EXPECT_EQ(
      run_tool({"remove", "deny", "eve", "443", "on", "10.0.0.0/8"}).status, 0);
  const Outcome outcome = run_tool({"remove", "reserve", "5432/tcp"});
  EXPECT_EQ(outcome.out,
            "removed: reserve 5432/tcp (" + root.path() + local + ":1)\n");
  EXPECT_EQ(outcome.err, "") << "no socket is concerned";
  EXPECT_EQ(run_tool({"remove", "deny any 22"}).status, 0);
  EXPECT_EQ(root.read(local), "");
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(RemoveTest, SaysWhatStillHolds) {
  root.write(local, "deny web 443\n");
  root.write(vendor, "deny web 443\n");
  EXPECT_THAT(run_tool({"remove", "deny", "web", "443"}).err,
              HasSubstr("warning: still denied by"));
}

TEST_F(RemoveTest, TakesTheSameWordsAgain) {
  root.write(local, "# mine\nallow 1001 443 # web\nallow eve 22\n"
                    "allow user web https\n");
  kernel.rules = {"allow user 1001 443", "allow user 1002 22"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "removed: allow user web 443 (" + root.path() + local +
                             ":2, " + root.path() + local + ":4)\n");
  EXPECT_EQ(outcome.err, "") << "nobody has a socket by it";
  EXPECT_EQ(root.read(local), "# mine\nallow eve 22\n");
  EXPECT_EQ(kernel.rules, std::set<std::string>{"allow user 1002 22"});
}

TEST_F(RemoveTest, WhatIsNotThereNamesTheNearest) {
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"remove", "allow", "web", "444"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(outcome.err, "portaclctl: no such rule: allow user web 444\n"
                         "hint: the nearest is: allow user web 443\n");
}

TEST_F(RemoveTest, NeverAPartOfARule) {
  root.write(local, "allow web 80,443\n");
  kernel.rules = {"allow user 1001 80,443"};
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 4);
  EXPECT_EQ(root.read(local), "allow web 80,443\n");
  EXPECT_TRUE(kernel.writes.empty());
}

TEST_F(RemoveTest, TheActionIsNamed) {
  root.write(local, "allow web 443\n");
  const Outcome outcome = run_tool({"remove", "web", "443"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("hint: portaclctl remove allow web 443"));
  EXPECT_EQ(run_tool({"remove"}).status, 2);
  EXPECT_EQ(root.read(local), "allow web 443\n");
}

TEST_F(RemoveTest, OtherFilesAreLeftToTheirOwners) {
  root.write(vendor, "\nallow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err, HasSubstr(std::string(vendor) + ":2"));
  EXPECT_THAT(outcome.err,
              HasSubstr("ln -s /dev/null /etc/portacl.d/40-vendor.conf"));
  EXPECT_EQ(kernel.rules.size(), 1U);

  root.write(local, "allow web 443\n");
  const Outcome both = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(both.status, 7);
  EXPECT_THAT(both.err, HasSubstr("warning: still allowed by"));
  EXPECT_EQ(root.read(local), "");
  EXPECT_EQ(kernel.rules.size(), 1U) << "a file still grants it";
}

TEST_F(RemoveTest, RuntimeRulesAreFoundToo) {
  root.write(runtime, "allow web 443\nallow eve 22\n");
  kernel.rules = {"allow user 1001 443", "allow user 1002 22"};
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443"}).status, 0);
  EXPECT_EQ(root.read(runtime), "allow eve 22\n");
  EXPECT_EQ(run_tool({"remove", "--runtime", "allow", "eve", "22"}).status, 0);
  EXPECT_EQ(root.read(runtime), "");
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(RemoveTest, FromTheKernelAlone) {
  kernel.rules = {"allow user 77 443"};
  const Outcome outcome = run_tool({"remove", "allow", "77", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("it was in the kernel only"));
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(RemoveTest, AKernelThatRefusesLeavesTheFilesAsTheyWere) {
  root.write(local, "allow web 443\n");
  root.write(runtime, "allow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  kernel.refuse = [] { return ENOMEM; };
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_THAT(outcome.err, HasSubstr("nothing was changed"));
  EXPECT_EQ(root.read(local), "allow web 443\n");
  EXPECT_EQ(root.read(runtime), "allow web 443\n");
}

// A user who is gone must not make his rules immortal.
TEST_F(RemoveTest, NamesThatAreGoneAreComparedAsWords) {
  root.write(local, "allow gone 443 # left in May\nallow eve 22\n");
  const Outcome outcome = run_tool({"remove", "allow", "user", "gone", "443"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("under a former id"));
  EXPECT_EQ(root.read(local), "allow eve 22\n");
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl apply"));
  EXPECT_EQ(run_tool({"remove", "allow", "gone", "443"}).status, 4);
}

TEST_F(RemoveTest, DryRunTellsAndDoesNothing) {
  root.write(local, "allow web 443\n");
  kernel.rules = {"allow user 1001 443"};
  const Outcome outcome = run_tool({"remove", "allow", "web", "443", "-n"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "would remove from " + root.path() + local +
                ":1: allow user web 443\n"
                "would remove from the kernel: allow user 1001 443\n");
  EXPECT_EQ(root.read(local), "allow web 443\n");
  EXPECT_TRUE(kernel.writes.empty());
}

} // namespace
} // namespace portacl
