// SPDX-License-Identifier: GPL-2.0-only
// who: against the answers that query gives for everybody.

#include <algorithm>
#include <map>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class WhoTest : public ToolTest {
protected:
  void apply(const std::string &text) {
    root.write(local, text);
    ASSERT_EQ(run_tool({"load"}).status, 0);
  }

  Outcome who(std::vector<std::string> words) {
    words.insert(words.begin(), "who");
    return run_tool(words);
  }

  Json who_json(std::vector<std::string> words) {
    words.emplace_back("--json");
    return Json::parse(who(words).out)["who"];
  }

  std::string at(int line) const {
    return fmt::format("{}{}:{}", root.path(), local, line);
  }
};

constexpr const char *capable = "any with CAP_NET_BIND_SERVICE";

TEST_F(WhoTest, ListsEverySubject) {
  apply("allow web 443\nallow group mail 443/tcp on 10.0.0.0/8\n"
        "allow any 443/udp until 2099-12-24T18:00Z\nallow eve 80\n");
  const Outcome outcome = who({"443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(
      outcome.out,
      "SUBJECT                        PORTS    TERMS                       "
      "FILE\n"
      "user web                       443                                  " +
          at(1) +
          "\n"
          "group mail (eve, web)          443/tcp  on 10.0.0.0/8               "
          "" +
          at(2) +
          "\n"
          "any                            443/udp  until 2099-12-24T18:00:00Z  "
          "" +
          at(3) +
          "\n"
          "any with CAP_NET_BIND_SERVICE  443                                  "
          "(no rule needed)\n"
          "\n4 subjects listed.\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(WhoTest, OneTransportAndServices) {
  apply("allow web 443/tcp\nallow eve 443/udp\nallow user user 443/sctp\n");
  EXPECT_THAT(who({"443/tcp"}).out,
              AllOf(HasSubstr("user web "), Not(HasSubstr("eve"))));
  EXPECT_THAT(who({"https/udp"}).out,
              AllOf(HasSubstr("user eve "), Not(HasSubstr("web"))));
  EXPECT_THAT(who({"443/sctp"}).out, HasSubstr("user \"user\" "));
  EXPECT_THAT(
      who({"443"}).out,
      AllOf(HasSubstr("443/tcp"), HasSubstr("443/udp"), HasSubstr("443/sctp")));
}

TEST_F(WhoTest, RulesOfOneSubjectAreOneLine) {
  apply("allow web 443/tcp\nallow web 400-500/udp\n");
  EXPECT_THAT(who({"443", "--no-legend"}).out,
              HasSubstr("user web                       443/tcp, 443/udp  " +
                        at(2) + ", " + at(1) + "\n"));
}

TEST_F(WhoTest, EachNamesTheOneUser) {
  apply("allow each 1000-1009 100+10\n");
  const Json subjects = who_json({"115"})["subjects"];
  ASSERT_EQ(subjects.size(), 1U);
  EXPECT_EQ(subjects[0]["user"], "web");
  EXPECT_EQ(subjects[0]["rules"][0]["subject"], "each");
  EXPECT_THAT(who({"200"}).out, Not(HasSubstr("user")));
}

TEST_F(WhoTest, DeniesAreExceptions) {
  apply("allow any 443\ndeny eve 443\ndeny group 1003 443/udp\n"
        "deny user user 443 on 192.0.2.0/24\n");
  EXPECT_THAT(who({"443"}).out,
              HasSubstr("user eve, user \"user\" on 192.0.2.0/24, group 1003 "
                        "(udp)"));
  const Json subject = who_json({"443"})["subjects"][0];
  EXPECT_EQ(subject["subject"], "any");
  EXPECT_EQ(subject["exceptions"].size(), 3U);
  // Where it is asked for, an address is inside or not.
  EXPECT_EQ(
      who_json({"443", "on", "192.0.2.9"})["subjects"][0]["exceptions"].size(),
      3U);
  EXPECT_EQ(
      who_json({"443", "on", "192.0.3.9"})["subjects"][0]["exceptions"].size(),
      2U);
}

TEST_F(WhoTest, ManyExceptionsAreCounted) {
  std::string text = "allow any 443\n";
  for (int uid = 2000; uid < 2010; uid++)
    text += fmt::format("deny {} 443\n", uid);
  apply(text);
  EXPECT_THAT(who({"443"}).out,
              HasSubstr("user 2000, user 2001, user 2002, user 2003 and 6 "
                        "more"));
  EXPECT_EQ(who_json({"443"})["subjects"][0]["exceptions"].size(), 10U);
}

TEST_F(WhoTest, WhoIsDeniedIsNotListed) {
  apply("allow eve 443\ndeny group mail 443\nallow user user 443\n");
  const Outcome outcome = who({"443"});
  EXPECT_THAT(outcome.out,
              AllOf(Not(HasSubstr("eve")), HasSubstr("user \"user\"")));
  EXPECT_EQ(outcome.err,
            "without effect: allow user eve 443 (" + at(1) + ")\n");
  EXPECT_EQ(who_json({"443"})["without_effect"][0]["user"], "eve");
}

TEST_F(WhoTest, WhatIsDeniedToAll) {
  apply("allow web 443\ndeny any 443/udp\n");
  const Outcome outcome = who({"443"});
  EXPECT_THAT(outcome.out, HasSubstr("443/tcp, 443/sctp"));
  EXPECT_EQ(outcome.err,
            "denied to everybody: deny any 443/udp (" + at(2) + ")\n");
  EXPECT_EQ(who_json({"443/udp"})["subjects"], Json::array());
}

TEST_F(WhoTest, MembersOfADeniedGroupAreExceptionsOfAnother) {
  root.write("/etc/group", "root:x:0:\nmail:x:8:eve,web\n"
                           "games:x:9:eve\nweb:x:1001:\n");
  apply("allow group mail 443\ndeny group games 443\ndeny user user 443\n"
        "deny group web 443/tcp\n");
  const Json subject = who_json({"443"})["subjects"][0];
  EXPECT_EQ(subject["members"], Json({"eve", "web"}));
  std::vector<std::string> exceptions;
  for (const Json &rule : subject["exceptions"])
    exceptions.push_back(rule["rule"]);
  // "user" is in no group but his own; "web" is web's primary one.
  EXPECT_THAT(exceptions,
              testing::UnorderedElementsAre("deny group games 443",
                                            "deny group web 443/tcp"));
}

TEST_F(WhoTest, PrefixesOfAllowAndDeny) {
  apply("allow web 443 on 10.1.0.0/16\nallow eve 443 on 10.0.0.0/8\n"
        "deny any 443 on 10.1.0.0/16\nallow user user 443 on ::/0\n");
  const Outcome outcome = who({"443"});
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("user eve "), HasSubstr("on 10.0.0.0/8"),
                    HasSubstr("on ::/0"), Not(HasSubstr("user web"))));
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("denied to everybody: deny any 443 on "
                              "10.1.0.0/16"),
                    HasSubstr("without effect: allow user web 443 on "
                              "10.1.0.0/16")));
  EXPECT_EQ(who_json({"443", "on", "10.1.0.1"})["subjects"], Json::array());
  EXPECT_EQ(who_json({"443", "on", "10.2.0.1"})["subjects"][0]["user"], "eve");
  EXPECT_EQ(who_json({"443", "on", "::1"})["subjects"][0]["user"], "user");
  EXPECT_EQ(who_json({"443", "on", "::"})["subjects"], Json::array());
}

TEST_F(WhoTest, UnprivilegedPortsAreEverybodys) {
  apply("deny eve 8080\nreserve 8081\nallow web 8081\n");
  const Outcome free = who({"8080"});
  EXPECT_THAT(free.out, AllOf(HasSubstr("any  "), HasSubstr("user eve"),
                              HasSubstr("(unprivileged port)")));
  EXPECT_THAT(who({"8081"}).out,
              AllOf(HasSubstr("user web"), Not(HasSubstr("unprivileged"))));
}

TEST_F(WhoTest, StrictAndModes) {
  apply("reserve 8080\nallow web 443\nallow root 443\n");
  EXPECT_THAT(who({"443"}).out, HasSubstr(capable));
  kernel.fixed["strict"] = "1\n";
  EXPECT_THAT(who({"443"}).out,
              AllOf(HasSubstr("user root"), Not(HasSubstr(capable))));
  EXPECT_EQ(who({"8080"}).out, "Nobody.\n");
  EXPECT_EQ(who({"8080", "--no-legend"}).out, "");
  EXPECT_EQ(who({"8080"}).status, 0);
  kernel.fixed["mode"] = "permissive\n";
  const Outcome spared = who({"8080"});
  EXPECT_THAT(spared.out,
              AllOf(HasSubstr("(unprivileged port)"), HasSubstr(capable)));
  EXPECT_THAT(spared.err, HasSubstr("mode is permissive"));
  EXPECT_THAT(who({"443"}).out, HasSubstr("user web"));
  kernel.fixed["mode"] = "off\n";
  const Outcome off = who({"443"});
  EXPECT_THAT(off.out, AllOf(Not(HasSubstr("user")), HasSubstr(capable)));
  EXPECT_THAT(off.err, HasSubstr("mode is off"));
}

TEST_F(WhoTest, TheKernelAnswersNotTheFiles) {
  root.write(local, "allow web 443\n");
  const Outcome outcome = who({"443"});
  EXPECT_THAT(outcome.out, Not(HasSubstr("web")));
  EXPECT_THAT(outcome.err, HasSubstr("the files differ"));
  kernel.loaded = false;
  const Outcome files = who({"443"});
  EXPECT_THAT(files.out, HasSubstr("user web"));
  EXPECT_THAT(files.err, HasSubstr("not what is in force"));
  root.write(local, "rubbish\n");
  EXPECT_EQ(who({"443"}).status, 4);
}

TEST_F(WhoTest, EndedRulesAllowNobody) {
  apply("allow web 443 until 2001-01-01T00:00Z\n");
  EXPECT_EQ(who_json({"443"})["subjects"], Json::array());
}

TEST_F(WhoTest, NumericShowsNoNames) {
  apply("allow web 443\nallow group mail 443\n");
  EXPECT_THAT(who({"443", "--numeric"}).out,
              AllOf(HasSubstr("user 1001 "), HasSubstr("group 8 "),
                    Not(HasSubstr("web"))));
}

TEST_F(WhoTest, InJson) {
  apply("allow web 443\n");
  const Json value = who_json({"443/tcp"});
  EXPECT_EQ(value["port"], 443);
  EXPECT_EQ(value["protocols"], Json({"tcp"}));
  EXPECT_EQ(value["address"], nullptr);
  EXPECT_EQ(value["source"], "kernel");
  EXPECT_EQ(value["privileged"], true);
  EXPECT_EQ(value["capability_holders"], true);
  EXPECT_EQ(value["subjects"][0]["uid"], 1001);
  EXPECT_EQ(value["subjects"][0]["rules"][0]["origins"][0]["line"], 1);
  EXPECT_EQ(value["subjects"][0]["exceptions"], Json::array());
}

TEST_F(WhoTest, WrongUsage) {
  EXPECT_EQ(who({}).err, "portaclctl: say which port\n"
                         "hint: for example: portaclctl who 443/tcp\n");
  EXPECT_EQ(who({}).status, 2);
  EXPECT_EQ(who({"80-81"}).err, "portaclctl: who takes one port\n");
  EXPECT_EQ(who({"0"}).status, 2);
  EXPECT_EQ(who({"web", "443"}).status, 2);
  EXPECT_EQ(who({"443", "on", "10.0.0.0/8"}).status, 2);
  EXPECT_EQ(who({"nosuchservice"}).status, 4);
  EXPECT_EQ(who({"443", "until", "2099-01-01"}).status, 2);
}

// Whether a rule of the answer in JSON is about a user with these groups.
bool is_about(const Json &rule, uint32_t uid,
              const std::vector<uint32_t> &groups) {
  if (rule["subject"] == "user")
    return rule["uid"] == uid;
  if (rule["subject"] == "group")
    return std::ranges::count(groups, rule["gid"].get<uint32_t>()) != 0;
  return true;
}

bool names_protocol(const Json &rule, const std::string &protocol) {
  return rule["protocol"] == "any" || rule["protocol"] == protocol;
}

// Whether the list says that the user may, on some address.
bool listed(const Json &who, uint32_t uid, const std::vector<uint32_t> &groups,
            const std::string &protocol) {
  const auto denied = [&](const Json &rules) {
    return std::ranges::any_of(rules, [&](const Json &rule) {
      return is_about(rule, uid, groups) && names_protocol(rule, protocol);
    });
  };
  if (denied(who["denied_to_all"]))
    return false;
  return std::ranges::any_of(who["subjects"], [&](const Json &subject) {
    return is_about(subject, uid, groups) &&
           std::ranges::count(subject["protocols"], Json(protocol)) != 0 &&
           !denied(subject["exceptions"]);
  });
}

// What who lists is what query allows, for every user, under random policies.
TEST_F(WhoTest, AgreesWithQuery) {
  const std::vector<std::string> subjects = {
      "user 1001", "user 1002",  "user 1003",  "user 77",
      "group 8",   "group 1002", "group 1001", "any"};
  const std::map<uint32_t, std::vector<uint32_t>> users = {
      {1001, {8, 1001}}, {1002, {8, 1002}}, {1003, {1003}}, {77, {}}};
  const std::vector<std::string> ports = {"443", "400-500", "8080", "443,8080",
                                          "22"};
  const std::vector<std::string> protocols = {"", "", "/tcp", "/udp"};
  std::mt19937 random(5); // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable
  const auto pick = [&](const std::vector<std::string> &from) {
    return from[random() % from.size()];
  };
  int allowed = 0;
  int asked = 0;
  for (int round = 0; round < 40; round++) {
    std::string text;
    for (unsigned i = random() % 8; i > 0; i--) {
      const unsigned action = random() % 8;
      if (action == 7)
        text += "reserve ";
      else
        text += (action < 5 ? "allow " : "deny ") + pick(subjects) + " ";
      text += pick(ports) + pick(protocols) + "\n";
    }
    kernel.fixed["strict"] = random() % 4 == 0 ? "1\n" : "0\n";
    const unsigned mode = random() % 8;
    kernel.fixed["mode"] = mode == 0   ? "off\n"
                           : mode <= 2 ? "permissive\n"
                                       : "enforce\n";
    apply(text);
    for (const std::string port : {"443", "8080"}) {
      const Json answer = who_json({port});
      for (const std::string protocol : {"tcp", "udp"}) {
        for (const auto &[uid, groups] : users) {
          const int status =
              run_tool({"query", std::to_string(uid), port + "/" + protocol})
                  .status;
          EXPECT_EQ(listed(answer, uid, groups, protocol), status == 0)
              << text << "uid " << uid << " " << port << "/" << protocol
              << answer.dump(1);
          allowed += status == 0 ? 1 : 0;
          asked++;
        }
      }
    }
  }
  // Both answers must have come often.
  EXPECT_GT(allowed, asked / 5);
  EXPECT_LT(allowed, asked * 4 / 5);
}

} // namespace
} // namespace portacl
