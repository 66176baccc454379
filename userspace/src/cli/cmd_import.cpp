// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/import.h"
#include "cli/lint.h"
#include "lib/config_dirs.h"
#include "lib/policy.h"
#include "lib/shell_words.h"
#include "lib/table.h"
#include "lib/text.h"
#include "version.h"

namespace portacl {

namespace {

struct Way {
  std::string_view name;
  const char *what;
  bool takes_sources;
  Result<Imported> (*read)(const Context &);
};

constexpr std::array ways = {
    Way{"authbind", "the files in /etc/authbind", false, import_authbind},
    Way{"mac_portacl", "FreeBSD's rules: uid:33:tcp:80, or a sysctl.conf", true,
        import_mac_portacl},
    Way{"setcap", "programs with the file capability", true, import_setcap},
    Way{"systemd", "units with AmbientCapabilities", true, import_systemd},
    Way{"sysctl", "a lowered net.ipv4.ip_unprivileged_port_start", true,
        import_sysctl},
    Way{"nat", "redirects of iptables, nftables and firewalld", true,
        import_nat},
};

Error unknown_way(const std::string &word) {
  std::vector<std::string> names;
  names.reserve(ways.size());
  for (const Way &way : ways)
    names.emplace_back(way.name);
  const std::string best = nearest(word, names);
  return usage(fmt::format("import knows no '{}'", excerpt(word)),
               best.empty()
                   ? fmt::format("use one of: {}", fmt::join(names, ", "))
                   : fmt::format("did you mean '{}'?", best));
}

int list_ways(const Context &context) {
  std::vector<std::vector<std::string>> rows;
  Json list = Json::array();
  if (!context.options.no_legend)
    rows.push_back({"WAY", "WHAT IS READ"});
  for (const Way &way : ways) {
    rows.push_back({std::string(way.name), way.what});
    list.push_back({{"way", way.name}, {"what", way.what}});
  }
  context.console.text(format_table(rows));
  context.console.json("import", {{"ways", list}});
  return static_cast<int>(Code::done);
}

// An imported rule on its way to a policy file.
struct ImportedLine {
  ImportedRule rule;
  std::string numeric = {}; // canonical text, empty if it is no rule
};

// A way that gives what is no rule has a bug, which must not make the file one
// that is refused.
ImportedLine line_of(const Context &context, const ImportedRule &rule,
                     std::vector<Error> &warnings) {
  ImportedLine line{rule};
  const auto parsed = parse_rule(rule.rule, context.names);
  if (!parsed || !*parsed) {
    line.rule.rule = printable(rule.rule);
    if (!rule.active)
      return line;
    line.rule.active = false;
    Error error = parsed ? usage("no rule") : parsed.error();
    error.message = fmt::format("commented out, as it is no rule here: {}: {}",
                                excerpt(rule.rule), error.message);
    error.column = 0;
    warnings.push_back(std::move(error));
    return line;
  }
  line.numeric = (*parsed)->numeric;
  bool unresolved = false;
  line.rule.rule = show_rule(context, line.numeric, unresolved);
  // A name can stand for another number where a database has it twice.
  const auto again = parse_rule(line.rule.rule, context.names);
  if (!again || !*again || (*again)->numeric != line.numeric)
    line.rule.rule = line.numeric;
  if (unresolved)
    line.rule.remarks.emplace_back(
        fmt::format("nobody has this number here: somebody may get it"));
  return line;
}

// Each rule once, where it comes first, with all of its origins.
std::vector<ImportedLine> lines_of(const Context &context, Imported &imported) {
  std::vector<ImportedLine> lines;
  std::map<std::string, size_t> known;
  for (const ImportedRule &rule : imported.rules) {
    ImportedLine line = line_of(context, rule, imported.warnings);
    if (line.rule.active) {
      const auto [first, is_new] = known.emplace(line.numeric, lines.size());
      if (!is_new) {
        ImportedRule &same = lines[first->second].rule;
        const std::string also = "also: " + rule.origin;
        if (same.origin != rule.origin &&
            std::ranges::count(same.remarks, also) == 0)
          same.remarks.push_back(also);
        continue;
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

// What "check" will say about them, once for each kind.
void lint_imported(const Context &context,
                   const std::vector<ImportedLine> &lines) {
  std::map<std::string, std::vector<std::string>> found;
  for (const ImportedLine &line : lines) {
    if (!line.rule.active || !line.numeric.starts_with("allow "))
      continue;
    for (const std::string &text :
         lint_grant(rule_from_text(line.numeric), false))
      found[text].push_back(line.rule.rule);
  }
  for (const auto &[text, rules] : found)
    context.console.warning(fmt::format(
        "{}: {}{}", text, rules.front(),
        rules.size() == 1 ? ""
                          : fmt::format(", and {} more", rules.size() - 1)));
}

void print_comment(const Context &context, const std::string &text) {
  for (const std::string_view line : split(text, '\n'))
    context.console.text(fmt::format("# {}\n", printable(line)));
}

void print_imported(const Context &context,
                    const std::vector<ImportedLine> &lines) {
  const ImportedRule *last = nullptr;
  for (const ImportedLine &line : lines) {
    const ImportedRule &rule = line.rule;
    if (last == nullptr || last->origin != rule.origin ||
        last->remarks != rule.remarks) {
      if (last != nullptr || !context.options.no_legend)
        context.console.text("\n");
      print_comment(context, rule.origin);
      for (const std::string &remark : rule.remarks)
        print_comment(context, remark);
    }
    last = &rule;
    context.console.text(
        fmt::format("{}{}\n", rule.active ? "" : "#", rule.rule));
  }
}

void print_steps(const Context &context, const Imported &imported) {
  if (imported.steps.empty())
    return;
  context.console.text("\n# Once these rules are in force:\n");
  for (const ImportStep &step : imported.steps) {
    print_comment(context, step.what);
    if (!step.file.empty())
      print_comment(context, fmt::format("    {}:", step.file));
    for (const std::string_view line : split(step.content, '\n')) {
      if (!line.empty())
        print_comment(context, fmt::format("        {}", line));
    }
    // It may be what makes the file count.
    if (!step.command.empty())
      print_comment(context, "    " + step.command);
  }
}

void print_file(const Context &context, const Way &way,
                const Imported &imported,
                const std::vector<ImportedLine> &lines) {
  if (lines.empty() && imported.steps.empty())
    return;
  if (!context.options.no_legend) {
    print_comment(context, fmt::format("Imported from {} by portaclctl {}.",
                                       way.name, PORTACL_VERSION));
    for (const std::string &note : imported.notes)
      print_comment(context, note);
  }
  print_imported(context, lines);
  print_steps(context, imported);
}

void print_json(const Context &context, const Way &way,
                const Imported &imported,
                const std::vector<ImportedLine> &lines) {
  Json rules = Json::array();
  for (const ImportedLine &line : lines)
    rules.push_back({{"rule", line.rule.rule},
                     {"origin", line.rule.origin},
                     {"remarks", line.rule.remarks},
                     {"active", line.rule.active}});
  Json steps = Json::array();
  for (const ImportStep &step : imported.steps)
    steps.push_back({{"what", step.what},
                     {"command", step.command},
                     {"file", step.file},
                     {"content", step.content}});
  context.console.json("import", {{"way", way.name},
                                  {"notes", imported.notes},
                                  {"rules", rules},
                                  {"steps", steps}});
}

void note_what_next(const Context &context, const Way &way,
                    const std::vector<ImportedLine> &lines) {
  if (lines.empty()) {
    context.console.note(fmt::format("nothing found that {} allows", way.name));
    return;
  }
  const std::string options =
      context.options.root.empty()
          ? ""
          : fmt::format("--root {} ", shell_word(context.options.root));
  context.console.note(fmt::format(
      "nothing is changed: review it, save it as {}{}/60-{}.conf, then run: "
      "portaclctl {}check",
      printable(context.options.root), config_etc, way.name, options));
}

} // namespace

int cmd_import(const Context &context) {
  const auto &words = context.options.words;
  if (words.empty())
    return list_ways(context);
  const auto way = std::ranges::find(ways, words.front(), &Way::name);
  if (way == ways.end())
    return fail(context, unknown_way(words.front()));
  if (!way->takes_sources && words.size() > 1)
    return fail(context, usage(fmt::format("unexpected argument '{}'",
                                           excerpt(words[1])),
                               fmt::format("{} is read from {}; --root names "
                                           "another machine's files",
                                           way->name, way->what)));
  if (context.options.tcp_only && way->name != "authbind")
    return fail(context, usage("--tcp-only is for authbind",
                               fmt::format("leave it out: {} tells transports "
                                           "apart or has none to choose",
                                           way->name)));
  auto imported = way->read(context);
  if (!imported)
    return fail(context, imported.error());
  const std::vector<ImportedLine> lines = lines_of(context, *imported);
  if (context.console.wants_json())
    print_json(context, *way, *imported, lines);
  else
    print_file(context, *way, *imported, lines);
  for (const Error &warning : imported->warnings) {
    context.console.warning(warning);
    if (!warning.hint.empty())
      context.console.hint(warning.hint);
  }
  lint_imported(context, lines);
  note_what_next(context, *way, lines);
  return static_cast<int>(Code::done);
}

} // namespace portacl
