// SPDX-License-Identifier: GPL-2.0-only
// mode, strict, scope and lock: what may stand in files beside rules, and what
// the kernel has.

#ifndef PORTACL_LIB_SETTINGS_H
#define PORTACL_LIB_SETTINGS_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kernel.h"
#include "lib/result.h"

namespace portacl {

enum class Setting { mode, strict, scope, lock };

// In the order in which load applies them: after a lock nothing goes.
constexpr std::array<Setting, 4> all_settings = {Setting::mode, Setting::strict,
                                                 Setting::scope, Setting::lock};

// The word of the language, and the file of the kernel.
std::string setting_name(Setting setting);
std::string setting_attribute(Setting setting);

// The setting of that name, if there is one.
std::optional<Setting> setting_of(std::string_view name);

// A value as people may write it ("1") to the one that is shown ("on").
Result<std::string> setting_value(Setting setting, std::string_view text);

// Between the value that is shown and that of the kernel's file.
std::string kernel_value(Setting setting, const std::string &value);
std::string shown_value(Setting setting, const std::string &text);

struct Settings {
  std::array<std::string, all_settings.size()> values = {"enforce", "off",
                                                         "init", "off"};

  std::string &operator[](Setting setting) {
    return values[static_cast<size_t>(setting)];
  }
  const std::string &operator[](Setting setting) const {
    return values[static_cast<size_t>(setting)];
  }
  bool strict() const { return (*this)[Setting::strict] == "on"; }
  bool locked() const { return (*this)[Setting::lock] == "on"; }
};

Result<Settings> read_settings(Kernel &kernel);

// A line of a file.
struct Directive {
  Setting setting = Setting::mode;
  std::string value;
  uint32_t file = 0; // index into RuleFiles::paths
  uint32_t line = 0;

  std::string text() const;
};

// Empty when the line is no directive. Errors carry the column.
Result<std::optional<Directive>> parse_directive(std::string_view line);

} // namespace portacl

#endif
