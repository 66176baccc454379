// SPDX-License-Identifier: GPL-2.0-only
// Each check of doctor on a machine that is well, and on one that is not.

#include <array>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/kernel_files.h"
#include "lib/signing.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char *release = "6.12.117+deb12-amd64";
constexpr const char *installed = "/lib/modules/6.12.117+deb12-amd64";
constexpr const char *tracing = "/sys/kernel/tracing/";
constexpr const char *enabled_functions =
    "/sys/kernel/tracing/enabled_functions";
constexpr const char *probes = "/sys/kernel/debug/kprobes/list";
constexpr const char *lockdown = "/sys/kernel/security/lockdown";
constexpr const char *secure_boot_variable =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

constexpr const char *config = "CONFIG_X86_64=y\n"
                               "CONFIG_MODULES=y\n"
                               "CONFIG_SYSFS=y\n"
                               "CONFIG_SYSCTL=y\n"
                               "CONFIG_INET=y\n"
                               "CONFIG_IPV6=y\n"
                               "CONFIG_SECURITY_NETWORK=y\n"
                               "CONFIG_KALLSYMS=y\n"
                               "CONFIG_KRETPROBES=y\n"
                               "CONFIG_DYNAMIC_FTRACE_WITH_ARGS=y\n"
                               "# CONFIG_PREEMPT_RT is not set\n";

// As kernels show them when portacl is loaded and refuses something.
constexpr const char *own_users =
    "security_socket_bind (1)   I     M \ttramp: 0xffffffffc0368000 "
    "(handler+0x0/0x60 [portacl]) ->handler+0x0/0x60 [portacl]\n"
    "__inet_bind (1)           \ttramp: 0xffffffffc0372000 "
    "(hook_inet_bind+0x0/0xd0 [portacl]) ->hook_inet_bind+0x0/0xd0 "
    "[portacl]\n"
    "__inet6_bind (1)           \ttramp: 0xffffffffc0374000 "
    "(hook_inet6_bind+0x0/0xb0 [portacl]) ->hook_inet6_bind+0x0/0xb0 "
    "[portacl]\n"
    "sctp_do_bind [sctp] (2) R          "
    "->arch_ftrace_ops_list_func+0x0/0x1d0\n"
    "sctp_connect_new_asoc [sctp] (1) R          \ttramp: "
    "0xffffffffc038c000 (kprobe_ftrace_handler+0x0/0x1b0) "
    "->kprobe_ftrace_handler+0x0/0x1b0\n";
constexpr const char *own_probes =
    "ffffffffc03be9c0  r  sctp_do_bind+0x0  sctp [FTRACE]\n"
    "ffffffffc03bf390  r  sctp_connect_new_asoc+0x0  sctp [FTRACE]\n";
constexpr const char *own_hooks = "__inet_bind attached\n"
                                  "__inet6_bind attached\n"
                                  "sctp_do_bind attached\n"
                                  "sctp_connect_new_asoc attached\n"
                                  "security_socket_bind attached\n";

// What sign-file(1) appends: CMS of "DKMS module signing key", sha256.
constexpr std::string_view signature =
    "3081d706092a864886f70d010702a081c93081c6020101310d300b060960864801650304"
    "0201300b06092a864886f70d0107013181a43081a1020101303a30223120301e06035504"
    "030c17444b4d53206d6f64756c65207369676e696e67206b65790214518d89225fa98a24"
    "16748e073601963da75f5048300b0609608648016503040201300a06082a8648ce3d0403"
    "020447304502204ac9999db3455ee58462e9aac04d4ac61adce717a3e35a211bcbbf497f"
    "87e3de02210092382c64d0ab8d9c9550632a6999f3081f4999ab38dd026c7f0cf1454caa"
    "8c8f";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned char byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; i++) {
    const uint64_t byte = i < sizeof(value) ? value >> (8 * i) : 0;
    text.push_back(static_cast<char>(byte & 0xff));
  }
  return text;
}

std::string section(uint64_t name, uint64_t type, uint64_t offset,
                    uint64_t size) {
  return little_endian(name, 4) + little_endian(type, 4) +
         little_endian(0, 16) + little_endian(offset, 8) +
         little_endian(size, 8) + little_endian(0, 8) + little_endian(1, 8) +
         little_endian(0, 8);
}

// A module as far as modinfo(8) looks at it.
std::string module_file(const std::string &fields, bool is_signed = false) {
  constexpr uint64_t header = 64;
  const std::string names("\0.modinfo\0.shstrtab\0", 20);
  const std::string body = fields + names;
  std::string file("\x7f"
                   "ELF\x02\x01\x01",
                   7);
  file += little_endian(0, 9) + little_endian(1, 2) + little_endian(62, 2) +
          little_endian(1, 4) + little_endian(0, 16) +
          little_endian(header + body.size(), 8) + little_endian(0, 4) +
          little_endian(header, 2) + little_endian(0, 4) +
          little_endian(64, 2) + little_endian(3, 2) + little_endian(2, 2);
  file += body + section(0, 0, 0, 0) + section(1, 1, header, fields.size()) +
          section(10, 3, header + fields.size(), names.size());
  if (!is_signed)
    return file;
  const std::string appended = from_hex(signature);
  // struct module_signature: PKCS#7, and the length as a big-endian number.
  file += appended + std::string("\0\0\2\0\0\0\0\0\0\0\0", 11) +
          static_cast<char>(appended.size());
  return file + "~Module signature appended~\n";
}

std::string fields(const std::string &version, const std::string &source) {
  return fmt::format("version={}{}srcversion={}{}", version, '\0', source,
                     '\0');
}

std::string fields_for(const std::string &kernel) {
  return fmt::format("{}vermagic={} SMP mod_unload {}",
                     fields(PORTACL_VERSION, "ABC"), kernel, '\0');
}

class DoctorTest : public ToolTest {
public:
  using ToolTest::kernel;
  using ToolTest::root;
  using ToolTest::sockets;
  using ToolTest::sysctl;
  using ToolTest::write_listeners;

  DoctorTest() {
    kernel.fixed["hooks"] = own_hooks;
    root.write("/proc/sys/kernel/osrelease", std::string(release) + "\n");
    root.write("/proc/sys/kernel/ftrace_enabled", "1\n");
    root.write("/proc/cmdline", "root=/dev/sda1 ro quiet\n");
    root.write("/proc/keys", "01 I------ 1 perm 1f030000 0 0 asymmetri Build "
                             "time key: 00ff: X509.rsa 00ff []\n");
    root.write(std::string("/boot/config-") + release, config);
    root.write(enabled_functions, own_users);
    root.write(std::string(tracing) + "available_filter_functions",
               "security_socket_bind\n__inet_bind\n__inet6_bind\n");
    root.write(std::string(tracing) + "current_tracer", "nop\n");
    root.write(probes, own_probes);
    root.write("/sys/kernel/debug/kprobes/enabled", "1\n");
    root.write(lockdown, "[none] integrity confidentiality\n");
    root.write("/sys/module/portacl/srcversion", "ABC\n");
    install(installed, fields(PORTACL_VERSION, "ABC"));
    root.write("/usr/lib/systemd/system/portacl.service", "[Unit]\n");
    std::filesystem::create_directories(root.path() + wants);
    std::filesystem::create_symlink("/usr/lib/systemd/system/portacl.service",
                                    root.path() + wants + "/portacl.service");
  }

  void install(const std::string &directory, const std::string &info,
               bool is_signed = false) const {
    root.write(directory + "/modules.builtin", "");
    root.write(directory + "/modules.dep",
               "kernel/net/sctp/sctp.ko.xz: kernel/lib/libcrc32c.ko.xz\n"
               "updates/dkms/portacl.ko:\n");
    root.write(directory + "/updates/dkms/portacl.ko",
               module_file(info, is_signed));
    root.write(directory + "/build/Makefile", "");
  }

  void remove(const std::string &path) const {
    std::filesystem::remove_all(root.path() + path);
  }

  void append(const std::string &path, const std::string &text) const {
    root.write(path, root.read(path) + text);
  }

  void start_kernel(const std::string &other) const {
    root.write("/proc/sys/kernel/osrelease", other + "\n");
  }

  nlohmann::json diagnose(const std::string &check) {
    const Outcome outcome = run_tool({"doctor", check, "--json=short"});
    EXPECT_TRUE(outcome.err.empty()) << outcome.err;
    auto answer = nlohmann::json::parse(outcome.out).at("doctor");
    EXPECT_EQ(outcome.status, answer.at("failed") == 0 ? 0 : 1);
    return answer.at("findings");
  }

  static constexpr const char *policy = local;
  static constexpr const char *wants =
      "/etc/systemd/system/sysinit.target.wants";
};

struct Case {
  const char *check;
  const char *what;
  void (*change)(DoctorTest &);
  const char *worst; // "pass", "warn", "fail"
  const char *text;  // of the finding that is so
  const char *fix;   // a line
};

void nothing(DoctorTest & /*test*/) {}

void ask_for_signatures(DoctorTest &test) {
  test.root.write(lockdown, "none [integrity] confidentiality\n");
  test.kernel.loaded = false;
}

void sign(const DoctorTest &test) {
  test.install(installed, fields(PORTACL_VERSION, "ABC"), true);
}

// The kernel's list names the key by the hash that the certificate holds.
void enrol(const DoctorTest &test) {
  test.append("/proc/keys", "02 I------ 1 perm 1f030000 0 0 asymmetri DKMS "
                            "module signing key: 0a0b0c: X509.rsa 0b0c []\n");
}

// What root gets to read instead of advice to be root.
const char *for_users(const char *command) {
  return geteuid() == 0 ? "run it with all capabilities" : command;
}

constexpr const char *next_kernel = "/lib/modules/7.2.12+deb13-amd64";
constexpr const char *unit = "/etc/systemd/system/portacl.service";

void mask(const DoctorTest &test) {
  test.remove(DoctorTest::wants);
  test.root.write(unit, "");
  test.remove(unit);
  std::filesystem::create_symlink("/dev/null", test.root.path() + unit);
}

void be_without_module(DoctorTest &test) {
  test.kernel.loaded = false;
  test.root.write(std::string(installed) + "/modules.dep", "");
}

// As in a kernel without modules and ftrace.
void be_built_in(DoctorTest &test) {
  test.remove("/lib/modules");
  test.remove("/sys/kernel/tracing");
  test.remove("/proc/sys/kernel/ftrace_enabled");
  test.remove("/sys/module/portacl/srcversion");
  test.root.write("/sys/module/portacl/version", PORTACL_VERSION "\n");
}

void be_left_out(DoctorTest &test) {
  be_built_in(test);
  test.root.write("/sys/kernel/security/lsm", "capability,yama");
  test.kernel.loaded = false;
}

void be_strict(DoctorTest &test) {
  test.kernel.fixed["strict"] = "1\n";
  test.root.write(DoctorTest::policy, "strict on\n");
  test.write_listeners({{700, "sshd", 0, true, "tcp", "00000000:0016"}});
}

const Case cases[] = {
    {"kernel", "Loaded", nothing, "pass", "the module is loaded", ""},
    {"kernel", "BuiltIn", be_built_in, "pass", "the module is built in", ""},
    {"kernel", "LeftOut", be_left_out, "fail", "not switched on",
     "lsm=yama,portacl"},
    {"kernel", "HasOptions",
     [](DoctorTest &test) { test.kernel.loaded = false; }, "pass",
     "has all 10 options that portacl needs", ""},
    {"kernel", "OptionMissing",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.root.write(
           std::string("/boot/config-") + release,
           "CONFIG_DYNAMIC_FTRACE_WITH_ARGS_NOT=y\nCONFIG_IPV6=m\n");
     },
     "fail", "CONFIG_X86_64=y is missing", "apt install linux-image-amd64"},
    {"kernel", "Realtime",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.append(std::string("/boot/config-") + release,
                   "CONFIG_PREEMPT_RT=y\n");
     },
     "fail", "CONFIG_PREEMPT_RT", "reboot"},
    {"kernel", "Old",
     [](DoctorTest &test) { test.start_kernel("5.10.0-30-amd64"); }, "fail",
     "older than 6.1", "apt install linux-image-amd64"},
    {"kernel", "New", [](DoctorTest &test) { test.start_kernel("7.3.0"); },
     "warn", "newer than 7.2", ""},
    {"kernel", "Cloud",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.start_kernel("6.1.0-56-cloud-amd64");
       test.root.write("/usr/lib/modules/6.1.0-56-cloud-amd64/config", config);
     },
     "pass", "6.1.0-56-cloud-amd64 has all", ""},
    {"kernel", "NoConfig",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.remove("/boot");
     },
     "warn", "are not known", "portaclctl load"},
    {"kernel", "NoRelease",
     [](DoctorTest &test) { test.start_kernel("linux"); }, "warn", "no release",
     ""},
    {"ftrace", "Attached", nothing, "pass", "every function is hooked", ""},
    {"ftrace", "BuiltIn", be_built_in, "pass", "without ftrace", ""},
    {"ftrace", "Attachable",
     [](DoctorTest &test) { test.kernel.loaded = false; }, "pass",
     "every function is there", ""},
    {"ftrace", "SwitchedOff",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.root.write("/proc/sys/kernel/ftrace_enabled", "0\n");
     },
     "fail", "switched off", "sysctl kernel.ftrace_enabled=1"},
    {"ftrace", "Dead",
     [](DoctorTest &test) {
       test.kernel.fixed["hooks"] = "__inet_bind dead\n";
     },
     "fail", "killed ftrace", "reboot"},
    {"ftrace", "FunctionMissing",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.root.write(std::string(tracing) + "available_filter_functions",
                       "security_socket_bind\n__inet_bind\nx__inet6_bind\n");
     },
     "fail", "__inet6_bind is no function", "reboot"},
    {"ftrace", "OldPlace",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.remove(tracing);
       test.root.write("/sys/kernel/debug/tracing/available_filter_functions",
                       "security_socket_bind\n__inet_bind\n__inet6_bind\n");
     },
     "pass", "every function is there", ""},
    {"ftrace", "NotMounted",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.remove(tracing);
     },
     "warn", "is not mounted", "mount -t tracefs nodev /sys/kernel/tracing"},
    {"ftrace", "NoFtrace",
     [](DoctorTest &test) { test.remove("/proc/sys/kernel/ftrace_enabled"); },
     "fail", "no ftrace", "reboot"},
    {"hooks", "Alone", nothing, "pass", "nobody else", ""},
    {"hooks", "BuiltIn", be_built_in, "pass", "without ftrace", ""},
    {"hooks", "AloneOn61",
     [](DoctorTest &test) {
       test.start_kernel("6.1.0-56-amd64");
       test.root.write(
           enabled_functions,
           "security_socket_bind (1) R    \ttramp: 0xffffffffc038c000 "
           "(kprobe_ftrace_handler+0x0/0x1b0) "
           "->kprobe_ftrace_handler+0x0/0x1b0\n"
           "__inet_bind (1)      \ttramp: 0xffffffffc0352000 "
           "(hook_inet_bind+0x0/0xc0 [portacl]) "
           "->hook_inet_bind+0x0/0xc0 [portacl]\n");
       test.append(probes, "ffffffffb0e4cb40  r  security_socket_bind+0x0    "
                           "[FTRACE]\n");
     },
     "pass", "nobody else", ""},
    {"hooks", "Harmless",
     [](DoctorTest &test) {
       test.root.write(enabled_functions,
                       "__inet_bind (4) R   D   M  "
                       "->arch_ftrace_ops_list_func+0x0/0x220\n"
                       "\tdirect(jmp)-->bpf_trampoline_6442509764+0x0/0x131\n");
       test.append(probes,
                   "ffffffffabb88b44  k  __inet_bind+0x4    [FTRACE]\n");
       test.root.write(std::string(tracing) + "current_tracer", "function\n");
     },
     "pass",
     "__inet_bind is also used by 1 kprobe, a BPF program, the function tracer",
     ""},
    {"hooks", "Unnamed",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.root.write(enabled_functions, "__inet6_bind (2)  ->f+0x0/0x1\n");
     },
     "pass", "__inet6_bind is also used by 2 other users of ftrace", ""},
    {"hooks", "Livepatch",
     [](DoctorTest &test) {
       const std::string patch = "/sys/kernel/livepatch/fix_1/";
       test.root.write(patch + "enabled", "1\n");
       test.root.write(patch + "vmlinux/security_socket_bind,1/x", "");
     },
     "warn", "the livepatch fix_1, which redirects it", ""},
    {"hooks", "Redirected",
     [](DoctorTest &test) {
       test.kernel.fixed["hooks"] = "__inet_bind attached\n"
                                    "security_socket_bind detached\n";
     },
     "warn", "1 other user of ftrace, which redirects it", ""},
    {"hooks", "BpfMayRefuse",
     [](DoctorTest &test) {
       test.root.write(enabled_functions,
                       "bpf_lsm_socket_bind (1) R   D\ttramp: x (y) ->z\n");
     },
     "warn", "which may refuse binds by itself", "bpftool link"},
    {"hooks", "ProbesOff",
     [](DoctorTest &test) {
       test.root.write("/sys/kernel/debug/kprobes/enabled", "0\n");
     },
     "fail", "kprobes are switched off",
     "echo 1 >/sys/kernel/debug/kprobes/enabled"},
    {"hooks", "NotMounted", [](DoctorTest &test) { test.remove(tracing); },
     "warn", "not mounted", "mount -t tracefs nodev /sys/kernel/tracing"},
    {"bpf-fault", "NewKernel", nothing, "pass", "do not have it", ""},
    {"bpf-fault", "OldKernel",
     [](DoctorTest &test) {
       test.start_kernel("6.1.0-56-amd64");
       test.root.write(enabled_functions, "__inet_bind (1)  ->x\n");
     },
     "pass", "nothing redirects a function", ""},
    {"bpf-fault", "Redirected",
     [](DoctorTest &test) {
       test.start_kernel("6.1.0-56-amd64");
       test.root.write(enabled_functions,
                       "vfs_read (1)   I \ttramp: x (y) ->z [patch]\n");
     },
     "warn", "redirects vfs_read", ""},
    {"bpf-fault", "NotMounted",
     [](DoctorTest &test) {
       test.start_kernel("6.6.0");
       test.remove(tracing);
     },
     "warn", "not mounted", "mount -t tracefs nodev /sys/kernel/tracing"},
    {"lockdown", "None", nothing, "pass", "lockdown=none, no Secure Boot", ""},
    {"lockdown", "Integrity",
     [](DoctorTest &test) {
       test.root.write(lockdown, "none [integrity] confidentiality\n");
       test.root.write(secure_boot_variable, std::string("\x16\0\0\0\1", 5));
     },
     "pass", "lockdown=integrity, Secure Boot is on: modules must be signed",
     ""},
    {"lockdown", "Confidentiality",
     [](DoctorTest &test) {
       test.root.write(lockdown, "none integrity [confidentiality]\n");
     },
     "warn", "nobody sees who else", "portaclctl doctor signature"},
    {"lockdown", "SecureBootOff",
     [](DoctorTest &test) {
       test.root.write(secure_boot_variable, std::string("\x16\0\0\0\0", 5));
     },
     "pass", "Secure Boot is off", ""},
    {"signature", "NotAskedFor", nothing, "pass", "is not signed, which", ""},
    {"signature", "BuiltIn",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       be_built_in(test);
     },
     "pass", "nothing to sign", ""},
    {"signature", "NoModule", be_without_module, "pass", "nothing on this", ""},
    {"signature", "NotSigned", ask_for_signatures, "fail",
     "not signed, but lockdown=integrity",
     "sign the module with a key that is enrolled: "
     "/lib/modules/6.12.117+deb12-amd64/build/scripts/sign-file sha256 KEY "
     "CERTIFICATE /lib/modules/6.12.117+deb12-amd64/updates/dkms/portacl.ko"},
    {"signature", "NotSignedByDkms",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       test.root.write("/var/lib/dkms/portacl/0.1.0/source/dkms.conf", "");
     },
     "fail", "not signed", "mokutil --import /var/lib/dkms/mok.pub"},
    {"signature", "NotEnrolled",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
     },
     "fail", "whose key the kernel does not have", "enrol the certificate of"},
    {"signature", "NotEnrolledOfDkms",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       test.root.write(dkms_certificate, "DKMS module signing key\n");
     },
     "fail", "whose key the kernel does not have",
     "[\"mokutil --import /var/lib/dkms/mok.pub"},
    // The certificate that dkms has now did not sign it.
    {"signature", "NotEnrolledOfAnother",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       test.root.write(dkms_certificate, "another key\n");
       test.root.write("/var/lib/dkms/portacl/0.1.0/source/dkms.conf", "");
     },
     "fail", "whose key the kernel does not have",
     "[\"dkms remove portacl/0.1.0 -k 6.12.117+deb12-amd64"},
    {"signature", "NextKernel",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       enrol(test);
       test.root.write(dkms_certificate,
                       "DKMS module signing key\n\x0a\x0b\x0c");
       test.install(next_kernel, fields(PORTACL_VERSION, "ABC"));
     },
     "warn", "the next boot (7.2.12+deb13-amd64): the module is not signed",
     "/lib/modules/7.2.12+deb13-amd64/build/scripts/sign-file"},
    {"signature", "NextKernelForced",
     [](DoctorTest &test) {
       test.install(next_kernel, fields(PORTACL_VERSION, "ABC"));
       test.root.write("/boot/config-7.2.12+deb13-amd64",
                       "CONFIG_MODULE_SIG_FORCE=y\n");
     },
     "warn", "not signed, but CONFIG_MODULE_SIG_FORCE", ""},
    {"signature", "SecureBootAlone",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.remove(lockdown);
       test.root.write(secure_boot_variable, std::string("\x16\0\0\0\1", 5));
     },
     "fail", "Secure Boot asks", "sign the module with a key"},
    {"signature", "Enforced",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.root.write("/sys/module/module/parameters/sig_enforce", "Y\n");
     },
     "fail", "module.sig_enforce", ""},
    {"signature", "Forced",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.append(std::string("/boot/config-") + release,
                   "CONFIG_MODULE_SIG_FORCE=y\n");
     },
     "fail", "CONFIG_MODULE_SIG_FORCE", ""},
    {"signature", "NotAtTheNextBoot",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       test.kernel.loaded = true;
     },
     "warn", "the next boot will be without it", ""},
    {"signature", "EnrolledByName",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       enrol(test);
     },
     "warn", "whether it is that key is not known", ""},
    {"signature", "EnrolledCertificate",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       enrol(test);
       test.root.write(dkms_certificate,
                       "DKMS module signing key\n\x0a\x0b\x0c");
     },
     "pass", "whose key the kernel has", ""},
    // One of the same name, as after the key was made anew.
    {"signature", "AnotherCertificate",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       enrol(test);
       test.root.write(dkms_certificate,
                       "DKMS module signing key\n\x0a\x0b\x0d");
     },
     "fail", "whose key the kernel does not have", "reboot"},
    {"signature", "KeysHidden",
     [](DoctorTest &test) {
       ask_for_signatures(test);
       sign(test);
       test.root.write("/proc/keys", "");
     },
     "warn", "shown to root only", for_users("sudo portaclctl doctor signature")},
    {"signature", "Broken",
     [](DoctorTest &test) {
       test.root.write(std::string(installed) + "/updates/dkms/portacl.ko",
                       "\x7f"
                       "ELF");
     },
     "fail", "cannot read", "portaclctl doctor dkms"},
    {"dkms", "Installed", nothing, "pass", "updates/dkms/portacl.ko is there",
     ""},
    {"dkms", "BuiltIn", be_built_in, "pass", "built into 6.12.117", ""},
    {"dkms", "BuiltIntoTheNext",
     [](DoctorTest &test) {
       test.root.write(std::string(next_kernel) + "/modules.builtin", "");
       test.root.write("/boot/config-7.2.12+deb13-amd64",
                       "CONFIG_SECURITY_PORTACL=y\n");
     },
     "pass", "built into 7.2.12", ""},
    {"dkms", "LoadedByHand",
     [](DoctorTest &test) {
       test.root.write(std::string(installed) + "/modules.dep", "");
     },
     "warn", "loaded from a file", ""},
    {"dkms", "NotBuilt",
     [](DoctorTest &test) {
       be_without_module(test);
       test.root.write("/var/lib/dkms/portacl/0.9.0/source/dkms.conf", "");
       test.root.write("/var/lib/dkms/portacl/0.10.0/source/dkms.conf", "");
       test.root.write("/var/lib/dkms/portacl/kernel-1-x86_64/x", "");
     },
     "fail", "dkms has not built",
     "dkms install portacl/0.10.0 -k 6.12.117+deb12-amd64"},
    {"dkms", "NotAdded",
     [](DoctorTest &test) {
       be_without_module(test);
       test.root.write("/usr/src/portacl-0.2.0/dkms.conf", "");
     },
     "fail", "dkms has not built",
     "dkms install portacl/0.2.0 -k 6.12.117+deb12-amd64"},
    {"dkms", "NoHeaders",
     [](DoctorTest &test) {
       be_without_module(test);
       test.root.write("/usr/src/portacl-0.2.0/dkms.conf", "");
       test.remove(std::string(installed) + "/build");
     },
     "fail", "its headers", "apt install linux-headers-6.12.117+deb12-amd64"},
    {"dkms", "Failed",
     [](DoctorTest &test) {
       be_without_module(test);
       test.root.write("/var/lib/dkms/portacl/0.2.0/build/make.log",
                       "DKMS make.log for portacl-0.2.0 for kernel "
                       "6.12.117+deb12-amd64 (x86_64)\nerror\n");
     },
     "fail", "see /var/lib/dkms/portacl/0.2.0/build/make.log",
     "dkms install portacl/0.2.0 -k 6.12.117+deb12-amd64"},
    {"dkms", "NoSources", be_without_module, "fail", "no sources for dkms",
     "[\"in portacl's sources: make install-module\"]"},
    {"dkms", "NotAddedNewer",
     [](DoctorTest &test) {
       be_without_module(test);
       test.root.write("/var/lib/dkms/portacl/0.1.0/source/dkms.conf", "");
       test.root.write("/usr/src/portacl-0.2.0/dkms.conf", "");
     },
     "fail", "dkms has not built", "dkms install portacl/0.2.0"},
    {"dkms", "OddVersion",
     [](DoctorTest &test) {
       be_without_module(test);
       test.root.write("/usr/src/portacl-0.2;reboot/dkms.conf", "");
     },
     "fail", "dkms has not built", "dkms install 'portacl/0.2;reboot' -k"},
    {"dkms", "OfThisKernel",
     [](DoctorTest &test) { test.install(installed, fields_for(release)); },
     "pass", "is there for", ""},
    {"dkms", "OfAnotherKernel",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.install(installed, fields_for("6.12.116+deb12-amd64"));
     },
     "fail", "was built for 6.12.116+deb12-amd64",
     "rm /lib/modules/6.12.117+deb12-amd64/updates/dkms/portacl.ko"},
    {"dkms", "OfAnotherKernelByDkms",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.install(installed, fields_for("6.12.116+deb12-amd64"));
       test.root.write("/var/lib/dkms/portacl/0.1.0/source/dkms.conf", "");
     },
     "fail", "was built for 6.12.116+deb12-amd64", "[\"dkms remove portacl/"},
    {"dkms", "Broken",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.root.write(std::string(installed) + "/updates/dkms/portacl.ko",
                       "\x7f"
                       "ELF");
     },
     "fail", "cannot read", "make install-module"},
    {"dkms", "NextOfAnotherKernel",
     [](DoctorTest &test) { test.install(next_kernel, fields_for(release)); },
     "warn", "the next boot may be without portacl: ",
     "make install-module KERNELDIR=/lib/modules/7.2.12+deb13-amd64/build"},
    {"dkms", "NextIsRealtime",
     [](DoctorTest &test) {
       test.root.write(std::string(next_kernel) + "/modules.builtin", "");
       test.root.write("/boot/config-7.2.12+deb13-amd64",
                       "CONFIG_PREEMPT_RT=y\n");
       test.root.write("/usr/src/portacl-0.2.0/dkms.conf", "");
     },
     "warn", "has CONFIG_PREEMPT_RT", "[\"boot a kernel without PREEMPT_RT\"]"},
    {"dkms", "NextKernel",
     [](DoctorTest &test) {
       test.root.write("/lib/modules/6.12.9-old/modules.builtin", "");
       test.root.write("/lib/modules/7.2.12+deb13-amd64/modules.builtin", "");
     },
     "warn", "the next boot may be without portacl", ""},
    {"version", "Same", nothing, "pass", "module and tool are ", ""},
    {"version", "BuiltIn", be_built_in, "pass", "module and tool are ", ""},
    {"version", "LeftOut", be_left_out, "fail", "not switched on",
     "lsm=yama,portacl"},
    {"version", "NotLoaded",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.remove(DoctorTest::wants);
     },
     "warn", "is not loaded", "portaclctl load"},
    {"version", "NotLoadedAtBoot",
     [](DoctorTest &test) { test.kernel.loaded = false; }, "fail",
     "though portacl.service is enabled", "portaclctl load"},
    {"version", "OfAnotherKernel",
     [](DoctorTest &test) {
       test.kernel.loaded = false;
       test.install(installed, fields_for("6.12.116+deb12-amd64"));
     },
     "fail", "is not loaded", "portaclctl doctor dkms"},
    {"version", "AnotherAbi",
     [](DoctorTest &test) { test.kernel.fixed["abi"] = "9\n"; }, "fail", "9",
     "portaclctl load"},
    {"version", "AnotherInstalled",
     [](DoctorTest &test) { test.install(installed, fields("99.0.0", "Z")); },
     "warn", "installed is 99.0.0", "portaclctl unload --yes"},
    {"version", "AnotherBuild",
     [](DoctorTest &test) {
       test.install(installed, fields(PORTACL_VERSION, "Z"));
     },
     "warn", "of another build", "portaclctl load"},
    {"version", "AnotherBuildLocked",
     [](DoctorTest &test) {
       test.install(installed, fields(PORTACL_VERSION, "Z"));
       test.kernel.fixed["locked"] = "1\n";
     },
     "warn", "of another build", "reboot"},
    {"version", "AnotherTool",
     [](DoctorTest &test) {
       test.kernel.fixed["version"] = "99.0.0\n";
       test.install(installed, fields("99.0.0", "ABC"));
     },
     "warn", "the module is 99.0.0, this tool", ""},
    {"boot", "Enabled", nothing, "pass", "at boot", ""},
    {"boot", "NotEnabled",
     [](DoctorTest &test) { test.remove(DoctorTest::wants); }, "warn",
     "not enabled", "systemctl enable portacl.service"},
    {"boot", "NoUnit",
     [](DoctorTest &test) {
       test.remove(DoctorTest::wants);
       test.remove("/usr/lib/systemd");
     },
     "warn", "not enabled", "run portaclctl load from"},
    {"boot", "LeftOut",
     [](DoctorTest &test) {
       test.root.write("/proc/cmdline", "quiet noportacl\n");
     },
     "warn", "noportacl",
     "take noportacl out of the boot loader's configuration"},
    {"boot", "LocalUnit",
     [](DoctorTest &test) {
       test.remove(DoctorTest::wants);
       test.remove("/usr/lib/systemd");
       test.root.write("/usr/local/lib/systemd/system/portacl.service",
                       "[Unit]\n");
     },
     "warn", "not enabled", "systemctl enable portacl.service"},
    {"boot", "Masked", [](DoctorTest &test) { mask(test); }, "warn", "not enabled",
     "[\"systemctl unmask portacl.service\",\"systemctl enable portacl.service"},
    {"boot", "Blacklisted",
     [](DoctorTest &test) {
       test.root.write("/etc/modprobe.d/b.conf",
                       "# blacklist portacl\nblacklist x\\\n\n"
                       "\tblacklist \\\n portacl\n");
     },
     "fail", "'blacklist portacl' in ", "/etc/modprobe.d/b.conf:4"},
    {"boot", "InstallLine",
     [](DoctorTest &test) {
       test.root.write("/usr/lib/modprobe.d/b.conf",
                       "install portacl /bin/false\n");
     },
     "fail", "'install portacl' in ", "/usr/lib/modprobe.d/b.conf:1"},
    {"boot", "BlacklistedNotEnabled",
     [](DoctorTest &test) {
       mask(test);
       test.root.write("/etc/modprobe.d/b.conf", "blacklist portacl\n");
     },
     "warn", "'blacklist portacl' in ", "take 'blacklist portacl' out of"},
    {"boot", "BlacklistedByKernel",
     [](DoctorTest &test) {
       test.root.write("/proc/cmdline", "ro module_blacklist=a,portacl quiet\n");
     },
     "fail", "'module_blacklist=portacl' on the kernel command line",
     "boot loader's configuration"},
    {"boot", "BlacklistedNot",
     [](DoctorTest &test) {
       test.root.write("/usr/lib/modprobe.d/b.conf", "blacklist portacl\n");
       test.root.write("/etc/modprobe.d/b.conf",
                       "blacklist portaclx\noptions portacl x=1\ninstall "
                       "portacl /sbin/modprobe --ignore-install portacl\n");
       test.root.write("/etc/modprobe.d/b.txt", "blacklist portacl\n");
       test.root.write("/proc/cmdline", "modprobe.blacklist=portaclx\n");
     },
     "pass", "at boot", ""},
    {"boot", "LeftOutNot",
     [](DoctorTest &test) {
       test.root.write("/proc/cmdline", "quiet noportacls xnoportacl\n");
     },
     "pass", "at boot", ""},
    {"files", "Good",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow web 443\n");
       test.kernel.rules = {"allow user 1001 443"};
     },
     "pass", "1 rule in 1 file", ""},
    {"files", "Unsafe",
     [](DoctorTest &test) { test.root.write(DoctorTest::policy, "", 0664); },
     "fail", "writable for others", "chmod go-w "},
    {"files", "Dangling",
     [](DoctorTest &test) {
       test.root.write("/etc/portacl.d/x.conf", "");
       std::filesystem::create_symlink(
           "/nowhere", test.root.path() + "/etc/portacl.d/60-x.conf");
     },
     "fail", "leads nowhere", "correct or remove it"},
    {"files", "BadLine",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow web 70000\n");
     },
     "fail", "50-local.conf:1:11: port out of range", "ports are 1-65535"},
    {"files", "BadRecord",
     [](DoctorTest &test) {
       test.root.write("/var/lib/portacl/names", "", 0666);
     },
     "warn", "writable for others", "chmod go-w "},
    {"files", "Drift",
     [](DoctorTest &test) { test.kernel.rules = {"allow user 1001 443"}; },
     "warn", "1 rule in force but in no file", "portaclctl apply"},
    {"files", "DriftLocked",
     [](DoctorTest &test) {
       test.kernel.rules = {"allow user 1001 443"};
       test.kernel.fixed["locked"] = "1\n";
     },
     "warn", "1 rule in force but in no file", "locked until the next boot"},
    {"files", "Doubts",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow web 600\n");
       test.kernel.rules = {"allow user 1001 600"};
     },
     "warn", "may not do what is meant", "portaclctl check"},
    {"names", "None", nothing, "pass", "no rule names anybody", ""},
    {"names", "Known",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow web 443\nallow web 80\n");
     },
     "pass", "1 name, and all", ""},
    {"names", "Unknown",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow wbe 443\n");
     },
     "fail", "50-local.conf:1:7: no such user", "did you mean 'web'"},
    {"names", "Moved",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow web 443\n");
       test.root.write("/var/lib/portacl/names", "user web 1004\n");
     },
     "warn", "user web was 1004 at the last apply, is now 1001",
     "portaclctl apply"},
    {"names", "Vanished",
     [](DoctorTest &test) {
       test.root.write(DoctorTest::policy, "allow ghost 443\n");
       test.root.write("/var/lib/portacl/names", "user ghost 1004\n");
     },
     "warn", "ghost", ""},
    {"names", "Dynamic",
     [](DoctorTest &test) {
       test.append("/etc/passwd", "unit:x:61200:61200::/:/bin/sh\n");
       test.root.write(DoctorTest::policy, "allow unit 443\n");
     },
     "warn", "user unit has the number 61200", "give the unit a user"},
    {"automatic", "None", nothing, "pass", "no port is reserved", ""},
    {"automatic", "Covered",
     [](DoctorTest &test) {
       test.kernel.rules = {"reserve 40000"};
       test.sysctl.set_list("40000");
     },
     "pass", "no reserved port", ""},
    {"automatic", "NotCovered",
     [](DoctorTest &test) {
       test.kernel.rules = {"reserve 40000", "reserve 80"};
     },
     "warn", "40000 reserved, but the kernel may give", "portaclctl apply"},
    {"automatic", "NotKnown",
     [](DoctorTest &test) {
       test.kernel.rules = {"reserve 40000"};
       test.sysctl.read_error = EACCES;
     },
     "warn", "not known", "nsenter --target 1"},
    {"strict", "Off", nothing, "pass", "strict is off", ""},
    {"strict", "Allowed",
     [](DoctorTest &test) {
       be_strict(test);
       test.kernel.rules = {"allow user 0 22"};
     },
     "pass", "each of 1 privileged listener", ""},
    {"strict", "NotAllowed", be_strict, "fail",
     "22/tcp on 0.0.0.0 of sshd (pid 700, user root) would be refused",
     "portaclctl allow user root 22/tcp"},
    {"strict", "Permissive",
     [](DoctorTest &test) {
       be_strict(test);
       test.kernel.fixed["mode"] = "permissive\n";
     },
     "pass", "each of 1 privileged listener", ""},
    {"strict", "Denied",
     [](DoctorTest &test) {
       be_strict(test);
       test.kernel.rules = {"deny user 0 22"};
     },
     "fail", "at its next start by: deny user 0 22",
     "[\"portaclctl explain 0 22/tcp\",\"portaclctl remove deny user root 22"},
    {"strict", "DeniedByAFile",
     [](DoctorTest &test) {
       be_strict(test);
       test.root.write("/etc/portacl.d/60-x.conf", "\ndeny user root 22\n");
       test.kernel.rules = {"deny user 0 22"};
     },
     "fail", "at its next start by: deny user 0 22", "60-x.conf:2\","},
    {"strict", "DeniedOfTheFiles",
     [](DoctorTest &test) {
       be_strict(test);
       test.root.write("/etc/portacl.d/60-x.conf", "deny user root 22\n");
       test.kernel.fixed["strict"] = "0\n";
     },
     "warn", "once strict is on, by: deny user 0 22", "60-x.conf:1"},
    {"strict", "OfTheFiles",
     [](DoctorTest &test) {
       be_strict(test);
       test.kernel.fixed["strict"] = "0\n";
     },
     "warn", "strict is to be on", "portaclctl allow user root 22/tcp"},
    {"strict", "NotAllSeen",
     [](DoctorTest &test) {
       be_strict(test);
       test.kernel.rules = {"allow user 0 22"};
       test.sockets.partial = true;
     },
     "warn", "not all processes", for_users("sudo portaclctl doctor strict")},
};

class DoctorCase : public DoctorTest,
                   public testing::WithParamInterface<Case> {};

TEST_P(DoctorCase, IsFound) {
  constexpr std::array<const char *, 3> results = {"pass", "warn", "fail"};
  const Case &wanted = GetParam();
  wanted.change(*this);
  const auto findings = diagnose(wanted.check);
  ASSERT_FALSE(findings.empty());
  size_t worst = 0;
  for (const auto &finding : findings) {
    const auto at = std::ranges::find(results, finding.at("result"));
    worst = std::max(worst, static_cast<size_t>(at - results.begin()));
  }
  EXPECT_STREQ(results.at(worst), wanted.worst) << findings.dump(2);
  const bool said = std::ranges::any_of(findings, [&](const auto &finding) {
    const std::string text = finding.at("text");
    return finding.at("result") == wanted.worst &&
           text.find(wanted.text) != std::string::npos &&
           finding.at("fix").dump().find(wanted.fix) != std::string::npos;
  });
  EXPECT_TRUE(said) << findings.dump(2);
  for (const auto &finding : findings) {
    if (finding.at("result") == "pass") {
      EXPECT_TRUE(finding.at("fix").empty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Checks, DoctorCase, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &one) {
                           std::string name = one.param.check;
                           std::erase(name, '-');
                           return name + one.param.what;
                         });

std::set<std::string> known_checks(const Outcome &unknown) {
  const std::string mark = "the checks are: ";
  std::istringstream list(
      unknown.err.substr(unknown.err.find(mark) + mark.size()));
  std::set<std::string> names;
  for (std::string name; list >> name;) {
    std::erase(name, ',');
    names.insert(name);
  }
  return names;
}

TEST_F(DoctorTest, EveryCheckPassesOnceAndOnceDoesNot) {
  // Those whose tests are beside the tests of the importer that looks at the
  // same.
  std::set<std::string> left = {"boundary", "capabilities", "units", "authbind",
                                "nat"};
  for (const std::string &name :
       known_checks(run_tool({"doctor", "zzzzzzzzzzzz"}))) {
    if (left.erase(name) != 0)
      continue;
    std::set<bool> passes;
    for (const Case &one : cases) {
      if (one.check == name)
        passes.insert(std::string_view(one.worst) == "pass");
    }
    EXPECT_EQ(passes.size(), 2U) << name;
  }
  EXPECT_TRUE(left.empty());
}

TEST_F(DoctorTest, TheManualListsEveryCheck) {
  std::ifstream file(PORTACL_MAN "/portaclctl.8.scd");
  std::set<std::string> listed;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# "))
      inside = line == "# CHECKS";
    if (inside && line.starts_with("*"))
      listed.insert(line.substr(1, line.find('*', 1) - 1));
  }
  EXPECT_EQ(listed, known_checks(run_tool({"doctor", "zzzzzzzzzzzz"})));
}

TEST_F(DoctorTest, AHealthyMachinePasses) {
  const Outcome outcome = run_tool({"doctor", "ftrace", "kernel"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "pass  kernel        6.12.117+deb12-amd64 has what portacl needs: "
            "the module is loaded\n"
            "pass  ftrace        switched on, and every function is hooked\n"
            "\n2 passed, 0 warned, 0 failed.\n");
}

TEST_F(DoctorTest, SaysWhatMendsIt) {
  kernel.loaded = false;
  root.write("/proc/sys/kernel/ftrace_enabled", "0\n");
  const Outcome outcome = run_tool({"doctor", "ftrace", "lockdown", "-q"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "fail  ftrace        ftrace is switched off, so that "
                         "the module cannot be loaded\n"
                         "                        sysctl "
                         "kernel.ftrace_enabled=1\n");
  EXPECT_THAT(run_tool({"doctor", "ftrace", "--no-legend"}).out,
              Not(HasSubstr("failed.")));
}

TEST_F(DoctorTest, AWarningIsNoFailure) {
  start_kernel("7.9.1");
  const Outcome outcome = run_tool({"doctor", "kernel", "--color=always"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("\x1b[33mwarn\x1b[0m  kernel "));
}

TEST_F(DoctorTest, OffersTheNearestCheck) {
  const Outcome outcome = run_tool({"doctor", "kernl"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("doctor has no check 'kernl'"));
  EXPECT_THAT(outcome.err, HasSubstr("did you mean 'kernel'?"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(DoctorTest, ManyMistakesAreCounted) {
  std::string text;
  for (int i = 0; i < 15; i++)
    text += "allow web 70000\n";
  root.write(local, text);
  const auto findings = diagnose("files");
  EXPECT_EQ(findings.size(), 11U);
  EXPECT_EQ(findings.back().at("text"), "and 5 more");
  EXPECT_EQ(findings.back().at("result"), "fail");
}

// The names of files and programs are anybody's.
TEST_F(DoctorTest, PrintsNothingThatDisturbs) {
  root.write("/etc/portacl.d/60-\x1b[2J.conf", "", 0666);
  const Outcome outcome = run_tool({"doctor", "files"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

TEST_F(DoctorTest, ATreeThatDoesNotRun) {
  remove("/proc");
  remove("/sys");
  const Outcome outcome =
      run_tool({"--root", root.path(), "doctor", "kernel", "ftrace", "dkms"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("the newest installed kernel, has all"));
  EXPECT_THAT(outcome.out, HasSubstr("not known: no kernel runs below"));
  EXPECT_THAT(outcome.out, HasSubstr("portacl.ko is there for"));
}

// What is printed must not change the machine that prints it.
TEST_F(DoctorTest, CommandsForATree) {
  remove("/proc");
  remove("/sys");
  remove(wants);
  root.write(std::string(installed) + "/modules.dep", "");
  root.write("/usr/src/portacl-0.2.0/dkms.conf", "");
  root.write("/etc/portacl.d/60-x.conf", "allow ghost 443\n");
  root.write("/var/lib/portacl/names", "user ghost 1004\n");
  root.write(std::string("/boot/config-") + release, "CONFIG_X86_64=y\n");
  const std::string out = run_tool({"--root", root.path(), "doctor", "kernel",
                                    "dkms", "boot", "names"})
                              .out;
  const std::string chroot = "  chroot " + root.path() + " ";
  EXPECT_THAT(out, HasSubstr(chroot + "apt install linux-image-amd64\n"));
  EXPECT_THAT(out, HasSubstr(chroot + "dkms install portacl/0.2.0 -k "));
  EXPECT_THAT(out, HasSubstr(chroot + "systemctl enable portacl.service\n"));
  EXPECT_THAT(out, HasSubstr("  portaclctl --root " + root.path() + " check"));
  EXPECT_THAT(out, Not(HasSubstr("  reboot\n")));
}

TEST_F(DoctorTest, SourcesForATree) {
  remove("/proc");
  root.write(std::string(installed) + "/modules.dep", "");
  EXPECT_THAT(run_tool({"--root", root.path(), "doctor", "dkms"}).out,
              HasSubstr(fmt::format("KERNELDIR={0}{1}/build DESTDIR={0}\n",
                                    root.path(), installed)));
}

TEST_F(DoctorTest, NothingOfTheKernelIsAskedBelowARoot) {
  kernel.fixed["hooks"] = "__inet_bind dead\n";
  EXPECT_EQ(run_tool({"--root", root.path(), "doctor", "ftrace"}).status, 0);
}

TEST(KernelFilesTest, Versions) {
  using Version = std::pair<unsigned, unsigned>;
  EXPECT_EQ(release_version("6.12.117+deb12-amd64"), Version(6, 12));
  EXPECT_EQ(release_version("6.1"), Version(6, 1));
  EXPECT_EQ(release_version("6"), std::nullopt);
  EXPECT_EQ(release_version("6."), std::nullopt);
  EXPECT_EQ(release_version(""), std::nullopt);
  EXPECT_EQ(release_version("x.y"), std::nullopt);
  EXPECT_EQ(release_version("99999999999.1"), std::nullopt);
}

// A release that is a path would be one into other directories.
TEST(KernelFilesTest, OddReleases) {
  const TempRoot root;
  root.write("/proc/sys/kernel/osrelease", "../../etc\n");
  EXPECT_EQ(running_release(root.path()), "");
}

TEST(KernelFilesTest, LinksStayInside) {
  const TempRoot root;
  root.write("/lib/modules/6.1/modules.dep",
             "../../../../../etc/portacl.ko:\n");
  EXPECT_EQ(find_module_file(root.path(), "6.1", "portacl"), "");
  root.write("/etc/portacl.ko", module_file(fields("1", "2")));
  const std::string file = find_module_file(root.path(), "6.1", "portacl");
  EXPECT_NE(file, "");
  EXPECT_EQ(read_module_info(root.path(), file)->version, "1");
}

TEST(KernelFilesTest, ASignature) {
  const TempRoot root;
  root.write("/portacl.ko", module_file(fields("1", "2"), true));
  const auto info = read_module_info(root.path(), "/portacl.ko");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->signer, "DKMS module signing key");
  EXPECT_EQ(info->source_version, "2");
}

TEST(KernelFilesTest, OnlyTheModule) {
  const TempRoot root;
  root.write("/lib/modules/6.1/modules.dep",
             "extra/xportacl.ko: extra/portacl.ko\nextra/portacl_x.ko:\n"
             "extra/portacl.txt:\n");
  root.write("/lib/modules/6.1/extra/portacl.ko", "");
  EXPECT_EQ(find_module_file(root.path(), "6.1", "portacl"), "");
  root.write("/lib/modules/6.1/modules.dep", "extra/portacl.ko.zst:\n");
  root.write("/lib/modules/6.1/extra/portacl.ko.zst", "");
  EXPECT_EQ(find_module_file(root.path(), "6.1", "portacl"),
            "/lib/modules/6.1/extra/portacl.ko.zst");
}

} // namespace
} // namespace portacl
