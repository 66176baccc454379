// SPDX-License-Identifier: GPL-2.0-only

#include "tool_test.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/engine.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace fs = std::filesystem;

namespace {

// RFC 1952, bit by bit.
std::string slow_crc32(std::string_view text) {
  uint32_t sum = UINT32_MAX;
  for (const char ch : text) {
    sum ^= static_cast<unsigned char>(ch);
    for (int bit = 0; bit < 8; bit++)
      sum = sum >> 1 ^ ((sum & 1U) != 0 ? 0xedb88320U : 0);
  }
  return fmt::format("{:08x}", ~sum);
}

} // namespace

TempRoot::TempRoot() {
  std::string name = (fs::temp_directory_path() / "portacl-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

TempRoot::~TempRoot() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void TempRoot::write(const std::string &file, const std::string &text,
                     unsigned mode) const {
  const fs::path path = path_ + file;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  fs::permissions(path, static_cast<fs::perms>(mode));
}

std::string TempRoot::read(const std::string &file) const {
  std::ostringstream text;
  text << std::ifstream(path_ + file, std::ios::binary).rdbuf();
  return text.str();
}

bool TempRoot::exists(const std::string &file) const {
  return fs::exists(fs::symlink_status(path_ + file));
}

void write_names(const TempRoot &root) {
  root.write("/etc/passwd", "root:x:0:0::/:/bin/sh\n"
                            "web:x:1001:1001::/:/bin/sh\n"
                            "eve:x:1002:1002::/:/bin/sh\n"
                            "user:x:1003:1003::/:/bin/sh\n"
                            "domain users:x:1004:1004::/:/bin/sh\n");
  root.write("/etc/group", "root:x:0:\n"
                           "mail:x:8:eve,web\n"
                           "web:x:1001:\n");
  root.write("/etc/services", "# comment\n"
                              "ssh 22/tcp # remote login\n"
                              "http 80/tcp www\n"
                              "ntp 123/udp\n"
                              "https 443/tcp\n"
                              "https 443/udp\n"
                              "9pfs 564/tcp\n"
                              "broken\n");
}

std::string FakeKernel::policy() const {
  std::string text =
      fmt::format("# portacl policy, generation {}\n", generation);
  for (const std::string &rule : rules) {
    const auto hit = hits.find(rule);
    text += fmt::format("{} # hits {:10}\n", rule,
                        hit == hits.end() ? 0 : hit->second);
  }
  return text + fmt::format("# end of generation {}\n", generation);
}

Result<std::string> FakeKernel::read(const std::string &attribute) {
  if (!loaded || reads_before_load-- > 0)
    return system_error(ENOENT, attribute);
  if (attribute == failing_read && good_reads-- <= 0)
    return system_error(EIO, attribute);
  if (attribute == "generation")
    return fmt::format("{}\n", generation);
  if (attribute == "policy" && !next_policies.empty()) {
    const std::string text = next_policies.front();
    next_policies.erase(next_policies.begin());
    if (text.empty())
      return system_error(ESTALE, attribute);
    return text;
  }
  if (attribute == "policy")
    return policy();
  const auto found = fixed.find(attribute);
  if (found == fixed.end())
    return system_error(ENOENT, attribute);
  return found->second;
}

Result<void> FakeKernel::write(const std::string &attribute,
                               std::string_view data) {
  writes.emplace_back(attribute, data);
  if (const int error = refuse ? refuse() : 0; error != 0)
    return system_error(error, attribute);
  const int error = fixed["locked"] == "1\n"
                        ? refuse_with(EROFS, pacl_error_text(PACL_ERR_LOCKED))
                    : data.size() > 4095 ? E2BIG
                                         : change(attribute, data);
  if (error != 0)
    return system_error(error, attribute);
  return {};
}

int FakeKernel::refuse_with(int error, const std::string &reason) {
  fixed["error"] = reason + "\n";
  return error;
}

int FakeKernel::change(const std::string &attribute, std::string_view data) {
  if (attribute == "policy")
    return upload_step(data);
  if (!data.ends_with('\n'))
    return EINVAL;
  data.remove_suffix(1);
  if (attribute == "add" || attribute == "remove")
    return change_rules(attribute == "add", data);
  return change_setting(attribute, data);
}

int FakeKernel::change_rules(bool add, std::string_view data) {
  std::set<std::string> changed = rules;
  for (const std::string_view line : split(data, '\n')) {
    const std::string text = rule_text(rule_from_text(line));
    if (add)
      changed.insert(text);
    else if (changed.erase(text) == 0)
      return ENOENT;
  }
  if (changed != rules)
    generation++;
  rules = changed;
  return 0;
}

int FakeKernel::change_setting(const std::string &attribute,
                               std::string_view data) {
  const std::map<std::string, std::set<std::string_view>> values = {
      {"mode", {"enforce", "permissive", "off"}},
      {"strict", {"0", "1"}},
      {"scope", {"init", "all"}},
      {"locked", {"1"}}};
  const auto known = values.find(attribute);
  if (known == values.end())
    return ENOENT;
  if (known->second.count(data) == 0)
    return refuse_with(EINVAL, "unknown value");
  const std::string text = std::string(data) + "\n";
  if (fixed[attribute] != text)
    generation++;
  fixed[attribute] = text;
  return 0;
}

// The first line says what it is; only a chunk has bytes behind it.
int FakeKernel::upload_step(std::string_view data) {
  const size_t end = data.find('\n');
  if (end == std::string_view::npos)
    return EINVAL;
  const std::string_view header = data.substr(0, end);
  const std::string_view bytes = data.substr(end + 1);
  std::istringstream fields{std::string(header)};
  std::string verb;
  std::string first;
  std::string second;
  fields >> verb >> first >> second;
  if (verb == "begin") {
    upload = {.nonce = second, .length = std::stoul(first), .text = {}};
    return bytes.empty() && upload.length <= 134217728 ? 0 : EINVAL;
  }
  if (upload.nonce.empty() || first != upload.nonce)
    return refuse_with(ESTALE, pacl_error_text(PACL_ERR_UPLOAD_GONE));
  if (verb == "chunk")
    return add_chunk(second, bytes);
  if (verb == "abort") {
    upload = {};
    return 0;
  }
  return verb == "commit" ? commit(second) : EINVAL;
}

int FakeKernel::add_chunk(std::string_view offset, std::string_view bytes) {
  if (offset != std::to_string(upload.text.size()) ||
      upload.text.size() + bytes.size() > upload.length)
    return refuse_with(EINVAL, pacl_error_text(PACL_ERR_UPLOAD_ORDER));
  upload.text += bytes;
  return 0;
}

int FakeKernel::commit(const std::string &sum) {
  const Upload done = upload;
  upload = {};
  if (done.text.size() != done.length)
    return refuse_with(EINVAL, pacl_error_text(PACL_ERR_UPLOAD_SHORT));
  if (sum != slow_crc32(done.text))
    return refuse_with(EINVAL, pacl_error_text(PACL_ERR_UPLOAD_SUM));
  pacl_reader reader{};
  reader.text = done.text.data();
  reader.len = done.text.size();
  std::set<std::string> uploaded;
  for (;;) {
    pacl_rule rule{};
    pacl_error error{};
    const int got = pacl_read_rule(&reader, &rule, &error);
    const bool bad = got < 0;
    if (bad || (got > 0 && rule_text(rule) == disliked))
      return refuse_with(
          EINVAL,
          fmt::format("line {} column {}: {}", bad ? error.line : reader.line,
                      bad ? error.column : 1,
                      bad ? pacl_error_text(error.code) : "disliked"));
    if (got == 0)
      break;
    uploaded.insert(rule_text(rule));
  }
  rules = uploaded;
  generation++;
  return 0;
}

Result<std::string> FakeSysctl::read(const std::string &name) {
  if (read_error != 0)
    return system_error(read_error, "cannot open " + name);
  if (name == "ip_local_port_range")
    return range;
  if (name == "ip_local_reserved_ports")
    return list() + "\n";
  return system_error(ENOENT, "cannot open " + name);
}

Result<void> FakeSysctl::write(const std::string &name, std::string_view data,
                               off_t offset) {
  writes++;
  if (const int error = refuse ? refuse() : 0; error != 0)
    return system_error(error, "cannot write " + name);
  const auto ports = parse_port_list(data);
  if (name != "ip_local_reserved_ports" || data.size() > 4095 || !ports)
    return system_error(EINVAL, "cannot write " + name);
  listed = offset == 0 ? *ports : listed | *ports;
  return {};
}

Result<SocketTable> FakeSockets::list(bool all_namespaces) {
  auto table = ProcSockets(root_.path() + "/proc").list(all_namespaces);
  if (!table)
    return table;
  for (Socket &socket : table->sockets)
    socket.cookie = socket.inode;
  if (all_namespaces)
    table->namespaces.insert(table->namespaces.end(), more_namespaces.begin(),
                             more_namespaces.end());
  for (const Socket &socket : more) {
    if (socket.space < table->namespaces.size())
      table->sockets.push_back(socket);
  }
  table->partial = partial;
  std::erase_if(table->sockets, [&](const Socket &socket) {
    const bool hit = std::ranges::count(destroyed, socket.cookie) != 0;
    return hit && (obedient || !is_datagram(socket.transport));
  });
  return table;
}

Result<void> FakeSockets::destroy(const NetNamespace & /*space*/,
                                  const Socket &socket) {
  if (refuse != 0)
    return system_error(refuse, "cannot close the socket");
  destroyed.push_back(socket.cookie);
  return {};
}

Result<void> FakeKmod::load(const std::string &module) {
  calls.push_back("load " + module);
  if (error != 0)
    return system_error(error, "cannot load " + module);
  kernel_.loaded = true;
  return {};
}

Result<void> FakeKmod::unload(const std::string &name) {
  calls.push_back("unload " + name);
  if (error != 0)
    return system_error(error, "cannot unload " + name);
  kernel_.loaded = comes_back;
  kernel_.rules.clear();
  return {};
}

FakeEventLog::FakeEventLog() : always_(::open("/dev/zero", O_RDONLY)) {}

FakeEventLog::~FakeEventLog() { close(always_); }

Result<std::vector<Event>> FakeEventLog::open(const WantedEvents &wanted) {
  asked = wanted;
  if (error != 0)
    return system_error(error, "cannot read a fake");
  const size_t count = std::min(wanted.last, events.size());
  return std::vector<Event>(events.end() - static_cast<ptrdiff_t>(count),
                            events.end());
}

Result<std::vector<Event>> FakeEventLog::more() {
  if (later.empty()) {
    kill(getpid(), SIGTERM);
    return std::vector<Event>();
  }
  const auto next = later.front();
  later.erase(later.begin());
  return next;
}

Event FakeEventLog::event(const std::string &message, uint64_t time) {
  const auto event = parse_kernel_message(message, time * 1000000);
  if (!event)
    throw std::runtime_error("no event: " + message);
  return *event;
}

void ToolTest::write_listeners(const std::vector<Fake> &listeners) const {
  std::map<std::string, std::string> tables = {{"tcp", ""}, {"udp", ""}};
  unsigned inode = 1000;
  for (const Fake &fake : listeners) {
    inode++;
    tables[fake.table] += fmt::format(
        "   0: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000 "
        "{:5}        0 {} 1 0000000000000000 100 0 0 10 0\n",
        fake.local, fake.table.starts_with("tcp") ? "0A" : "07",
        fake.creator < 0 ? fake.uid : static_cast<unsigned>(fake.creator),
        inode);
    const std::string process = "/proc/" + std::to_string(fake.pid);
    root.write(process + "/status",
               fmt::format("Name:\t{}\nUid:\t0\t{}\t0\t0\nGid:\t0\t{}\t0\t0\n"
                           "Groups:\t8 4 \nCapEff:\t{:016x}\n",
                           fake.program, fake.uid, fake.uid,
                           fake.capable ? 0x1ffU | 1U << 10U : 0U));
    fs::create_directories(root.path() + process + "/fd");
    fs::create_symlink(fmt::format("socket:[{}]", inode),
                       fmt::format("{}{}/fd/{}", root.path(), process, inode));
  }
  for (const auto &[table, text] : tables)
    root.write("/proc/net/" + table, "  sl  local_address\n" + text);
}

Result<ProgramOutput>
FakePrograms::run(const std::vector<std::string> &arguments) {
  const std::string words = fmt::format("{}", fmt::join(arguments, " "));
  calls.push_back(words);
  const auto found = outputs.find(words);
  if (found == outputs.end())
    return system_error(ENOENT, "cannot run " + arguments.at(0));
  return found->second;
}

void ToolTest::expect_good_policy(const std::string &text) {
  root.write("/checked.conf", text);
  const Outcome checked = run_tool({"check", root.path() + "/checked.conf"});
  EXPECT_EQ(checked.status, 0) << checked.err << text;
}

Outcome ToolTest::run_tool(const std::vector<std::string> &arguments,
                           const std::string &input, bool terminal) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const Machine machine{.terminal = {.in = in,
                                     .out = out,
                                     .err = err,
                                     .in_is_terminal = terminal},
                        .kernel = kernel,
                        .kmod = kmod,
                        .sysctl = sysctl,
                        .sockets = sockets,
                        .events = events,
                        .programs = programs,
                        .root = root.path()};
  Outcome outcome;
  outcome.status = run(arguments, machine);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

} // namespace portacl
