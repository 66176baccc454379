// SPDX-License-Identifier: GPL-2.0-only
// explain, and what query says of files that differ.

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace portacl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ExplainTest : public ToolTest {
protected:
  // Files and kernel say the same.
  void apply(const std::string &text) {
    root.write(local, text);
    ASSERT_EQ(run_tool({"load"}).status, 0);
  }

  Outcome explain(std::vector<std::string> words) {
    words.insert(words.begin(), "explain");
    return run_tool(words);
  }

  Json explain_json(std::vector<std::string> words) {
    words.emplace_back("--json");
    return Json::parse(explain(words).out)["explain"];
  }

  std::string at(int line) const {
    return fmt::format("{}{}:{}", root.path(), local, line);
  }
};

// As a shell splits a line whose only quotes are single ones.
std::vector<std::string> shell_words(const std::string &line) {
  std::vector<std::string> words = {""};
  bool quoted = false;
  for (const char ch : line) {
    if (ch == '\'')
      quoted = !quoted;
    else if (ch == ' ' && !quoted)
      words.emplace_back();
    else
      words.back() += ch;
  }
  return words;
}

// One rule of an answer by its words.
Json rule_of(const Json &answer, const std::string &words) {
  for (const Json &rule : answer["rules"]) {
    if (rule["rule"] == words)
      return rule;
  }
  return {{"role", nullptr}};
}

std::string deciding_step(const Json &answer) {
  std::string name;
  for (const Json &step : answer["steps"]) {
    if (step["decides"] == true)
      name += step["step"];
  }
  return name;
}

TEST_F(ExplainTest, WalksTheTableOfDecisions) {
  apply("allow web 443\ndeny eve 443/tcp\nallow group mail 443 # both\n");
  const Outcome outcome = explain({"eve", "443/tcp"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out,
            "denied: user eve (uid 1002) may not bind 443/tcp\n"
            "Who         user eve (uid 1002), groups mail (8), 1002\n"
            "Policy      the kernel's, generation 2, 3 rules\n"
            "Kernel      ports below 1024 are privileged\n"
            "Mode        enforce: rules are obeyed\n"
            "Scope       init: sockets of the initial network namespace are "
            "judged\n"
            "Capability  who holds CAP_NET_BIND_SERVICE is not judged; taken "
            "as not held\n"
            "\n"
            "443/tcp on 0.0.0.0 and ::\n"
            "  =>  deny   deny user eve 443/tcp  # " +
                at(2) +
                "\n"
                "      allow  allow group mail 443   # " +
                at(3) +
                ": overruled by the deny\n"
                "\n"
                "To allow it\n"
                "  portaclctl remove deny user eve 443/tcp\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ExplainTest, AGrantEndsIt) {
  apply("strict on\nallow web 443\nreserve 443\n");
  const Outcome outcome = explain({"web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out,
              StartsWith("allowed: user web (uid 1001) may bind 443, any "
                         "transport\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n443/tcp and 443/udp on 0.0.0.0 and ::\n"
                                     "      deny     none matches\n"
                                     "  =>  allow    allow user web 443  # " +
                                     at(2) +
                                     "\n"
                                     "      reserve  reserve 443         # " +
                                     at(3) + ": overruled by the allow\n\n"));
  EXPECT_THAT(outcome.out,
              EndsWith("\nTo refuse it\n  portaclctl remove allow user web "
                       "443\n"));
}

TEST_F(ExplainTest, OnlyWhatTakesNothingElseAwayIsRemoved) {
  apply("allow web 80,443\nallow any 81\n");
  for (const std::string port : {"443", "81"})
    EXPECT_THAT(
        explain({"web", port}).out,
        EndsWith("\nTo refuse it\n  portaclctl deny user web " + port + "\n"));
}

TEST_F(ExplainTest, NothingIsAdvisedWhileThePolicyIsLocked) {
  apply("deny web 8080\n");
  kernel.fixed["locked"] = "1\n";
  EXPECT_THAT(explain({"web", "8080"}).out,
              EndsWith("\nTo allow it\n  nothing can be changed until the next "
                       "reboot: the policy is locked\n"));
  EXPECT_THAT(run_tool({"query", "web", "8080"}).err,
              HasSubstr("hint: nothing can be changed until the next reboot"));
  EXPECT_THAT(explain_json({"web", "8080"})["changes"], IsEmpty());
  // Neither does apply do anything.
  root.write(local, "allow web 8080\n");
  EXPECT_EQ(explain_json({"web", "8080"})["allowed_after_apply"], nullptr);
}

TEST_F(ExplainTest, ASettingOfALaterFileIsTakenOutByHand) {
  root.write("/etc/portacl.d/90-late.conf", "mode off\n");
  apply("allow web 443\n");
  EXPECT_THAT(explain({"web", "443"}).out,
              EndsWith("\nTo allow it\n  take 'mode off' out of " +
                       root.path() +
                       "/etc/portacl.d/90-late.conf:1, then run: portaclctl "
                       "mode enforce\n"));
  EXPECT_THAT(run_tool({"query", "web", "443"}).err,
              HasSubstr("hint: to have rules obeyed: take 'mode off' out of "));
}

TEST_F(ExplainTest, ASettingOfAnEarlierFileIsOverruledByTheTool) {
  root.write(vendor, "mode off\n");
  apply("allow web 443\n");
  EXPECT_THAT(explain({"web", "443"}).out,
              EndsWith("\nTo allow it\n  portaclctl mode enforce\n"));
}

TEST_F(ExplainTest, AfterAnAdviceToApplyTheFilesCount) {
  root.write(vendor, "deny web 8080\n");
  apply("");
  // In force with the next apply only.
  root.write(local, "deny group mail 8080\n");
  EXPECT_THAT(explain_json({"web", "8080"})["changes"],
              ElementsAre("take 'deny user web 8080' out of " + root.path() +
                              vendor + ":1, then run: portaclctl apply",
                          "portaclctl remove deny group mail 8080"));
}

TEST_F(ExplainTest, WhatNoReadableFileHoldsIsSaidSo) {
  apply("deny web 8080\n");
  root.write(local, "deny web 8080 rubbish\n");
  EXPECT_THAT(explain({"web", "8080"}).out,
              HasSubstr("# (kernel; in no file that can be read)\n"));
  EXPECT_THAT(run_tool({"query", "web", "8080"}).out,
              HasSubstr("by (kernel; in no file that can be read): deny"));
}

TEST_F(ExplainTest, CommandsNameTheRoot) {
  const std::string other = root.path() + "/it's another";
  root.write("/it's another/etc/portacl.d/50-local.conf", "deny any 8080\n");
  const std::string command = "portaclctl --root '" + root.path() +
                              "/it'\\''s another' remove deny any 8080\n";
  EXPECT_THAT(run_tool({"explain", "any", "8080", "--root", other}).out,
              EndsWith("\nTo allow it\n  " + command));
  EXPECT_THAT(run_tool({"query", "any", "8080", "--root", other}).err,
              EndsWith(command));
  EXPECT_THAT(run_tool({"apply", "--root", other}).err,
              HasSubstr("run: portaclctl --root '" + root.path()));
}

TEST_F(ExplainTest, SettingsHaveTheirLine) {
  apply("# \nstrict on\nmode permissive\nscope all\n");
  const Outcome outcome = explain({"web", "80"});
  EXPECT_EQ(outcome.status, 1) << "spared by strict, refused by the kernel";
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("Mode        permissive: what would be refused is only "
                      "logged (" +
                      at(3) + ")\n"),
            HasSubstr("Scope       all: sockets of every network namespace "
                      "are judged (" +
                      at(4) + ")\n"),
            HasSubstr("strict   on: would refuse, but for mode permissive (" +
                      at(2) + ")\n"),
            HasSubstr("  =>  kernel   port 80 is privileged: refused without "
                      "CAP_NET_BIND_SERVICE\n")));
}

TEST_F(ExplainTest, EveryVerdictHasItsStep) {
  apply("allow web 80\ndeny web 81\nreserve 8080\n");
  const auto step = [&](const std::string &user, const std::string &port) {
    return deciding_step(explain_json({user, port})["answers"][0]);
  };
  EXPECT_EQ(step("web", "80"), "allow");
  EXPECT_EQ(step("web", "81"), "deny");
  EXPECT_EQ(step("web", "8080"), "reserve");
  EXPECT_EQ(step("web", "82"), "kernel");
  EXPECT_EQ(step("web", "8081"), "kernel");
  EXPECT_EQ(step("root", "8080"), "kernel");
  kernel.fixed["strict"] = "1\n";
  EXPECT_EQ(step("web", "82"), "strict");
  EXPECT_EQ(step("root", "8080"), "reserve");
  kernel.fixed["mode"] = "permissive\n";
  EXPECT_EQ(step("web", "81"), "kernel");
  EXPECT_EQ(step("web", "80"), "allow");
  kernel.fixed["mode"] = "off\n";
  EXPECT_EQ(step("web", "80"), "kernel");
}

TEST_F(ExplainTest, RolesOfRules) {
  apply("allow web 80\n"
        "allow group mail 80/tcp\n"
        "allow any 80/udp\n"
        "allow web 80 on 10.0.0.0/8\n"
        "allow web 80 until 2001-01-01T00:00Z\n"
        "allow each 1000-1009 70+10\n"
        "allow eve 80\n"
        "allow web 81\n"
        "deny web 80 on 192.0.2.1\n"
        "reserve 80\n");
  const Json answer =
      explain_json({"web", "80/tcp", "on", "127.0.0.1"})["answers"][0];
  const auto role = [&](const std::string &words) {
    return rule_of(answer, words)["role"];
  };
  const auto why = [&](const std::string &words) {
    return rule_of(answer, words)["why"];
  };
  EXPECT_EQ(role("allow user web 80"), "decides");
  EXPECT_EQ(why("allow user web 80"), nullptr);
  EXPECT_EQ(role("allow group mail 80/tcp"), "agrees");
  EXPECT_EQ(role("allow any 80/udp"), "not_matching");
  EXPECT_EQ(why("allow any 80/udp"), "for another transport");
  EXPECT_EQ(why("allow user web 80 on 10.0.0.0/8"), "for other addresses");
  EXPECT_EQ(why("allow user web 80 until 2001-01-01T00:00:00Z"), "has ended");
  // 80 is the first of the ten that are web's own.
  EXPECT_EQ(role("allow each 1000-1009 70+10"), "agrees");
  EXPECT_EQ(role("deny user web 80 on 192.0.2.1"), "not_matching");
  EXPECT_EQ(role("reserve 80"), "overruled");
  EXPECT_EQ(role("allow user eve 80"), nullptr);
  EXPECT_EQ(role("allow user web 81"), nullptr);
}

TEST_F(ExplainTest, RulesOfOthersAreLeftOut) {
  apply("allow eve 80\nallow web 81\ndeny group 1003 80\n"
        "allow each 2000-2001 80+1\nallow web 80\n");
  const Json rules = explain_json({"web", "80/tcp"})["answers"][0]["rules"];
  ASSERT_EQ(rules.size(), 1U);
  EXPECT_EQ(rules[0]["rule"], "allow user web 80");
  EXPECT_EQ(rules[0]["origins"][0]["line"], 5);
}

TEST_F(ExplainTest, EachSaysWhoseThePortIs) {
  apply("allow each 1000-1009 100+10\n");
  const Json answer = explain_json({"eve", "115/tcp"})["answers"][0];
  EXPECT_EQ(answer["rules"][0]["role"], "not_matching");
  EXPECT_EQ(answer["rules"][0]["why"], "gives port 115 to uid 1001");
  EXPECT_EQ(explain({"web", "115/tcp"}).status, 0);
}

TEST_F(ExplainTest, EveryOriginIsNamed) {
  root.write(vendor, "allow web 80\n");
  apply("allow web http\nallow web 80\n");
  EXPECT_THAT(explain({"web", "80/tcp"}).out,
              HasSubstr("# " + root.path() + vendor + ":1, " + at(2) + "\n"));
}

TEST_F(ExplainTest, DifferentAnswersAreApart) {
  apply("allow web 80/tcp\nallow web 80/udp on 0.0.0.0/0\n");
  const Outcome outcome = explain({"web", "80"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\n80/tcp on 0.0.0.0 and ::\n"),
                                 HasSubstr("\n80/udp on 0.0.0.0\n"),
                                 HasSubstr("\n80/udp on ::\n")));
  EXPECT_THAT(outcome.out,
              EndsWith("\nTo allow it\n  portaclctl allow user web 80/udp\n"));
}

TEST_F(ExplainTest, RootIsNotJudgedUnlessStrict) {
  apply("deny any 80\n");
  const Outcome outcome = explain({"root", "80"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("Capability  root holds CAP_NET_BIND_SERVICE and is not "
                      "judged\n"),
            HasSubstr(": not asked\n"),
            EndsWith("\nTo refuse it\n  portaclctl strict on\n")));
  kernel.fixed["strict"] = "1\n";
  EXPECT_EQ(explain({"root", "80"}).status, 1);
}

TEST_F(ExplainTest, GroupsAndAnybody) {
  apply("allow group mail 25\nallow any 26\n");
  EXPECT_EQ(explain({"group", "mail", "25"}).status, 0);
  EXPECT_EQ(explain({"any", "25"}).status, 1);
  EXPECT_EQ(explain({"any", "26"}).status, 0);
  EXPECT_THAT(explain({"any", "25"}).out, HasSubstr("\nWho         anybody\n"));
  EXPECT_THAT(explain({"4242", "25"}).out,
              HasSubstr("\nWho         uid 4242, in no known group\n"));
}

// Whatever explain advises is done, by the tool, and must turn the answer
// round.
TEST_F(ExplainTest, TheChangesDoWhatTheySay) {
  const std::vector<std::string> policies = {
      "",
      "allow web 443\n",
      "deny web 443\n",
      "deny any 1-65535\nallow web 443\n",
      "deny group mail 443/udp\ndeny web 443/tcp\n",
      "reserve 8080\n",
      "reserve 8080/udp\n",
      "deny any 443 on 10.0.0.0/8\nallow any 443\n",
      "allow web 443 on 10.0.0.0/8\n",
      "allow web 443/tcp\nreserve 443/udp\n",
      "allow group \"mail\" 443\ndeny any 443 until 2099-12-24T18:00Z\n"};
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"enforce", "0"},    {"enforce", "1"}, {"permissive", "0"},
      {"permissive", "1"}, {"off", "0"},     {"off", "1"}};
  const std::vector<std::vector<std::string>> questions = {
      {"web", "443"},
      {"web", "443/udp"},
      {"web", "8080"},
      {"group", "mail", "443/tcp"},
      {"any", "8080/udp"},
      {"root", "443/tcp"},
      {"domain users", "443/tcp"},
      {"web", "443/tcp", "on", "10.1.2.3"},
      {"web", "443/tcp", "on", "0.0.0.0"},
      {"web", "8080", "on", "::1"}};
  int turned = 0;
  for (const std::string &policy : policies) {
    for (const auto &[mode, strict] : settings) {
      for (const auto &words : questions) {
        SCOPED_TRACE(fmt::format("{} mode {} strict {}: {}", policy, mode,
                                 strict, fmt::join(words, " ")));
        kernel.fixed["mode"] = "enforce\n";
        kernel.fixed["strict"] = "0\n";
        apply(policy);
        kernel.fixed["mode"] = mode + "\n";
        kernel.fixed["strict"] = strict + "\n";
        std::vector<std::string> query = words;
        query.insert(query.begin(), "query");
        const Json answer = explain_json(words);
        const int before = run_tool(query).status;
        EXPECT_EQ(answer["allowed"], before == 0);
        ASSERT_THAT(answer["changes"], Not(IsEmpty()));
        for (const Json &change : answer["changes"]) {
          std::vector<std::string> command =
              shell_words(change.get<std::string>());
          ASSERT_EQ(command.front(), "portaclctl");
          command.erase(command.begin());
          const Outcome outcome = run_tool(command);
          EXPECT_THAT(outcome.status, testing::AnyOf(0, 7))
              << change << outcome.err;
        }
        EXPECT_EQ(run_tool(query).status, 1 - before) << answer["changes"];
        turned++;
      }
    }
  }
  EXPECT_EQ(turned, 11 * 6 * 10);
}

TEST_F(ExplainTest, LinesOfOtherFilesAreTakenOutByHand) {
  root.write(vendor, "deny web 8080\n");
  apply("");
  EXPECT_THAT(explain({"web", "8080"}).out,
              EndsWith("\nTo allow it\n  take 'deny user web 8080' out of " +
                       root.path() + vendor +
                       ":1, then run: portaclctl apply\n"));
}

TEST_F(ExplainTest, FilesThatDifferAreNamed) {
  root.write(local, "allow web 443\nstrict on\n");
  const Outcome outcome = explain({"web", "443"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "warning: the files differ from what is in force: 1 rule of the "
            "files not in force, 'strict on' not in force; after portaclctl "
            "apply the answer would be: allowed\n"
            "hint: to see how, run: portaclctl diff\n");
  EXPECT_THAT(outcome.out, EndsWith("\nTo allow it\n  portaclctl apply\n"));
  EXPECT_EQ(explain_json({"web", "443"})["allowed_after_apply"], true);
  // Another answer is not touched by it.
  EXPECT_EQ(explain({"eve", "443"}).err,
            "warning: the files differ from what is in force: 1 rule of the "
            "files not in force, 'strict on' not in force\n"
            "hint: to see how, run: portaclctl diff\n");
}

TEST_F(ExplainTest, WithoutTheModuleTheFilesAnswer) {
  kernel.loaded = false;
  root.write(local, "allow web 443\n");
  const Outcome outcome = explain({"web", "443"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("not what is in force"));
  EXPECT_THAT(outcome.out,
              HasSubstr("\nPolicy      1 rule of the files, not in force\n"));
  EXPECT_THAT(explain({"eve", "443"}).out,
              EndsWith("\nTo allow it\n  portaclctl allow user eve 443\n"
                       "  portaclctl load\n"));
  root.write(local, "rubbish\n");
  EXPECT_EQ(explain({"web", "443"}).status, 4);
}

TEST_F(ExplainTest, InJson) {
  apply("allow group mail 443/tcp\n");
  const Json value = explain_json({"web", "443"});
  EXPECT_EQ(value["subject"], "user");
  EXPECT_EQ(value["uid"], 1001);
  EXPECT_EQ(value["groups"][0]["group"], "mail");
  EXPECT_EQ(value["groups"][0]["gid"], 8);
  EXPECT_EQ(value["port"], 443);
  EXPECT_EQ(value["source"], "kernel");
  EXPECT_EQ(value["unprivileged_port_start"], 1024);
  EXPECT_EQ(value["allowed"], false);
  EXPECT_EQ(value["allowed_after_apply"], nullptr);
  ASSERT_EQ(value["answers"].size(), 4U);
  EXPECT_EQ(value["answers"][0]["verdict"], "grant");
  EXPECT_EQ(value["answers"][0]["steps"][0]["step"], "mode");
  EXPECT_EQ(value["answers"][0]["steps"].size(), 8U);
  EXPECT_EQ(value["answers"][3]["protocol"], "udp");
  EXPECT_EQ(value["answers"][3]["address"], "::");
  EXPECT_EQ(value["answers"][3]["allowed"], false);
  EXPECT_THAT(value["changes"],
              ElementsAre("portaclctl allow user web 443/udp"));
}

TEST_F(ExplainTest, TheBoundaryIsThatOfTheMachine) {
  root.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n");
  EXPECT_EQ(explain({"web", "80"}).status, 0);
  EXPECT_EQ(explain({"web", "79"}).status, 1);
  EXPECT_THAT(explain({"web", "80"}).out,
              HasSubstr("ports below 80 are privileged"));
  root.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0\n");
  EXPECT_THAT(explain({"web", "1"}).out, HasSubstr("no port is privileged"));
}

TEST_F(ExplainTest, WrongUsage) {
  EXPECT_EQ(explain({}).err, "portaclctl: say who and which port\n"
                             "hint: for example: portaclctl explain web 443\n");
  EXPECT_EQ(explain({}).status, 2);
  EXPECT_EQ(explain({"web", "80-81"}).err,
            "portaclctl: explain takes one port\n");
  EXPECT_EQ(explain({"web", "80", "on", "10.0.0.0/8"}).status, 2);
  EXPECT_EQ(explain({"web", "80", "until", "2099-01-01"}).status, 2);
  EXPECT_EQ(explain({"each", "1-2", "3+4"}).status, 2);
  EXPECT_EQ(explain({"wbe", "80"}).status, 4);
}

TEST_F(ExplainTest, AnotherNetworkNamespaceIsNamed) {
  namespace fs = std::filesystem;
  fs::create_directories(root.path() + "/proc/self/ns");
  fs::create_directories(root.path() + "/proc/1/ns");
  fs::create_symlink("net:[1]", root.path() + "/proc/1/ns/net");
  fs::create_symlink("net:[2]", root.path() + "/proc/self/ns/net");
  for (const char *command : {"query", "explain"})
    EXPECT_THAT(run_tool({command, "web", "80"}).err,
                HasSubstr("network namespace of its own"));
  EXPECT_THAT(run_tool({"who", "80"}).err,
              AllOf(HasSubstr("the answer is for the initial one"),
                    HasSubstr("the boundary 1024 of privileged ports is that "
                              "of this network namespace")));
  kernel.fixed["scope"] = "all\n";
  EXPECT_THAT(run_tool({"query", "web", "80"}).err,
              AllOf(Not(HasSubstr("initial")), HasSubstr("the boundary 1024")));
}

} // namespace
} // namespace portacl
