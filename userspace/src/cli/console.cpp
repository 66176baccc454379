// SPDX-License-Identifier: GPL-2.0-only

#include "cli/console.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/text.h"
#include "version.h"

namespace portacl {

namespace {

constexpr const char *red = "31";
constexpr const char *green = "32";
constexpr const char *yellow = "33";
constexpr const char *cyan = "36";

Json about() { return {{"version", PORTACL_VERSION}, {"schema", 1}}; }

void print_json(std::ostream &stream, const Json &value, JsonStyle style) {
  // Names in files may be any bytes.
  stream << value.dump(style == JsonStyle::brief ? -1 : 2, ' ', false,
                       Json::error_handler_t::replace)
         << '\n';
}

} // namespace

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
  out() << painted(word, good) << ": " << text << '\n';
}

void Console::line(std::string_view text) {
  if (!quiet_ && !wants_json())
    out() << text << '\n';
}

void Console::text(std::string_view text) {
  if (!wants_json())
    out() << text;
}

void Console::json(const std::string &key, const Json &value) {
  if (wants_json())
    print_json(out(), {{"portacl", about()}, {key, value}}, json_);
}

void Console::json_line(const std::string &key, const Json &value) {
  if (wants_json())
    print_json(out(), {{"portacl", about()}, {key, value}}, JsonStyle::brief);
}

std::string Console::painted(std::string_view word, bool good) const {
  return painted(word, good ? Tone::good : Tone::bad);
}

std::string Console::painted(std::string_view word, Tone tone) const {
  constexpr std::array<const char *, 3> colors = {green, yellow, red};
  return paint(word, colors.at(static_cast<size_t>(tone)),
               terminal_.out_is_terminal);
}

bool Console::flush() {
  terminal_.out.flush();
  return !terminal_.out.fail();
}

void Console::clear_progress() {
  if (bar_.empty())
    return;
  // Without escape sequences, which not every terminal knows.
  terminal_.err << '\r' << std::string(bar_.size(), ' ') << '\r' << std::flush;
  bar_.clear();
}

std::ostream &Console::out() {
  if (terminal_.out_is_terminal)
    clear_progress();
  return terminal_.out;
}

std::ostream &Console::err() {
  clear_progress();
  return terminal_.err;
}

void Console::message(const char *prefix, const char *color,
                      const std::string &text) {
  err() << paint(prefix, color, terminal_.err_is_terminal) << ": " << text
        << '\n';
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
    err() << text << '\n';
}

void Console::try_help(const std::string &command) {
  if (!wants_json())
    err() << fmt::format("Try 'portaclctl {}--help'.\n",
                         command.empty() ? "" : command + " ");
}

void Console::progress(std::string_view what, size_t done, size_t total) {
  constexpr size_t worth_showing = 10000;
  constexpr size_t longest = 50;
  if (quiet_ || wants_json() || !terminal_.err_is_terminal ||
      total < worth_showing)
    return;
  if (done >= total) {
    clear_progress();
    return;
  }
  const size_t percent = done * 100 / total;
  const std::string end = fmt::format("] {:3} %", percent);
  // The last column stays free, or some terminals begin a new line.
  const size_t rest =
      what.size() + std::string_view(" [").size() + end.size() + 1;
  const size_t cells = terminal_.err_columns > rest
                           ? std::min(terminal_.err_columns - rest, longest)
                           : 0;
  const size_t full = cells * percent / 100;
  std::string bar = fmt::format("{} [{:#<{}}{:-<{}}{}", what, "", full, "",
                                cells - full, end);
  if (bar == bar_ || cells == 0)
    return;
  terminal_.err << '\r' << bar << std::flush;
  bar_ = std::move(bar);
}

void Console::prompt(const std::string &question) {
  err() << question << std::flush;
}

Result<std::string> Console::input(size_t limit) {
  std::string text;
  std::array<char, 65536> buffer{};
  while (terminal_.in.read(buffer.data(), buffer.size()),
         terminal_.in.gcount() > 0) {
    text.append(buffer.data(), static_cast<size_t>(terminal_.in.gcount()));
    if (text.size() > limit)
      return Error{.code = Code::policy,
                   .message = fmt::format("larger than {} bytes", limit),
                   .file = "standard input"};
  }
  if (terminal_.in.bad())
    return Error{.message = "cannot read standard input"};
  return text;
}

bool Console::confirm(const std::string &question) {
  prompt(question + " [y/N] ");
  std::string answer;
  std::getline(terminal_.in, answer);
  return is_yes(answer);
}

bool Console::finish() {
  if (!errors_.empty() || !warnings_.empty())
    print_json(
        err(),
        {{"portacl", about()}, {"errors", errors_}, {"warnings", warnings_}},
        json_);
  clear_progress();
  terminal_.err.flush();
  return flush();
}

} // namespace portacl
