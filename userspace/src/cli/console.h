// SPDX-License-Identifier: GPL-2.0-only
// What the tool says: answers on stdout, everything else on stderr.

#ifndef PORTACL_CLI_CONSOLE_H
#define PORTACL_CLI_CONSOLE_H

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "lib/result.h"

namespace portacl {

using Json = nlohmann::ordered_json;

// The streams of the process and what is known about them.
struct Terminal {
  std::istream &in;
  std::ostream &out;
  std::ostream &err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color_wanted = true; // by NO_COLOR and TERM
  size_t err_columns = 80;  // of the terminal
  int out_fd = -1;          // to see whether anybody still reads; -1: unknown
};

enum class JsonStyle { off, pretty, brief };
enum class Color { automatic, always, never };
enum class Tone { good, doubtful, bad };

Json error_json(const Error &error);

class Console final {
public:
  Console(const Terminal &terminal, JsonStyle json, Color color, bool quiet)
      : terminal_(terminal), json_(json), color_(color), quiet_(quiet) {}

  // "allowed: ..."; the word is coloured, nothing is printed if quiet.
  void verdict(std::string_view word, bool good, std::string_view text);
  void line(std::string_view text);
  // Prints text as it is.
  void text(std::string_view text);
  // The answer in JSON mode; nothing without it.
  void json(const std::string &key, const Json &value);
  // One of many answers, each a line.
  void json_line(const std::string &key, const Json &value);
  // A word of text(), coloured as a verdict is.
  std::string painted(std::string_view word, bool good) const;
  std::string painted(std::string_view word, Tone tone) const;
  // Shows what was printed so far. False when output was lost.
  bool flush();
  // The descriptor of the answers, -1 if it is not known.
  int out_descriptor() const { return terminal_.out_fd; }

  void error(const Error &error);
  void warning(const std::string &text);
  void warning(const Error &error);
  void hint(const std::string &text);
  void note(const std::string &text);
  // "Try '...'.", after wrong usage.
  void try_help(const std::string &command);
  // A bar for what takes a while, on a terminal only. It is gone when all is
  // done, and for whatever else is printed.
  void progress(std::string_view what, size_t done, size_t total);

  // Asks on a terminal; the answer is no unless it is y or yes.
  bool confirm(const std::string &question);
  // The question of who reads the answer himself.
  void prompt(const std::string &question);
  // All of standard input; more than the limit is an error.
  Result<std::string> input(size_t limit);
  bool can_ask() const { return terminal_.in_is_terminal; }
  bool wants_json() const { return json_ != JsonStyle::off; }

  // Prints the messages of JSON mode. False when output was lost.
  bool finish();

private:
  bool colored(bool is_terminal) const;
  std::string paint(std::string_view text, const char *color,
                    bool is_terminal) const;
  void message(const char *prefix, const char *color, const std::string &text);
  void clear_progress();
  // Where to print, once the bar is gone.
  std::ostream &out();
  std::ostream &err();

  Terminal terminal_;
  JsonStyle json_;
  Color color_;
  bool quiet_;
  Json errors_ = Json::array();
  Json warnings_ = Json::array();
  std::string bar_; // what the terminal shows, empty for none
};

} // namespace portacl

#endif
