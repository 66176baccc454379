// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/question.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

struct Check {
  const char *name;
  Findings (*run)(const Context &);
};

// In the order in which an administrator would mend them.
constexpr std::array checks = {
    Check{"kernel", check_kernel},
    Check{"ftrace", check_ftrace},
    Check{"hooks", check_hooks},
    Check{"bpf-fault", check_bpf_fault},
    Check{"lockdown", check_lockdown},
    Check{"signature", check_signature},
    Check{"dkms", check_dkms},
    Check{"version", check_version},
    Check{"boot", check_boot},
    Check{"files", check_files},
    Check{"names", check_names},
    Check{"automatic", check_automatic},
    Check{"strict", check_strict},
    Check{"boundary", check_boundary},
    Check{"capabilities", check_capabilities},
    Check{"units", check_units},
    Check{"authbind", check_authbind},
    Check{"nat", check_nat},
};

constexpr std::array<const char *, 3> health_names = {"pass", "warn", "fail"};
constexpr std::array<Tone, 3> health_tones = {Tone::good, Tone::doubtful,
                                              Tone::bad};

// Commands that mend the system that they are run in. Those that are not here
// have paths with the root in them.
constexpr std::array<std::string_view, 8> system_commands = {
    "apt ",     "apt-get ", "dkms ",   "getent ",
    "mokutil ", "rm ",      "sysctl ", "systemctl "};

bool is_of_system(std::string_view line) {
  return std::ranges::any_of(system_commands, [&](std::string_view command) {
    return line.starts_with(command);
  });
}

// The line as it mends the tree below --root, not the machine that runs this.
std::string line_for_root(const Context &context, const std::string &line) {
  const std::string &root = context.options.root;
  if (line.starts_with("portaclctl load") ||
      line.starts_with("portaclctl unload"))
    return fmt::format("run {} on the machine itself", line);
  if (line.starts_with("portaclctl ") &&
      !line.starts_with("portaclctl --root "))
    return command_here(context, line);
  if (line == "reboot")
    return "reboot the machine itself";
  return is_of_system(line)
             ? fmt::format("chroot {} {}", shell_word(root), line)
             : line;
}

std::string fix_line(const Context &context, std::string_view line) {
  constexpr std::string_view as_root = "sudo ";
  std::string text(line);
  if (line.starts_with("sudo portaclctl ")) {
    // Where root cannot see it, to ask again does not help.
    if (geteuid() == 0)
      return "run it with all capabilities, outside of a container";
    text = line.substr(as_root.size());
    return fmt::format("{}{}", as_root, printable(command_here(context, text)));
  }
  return printable(context.options.root.empty() ? text
                                                : line_for_root(context, text));
}

std::vector<std::string> fix_lines(const Context &context,
                                   const Finding &finding) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(finding.fix, '\n')) {
    if (!line.empty())
      lines.push_back(fix_line(context, line));
  }
  return lines;
}

void print_finding(const Context &context, const char *check,
                   const Finding &finding) {
  if (context.options.quiet && finding.health == Health::pass)
    return;
  const auto health = static_cast<size_t>(finding.health);
  context.console.text(fmt::format(
      "{}  {:<12}  {}\n",
      context.console.painted(health_names.at(health), health_tones.at(health)),
      check, printable(finding.text)));
  for (const std::string &line : fix_lines(context, finding))
    context.console.text(fmt::format("{:24}{}\n", "", line));
}

Json finding_json(const Context &context, const char *check,
                  const Finding &finding) {
  return {{"check", check},
          {"result", health_names.at(static_cast<size_t>(finding.health))},
          {"text", finding.text},
          {"fix", fix_lines(context, finding)}};
}

// The checks that were asked for, each once and in their own order; all where
// none was.
Result<std::vector<Check>> chosen_checks(const Context &context) {
  std::vector<std::string> names;
  names.reserve(checks.size());
  for (const Check &check : checks)
    names.emplace_back(check.name);
  for (const std::string &word : context.options.words) {
    if (std::ranges::count(names, word) != 0)
      continue;
    const std::string best = nearest(word, names);
    return usage(fmt::format("doctor has no check '{}'", printable(word)),
                 best.empty()
                     ? fmt::format("the checks are: {}", fmt::join(names, ", "))
                     : fmt::format("did you mean '{}'?", best));
  }
  std::vector<Check> chosen;
  for (const Check &check : checks) {
    if (context.options.words.empty() ||
        std::ranges::count(context.options.words, check.name) != 0)
      chosen.push_back(check);
  }
  return chosen;
}

} // namespace

int cmd_doctor(const Context &context) {
  const auto chosen = chosen_checks(context);
  if (!chosen)
    return fail(context, chosen.error());
  // A check takes its time, of whatever size a bar is worth showing.
  constexpr size_t steps = 10000;
  std::array<size_t, health_names.size()> counts{};
  Json findings = Json::array();
  for (size_t i = 0; i < chosen->size(); i++) {
    const Check &check = chosen->at(i);
    context.console.progress(fmt::format("looking at {}", check.name),
                             i * steps, chosen->size() * steps);
    for (const Finding &finding : check.run(context)) {
      counts.at(static_cast<size_t>(finding.health))++;
      findings.push_back(finding_json(context, check.name, finding));
      print_finding(context, check.name, finding);
    }
  }
  context.console.progress("", steps, steps);
  if (!context.options.quiet && !context.options.no_legend)
    context.console.text(fmt::format("\n{} passed, {} warned, {} failed.\n",
                                     counts[0], counts[1], counts[2]));
  context.console.json("doctor", {{"passed", counts[0]},
                                  {"warned", counts[1]},
                                  {"failed", counts[2]},
                                  {"findings", findings}});
  return static_cast<int>(counts[2] == 0 ? Code::done : Code::no);
}

} // namespace portacl
