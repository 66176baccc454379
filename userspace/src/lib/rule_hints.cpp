// SPDX-License-Identifier: GPL-2.0-only

#include "lib/rule_hints.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *each_example =
    "for example: allow each 1000-1999 20000+10";

// The word that a byte lies in or just behind.
const Word *word_at(const Mistake &mistake) {
  for (const Word &word : mistake.words) {
    if (mistake.at >= word.begin && mistake.at <= word.end)
      return &word;
  }
  return nullptr;
}

bool at_end(const Mistake &mistake) {
  return mistake.at >= mistake.words.back().end;
}

// The item of a list that a byte lies in or just behind; the whole word when
// the item is empty.
std::string item_at(const Mistake &mistake) {
  const Word *word = word_at(mistake);
  if (word == nullptr)
    return {};
  size_t offset = word->begin;
  for (const std::string_view item : split(word->text, ',')) {
    if (mistake.at <= offset + item.size())
      return std::string(item.empty() ? std::string_view(word->text) : item);
    offset += item.size() + 1;
  }
  return word->text;
}

// Something is missing at the end, rather than wrong there.
bool is_missing(const Mistake &mistake) {
  const std::string &last = mistake.words.back().text;
  // The term that stands there twice is not missing.
  if (mistake.code == PACL_ERR_TERM_TWICE)
    return false;
  return at_end(mistake) &&
         (last.empty() || std::string_view("-:+,/").find(last.back()) ==
                              std::string_view::npos);
}

std::string without_empty_items(const std::string &list) {
  std::string result;
  const size_t slash = std::min(list.find('/'), list.size());
  for (const std::string_view item :
       split(std::string_view(list).substr(0, slash), ',')) {
    if (!item.empty())
      result += (result.empty() ? "" : ",") + std::string(item);
  }
  return result + list.substr(slash);
}

std::string swapped(const std::string &item) {
  const size_t slash = std::min(item.find('/'), item.size());
  const size_t dash = item.find_first_of("-:");
  if (dash >= slash)
    return {};
  return fmt::format("write {}-{}{}", item.substr(dash + 1, slash - dash - 1),
                     item.substr(0, dash), item.substr(slash));
}

std::string port_hint(const Mistake &mistake, const std::string &item) {
  if (item.ends_with(',') && word_at(mistake) != &mistake.words.back())
    return "write the ports as one list without blanks, for example 80,443";
  if (item.find(',') != std::string::npos) {
    const std::string fixed = without_empty_items(item);
    return fixed.empty() || fixed[0] == '/'
               ? "write at least one port"
               : fmt::format("remove the empty item: {}", fixed);
  }
  if (item.ends_with('-') || item.ends_with(':')) {
    const std::string first = item.substr(0, item.size() - 1);
    return all_digits(first)
               ? fmt::format("write {} alone, or a range with both ends: "
                             "{}-65535",
                             first, first)
               : "";
  }
  return "ports are numbers from 1 to 65535, ranges like 80-90, or service "
         "names";
}

std::string subject_hint(const Mistake &mistake) {
  const auto &words = mistake.words;
  if (mistake.code == PACL_ERR_ID && words.size() >= 2 &&
      words[1].text.find_first_of(",/:") != std::string::npos)
    return fmt::format("name the subject before the ports: {} SUBJECT {}",
                       words[0].text, words[1].text);
  return fmt::format("say who and which ports, for example: {} user web 443",
                     words[0].text);
}

std::string ports_missing_hint(const Mistake &mistake) {
  const auto &words = mistake.words;
  if (words.size() > 1 && !words[1].quoted && words[1].text == "each")
    return each_example;
  if (words.size() == 2 && !words[1].quoted && all_digits(words[1].text))
    return fmt::format("name the subject before the ports: {} SUBJECT {}",
                       words[0].text, words[1].text);
  if (words.size() == 3 && !words[1].quoted && all_digits(words[2].text))
    return fmt::format("for the user named '{}' write: {} user {} {}",
                       words[1].text, words[0].text, words[1].text,
                       words[2].text);
  return fmt::format("add the ports, for example: {} 443",
                     mistake.line.substr(0, words.back().end));
}

// "443 tcp" and "443 proto tcp", as others write it; empty if it is not that.
std::string protocol_hint(const Mistake &mistake, const Word *word) {
  constexpr std::array<std::string_view, 3> known = {"tcp", "udp", "sctp"};
  const auto &words = mistake.words;
  const auto at = static_cast<size_t>(word - words.data());
  const bool named = word->text == "proto" || word->text == "protocol";
  const size_t protocol = at + (named ? 1 : 0);
  if (at == 0 || protocol >= words.size() ||
      std::ranges::count(known, words[protocol].text) == 0 ||
      words[at - 1].text.find('/') != std::string::npos)
    return {};
  return fmt::format("write {}/{}", words[at - 1].text, words[protocol].text);
}

std::string term_hint(const Mistake &mistake) {
  const Word *word = word_at(mistake);
  if (word == nullptr || word->quoted)
    return {};
  if (std::string hint = protocol_hint(mistake, word); !hint.empty())
    return hint;
  const bool after_until =
      std::ranges::any_of(mistake.words, [&](const Word &other) {
        return other.text == "until" && other.end < word->begin;
      });
  if (after_until && word->text.find(':') != std::string::npos)
    return "write date and time as one word, for example 2026-12-24T18:00";
  if (word->text[0] >= '0' && word->text[0] <= '9')
    return "write the ports as one list without blanks, for example 80,443";
  const std::string best = nearest(word->text, {"on", "until"});
  return best.empty() ? "remove it, or put a '#' before a comment"
                      : fmt::format("did you mean '{}'?", best);
}

std::string action_hint(const Mistake &mistake) {
  const Word &word = mistake.words[0];
  if (const std::string best = nearest(word.text, {"allow", "deny", "reserve"});
      !best.empty())
    return fmt::format("did you mean '{}'?", best);
  if (mistake.words.size() > 1)
    return fmt::format(
        "a rule begins with its action: allow {}",
        mistake.line.substr(word.begin, mistake.words.back().end - word.begin));
  return {};
}

// The engine knows no names, so that its words for a subject are too few.
std::string reason(uint8_t code) {
  switch (code) {
  case PACL_ERR_SUBJECT:
    return "expected a subject";
  case PACL_ERR_ID:
    return "expected a name or an id";
  case PACL_ERR_TIME:
    return "expected a time";
  default:
    return pacl_error_text(code);
  }
}

std::string leading_zero_hint(const std::string &item) {
  const size_t first = item.find_first_not_of('0');
  return first == std::string::npos || !all_digits(item)
             ? "write the number without leading zeros"
             : fmt::format("write {}", item.substr(first));
}

std::string hint_of(const Mistake &mistake) {
  const std::string item = item_at(mistake);
  switch (mistake.code) {
  case PACL_ERR_ACTION:
    return printable(action_hint(mistake));
  case PACL_ERR_SUBJECT:
  case PACL_ERR_ID:
    return printable(subject_hint(mistake));
  case PACL_ERR_ID_RANGE:
    return "uids and gids are 0-4294967294";
  case PACL_ERR_PORTS_MISSING:
    return printable(ports_missing_hint(mistake));
  case PACL_ERR_PORT:
    return printable(port_hint(mistake, item));
  case PACL_ERR_PORT_RANGE:
    return "ports are 1-65535";
  case PACL_ERR_PORT_ORDER:
  case PACL_ERR_ID_ORDER:
    return printable(swapped(item));
  case PACL_ERR_LEADING_ZERO:
    return printable(leading_zero_hint(item));
  case PACL_ERR_ITEMS:
    return "split the list into two rules";
  case PACL_ERR_PROTO:
    return "write /tcp, /udp or /sctp, or leave it out for every transport";
  case PACL_ERR_EACH_IDS:
  case PACL_ERR_EACH_PORTS:
  case PACL_ERR_EACH_COUNT:
    return each_example;
  case PACL_ERR_EACH_ACTION:
    return "reserve the ports of all of them instead, and allow each his own";
  case PACL_ERR_TERM:
    return printable(term_hint(mistake));
  case PACL_ERR_ADDRESS:
    return "for example: on 192.0.2.1, on 10.0.0.0/8 or on 2001:db8::/32";
  case PACL_ERR_LENGTH_RANGE:
    return "IPv4 prefixes are /0 to /32, IPv6 prefixes /0 to /128";
  case PACL_ERR_TIME:
    return "for example: until 2026-12-24T18:00Z";
  default:
    return {};
  }
}

} // namespace

std::string mistake_text(const Mistake &mistake) {
  std::string text = reason(mistake.code);
  if (is_missing(mistake) || mistake.code == PACL_ERR_PORTS_MISSING)
    return fmt::format("{} after '{}'", text,
                       excerpt(mistake.words.back().text));
  // A subject is no list.
  const Word *word = word_at(mistake);
  if (mistake.code == PACL_ERR_EACH_ACTION)
    return text;
  if (mistake.code == PACL_ERR_ID && word != nullptr)
    return fmt::format("{}: '{}'", text, excerpt(word->text));
  return fmt::format("{}: '{}'", text, excerpt(item_at(mistake)));
}

std::string mistake_hint(const Mistake &mistake) {
  // Cut, it would be another command.
  constexpr size_t longest = 200;
  std::string hint = hint_of(mistake);
  return hint.size() > longest ? std::string() : hint;
}

} // namespace portacl
