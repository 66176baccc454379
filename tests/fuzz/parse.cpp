// SPDX-License-Identifier: GPL-2.0-only
// Any bytes as a text of rules: read to the end or refused, as a second reader
// of the language reads it.

#include "core/parse.h"
#include "core/format.h"

#include "check.h"
#include "reference_text.h"

#include <arpa/inet.h>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace {

// What pacl_read_rule() must say of the next rule from `at` on.
struct Expected {
  int result = 0;
  pacl_rule rule = {};
  u32 line;
  bool newline = true;
};

Expected next(std::string_view text, size_t &at, u32 line) {
  Expected want;
  want.line = line;
  while (want.result == 0 && at < text.size()) {
    size_t end = text.find('\n', at);
    want.line++;
    if (end == text.npos) {
      want.result = -EINVAL;
      want.newline = false;
      break;
    }
    ReferenceLine read = reference_parse(text.substr(at, end - at));
    want.result = read.result;
    want.rule = read.rule;
    at = end + 1;
  }
  return want;
}

std::string write(const pacl_rule &rule) {
  auto buffer = std::make_unique<char[]>(PACL_MAX_RULE_TEXT);
  size_t length = pacl_format(&rule, buffer.get(), PACL_MAX_RULE_TEXT);
  CHECK(length < PACL_MAX_RULE_TEXT);
  CHECK(strlen(buffer.get()) == length);
  return buffer.get();
}

// What the C library says of the address that was written.
void check_address(const pacl_rule &rule) {
  char text[PACL_MAX_ADDR_TEXT];
  size_t length = pacl_format_addr(rule.prefix, text, sizeof text);
  CHECK(strlen(text) == length);
  CHECK(text == reference_format_address(rule.prefix));
  pacl_addr again;
  CHECK(reference_parse_address(text, again));
  CHECK(again.hi == rule.prefix.hi && again.lo == rule.prefix.lo);
  unsigned char bytes[16];
  for (unsigned at = 0; at < 8; at++) {
    bytes[at] = static_cast<unsigned char>(rule.prefix.hi >> (56 - 8 * at));
    bytes[8 + at] = static_cast<unsigned char>(rule.prefix.lo >> (56 - 8 * at));
  }
  char libc[INET6_ADDRSTRLEN];
  if (pacl_addr_is_ipv4(rule.prefix)) {
    CHECK(inet_ntop(AF_INET, bytes + 12, libc, sizeof libc));
  } else {
    CHECK(inet_ntop(AF_INET6, bytes, libc, sizeof libc));
    // The mixed notation is not for addresses that hold no IPv4 address.
    if (strchr(libc, '.'))
      return;
  }
  CHECK(!strcmp(text, libc));
}

void check_rule(const pacl_rule &rule) {
  CHECK(rule.action < PACL_ACTIONS);
  CHECK(rule.kind < PACL_KINDS);
  CHECK((rule.action == PACL_RESERVE) == (rule.kind == PACL_NOBODY));
  CHECK(rule.on <= 1 && rule.prefix_len <= 128);
  CHECK(rule.until <= PACL_MAX_TIME);
  if (rule.kind == PACL_EACH || rule.kind == PACL_NOBODY)
    CHECK(!rule.on && !rule.until);
  if (rule.on)
    check_address(rule);
  else
    CHECK(!rule.prefix.hi && !rule.prefix.lo && !rule.prefix_len);
  std::string text = write(rule);
  CHECK(text == reference_format(rule));
  pacl_rule again;
  pacl_error err;
  CHECK(pacl_parse_line(text.data(), text.size(), &again, &err) == 1);
  CHECK(reference_same(rule, again));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  pacl_reader reader = {text.data(), text.size(), 0, 0};
  size_t at = 0;
  u32 line = 0;

  for (;;) {
    Expected want = next(text, at, line);
    line = want.line;
    pacl_rule rule;
    pacl_error err = {0, 0, PACL_OK};
    int result = pacl_read_rule(&reader, &rule, &err);
    CHECK(result == want.result);
    CHECK(reader.line == want.line);
    if (result == 0) {
      CHECK(reader.pos == size);
      return 0;
    }
    if (result < 0) {
      CHECK(err.line == want.line);
      CHECK(err.column >= 1 && err.column <= size + 1);
      CHECK(err.code > PACL_OK && err.code < PACL_ERR_CODES);
      CHECK((err.code == PACL_ERR_NO_NEWLINE) == !want.newline);
      CHECK(pacl_error_text(err.code)[0]);
      return 0;
    }
    CHECK(reference_same(rule, want.rule));
    check_rule(rule);
    CHECK(reader.pos == at);
  }
}
