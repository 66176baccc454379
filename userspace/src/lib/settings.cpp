// SPDX-License-Identifier: GPL-2.0-only

#include "lib/settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/rule_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

struct Description {
  const char *name;
  const char *attribute;
  std::vector<std::string> values;
};

const Description &description_of(Setting setting) {
  static const std::array<Description, all_settings.size()> descriptions = {
      {{"mode", "mode", {"enforce", "permissive", "off"}},
       {"strict", "strict", {"on", "off"}},
       {"scope", "scope", {"init", "all"}},
       {"lock", "locked", {"on", "off"}}}};
  return descriptions[static_cast<size_t>(setting)];
}

// Whether the kernel has 0 and 1 for it.
bool is_switch(Setting setting) {
  return setting == Setting::strict || setting == Setting::lock;
}

Error at_word(Error error, const Word &word) {
  error.column = static_cast<uint32_t>(word.begin + 1);
  return error;
}

} // namespace

std::string setting_name(Setting setting) {
  return description_of(setting).name;
}

std::string setting_attribute(Setting setting) {
  return description_of(setting).attribute;
}

std::optional<Setting> setting_of(std::string_view name) {
  for (const Setting setting : all_settings) {
    if (name == description_of(setting).name)
      return setting;
  }
  return std::nullopt;
}

Result<std::string> setting_value(Setting setting, std::string_view text) {
  const auto &values = description_of(setting).values;
  if (is_switch(setting) && (text == "0" || text == "1"))
    return std::string(text == "1" ? "on" : "off");
  if (std::ranges::count(values, text) != 0)
    return std::string(text);
  return Error{.code = Code::usage,
               .message = fmt::format("'{}' is no value for {}", excerpt(text),
                                      setting_name(setting)),
               .hint = fmt::format("use one of: {}", fmt::join(values, " "))};
}

std::string kernel_value(Setting setting, const std::string &value) {
  if (is_switch(setting))
    return value == "on" ? "1" : "0";
  return value;
}

std::string shown_value(Setting setting, const std::string &text) {
  if (is_switch(setting) && (text == "0" || text == "1"))
    return text == "1" ? "on" : "off";
  return text;
}

Result<Settings> read_settings(Kernel &kernel) {
  Settings settings;
  for (const Setting setting : all_settings) {
    const auto text = read_line(kernel, setting_attribute(setting));
    if (!text)
      return text.error();
    settings[setting] = shown_value(setting, *text);
  }
  return settings;
}

std::string Directive::text() const {
  return setting == Setting::lock ? "lock"
                                  : setting_name(setting) + " " + value;
}

Result<std::optional<Directive>> parse_directive(std::string_view line) {
  constexpr std::optional<Directive> none;
  const auto words = split_words(line);
  // What is wrong with the line is said by the parser of rules.
  if (!words || words->empty() || words->front().quoted)
    return none;
  const auto setting = setting_of(words->front().text);
  if (!setting)
    return none;
  const bool takes_value = *setting != Setting::lock;
  const size_t expected = takes_value ? 2 : 1;
  if (words->size() > expected)
    return at_word({.code = Code::usage,
                    .message = fmt::format("text after the end of the line: "
                                           "'{}'",
                                           excerpt((*words)[expected].text)),
                    .hint = "remove it, or put a '#' before a comment"},
                   (*words)[expected]);
  Directive directive{.setting = *setting, .value = "on"};
  if (takes_value) {
    const Word &word = words->back();
    const bool missing = words->size() == 1;
    auto value = setting_value(*setting, missing ? "" : word.text);
    if (!value && missing)
      value.error().message =
          fmt::format("expected a value after '{}'", setting_name(*setting));
    if (!value)
      return at_word(value.error(), word);
    directive.value = *value;
  }
  return std::optional(directive);
}

} // namespace portacl
