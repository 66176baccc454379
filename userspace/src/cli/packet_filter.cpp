// SPDX-License-Identifier: GPL-2.0-only

#include "cli/packet_filter.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "cli/in_force.h"
#include "lib/config_dirs.h"
#include "lib/directory.h"
#include "lib/fd.h"
#include "lib/firewalld.h"
#include "lib/iptables.h"
#include "lib/nftables.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

struct RulesFile {
  const char *path;
  unsigned family;
};

// What is put into force at boot: by Debian's netfilter-persistent, Fedora's
// iptables-services and ufw.
constexpr std::array rules_files = {
    RulesFile{"/etc/iptables/rules.v4", family_ip4},
    RulesFile{"/etc/iptables/rules.v6", family_ip6},
    RulesFile{"/etc/sysconfig/iptables", family_ip4},
    RulesFile{"/etc/sysconfig/ip6tables", family_ip6},
    RulesFile{"/etc/ufw/before.rules", family_ip4},
    RulesFile{"/etc/ufw/before6.rules", family_ip6},
};

constexpr const char *nftables_conf = "/etc/nftables.conf";

const char *tables_program(unsigned family) {
  return family == family_ip6 ? "ip6tables" : "iptables";
}

Result<std::string> read_text_in_root(const Context &context,
                                      const std::string &path) {
  const std::string whole = context.root + path;
  const UniqueFd fd = open_in_root(context.root, whole);
  if (!fd)
    return system_error(errno, "cannot open " + whole);
  return read_all(fd, whole, max_packet_rules_bytes);
}

// The XML files of a directory, by their names.
std::vector<std::string> xml_files(const Context &context,
                                   const std::string &path) {
  UniqueFd fd = open_in_root(context.root, context.root + path);
  std::vector<std::string> names;
  if (!fd)
    return names;
  const Directory directory(fdopendir(fd.get()));
  if (!directory)
    return names;
  fd.release();
  while (const dirent *item = readdir(directory.get())) {
    const std::string name = item->d_name;
    if (name.ends_with(".xml") && !name.starts_with('.'))
      names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

class FilterReader final {
public:
  explicit FilterReader(const Context &context) : context_(context) {}

  Result<PacketFilter> machine() {
    if (context_.options.root.empty()) {
      iptables(family_ip4);
      iptables(family_ip6);
      nft();
      if (answers_ == 0 && failure_)
        return *failure_;
    } else {
      for (const RulesFile &file : rules_files)
        rules_file(file, tables_);
      odd_nftables_conf();
    }
    firewalld();
    return finish(!context_.options.root.empty());
  }

  Result<PacketFilter> files(const std::vector<std::string> &files) {
    for (const std::string &file : files) {
      auto text = file == "-" ? context_.console.input(max_packet_rules_bytes)
                              : read_any_file(file);
      if (!text)
        return text.error();
      if (auto read = one_file(file == "-" ? "standard input" : file, *text);
          !read)
        return read.error();
    }
    return finish(true);
  }

private:
  Result<PacketFilter> finish(bool from_files) {
    PacketFilter filter;
    static_cast<PacketFates &>(filter) = packet_fates(tables_);
    filter.from_files = from_files;
    if (!context_.options.root.empty()) {
      for (PacketRedirect &redirect : filter.redirects)
        redirect.remove.clear();
      for (PacketDrop &drop : filter.drops)
        drop.open.clear();
    }
    saved(filter);
    own_addresses(filter);
    return filter;
  }

  Result<void> one_file(const std::string &file, const std::string &text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    const char first = begin == std::string::npos ? '\0' : text[begin];
    if (first == '{')
      return read_nftables(text, file, {}, context_.names, tables_);
    if (first == '<')
      return read_firewalld(text, file, context_.names, tables_);
    if (first != '#' && first != '*')
      return Error{.code = Code::policy,
                   .message = "neither what iptables-save or 'nft -j list "
                              "ruleset' print nor XML of firewalld",
                   .hint = "rules in nft's own language: have nft print them "
                           "in JSON",
                   .file = file};
    const bool named_6 =
        file.ends_with("v6") || file.find("ip6tables") != std::string::npos;
    const unsigned family =
        is_ip6_text(text).value_or(named_6) ? family_ip6 : family_ip4;
    read_iptables({.text = text,
                   .family = family,
                   .program = tables_program(family),
                   .file = file},
                  context_.names, tables_);
    return {};
  }

  // What a program prints; empty if it is not there or fails, which is noted.
  std::optional<std::string> output(const std::vector<std::string> &command) {
    const auto run = context_.programs.run(command);
    const std::string words = fmt::format("{}", fmt::join(command, " "));
    if (!run) {
      if (run.error().errnum != ENOENT)
        note(run.error());
      return std::nullopt;
    }
    if (run->status == 0) {
      answers_++;
      return run->out;
    }
    std::string reason = run->err.substr(0, run->err.find('\n'));
    const bool forbidden = reason.find("ermi") != std::string::npos ||
                           reason.find("root") != std::string::npos;
    note({.code = forbidden ? Code::permission : Code::system,
          .message = fmt::format("{} failed: {}", words, excerpt(reason)),
          .hint = forbidden ? "run it as root" : ""});
    return std::nullopt;
  }

  void note(const Error &error) {
    if (!failure_)
      failure_ = error;
    tables_.warnings.push_back(error);
  }

  // The rules may be those of either of its two variants, or of both.
  void iptables(unsigned family) {
    const std::string program = tables_program(family);
    const auto text = output({program + "-save"});
    if (text)
      tables_text(*text, family, program);
    const std::string first = text ? text->substr(0, text->find('\n')) : "";
    const bool is_nft = first.find("(nf_tables)") != std::string::npos;
    if (!text || is_nft || first.empty())
      legacy(family, program);
    if (text && !first.empty() && !is_nft) {
      if (const auto other = output({program + "-nft-save"}))
        tables_text(*other, family, program + "-nft");
    }
  }

  void legacy(unsigned family, const std::string &program) {
    // Without any it would only load modules.
    const auto names = read_text_in_root(
        context_, fmt::format("/proc/net/{}_tables_names",
                              family == family_ip6 ? "ip6" : "ip"));
    if (!names || names->empty())
      return;
    if (const auto text = output({program + "-legacy-save"}))
      tables_text(*text, family, program + "-legacy");
  }

  void tables_text(const std::string &text, unsigned family,
                   const std::string &program) {
    read_iptables({.text = text, .family = family, .program = program},
                  context_.names, tables_);
    if (program.ends_with("-legacy"))
      return;
    for (const std::string_view line : split(text, '\n')) {
      if (line.starts_with('*'))
        shown_.insert(fmt::format("{} {}", family == family_ip6 ? "ip6" : "ip",
                                  line.substr(1)));
    }
  }

  void nft() {
    const auto text = output({"nft", "-j", "list", "ruleset"});
    if (!text)
      return;
    if (auto read = read_nftables(*text, "", shown_, context_.names, tables_);
        !read)
      note(read.error());
  }

  void firewalld() {
    for (const char *kind : {"zones", "policies"}) {
      std::map<std::string, std::string> files; // the first of a name wins
      for (const char *directory : {"/etc/firewalld/", "/usr/lib/firewalld/"}) {
        const std::string path = fmt::format("{}{}", directory, kind);
        for (const std::string &name : xml_files(context_, path))
          files.emplace(name, fmt::format("{}/{}", path, name));
      }
      for (const auto &[name, path] : files)
        firewalld_file(path);
    }
    firewalld_file("/etc/firewalld/direct.xml");
  }

  void firewalld_file(const std::string &path) {
    const auto text = read_text_in_root(context_, path);
    if (!text) {
      if (text.error().errnum != ENOENT)
        note(text.error());
      return;
    }
    if (auto read = read_firewalld(*text, context_.root + path, context_.names,
                                   tables_);
        !read)
      note(read.error());
  }

  void rules_file(const RulesFile &file, PacketTables &tables) {
    const auto text = read_text_in_root(context_, file.path);
    if (!text) {
      if (text.error().errnum != ENOENT && &tables == &tables_)
        note(text.error());
      return;
    }
    read_iptables({.text = *text,
                   .family = file.family,
                   .program = tables_program(file.family),
                   .file = context_.root + file.path},
                  context_.names, tables);
  }

  bool nftables_conf_redirects() {
    const auto text = read_text_in_root(context_, nftables_conf);
    return text && (text->find("redirect") != std::string::npos ||
                    text->find("dnat") != std::string::npos);
  }

  // It is in nft's own language, which only nft can read.
  void odd_nftables_conf() {
    if (!nftables_conf_redirects())
      return;
    const std::string file = context_.root + nftables_conf;
    const std::string load = fmt::format("{} && nft -j list ruleset",
                                         shell_words({"nft", "-f", file}));
    tables_.warnings.push_back(
        {.code = Code::attention,
         .message = "has redirects, in a language that only nft reads",
         .hint = fmt::format(
             "as root: {} | {}",
             shell_words({"unshare", "-n", "sh", "-c", load}),
             shell_words({"portaclctl", "--root", context_.options.root,
                          "import", "nat", "-"})),
         .file = file});
  }

  void saved(PacketFilter &filter) {
    if (!context_.options.root.empty())
      return;
    PacketTables kept;
    for (const RulesFile &file : rules_files)
      rules_file(file, kept);
    for (const PacketTable &table : kept.tables) {
      for (const auto &[name, chain] : table.chains) {
        for (const PacketRule &rule : chain.rules) {
          if (rule.verdict == PacketVerdict::redirect)
            filter.saved[rule.spec].push_back(
                rule.place.substr(0, rule.place.find(": ")));
        }
      }
    }
    if (nftables_conf_redirects())
      filter.saved["nft"].push_back(context_.root + nftables_conf);
  }

  void own_addresses(PacketFilter &filter) {
    // "|-- 192.0.2.1" and, on one of the next lines, "/32 host LOCAL".
    const std::string routes = text_or_nothing("/proc/net/fib_trie");
    std::string last;
    for (const std::string_view line : split(routes, '\n')) {
      if (const size_t at = line.find("|-- "); at != std::string_view::npos)
        last = line.substr(at + 4);
      else if (line.ends_with("/32 host LOCAL"))
        filter.addresses.insert(last);
    }
    // The first 32 digits of a line.
    const std::string addresses = text_or_nothing("/proc/net/if_inet6");
    for (const std::string_view line : split(addresses, '\n')) {
      if (const std::string address = ip6_address(line); !address.empty())
        filter.addresses.insert(address);
    }
  }

  std::string text_or_nothing(const char *path) {
    auto text = read_text_in_root(context_, path);
    return text ? std::move(*text) : std::string();
  }

  static std::string ip6_address(std::string_view digits) {
    constexpr size_t length = 32;
    if (digits.size() < length)
      return {};
    std::string text;
    for (size_t i = 0; i < length; i += 4)
      text += fmt::format("{}{}", i == 0 ? "" : ":", digits.substr(i, 4));
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (inet_pton(AF_INET6, text.c_str(), &address) != 1 ||
        inet_ntop(AF_INET6, &address, buffer.data(), buffer.size()) == nullptr)
      return {};
    return buffer.data();
  }

  const Context &context_;
  PacketTables tables_;
  IptablesTables shown_;
  std::optional<Error> failure_;
  size_t answers_ = 0;
};

// iptables and ufw write a range with a colon.
std::string open_range(const std::string &open, const PortRange &range) {
  std::string text = range_text(range);
  if (open.starts_with("ip") || open.starts_with("ufw"))
    std::ranges::replace(text, '-', ':');
  return text;
}

void put_word(std::string &command, std::string_view word,
              const std::string &value) {
  if (const size_t at = command.find(word); at != std::string::npos)
    command.replace(at, word.size(), value);
}

} // namespace

Result<PacketFilter> read_packet_filter(const Context &context,
                                        const std::vector<std::string> &files) {
  FilterReader reader(context);
  return files.empty() ? reader.machine() : reader.files(files);
}

bool stays_here(const PacketFilter &filter, const PacketRedirect &redirect) {
  const std::string &address = redirect.target.address;
  // The addresses of the machine that the files are of are not known; to
  // another port of the same is nothing that is done for others.
  return address.empty() || address.starts_with("127.") || address == "::1" ||
         filter.addresses.count(address) != 0 ||
         (filter.from_files && address == redirect.packets.destination);
}

std::string open_commands(const PacketDrop &drop, const Packets &packets) {
  std::string protocol;
  for (size_t i = 0; i < packet_protocols.size(); i++) {
    if ((packets.protocols & 1U << i) != 0)
      protocol = packet_protocols.at(i);
  }
  std::string commands;
  for (const PortRange &range : packets.ports) {
    std::string command = drop.open;
    put_word(command, "{protocol}", protocol);
    put_word(command, "{port}", open_range(drop.open, range));
    commands += (commands.empty() ? "" : "\n") + command;
  }
  return drop.open.empty() ? std::string() : commands;
}

std::vector<PortRange> low_ports(const std::vector<PortRange> &ranges,
                                 uint64_t unprivileged_start) {
  if (unprivileged_start <= 1)
    return {};
  const auto last = static_cast<uint16_t>(
      std::min(unprivileged_start - 1, uint64_t{UINT16_MAX}));
  return ranges_of_both(ranges, {{1, last}});
}

std::string packet_ports(const Packets &packets) {
  PortSet ports;
  for (const PortRange &range : packets.ports)
    add_ports(ports, range);
  std::string protocols;
  for (size_t i = 0; i < packet_protocols.size(); i++) {
    if ((packets.protocols & 1U << i) != 0)
      protocols += std::string("/") + packet_protocols.at(i);
  }
  return port_list(ports) + protocols;
}

} // namespace portacl
