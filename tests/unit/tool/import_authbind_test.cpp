// SPDX-License-Identifier: GPL-2.0-only
// Rules from authbind's files, held against what its helper would do.

#include <algorithm>
#include <array>
#include <random>

#include <fmt/format.h>

#include "cli/import.h"
#include "lib/policy.h"
#include "tool_test.h"

namespace portacl {
namespace {

struct Asker {
  uint32_t uid;
  std::vector<uint32_t> gids; // ascending, the first is the primary one
};

// helper.c, step by step, on what was read.
class AuthbindHelper final {
public:
  explicit AuthbindHelper(const Authbind &files) : files_(files) {}

  bool grants(const Asker &asker, const AuthbindAddress &asked) const {
    if (!passes(files_.top, asker))
      return false;
    if (files_.byport_door && !passes(*files_.byport_door, asker))
      return false;
    if (const auto file = files_.byport.find(asked.port);
        file != files_.byport.end())
      return may_execute(file->second.rights, asker.uid, asker.gids);
    if (files_.byaddr_door && !passes(*files_.byaddr_door, asker))
      return false;
    if (const auto file = files_.byaddr.find(asked);
        file != files_.byaddr.end())
      return may_execute(file->second.rights, asker.uid, asker.gids);
    for (const AuthbindLine &line : files_.lines) {
      if (line.uid == asker.uid && line.ipv6 == asked.ipv6 &&
          line.ports.first <= asked.port && asked.port <= line.ports.last &&
          in_range(line.addresses, asked.address))
        return true;
    }
    return false;
  }

private:
  static bool passes(const AuthbindDoor &door, const Asker &asker) {
    return may_execute(door.rights, asker.uid, asker.gids);
  }
  const Authbind &files_;
};

AuthbindAddress bind_of(uint16_t port, const char *address) {
  const auto parsed = parse_address(address);
  return {port, parsed->ipv6, parsed->address};
}

class ImportAuthbindTest : public ToolTest {
protected:
  ImportAuthbindTest() : names(root.path()) {}

  Imported rules(const Authbind &files) {
    return authbind_rules(files, names, false);
  }
  static std::string shown(const Imported &imported) {
    std::string text;
    for (const ImportedRule &rule : imported.rules)
      text += (rule.active ? "" : "#") + rule.rule +
              (rule.remarks.empty() ? "\n" : " *\n");
    return text;
  }
  static AuthbindFile file(uint16_t port, ExecuteRights rights) {
    return {.path = "/etc/authbind/byport/" + std::to_string(port),
            .port = port,
            .rights = std::move(rights)};
  }
  static void add(Authbind &files, const AuthbindAddress &address,
                  ExecuteRights rights) {
    files.byaddr[address] = {.path = "/etc/authbind/byaddr/x",
                             .port = address.port,
                             .rights = std::move(rights)};
  }
  static AuthbindLine line(uint32_t uid, const char *first, const char *last,
                           PortRange ports) {
    const auto low = parse_address(first);
    return {.path = "/etc/authbind/byuid/" + std::to_string(uid),
            .line = 1,
            .uid = uid,
            .ipv6 = low->ipv6,
            .addresses = {low->address, parse_address(last)->address},
            .ports = ports};
  }
  static Authbind empty() {
    Authbind files{.present = true};
    files.top = {"/etc/authbind", all};
    files.byport_door = {"/etc/authbind/byport", all};
    files.byaddr_door = {"/etc/authbind/byaddr", all};
    return files;
  }

  Names names;
  static inline const ExecuteRights all{.owner = 0,
                                        .owner_may = true,
                                        .users = {},
                                        .groups = {{0, true}},
                                        .others = true};
  static inline const ExecuteRights web_only{
      .owner = 1001, .owner_may = true, .users = {}, .groups = {{0, false}}};
  static inline const ExecuteRights nobody{
      .owner = 0, .owner_may = true, .users = {}, .groups = {{0, false}}};
};

TEST_F(ImportAuthbindTest, OwnerGroupAndOthers) {
  Authbind files = empty();
  files.byport[80] = file(80, web_only);
  files.byport[81] = file(
      81, {.owner = 0, .owner_may = true, .users = {}, .groups = {{8, true}}});
  files.byport[82] = file(82, all);
  files.byport[83] = file(83, nobody);
  const Imported imported = rules(files);
  EXPECT_EQ(shown(imported), "allow user 1001 80\n"
                             "allow group 8 81\n"
                             "allow any 82 *\n");
  EXPECT_EQ(imported.warnings.size(), 2U);
  EXPECT_EQ(imported.steps.size(), 1U);
}

// What the first class refuses stays refused.
TEST_F(ImportAuthbindTest, RefusedAmongThoseLetIn) {
  Authbind files = empty();
  files.byport[80] = file(
      80,
      {.owner = 1002, .owner_may = false, .users = {}, .groups = {{8, true}}});
  files.byport[81] = file(81, {.owner = 0,
                               .owner_may = true,
                               .users = {{1002, false}},
                               .groups = {{0, true}, {8, false}},
                               .others = true});
  EXPECT_EQ(shown(rules(files)), "allow group 8 80\n"
                                 "deny user 1002 80 *\n"
                                 "#allow any 81 *\n"
                                 "allow group 0 81\n"
                                 "deny user 1002 81 *\n");
  files.byport.clear();
  files.byport[81] = file(81, {.owner = 0,
                               .owner_may = true,
                               .users = {},
                               .groups = {{8, false}},
                               .others = true});
  EXPECT_EQ(shown(rules(files)), "allow any 81 *\ndeny group 8 81 *\n");
  // Under strict a deny of group 0 would refuse root.
  files.byport[81] = file(81, {.owner = 0,
                               .owner_may = true,
                               .users = {},
                               .groups = {{0, false}},
                               .others = true});
  EXPECT_EQ(shown(rules(files)), "allow any 81 *\n");
}

// "web may, its group may not, others may": a deny would refuse web, too.
TEST_F(ImportAuthbindTest, GroupOfTheOwnerRefused) {
  Authbind files = empty();
  files.byport[80] = file(80, {.owner = 1001,
                               .owner_may = true,
                               .users = {},
                               .groups = {{1001, false}},
                               .others = true});
  EXPECT_EQ(shown(rules(files)), "#allow any 80 *\nallow user 1001 80\n");
}

TEST_F(ImportAuthbindTest, WildcardsAreSaidForAllTheyServe) {
  Authbind files = empty();
  add(files, bind_of(80, "0.0.0.0"), web_only);
  add(files, bind_of(81, "::"), web_only);
  add(files, bind_of(82, "::ffff:0.0.0.0"), web_only);
  add(files, bind_of(83, "10.0.0.1"), web_only);
  const Imported imported = rules(files);
  EXPECT_EQ(shown(imported), "allow user 1001 80 on 0.0.0.0/0 *\n"
                             "allow user 1001 81 *\n"
                             "allow user 1001 82 on 0.0.0.0/0 *\n"
                             "allow user 1001 83 on 10.0.0.1\n");
}

TEST_F(ImportAuthbindTest, LinesOfUsers) {
  Authbind files = empty();
  files.lines = {line(1001, "0.0.0.0", "255.255.255.255", {80, 80}),
                 line(1001, "10.0.0.5", "10.0.0.9", {80, 89}),
                 line(1002, "::", "::ffff", {1, 511}),
                 line(1002, "10.0.0.0", "10.0.0.255", {600, 601})};
  EXPECT_EQ(shown(rules(files)), "allow user 1001 80 on 0.0.0.0/0\n"
                                 "allow user 1001 80-89 on 10.0.0.5\n"
                                 "allow user 1001 80-89 on 10.0.0.6/31\n"
                                 "allow user 1001 80-89 on 10.0.0.8/31\n"
                                 "allow user 1002 1-511 *\n"
                                 "allow user 1002 600-601 on 10.0.0.0/24\n");
}

TEST_F(ImportAuthbindTest, VetoesKillLines) {
  Authbind files = empty();
  files.byport[80] = file(80, nobody);
  files.byport[81] = file(81, web_only);
  add(files, bind_of(90, "10.0.0.2"), nobody);
  add(files, bind_of(91, "10.0.0.2"), web_only);
  files.lines = {line(1001, "10.0.0.0", "10.0.0.3", {80, 91})};
  const Imported imported = rules(files);
  EXPECT_EQ(shown(imported), "allow user 1001 81\n"
                             "allow user 1001 91 on 10.0.0.2\n"
                             "allow user 1001 82-89,91 on 10.0.0.0/30\n"
                             "allow user 1001 90 on 10.0.0.0/31\n"
                             "allow user 1001 90 on 10.0.0.3\n");
  std::string texts;
  for (const Error &warning : imported.warnings)
    texts += error_text(warning) + "\n";
  EXPECT_NE(texts.find("/etc/authbind/byuid/1001:1: files in "
                       "/etc/authbind/byport refuse this user port 80, "),
            std::string::npos)
      << texts;
  EXPECT_NE(texts.find("with port 90 to this user"), std::string::npos);
}

// A rule for the wildcard cannot leave an address out.
TEST_F(ImportAuthbindTest, VetoWithinAWildcardIsSaid) {
  Authbind files = empty();
  add(files, bind_of(80, "10.0.0.2"), nobody);
  files.lines = {line(1001, "0.0.0.0", "255.255.255.255", {80, 80})};
  EXPECT_EQ(shown(rules(files)), "allow user 1001 80 on 0.0.0.0/0 *\n");
  // One for the wildcard itself leaves the addresses.
  files.byaddr.clear();
  add(files, bind_of(80, "0.0.0.0"), nobody);
  files.lines = {line(1001, "0.0.0.0", "0.0.0.3", {80, 80})};
  EXPECT_EQ(shown(rules(files)), "allow user 1001 80 on 0.0.0.1\n"
                                 "allow user 1001 80 on 0.0.0.2/31\n");
}

TEST_F(ImportAuthbindTest, DirectoriesAreDoors) {
  Authbind files = empty();
  files.byport_door = {
      "/etc/authbind/byport",
      {.owner = 0, .owner_may = true, .users = {}, .groups = {{8, true}}}};
  files.byport[80] = file(80, web_only);
  files.byport[81] = file(
      81,
      {.owner = 1003, .owner_may = true, .users = {}, .groups = {{8, true}}});
  files.byport[82] = file(82, all);
  files.lines = {line(1003, "::1", "::1", {90, 90}),
                 line(1002, "::1", "::1", {91, 91})};
  // web and eve are members of group 8, user 1003 is not.
  EXPECT_EQ(shown(rules(files)), "allow user 1001 80\n"
                                 "#allow user 1003 81 *\n"
                                 "allow group 8 81\n"
                                 "#allow any 82 *\n"
                                 "allow user 1002 91 on ::1\n");
}

// authbind's text of IPv6 is about sockets of IPv6 alone.
TEST_F(ImportAuthbindTest, MappedAddressesAreSaid) {
  Authbind files = empty();
  add(files, bind_of(83, "::ffff:10.0.0.1"), web_only);
  files.lines = {
      line(1001, "::ffff:0.0.0.0", "::ffff:255.255.255.255", {90, 90}),
      line(1001, "::1", "::1", {91, 91})};
  EXPECT_EQ(shown(rules(files)), "allow user 1001 83 on 10.0.0.1 *\n"
                                 "allow user 1001 90 on 0.0.0.0/0 *\n"
                                 "allow user 1001 91 on ::1\n");
}

TEST_F(ImportAuthbindTest, VetoOfAWildcardLeavesOtherGrants) {
  Authbind files = empty();
  add(files, bind_of(81, "::"),
      {.owner = 1001, .owner_may = false, .users = {}, .groups = {{8, true}}});
  EXPECT_EQ(shown(rules(files)), "allow group 8 81 *\n"
                                 "deny user 1001 81 *\n");
  files.lines = {line(1001, "10.0.0.5", "10.0.0.5", {81, 81})};
  const Imported imported = rules(files);
  EXPECT_EQ(shown(imported), "allow group 8 81 *\n"
                             "#deny user 1001 81 *\n"
                             "allow user 1001 81 on 10.0.0.5\n");
  EXPECT_EQ(imported.warnings.size(), 1U);
}

TEST_F(ImportAuthbindTest, LinesThatComeAgain) {
  Authbind files = empty();
  files.lines.assign(20000, line(1001, "::1", "ffff:ffff::fffe", {1, 511}));
  const size_t rules_of_one = rules({files}).rules.size();
  EXPECT_LT(rules_of_one, 500U);
  EXPECT_GT(rules_of_one, 2U);
}

TEST_F(ImportAuthbindTest, TcpOnly) {
  Authbind files = empty();
  files.byport[80] = file(80, web_only);
  const Imported imported = authbind_rules(files, names, true);
  ASSERT_EQ(imported.rules.size(), 1U);
  EXPECT_EQ(imported.rules[0].rule, "allow user 1001 80/tcp");
}

// Each rule holds at most 64 ranges.
TEST_F(ImportAuthbindTest, ManyHoles) {
  Authbind files = empty();
  for (uint16_t port = 2; port < 400; port += 2)
    files.byport[port] = file(port, nobody);
  files.lines = {line(1001, "::1", "::1", {1, 511})};
  const Imported imported = rules(files);
  EXPECT_EQ(imported.rules.size(), 4U);
  for (const ImportedRule &rule : imported.rules)
    EXPECT_EQ(rule_text(rule_from_text(rule.rule)), rule.rule);
}

constexpr std::array<const char *, 9> asked_addresses = {
    "0.0.0.0", "10.0.0.1",    "10.0.0.2",    "127.0.0.1",      "::",
    "::1",     "2001:db8::1", "2001:db8::2", "::ffff:10.0.0.1"};
constexpr std::array<uint16_t, 4> asked_ports = {80, 81, 511, 600};

// Files as an administrator with little sleep leaves them.
class RandomAuthbind final {
public:
  explicit RandomAuthbind(uint32_t seed) : random_(seed) {}

  ExecuteRights rights() {
    constexpr std::array<uint32_t, 3> owners = {0, 1001, 1002};
    constexpr std::array<uint32_t, 3> groups = {0, 8, 1001};
    ExecuteRights result{.owner = owners[below(3)],
                         .owner_may = below(4) != 0,
                         .users = {},
                         .groups = {{groups[below(3)], below(2) == 0}},
                         .others = below(4) == 0};
    if (below(4) == 0)
      result.users[1003] = below(2) == 0;
    if (below(4) == 0)
      result.groups[8] = below(2) == 0;
    return result;
  }
  const char *address() {
    return asked_addresses[below(asked_addresses.size())];
  }
  uint16_t port() { return asked_ports[below(asked_ports.size())]; }
  size_t below(size_t count) { return random_() % count; }

private:
  std::mt19937 random_;
};

// Of a rule that says itself that it is for more.
bool is_said_wider(const ImportedRule &rule) {
  return std::ranges::any_of(rule.remarks, [](const std::string &remark) {
    return std::ranges::any_of(std::array{"every address", "every IPv4 address",
                                          "group 0", "this includes",
                                          "is IPv4 here"},
                               [&remark](const char *words) {
                                 return remark.find(words) != std::string::npos;
                               });
  });
}

pacl_request request_of(const Asker &asker, const AuthbindAddress &asked) {
  pacl_request request{};
  request.groups = asker.gids.data();
  request.group_count = static_cast<uint32_t>(asker.gids.size());
  request.uid = asker.uid;
  request.gid = asker.gids.front();
  request.addr = asked.address;
  request.port = asked.port;
  request.proto = PACL_PROTO_TCP;
  request.privileged = true;
  return request;
}

// One set of files, its rules, and how far they differ.
struct Comparison {
  size_t granted = 0;
  size_t wider = 0;
  size_t narrower = 0;
  std::string unsaid; // differences that no remark is about
};

void compare_authbind(const Authbind &files, const Imported &imported,
                      const Asker &asker, Comparison &result) {
  std::vector<std::string> active;
  std::vector<std::string> exact;
  bool commented = false;
  for (const ImportedRule &rule : imported.rules) {
    commented = commented || !rule.active;
    if (rule.active)
      active.push_back(rule.rule);
    if (rule.active && !is_said_wider(rule))
      exact.push_back(rule.rule);
  }
  const auto policy = Policy::make(active);
  const auto exact_policy = Policy::make(exact);
  const AuthbindHelper helper(files);
  for (const char *address : asked_addresses) {
    for (const uint16_t port : asked_ports) {
      AuthbindAddress asked = bind_of(port, address);
      bool expected = helper.grants(asker, asked);
      // To the engine it is the same address on a socket of the other family.
      const bool mapped = asked.ipv6 && pacl_addr_is_ipv4(asked.address);
      asked.ipv6 = false;
      if (mapped)
        expected = expected || helper.grants(asker, asked);
      const pacl_request request = request_of(asker, asked);
      const Decision decision = policy->decide(request);
      const bool allowed = decision.verdict == PACL_GRANT;
      result.granted += expected ? 1 : 0;
      result.wider += allowed && !expected ? 1 : 0;
      result.narrower += !allowed && expected ? 1 : 0;
      const bool too_much =
          !expected && exact_policy->decide(request).verdict == PACL_GRANT;
      // A deny says what else it refuses.
      const bool too_little =
          expected && decision.verdict == PACL_DEFAULT && !commented;
      if (too_much || too_little)
        result.unsaid += fmt::format("{} {} {} {}\n", asker.uid, address, port,
                                     too_much ? "too much" : "too little");
    }
  }
}

// Whatever is granted beyond the helper's answers is said at the rule; what is
// granted less is said there, too, or is commented out.
TEST_F(ImportAuthbindTest, NoMoreThanTheHelper) {
  const std::vector<Asker> askers = {{1001, {8, 1001}},
                                     {1002, {8, 1002}},
                                     {1003, {1003}},
                                     {1004, {1004}},
                                     {1005, {0, 1005}}};
  Comparison result;
  for (uint32_t seed = 1; seed <= 300; seed++) {
    RandomAuthbind random(seed);
    Authbind files = empty();
    for (size_t i = random.below(3); i > 0; i--) {
      const uint16_t port = random.port();
      files.byport[port] = file(port, random.rights());
    }
    for (size_t i = random.below(4); i > 0; i--) {
      const AuthbindAddress asked = bind_of(random.port(), random.address());
      if (files.byport.count(asked.port) == 0)
        add(files, asked, random.rights());
    }
    if (random.below(8) == 0)
      files.byport_door->rights = random.rights();
    for (size_t i = random.below(4); i > 0; i--) {
      const char *first = random.address();
      const bool whole = random.below(2) == 0;
      const uint32_t uid = random.below(2) == 0 ? 1001 : 1003;
      const uint16_t last = random.below(2) == 0 ? 80 : 511;
      files.lines.push_back(line(uid, first,
                                 !whole ? first
                                 : parse_address(first)->ipv6
                                     ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
                                     : "255.255.255.255",
                                 {80, last}));
    }
    const Imported imported = rules(files);
    for (const Asker &asker : askers)
      compare_authbind(files, imported, asker, result);
    ASSERT_EQ(result.unsaid, "") << "seed " << seed << "\n" << shown(imported);
  }
  // The comparison has seen what there is to see.
  EXPECT_GT(result.granted, 5000U);
  EXPECT_GT(result.wider, 100U);
  EXPECT_GT(result.granted, 2 * result.narrower);
}

} // namespace
} // namespace portacl
