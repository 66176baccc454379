// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/rule_hints.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

constexpr std::array<std::string_view, 14> keywords = {
    "allow", "deny",  "reserve", "user", "group",  "any",   "each",
    "on",    "until", "mode",    "lock", "strict", "scope", "locked"};

bool is_blank(char ch) { return ch == ' ' || ch == '\t'; }

bool is_control(char ch) {
  return (static_cast<unsigned char>(ch) < 0x20 && ch != '\t') || ch == 0x7f;
}

Error refused(Code code, size_t at, std::string message,
              std::string hint = {}) {
  return {.code = code,
          .message = std::move(message),
          .hint = std::move(hint),
          .column = static_cast<uint32_t>(at + 1)};
}

// Bytes that no rule may hold, wherever they stand.
std::optional<Error> check_bytes(std::string_view line) {
  const size_t nul = line.find('\0');
  if (nul != std::string_view::npos)
    return refused(Code::usage, nul, pacl_error_text(PACL_ERR_NUL));
  if (line.starts_with("\xef\xbb\xbf"))
    return refused(Code::usage, 0, "byte order mark in the text",
                   "save the file as UTF-8 without a byte order mark");
  if (line.ends_with('\r'))
    return refused(Code::usage, line.size() - 1, "DOS line end in the text",
                   "remove the carriage returns, for example with: "
                   "sed -i 's/\\r$//' FILE");
  return std::nullopt;
}

// Builds the line with numbers and remembers where its parts come from.
class Translation final {
public:
  void copy(std::string_view line, size_t begin, size_t end) {
    pieces_.push_back({text_.size(), begin, true});
    text_ += line.substr(begin, end - begin);
  }
  void replace(size_t begin, std::string_view text) {
    pieces_.push_back({text_.size(), begin, false});
    text_ += text;
  }
  void end_word(size_t source_end) {
    pieces_.push_back({text_.size(), source_end, false});
    text_ += ' ';
  }

  const std::string &text() const { return text_; }

  // The byte of the line that a byte of the text stands for.
  size_t source_of(size_t at) const {
    const auto after = std::ranges::upper_bound(pieces_, at, {}, &Piece::begin);
    if (after == pieces_.begin())
      return 0;
    const Piece &piece = *std::prev(after);
    return piece.source + (piece.verbatim ? at - piece.begin : 0);
  }

private:
  struct Piece {
    size_t begin;
    size_t source;
    bool verbatim;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

// One line on its way from words to a rule.
class LineParser final {
public:
  LineParser(std::string_view line, std::vector<Word> words, Names &names,
             const IdLookup &ids)
      : line_(line), words_(std::move(words)), names_(names), ids_(ids) {}

  Result<std::optional<WrittenRule>> parse();

private:
  Result<void> subject();
  Result<void> id(bool of_group);
  std::string name_hint(const Word &word, bool of_group);
  Result<void> reservation();
  Result<void> ports();
  Result<void> service(const std::string &item, size_t begin,
                       const std::string &protocol);
  Result<void> derive_protocol(const Word &word);
  Result<void> terms();
  Result<void> until();
  void verbatim();
  Error engine_error(const pacl_error &error) const;

  std::string_view line_;
  std::vector<Word> words_;
  Names &names_;
  const IdLookup &ids_;
  size_t next_ = 0;
  Translation numbers_;
  std::string written_;
  std::optional<SubjectName> name_;
  std::vector<std::string> resolved_;
  // The protocols that the items of the list have in common, and whether they
  // all agree; "" stands for every transport.
  std::set<std::string> protocols_;
};

void LineParser::verbatim() {
  const Word &word = words_[next_++];
  numbers_.copy(line_, word.begin, word.end);
  numbers_.end_word(word.end);
  written_ +=
      std::string(line_.substr(word.begin, word.end - word.begin)) + " ";
}

Result<void> LineParser::subject() {
  if (next_ == words_.size())
    return {};
  const Word &word = words_[next_];
  if (!word.quoted && (word.text == "any" || word.text == "each")) {
    const bool each = word.text == "each";
    verbatim();
    // Ids and ports of an "each" are numbers.
    while (each && next_ < words_.size())
      verbatim();
    return {};
  }
  bool of_group = false;
  if (!word.quoted && (word.text == "user" || word.text == "group")) {
    of_group = word.text == "group";
    verbatim();
  } else {
    written_ += "user ";
    numbers_.replace(word.begin, "user ");
  }
  return next_ < words_.size() ? id(of_group) : Result<void>();
}

// For a name that nobody has; empty when there is nothing to say.
std::string LineParser::name_hint(const Word &word, bool of_group) {
  constexpr std::array<std::string_view, 4> everybody = {"all", "everyone",
                                                         "everybody", "*"};
  if (of_group)
    return {};
  if (std::ranges::count(everybody, word.text) != 0)
    return "'any' means everybody";
  // As other tools mark a group.
  const bool marked = word.text.front() == '@' || word.text.front() == '%';
  const std::string name = marked ? word.text.substr(1) : word.text;
  // Files may have many such names, and each lookup its time.
  if (name.empty() || (ids_ && !marked) || !names_.gid(name))
    return {};
  const std::string rest(line_.substr(word.end, words_.back().end - word.end));
  return printable(fmt::format("there is a group of that name: group {}{}",
                               quote_name(name), rest));
}

Result<void> LineParser::id(bool of_group) {
  const Word &word = words_[next_];
  const bool ports_like = !word.text.empty() && word.text[0] >= '0' &&
                          word.text[0] <= '9' &&
                          word.text.find_first_of(",/:") != std::string::npos;
  if (!word.quoted && (all_digits(word.text) || ports_like)) {
    verbatim();
    return {};
  }
  if (word.text.empty())
    return refused(Code::usage, word.begin, "empty name");
  const auto found = ids_       ? ids_({of_group, word.text})
                     : of_group ? names_.gid(word.text)
                                : names_.uid(word.text);
  if (!found) {
    Error error = found.error();
    error.column = static_cast<uint32_t>(word.begin + 1);
    if (error.code == Code::policy) {
      const std::string hint = name_hint(word, of_group);
      error.hint = hint.empty() ? error.hint : hint;
    }
    return error;
  }
  name_ = {of_group, word.text};
  numbers_.replace(word.begin, std::to_string(*found));
  numbers_.end_word(word.end);
  written_ += quote_name(word.text) + " ";
  next_++;
  return {};
}

// "reserve web 5432" is not about a service called web.
Result<void> LineParser::reservation() {
  if (next_ == words_.size())
    return {};
  const Word &word = words_[next_];
  if (next_ + 1 < words_.size() && !word.quoted && has_letter(word.text) &&
      word.text.find_first_of(",/") == std::string::npos &&
      !names_.service(word.text))
    return refused(
        Code::usage, word.begin,
        fmt::format("a reservation has no subject: '{}'", excerpt(word.text)),
        fmt::format("write: reserve {}, and allow whom you want",
                    excerpt(words_.back().text)));
  return ports();
}

Result<void> LineParser::ports() {
  const Word &word = words_[next_];
  if (word.quoted) {
    verbatim();
    return {};
  }
  const size_t slash = word.text.find('/');
  const std::string protocol =
      slash == std::string::npos ? "" : word.text.substr(slash + 1);
  size_t begin = word.begin;
  for (const std::string_view item :
       split(std::string_view(word.text).substr(0, slash), ',')) {
    if (begin != word.begin) {
      numbers_.copy(line_, begin - 1, begin);
      written_ += ',';
    }
    // What begins with a digit and is no service is a mistyped number.
    if (has_letter(item) &&
        (item[0] < '0' || item[0] > '9' || names_.service(std::string(item)))) {
      if (auto done = service(std::string(item), begin, protocol); !done)
        return done;
    } else {
      numbers_.copy(line_, begin, begin + item.size());
      std::string number(item);
      std::ranges::replace(number, ':', '-');
      written_ += number;
      protocols_.insert("");
    }
    begin += item.size() + 1;
  }
  if (slash != std::string::npos) {
    numbers_.copy(line_, word.begin + slash, word.end);
    written_ += word.text.substr(slash);
  } else if (auto done = derive_protocol(word); !done) {
    return done;
  }
  numbers_.end_word(word.end);
  written_ += ' ';
  next_++;
  return {};
}

Result<void> LineParser::service(const std::string &item, size_t begin,
                                 const std::string &protocol) {
  const auto found = names_.service(item);
  if (!found) {
    Error error = found.error();
    error.column = static_cast<uint32_t>(begin + 1);
    if (words_.size() == 3 && next_ == 2 && all_digits(words_[1].text) &&
        names_.uid(item))
      error.hint = fmt::format("the subject comes before the ports: {} {} {}",
                               words_[0].text, item, words_[1].text);
    return error;
  }
  std::set<std::string> listed;
  std::set<uint16_t> numbers;
  for (const ServicePort &entry : *found) {
    listed.insert(entry.protocol);
    numbers.insert(entry.port);
  }
  uint16_t port = found->front().port;
  for (const ServicePort &entry : *found) {
    if (entry.protocol == protocol)
      port = entry.port;
  }
  const bool exact = listed.count(protocol) != 0;
  if (!exact && numbers.size() > 1)
    return refused(Code::policy, begin,
                   fmt::format("service '{}' has several ports", excerpt(item)),
                   fmt::format("write the number, or {}/tcp", excerpt(item)));
  const std::string shown = excerpt(item);
  std::string own;
  if (listed.count("tcp") == 0 || listed.count("udp") == 0) {
    if (protocol.empty() && listed.size() > 1)
      return refused(
          Code::policy, begin,
          fmt::format("service '{}' has several transports", shown),
          fmt::format("write {}/tcp, {}/udp or {}/sctp", shown, shown, shown));
    own = *listed.begin();
  }
  protocols_.insert(own);
  numbers_.replace(begin, std::to_string(port));
  written_ += item;
  resolved_.push_back(own.empty() || !protocol.empty()
                          ? fmt::format("{} is {}", shown, port)
                          : fmt::format("{} is {}/{}", shown, port, own));
  return {};
}

Result<void> LineParser::derive_protocol(const Word &word) {
  if (protocols_.size() > 1)
    return refused(Code::policy, word.begin,
                   fmt::format("the items of '{}' are on different transports",
                               excerpt(word.text)),
                   fmt::format("name the transport, for example {}/tcp, or "
                               "write two rules",
                               excerpt(word.text)));
  if (!protocols_.begin()->empty())
    numbers_.replace(word.end, "/" + *protocols_.begin());
  return {};
}

Result<void> LineParser::terms() {
  while (next_ < words_.size()) {
    const bool time = !words_[next_].quoted && words_[next_].text == "until";
    verbatim();
    if (!time || next_ == words_.size())
      continue;
    if (auto done = until(); !done)
      return done;
  }
  return {};
}

// Written in UTC: the zone of who reads the file may be another one.
Result<void> LineParser::until() {
  const Word &word = words_[next_];
  const char *end = word.text.data() + word.text.size();
  uint64_t seconds = 0;
  if (all_digits(word.text)) {
    const auto [rest, error] = std::from_chars(word.text.data(), end, seconds);
    // What is out of range is refused by the engine.
    if (error != std::errc() || seconds == 0 || seconds > PACL_MAX_TIME ||
        word.text.front() == '0') {
      verbatim();
      return {};
    }
  } else {
    const auto time = parse_time(word.text);
    if (!time) {
      Error error = time.error();
      error.column = static_cast<uint32_t>(word.begin + 1);
      if (parse_duration(word.text))
        error.hint = fmt::format(
            "for a duration give allow or deny --for {} instead", word.text);
      return error;
    }
    seconds = *time;
  }
  numbers_.replace(word.begin, std::to_string(seconds));
  numbers_.end_word(word.end);
  written_ += iso_time(seconds) + " ";
  next_++;
  return {};
}

Error LineParser::engine_error(const pacl_error &error) const {
  size_t at = numbers_.source_of(error.column - 1);
  at = std::min(at, words_.back().end);
  const Mistake mistake{
      .code = error.code, .line = line_, .words = words_, .at = at};
  return refused(Code::usage, at, mistake_text(mistake), mistake_hint(mistake));
}

Result<std::optional<WrittenRule>> LineParser::parse() {
  verbatim();
  const std::string action = words_[0].quoted ? "" : words_[0].text;
  if (action == "reserve") {
    if (auto done = reservation(); !done)
      return done.error();
  } else if (action == "allow" || action == "deny") {
    if (auto done = subject(); !done)
      return done.error();
    if (next_ < words_.size()) {
      if (auto done = ports(); !done)
        return done.error();
    }
  }
  if (auto done = terms(); !done)
    return done.error();

  // The blank after the last word would only move the place of an error.
  std::string text = numbers_.text();
  text.pop_back();
  WrittenRule result;
  pacl_error error{};
  if (pacl_parse_line(text.data(), text.size(), &result.rule, &error) != 1)
    return engine_error(error);
  result.numeric = rule_text(result.rule);
  written_.pop_back();
  result.words = std::move(written_);
  result.name = std::move(name_);
  result.resolved = std::move(resolved_);
  return std::optional(std::move(result));
}

} // namespace

Result<std::vector<Word>> split_words(std::string_view line) {
  if (auto bad = check_bytes(line))
    return *bad;
  std::vector<Word> words;
  size_t at = 0;
  for (;;) {
    while (at < line.size() && is_blank(line[at]))
      at++;
    if (at == line.size() || line[at] == '#')
      return words;
    Word word{.text = {}, .begin = at, .end = at, .quoted = line[at] == '"'};
    if (word.quoted) {
      const size_t close = line.find('"', at + 1);
      if (close == std::string_view::npos)
        return refused(Code::usage, at, "a quote is not closed",
                       "write the name between two quotes: \"domain users\"");
      word.text = line.substr(at + 1, close - at - 1);
      at = close + 1;
      if (at < line.size() && !is_blank(line[at]) && line[at] != '#')
        return refused(Code::usage, at, "text after a closing quote",
                       "put a blank after the quote");
    } else {
      while (at < line.size() && !is_blank(line[at]) && line[at] != '#')
        at++;
      word.text = line.substr(word.begin, at - word.begin);
    }
    word.end = at;
    const auto control = std::ranges::find_if(word.text, is_control);
    if (control != word.text.end())
      return refused(Code::usage,
                     word.begin + (word.quoted ? 1 : 0) +
                         static_cast<size_t>(control - word.text.begin()),
                     "control character in the text");
    words.push_back(std::move(word));
  }
}

Result<std::optional<WrittenRule>>
parse_rule(std::string_view line, Names &names, const IdLookup &ids) {
  auto words = split_words(line);
  if (!words)
    return words.error();
  if (words->empty())
    return std::optional<WrittenRule>();
  return LineParser(line, std::move(*words), names, ids).parse();
}

std::string line_of_arguments(const std::vector<std::string> &arguments) {
  if (arguments.size() == 1 &&
      arguments[0].find_first_of(" \t") != std::string::npos)
    return arguments[0];
  std::string line;
  for (const std::string &argument : arguments) {
    if (!line.empty())
      line += ' ';
    const bool plain = !argument.empty() &&
                       argument.find_first_of(" \t#") == std::string::npos;
    if (plain || argument.find('"') != std::string::npos)
      line += argument;
    else
      line += '"' + argument + '"';
  }
  return line;
}

std::string quote_name(const std::string &name) {
  const bool plain =
      !name.empty() && name.find_first_of(" \t#") == std::string::npos &&
      !all_digits(name) && std::ranges::find(keywords, name) == keywords.end();
  // Digits first may look like ports, and those are not looked up.
  const bool ports_like = !name.empty() && name[0] >= '0' && name[0] <= '9' &&
                          name.find_first_of(",/:") != std::string::npos;
  return plain && !ports_like ? name : '"' + name + '"';
}

std::string spelt_out(std::string_view line) {
  const auto words = split_words(line);
  if (!words)
    return {};
  std::string result;
  for (size_t i = 0; i < words->size(); i++) {
    const Word &word = (*words)[i];
    const bool keyword =
        !word.quoted && (word.text == "user" || word.text == "group" ||
                         word.text == "any" || word.text == "each");
    if (i == 1 && !keyword && words->front().text != "reserve")
      result += " user";
    result +=
        (i == 0 ? "" : " ") + (word.quoted ? quote_name(word.text) : word.text);
  }
  return result;
}

std::string with_names(const std::string &numeric, Names &names,
                       bool &unresolved) {
  unresolved = false;
  const pacl_rule rule = rule_from_text(numeric);
  RuleColumns columns = rule_columns(numeric);
  std::string name;
  if (rule.kind == PACL_GROUP) {
    name = names.group_name(rule.id);
  } else if (rule.kind == PACL_USER) {
    if (const auto user = names.user(rule.id))
      name = user->name;
  }
  if (rule.kind == PACL_GROUP || rule.kind == PACL_USER) {
    // What a line cannot hold is as good as no name.
    unresolved = name.empty() || name.find('"') != std::string::npos ||
                 printable(name) != name;
    if (!unresolved)
      columns.subject =
          fmt::format("{} {}", rule.kind == PACL_GROUP ? "group" : "user",
                      quote_name(name));
  }
  return line_of_columns(with_dates(std::move(columns)));
}

RuleColumns rule_columns(const std::string &rule) {
  RuleColumns columns;
  const auto words = split_words(rule);
  if (!words || words->empty())
    return columns;
  const bool reserve = words->front().text == "reserve";
  const bool any =
      words->size() > 1 && (*words)[1].text == "any" && !(*words)[1].quoted;
  const size_t ports = reserve ? 1 : any ? 2 : 3;
  if (words->size() <= ports)
    return columns;
  const auto between = [&](size_t first, size_t last) {
    return rule.substr((*words)[first].begin,
                       (*words)[last].end - (*words)[first].begin);
  };
  columns.action = between(0, 0);
  columns.subject = reserve ? "" : between(1, ports - 1);
  columns.ports = between(ports, ports);
  if (ports + 1 < words->size())
    columns.terms = between(ports + 1, words->size() - 1);
  return columns;
}

RuleColumns with_dates(RuleColumns columns) {
  constexpr std::string_view until = "until ";
  const size_t at = columns.terms.rfind(until);
  if (at == std::string::npos)
    return columns;
  const std::string seconds = columns.terms.substr(at + until.size());
  if (all_digits(seconds))
    columns.terms.replace(at + until.size(), std::string::npos,
                          iso_time(std::stoull(seconds)));
  return columns;
}

std::string line_of_columns(const RuleColumns &columns) {
  std::string line = columns.action;
  for (const std::string *part :
       {&columns.subject, &columns.ports, &columns.terms})
    line += (part->empty() ? "" : " ") + *part;
  return line;
}

} // namespace portacl
