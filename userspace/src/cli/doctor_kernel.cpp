// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/doctor.h"
#include "lib/kernel_files.h"
#include "lib/signing.h"
#include "lib/text.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

using KernelVersion = std::pair<unsigned, unsigned>;

constexpr KernelVersion oldest_kernel = {6, 1};
constexpr KernelVersion newest_tested = {7, 2};
// The first whose BPF trampolines live with a redirection by ftrace, and on
// which the module therefore redirects (module/compat.h).
constexpr KernelVersion first_redirected = {6, 12};

constexpr const char *stock_kernel = "apt install linux-image-amd64\nreboot";

std::string version_text(const KernelVersion &version) {
  return fmt::format("{}.{}", version.first, version.second);
}

// module/compat.h has the same list.
struct NeededOption {
  const char *name;
  bool built_in; // not as a module
  const char *reason;
};

constexpr std::array needed_options = {
    NeededOption{"X86_64", true, "the module hooks functions on x86-64 only"},
    NeededOption{"MODULES", true, "portacl is a module"},
    NeededOption{"SYSFS", true, "its files are there"},
    NeededOption{"SYSCTL", true, "the boundary of privileged ports is there"},
    NeededOption{"INET", true, "IPv4 is what it judges"},
    NeededOption{"IPV6", true, "IPv6 must be built in, not a module"},
    NeededOption{"SECURITY_NETWORK", true, "it hooks security_socket_bind"},
    NeededOption{"KALLSYMS", true, "it finds the functions by name"},
    NeededOption{"KRETPROBES", true, "it hooks SCTP by kretprobes"},
    NeededOption{"DYNAMIC_FTRACE_WITH_ARGS", true, "it hooks by ftrace"},
};

Findings check_options(const KernelConfig &config) {
  Findings findings;
  for (const NeededOption &option : needed_options) {
    if (config.value(option.name) != "y")
      findings.push_back(
          {.health = Health::fail,
           .text = fmt::format("CONFIG_{}=y is missing in {}: {}", option.name,
                               config.path(), option.reason),
           .fix = stock_kernel});
  }
  if (config.value("PREEMPT_RT") == "y")
    findings.push_back({.health = Health::fail,
                        .text = fmt::format("{} has CONFIG_PREEMPT_RT, for "
                                            "which the module does not build",
                                            config.path()),
                        .fix = stock_kernel});
  return findings;
}

Findings check_release(const std::string &release) {
  const auto version = release_version(release);
  if (!version)
    return {{.health = Health::warn,
             .text = release + " is no release of a kernel that is known"}};
  if (*version < oldest_kernel)
    return {{.health = Health::fail,
             .text = fmt::format("{} is older than {}, the oldest that portacl "
                                 "builds for",
                                 release, version_text(oldest_kernel)),
             .fix = stock_kernel}};
  if (*version > newest_tested)
    return {{.health = Health::warn,
             .text = fmt::format("{} is newer than {}, the newest that portacl "
                                 "was tested on",
                                 release, version_text(newest_tested)),
             .fix = "look for a newer portacl if the module does not build"}};
  return {};
}

// What is not to be known of a tree that does not run.
std::optional<Finding> not_running(const Context &context) {
  if (!running_release(context.root).empty())
    return std::nullopt;
  return Finding{.health = Health::warn,
                 .text = "not known: no kernel runs below " + context.root,
                 .fix = "run portaclctl doctor on the machine itself"};
}

Finding built_in_finding() {
  return {.text = "portacl is built into this kernel, which calls it without "
                  "ftrace"};
}

Finding unreadable(const Error &error, const char *what, const char *check) {
  if (error.code == Code::permission)
    return {.health = Health::warn,
            .text = fmt::format("not known: {} is shown to root only, and not "
                                "under lockdown=confidentiality",
                                what),
            .fix = fmt::format("sudo portaclctl doctor {}", check)};
  return {.health = Health::warn,
          .text = fmt::format("not known: tracefs, which shows {}, is not "
                              "mounted",
                              what),
          .fix = "mount -t tracefs nodev /sys/kernel/tracing"};
}

Result<std::string> read_tracing(const Context &context, const char *file) {
  auto text = read_system_file(context.root,
                               fmt::format("/sys/kernel/tracing/{}", file));
  if (text || text.error().errnum != ENOENT)
    return text;
  auto old_place = read_system_file(
      context.root, fmt::format("/sys/kernel/debug/tracing/{}", file));
  // What may not be looked into is no place where it is not.
  return old_place || old_place.error().errnum == ENOENT ? old_place : text;
}

// Lines of the kernel's file: "FUNCTION STATE".
std::map<std::string, std::string> hook_states(const Context &context) {
  std::map<std::string, std::string> states;
  if (!is_module_there(context))
    return states;
  const auto text = context.kernel.read("hooks");
  if (!text)
    return states;
  for (const std::string_view line : split(*text, '\n')) {
    const size_t blank = line.find(' ');
    if (blank != std::string_view::npos)
      states.emplace(line.substr(0, blank), line.substr(blank + 1));
  }
  return states;
}

// A function with users of ftrace, as enabled_functions lists it.
struct TracedFunction {
  size_t users = 0;
  bool redirected = false; // flag I
  bool direct = false;     // flag D: a BPF trampoline
  std::string callback = {};
};

// "__inet_bind (2) R   D   M  ->arch_ftrace_ops_list_func+0x0/0x220"
std::optional<std::pair<std::string, TracedFunction>>
traced_function(std::string_view line) {
  const size_t open = line.find(" (");
  const size_t close = line.find(')', open);
  if (line.starts_with('\t') || open == std::string_view::npos ||
      close == std::string_view::npos)
    return std::nullopt;
  TracedFunction function;
  for (const char ch : line.substr(open + 2, close - open - 2)) {
    constexpr size_t base = 10;
    constexpr size_t enough = 1000;
    if (ch < '0' || ch > '9' || function.users > enough)
      return std::nullopt;
    function.users = function.users * base + static_cast<size_t>(ch - '0');
  }
  const size_t arrow = line.rfind("->");
  std::string flags(line.substr(close + 1));
  flags = flags.substr(0, flags.find("tramp:"));
  flags = flags.substr(0, flags.find("->"));
  function.redirected = flags.find('I') != std::string::npos;
  function.direct = flags.find('D') != std::string::npos;
  if (arrow != std::string_view::npos)
    function.callback = line.substr(arrow + 2);
  // "sctp_do_bind [sctp]"
  const std::string_view name = line.substr(0, open);
  return std::pair(std::string(name.substr(0, name.find(' '))),
                   std::move(function));
}

using TracedFunctions = std::map<std::string, TracedFunction>;

Result<TracedFunctions> traced_functions(const Context &context) {
  const auto text = read_tracing(context, "enabled_functions");
  if (!text)
    return text.error();
  TracedFunctions functions;
  for (const std::string_view line : split(*text, '\n')) {
    if (auto function = traced_function(line))
      functions.insert(std::move(*function));
  }
  return functions;
}

// The probes on each function, of those that are armed by ftrace and of all.
struct Probes {
  size_t all = 0;
  size_t by_ftrace = 0;
};

// "ffffffffc03be9c0  r  sctp_do_bind+0x0  sctp [FTRACE]"
std::map<std::string, Probes> kernel_probes(const Context &context) {
  std::map<std::string, Probes> probes;
  const auto text =
      read_system_file(context.root, "/sys/kernel/debug/kprobes/list");
  if (!text)
    return probes;
  for (const std::string_view line : split(*text, '\n')) {
    std::vector<std::string_view> words = split(line, ' ');
    std::erase(words, "");
    if (words.size() < 3 || line.find("[GONE]") != std::string_view::npos)
      continue;
    const std::string_view place = words[2];
    Probes &there = probes[std::string(place.substr(0, place.find('+')))];
    there.all++;
    if (line.find("[FTRACE]") != std::string_view::npos &&
        line.find("[DISABLED]") == std::string_view::npos)
      there.by_ftrace++;
  }
  return probes;
}

constexpr std::string_view first_line_function = "security_socket_bind";
// Where security modules of BPF are asked the same.
constexpr std::string_view bpf_hook = "bpf_lsm_socket_bind";

// How the module sits on a function.
struct OwnHook {
  std::string_view function;
  bool by_ftrace;
  bool by_probe;
};

// Where it is attached there at all.
std::vector<OwnHook> hooks_of(const Context &context) {
  const auto version = release_version(running_release(context.root));
  const bool redirects = version && *version >= first_redirected;
  return {{"__inet_bind", true, false},
          {"__inet6_bind", true, false},
          {first_line_function, redirects, !redirects},
          {"sctp_do_bind", true, true},
          {"sctp_connect_new_asoc", false, true}};
}

// Livepatches that are enabled, by the functions that they have:
// livepatch/PATCH/OBJECT/FUNCTION,NUMBER.
std::map<std::string, std::string> livepatched(const Context &context) {
  constexpr const char *base = "/sys/kernel/livepatch";
  std::map<std::string, std::string> patches;
  for (const std::string &patch : list_tree(context.root, base)) {
    const std::string directory = fmt::format("{}/{}", base, patch);
    const auto enabled = read_system_file(context.root, directory + "/enabled");
    if (!enabled || !enabled->starts_with('1'))
      continue;
    for (const std::string &object : list_tree(context.root, directory)) {
      for (const std::string &function :
           list_tree(context.root, fmt::format("{}/{}", directory, object)))
        patches.emplace(function.substr(0, function.find(',')), patch);
    }
  }
  return patches;
}

// All that is on functions, but for the module itself.
struct OtherUsers {
  TracedFunctions traced;
  std::map<std::string, Probes> probes;
  std::map<std::string, std::string> patches;
  std::map<std::string, std::string> hooks; // the module's own
  std::string tracer;                       // "nop" for none

  bool is_attached(std::string_view function) const {
    const auto hook = hooks.find(std::string(function));
    return hook != hooks.end() && hook->second == "attached";
  }
};

// "1 kprobe", "a BPF program", ...
std::vector<std::string> users_of(const OtherUsers &others,
                                  const OwnHook &hook) {
  std::vector<std::string> users;
  const bool ours = others.is_attached(hook.function);
  const auto found = others.traced.find(std::string(hook.function));
  const TracedFunction traced =
      found == others.traced.end() ? TracedFunction() : found->second;
  size_t known = traced.direct ? 1 : 0;
  if (ours && hook.by_ftrace)
    known++;
  const auto probe = others.probes.find(std::string(hook.function));
  const Probes probes = probe == others.probes.end() ? Probes() : probe->second;
  const size_t own_probes = ours && hook.by_probe ? 1 : 0;
  // All probes together are one user of ftrace.
  if (probes.by_ftrace > 0 || own_probes > 0)
    known++;
  if (probes.all > own_probes)
    users.push_back(counted(probes.all - own_probes, "kprobe"));
  if (traced.direct)
    users.emplace_back("a BPF program");
  if (const auto patch = others.patches.find(std::string(hook.function));
      patch != others.patches.end()) {
    users.push_back("the livepatch " + patch->second);
    known++;
  }
  if (traced.users > known) {
    const bool tracing = others.tracer != "nop" && !others.tracer.empty();
    users.push_back(tracing ? fmt::format("the {} tracer", others.tracer)
                            : counted(traced.users - known, "other user") +
                                  " of ftrace");
  }
  return users;
}

Finding judge_users(const OtherUsers &others, const OwnHook &hook,
                    const std::vector<std::string> &users) {
  Finding finding{.text = fmt::format("{} is also used by {}", hook.function,
                                      fmt::join(users, ", "))};
  const auto patch = others.patches.find(std::string(hook.function));
  const auto traced = others.traced.find(std::string(hook.function));
  const bool first_line = hook.function == first_line_function;
  const bool ours =
      first_line && hook.by_ftrace && others.is_attached(hook.function);
  const bool redirected =
      traced != others.traced.end() && traced->second.redirected && !ours;
  if (first_line && (patch != others.patches.end() || redirected)) {
    finding.health = Health::warn;
    finding.text += ", which redirects it: refusals of who holds the "
                    "capability say \"address family not supported\" there";
    finding.fix = "boot a kernel that has the fix built in, and needs no "
                  "livepatch of it";
  } else if ((first_line || hook.function == bpf_hook) &&
             traced != others.traced.end() && traced->second.direct) {
    finding.health = Health::warn;
    finding.text += ", which may refuse binds by itself";
    finding.fix = "bpftool link";
  } else {
    finding.text += ", which does no harm";
  }
  return finding;
}

// Who switches probes off takes the module's, too.
std::optional<Finding> check_probes_armed(const Context &context,
                                          const std::vector<OwnHook> &hooks,
                                          const OtherUsers &others) {
  const auto enabled =
      read_system_file(context.root, "/sys/kernel/debug/kprobes/enabled");
  if (!enabled || !enabled->starts_with('0'))
    return std::nullopt;
  const bool used = std::ranges::any_of(hooks, [&](const OwnHook &hook) {
    return hook.by_probe && others.is_attached(hook.function);
  });
  return Finding{.health = used ? Health::fail : Health::warn,
                 .text = "kprobes are switched off, by which the module grants "
                         "binds of SCTP, and before 6.12 refuses root's",
                 .fix = "echo 1 >/sys/kernel/debug/kprobes/enabled"};
}

} // namespace

Findings check_kernel(const Context &context) {
  std::string release = running_release(context.root);
  const bool runs = !release.empty();
  if (const auto installed = installed_releases(context.root);
      !runs && !installed.empty())
    release = installed.back();
  if (release.empty())
    return {
        {.health = Health::warn,
         .text = fmt::format("not known: no kernel is below {}", context.root),
         .fix = "run portaclctl doctor on the machine itself"}};
  Findings findings = check_release(release);
  const std::string shown =
      runs ? release : release + ", the newest installed kernel,";
  if (is_module_there(context)) {
    if (findings.empty())
      findings.push_back(
          {.text = fmt::format(
               "{} has what portacl needs: the module is {}", shown,
               is_built_in(context.root, PORTACL_MODULE) ? "built in"
                                                         : "loaded")});
    return findings;
  }
  if (is_built_in(context.root, PORTACL_MODULE)) {
    const Error reason = not_loaded_error(context);
    findings.push_back(
        {.health = Health::fail, .text = reason.message, .fix = reason.hint});
    return findings;
  }
  const auto config = KernelConfig::read(context.root, release);
  if (!config) {
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format("the options of {} are not known: no "
                             "/boot/config-{}",
                             release, release),
         .fix = "portaclctl load"});
    return findings;
  }
  for (Finding &finding : check_options(*config))
    findings.push_back(std::move(finding));
  if (findings.empty())
    findings.push_back(
        {.text = fmt::format("{} has all {} options that portacl needs", shown,
                             needed_options.size())});
  return findings;
}

Findings check_ftrace(const Context &context) {
  if (const auto unknown = not_running(context))
    return {*unknown};
  if (is_built_in(context.root, PORTACL_MODULE))
    return {built_in_finding()};
  const auto hooks = hook_states(context);
  for (const auto &[function, state] : hooks) {
    if (state == "dead")
      return {{.health = Health::fail,
               .text = "a fault of the kernel has killed ftrace: binds may not "
                       "be judged any more; the kernel log says where",
               .fix = "reboot"}};
  }
  Findings findings;
  const auto enabled =
      read_system_file(context.root, "/proc/sys/kernel/ftrace_enabled");
  if (!enabled)
    findings.push_back({.health = Health::fail,
                        .text = "this kernel has no ftrace: "
                                "/proc/sys/kernel/ftrace_enabled is missing",
                        .fix = stock_kernel});
  else if (enabled->starts_with('0'))
    findings.push_back({.health = Health::fail,
                        .text = "ftrace is switched off, so that the module "
                                "cannot be loaded",
                        .fix = "sysctl kernel.ftrace_enabled=1"});
  if (!findings.empty())
    return findings;
  // Hooks that are attached have found their functions.
  if (!hooks.empty())
    return {{.text = "switched on, and every function is hooked"}};
  const auto functions = read_tracing(context, "available_filter_functions");
  if (!functions)
    return {unreadable(functions.error(), "which functions ftrace can hook",
                       "ftrace")};
  const std::string lines = "\n" + *functions;
  for (const OwnHook &hook : hooks_of(context)) {
    if (hook.function.starts_with("sctp_") ||
        lines.find(fmt::format("\n{}\n", hook.function)) != std::string::npos)
      continue;
    findings.push_back(
        {.health = Health::fail,
         .text = fmt::format("{} is no function that ftrace can hook on this "
                             "kernel",
                             hook.function),
         .fix = stock_kernel});
  }
  if (findings.empty())
    findings.push_back({.text = "switched on, and every function is there"});
  return findings;
}

Findings check_hooks(const Context &context) {
  if (const auto unknown = not_running(context))
    return {*unknown};
  if (is_built_in(context.root, PORTACL_MODULE))
    return {built_in_finding()};
  Findings findings;
  auto traced = traced_functions(context);
  if (!traced)
    findings.push_back(
        unreadable(traced.error(), "who hooks functions", "hooks"));
  const auto tracer = read_tracing(context, "current_tracer");
  const OtherUsers others{
      .traced = traced ? std::move(*traced) : TracedFunctions(),
      .probes = kernel_probes(context),
      .patches = livepatched(context),
      .hooks = hook_states(context),
      .tracer = tracer ? tracer->substr(0, tracer->find('\n')) : "nop"};
  auto hooks = hooks_of(context);
  if (auto finding = check_probes_armed(context, hooks, others))
    findings.push_back(std::move(*finding));
  hooks.push_back({bpf_hook, false, false});
  for (const OwnHook &hook : hooks) {
    if (const auto users = users_of(others, hook); !users.empty())
      findings.push_back(judge_users(others, hook, users));
  }
  if (findings.empty())
    findings.push_back({.text = "nobody else uses the functions that portacl "
                                "hooks"});
  return findings;
}

Findings check_bpf_fault(const Context &context) {
  if (const auto unknown = not_running(context))
    return {*unknown};
  if (is_built_in(context.root, PORTACL_MODULE))
    return {built_in_finding()};
  const auto version = release_version(running_release(context.root));
  if (version && *version >= first_redirected)
    return {{.text = fmt::format("kernels from {} on do not have it",
                                 version_text(first_redirected))}};
  const auto traced = traced_functions(context);
  if (!traced)
    return {unreadable(traced.error(), "who redirects functions", "bpf-fault")};
  std::vector<std::string> redirected;
  for (const auto &[function, users] : *traced) {
    if (users.redirected)
      redirected.push_back(function);
  }
  if (redirected.empty())
    return {{.text = "this kernel has it, but nothing redirects a function; "
                     "portacl uses a kretprobe instead"}};
  constexpr size_t most_shown = 4;
  const size_t more =
      redirected.size() - std::min(redirected.size(), most_shown);
  redirected.resize(std::min(redirected.size(), most_shown));
  return {{.health = Health::warn,
           .text = fmt::format(
               "a livepatch or module redirects {}{}: a BPF program there "
               "(fentry, then fexit) kills ftrace, and portacl with it",
               fmt::join(redirected, ", "),
               more == 0 ? "" : fmt::format(" and {} more", more)),
           .fix = "boot a kernel from 6.12 on, or trace these functions by "
                  "kprobes"}};
}

Findings check_lockdown(const Context &context) {
  if (const auto unknown = not_running(context))
    return {*unknown};
  constexpr std::array boots = {"no Secure Boot", "Secure Boot is off",
                                "Secure Boot is on, but shim checks nothing",
                                "Secure Boot is on"};
  const char *boot = boots.at(static_cast<size_t>(secure_boot(context.root)));
  const std::string level = lockdown_level(context.root);
  const std::string wanted_by = signatures_wanted_by(context.root);
  if (level == "confidentiality")
    return {{.health = Health::warn,
             .text = fmt::format("lockdown=confidentiality, {}: modules must "
                                 "be signed, and nobody sees who else hooks "
                                 "functions",
                                 boot),
             .fix = "portaclctl doctor signature"}};
  if (!wanted_by.empty())
    return {{.text = fmt::format("{}, {}: modules must be signed, for which "
                                 "see signature",
                                 wanted_by, boot)}};
  return {{.text = fmt::format(
               "{}, {}", level.empty() ? "no lockdown" : "lockdown=" + level,
               boot)}};
}

} // namespace portacl
