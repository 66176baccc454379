// SPDX-License-Identifier: GPL-2.0-only
// tests/vectors/*.vec against the engine. The format is described there.

#include "engine_test.h"

#include "core/format.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

namespace {

namespace fs = std::filesystem;

// The engine sees transports by the port space they take a number from.
const std::map<std::string, u8> transports = {
    {"tcp", PACL_PROTO_TCP},   {"mptcp", PACL_PROTO_TCP},
    {"udp", PACL_PROTO_UDP},   {"udplite", PACL_PROTO_UDP},
    {"sctp", PACL_PROTO_SCTP}, {"dccp", PACL_PROTO_ANY},
};

// Time enough before the beginning for a wall clock that goes back.
constexpr uint64_t epoch = 1000000;
constexpr uint64_t booted = 1000;

struct Bind {
  Request request;
  bool addressed = false; // there is an on=
  bool capable = false;
  bool elsewhere = false; // in another network namespace
  pacl_verdict verdict = PACL_DEFAULT;
};

struct Case {
  std::unique_ptr<Engine> engine = std::make_unique<Engine>();
  RuleSet model;
  std::vector<std::string> listing;
  u8 scope = PACL_SCOPE_INIT;
  int64_t wall = 0, boot = 0;

  Case() { set_clock(0, 0); }

  pacl_clock clock() const { return model.now; }

  void set_clock(int64_t wall_now, int64_t boot_now) {
    wall = wall_now;
    boot = boot_now;
    model.now = {static_cast<u64>(int64_t{epoch} + wall),
                 static_cast<u64>(int64_t{booted} + boot)};
    engine->now = model.now;
  }

  // Not in any case that lists.
  bool may_have_ended() const {
    return std::ranges::any_of(model, [&](const pacl_rule &rule) {
      return model.ended(rule, clock());
    });
  }

  void finish() {
    if (!listing.empty()) {
      EXPECT_FALSE(may_have_ended());
      EXPECT_EQ(list(engine->get()), listing);
    }
    EXPECT_TRUE(counts_agree(engine->get(), model));
    *this = Case();
  }
};

// The whole of `field` as a number.
template <typename T> bool number(const std::string &field, T &value) {
  if (field.empty() || field.find_first_not_of("0123456789") != field.npos)
    return false;
  uint64_t wide = std::stoull(field);
  value = static_cast<T>(wide);
  return static_cast<uint64_t>(value) == wide;
}

// The same with a sign.
bool seconds(const std::string &field, int64_t &value) {
  bool negative = field.starts_with('-');
  if (!number(field.substr(negative), value))
    return false;
  value = negative ? -value : value;
  return true;
}

// A word of a name table of the engine.
template <typename T>
bool named(const std::string &word, const char *(*name)(unsigned int),
           unsigned count, T &value) {
  for (unsigned at = 0; at < count; at++)
    if (word == name(at)) {
      value = static_cast<T>(at);
      return true;
    }
  return false;
}

bool parse_groups(const std::string &field, std::vector<u32> &groups) {
  std::istringstream list(field);
  for (std::string one; field != "-" && std::getline(list, one, ',');) {
    groups.push_back(0);
    if (!number(one, groups.back()))
      return false;
  }
  return std::ranges::is_sorted(groups);
}

bool parse_option(const std::string &word, Bind &bind) {
  if (word == "cap")
    return !std::exchange(bind.capable, true);
  if (word == "netns")
    return !std::exchange(bind.elsewhere, true);
  return word.starts_with("on=") && !std::exchange(bind.addressed, true) &&
         reference_parse_address(word.substr(3), bind.request.addr);
}

bool parse_bind(const std::string &rest, Bind &bind) {
  if (rest.find("  ") != rest.npos || rest.ends_with(' '))
    return false;
  std::istringstream words(rest);
  Request &request = bind.request;
  std::string uid, gid, groups, transport, port, expected;
  words >> uid >> gid >> groups >> transport >> port >> expected;
  if (!words || !transports.contains(transport) || !number(uid, request.uid) ||
      !number(gid, request.gid) || !number(port, request.port) ||
      !parse_groups(groups, request.groups) ||
      !named(expected, pacl_verdict_name, PACL_VERDICTS, bind.verdict))
    return false;
  request.proto = transports.at(transport);
  request.privileged = request.port < 1024;
  for (std::string option; words >> option;)
    if (!parse_option(option, bind))
      return false;
  return true;
}

// `@N` in place of a time.
std::string with_times(std::string text) {
  const std::string term = " until @";
  size_t at = text.find(term);
  if (at == text.npos)
    return text;
  at += term.size();
  size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
  uint64_t time = epoch + std::stoull(text.substr(at, end - at));
  return text.replace(at - 1, end - at + 1, std::to_string(time));
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
  unsigned seen_[PACL_VERDICTS] = {};

  // What is asked of the engine behind lines 2 and 3 of the decision table.
  static pacl_verdict judge(const Case &current, const Bind &bind) {
    if (bind.elsewhere && current.scope == PACL_SCOPE_INIT)
      return PACL_DEFAULT;
    if (bind.capable && !current.engine->get()->strict)
      return PACL_DEFAULT;
    pacl_request view = bind.request.view();
    const pacl_atom *why;
    return pacl_match(current.engine->get(), &view, &why);
  }

  static void check_bind(const Case &current, Bind bind) {
    const RuleSet &model = current.model;
    bind.request.now = current.clock();
    std::vector<pacl_addr> addresses = {bind.request.addr};
    if (!bind.addressed) {
      EXPECT_FALSE(std::ranges::any_of(model, [](const pacl_rule &rule) {
        return rule.on != 0;
      })) << "a case with prefixes names its addresses";
      for (const char *other : {"0.0.0.0", "127.0.0.1", "::1", "2001:db8::1"})
        addresses.push_back(addr_of(other));
    }
    for (pacl_addr addr : addresses) {
      bind.request.addr = addr;
      EXPECT_EQ(judge(current, bind), bind.verdict)
          << pacl_verdict_name(judge(current, bind)) << " on "
          << reference_format_address(addr);
      EXPECT_TRUE(agree(current.engine->get(), model, bind.request));
    }
  }

  static bool set(Case &current, const std::string &rest) {
    size_t blank = rest.find(' ');
    if (blank == rest.npos)
      return false;
    std::string file = rest.substr(0, blank), value = rest.substr(blank + 1);
    if (file == "scope")
      return named(value, pacl_scope_name, PACL_SCOPES, current.scope);
    if (file == "mode") {
      if (!named(value, pacl_mode_name, PACL_MODES, current.model.mode))
        return false;
    } else if (file != "strict" || !number(value, current.model.strict)) {
      return false;
    }
    const RuleSet &model = current.model;
    return current.engine->set([&](pacl_policy &policy) {
      policy.mode = model.mode;
      policy.strict = model.strict;
    }) == 0;
  }

  static bool set_clock(Case &current, const std::string &rest) {
    size_t blank = rest.find(' ');
    int64_t wall, boot;
    if (blank == rest.npos || !seconds(rest.substr(0, blank), wall) ||
        !seconds(rest.substr(blank + 1), boot) || boot < current.boot ||
        boot > 3)
      return false;
    current.set_clock(wall, boot);
    return true;
  }

  void line(Case &current, const std::string &word, const std::string &rest) {
    if (word == "rule") {
      std::string text = with_times(rest);
      ASSERT_EQ(reference_parse(text).result, 1);
      ASSERT_EQ(current.engine->insert(text), 0);
      current.model.insert(rule_of(text));
    } else if (word == "remove") {
      std::string text = with_times(rest);
      ASSERT_EQ(reference_parse(text).result, 1);
      ASSERT_FALSE(current.model.ended(rule_of(text), current.clock()));
      ASSERT_EQ(current.engine->remove(text), 0);
      current.model.erase(rule_of(text));
    } else if (word == "list") {
      current.listing.push_back(with_times(rest));
    } else if (word == "set") {
      ASSERT_TRUE(set(current, rest)) << "malformed";
    } else if (word == "clock") {
      ASSERT_TRUE(set_clock(current, rest)) << "malformed";
    } else if (word == "bind") {
      Bind bind;
      ASSERT_TRUE(parse_bind(rest, bind)) << "malformed";
      ASSERT_NE(bind.request.uid, 0u) << "uid 0 never binds";
      check_bind(current, bind);
      binds_++;
      seen_[bind.verdict]++;
    } else if (word == "refuse") {
      check_refusal(rest);
      refusals_++;
    } else {
      FAIL() << "no such word: " << word;
    }
  }

  void run(const fs::path &file) {
    std::ifstream in(file);
    ASSERT_TRUE(in);
    Case current;
    std::string name = "(none)", text;
    for (unsigned number = 1; std::getline(in, text); number++) {
      SCOPED_TRACE(file.filename().string() + ':' + std::to_string(number) +
                   ": " + name + ": " + text);
      if (text.empty() || text[0] == '#')
        continue;
      size_t blank = text.find(' ');
      ASSERT_NE(blank, text.npos);
      std::string word = text.substr(0, blank);
      std::string rest = text.substr(blank + 1);
      if (word == "case") {
        current.finish();
        name = rest;
      } else {
        line(current, word, rest);
      }
      if (HasFatalFailure())
        return;
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
  EXPECT_GE(files, 16u);
  EXPECT_GE(binds_, 400u);
  EXPECT_GE(refusals_, 100u);
  for (unsigned seen : seen_)
    EXPECT_GE(seen, 10u);
}

} // namespace
