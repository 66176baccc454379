// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_words.h"

#include "tool_test.h"

namespace portacl {
namespace {

class RuleWordsTest : public testing::Test {
protected:
  RuleWordsTest() : names((write_names(root), root.path())) {}

  std::string numeric(std::string_view line) {
    const auto rule = parse_rule(line, names);
    if (!rule)
      return "error: " + rule.error().message;
    return *rule ? (*rule)->numeric : "";
  }
  std::string words(std::string_view line) {
    const auto rule = parse_rule(line, names);
    return rule && *rule ? (*rule)->words : "error";
  }
  // "CODE COLUMN message | hint"
  Error error(std::string_view line) {
    const auto rule = parse_rule(line, names);
    return rule ? Error{.code = Code::done} : rule.error();
  }

  TempRoot root;
  Names names;
};

TEST_F(RuleWordsTest, NamesBecomeNumbers) {
  EXPECT_EQ(numeric("allow web 443"), "allow user 1001 443");
  EXPECT_EQ(numeric("\tallow  user\tweb 80,443/tcp  # why"),
            "allow user 1001 80,443/tcp");
  EXPECT_EQ(numeric("allow group mail 25,465,587/tcp"),
            "allow group 8 25,465,587/tcp");
  EXPECT_EQ(numeric("allow any 80"), "allow any 80");
  EXPECT_EQ(numeric("allow 1001 443"), "allow user 1001 443");
  EXPECT_EQ(numeric("allow each 1000-1999 20000+10/udp"),
            "allow each 1000-1999 20000+10/udp");
  EXPECT_EQ(numeric("allow web 8080:8090"), "allow user 1001 8080-8090");
  EXPECT_EQ(numeric(""), "");
  EXPECT_EQ(numeric("  # allow web 443"), "");
}

TEST_F(RuleWordsTest, EveryAction) {
  EXPECT_EQ(numeric("deny web https"), "deny user 1001 443");
  EXPECT_EQ(numeric("deny group mail 25/tcp"), "deny group 8 25/tcp");
  EXPECT_EQ(numeric("reserve ssh,8000:8010/tcp"), "reserve 22,8000-8010/tcp");
  EXPECT_EQ(numeric("reserve 5432"), "reserve 5432");
  EXPECT_EQ(words("reserve ssh"), "reserve ssh");
  EXPECT_EQ(words("deny web ssh"), "deny user web ssh");
}

TEST_F(RuleWordsTest, Terms) {
  EXPECT_EQ(numeric("allow web 443 on 10.0.0.0/8"),
            "allow user 1001 443 on 10.0.0.0/8");
  EXPECT_EQ(numeric("allow web 443 until 2099-12-24T17:00Z on ::1"),
            "allow user 1001 443 on ::1 until 4101814800");
  EXPECT_EQ(numeric("deny any https until 4101814800"),
            "deny any 443 until 4101814800");
  EXPECT_EQ(words("deny any https  until 4101814800 # soon"),
            "deny any https until 2099-12-24T17:00:00Z");
  EXPECT_EQ(words("allow web 443 on ::1"), "allow user web 443 on ::1");
}

TEST_F(RuleWordsTest, Columns) {
  const RuleColumns columns =
      rule_columns("deny user \"a on b\" 443/tcp on ::1 until 4101814800");
  EXPECT_EQ(columns.action, "deny");
  EXPECT_EQ(columns.subject, "user \"a on b\"");
  EXPECT_EQ(columns.ports, "443/tcp");
  EXPECT_EQ(columns.terms, "on ::1 until 4101814800");
  EXPECT_EQ(with_dates(columns).terms, "on ::1 until 2099-12-24T17:00:00Z");
  EXPECT_EQ(rule_columns("reserve 5432").ports, "5432");
  EXPECT_EQ(rule_columns("reserve 5432").subject, "");
  EXPECT_EQ(rule_columns("allow any 80").subject, "any");
  EXPECT_EQ(rule_columns("allow each 1-2 3000+4").subject, "each 1-2");
  EXPECT_EQ(line_of_columns(columns),
            "deny user \"a on b\" 443/tcp on ::1 until 4101814800");
}

TEST_F(RuleWordsTest, KeywordsAndBlanksAreQuoted) {
  EXPECT_EQ(numeric("allow user user 443"), "allow user 1003 443");
  EXPECT_EQ(numeric("allow \"user\" 443"), "allow user 1003 443");
  EXPECT_EQ(numeric("allow \"domain users\" 443"), "allow user 1004 443");
  EXPECT_EQ(words("allow user user 443"), "allow user \"user\" 443");
  EXPECT_EQ(words("allow \"web\" 443"), "allow user web 443");
  EXPECT_EQ(quote_name("domain users"), "\"domain users\"");
  EXPECT_EQ(quote_name("1001"), "\"1001\"");
  EXPECT_EQ(quote_name("www-data"), "www-data");
}

TEST_F(RuleWordsTest, ServicesBringTheirProtocol) {
  EXPECT_EQ(numeric("allow web https"), "allow user 1001 443");
  EXPECT_EQ(numeric("allow web ssh"), "allow user 1001 22/tcp");
  EXPECT_EQ(numeric("allow web ntp"), "allow user 1001 123/udp");
  EXPECT_EQ(numeric("allow web ssh/udp"), "allow user 1001 22/udp");
  EXPECT_EQ(numeric("allow web 9pfs"), "allow user 1001 564/tcp");
  EXPECT_EQ(numeric("allow web www,https/tcp"), "allow user 1001 80,443/tcp");
  EXPECT_EQ(words("allow web www,8000:8010/tcp"),
            "allow user web www,8000-8010/tcp");
  const auto rule = parse_rule("allow web ssh,http", names);
  ASSERT_TRUE(rule);
  EXPECT_EQ((*rule)->numeric, "allow user 1001 22,80/tcp");
  EXPECT_EQ((*rule)->resolved,
            (std::vector<std::string>{"ssh is 22/tcp", "http is 80/tcp"}));
}

TEST_F(RuleWordsTest, ServicesThatDisagreeNeedAProtocol) {
  for (const char *line :
       {"allow web ssh,https", "allow web ssh,8080", "allow web ssh,ntp"}) {
    const Error found = error(line);
    EXPECT_EQ(found.code, Code::policy) << line;
    EXPECT_EQ(found.column, 11U) << line;
    EXPECT_NE(found.hint, "") << line;
  }
  EXPECT_EQ(numeric("allow web https,8080"), "allow user 1001 443,8080");
}

struct Bad {
  const char *line;
  unsigned column;
  const char *message;
  const char *hint;
};

// The column is that of the line as written, although the engine has seen
// another one with longer or shorter words.
TEST_F(RuleWordsTest, ErrorsNameTheColumnOfTheOriginal) {
  const Bad table[] = {
      {"allow web 65536", 11, "port out of range, 1 to 65535: '65536'",
       "ports are 1-65535"},
      {"allow web 99999999999", 11,
       "port out of range, 1 to 65535: '99999999999'", "ports are 1-65535"},
      {"allow web 0", 11, "port out of range, 1 to 65535: '0'",
       "ports are 1-65535"},
      {"  allow   \"domain users\"   443,70000", 32,
       "port out of range, 1 to 65535: '70000'", "ports are 1-65535"},
      {"allow user web https,0", 22, "port out of range, 1 to 65535: '0'",
       "ports are 1-65535"},
      {"allow web https/tpc", 17,
       "unknown protocol, expected tcp, udp or sctp: 'https/tpc'",
       "write /tcp, /udp or /sctp, or leave it out for every transport"},
      {"allow web 80-", 14, "expected a port number: '80-'",
       "write 80 alone, or a range with both ends: 80-65535"},
      {"allow web 90-80", 11,
       "the first port is greater than the last: "
       "'90-80'",
       "write 80-90"},
      {"allow web 1,90:80/tcp", 13,
       "the first port is greater than the last: '90:80/tcp'",
       "write 80-90/tcp"},
      {"allow web 80,,443", 14, "expected a port number: '80,,443'",
       "remove the empty item: 80,443"},
      {"allow web ,", 11, "expected a port number: ','",
       "write at least one port"},
      {"allow web 080", 11, "number with a leading zero: '080'", "write 80"},
      {"allow 4294967295 80", 7,
       "id out of range, 0 to 4294967294: '4294967295'",
       "uids and gids are 0-4294967294"},
      {"allow group 4294967296 80", 13,
       "id out of range, 0 to 4294967294: '4294967296'",
       "uids and gids are 0-4294967294"},
      {"allow web 443 rubbish", 15,
       "expected 'on ADDRESS', 'until TIME' or the end of the rule: 'rubbish'",
       "remove it, or put a '#' before a comment"},
      {"allow web https untik 5", 17,
       "expected 'on ADDRESS', 'until TIME' or the end of the rule: 'untik'",
       "did you mean 'until'?"},
      {"allow web 80 443", 14,
       "expected 'on ADDRESS', 'until TIME' or the end of the rule: '443'",
       "write the ports as one list without blanks, for example 80,443"},
      {"allow user 443", 15, "expected ports after '443'",
       "for the user named 'user' write: allow user user 443"},
      {"allow 443", 10, "expected ports after '443'",
       "name the subject before the ports: allow SUBJECT 443"},
      {"allow 80,443/tcp", 9, "expected a name or an id: '80,443/tcp'",
       "name the subject before the ports: allow SUBJECT 80,443/tcp"},
      {"allow web", 10, "expected ports after 'web'",
       "add the ports, for example: allow web 443"},
      {"allow", 6, "expected a subject after 'allow'",
       "say who and which ports, for example: allow user web 443"},
      {"web 443", 1,
       "unknown action, expected 'allow', 'deny' or 'reserve': 'web'",
       "a rule begins with its action: allow web 443"},
      {"alow web 443", 1,
       "unknown action, expected 'allow', 'deny' or 'reserve': 'alow'",
       "did you mean 'allow'?"},
      {"reseve 443", 1,
       "unknown action, expected 'allow', 'deny' or 'reserve': 'reseve'",
       "did you mean 'reserve'?"},
      {"deny", 5, "expected a subject after 'deny'",
       "say who and which ports, for example: deny user web 443"},
      {"deny 443", 9, "expected ports after '443'",
       "name the subject before the ports: deny SUBJECT 443"},
      {"deny each 1-2 2000+5", 6, "'each' goes with 'allow' only", nullptr},
      {"reserve", 8, "expected ports after 'reserve'", nullptr},
      {"reserve web 5432", 9, "a reservation has no subject: 'web'",
       "write: reserve 5432, and allow whom you want"},
      {"reserve https on 192.0.2.1", 15,
       "nothing may follow the ports of 'reserve' and of 'each': 'on'",
       nullptr},
      {"allow each 1-2 2000+5 until 2099-01-01", 23,
       "nothing may follow the ports of 'reserve' and of 'each': 'until'",
       nullptr},
      {"allow web https on", 19,
       "expected an IPv4 or IPv6 address, ADDRESS or ADDRESS/LENGTH after 'on'",
       "for example: on 192.0.2.1, on 10.0.0.0/8 or on 2001:db8::/32"},
      {"allow web https on 10.0.0", 20,
       "expected an IPv4 or IPv6 address, ADDRESS or ADDRESS/LENGTH: '10.0.0'",
       nullptr},
      {"allow web https on 10.0.0.0/33", 29,
       "prefix length out of range, 0 to 32 for IPv4 and to 128 for IPv6: "
       "'10.0.0.0/33'",
       "IPv4 prefixes are /0 to /32, IPv6 prefixes /0 to /128"},
      {"allow web https on 10.0.0.1/8", 20,
       "the address has bits set behind the length of the prefix: "
       "'10.0.0.1/8'",
       nullptr},
      {"allow web 443 on ::1 on ::2", 22, "the same term twice: 'on'", nullptr},
      {"allow web https until", 22, "expected a time after 'until'",
       "for example: until 2026-12-24T18:00Z"},
      {"allow web https until tomorrow", 23, "expected a time: 'tomorrow'",
       nullptr},
      {"allow web https until 2026-02-30", 23, "expected a time: '2026-02-30'",
       nullptr},
      {"allow web https until 0", 23,
       "time out of range, 1 to 253402300799: '0'", nullptr},
      {"allow web https until 253402300800", 23,
       "time out of range, 1 to 253402300799: '253402300800'", nullptr},
      {"allow web https until 07", 23, "number with a leading zero: '07'",
       "write 7"},
      {"allow web \"443\"", 11, "expected a port number: '443'", nullptr},
      {"allow each 5-1 2000+1", 12,
       "the first id is greater than the last: "
       "'5-1'",
       "write 1-5"},
      {"allow each 1-60000 6000+1", 20,
       "the last uid's ports would pass 65535: '6000+1'", ""},
      {"allow \"web 443", 7, "a quote is not closed", nullptr},
      {"allow web 443\r", 14, "DOS line end in the text", nullptr},
      {"\xef\xbb\xbf"
       "allow web 443",
       1, "byte order mark in the text", nullptr},
      {"allow w\x1b"
       "eb 443",
       8, "control character in the text", ""},
  };
  for (const Bad &bad : table) {
    const Error found = error(bad.line);
    EXPECT_EQ(found.code, Code::usage) << bad.line;
    EXPECT_EQ(found.column, bad.column) << bad.line;
    EXPECT_EQ(found.message, bad.message) << bad.line;
    if (bad.hint != nullptr) {
      EXPECT_EQ(found.hint, bad.hint) << bad.line;
    }
  }
}

TEST_F(RuleWordsTest, ANulIsRefusedWhereverItStands) {
  using namespace std::string_view_literals;
  EXPECT_EQ(error("allow web 443\0"sv).column, 14U);
  EXPECT_EQ(error("allow web 443 # \0"sv).column, 17U);
  EXPECT_EQ(error("\0"sv).column, 1U);
  EXPECT_EQ(error("allow w\0b 443"sv).message, "NUL byte in the text");
}

TEST_F(RuleWordsTest, UnknownNamesAreAnotherKindOfError) {
  const Error user = error("allow   wbe 443");
  EXPECT_EQ(user.code, Code::policy);
  EXPECT_EQ(user.column, 9U);
  const Error service = error("allow web 80,htpps");
  EXPECT_EQ(service.code, Code::policy);
  EXPECT_EQ(service.column, 14U);
  EXPECT_EQ(error("allow 443 web").hint,
            "the subject comes before the ports: allow web 443");
  EXPECT_EQ(error("allow web 80x").code, Code::usage);
}

// 64 items are the engine's limit.
TEST_F(RuleWordsTest, ListsHaveALimit) {
  std::string ports = "1";
  for (int i = 1; i < 64; i++)
    ports += "," + std::to_string(1 + 2 * i);
  EXPECT_EQ(error("allow web " + ports).code, Code::done);
  ports += ",999";
  const Error found = error("allow web " + ports);
  EXPECT_EQ(found.code, Code::usage);
  EXPECT_EQ(found.hint, "split the list into two rules");
}

TEST_F(RuleWordsTest, ArgumentsBecomeALine) {
  EXPECT_EQ(line_of_arguments({"allow", "domain users", "443"}),
            "allow \"domain users\" 443");
  EXPECT_EQ(line_of_arguments({"allow", "", "443"}), "allow \"\" 443");
  EXPECT_EQ(line_of_arguments({"allow web 443"}), "allow web 443");
  EXPECT_EQ(line_of_arguments({"allow", "web", "443#x"}),
            "allow web \"443#x\"");
  EXPECT_EQ(line_of_arguments({}), "");
}

TEST_F(RuleWordsTest, NamesComeBack) {
  bool unresolved = true;
  EXPECT_EQ(with_names("allow user 1001 443", names, unresolved),
            "allow user web 443");
  EXPECT_FALSE(unresolved);
  EXPECT_EQ(with_names("allow group 8 25/tcp", names, unresolved),
            "allow group mail 25/tcp");
  EXPECT_EQ(with_names("allow user 1004 1", names, unresolved),
            "allow user \"domain users\" 1");
  EXPECT_EQ(with_names("allow user 77 443", names, unresolved),
            "allow user 77 443");
  EXPECT_TRUE(unresolved);
  EXPECT_EQ(with_names("allow each 1-2 3000+4", names, unresolved),
            "allow each 1-2 3000+4");
  EXPECT_FALSE(unresolved);
}

// What list prints can be read back: the same rule comes out.
TEST_F(RuleWordsTest, WhatIsWrittenReadsBackTheSame) {
  for (const char *line :
       {"allow web 443", "allow user user 80:90,443/tcp",
        "allow \"domain users\" https", "allow group mail 25,465,587/tcp",
        "allow any ssh", "allow 77 9pfs,22/tcp", "allow each 5-9 2000+3/sctp",
        "reserve ssh", "reserve 5432",
        "deny \"domain users\" 1 on 10.0.0.0/8 until 2099-12-24T17:00Z",
        "deny any 80 until 99"}) {
    const std::string first = numeric(line);
    EXPECT_EQ(numeric(words(line)), first) << line;
    bool unresolved = false;
    EXPECT_EQ(numeric(with_names(first, names, unresolved)), first) << line;
  }
}

} // namespace
} // namespace portacl
