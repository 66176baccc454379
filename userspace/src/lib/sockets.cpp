// SPDX-License-Identifier: GPL-2.0-only

#include "lib/sockets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <future>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/address_ranges.h"
#include "lib/fd.h"
#include "lib/numbers.h"
#include "lib/sock_diag.h"
#include "lib/text.h"

namespace portacl {

namespace {

namespace fs = std::filesystem;

// States of include/net/tcp_states.h; an unconnected socket of UDP is closed.
constexpr const char *tcp_listen = "0A";
constexpr const char *udp_unconnected = "07";
constexpr const char *sctp_listening = "10"; // in decimal

struct Table {
  const char *file;
  uint8_t transport;
  uint8_t protocol;
  uint8_t family;
  const char *state;
  bool optional; // a kernel without IPv6 lacks it
};
constexpr std::array<Table, 6> tables = {
    {{"tcp", IPPROTO_TCP, PACL_PROTO_TCP, AF_INET, tcp_listen, false},
     {"tcp6", IPPROTO_TCP, PACL_PROTO_TCP, AF_INET6, tcp_listen, true},
     {"udp", IPPROTO_UDP, PACL_PROTO_UDP, AF_INET, udp_unconnected, false},
     {"udp6", IPPROTO_UDP, PACL_PROTO_UDP, AF_INET6, udp_unconnected, true},
     {"udplite", IPPROTO_UDPLITE, PACL_PROTO_UDP, AF_INET, udp_unconnected,
      true},
     {"udplite6", IPPROTO_UDPLITE, PACL_PROTO_UDP, AF_INET6, udp_unconnected,
      true}}};

std::vector<std::string> fields_of(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> fields;
  for (std::string field; stream >> field;)
    fields.push_back(field);
  return fields;
}

// Groups of eight digits, each a word of the address in network order as this
// machine reads it.
std::optional<pacl_addr> address_of_hex(std::string_view hex) {
  constexpr size_t digits = 8;
  std::vector<uint32_t> words;
  for (; hex.size() >= digits; hex.remove_prefix(digits)) {
    const auto word = number_of<uint32_t>(hex.substr(0, digits), 16);
    if (!word)
      return std::nullopt;
    words.push_back(ntohl(*word));
  }
  if (!hex.empty())
    return std::nullopt;
  if (words.size() == 1)
    return PACL_ADDR_IPV4(words[0]);
  if (words.size() != 4)
    return std::nullopt;
  return pacl_addr{.hi = uint64_t{words[0]} << 32 | words[1],
                   .lo = uint64_t{words[2]} << 32 | words[3]};
}

std::optional<Socket> read_line(const Table &table, std::string_view line) {
  // sl local remote state queues timer retransmits uid timeout inode
  const auto fields = fields_of(line);
  if (fields.size() < 10 || fields[3] != table.state)
    return std::nullopt;
  const auto local = split(fields[1], ':');
  const auto uid = number_of<uint32_t>(fields[7]);
  const auto inode = number_of<uint64_t>(fields[9]);
  if (local.size() != 2 || !uid || !inode)
    return std::nullopt;
  const auto address = address_of_hex(local[0]);
  const auto port = number_of<uint16_t>(local[1], 16);
  if (!address || !port)
    return std::nullopt;
  return Socket{.port = *port,
                .protocol = table.protocol,
                .transport = table.transport,
                .family = table.family,
                .listening = !is_datagram(table.transport),
                .address = *address,
                .creator = *uid,
                .inode = *inode};
}

std::optional<Socket> with_address(Socket socket, const std::string &text) {
  const auto parsed = parse_address(text);
  if (!parsed)
    return std::nullopt;
  socket.family = parsed->ipv6 ? AF_INET6 : AF_INET;
  socket.address = parsed->address;
  return socket;
}

void read_sctp_line(std::string_view line, std::vector<Socket> &sockets) {
  // endpoint socket style state bucket port uid inode addresses
  const auto fields = fields_of(line);
  if (fields.size() < 9 || fields[3] != sctp_listening)
    return;
  const auto port = number_of<uint16_t>(fields[5]);
  const auto uid = number_of<uint32_t>(fields[6]);
  const auto inode = number_of<uint64_t>(fields[7]);
  if (!port || !uid || !inode)
    return;
  const Socket socket{.port = *port,
                      .protocol = PACL_PROTO_SCTP,
                      .transport = IPPROTO_SCTP,
                      .listening = true,
                      .creator = *uid,
                      .inode = *inode};
  for (size_t i = 8; i < fields.size(); i++) {
    if (auto found = with_address(socket, fields[i]))
      sockets.push_back(std::move(*found));
  }
}

// Empty for a table that may be missing and is.
Result<std::string> read_table(const std::string &path, bool optional) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT && optional)
    return std::string();
  if (!file)
    return system_error(errno, "cannot open " + path);
  return read_all(file, path);
}

// net is a directory such as /proc/net.
Result<std::vector<Socket>> read_tables(const std::string &net) {
  std::vector<Socket> sockets;
  for (const Table &table : tables) {
    const auto text = read_table(net + "/" + table.file, table.optional);
    if (!text)
      return text.error();
    for (const std::string_view line : split(*text, '\n')) {
      if (auto socket = read_line(table, line))
        sockets.push_back(std::move(*socket));
    }
  }
  const auto endpoints = read_table(net + "/sctp/eps", true);
  if (!endpoints)
    return endpoints.error();
  for (const std::string_view line : split(*endpoints, '\n'))
    read_sctp_line(line, sockets);
  return sockets;
}

uint64_t read_boundary(const std::string &proc) {
  const std::string path = proc + "/sys/net/ipv4/ip_unprivileged_port_start";
  constexpr uint64_t usual = 1024;
  const auto text = read_table(path, true);
  if (!text)
    return usual;
  const std::string_view digits(*text);
  return number_of<uint64_t>(digits.substr(0, digits.find('\n')))
      .value_or(usual);
}

// The number of "net:[123]"; 0 if it cannot be read.
uint64_t namespace_id(const std::string &link, std::error_code &error) {
  const std::string target = fs::read_symlink(link, error).string();
  const size_t open = target.find('[');
  if (error || open == std::string::npos || !target.ends_with(']'))
    return 0;
  return number_of<uint64_t>(std::string_view(target).substr(
                                 open + 1, target.size() - open - 2))
      .value_or(0);
}

Result<UniqueFd> open_namespace(const NetNamespace &space) {
  UniqueFd file(open(space.path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0)
    return system_error(errno, "cannot open " + space.path);
  // The process that it was of may be another one by now.
  if (info.st_ino != space.id)
    return system_error(ESTALE, "cannot open " + space.path);
  return file;
}

// Does the work inside the namespace, in a thread of its own that ends with it:
// no other thread ever leaves its own.
template <class Work>
auto inside(const NetNamespace &space, Work work) -> decltype(work()) {
  if (space.path.empty())
    return work();
  const auto file = open_namespace(space);
  if (!file)
    return file.error();
  return std::async(std::launch::async,
                    [&]() -> decltype(work()) {
                      if (setns(file->get(), CLONE_NEWNET) != 0)
                        return system_error(
                            errno, fmt::format("cannot enter the network "
                                               "namespace {}",
                                               space.id));
                      return work();
                    })
      .get();
}

uint64_t owner_of(const std::string &path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return 0;
  const UniqueFd owner(ioctl(file.get(), NS_GET_USERNS));
  struct stat info {};
  return owner && fstat(owner.get(), &info) == 0 ? info.st_ino : 0;
}

Result<std::vector<Socket>> sockets_here() {
  auto sockets = dump_sockets();
  return sockets ? std::move(sockets) : read_tables("/proc/thread-self/net");
}

Result<void> add_namespace(SocketTable &table, NetNamespace space) {
  const size_t index = table.namespaces.size();
  auto sockets = inside(space, [&]() {
    space.unprivileged_start = read_boundary("/proc");
    return sockets_here();
  });
  if (!sockets)
    return sockets.error();
  for (Socket &socket : *sockets) {
    socket.space = index;
    table.sockets.push_back(std::move(socket));
  }
  space.user_space =
      owner_of(space.path.empty() ? "/proc/self/ns/net" : space.path);
  table.namespaces.push_back(std::move(space));
  return {};
}

// Those that "ip netns" has made, which need not have a process.
void find_named(std::map<uint64_t, NetNamespace> &spaces) {
  struct stat own {};
  if (stat("/proc/self/ns/net", &own) != 0)
    return;
  std::error_code error;
  for (fs::directory_iterator item("/run/netns", error), end;
       !error && item != end; item.increment(error)) {
    struct stat info {};
    // What is no longer mounted there is an empty file of another file system.
    if (stat(item->path().c_str(), &info) != 0 || info.st_dev != own.st_dev)
      continue;
    NetNamespace &space = spaces[info.st_ino];
    space.id = info.st_ino;
    space.path = item->path().string();
    if (space.name.empty())
      space.name = item->path().filename().string();
  }
}

// Who is root in the user namespace of a process; empty if nobody is.
std::optional<uint32_t> root_of(const std::string &process) {
  const auto text = read_table(process + "/uid_map", true);
  if (!text)
    return std::nullopt;
  for (const std::string_view line : split(*text, '\n')) {
    // first there, first here, count
    const auto fields = fields_of(line);
    if (fields.size() == 3 && fields[0] == "0")
      return number_of<uint32_t>(fields[1]);
  }
  return std::nullopt;
}

// Of each user namespace that a process is in.
using Roots = std::map<uint64_t, std::optional<uint32_t>>;

void add_root(const std::string &process, Roots &roots) {
  std::error_code unread;
  const uint64_t id = namespace_id(process + "/ns/user", unread);
  if (id == 0)
    return;
  const auto [entry, is_new] = roots.try_emplace(id);
  if (is_new)
    entry->second = root_of(process);
}

// Returns whether all processes show theirs.
bool find_of_processes(std::map<uint64_t, NetNamespace> &spaces, Roots &roots) {
  bool whole = true;
  std::error_code error;
  for (fs::directory_iterator item("/proc", error), end; !error && item != end;
       item.increment(error)) {
    if (!all_digits(item->path().filename().string()))
      continue;
    add_root(item->path().string(), roots);
    const std::string link = item->path().string() + "/ns/net";
    std::error_code unread;
    if (const uint64_t id = namespace_id(link, unread); id != 0)
      spaces.try_emplace(id, NetNamespace{.id = id, .path = link});
    // Others are ending.
    else if (unread == std::errc::permission_denied ||
             unread == std::errc::operation_not_permitted)
      whole = false;
  }
  return whole;
}

} // namespace

std::string transport_name(uint8_t transport) {
  switch (transport) {
  case IPPROTO_TCP:
    return "tcp";
  case IPPROTO_UDP:
    return "udp";
  case IPPROTO_UDPLITE:
    return "udplite";
  case IPPROTO_SCTP:
    return "sctp";
  default:
    return "dccp";
  }
}

bool is_datagram(uint8_t transport) {
  return transport == IPPROTO_UDP || transport == IPPROTO_UDPLITE;
}

Result<SocketTable> ProcSockets::list(bool /*all_namespaces*/) {
  auto sockets = read_tables(proc_ + "/net");
  if (!sockets)
    return sockets.error();
  std::ranges::stable_sort(*sockets, {}, &Socket::port);
  return SocketTable{
      .namespaces = {{.name = "init",
                      .unprivileged_start = read_boundary(proc_)}},
      .sockets = std::move(*sockets)};
}

Result<void> ProcSockets::destroy(const NetNamespace & /*space*/,
                                  const Socket & /*socket*/) {
  return system_error(EOPNOTSUPP, "cannot close the socket");
}

Result<SocketTable> DiagSockets::list(bool all_namespaces) {
  SocketTable table;
  std::error_code unread;
  const uint64_t own = namespace_id("/proc/self/ns/net", unread);
  // Who may not see it is in it, as far as can be known.
  const uint64_t read = namespace_id("/proc/1/ns/net", unread);
  const uint64_t first = read == 0 ? own : read;
  NetNamespace home{.id = first, .name = "init"};
  if (first != own)
    home.path = "/proc/1/ns/net";
  if (auto added = add_namespace(table, home); !added)
    return added.error();
  if (all_namespaces) {
    std::map<uint64_t, NetNamespace> spaces;
    Roots roots;
    // With hidepid=2 even the first is not listed.
    table.partial = !find_of_processes(spaces, roots) || read == 0;
    find_named(spaces);
    for (auto &[id, space] : spaces) {
      if (id == first)
        continue;
      if (id == own)
        space.path.clear();
      if (!add_namespace(table, space)) {
        table.partial = true;
        continue;
      }
      const auto root = roots.find(table.namespaces.back().user_space);
      table.namespaces.back().root =
          root == roots.end() ? std::nullopt : root->second;
    }
  }
  std::ranges::stable_sort(table.sockets, {}, &Socket::port);
  return table;
}

Result<void> DiagSockets::destroy(const NetNamespace &space,
                                  const Socket &socket) {
  return inside(space, [&]() { return destroy_socket(socket); });
}

} // namespace portacl
