// SPDX-License-Identifier: GPL-2.0-only
// Any bytes as a text of rules: read to the end or refused, as a second reader
// of the language reads it.

#include "core/parse.h"
#include "core/format.h"

#include "check.h"
#include "reference_text.h"

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
    CHECK(reader.pos == at);
  }
}
