// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "cli/doctor.h"
#include "lib/boot.h"
#include "lib/kernel_files.h"
#include "lib/shell_words.h"
#include "lib/signing.h"
#include "lib/text.h"
#include "uapi/portacl.h"
#include "version.h"

namespace portacl {

namespace {

constexpr const char *dkms_tree = "/var/lib/dkms/" PORTACL_MODULE;

// What nobody but the administrator can do, once.
constexpr const char *enrolment =
    "mokutil --import /var/lib/dkms/mok.pub\n"
    "reboot\n"
    "at the blue screen choose \"Enroll MOK\" and give the password that "
    "mokutil asked for";

std::string first_line_of(const Result<std::string> &text) {
  return text ? text->substr(0, text->find('\n')) : "";
}

// Boot loaders take the newest.
std::string next_release(const Context &context) {
  const auto installed = installed_releases(context.root);
  if (installed.empty())
    return {};
  return installed.back();
}

// The newest of the versions that dkms knows; empty for none.
std::string dkms_version(const Context &context) {
  std::string newest;
  for (const std::string &name : list_tree(context.root, dkms_tree)) {
    // Beside them lie links that name kernels.
    if (!name.starts_with("kernel-") &&
        strverscmp(name.c_str(), newest.c_str()) > 0)
      newest = name;
  }
  return newest;
}

// The version whose sources lie in /usr/src; empty for none.
std::string source_version(const Context &context) {
  constexpr std::string_view prefix = PORTACL_MODULE "-";
  std::string newest;
  for (const std::string &name : list_tree(context.root, "/usr/src")) {
    if (name.starts_with(prefix) &&
        strverscmp(name.c_str() + prefix.size(), newest.c_str()) > 0)
      newest = name.substr(prefix.size());
  }
  return newest;
}

std::string dkms_command(const char *verb, const std::string &version,
                         const std::string &release) {
  return fmt::format("dkms {} {} -k {}", verb,
                     shell_word(fmt::format("{}/{}", PORTACL_MODULE, version)),
                     shell_word(release));
}

// The newest version that dkms has or could be given; empty for none.
std::string buildable_version(const Context &context) {
  std::string known = dkms_version(context);
  std::string source = source_version(context);
  return strverscmp(source.c_str(), known.c_str()) > 0 ? source : known;
}

// Makes the module for a kernel, whatever was there.
std::string install_steps(const Context &context, const std::string &release) {
  const std::string version = buildable_version(context);
  const std::string &root = context.options.root;
  if (!version.empty())
    return dkms_command("install", version, release);
  std::string steps = "in portacl's sources: make install-module";
  if (root.empty() && release == running_release(context.root))
    return steps;
  steps += " KERNELDIR=" +
           shell_word(fmt::format("{}/lib/modules/{}/build", root, release));
  if (!root.empty())
    steps += fmt::format(" DESTDIR={0}\ndepmod -b {0} {1}", shell_word(root),
                         shell_word(release));
  return steps;
}

// The same, where dkms thinks that it has done it.
std::string rebuild_steps(const Context &context, const std::string &release) {
  const std::string version = dkms_version(context);
  return (version.empty() ? ""
                          : dkms_command("remove", version, release) + "\n") +
         install_steps(context, release);
}

// The log of a build that failed for that kernel; empty for none.
std::string failed_log(const Context &context, const std::string &version,
                       const std::string &release) {
  std::string path = fmt::format("{}/{}/build/make.log", dkms_tree, version);
  const auto text = read_system_file(context.root, path);
  return text && text->find(fmt::format(" kernel {} ", release)) !=
                     std::string::npos
             ? path
             : "";
}

bool has_headers(const Context &context, const std::string &release) {
  return !list_tree(context.root, fmt::format("/lib/modules/{}/build", release))
              .empty();
}

// Why there is no module for a kernel, and what makes one.
Finding missing_module(const Context &context, const std::string &release) {
  const std::string version = buildable_version(context);
  Finding finding{.health = Health::fail};
  const auto config = KernelConfig::read(context.root, release);
  if (config && config->value("PREEMPT_RT") == "y") {
    finding.text = fmt::format("{} has CONFIG_PREEMPT_RT, for which the module "
                               "does not build",
                               release);
    finding.fix = "boot a kernel without PREEMPT_RT";
    return finding;
  }
  if (!has_headers(context, release))
    finding.fix =
        fmt::format("apt install {}\n", shell_word("linux-headers-" + release));
  finding.fix += install_steps(context, release);
  if (version.empty()) {
    finding.text =
        fmt::format("no module for {}, and no sources for dkms", release);
    return finding;
  }
  const std::string log = failed_log(context, version, release);
  if (!log.empty())
    finding.text = fmt::format("dkms could not build the module for {}: see {}",
                               release, log);
  else if (!finding.fix.starts_with("dkms"))
    finding.text = fmt::format(
        "no module for {}: its headers, to build it with, are not there",
        release);
  else
    finding.text = fmt::format(
        "dkms has not built and installed the module for {}", release);
  return finding;
}

// Why that kernel would not load the file; empty if nothing speaks against it.
std::string misfit(const Context &context, const std::string &release,
                   const std::string &file) {
  const auto info = read_module_info(context.root, file);
  if (!info)
    return info.error().message;
  const std::string built_for =
      info->built_for.substr(0, info->built_for.find(' '));
  if (built_for.empty() || built_for == release)
    return {};
  return fmt::format("{} was built for {}, and {} does not load it", file,
                     built_for, release);
}

// What replaces a file that does not fit. Of dkms' own it takes care itself.
std::string replace_steps(const Context &context, const std::string &release,
                          const std::string &file) {
  if (file.find("/dkms/") != std::string::npos &&
      !dkms_version(context).empty())
    return rebuild_steps(context, release);
  return fmt::format("rm {}\n{}", shell_word(file),
                     install_steps(context, release));
}

// By its options: what a kernel that does not run has built in.
bool has_it_built_in(const Context &context, const std::string &release) {
  const auto config = KernelConfig::read(context.root, release);
  return config && config->value("SECURITY_PORTACL") == "y";
}

Finding check_module_for(const Context &context, const std::string &release,
                         bool runs) {
  const std::string file =
      find_module_file(context.root, release, PORTACL_MODULE);
  Finding finding;
  if (runs ? is_built_in(context.root, PORTACL_MODULE)
           : has_it_built_in(context, release))
    return {.text = fmt::format("portacl is built into {}", release)};
  if (file.empty()) {
    finding = missing_module(context, release);
  } else {
    std::string why = misfit(context, release, file);
    if (why.empty())
      return {.text = fmt::format("{} is there for {}", file, release)};
    finding = {.health = Health::fail,
               .text = std::move(why),
               .fix = replace_steps(context, release, file)};
  }
  if (runs && is_module_there(context)) {
    finding.health = Health::warn;
    finding.text = "the module was loaded from a file: " + finding.text;
  } else if (!runs) {
    finding.health = Health::warn;
    finding.text = "the next boot may be without portacl: " + finding.text;
  }
  return finding;
}

// An installed module that is to be judged by its signature.
struct SignedModule {
  std::string release; // of the kernel that it is for
  bool runs;           // that kernel
  std::string file;
  std::string signer; // empty if it is not signed
  std::string wanted_by;
};

Finding not_trusted(const Context &context, const SignedModule &module,
                    std::string text, const std::string &steps) {
  const bool loaded = module.runs && is_module_there(context);
  if (loaded)
    text += "; the next boot will be without it";
  return {.health = loaded ? Health::warn : Health::fail,
          .text = std::move(text),
          .fix = steps};
}

// Builds it again, which is when dkms signs.
std::string sign_steps(const Context &context, const SignedModule &module) {
  if (!dkms_version(context).empty())
    return fmt::format("{}\n{}", rebuild_steps(context, module.release),
                       enrolment);
  const std::string &root = context.options.root;
  return fmt::format(
      "sign the module with a key that is enrolled: {} sha256 KEY CERTIFICATE "
      "{}",
      shell_word(fmt::format("{}/lib/modules/{}/build/scripts/sign-file", root,
                             module.release)),
      shell_word(root + module.file));
}

// For a signer whose key the kernel does not have.
std::string enrol_steps(const Context &context, const SignedModule &module) {
  if (has_dkms_certificate(context.root, module.signer))
    return enrolment;
  if (!dkms_version(context).empty())
    return sign_steps(context, module);
  return fmt::format("enrol the certificate of \"{}\" with mokutil, or {}",
                     printable(module.signer), sign_steps(context, module));
}

Finding judge_signature(const Context &context, const SignedModule &module) {
  if (module.signer.empty())
    return module.wanted_by.empty()
               ? Finding{.text = "the module is not signed, which nothing on "
                                 "this machine asks for"}
               : not_trusted(context, module,
                             fmt::format("the module is not signed, but {} "
                                         "asks for that",
                                         module.wanted_by),
                             sign_steps(context, module));
  const Enrolment enrolled = key_enrolment(context.root, module.signer);
  const std::string who = fmt::format("signed by \"{}\"", module.signer);
  if (enrolled == Enrolment::sure)
    return {.text = fmt::format("{}, whose key the kernel has", who)};
  if (module.wanted_by.empty())
    return {.text = fmt::format("{}; nothing on this machine asks for a key "
                                "that is enrolled",
                                who)};
  if (enrolled == Enrolment::not_shown)
    return {.health = Health::warn,
            .text = fmt::format("{}; which keys the kernel has is shown to "
                                "root only",
                                who),
            .fix = "sudo portaclctl doctor signature"};
  if (enrolled == Enrolment::by_name)
    return {.health = Health::warn,
            .text = fmt::format("{}, and {} asks for a key that is enrolled: a "
                                "key of that name is there; whether it is that "
                                "key is not known",
                                who, module.wanted_by)};
  return not_trusted(context, module,
                     fmt::format("{}, whose key the kernel does not have, but "
                                 "{} asks for that",
                                 who, module.wanted_by),
                     enrol_steps(context, module));
}

// Who asks a kernel for signatures, in words; empty if nobody.
std::string wanted_of(const Context &context, const std::string &release) {
  std::string wanted_by = signatures_wanted_by(context.root);
  const auto config = KernelConfig::read(context.root, release);
  if (wanted_by.empty() && config && config->value("MODULE_SIG_FORCE") == "y")
    wanted_by = "CONFIG_MODULE_SIG_FORCE";
  return wanted_by;
}

Finding signature_for(const Context &context, const std::string &release,
                      const std::string &file, bool runs) {
  auto info = read_module_info(context.root, file);
  if (!info)
    return {.health = Health::fail,
            .text = info.error().message,
            .fix = "portaclctl doctor dkms"};
  return judge_signature(context, {.release = release,
                                   .runs = runs,
                                   .file = file,
                                   .signer = std::move(info->signer),
                                   .wanted_by = wanted_of(context, release)});
}

Finding not_loaded(const Context &context) {
  if (is_built_in(context.root, PORTACL_MODULE))
    return {.health = Health::fail,
            .text = not_loaded_error(context).message,
            .fix = not_loaded_error(context).hint};
  const bool expected = applied_at_boot(context.root);
  const std::string release = running_release(context.root);
  const std::string file =
      find_module_file(context.root, release, PORTACL_MODULE);
  const bool fits = file.empty() || misfit(context, release, file).empty();
  return {.health = expected ? Health::fail : Health::warn,
          .text = fmt::format("the module is not loaded{}: no rule is in force",
                              expected ? ", though portacl.service is enabled"
                                       : ""),
          .fix = fits ? "portaclctl load" : "portaclctl doctor dkms"};
}

// The loaded module against the file that the next load takes.
std::optional<Finding> compare_with_file(const Context &context,
                                         const std::string &loaded) {
  const std::string file = find_module_file(
      context.root, running_release(context.root), PORTACL_MODULE);
  if (file.empty())
    return std::nullopt;
  const auto info = read_module_info(context.root, file);
  if (!info)
    return Finding{.health = Health::fail,
                   .text = info.error().message,
                   .fix = "portaclctl doctor dkms"};
  const std::string source = first_line_of(read_system_file(
      context.root, "/sys/module/" PORTACL_MODULE "/srcversion"));
  const bool same_source = source.empty() || info->source_version.empty() ||
                           source == info->source_version;
  if (info->version == loaded && same_source)
    return std::nullopt;
  const bool locked = first_line_of(context.kernel.read("locked")) == "1";
  return Finding{
      .health = Health::warn,
      .text =
          fmt::format("loaded is {}, installed is {}{}", loaded, info->version,
                      info->version == loaded ? " of another build" : ""),
      .fix = locked ? "reboot" : "portaclctl unload --yes\nportaclctl load"};
}

// As systemd reads the condition of the unit.
bool is_left_out(const std::string &command_line) {
  const auto words = split(command_line, ' ');
  return std::ranges::any_of(words, [](std::string_view word) {
    return word == "noportacl" || word.starts_with("noportacl=");
  });
}

std::string enable_steps(const Context &context) {
  if (boot_unit_installed(context.root))
    return "systemctl enable portacl.service";
  // What is here and does not count is a mask.
  const auto names = list_tree(context.root, "/etc/systemd/system");
  if (std::ranges::count(names, "portacl.service") != 0)
    return "systemctl unmask portacl.service\n"
           "systemctl enable portacl.service";
  return "run portaclctl load from whatever starts this machine";
}

// What would end the load that the unit does.
Finding obstacle_finding(const LoadObstacle &obstacle, bool enabled) {
  const bool of_file = !obstacle.place.empty();
  return {.health = enabled ? Health::fail : Health::warn,
          .text = fmt::format(
              "the module is not loaded at boot: '{}' {}{}", obstacle.words,
              of_file ? "in " : "on the kernel command line", obstacle.place),
          .fix = fmt::format("take '{}' out of {}", obstacle.words,
                             of_file ? obstacle.place
                                     : "the boot loader's configuration")};
}

} // namespace

bool is_module_there(const Context &context) {
  const auto loaded = kernel_in_use(context);
  // One that speaks another ABI is there, too.
  return !loaded || *loaded;
}

Findings check_signature(const Context &context) {
  Findings findings;
  const std::string running = running_release(context.root);
  const std::string next = next_release(context);
  const std::string file =
      find_module_file(context.root, running, PORTACL_MODULE);
  const std::string wanted_by = wanted_of(context, running);
  if (!running.empty() && is_built_in(context.root, PORTACL_MODULE))
    findings.push_back(
        {.text =
             "portacl is built into this kernel: there is nothing to sign"});
  else if (!running.empty() && !file.empty())
    findings.push_back(signature_for(context, running, file, true));
  else if (!running.empty() && wanted_by.empty())
    findings.push_back(
        {.text = "nothing on this machine asks for a signature"});
  else if (!running.empty())
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format("{} asks for a signature, and there is no module "
                             "to look at",
                             wanted_by),
         .fix = "portaclctl doctor dkms"});
  // Where it has none, dkms says so.
  const std::string next_file =
      find_module_file(context.root, next, PORTACL_MODULE);
  if (next != running && !next_file.empty()) {
    Finding finding = signature_for(context, next, next_file, false);
    finding.health = std::min(finding.health, Health::warn);
    finding.text = fmt::format("the next boot ({}): {}", next, finding.text);
    findings.push_back(std::move(finding));
  }
  if (findings.empty())
    findings.push_back(
        {.health = Health::warn,
         .text = "not known: no kernel runs below " + context.root,
         .fix = "run portaclctl doctor on the machine itself"});
  return findings;
}

Findings check_dkms(const Context &context) {
  Findings findings;
  const std::string running = running_release(context.root);
  const std::string next = next_release(context);
  if (!running.empty())
    findings.push_back(check_module_for(context, running, true));
  if (!next.empty() && next != running)
    findings.push_back(check_module_for(context, next, false));
  if (findings.empty())
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format("not known: no kernel is below {}", context.root),
         .fix = "run portaclctl doctor on the machine itself"});
  return findings;
}

Findings check_version(const Context &context) {
  if (!context.options.root.empty())
    return {{.health = Health::warn,
             .text = "not known: the kernel is not asked with --root",
             .fix = "run portaclctl doctor on the machine itself"}};
  const auto loaded = is_loaded(context.kernel);
  if (!loaded)
    return {{.health = Health::fail,
             .text = loaded.error().message,
             .fix = "portaclctl unload --yes\nportaclctl load"}};
  if (!*loaded)
    return {not_loaded(context)};
  const std::string version =
      first_line_of(read_line(context.kernel, "version"));
  Findings findings;
  if (auto finding = is_built_in(context.root, PORTACL_MODULE)
                         ? std::nullopt
                         : compare_with_file(context, version))
    findings.push_back(std::move(*finding));
  if (version != PORTACL_VERSION)
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format("the module is {}, this tool {}; they understand "
                             "each other (abi {})",
                             version, PORTACL_VERSION, PORTACL_ABI),
         .fix = "install the same version of both"});
  if (findings.empty())
    findings.push_back({.text = fmt::format("module and tool are {}, abi {}",
                                            version, PORTACL_ABI)});
  return findings;
}

Findings check_boot(const Context &context) {
  Findings findings;
  const std::string line =
      first_line_of(read_system_file(context.root, "/proc/cmdline"));
  if (is_left_out(line))
    findings.push_back(
        {.health = Health::warn,
         .text = "this boot left portacl out: noportacl is on "
                 "the kernel command line",
         .fix =
             fmt::format("{}take noportacl out of the boot "
                         "loader's configuration",
                         is_module_there(context) ? "" : "portaclctl load\n")});
  const bool enabled = applied_at_boot(context.root);
  // Which do not keep a kernel from what it has built in.
  if (!is_built_in(context.root, PORTACL_MODULE)) {
    for (const LoadObstacle &obstacle :
         load_obstacles(context.root, PORTACL_MODULE))
      findings.push_back(obstacle_finding(obstacle, enabled));
  }
  if (!enabled)
    findings.push_back(
        {.health = Health::warn,
         .text = "after a reboot no rule is in force: portacl.service is not "
                 "enabled",
         .fix = enable_steps(context)});
  if (findings.empty())
    findings.push_back({.text = "portacl.service brings the policy into force "
                                "at boot"});
  return findings;
}

} // namespace portacl
