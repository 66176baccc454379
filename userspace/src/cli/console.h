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
};

enum class JsonStyle { off, pretty, brief };
enum class Color { automatic, always, never };

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

  void error(const Error &error);
  void warning(const std::string &text);
  void warning(const Error &error);
  void hint(const std::string &text);
  void note(const std::string &text);
  // "Try '...'.", after wrong usage.
  void try_help(const std::string &command);
  void progress(std::string_view what, size_t done, size_t total);

  // Asks on a terminal; the answer is no unless it begins with y.
  bool confirm(const std::string &question);
  bool can_ask() const { return terminal_.in_is_terminal; }
  bool wants_json() const { return json_ != JsonStyle::off; }

  // Prints the messages of JSON mode. False when output was lost.
  bool finish();

private:
  bool colored(bool is_terminal) const;
  std::string paint(std::string_view text, const char *color,
                    bool is_terminal) const;
  void print_json(std::ostream &stream, const Json &value) const;
  void message(const char *prefix, const char *color, const std::string &text);

  Terminal terminal_;
  JsonStyle json_;
  Color color_;
  bool quiet_;
  Json errors_ = Json::array();
  Json warnings_ = Json::array();
};

} // namespace portacl

#endif
