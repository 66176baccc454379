// SPDX-License-Identifier: GPL-2.0-only

#include "lib/firewalld.h"

#include <algorithm>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "lib/iptables.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

class FirewalldFile final {
public:
  FirewalldFile(const std::string &file, Names &names, PacketTables &tables)
      : file_(file), names_(names), tables_(tables) {
    name_ = file_name(file);
    if (name_.ends_with(".xml"))
      name_.erase(name_.size() - std::string_view(".xml").size());
  }

  Result<void> read(const pugi::xml_document &document) {
    const pugi::xml_node root = document.document_element();
    const std::string kind = root.name();
    if (kind == "zone" || kind == "policy") {
      option_ = fmt::format("--{}={}", kind, name_);
      limit_ = fmt::format("of {} {}", kind, name_);
      read_zone(root);
    } else if (kind == "direct") {
      read_direct(root);
    } else {
      return Error{.code = Code::policy,
                   .message = fmt::format("<{}> is no zone, policy or direct "
                                          "configuration of firewalld",
                                          excerpt(kind)),
                   .file = file_};
    }
    return {};
  }

private:
  void warn(const std::string &message) {
    tables_.warnings.push_back(
        {.code = Code::policy, .message = message, .file = file_});
  }

  // Each has a table of its own: none is in the way of another.
  void add(PacketRule rule, const std::string &hook) {
    rule.place = fmt::format("{}: {}", file_, rule.place);
    PacketTable table{.families = rule.packets.families,
                      .manager = "firewalld"};
    PacketChain chain{.hook = hook, .is_nat = true};
    chain.rules.push_back(std::move(rule));
    table.chains["forward"] = std::move(chain);
    tables_.tables.push_back(std::move(table));
  }

  static std::string command(std::vector<std::string> words) {
    words.insert(words.begin(), {"firewall-cmd", "--permanent"});
    return shell_words(words) + "\nfirewall-cmd --reload";
  }

  void read_zone(const pugi::xml_node &zone) {
    for (const pugi::xml_node node : zone.children("forward-port"))
      forward_port(node);
    for (const pugi::xml_node node : zone.children("rule")) {
      if (node.child("forward-port"))
        rich_rule(node);
    }
  }

  static std::string attribute(const pugi::xml_node &node, const char *name) {
    return node.attribute(name).value();
  }

  Result<PacketRule> forward(const pugi::xml_node &node) {
    std::string from = attribute(node, "port");
    const std::string to_port = attribute(node, "to-port");
    const std::string to_address = attribute(node, "to-addr");
    std::string to = to_address.find(':') == std::string::npos
                         ? to_address
                         : "[" + to_address + "]";
    if (!to_port.empty())
      to += ":" + to_port;
    // As iptables says the same.
    for (char &ch : from)
      ch = ch == '-' ? ':' : ch;
    const bool is_ip6 = to_address.find(':') != std::string::npos;
    const unsigned families = to_address.empty() ? family_ip4 | family_ip6
                              : is_ip6           ? family_ip6
                                                 : family_ip4;
    auto rule = iptables_rule({"-p", attribute(node, "protocol"), "--dport",
                               from, "-j", "DNAT", "--to-destination", to},
                              families, names_);
    if (rule)
      rule->packets.limits.push_back(limit_);
    return rule;
  }

  void forward_port(const pugi::xml_node &node) {
    auto rule = forward(node);
    if (!rule)
      return warn("forward-port: " + rule.error().message);
    std::string value = fmt::format("port={}:proto={}", attribute(node, "port"),
                                    attribute(node, "protocol"));
    if (const std::string port = attribute(node, "to-port"); !port.empty())
      value += ":toport=" + port;
    if (const std::string address = attribute(node, "to-addr");
        !address.empty())
      value += ":toaddr=" + address;
    rule->place = "forward-port " + value;
    rule->remove = command({option_, "--remove-forward-port=" + value});
    add(std::move(*rule), "prerouting");
  }

  void rich_rule(const pugi::xml_node &node) {
    auto rule = forward(node.child("forward-port"));
    if (!rule)
      return warn("rule: " + rule.error().message);
    std::string text = "rule";
    bool exact = true; // as far as this program can write it
    for (const pugi::xml_attribute item : node.attributes())
      text += fmt::format(" {}=\"{}\"", item.name(), item.value());
    const std::string family = attribute(node, "family");
    if (!family.empty())
      rule->packets.families = family == "ipv6" ? family_ip6 : family_ip4;
    for (const char *name : {"source", "destination"})
      exact = end_of_rule(node.child(name), text, *rule) && exact;
    const pugi::xml_node port = node.child("forward-port");
    text += " forward-port";
    for (const char *name : {"port", "protocol", "to-port", "to-addr"}) {
      if (port.attribute(name))
        text += fmt::format(" {}=\"{}\"", name, attribute(port, name));
    }
    for (const pugi::xml_node child : node.children()) {
      const std::string name = child.name();
      exact = exact && (name == "source" || name == "destination" ||
                        name == "forward-port");
    }
    rule->place = text;
    if (exact)
      rule->remove = command({option_, "--remove-rich-rule=" + text});
    add(std::move(*rule), "prerouting");
  }

  // False if it cannot be written back.
  static bool end_of_rule(const pugi::xml_node &node, std::string &text,
                          PacketRule &rule) {
    if (!node)
      return true;
    const std::string invert = attribute(node, "invert");
    const bool negated = invert == "yes" || invert == "true";
    const pugi::xml_attribute of = node.first_attribute();
    const std::string what = of.name();
    const bool is_destination = std::string_view(node.name()) == "destination";
    text += fmt::format(" {}{} {}=\"{}\"", node.name(), negated ? " NOT" : "",
                        what, of.value());
    if (is_destination && what == "address" && !negated)
      rule.packets.destination = of.value();
    else
      rule.packets.limits.push_back(
          fmt::format("{}{} {}", negated ? "not " : "",
                      is_destination ? "to" : "from", of.value()));
    return what == "address" || what == "mac" || what == "ipset";
  }

  void read_direct(const pugi::xml_node &direct) {
    for (const pugi::xml_node node : direct.children("rule")) {
      if (attribute(node, "table") == "nat")
        direct_rule(node);
    }
    for (const pugi::xml_node node : direct.children("passthrough"))
      passthrough(node);
  }

  // XML may break it wherever it has a blank.
  static std::string one_line(const pugi::xml_node &node) {
    std::string text = node.text().get();
    std::ranges::replace_if(
        text, [](char ch) { return ch == '\n' || ch == '\r'; }, ' ');
    const size_t begin = text.find_first_not_of(' ');
    return begin == std::string::npos
               ? std::string()
               : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
  }

  static unsigned family_of(const pugi::xml_node &node) {
    return attribute(node, "ipv") == "ipv6" ? family_ip6 : family_ip4;
  }

  void add_direct(const pugi::xml_node &node, const std::string &chain,
                  const std::vector<std::string> &words,
                  std::vector<std::string> removal, const std::string &text) {
    auto rule = iptables_rule(words, family_of(node), names_);
    if (!rule)
      return warn(excerpt(text) + ": " + rule.error().message);
    if (rule->verdict != PacketVerdict::redirect)
      return;
    if (!chain.starts_with("PREROUTING") && !chain.starts_with("OUTPUT"))
      return warn(excerpt(text) +
                  ": which packets come to that chain is not looked for");
    rule->place = text;
    rule->remove = command(std::move(removal));
    add(std::move(*rule), chain == "OUTPUT" ? "output" : "prerouting");
  }

  void direct_rule(const pugi::xml_node &node) {
    const std::string chain = attribute(node, "chain");
    const std::string text = one_line(node);
    const auto words = iptables_words(text);
    if (!words)
      return warn("rule: " + words.error().message);
    std::vector<std::string> removal = {
        "--direct", "--remove-rule", attribute(node, "ipv"),
        "nat",      chain,           attribute(node, "priority")};
    removal.insert(removal.end(), words->begin(), words->end());
    add_direct(node, chain, *words, removal,
               fmt::format("rule nat {} {}", chain, text));
  }

  // A whole command of iptables: "-t nat -A PREROUTING ...".
  void passthrough(const pugi::xml_node &node) {
    const std::string text = one_line(node);
    const auto words = iptables_words(text);
    if (!words)
      return warn("passthrough: " + words.error().message);
    std::vector<std::string> removal = {"--direct", "--remove-passthrough",
                                        attribute(node, "ipv")};
    removal.insert(removal.end(), words->begin(), words->end());
    std::vector<std::string> rest;
    std::string chain;
    std::string table;
    for (size_t i = 0; i < words->size(); i++) {
      const std::string &word = (*words)[i];
      const bool adds = word == "-A" || word == "-I" || word == "--append" ||
                        word == "--insert";
      if ((adds || word == "-t" || word == "--table") && i + 1 < words->size())
        (adds ? chain : table) = (*words)[++i];
      else if (rest.empty() && all_digits(word))
        continue; // the place of an insertion
      else
        rest.push_back(word);
    }
    if (table == "nat" && !chain.empty())
      add_direct(node, chain, rest, removal,
                 fmt::format("passthrough {}", text));
  }

  const std::string &file_;
  Names &names_;
  PacketTables &tables_;
  std::string name_;
  std::string option_; // of firewall-cmd
  std::string limit_;
};

} // namespace

Result<void> read_firewalld(std::string_view xml, const std::string &file,
                            Names &names, PacketTables &tables) {
  // Types and entities of documents are not read, let alone other files.
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(
      xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) {
    const auto before = xml.substr(
        0, static_cast<size_t>(std::max<ptrdiff_t>(parsed.offset, 0)));
    return Error{
        .code = Code::policy,
        .message = fmt::format("no XML: {}", parsed.description()),
        .file = file,
        .line = static_cast<uint32_t>(std::ranges::count(before, '\n') + 1)};
  }
  return FirewalldFile(file, names, tables).read(document);
}

} // namespace portacl
