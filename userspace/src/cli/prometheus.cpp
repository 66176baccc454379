// SPDX-License-Identifier: GPL-2.0-only

#include "cli/prometheus.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/drift.h"
#include "lib/fd.h"
#include "lib/rule_files.h"
#include "lib/stats.h"
#include "lib/text.h"
#include "version.h"

namespace portacl {

namespace {

// In the format's own way: with backslashes.
std::string label_value(const std::string &text) {
  std::string escaped;
  for (const char ch : printable(text)) {
    if (ch == '\\' || ch == '"')
      escaped += '\\';
    escaped += ch;
  }
  return escaped;
}

class MetricText final {
public:
  void family(const char *name, const char *type, const char *help) {
    name_ = name;
    text_ += fmt::format("# HELP portacl_{0} {2}\n# TYPE portacl_{0} {1}\n",
                         name, type, help);
  }
  void sample(uint64_t value) {
    text_ += fmt::format("portacl_{} {}\n", name_, value);
  }
  void sample(const char *label, const std::string &of, uint64_t value) {
    text_ += fmt::format("portacl_{}{{{}=\"{}\"}} {}\n", name_, label,
                         label_value(of), value);
  }
  void one(const char *name, const char *type, const char *help,
           uint64_t value) {
    family(name, type, help);
    sample(value);
  }
  const std::string &text() const { return text_; }

private:
  const char *name_ = "";
  std::string text_;
};

// One sample for each value that a setting can have.
void add_states(MetricText &metrics, const char *name, const char *help,
                const char *label, const std::string &value,
                std::initializer_list<const char *> values) {
  metrics.family(name, "gauge", help);
  for (const char *known : values)
    metrics.sample(label, known, value == known ? 1 : 0);
}

void add_settings(MetricText &metrics, const Settings &settings) {
  add_states(metrics, "mode", "Whether rules are enforced.", "mode",
             settings[Setting::mode], {"enforce", "permissive", "off"});
  metrics.one("strict", "gauge", "Whether privileged ports need a rule.",
              settings.strict() ? 1 : 0);
  add_states(metrics, "scope", "Which network namespaces are judged.", "scope",
             settings[Setting::scope], {"init", "all"});
  metrics.one("locked", "gauge",
              "Whether nothing can be changed until the next reboot.",
              settings.locked() ? 1 : 0);
}

void add_counts(MetricText &metrics, const Counts &counts) {
  constexpr size_t verdicts = 5;
  metrics.family("binds_total", "counter",
                 "Binds by what was decided, since the module was loaded.");
  for (size_t i = 0; i < verdicts; i++)
    metrics.sample("verdict", all_counters.at(i).name,
                   counts.*all_counters.at(i).count);
  metrics.one("passed_permissive_total", "counter",
              "Passed binds that a rule would have refused in mode enforce.",
              counts.permissive);
  metrics.one("passed_no_rule_total", "counter",
              "Passed binds to privileged ports without a rule, which the "
              "kernel refused.",
              counts.no_rule);
}

void add_hooks(MetricText &metrics, const std::string &hooks) {
  metrics.family("hook_attached", "gauge",
                 "Whether the module judges what calls this function.");
  for (const std::string_view line : split(hooks, '\n')) {
    if (const size_t blank = line.find(' '); blank != std::string_view::npos)
      metrics.sample("hook", std::string(line.substr(0, blank)),
                     line.substr(blank + 1) == "attached" ? 1 : 0);
  }
}

// How the files and the kernel differ is unknown where the files have errors.
void add_files(const Context &context, MetricText &metrics,
               const KernelPolicy &policy, const Settings &settings) {
  const RuleFiles files = read_rule_files(context.root, context.names);
  metrics.one("file_errors", "gauge",
              "Errors in the policy files; nothing can be applied with one.",
              files.errors.size());
  if (!files.errors.empty())
    return;
  const Drift drift = without_ended(drift_of(files, policy.rules, settings));
  metrics.family("drift", "gauge",
                 "Rules that only the files have (missing) or only the kernel "
                 "has (foreign), and settings that differ.");
  metrics.sample("kind", "missing", drift.rules.add.size());
  metrics.sample("kind", "foreign", drift.rules.remove.size());
  metrics.sample("kind", "settings", drift.settings.size());
}

Result<std::string> metrics_text(const Context &context) {
  MetricText metrics;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  metrics.one("loaded", "gauge", "Whether the portacl module is loaded.",
              *loaded ? 1 : 0);
  if (!*loaded)
    return metrics.text();
  const auto version = read_line(context.kernel, "version");
  const auto abi = read_line(context.kernel, "abi");
  const auto hooks = read_line(context.kernel, "hooks");
  for (const auto *text : {&version, &abi, &hooks}) {
    if (!*text)
      return text->error();
  }
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return settings.error();
  const auto counts = read_counts(context.kernel);
  if (!counts)
    return counts.error();
  const auto policy = read_policy(context.kernel);
  if (!policy)
    return policy.error();
  metrics.family("info", "gauge", "The version of the module.");
  metrics.sample("version", *version, 1);
  add_settings(metrics, *settings);
  metrics.one("rules", "gauge", "Rules in force.", policy->rules.size());
  metrics.one("generation", "gauge", "Generation of the policy in force.",
              policy->generation);
  add_counts(metrics, *counts);
  add_hooks(metrics, *hooks);
  add_files(context, metrics, *policy, *settings);
  return metrics.text();
}

// Who writes at the same time has a file of his own; to lock the directory
// would have everybody wait for whoever may open it.
Result<void> replace_textfile(const UniqueFd &directory,
                              const std::string &path,
                              const std::string &text) {
  const std::string name = file_name(path);
  const std::string temporary = fmt::format(".{}.{}.new", name, getpid());
  // One of this name is what a killed process left.
  unlinkat(directory.get(), temporary.c_str(), 0);
  const UniqueFd fd(openat(directory.get(), temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd)
    return system_error(errno, "cannot write " + path);
  auto done = write_all(fd, text, path);
  if (done && (fchmod(fd.get(), 0644) != 0 || fsync(fd.get()) != 0))
    done = system_error(errno, "cannot write " + path);
  if (done && renameat(directory.get(), temporary.c_str(), directory.get(),
                       name.c_str()) != 0)
    done = system_error(errno, "cannot replace " + path);
  if (!done)
    unlinkat(directory.get(), temporary.c_str(), 0);
  return done;
}

// Its directory must be there, as somebody is to look into it.
Result<void> write_textfile(const std::string &name, const std::string &text) {
  const std::string path =
      name.find('/') == std::string::npos ? "./" + name : name;
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const UniqueFd at(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at)
    return system_error(errno, "cannot open " + directory);
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
    return Error{.code = Code::system,
                 .message = "not a regular file",
                 .hint = "remove it",
                 .file = path};
  return replace_textfile(at, path, text);
}

} // namespace

int write_metrics(const Context &context) {
  const std::string &file = context.options.prometheus;
  if (context.console.wants_json())
    return fail(context, usage("--prometheus does not go with --json"));
  if (file != "-" && !file.ends_with(".prom"))
    return fail(
        context,
        usage(fmt::format("'{}' does not end in .prom", printable(file)),
              "node_exporter does not read files of other names"));
  if (file_name(file) == ".prom")
    return fail(context, usage(fmt::format("'{}' has no name before .prom",
                                           printable(file)),
                               "node_exporter passes hidden files by"));
  const auto text = metrics_text(context);
  if (!text)
    return fail(context, text.error());
  if (file == "-") {
    context.console.text(*text);
  } else if (context.options.dry_run) {
    context.console.note(fmt::format("would write {}", printable(file)));
  } else if (auto written = write_textfile(file, *text); !written) {
    return fail(context, written.error());
  }
  return static_cast<int>(Code::done);
}

} // namespace portacl
