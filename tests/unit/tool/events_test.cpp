// SPDX-License-Identifier: GPL-2.0-only
// What the module's records say, and what only looks like one.

#include <gtest/gtest.h>

#include "cli/describe.h"
#include "lib/events.h"

namespace portacl {
namespace {

constexpr uint64_t now = 1700000000000000;

const std::string bind = "op=bind verdict=no_rule permissive=0 rule=\"\" "
                         "proto=tcp laddr=0.0.0.0 lport=443 uid=1002 gid=1003 "
                         "auid=4294967295 pid=812 comm=\"python3\"";

std::string with(const std::string &from, const std::string &to) {
  std::string text = bind;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::optional<Refusal> refusal(const std::string &fields) {
  const auto event = parse_kernel_message("portacl: refused: " + fields, now);
  if (!event)
    return std::nullopt;
  return std::get<Refusal>(event->what);
}

TEST(EventsTest, Refusal) {
  const auto event = parse_kernel_message("portacl: refused: " + bind, now);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->time, now);
  EXPECT_EQ(event->by.uid, 1002U);
  EXPECT_EQ(event->by.auid, Actor::no_id);
  EXPECT_EQ(event->by.pid, 812U);
  EXPECT_EQ(event->by.program, "python3");
  const auto &refusal = std::get<Refusal>(event->what);
  EXPECT_FALSE(refusal.permissive);
  EXPECT_EQ(refusal.reason, Reason::no_rule);
  EXPECT_EQ(refusal.rule, "");
  EXPECT_EQ(refusal.protocol, PACL_PROTO_TCP);
  EXPECT_EQ(refusal.port, 443);
  EXPECT_EQ(refusal.gid, 1003U);
  EXPECT_EQ(address_text(refusal.address), "0.0.0.0");
}

TEST(EventsTest, EveryTransport) {
  const std::vector<std::pair<std::string, int>> transports = {
      {"tcp", PACL_PROTO_TCP},    {"mptcp", PACL_PROTO_TCP},
      {"udp", PACL_PROTO_UDP},    {"udplite", PACL_PROTO_UDP},
      {"sctp", PACL_PROTO_SCTP},  {"dccp", PACL_PROTO_ANY},
      {"unknown", PACL_PROTO_ANY}};
  for (const auto &[name, protocol] : transports) {
    const auto got = refusal(with("proto=tcp", "proto=" + name));
    ASSERT_TRUE(got) << name;
    EXPECT_EQ(got->transport, name);
    EXPECT_EQ(got->protocol, protocol) << name;
  }
}

TEST(EventsTest, EveryReason) {
  EXPECT_EQ(refusal(with("no_rule", "deny"))->reason, Reason::denied);
  EXPECT_EQ(refusal(with("no_rule", "reserved"))->reason, Reason::reserved);
  EXPECT_EQ(refusal(with("no_rule", "strict"))->reason, Reason::strict);
  EXPECT_FALSE(refusal(with("no_rule", "grant")));
  EXPECT_EQ(reason_name(Reason::denied), "deny");
}

TEST(EventsTest, Addresses) {
  const auto v6 = refusal(with("0.0.0.0", "2001:db8::1"));
  EXPECT_EQ(address_text(v6->address), "2001:db8::1");
  EXPECT_EQ(address_text(refusal(with("0.0.0.0", "::"))->address), "::");
  for (const char *bad : {"", "localhost", "1.2.3.4/8", "1.2.3.4.5", "::1%lo"})
    EXPECT_FALSE(refusal(with("0.0.0.0", bad))) << bad;
}

TEST(EventsTest, TheRuleThatDecided) {
  const std::string rule = "deny user 1002 80,443/tcp on 10.0.0.0/8";
  EXPECT_EQ(refusal(with("rule=\"\"", "rule=\"" + rule + "\""))->rule, rule);
  // Cut by the kernel: what is left may be another rule.
  std::string list = "deny any 1";
  for (int port = 10003; list.size() + 6 <= 600; port += 2)
    list += "," + std::to_string(port);
  list.resize(600, '1');
  const auto cut = refusal(with("rule=\"\"", "rule=\"" + list + "\""));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->rule, "");
  EXPECT_TRUE(cut->rule_cut);
}

TEST(EventsTest, Permissive) {
  std::string text = with("permissive=0", "permissive=1");
  const auto event =
      parse_kernel_message("portacl: would be refused: " + text, now);
  ASSERT_TRUE(event);
  EXPECT_TRUE(std::get<Refusal>(event->what).permissive);
  // One says so and the other does not.
  EXPECT_FALSE(parse_kernel_message("portacl: refused: " + text, now));
}

TEST(EventsTest, NamesInHexadecimal) {
  const auto program = [](const std::string &comm) -> std::string {
    const auto event = parse_kernel_message(
        "portacl: refused: " + with("comm=\"python3\"", "comm=" + comm), now);
    return event ? event->by.program : "none";
  };
  EXPECT_EQ(program("2220636f6d6d3d2261"), "\" comm=\"a");
  EXPECT_EQ(program("0A1B"), "\n\x1b");
  EXPECT_EQ(program("0a1"), "none");
  EXPECT_EQ(program("python"), "none");
  EXPECT_EQ(program("\"\""), "");
}

TEST(EventsTest, HostileTexts) {
  for (const std::string &text :
       {std::string(),
        std::string("portacl"),
        std::string("portacl: "),
        std::string("portacl: refused:"),
        std::string("portacl: refused: "),
        std::string("portacl: refused: op=bind"),
        "refused: " + bind,
        "user: portacl: refused: " + bind,
        "portacl: refused: " + bind + " uid=0",
        "portacl: refused: " + bind + " x",
        "portacl: refused: " + bind + "\"",
        std::string("portacl: refused: =\"="),
        std::string("portacl: generation"),
        std::string("portacl: generation x"),
        std::string("portacl: generation 7: "),
        std::string("portacl: generation 7: 1 added"),
        std::string("portacl: generation 7: mode off"),
        std::string("portacl: generation 99999999999999999999: mode off, by "
                    "auid=0 uid=0 comm=\"x\""),
        std::string("portacl: refused: x callbacks suppressed"),
        std::string("audit: type=1400"),
        std::string("audit: type=1400 audit(1.2:3): apparmor=\"DENIED\"")})
    EXPECT_FALSE(parse_kernel_message(text, now)) << text;
  EXPECT_FALSE(refusal(with("lport=443", "lport=0")));
  EXPECT_FALSE(refusal(with("lport=443", "lport=65536")));
  EXPECT_FALSE(refusal(with("lport=443", "lport=-1")));
  EXPECT_FALSE(refusal(with("uid=1002", "uid=4294967295")));
  EXPECT_FALSE(refusal(with("uid=1002", "uid=4294967296")));
  EXPECT_FALSE(refusal(with("op=bind", "op=mind")));
}

TEST(EventsTest, Changes) {
  auto event = parse_kernel_message(
      "portacl: generation 7: 2 added, 1 removed, 3 rules in force, by "
      "auid=1001 uid=0 comm=\"portaclctl\"",
      now);
  ASSERT_TRUE(event);
  const auto &rules = std::get<RulesChange>(event->what);
  EXPECT_EQ(rules.generation, 7U);
  EXPECT_EQ(rules.added, 2U);
  EXPECT_EQ(rules.removed, 1U);
  EXPECT_EQ(rules.rules, 3U);
  EXPECT_EQ(event->by.auid, 1001U);
  EXPECT_EQ(event->by.program, "portaclctl");

  event = parse_kernel_message("portacl: generation 8: mode off, by "
                               "auid=4294967295 uid=0 comm=\"bash\"",
                               now);
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<SettingChange>(event->what).name, "mode");
  EXPECT_EQ(std::get<SettingChange>(event->what).value, "off");

  event = parse_kernel_message(
      "portacl: version 1.2.3 loaded, no rules, nothing changes until there "
      "are",
      now);
  EXPECT_TRUE(std::get<ModuleChange>(event->what).loaded);
  event = parse_kernel_message("portacl: unloaded, every rule has ended", now);
  EXPECT_FALSE(std::get<ModuleChange>(event->what).loaded);
}

TEST(EventsTest, Lost) {
  auto event =
      parse_kernel_message("portacl: refused: 12 callbacks suppressed", now);
  EXPECT_EQ(std::get<Lost>(event->what).count, 12U);
  event = parse_kernel_message("portacl: no rule: 5 callbacks suppressed", now);
  EXPECT_EQ(std::get<Lost>(event->what).count, 5U);
  EXPECT_FALSE(std::get<Lost>(event->what).any_audit);
  event =
      parse_kernel_message("kauditd_printk_skb: 3 callbacks suppressed", now);
  EXPECT_TRUE(std::get<Lost>(event->what).any_audit);
}

TEST(EventsTest, OneRecordOnEveryWay) {
  const std::string text = "lsm=portacl action=refused " + bind;
  const auto printed = parse_kernel_message(
      "audit: type=1400 audit(1700000001.234:45): " + text, now);
  const auto written =
      parse_audit_line("type=AVC msg=audit(1700000001.234:45): " + text +
                       "\x1d"
                       "UID=\"eve\" GID=\"eve\" AUID=\"unset\"");
  const auto remote = parse_audit_line(
      "node=host type=AVC msg=audit(1700000001.234:45): " + text);
  const auto sent = parse_audit_record(
      1400, {.milliseconds = 1700000001234, .serial = 45}, text);
  for (const auto *event : {&printed, &written, &remote, &sent}) {
    ASSERT_TRUE(*event);
    EXPECT_EQ((*event)->time, 1700000001234000U);
    EXPECT_EQ((*event)->audit_record, printed->audit_record);
    EXPECT_EQ(std::get<Refusal>((*event)->what).port, 443);
  }
  EXPECT_NE(parse_audit_line("type=AVC msg=audit(1700000001.234:46): " + text)
                ->audit_record,
            printed->audit_record);
}

TEST(EventsTest, AuditRecordsOfChanges) {
  const std::string by = " auid=1001 ses=1 uid=0 pid=7 comm=\"x\" res=1";
  auto event = parse_audit_line(
      "type=MAC_POLICY_LOAD msg=audit(1.000:2): lsm=portacl op=policy "
      "generation=7 added=1 removed=0 rules=3" +
      by);
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<RulesChange>(event->what).rules, 3U);
  EXPECT_EQ(event->by.pid, 7U);
  event = parse_audit_line(
      "type=MAC_CONFIG_CHANGE msg=audit(1.000:3): lsm=portacl op=setting "
      "generation=8 strict=1" +
      by);
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<SettingChange>(event->what).name, "strict");
  EXPECT_EQ(std::get<SettingChange>(event->what).value, "1");
}

// Programs with CAP_AUDIT_WRITE write user messages, other modules AVCs.
TEST(EventsTest, OtherAuditRecords) {
  const std::string text = "lsm=portacl action=refused " + bind;
  for (const std::string &line :
       {"type=USER_AVC msg=audit(1.000:2): " + text,
        "type=AVC msg=audit(1.000:2): lsm=other action=refused " + bind,
        "type=AVC msg=audit(1.000:2): " + bind,
        "type=AVC msg=audit(1.000): " + text,
        "type=AVC msg=audit(1.1000:2): " + text,
        "type=AVC msg=audit(99999999999999.0:2): " + text, "type=AVC " + text,
        std::string(
            "type=AVC msg=audit(1.000:2): lsm=portacl action=granted ") +
            bind})
    EXPECT_FALSE(parse_audit_line(line)) << line;
}

TEST(EventsTest, KmsgRecords) {
  const std::string text = "portacl: refused: " + bind;
  const auto event = parse_kmsg_record(
      "5,1234,5000000,-;" + text + "\n SUBSYSTEM=x\n DEVICE=y\n", now);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->time, now + 5000000);
  EXPECT_TRUE(parse_kmsg_record("5,1,5,-,caller=T12;" + text + "\n", now));
  // 13 is facility 1: a program wrote that.
  EXPECT_FALSE(parse_kmsg_record("13,1234,5000000,-;" + text + "\n", now));
  EXPECT_FALSE(parse_kmsg_record(text, now));
  EXPECT_FALSE(parse_kmsg_record("", now));
  EXPECT_FALSE(parse_kmsg_record("5,1,5,-", now));
  EXPECT_FALSE(parse_kmsg_record(
      "5,1,5,-;usb 1-1: Product: x\n portacl: refused: " + bind + "\n", now));
}

} // namespace
} // namespace portacl
