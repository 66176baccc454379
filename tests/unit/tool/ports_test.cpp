// SPDX-License-Identifier: GPL-2.0-only
// Who has which port, and the end of those who have lost theirs.

#include <cerrno>

#include <netinet/in.h>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PortsTest : public ToolTest {
protected:
  // The line that shows a port.
  static std::string line_of(const Outcome &outcome, const std::string &port) {
    const size_t at = outcome.out.find("\n" + port + "/");
    return at == std::string::npos
               ? ""
               : outcome.out.substr(at + 1,
                                    outcome.out.find('\n', at + 1) - at - 1);
  }
};

TEST_F(PortsTest, NothingIsSaid) {
  const Outcome outcome = run_tool({"ports"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "No sockets on governed ports.\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(PortsTest, ByWhichRight) {
  write_listeners({{700, "sshd", 0, true, "tcp", "00000000:0016"},
                   {812, "nginx", 1001, false, "tcp", "0100007F:01BB"},
                   {999, "python3", 1002, false, "udp", "00000000:0050"},
                   {910, "redis", 1002, false, "tcp", "00000000:1F90"},
                   {911, "db", 1002, false, "tcp", "00000000:1538"},
                   {912, "other", 1002, false, "tcp", "00000000:1F91"}});
  root.write(local, "allow web 443\ndeny web 8080\nreserve 5432\n");
  kernel.rules = {"allow user 1001 443", "deny user 1001 8080", "reserve 5432"};
  const Outcome outcome = run_tool({"ports"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(line_of(outcome, "22"), HasSubstr("capability"));
  EXPECT_THAT(
      line_of(outcome, "443"),
      testing::MatchesRegex("443/tcp +listening +127\\.0\\.0\\.1 +nginx "
                            "+812 +web +allow user web 443 +# .*:1"));
  EXPECT_THAT(
      line_of(outcome, "80"),
      testing::MatchesRegex("80/udp +bound +0\\.0\\.0\\.0 +python3 +999 "
                            "+eve +NO GRANT"));
  EXPECT_THAT(line_of(outcome, "8080"), HasSubstr("free"));
  EXPECT_THAT(line_of(outcome, "5432"), HasSubstr("NO GRANT: reserve 5432"));
  EXPECT_EQ(line_of(outcome, "8081"), "") << "no rule names it";
  EXPECT_THAT(outcome.out, HasSubstr("\n5 sockets listed, 2 without a grant."));
  EXPECT_THAT(outcome.err, HasSubstr("portaclctl allow user eve 80/udp"));
}

// The table is cut to the governed by protocol, too.
TEST_F(PortsTest, AnotherProtocolIsAnotherPort) {
  write_listeners({{910, "redis", 1002, false, "tcp", "00000000:1F90"}});
  kernel.rules = {"deny user 1002 8080/udp"};
  EXPECT_EQ(line_of(run_tool({"ports"}), "8080"), "");
  kernel.rules = {"deny user 1002 8080"};
  EXPECT_THAT(line_of(run_tool({"ports"}), "8080"),
              HasSubstr("NO GRANT: deny user eve 8080"));
}

TEST_F(PortsTest, AsTheSettingsSay) {
  write_listeners({{700, "sshd", 0, true, "tcp", "00000000:0016"},
                   {812, "nginx", 1001, false, "tcp", "00000000:01BB"},
                   {911, "db", 1002, false, "tcp", "00000000:1538"}});
  kernel.rules = {"allow user 1001 443", "reserve 5432"};
  kernel.fixed["strict"] = "1\n";
  EXPECT_THAT(line_of(run_tool({"ports"}), "22"),
              HasSubstr("NO GRANT: strict"));
  kernel.fixed["mode"] = "permissive\n";
  EXPECT_THAT(line_of(run_tool({"ports"}), "22"), HasSubstr("capability"));
  EXPECT_THAT(line_of(run_tool({"ports"}), "443"), HasSubstr("allow user web"));
  EXPECT_THAT(line_of(run_tool({"ports"}), "5432"), HasSubstr("free"));
  kernel.fixed["mode"] = "off\n";
  EXPECT_THAT(line_of(run_tool({"ports"}), "443"), HasSubstr("NO GRANT"));
}

TEST_F(PortsTest, WhoMadeTheSocketCounts) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB", 0},
                   {813, "lent", 1002, false, "tcp", "00000000:0050", 1001}});
  kernel.rules = {"allow user 1001 80"};
  const Outcome outcome = run_tool({"ports"});
  EXPECT_THAT(line_of(outcome, "443"), HasSubstr("capability of user root"));
  EXPECT_THAT(line_of(outcome, "80"), HasSubstr("allow user web 80"));
  EXPECT_THAT(outcome.out, HasSubstr(" 0 without"));
}

// A capability that came with a program that is set-uid is not the user's.
TEST_F(PortsTest, EveryHolderCounts) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"},
                   {90, "sudo", 0, true, "tcp", "00000000:0016"}});
  std::filesystem::create_symlink("socket:[1001]",
                                  root.path() + "/proc/90/fd/9");
  EXPECT_THAT(line_of(run_tool({"ports"}), "443"),
              testing::MatchesRegex(".* nginx +812 \\+1 +web +NO GRANT"));
  kernel.rules = {"allow user 0 443"};
  EXPECT_THAT(line_of(run_tool({"ports"}), "443"),
              testing::MatchesRegex(".* web +allow user root 443.*"));
}

TEST_F(PortsTest, RootOfAnotherUserNamespace) {
  Socket socket{.port = 80,
                .protocol = PACL_PROTO_TCP,
                .transport = IPPROTO_TCP,
                .listening = true,
                .creator = 100000,
                .inode = 1,
                .cookie = 1,
                .space = 1};
  sockets.more_namespaces = {{.id = 4026532000, .root = 100000}};
  sockets.more = {socket};
  socket.creator = 100033;
  socket.port = 81;
  sockets.more.push_back(socket);
  kernel.fixed["scope"] = "all\n";
  EXPECT_THAT(line_of(run_tool({"ports"}), "80"), HasSubstr("capability"));
  EXPECT_THAT(line_of(run_tool({"ports"}), "81"), HasSubstr("NO GRANT"));
  sockets.more_namespaces[0].root.reset();
  EXPECT_THAT(run_tool({"ports"}).out, HasSubstr(" 0 without"));
}

// What may not be seen is not called wrong.
TEST_F(PortsTest, UnseenHoldersAreUnknown) {
  root.write("/proc/net/tcp",
             "  sl  local_address\n"
             "   0: 00000000:0050 00000000:0000 0A 0:0 0:0 0 1001 0 9001 1\n"
             "   1: 00000000:0801 00000000:0000 0A 0:0 0:0 0 0 0 9002 1\n");
  kernel.rules = {"reserve 2049"};
  EXPECT_THAT(line_of(run_tool({"ports"}), "80"), HasSubstr("NO GRANT"));
  EXPECT_THAT(line_of(run_tool({"ports"}), "2049"),
              testing::MatchesRegex(".* \\(kernel\\) +- +root +kernel"));
  sockets.partial = true;
  const Outcome outcome = run_tool({"ports"});
  EXPECT_THAT(outcome.out, HasSubstr(" 0 without"));
  EXPECT_THAT(outcome.err, HasSubstr("warning: not all processes"));
  EXPECT_THAT(run_tool({"ports", "--json"}).out,
              HasSubstr("\"granted\": null"));
}

TEST_F(PortsTest, EveryNamespaceOfTheScope) {
  sockets.more_namespaces = {
      {.id = 4026532000, .name = "blue", .unprivileged_start = 80}};
  sockets.more = {{.port = 79,
                   .protocol = PACL_PROTO_TCP,
                   .transport = IPPROTO_TCP,
                   .listening = true,
                   .creator = 1001,
                   .inode = 1,
                   .cookie = 1,
                   .space = 1},
                  {.port = 81,
                   .protocol = PACL_PROTO_TCP,
                   .transport = IPPROTO_TCP,
                   .listening = true,
                   .creator = 1001,
                   .inode = 2,
                   .cookie = 2,
                   .space = 1}};
  EXPECT_EQ(run_tool({"ports"}).out, "No sockets on governed ports.\n");
  kernel.fixed["scope"] = "all\n";
  const Outcome outcome = run_tool({"ports"});
  EXPECT_THAT(outcome.out, HasSubstr("ADDRESS  NETNS"));
  EXPECT_THAT(line_of(outcome, "79"), HasSubstr("blue"));
  EXPECT_EQ(line_of(outcome, "81"), "") << "it has its own boundary";
}

TEST_F(PortsTest, NamesCannotDisturb) {
  write_listeners({{812, "a\x1b[2Jb", 1001, false, "tcp", "00000000:01BB"}});
  const Outcome outcome = run_tool({"ports"});
  EXPECT_THAT(outcome.out, HasSubstr("a\\x1b[2Jb"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

TEST_F(PortsTest, ColourIsNeverAlone) {
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"}});
  EXPECT_THAT(run_tool({"ports", "--color=always"}).out,
              testing::ContainsRegex("\x1b.31m443/tcp .*NO GRANT\x1b"));
}

TEST_F(PortsTest, FilesAnswerWithoutTheModule) {
  kernel.loaded = false;
  root.write(local, "allow web 443\n");
  write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"}});
  const Outcome outcome = run_tool({"ports"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(line_of(outcome, "443"), HasSubstr("allow user web 443"));
  EXPECT_THAT(outcome.err, HasSubstr("not what is in force"));
}

class CloseTest : public ToolTest {
protected:
  CloseTest() {
    root.write(local, "allow web 443\n");
    kernel.rules = {"allow user 1001 443"};
  }
  void listen() const {
    write_listeners({{812, "nginx", 1001, false, "tcp", "00000000:01BB"},
                     {813, "haproxy", 0, true, "tcp", "0100007F:01BB"},
                     {814, "quic", 1001, false, "udp", "00000000:01BB"},
                     {815, "other", 1001, false, "tcp", "00000000:0050"}});
  }
};

TEST_F(CloseTest, WithoutItTheyAreCounted) {
  listen();
  const Outcome outcome = run_tool({"remove", "allow", "web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "hint: 2 sockets stay open without a grant, see: "
                         "portaclctl ports\n");
  EXPECT_THAT(sockets.destroyed, IsEmpty());
}

TEST_F(CloseTest, EndsWhatLostItsGrantAndNothingElse) {
  listen();
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sockets.destroyed, (std::vector<uint64_t>{1001, 1003}));
  EXPECT_THAT(outcome.out, HasSubstr("closed: 443/tcp on 0.0.0.0 of nginx "
                                     "(pid 812, user web)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("closed: 443/udp on 0.0.0.0 of quic"));
  EXPECT_TRUE(kernel.rules.empty());
}

TEST_F(CloseTest, AnotherRuleKeepsThem) {
  listen();
  kernel.rules = {"allow user 1001 443", "allow any 400-500/tcp"};
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sockets.destroyed, std::vector<uint64_t>{1003});
}

TEST_F(CloseTest, AnotherHolderKeepsIt) {
  listen();
  std::filesystem::create_symlink("socket:[1001]",
                                  root.path() + "/proc/815/fd/9");
  root.write("/proc/815/status", "Name:\tother\nUid:\t1002\t1002\t0\t0\n");
  kernel.rules = {"allow user 1001 443", "allow user 1002 443"};
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443", "--close"}).status, 0);
  EXPECT_EQ(sockets.destroyed, std::vector<uint64_t>{1003});
}

TEST_F(CloseTest, ASetUidProgramDoesNotKeepIt) {
  listen();
  std::filesystem::create_symlink("socket:[1001]",
                                  root.path() + "/proc/813/fd/9");
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443", "--close"}).status, 0);
  EXPECT_EQ(sockets.destroyed, (std::vector<uint64_t>{1001, 1003}));
}

TEST_F(CloseTest, ADryRunEndsNothing) {
  listen();
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close", "--dry-run"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(sockets.destroyed, IsEmpty());
  EXPECT_EQ(kernel.rules.size(), 1U);
  EXPECT_THAT(outcome.out, HasSubstr("would close: 443/tcp on 0.0.0.0 of nginx "
                                     "(pid 812, user web)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("would interrupt: 443/udp"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("haproxy")));
}

TEST_F(CloseTest, WhatStaysOpenIsSaid) {
  listen();
  sockets.obedient = false;
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.out, HasSubstr("closed: 443/tcp"));
  EXPECT_THAT(outcome.err, HasSubstr("warning: still open: 443/udp on 0.0.0.0 "
                                     "of quic (pid 814, user web): its program "
                                     "was interrupted and keeps it\n"));
  EXPECT_THAT(outcome.err, HasSubstr("stop its program: kill 814\n"));
}

TEST_F(CloseTest, AKernelThatCannot) {
  listen();
  sockets.refuse = EOPNOTSUPP;
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err,
              HasSubstr("this kernel cannot close sockets of tcp"));
  EXPECT_THAT(outcome.err, HasSubstr("kill 812 814"));
  EXPECT_TRUE(kernel.rules.empty()) << "the rule is gone all the same";
}

TEST_F(CloseTest, ListenersOfMptcp) {
  listen();
  sockets.refuse = EINVAL;
  EXPECT_THAT(run_tool({"remove", "allow", "web", "443", "--close"}).err,
              HasSubstr("the kernel does not close listeners of MPTCP"));
}

// None of them is even tried.
TEST_F(CloseTest, WhatTheKernelCannotClose) {
  const Socket socket{.port = 443,
                      .protocol = PACL_PROTO_TCP,
                      .transport = IPPROTO_TCP,
                      .address = PACL_ADDR_IPV4(0),
                      .creator = 1001,
                      .inode = 1,
                      .cookie = 1};
  Socket sctp = socket;
  sctp.protocol = PACL_PROTO_SCTP;
  sctp.transport = IPPROTO_SCTP;
  sctp.listening = true;
  Socket tied = socket;
  tied.protocol = PACL_PROTO_UDP;
  tied.transport = IPPROTO_UDP;
  tied.interface_index = 2;
  tied.interface = "eth0";
  sockets.more = {socket, sctp, tied};
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close"});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(sockets.destroyed, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("this is bound only"));
  EXPECT_THAT(outcome.err, HasSubstr("cannot close sockets of sctp"));
  EXPECT_THAT(outcome.err, HasSubstr("on 0.0.0.0%eth0 of an unknown program"));
}

TEST_F(CloseTest, NobodyIsNoError) {
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "no socket loses its grant\n");
}

TEST_F(CloseTest, NeedsTheModule) {
  kernel.loaded = false;
  EXPECT_EQ(run_tool({"remove", "allow", "web", "443", "--close"}).status, 3);
  EXPECT_EQ(root.read(local), "allow web 443\n") << "nothing was changed";
}

TEST_F(CloseTest, NotOfANameThatIsGone) {
  root.write(local, "allow gone 443\n");
  EXPECT_EQ(run_tool({"remove", "allow", "gone", "443", "--close"}).status, 4);
  EXPECT_EQ(root.read(local), "allow gone 443\n");
}

TEST_F(CloseTest, Json) {
  listen();
  const Outcome outcome =
      run_tool({"remove", "allow", "web", "443", "--close", "--json"});
  EXPECT_EQ(outcome.status, 0);
  const auto json = nlohmann::json::parse(outcome.out);
  const auto &lost = json.at("change").at("lost_sockets");
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0].at("pid"), 812);
  EXPECT_EQ(lost[0].at("closed"), true);
}

} // namespace
} // namespace portacl
