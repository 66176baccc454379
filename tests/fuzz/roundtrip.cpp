// SPDX-License-Identifier: GPL-2.0-only
// One line: what is read, written and read again is the same rule, and the
// text is canonical.

#include "core/format.h"
#include "core/parse.h"

#include "check.h"
#include "reference_text.h"

#include <memory>
#include <string>

namespace {

std::string write(const pacl_rule &rule) {
  auto buffer = std::make_unique<char[]>(PACL_MAX_RULE_TEXT);
  size_t length = pacl_format(&rule, buffer.get(), PACL_MAX_RULE_TEXT);
  CHECK(length < PACL_MAX_RULE_TEXT);
  CHECK(strlen(buffer.get()) == length);
  return buffer.get();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto line = reinterpret_cast<const char *>(data);
  pacl_rule rule, again;
  pacl_error err;

  if (pacl_parse_line(line, size, &rule, &err) != 1)
    return 0;
  CHECK(rule.action < PACL_ACTIONS);
  CHECK(rule.kind < PACL_KINDS);
  CHECK((rule.action == PACL_RESERVE) == (rule.kind == PACL_NOBODY));
  CHECK(rule.proto < PACL_PROTOS);
  CHECK(rule.count >= 1 && rule.count <= PACL_MAX_ITEMS);
  CHECK(rule.id <= rule.last_id && rule.last_id <= PACL_MAX_ID);
  CHECK((rule.each != 0) == (rule.kind == PACL_EACH));
  for (unsigned at = 0; at < rule.count; at++) {
    CHECK(rule.range[at].lo >= 1);
    CHECK(rule.range[at].lo <= rule.range[at].hi);
    CHECK(at == 0 || rule.range[at].lo > rule.range[at - 1].hi + 1);
  }
  std::string text = write(rule);
  CHECK(text == reference_format(rule));
  CHECK(pacl_parse_line(text.data(), text.size(), &again, &err) == 1);
  CHECK(reference_same(rule, again));
  CHECK(write(again) == text);
  return 0;
}
