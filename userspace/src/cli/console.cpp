// SPDX-License-Identifier: GPL-2.0-only

#include "cli/console.h"

#include <fmt/format.h>

#include "version.h"

namespace portacl {

namespace {

constexpr const char *red = "31";
constexpr const char *green = "32";
constexpr const char *yellow = "33";
constexpr const char *cyan = "36";

Json about() { return {{"version", PORTACL_VERSION}, {"schema", 1}}; }

Json error_json(const Error &error) {
  Json value = {{"code", static_cast<int>(error.code)},
                {"message", error.message}};
  if (!error.hint.empty())
    value["hint"] = error.hint;
  if (!error.file.empty())
    value["file"] = error.file;
  // Lines are those of files.
  if (error.line != 0 && !error.file.empty())
    value["line"] = error.line;
  if (error.column != 0)
    value["column"] = error.column;
  return value;
}

} // namespace

bool Console::colored(bool is_terminal) const {
  if (color_ != Color::automatic)
    return color_ == Color::always;
  return terminal_.color_wanted && is_terminal;
}

std::string Console::paint(std::string_view text, const char *color,
                           bool is_terminal) const {
  return colored(is_terminal) ? fmt::format("\x1b[{}m{}\x1b[0m", color, text)
                              : std::string(text);
}

void Console::verdict(std::string_view word, bool good, std::string_view text) {
  if (quiet_ || wants_json())
    return;
  terminal_.out << paint(word, good ? green : red, terminal_.out_is_terminal)
                << ": " << text << '\n';
}

void Console::line(std::string_view text) {
  if (!quiet_ && !wants_json())
    terminal_.out << text << '\n';
}

void Console::text(std::string_view text) {
  if (!wants_json())
    terminal_.out << text;
}

void Console::print_json(std::ostream &stream, const Json &value) const {
  // Names in files may be any bytes.
  stream << value.dump(json_ == JsonStyle::brief ? -1 : 2, ' ', false,
                       Json::error_handler_t::replace)
         << '\n';
}

void Console::json(const std::string &key, const Json &value) {
  if (wants_json())
    print_json(terminal_.out, {{"portacl", about()}, {key, value}});
}

void Console::message(const char *prefix, const char *color,
                      const std::string &text) {
  terminal_.err << paint(prefix, color, terminal_.err_is_terminal) << ": "
                << text << '\n';
}

void Console::error(const Error &error) {
  if (wants_json()) {
    errors_.push_back(error_json(error));
    return;
  }
  message("portaclctl", red, error_text(error));
  if (!error.hint.empty())
    hint(error.hint);
}

void Console::warning(const std::string &text) {
  if (wants_json())
    warnings_.push_back({{"message", text}});
  else
    message("warning", yellow, text);
}

void Console::warning(const Error &error) {
  if (wants_json())
    warnings_.push_back(error_json(error));
  else
    message("warning", yellow, error_text(error));
}

void Console::hint(const std::string &text) {
  if (!wants_json() && !quiet_)
    message("hint", cyan, text);
}

void Console::note(const std::string &text) {
  if (!wants_json() && !quiet_)
    terminal_.err << text << '\n';
}

void Console::try_help(const std::string &command) {
  if (!wants_json())
    terminal_.err << fmt::format("Try 'portaclctl {}--help'.\n",
                                 command.empty() ? "" : command + " ");
}

void Console::progress(std::string_view what, size_t done, size_t total) {
  constexpr size_t worth_showing = 10000;
  if (quiet_ || wants_json() || !terminal_.err_is_terminal ||
      total < worth_showing)
    return;
  terminal_.err << fmt::format("\r{} {}/{} rules", what, done, total)
                << (done == total ? "\n" : "") << std::flush;
}

bool Console::confirm(const std::string &question) {
  terminal_.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(terminal_.in, answer);
  return answer.starts_with('y') || answer.starts_with('Y');
}

bool Console::finish() {
  if (!errors_.empty() || !warnings_.empty())
    print_json(
        terminal_.err,
        {{"portacl", about()}, {"errors", errors_}, {"warnings", warnings_}});
  terminal_.out.flush();
  terminal_.err.flush();
  return !terminal_.out.fail();
}

} // namespace portacl
