// SPDX-License-Identifier: GPL-2.0-only
// Reserved ports and what the kernel chooses by itself.

#include <cerrno>
#include <csignal>

#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char *ports_record = "/run/portacl/local-reserved-ports";

class AutomaticTest : public ToolTest {
protected:
  // What is listed at each write of the kernel's policy.
  std::vector<std::string> lists;
  void watch_kernel(int error = 0) {
    kernel.refuse = [this, error] {
      lists.push_back(sysctl.list());
      return error;
    };
  }
};

TEST_F(AutomaticTest, AReservationIsListedBeforeTheKernelHasIt) {
  watch_kernel();
  sysctl.set_list("8080");
  const Outcome outcome = run_tool({"reserve", "40000-40002/tcp"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("\nkept out of automatic choice: 40000-40002 "
                        "(net.ipv4.ip_local_reserved_ports)\n"));
  EXPECT_EQ(lists, std::vector<std::string>{"8080,40000-40002"});
  EXPECT_EQ(sysctl.list(), "8080,40000-40002");
  EXPECT_EQ(root.read(ports_record), "40000-40002\n");
}

TEST_F(AutomaticTest, AndTakenOutBehindItsRemoval) {
  sysctl.set_list("8080");
  run_tool({"reserve", "40000-40002/tcp"});
  watch_kernel();
  const Outcome outcome = run_tool({"remove", "reserve", "40000-40002/tcp"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("\ngiven back to automatic choice: 40000-40002\n"));
  EXPECT_EQ(lists, std::vector<std::string>{"8080,40000-40002"});
  EXPECT_EQ(sysctl.list(), "8080");
  EXPECT_FALSE(root.exists(ports_record));
}

TEST_F(AutomaticTest, EveryProtocolCountsAndAnAllowChangesNothing) {
  run_tool({"reserve", "40000/udp"});
  run_tool({"reserve", "40001/sctp"});
  const Outcome outcome = run_tool({"allow", "web", "40000,41000"});
  EXPECT_THAT(outcome.out, Not(HasSubstr("automatic")));
  run_tool({"deny", "eve", "42000"});
  EXPECT_EQ(sysctl.list(), "40000-40001");
  run_tool({"remove", "allow", "web", "40000,41000"});
  EXPECT_EQ(sysctl.list(), "40000-40001");
}

TEST_F(AutomaticTest, PortsOutsideTheRangeAreLeftAlone) {
  const Outcome outcome = run_tool({"reserve", "5432,32767,61000"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err.find("warning"), std::string::npos) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("automatic")));
  EXPECT_EQ(sysctl.writes, 0);
  EXPECT_FALSE(root.exists(ports_record));
  run_tool({"reserve", "32768,60999"});
  EXPECT_EQ(sysctl.list(), "32768,60999");
}

TEST_F(AutomaticTest, ARangeThatMovedIsFollowed) {
  run_tool({"reserve", "5432,40000"});
  EXPECT_EQ(sysctl.list(), "40000");
  sysctl.range = "1024 32767\n";
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sysctl.list(), "5432");
  EXPECT_EQ(root.read(ports_record), "5432\n");
  EXPECT_THAT(outcome.out, HasSubstr("kept out of automatic choice: 5432 "));
  EXPECT_THAT(outcome.out,
              HasSubstr("given back to automatic choice: 40000\n"));
}

TEST_F(AutomaticTest, WhatAnotherRuleReservesStays) {
  run_tool({"reserve", "40000-40010"});
  run_tool({"reserve", "40005-40020/tcp"});
  run_tool({"remove", "reserve", "40000-40010"});
  EXPECT_EQ(sysctl.list(), "40005-40020");
}

// Who was there first stays.
TEST_F(AutomaticTest, TheAdministratorsPortsStay) {
  sysctl.set_list("40001,50000");
  run_tool({"reserve", "40000-40002"});
  EXPECT_EQ(root.read(ports_record), "40000,40002\n");
  EXPECT_EQ(sysctl.list(), "40000-40002,50000");
  run_tool({"remove", "reserve", "40000-40002"});
  EXPECT_EQ(sysctl.list(), "40001,50000");
}

TEST_F(AutomaticTest, WhatIsAddedByOthersStays) {
  run_tool({"reserve", "40000-40002"});
  sysctl.set_list(sysctl.list() + ",50000");
  run_tool({"remove", "reserve", "40000-40002"});
  EXPECT_EQ(sysctl.list(), "50000");
}

// A list without all of the tool's ports was not made from the one that had
// them, so that what it shares with them was meant.
TEST_F(AutomaticTest, AListWrittenAnewIsItsWritersOwn) {
  run_tool({"reserve", "40000-40002"});
  sysctl.set_list("40001,50000");
  run_tool({"load"});
  EXPECT_EQ(sysctl.list(), "40000-40002,50000");
  EXPECT_EQ(root.read(ports_record), "40000,40002\n");
  run_tool({"remove", "reserve", "40000-40002"});
  EXPECT_EQ(sysctl.list(), "40001,50000");
}

TEST_F(AutomaticTest, WithoutARecordNothingIsTakenOut) {
  run_tool({"reserve", "40000"});
  std::filesystem::remove(root.path() + ports_record);
  EXPECT_EQ(run_tool({"remove", "reserve", "40000"}).status, 0);
  EXPECT_EQ(sysctl.list(), "40000");
  EXPECT_EQ(sysctl.writes, 1);
}

TEST_F(AutomaticTest, NorWithABadOne) {
  run_tool({"reserve", "40000"});
  root.write(ports_record, "rubbish\n");
  const Outcome outcome = run_tool({"remove", "reserve", "40000"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("not a list of ports, so that nothing is "
                                     "taken out"));
  EXPECT_EQ(sysctl.list(), "40000");
  // It does not keep new ones from being listed.
  run_tool({"reserve", "40001"});
  EXPECT_EQ(sysctl.list(), "40000-40001");
  EXPECT_EQ(root.read(ports_record), "40001\n");
}

// Killed behind the list and before the ports_record, or the other way round.
TEST_F(AutomaticTest, HalfDoneErrsToKeeping) {
  root.write(ports_record, "40000\n");
  sysctl.set_list("40000-40001");
  kernel.rules = {"reserve 40000-40001"};
  root.write(local, "reserve 40000-40001\n");
  run_tool({"remove", "reserve", "40000-40001"});
  EXPECT_EQ(sysctl.list(), "40001");
  EXPECT_FALSE(root.exists(ports_record));
}

TEST_F(AutomaticTest, ARefusedRuleLeavesNoPortListed) {
  watch_kernel(ENOSPC);
  sysctl.set_list("8080");
  const Outcome outcome = run_tool({"reserve", "40000"});
  EXPECT_EQ(outcome.status, 6);
  EXPECT_EQ(lists, std::vector<std::string>{"8080,40000"});
  EXPECT_EQ(sysctl.list(), "8080");
  EXPECT_FALSE(root.exists(ports_record));
}

TEST_F(AutomaticTest, ARemovalThatIsRefusedLeavesItListed) {
  run_tool({"reserve", "40000"});
  watch_kernel(ENOSPC);
  EXPECT_EQ(run_tool({"remove", "reserve", "40000"}).status, 6);
  EXPECT_EQ(sysctl.list(), "40000");
  EXPECT_EQ(root.read(ports_record), "40000\n");
}

TEST_F(AutomaticTest, FailuresAreWarnings) {
  sysctl.refuse = [] { return EACCES; };
  const Outcome outcome = run_tool({"reserve", "40000"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(kernel.rules, std::set<std::string>{"reserve 40000"});
  EXPECT_THAT(outcome.err,
              HasSubstr("warning: the kernel may choose reserved ports by "
                        "itself, and give them to anybody: cannot write "
                        "ip_local_reserved_ports: Permission denied\n"));
  EXPECT_EQ(outcome.err.find("warning"), outcome.err.rfind("warning"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("automatic")));
  EXPECT_FALSE(root.exists(ports_record));
}

TEST_F(AutomaticTest, AKernelWithoutTheFileIsWarnedAbout) {
  sysctl.read_error = ENOENT;
  const Outcome outcome = run_tool({"reserve", "40000"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("give them to anybody: cannot open "
                                     "ip_local_port_range: No such file"));
  EXPECT_EQ(run_tool({"load"}).status, 0);
}

TEST_F(AutomaticTest, WhatCannotBeTakenOutStaysOurs) {
  run_tool({"reserve", "40000"});
  sysctl.refuse = [] { return EROFS; };
  const Outcome outcome = run_tool({"remove", "reserve", "40000"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("no longer reserved stay in "
                                     "net.ipv4.ip_local_reserved_ports"));
  EXPECT_EQ(root.read(ports_record), "40000\n");
  sysctl.refuse = {};
  run_tool({"load"});
  EXPECT_EQ(sysctl.list(), "");
}

// Of a list that takes several writes.
TEST_F(AutomaticTest, WhatWasListedOfAPartIsRecorded) {
  std::string rules;
  for (int port = 40000; port < 42000; port += 2)
    rules += "reserve " + std::to_string(port) + "\n";
  root.write(local, rules);
  sysctl.refuse = [this] { return sysctl.writes == 2 ? EIO : 0; };
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("the kernel may choose reserved ports"));
  EXPECT_EQ(outcome.err.find("warning"), outcome.err.rfind("warning"));
  EXPECT_NE(sysctl.list(), "");
  EXPECT_EQ(sysctl.writes, 2);
  EXPECT_EQ(root.read(ports_record), sysctl.list() + "\n");
  run_tool({"unload", "--yes"});
  EXPECT_EQ(sysctl.list(), "");
}

TEST_F(AutomaticTest, AndTakenBackWithARefusedRule) {
  std::string rules;
  for (int port = 40000; port < 42000; port += 2)
    rules += "reserve " + std::to_string(port) + "\n";
  root.write(local, rules);
  kernel.disliked = "reserve 40000";
  sysctl.refuse = [this] { return sysctl.writes == 2 ? EIO : 0; };
  EXPECT_NE(run_tool({"load"}).status, 0);
  EXPECT_EQ(sysctl.list(), "");
  EXPECT_FALSE(root.exists(ports_record));
}

// Without a record it could never be taken out; it is kept out all the same.
TEST_F(AutomaticTest, ARecordThatCannotBeWrittenIsSaid) {
  root.write("/run/portacl", "in the way\n");
  const Outcome outcome = run_tool({"reserve", "40000"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(sysctl.list(), "40000");
  EXPECT_THAT(outcome.err, HasSubstr("so that 40000 will stay in "
                                     "net.ipv4.ip_local_reserved_ports"));
}

TEST_F(AutomaticTest, AnotherNetworkNamespaceIsLeftAlone) {
  for (const char *process : {"1", "self"}) {
    const std::string directory = root.path() + "/proc/" + process + "/ns";
    std::filesystem::create_directories(directory);
    std::filesystem::create_symlink(std::string("net:") + process,
                                    directory + "/net");
  }
  root.write(ports_record, "40001\n");
  // The range and the list are not those that would count.
  sysctl.range = "40000 40001\n";
  sysctl.set_list("40000-60999");
  for (const char *port : {"40000", "5432", "40000-40001"}) {
    const Outcome outcome = run_tool({"reserve", port});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.err, HasSubstr("another network namespace"));
  }
  EXPECT_EQ(
      Json::parse(run_tool({"--json", "status"}).out)["status"]["not_kept_out"],
      Json());
  EXPECT_EQ(run_tool({"unload", "--yes"}).status, 0);
  EXPECT_EQ(sysctl.writes, 0);
  EXPECT_EQ(root.read(ports_record), "40001\n");
}

TEST_F(AutomaticTest, NotInForceIsNotListed) {
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"reserve", "40000"}).status, 7);
  EXPECT_EQ(sysctl.list(), "");
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("kept out of automatic choice: 40000 "));
  EXPECT_EQ(sysctl.list(), "40000");
}

TEST_F(AutomaticTest, LoadListsBeforeAndTakesOutBehind) {
  kernel.rules = {"reserve 40000"};
  root.write(local, "reserve 40001\n");
  run_tool({"load"});
  EXPECT_EQ(sysctl.list(), "40001");
  root.write(local, "reserve 40002\n");
  watch_kernel();
  run_tool({"load"});
  EXPECT_EQ(lists.back(), "40001-40002");
  EXPECT_EQ(sysctl.list(), "40002");
  EXPECT_EQ(root.read(ports_record), "40002\n");
}

TEST_F(AutomaticTest, LoadThatFailsTakesBack) {
  root.write(local, "reserve 40001\n");
  kernel.disliked = "reserve 40001";
  EXPECT_NE(run_tool({"load"}).status, 0);
  EXPECT_EQ(sysctl.writes, 2);
  EXPECT_EQ(sysctl.list(), "");
  EXPECT_FALSE(root.exists(ports_record));
}

TEST_F(AutomaticTest, UnloadTakesOut) {
  sysctl.set_list("8080");
  run_tool({"reserve", "40000"});
  const Outcome outcome = run_tool({"unload", "--yes"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("\ngiven back to automatic choice: 40000\n"));
  EXPECT_EQ(sysctl.list(), "8080");
  EXPECT_FALSE(root.exists(ports_record));
}

TEST_F(AutomaticTest, UnloadThatFailsDoesNot) {
  run_tool({"reserve", "40000"});
  kmod.error = EBUSY;
  EXPECT_EQ(run_tool({"unload", "--yes"}).status, 6);
  EXPECT_EQ(sysctl.list(), "40000");
}

TEST_F(AutomaticTest, WhatIsLoadedAgainKeepsItsPorts) {
  run_tool({"reserve", "40000"});
  kmod.comes_back = true;
  const Outcome outcome = run_tool({"unload", "--yes"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("loaded again meanwhile"));
  EXPECT_EQ(sysctl.list(), "40000");
  EXPECT_EQ(root.read(ports_record), "40000\n");
}

TEST_F(AutomaticTest, WhatWasLoadedMeanwhileIsNotClearedUp) {
  run_tool({"reserve", "40000"});
  kernel.reads_before_load = 1;
  const Outcome outcome = run_tool({"unload", "--yes"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, HasSubstr("was loaded meanwhile"));
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_EQ(sysctl.list(), "40000");
}

bool term_waits() {
  sigset_t now{};
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, SIGTERM) == 1;
}

TEST_F(AutomaticTest, SignalsWaitUntilListAndRecordAgree) {
  int writes = 0;
  const auto look = [&writes] {
    writes++;
    EXPECT_TRUE(term_waits());
    return 0;
  };
  sysctl.refuse = look;
  kernel.refuse = look;
  for (const std::vector<std::string> &command :
       {std::vector<std::string>{"reserve", "5432,40000"},
        {"remove", "reserve", "5432,40000"},
        {"reserve", "5432,40000"},
        {"load"},
        {"lock", "--yes"}}) {
    writes = 0;
    // So that there is something to do for each.
    sysctl.range = command.front() == "load" ? "1024 9999\n" : "32768 60999\n";
    EXPECT_EQ(run_tool(command).status, 0) << command.front();
    EXPECT_NE(writes, 0) << command.front();
    EXPECT_FALSE(term_waits());
  }
  kernel.fixed["locked"] = "0\n";
  for (const bool loaded : {true, false}) {
    root.write(ports_record, "40000\n");
    sysctl.set_list("40000");
    kernel.loaded = loaded;
    writes = 0;
    EXPECT_EQ(run_tool({"unload", "--yes"}).status, 0);
    EXPECT_NE(writes, 0);
    EXPECT_FALSE(term_waits());
  }
}

TEST_F(AutomaticTest, StatusNamesWhatCouldBeChosen) {
  run_tool({"reserve", "5432,40000-40009"});
  EXPECT_THAT(run_tool({"status"}).out, Not(HasSubstr("automatic choice")));
  // As sysctl --system does.
  sysctl.set_list("40003");
  EXPECT_THAT(run_tool({"status"}).out,
              HasSubstr("\nPorts    40000-40002,40004-40009 reserved but not "
                        "kept out of automatic choice; run: portaclctl apply"
                        "\n"));
  const auto ports = [this] {
    return Json::parse(
        run_tool({"--json", "status"}).out)["status"]["not_kept_out"];
  };
  EXPECT_EQ(ports()[1], Json::parse(R"({"first": 40004, "last": 40009})"));
  run_tool({"load"});
  EXPECT_EQ(ports(), Json::array());
  sysctl.read_error = EACCES;
  EXPECT_EQ(ports(), Json());
  EXPECT_THAT(run_tool({"status"}).out, Not(HasSubstr("automatic choice")));
}

// By rmmod, that is.
TEST_F(AutomaticTest, WhatWasLeftIsClearedUp) {
  run_tool({"reserve", "40000"});
  kernel.loaded = false;
  kernel.rules.clear();
  EXPECT_THAT(run_tool({"unload", "-n"}).out,
              HasSubstr("would be given back to automatic choice: 40000\n"));
  EXPECT_EQ(sysctl.list(), "40000");
  EXPECT_EQ(run_tool({"unload"}).status, 0);
  EXPECT_EQ(sysctl.list(), "");

  kernel.loaded = true;
  run_tool({"load"});
  EXPECT_EQ(sysctl.list(), "40000");
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"remove", "reserve", "40000"}).status, 0);
  EXPECT_EQ(sysctl.list(), "");
}

TEST_F(AutomaticTest, LockIsTheLastMoment) {
  run_tool({"reserve", "5432"});
  sysctl.range = "1024 60999\n";
  const Outcome dry = run_tool({"lock", "-n"});
  EXPECT_THAT(dry.out,
              HasSubstr("would be kept out of automatic choice: 5432 "));
  EXPECT_EQ(sysctl.list(), "");
  watch_kernel();
  const Outcome outcome = run_tool({"lock", "--yes"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(lists, std::vector<std::string>{"5432"});
  // Nothing is to be changed any more, but what was moved is followed.
  sysctl.range = "32768 60999\n";
  EXPECT_EQ(run_tool({"load"}).status, 0);
  EXPECT_EQ(sysctl.list(), "");
  EXPECT_EQ(run_tool({"remove", "reserve", "5432"}).status, 6);
}

TEST_F(AutomaticTest, DryRunsOnlySayIt) {
  EXPECT_THAT(run_tool({"reserve", "40000", "-n"}).out,
              HasSubstr("would be kept out of automatic choice: 40000 "
                        "(net.ipv4.ip_local_reserved_ports)\n"));
  root.write(local, "reserve 40001\n");
  EXPECT_THAT(run_tool({"load", "-n"}).out,
              HasSubstr("would be kept out of automatic choice: 40001 "));
  EXPECT_EQ(sysctl.writes, 0);
  EXPECT_FALSE(root.exists(ports_record));
  run_tool({"load"});
  EXPECT_THAT(run_tool({"remove", "reserve", "40001", "-n"}).out,
              HasSubstr("would be given back to automatic choice: 40001\n"));
  EXPECT_THAT(run_tool({"unload", "-n"}).out,
              HasSubstr("would be given back to automatic choice: 40001\n"));
  EXPECT_EQ(sysctl.list(), "40001");
  EXPECT_EQ(root.read(ports_record), "40001\n");
}

TEST_F(AutomaticTest, InJson) {
  const Json added = Json::parse(run_tool({"--json", "reserve", "40000"}).out);
  EXPECT_EQ(added["change"]["kept_out"],
            Json::parse(R"([{"first": 40000, "last": 40000}])"));
  EXPECT_EQ(added["change"]["given_back"], Json::array());
  const Json loaded = Json::parse(run_tool({"--json", "load"}).out);
  EXPECT_EQ(loaded["load"]["kept_out"], Json::array());
  const Json removed =
      Json::parse(run_tool({"--json", "remove", "reserve", "40000"}).out);
  EXPECT_EQ(removed["change"]["given_back"], added["change"]["kept_out"]);
  const Json gone = Json::parse(run_tool({"--json", "unload", "--yes"}).out);
  EXPECT_EQ(gone["unload"]["given_back"], Json::array());
}

TEST_F(AutomaticTest, LongListsAreCounted) {
  std::string list;
  for (int port = 40000; port < 40034; port += 2)
    list += (list.empty() ? "" : ",") + std::to_string(port);
  EXPECT_THAT(run_tool({"reserve", list}).out,
              HasSubstr("kept out of automatic choice: 17 ports ("));
}

class HalfTest : public AutomaticTest {};

TEST_F(HalfTest, HalfOfTheRangeMayBeReserved) {
  sysctl.range = "40000 40009\n";
  EXPECT_EQ(run_tool({"reserve", "40000-40003"}).status, 0);
  EXPECT_EQ(run_tool({"reserve", "40004/udp"}).status, 0);
  const Outcome outcome = run_tool({"reserve", "1-40005/sctp"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("6 of the 10 ports that the kernel chooses from by "
                        "itself (40000-40009) would be reserved, more than "
                        "half; nothing was changed\n"));
  EXPECT_EQ(run_tool({"reserve", "40005", "-n"}).status, 4);
  EXPECT_EQ(kernel.rules.size(), 2U);
  EXPECT_EQ(root.read(local).find("40005"), std::string::npos);
  EXPECT_EQ(sysctl.list(), "40000-40004");
  // There is no way around it.
  EXPECT_EQ(run_tool({"reserve", "40005", "--force"}).status, 2);
}

TEST_F(HalfTest, WhatOthersHaveListedCounts) {
  sysctl.range = "40000 40009\n";
  sysctl.set_list("8080,40000-40003");
  const Outcome outcome = run_tool({"reserve", "40003-40005"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("6 of the 10 ports that the kernel chooses from by "
                        "itself (40000-40009) would be reserved, more than "
                        "half, 3 of them only by what others have put into "
                        "net.ipv4.ip_local_reserved_ports; nothing was "
                        "changed\n"));
  EXPECT_EQ(run_tool({"reserve", "40003-40004"}).status, 0);
  EXPECT_EQ(sysctl.list(), "8080,40000-40004");
}

// Their own is counted once.
TEST_F(HalfTest, WhatTheToolHasListedIsNotForeign) {
  sysctl.range = "40000 40009\n";
  EXPECT_EQ(run_tool({"reserve", "40000-40004"}).status, 0);
  root.write(local, "reserve 40005-40009\n");
  EXPECT_EQ(run_tool({"load"}).err.find("more than half"), std::string::npos);
}

TEST_F(HalfTest, WhoHasListedMoreThanHalfMayReserveThat) {
  sysctl.range = "40000 40009\n";
  sysctl.set_list("40000-40007");
  EXPECT_EQ(run_tool({"reserve", "5432"}).status, 0);
  EXPECT_EQ(run_tool({"reserve", "40000-40007"}).status, 0);
  EXPECT_EQ(run_tool({"reserve", "40008"}).status, 4);
  EXPECT_EQ(sysctl.list(), "40000-40007");
}

TEST_F(HalfTest, TheHintNamesAWayOut) {
  const Outcome outcome = run_tool({"reserve", "1-65535"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("leave the automatic range out, as in portaclctl "
                        "reserve 1-32767,61000-65535, or"));
  EXPECT_EQ(run_tool({"reserve", "1-32767,61000-65535"}).status, 0);
  sysctl.range = "1 65535\n";
  EXPECT_EQ(run_tool({"reserve", "1-65535"}).err.find("leave the"),
            std::string::npos);
}

TEST_F(HalfTest, WhatTakesNoMoreIsNotToBlame) {
  kernel.rules = {"reserve 40000-40009"};
  root.write(local, "reserve 40000-40009\n");
  sysctl.range = "40000 40009\n";
  EXPECT_EQ(run_tool({"reserve", "5432"}).status, 0);
  EXPECT_EQ(run_tool({"reserve", "40002"}).status, 0);
  EXPECT_EQ(run_tool({"load"}).status, 0);
  EXPECT_EQ(run_tool({"remove", "reserve", "40002"}).status, 0);
}

// At boot nothing of the files would be in force if they were refused.
TEST_F(HalfTest, FilesAreOnlyWarnedAbout) {
  kernel.loaded = false;
  root.write(local, "allow web 443\nreserve 32768-46883\nreserve 46884\n");
  EXPECT_EQ(run_tool({"reserve", "46885"}).status, 4);
  EXPECT_EQ(run_tool({"load", "-n"}).status, 0);
  EXPECT_TRUE(kmod.calls.empty());
  EXPECT_EQ(sysctl.writes, 0);
  const Outcome outcome = run_tool({"load"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("warning: "));
  EXPECT_THAT(outcome.err,
              HasSubstr(std::string(local) + ":3: 14117 of the 28232 ports"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("nothing was changed")));
  EXPECT_EQ(kernel.rules.size(), 3U);
  EXPECT_EQ(sysctl.list(), "32768-46884");
}

// Of a rule outside of the range that is not true.
TEST_F(HalfTest, TheLineThatIsNamedTakesPorts) {
  sysctl.range = "40000 40009\n";
  sysctl.set_list("40000-40007");
  root.write(local, "reserve 5432\nreserve 40000\nreserve 40008\n");
  EXPECT_THAT(run_tool({"load"}).err,
              HasSubstr(std::string(local) + ":3: 9 of the 10 ports"));
}

TEST_F(HalfTest, AnUnknownRangeIsTheKernelsOwn) {
  sysctl.read_error = ENOENT;
  EXPECT_EQ(run_tool({"reserve", "32768-46883"}).status, 0);
  EXPECT_EQ(run_tool({"reserve", "46884"}).status, 4);
}

} // namespace
} // namespace portacl
