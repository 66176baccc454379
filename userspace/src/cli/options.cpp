// SPDX-License-Identifier: GPL-2.0-only

#include "cli/options.h"

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "lib/settings.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

constexpr const char *examples =
    "Examples:\n"
    "  portaclctl allow web 443                 user web may bind port 443\n"
    "  portaclctl allow user web 80,443/tcp     two ports, TCP only\n"
    "  portaclctl allow group mail 25,465,587   a group\n"
    "  portaclctl deny any 8080 on 192.0.2.1    nobody, on that address\n"
    "  portaclctl reserve 5432/tcp              only those who are allowed\n"
    "  portaclctl query web 443                 may web bind port 443?\n"
    "  portaclctl remove allow web 443          the same words again\n";

constexpr const char *subject_words =
    "[user] NAME, group NAME or any, then ports: 80,443/tcp, then [on "
    "ADDRESS[/LENGTH]] [until TIME]";

struct Raw {
  std::string json;
  std::string duration;
  std::string color = "auto";
};

// CLI11 would speak of subcommands and leave out the name of the program.
class HelpFormatter final : public CLI::Formatter {
public:
  HelpFormatter() { column_width(26); }

  std::string make_usage(const CLI::App *app,
                         std::string /*name*/) const override {
    if (app->get_parent() == nullptr)
      return "Usage: portaclctl [OPTION...] COMMAND [ARGUMENT...]\n";
    std::string arguments;
    for (const CLI::Option *option : app->get_options())
      arguments += option->get_positional() ? " " + option->get_name(true) : "";
    return fmt::format("Usage: portaclctl {} [OPTION...]{}\n", app->get_name(),
                       arguments);
  }

  std::string make_option_name(const CLI::Option *option,
                               bool is_positional) const override {
    std::string name = option->get_name(is_positional, true);
    if (const size_t brace = name.find('{'); brace != std::string::npos)
      name.replace(brace, std::string::npos, "[=short]");
    return name;
  }

  std::string make_option_opts(const CLI::Option *option) const override {
    if (option->get_positional())
      return {};
    return option->get_type_name().empty() ? "" : "=" + option->get_type_name();
  }
};

void add_global_options(CLI::App &app, Options &options, Raw &raw) {
  app.add_flag("-n,--dry-run", options.dry_run,
               "Say what would be done, change nothing");
  app.add_flag("-q,--quiet", options.quiet, "Print errors and warnings only");
  app.add_flag("-v,--verbose", options.verbose, "Print the single steps, too");
  app.add_flag("-y,--yes", options.yes, "Do not ask");
  app.add_flag("--json{pretty}", raw.json,
               "Answer in JSON; short: on one line");
  app.add_flag("--no-legend", options.no_legend,
               "Leave out headings and footers");
  app.add_flag("--numeric", options.numeric, "Show ids instead of names");
  app.add_option("--color", raw.color, "Use colours: auto, always or never")
      ->type_name("WHEN");
  app.add_option("--root", options.root,
                 "Work on the files below DIR, leave the kernel alone")
      ->type_name("DIR");
  app.add_flag("--runtime", options.runtime, "Change it until the next reboot");
  app.add_flag("--version", options.version, "Print the version");
}

CLI::App *add_command(CLI::App &app, const char *name, const char *what,
                      const char *group) {
  CLI::App *command = app.add_subcommand(name, what);
  command->fallthrough();
  command->group(group);
  command->set_help_flag("-h,--help", "Print this help");
  return command;
}

void add_force(CLI::App &command, Options &options) {
  command.add_flag("--force", options.force,
                   "Do it although listeners would be refused");
}

void add_rule_commands(CLI::App &app, Options &options, Raw &raw) {
  auto *allow =
      add_command(app, "allow", "Allow SUBJECT to bind PORTS", "Change");
  auto *deny = add_command(
      app, "deny", "Refuse SUBJECT the PORTS, whatever else allows", "Change");
  for (CLI::App *command : {allow, deny}) {
    command->add_option("SUBJECT PORTS", options.words, subject_words);
    command
        ->add_option("--for", raw.duration,
                     "So long, and until the next reboot at most: 10m, 1h30m")
        ->type_name("DURATION");
  }
  add_force(*deny, options);
  add_command(app, "reserve", "Keep PORTS for those who are allowed", "Change")
      ->add_option("PORTS", options.words, "ports: 5432/tcp, 8000-8099");
  add_command(app, "remove", "Remove a rule", "Change")
      ->add_option("RULE", options.words,
                   "the same words again: allow web 443");
}

void add_setting_commands(CLI::App &app, Options &options) {
  const auto add = [&](const char *name, const char *what, const char *argument,
                       const char *help) {
    auto *command = add_command(app, name, what, "Settings");
    command->add_option(argument, options.words, help);
    return command;
  };
  add_force(*add("mode", "Show or set whether rules are enforced", "MODE",
                 "enforce, permissive or off (default: show)"),
            options);
  add_force(*add("strict", "Show or set whether privileged ports need a rule",
                 "SWITCH", "on or off (default: show)"),
            options);
  add("scope", "Show or set which network namespaces are judged", "SCOPE",
      "init or all (default: show)");
  add("lock", "Let nothing change until the next reboot", "status",
      "show whether it is locked");
}

void add_commands(CLI::App &app, Options &options, Raw &raw) {
  add_command(app, "status", "Show whether and what portacl enforces", "Look");
  auto *list = add_command(app, "list", "List the rules in force", "Look");
  list->add_option("--source", options.source,
                   "Ask the kernel or the files (default: kernel if loaded)")
      ->type_name("kernel|files");
  list->add_option("--format", options.format,
                   "Print a table, or rules to be read back")
      ->type_name("table|rules");
  list->add_option("--user", options.user, "Only rules that name this user")
      ->type_name("USER");
  list->add_option("--port", options.port, "Only rules that name this port")
      ->type_name("PORT");
  auto *query = add_command(app, "query", "May SUBJECT bind PORT?", "Look");
  query->add_option("SUBJECT PORT", options.words,
                    "[user] NAME | group NAME | any, then PORT[/PROTOCOL], "
                    "then [on ADDRESS]");
  add_rule_commands(app, options, raw);
  add_setting_commands(app, options);
  auto *load =
      add_command(app, "load", "Load the module, apply the files", "Module");
  load->add_option("PATH", options.words, "a .ko file (default: by name)");
  add_command(app, "unload", "Unload the module", "Module");
  add_command(app, "version", "Print the versions of tool and module",
              "Module");
}

std::vector<std::string> command_names(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *command :
       app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(command->get_name());
  return names;
}

Error usage_error(std::string message, std::string hint = {}) {
  return {.code = Code::usage,
          .message = std::move(message),
          .hint = std::move(hint)};
}

Error unexpected_argument(const CLI::App &app, const Options &options) {
  const auto rest = app.remaining(true);
  const std::string word = rest.empty() ? "" : rest.front();
  if (word.starts_with('-') && word.size() > 1)
    return usage_error(fmt::format("unknown option '{}'", printable(word)));
  if (!options.command.empty())
    return usage_error(
        fmt::format("unexpected argument '{}'", printable(word)));
  const std::string best = nearest(word, command_names(app));
  return usage_error(fmt::format("unknown command '{}'", printable(word)),
                     best.empty() ? ""
                                  : fmt::format("did you mean '{}'?", best));
}

// CLI11's messages are sentences about its own terms; make them ours.
Error parse_error(const CLI::ParseError &error) {
  std::string message = error.what();
  while (!message.empty() && (message.back() == '\n' || message.back() == '.'))
    message.pop_back();
  return usage_error(printable(message));
}

Result<void> check_choice(const char *option, const std::string &value,
                          const std::vector<std::string> &choices) {
  if (value.empty() || std::ranges::count(choices, value) != 0)
    return {};
  return usage_error(
      fmt::format("'{}' is no value for {}", printable(value), option),
      fmt::format("use one of: {}", fmt::join(choices, " ")));
}

Result<void> check_values(Options &options, const Raw &raw) {
  const std::map<std::string, Color> colors = {{"auto", Color::automatic},
                                               {"always", Color::always},
                                               {"never", Color::never}};
  if (auto fine = check_choice("--json", raw.json, {"pretty", "short"}); !fine)
    return fine;
  if (!raw.json.empty())
    options.json = raw.json == "short" ? JsonStyle::brief : JsonStyle::pretty;
  const auto color = colors.find(raw.color);
  if (color == colors.end())
    return check_choice("--color", raw.color.empty() ? "''" : raw.color,
                        {"auto", "always", "never"});
  options.color = color->second;
  if (auto fine = check_choice("--source", options.source, {"kernel", "files"});
      !fine)
    return fine;
  if (auto fine = check_choice("--format", options.format, {"table", "rules"});
      !fine)
    return fine;
  if (options.command == "load" && options.words.size() > 1)
    return usage_error("load takes one file");
  if (setting_of(options.command) && options.words.size() > 1)
    return usage_error(
        fmt::format("unexpected argument '{}'", printable(options.words[1])));
  return {};
}

Result<void> check_duration(Options &options, const Raw &raw, bool given) {
  if (!given)
    return {};
  const auto duration = parse_duration(raw.duration);
  if (!duration)
    return duration.error();
  options.duration = *duration;
  options.runtime = true;
  return {};
}

Result<void> check_root(Options &options, bool given) {
  // An unset variable must not turn into "this machine".
  if (given && options.root.empty())
    return usage_error("--root has no value");
  if (!given)
    return {};
  while (options.root.ends_with('/'))
    options.root.pop_back();
  // It promises to leave the kernel alone.
  if (options.root.empty())
    return usage_error("--root=/ is this machine: leave the option out");
  struct stat info {};
  if (stat(options.root.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return usage_error(fmt::format("--root: no such directory: '{}'",
                                   printable(options.root)));
  return {};
}

// CLI11 would take the next word for "--root=".
Result<void> check_empty_values(const std::vector<std::string> &arguments) {
  for (const std::string &argument : arguments) {
    if (argument.starts_with("--") && argument.ends_with('='))
      return usage_error(fmt::format(
          "{} has no value", printable(std::string_view(argument).substr(
                                 0, argument.size() - 1))));
  }
  return {};
}

Result<void> add_words(Options &options,
                       const std::vector<std::string> &words) {
  const std::vector<std::string> none = {"", "status", "list", "unload",
                                         "version"};
  if (!words.empty() && std::ranges::count(none, options.command) != 0)
    return usage_error(
        fmt::format("unexpected argument '{}'", printable(words.front())));
  options.words.insert(options.words.end(), words.begin(), words.end());
  return {};
}

// Wanted even where the rest of the line is wrong.
JsonStyle scan_json(const std::vector<std::string> &arguments) {
  for (const std::string &argument : arguments) {
    if (argument == "--")
      break;
    if (argument == "--json=short")
      return JsonStyle::brief;
    if (argument == "--json" || argument.starts_with("--json="))
      return JsonStyle::pretty;
  }
  return JsonStyle::off;
}

} // namespace

Result<void> parse_options(const std::vector<std::string> &arguments,
                           Options &options) {
  CLI::App app("Say who may bind which ports.", "portaclctl");
  Raw raw;
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "Print this help");
  app.formatter(std::make_shared<HelpFormatter>());
  add_global_options(app, options, raw);
  add_commands(app, options, raw);
  app.footer(examples);
  options.json = scan_json(arguments);
  // "--" ends the options; what follows are words as they stand.
  const auto marker = std::ranges::find(arguments, "--");
  std::vector<std::string> parsed(arguments.begin(), marker);
  std::ranges::reverse(parsed);
  if (auto fine = check_empty_values(parsed); !fine)
    return fine;

  const auto note_command = [&] {
    const auto chosen = app.get_subcommands();
    options.command = chosen.empty() ? "" : chosen.front()->get_name();
  };
  try {
    app.parse(std::move(parsed));
    note_command();
  } catch (const CLI::CallForHelp &) {
    note_command();
    const auto chosen = app.get_subcommands();
    options.help = chosen.empty() ? app.help() : chosen.front()->help();
    return {};
  } catch (const CLI::ExtrasError &) {
    note_command();
    return unexpected_argument(app, options);
  } catch (const CLI::ParseError &error) {
    note_command();
    return parse_error(error);
  }
  if (marker != arguments.end()) {
    if (auto fine = add_words(options, {marker + 1, arguments.end()}); !fine)
      return fine;
  }
  if (auto fine = check_values(options, raw); !fine)
    return fine;
  const auto chosen = app.get_subcommands();
  const CLI::Option *duration =
      chosen.empty() ? nullptr : chosen.front()->get_option_no_throw("--for");
  if (auto fine = check_duration(options, raw,
                                 duration != nullptr && duration->count() != 0);
      !fine)
    return fine;
  if (auto fine = check_root(options, app.count("--root") != 0); !fine)
    return fine;
  if (options.command.empty())
    options.command = "status";
  return {};
}

} // namespace portacl
