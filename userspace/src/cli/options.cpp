// SPDX-License-Identifier: GPL-2.0-only

#include "cli/options.h"

#include <algorithm>
#include <array>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "lib/numbers.h"
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

// Who may have left the room comes back within a day.
constexpr uint64_t longest_confirm = uint64_t{24} * 60 * 60;
constexpr uint64_t most_lines = 1000000;

// What other tools call it, and what it is here.
constexpr std::array<std::pair<std::string_view, const char *>, 21> synonyms = {
    {
        {"add", "allow"},      {"block", "deny"},    {"can", "query"},
        {"del", "remove"},     {"delete", "remove"}, {"disable", "unload"},
        {"enable", "load"},    {"ls", "list"},       {"permit", "allow"},
        {"reject", "deny"},    {"reload", "apply"},  {"reset", "flush"},
        {"restart", "apply"},  {"rm", "remove"},     {"show", "list"},
        {"start", "load"},     {"stop", "unload"},   {"test", "check"},
        {"validate", "check"}, {"verify", "check"},  {"why", "explain"},
    }};

struct Raw {
  std::string json;
  std::string confirm;
  std::string lines;
  std::string prometheus;
  std::string replace;
  std::string duration;
  std::string color = "auto";
};

// The words that an argument is made of, of "[FILE...]" or "PORT [on ADDRESS]".
std::string without_brackets(const std::string &name) {
  return name.starts_with('[') ? name.substr(1, name.size() - 2)
                               : name.substr(0, name.find(" ["));
}

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
    if (is_positional)
      return without_brackets(name);
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
  app.add_flag("-q,--quiet", options.quiet,
               "Print errors, warnings and lists only");
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
  command->footer("Options of all commands: portaclctl --help\n");
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
    command->add_option("SUBJECT PORTS [on PREFIX] [until TIME]", options.words,
                        subject_words);
    command
        ->add_option("--for", raw.duration,
                     "So long, and until the next reboot at most: 10m, 1h30m")
        ->type_name("DURATION");
  }
  add_force(*deny, options);
  add_command(app, "reserve", "Keep PORTS for those who are allowed", "Change")
      ->add_option("PORTS", options.words, "ports: 5432/tcp, 8000-8099");
  auto *remove = add_command(app, "remove", "Remove a rule", "Change");
  remove->add_option("RULE", options.words,
                     "the same words again: allow web 443");
  remove->add_flag("--close", options.close,
                   "Close the listeners that it lets lose their grant, too");
}

void add_skip_unresolved(CLI::App &command, Options &options) {
  command.add_flag("--skip-unresolved", options.skip_unresolved,
                   "Leave out rules whose names are not known");
}

void add_file_commands(CLI::App &app, Options &options, Raw &raw) {
  auto *check = add_command(app, "check", "Look for mistakes in policy files",
                            "Policy files");
  check->add_option("[FILE...]", options.words,
                    "files to check (default: those in force)");
  add_skip_unresolved(*check, options);
  add_command(app, "diff", "Show how the kernel and the files differ",
              "Policy files");
  auto *apply =
      add_command(app, "apply", "Put the files into force", "Policy files");
  apply->add_flag("--boot", options.boot,
                  "At boot: only local names, the rest later");
  apply
      ->add_option("--confirm", raw.confirm,
                   "Take it back unless it is confirmed in time")
      ->type_name("SECONDS");
  apply
      ->add_option("--replace", raw.replace,
                   "Put FILE (- for standard input) into force instead")
      ->type_name("FILE");
  add_skip_unresolved(*apply, options);
  add_command(app, "flush", "Take every rule out of the kernel",
              "Policy files");
  add_command(app, "cat-config", "Print the files in force as one",
              "Policy files");
  auto *import = add_command(
      app, "import", "Print what other ways allow as rules", "Policy files");
  import->add_option(
      "WAY [SOURCE...]", options.words,
      "authbind, mac_portacl, setcap, systemd, sysctl or nat; then what to "
      "read instead of this machine's own");
  import->add_flag("--tcp-only", options.tcp_only, "Of authbind: for TCP only");
}

void add_setting_commands(CLI::App &app, Options &options) {
  const auto add = [&](const char *name, const char *what, const char *argument,
                       const char *help) {
    auto *command = add_command(app, name, what, "Settings");
    command->add_option(argument, options.words, help);
    return command;
  };
  add_force(*add("mode", "Show or set whether rules are enforced", "[MODE]",
                 "enforce, permissive or off (default: show)"),
            options);
  add_force(*add("strict", "Show or set whether privileged ports need a rule",
                 "[SWITCH]", "on or off (default: show)"),
            options);
  add("scope", "Show or set which network namespaces are judged", "[SCOPE]",
      "init or all (default: show)");
  add("lock", "Let nothing change until the next reboot", "[status]",
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
  query->add_option("SUBJECT PORT [on ADDRESS]", options.words,
                    "[user] NAME | group NAME | any, then PORT[/PROTOCOL], "
                    "then [on ADDRESS]");
  auto *explain = add_command(app, "explain",
                              "Why may SUBJECT bind PORT, or why not?", "Look");
  explain->add_option("SUBJECT PORT [on ADDRESS]", options.words,
                      "[user] NAME | group NAME | any, then PORT[/PROTOCOL], "
                      "then [on ADDRESS]");
  add_command(app, "who", "Who may bind PORT?", "Look")
      ->add_option("PORT [on ADDRESS]", options.words,
                   "PORT[/PROTOCOL] [on ADDRESS]");
  add_command(app, "ports", "Show who has governed ports, and by which rule",
              "Look");
  auto *log = add_command(app, "log", "Show refusals and changes", "Look");
  log->add_flag("-f,--follow", options.follow, "Go on with new ones");
  log->add_option("-n,--lines", raw.lines, "The last N (default: 20)")
      ->type_name("N");
  add_command(app, "suggest", "Turn refusals into rules to review", "Look");
  auto *stats =
      add_command(app, "stats", "Show what was granted and refused", "Look");
  stats->add_flag("--prometheus{-}", raw.prometheus,
                  "As a textfile for Prometheus' node_exporter");
  add_command(app, "doctor", "Look for what is wrong with this machine", "Look")
      ->add_option("[CHECK...]", options.words,
                   "only these checks (default: all)");
  add_rule_commands(app, options, raw);
  add_file_commands(app, options, raw);
  add_setting_commands(app, options);
  auto *load =
      add_command(app, "load", "Load the module, apply the files", "Module");
  load->add_option("[PATH]", options.words, "a .ko file (default: by name)");
  add_skip_unresolved(*load, options);
  add_command(app, "unload", "Unload the module", "Module");
  add_command(app, "version", "Print the versions of tool and module",
              "Module");
  add_command(app, "help", "Print help", "Help")
      ->add_option("[COMMAND]", options.words, "about one command");
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

Error unknown_command(const CLI::App &app, const std::string &word) {
  if (word == "unlock")
    return usage_error("unknown command 'unlock'",
                       "a lock ends at the next reboot, and by nothing else");
  const auto synonym =
      std::ranges::find(synonyms, word, &decltype(synonyms)::value_type::first);
  const std::string best = synonym != synonyms.end()
                               ? synonym->second
                               : nearest(word, command_names(app));
  return usage_error(fmt::format("unknown command '{}'", printable(word)),
                     best.empty() ? ""
                                  : fmt::format("did you mean '{}'?", best));
}

// Those that have an option of exactly that name.
std::vector<std::string> commands_with(const CLI::App &app,
                                       const std::string &option) {
  std::vector<std::string> names;
  for (const CLI::App *command :
       app.get_subcommands([](const CLI::App *) { return true; })) {
    if (command->get_option_no_throw(option) != nullptr)
      names.push_back(command->get_name());
  }
  return names;
}

Error unknown_option(const CLI::App &app, const std::string &word) {
  std::vector<std::string> known;
  const auto chosen = app.get_subcommands();
  for (const CLI::App *where :
       {&app, chosen.empty() ? &app
                             : static_cast<const CLI::App *>(chosen.front())}) {
    for (const CLI::Option *option : where->get_options()) {
      for (const std::string &name : option->get_lnames())
        known.push_back("--" + name);
    }
  }
  const std::string message =
      fmt::format("unknown option '{}'", printable(word));
  const std::string name = word.substr(0, word.find('='));
  if (const auto others = commands_with(app, name); !others.empty())
    return usage_error(message, fmt::format("it is an option of: {}",
                                            fmt::join(others, ", ")));
  const std::string best = nearest(name, known);
  return usage_error(
      message, best.empty() ? "" : fmt::format("did you mean '{}'?", best));
}

Error unexpected_argument(const CLI::App &app, Options &options,
                          const std::vector<std::string> &arguments) {
  const auto rest = app.remaining(true);
  const std::string word = rest.empty() ? "" : rest.front();
  if (word.starts_with('-') && word.size() > 1)
    return unknown_option(app, word);
  // Behind a word that is none, CLI11 takes the next one for the command.
  const bool is_behind = std::ranges::find(arguments, options.command) <
                         std::ranges::find(arguments, word);
  if (!options.command.empty() && is_behind)
    return usage_error(
        fmt::format("unexpected argument '{}'", printable(word)));
  options.command.clear();
  return unknown_command(app, word);
}

// CLI11's messages are sentences about its own terms; make them ours.
Error parse_error(const CLI::ParseError &error) {
  std::string message = error.what();
  // "--source: 1 required kernel|files missing".
  if (error.get_name() == "ArgumentMismatch")
    return usage_error(
        fmt::format("{} has no value", message.substr(0, message.find(':'))));
  while (!message.empty() && (message.back() == '\n' || message.back() == '.'))
    message.pop_back();
  return usage_error(printable(message));
}

// The help that "help [COMMAND]" asks for.
Result<std::string> help_about(const CLI::App &app,
                               const std::vector<std::string> &words) {
  if (words.size() > 1)
    return usage_error(
        fmt::format("unexpected argument '{}'", printable(words[1])));
  // App::help() would print that of the command "help".
  if (words.empty())
    return app.get_formatter()->make_help(&app, "", CLI::AppFormatMode::Normal);
  const auto found = app.get_subcommands([&words](const CLI::App *command) {
    return command->get_name() == words.front();
  });
  if (!found.empty())
    return found.front()->help();
  return unknown_command(app, words.front());
}

Result<void> check_choice(const char *option, const std::string &value,
                          const std::vector<std::string> &choices) {
  if (value.empty() || std::ranges::count(choices, value) != 0)
    return {};
  return usage_error(
      fmt::format("'{}' is no value for {}", printable(value), option),
      fmt::format("use one of: {}", fmt::join(choices, " ")));
}

// A number from least to most; what was not given stays as it is.
Result<void> read_number(const char *option, const std::string &text,
                         uint64_t least, uint64_t most, uint64_t &number) {
  if (text.empty())
    return {};
  const auto value = number_of<uint64_t>(text);
  if (!value || *value < least || *value > most)
    return usage_error(
        fmt::format("'{}' is no value for {}", printable(text), option),
        fmt::format("use a number from {} to {}", least, most));
  number = *value;
  return {};
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
  if (auto fine = read_number("--confirm", raw.confirm, 1, longest_confirm,
                              options.confirm);
      !fine)
    return fine;
  if (auto fine =
          read_number("--lines", raw.lines, 0, most_lines, options.lines);
      !fine)
    return fine;
  options.replace = raw.replace;
  options.prometheus = raw.prometheus;
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
  const std::vector<std::string> none = {
      "",        "status", "list", "unload", "version", "ports",     "log",
      "suggest", "stats",  "diff", "apply",  "flush",   "cat-config"};
  if (!words.empty() && std::ranges::count(none, options.command) != 0)
    return usage_error(
        fmt::format("unexpected argument '{}'", printable(words.front())),
        options.command.empty()
            ? "the command stands before '--', which ends the options"
            : "");
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
    return unexpected_argument(app, options, arguments);
  } catch (const CLI::ParseError &error) {
    note_command();
    return parse_error(error);
  }
  if (marker != arguments.end()) {
    if (auto fine = add_words(options, {marker + 1, arguments.end()}); !fine)
      return fine;
  }
  if (options.command == "help") {
    auto help = help_about(app, options.words);
    if (!help)
      return help.error();
    options.help = std::move(*help);
    return {};
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
