// SPDX-License-Identifier: GPL-2.0-only
// tests/vectors/*.vec against the engine. The format is described there.

#include "engine_test.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace {

namespace fs = std::filesystem;

// The engine sees transports by the port space they take a number from.
const std::map<std::string, u8> transports = {
    {"tcp", PACL_PROTO_TCP},   {"mptcp", PACL_PROTO_TCP},
    {"udp", PACL_PROTO_UDP},   {"udplite", PACL_PROTO_UDP},
    {"sctp", PACL_PROTO_SCTP}, {"dccp", PACL_PROTO_ANY},
};

const std::map<std::string, pacl_verdict> verdicts = {{"default", PACL_DEFAULT},
                                                      {"grant", PACL_GRANT}};

struct Case {
  std::unique_ptr<Engine> engine = std::make_unique<Engine>();
  RuleSet model;
  std::vector<std::string> listing;

  void finish() {
    if (!listing.empty()) {
      EXPECT_EQ(list(engine->get()), listing);
    }
    *this = Case();
  }
};

// The whole of `field` as a number.
template <typename T> bool number(const std::string &field, T &value) {
  if (field.empty() || field.find_first_not_of("0123456789") != field.npos)
    return false;
  uint64_t wide = std::stoull(field);
  value = static_cast<T>(wide);
  return value == wide;
}

bool parse_bind(std::istringstream &words, Request &request,
                pacl_verdict &verdict) {
  std::string uid, gid, groups, transport, port, expected, rest;
  words >> uid >> gid >> groups >> transport >> port >> expected;
  if (!words || (words >> rest) || !transports.contains(transport) ||
      !verdicts.contains(expected) || !number(uid, request.uid) ||
      !number(gid, request.gid) || !number(port, request.port))
    return false;
  request.proto = transports.at(transport);
  verdict = verdicts.at(expected);
  std::istringstream list(groups);
  for (std::string one; groups != "-" && std::getline(list, one, ',');) {
    request.groups.push_back(0);
    if (!number(one, request.groups.back()))
      return false;
  }
  return std::ranges::is_sorted(request.groups);
}

void check_refusal(const std::string &rest) {
  size_t blank = rest.find(' ');
  u32 column;
  ASSERT_NE(blank, rest.npos);
  ASSERT_TRUE(number(rest.substr(0, blank), column));
  std::string text = rest.substr(blank + 1);
  pacl_rule rule;
  pacl_error err = {};
  EXPECT_EQ(pacl_parse_line(text.data(), text.size(), &rule, &err), -EINVAL);
  EXPECT_EQ(err.column, column) << pacl_error_text(err.code);
}

class Vectors : public EngineTest {
protected:
  unsigned binds_ = 0;
  unsigned refusals_ = 0;

  void run(const fs::path &file) {
    std::ifstream in(file);
    ASSERT_TRUE(in);
    Case current;
    std::string name = "(none)", line;
    for (unsigned number = 1; std::getline(in, line); number++) {
      SCOPED_TRACE(file.filename().string() + ':' + std::to_string(number) +
                   ": " + name + ": " + line);
      if (line.empty() || line[0] == '#')
        continue;
      size_t blank = line.find(' ');
      ASSERT_NE(blank, line.npos);
      std::string word = line.substr(0, blank);
      std::string rest = line.substr(blank + 1);
      if (word == "case") {
        current.finish();
        name = rest;
      } else if (word == "rule") {
        ASSERT_EQ(reference_parse(rest).result, 1);
        ASSERT_EQ(current.engine->insert(rest), 0);
        current.model.insert(rule_of(rest));
      } else if (word == "remove") {
        ASSERT_EQ(reference_parse(rest).result, 1);
        ASSERT_EQ(current.engine->remove(rest), 0);
        current.model.erase(rule_of(rest));
      } else if (word == "list") {
        current.listing.push_back(rest);
      } else if (word == "bind") {
        std::istringstream words(rest);
        Request request;
        pacl_verdict expected;
        ASSERT_TRUE(parse_bind(words, request, expected)) << "malformed";
        pacl_request view = request.view();
        const pacl_atom *why;
        EXPECT_EQ(pacl_match(current.engine->get(), &view, &why), expected);
        EXPECT_TRUE(agree(current.engine->get(), current.model, request));
        binds_++;
      } else if (word == "refuse") {
        check_refusal(rest);
        refusals_++;
      } else {
        FAIL() << "no such word: " << word;
      }
    }
    current.finish();
  }
};

TEST_F(Vectors, AllFiles) {
  unsigned files = 0;
  for (const fs::directory_entry &entry :
       fs::directory_iterator(PORTACL_VECTORS_DIR)) {
    if (entry.path().extension() != ".vec")
      continue;
    unsigned before = binds_ + refusals_;
    run(entry.path());
    EXPECT_GT(binds_ + refusals_, before) << entry.path() << " asks nothing";
    files++;
  }
  printf("%u files, %u binds, %u refusals\n", files, binds_, refusals_);
  EXPECT_GE(files, 8u);
  EXPECT_GE(binds_, 150u);
  EXPECT_GE(refusals_, 30u);
}

} // namespace
