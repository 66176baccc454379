// SPDX-License-Identifier: GPL-2.0-only

#include "lib/listeners.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>

#include "lib/fd.h"
#include "lib/text.h"

namespace portacl {

namespace {

namespace fs = std::filesystem;

constexpr unsigned cap_net_bind_service = 10;

// States of include/net/tcp_states.h; an unconnected socket of UDP is closed.
constexpr const char *tcp_listen = "0A";
constexpr const char *udp_unconnected = "07";

struct Table {
  const char *file;
  uint8_t protocol;
  const char *state;
  bool optional; // a kernel without IPv6 lacks it
};
constexpr std::array<Table, 4> tables = {
    {{"tcp", PACL_PROTO_TCP, tcp_listen, false},
     {"tcp6", PACL_PROTO_TCP, tcp_listen, true},
     {"udp", PACL_PROTO_UDP, udp_unconnected, false},
     {"udp6", PACL_PROTO_UDP, udp_unconnected, true}}};

template <class Number>
std::optional<Number> number_of(std::string_view text, int base = 10) {
  Number value = 0;
  const char *end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || rest != end)
    return std::nullopt;
  return value;
}

// Groups of eight digits, each a word of the address in network order as this
// machine reads it.
std::optional<pacl_addr> address_of(std::string_view hex) {
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

struct Socket {
  Listener listener = {};
  uint64_t inode = 0;
};

std::optional<Socket> read_socket(const Table &table, const std::string &line) {
  std::istringstream stream(line);
  std::vector<std::string> fields;
  for (std::string field; stream >> field;)
    fields.push_back(field);
  // sl local remote state queues timer retransmits uid timeout inode
  if (fields.size() < 10 || fields[3] != table.state)
    return std::nullopt;
  const auto local = split(fields[1], ':');
  const auto uid = number_of<uint32_t>(fields[7]);
  const auto inode = number_of<uint64_t>(fields[9]);
  if (local.size() != 2 || !uid || !inode)
    return std::nullopt;
  const auto address = address_of(local[0]);
  const auto port = number_of<uint16_t>(local[1], 16);
  if (!address || !port)
    return std::nullopt;
  Socket socket{.inode = *inode};
  socket.listener.port = *port;
  socket.listener.protocol = table.protocol;
  socket.listener.address = *address;
  socket.listener.uid = *uid;
  socket.listener.creator = *uid;
  return socket;
}

Result<std::vector<Socket>> read_sockets(const std::string &proc) {
  std::vector<Socket> sockets;
  for (const Table &table : tables) {
    const std::string path = proc + "/net/" + table.file;
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT && table.optional)
      continue;
    if (!file)
      return system_error(errno, "cannot open " + path);
    const auto text = read_all(file, path);
    if (!text)
      return text.error();
    for (const std::string_view line : split(*text, '\n')) {
      // Sockets without an inode belong to the kernel.
      if (auto socket = read_socket(table, std::string(line));
          socket && socket->inode != 0)
        sockets.push_back(std::move(*socket));
    }
  }
  return sockets;
}

// The inode of "socket:[123]".
std::optional<uint64_t> socket_inode(const fs::path &link) {
  std::error_code error;
  constexpr std::string_view prefix = "socket:[";
  const std::string target = fs::read_symlink(link, error);
  if (error || !target.starts_with(prefix) || !target.ends_with(']'))
    return std::nullopt;
  return number_of<uint64_t>(std::string_view(target).substr(
      prefix.size(), target.size() - prefix.size() - 1));
}

std::vector<int> read_pids(const std::string &proc) {
  std::vector<int> pids;
  std::error_code error;
  for (fs::directory_iterator item(proc, error), end; !error && item != end;
       item.increment(error)) {
    if (const auto pid = number_of<int>(item->path().filename().string()))
      pids.push_back(*pid);
  }
  std::ranges::sort(pids);
  return pids;
}

// Inodes to the lowest pid that holds them: who made a socket is older than
// those who inherited it.
std::map<uint64_t, int> read_holders(const std::string &proc) {
  std::map<uint64_t, int> holders;
  for (const int pid : read_pids(proc)) {
    std::error_code error;
    fs::directory_iterator item(proc + "/" + std::to_string(pid) + "/fd",
                                error);
    for (const fs::directory_iterator end; !error && item != end;
         item.increment(error)) {
      if (const auto inode = socket_inode(item->path()))
        holders.emplace(*inode, pid);
    }
  }
  return holders;
}

// A capability of another user namespace is none here. What cannot be read
// counts as the same.
bool is_in_other_user_namespace(const std::string &proc, int pid) {
  const auto name = [&proc](int process) {
    std::error_code error;
    const auto target = fs::read_symlink(
        proc + "/" + std::to_string(process) + "/ns/user", error);
    return error ? std::string() : target.string();
  };
  const std::string first = name(1);
  const std::string own = name(pid);
  return !first.empty() && !own.empty() && first != own;
}

void read_process(const std::string &proc, int pid, Listener &listener) {
  listener.pid = pid;
  std::ifstream file(proc + "/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    uint32_t real = 0;
    if (name == "Name:") {
      std::getline(fields >> std::ws, listener.program);
    } else if (name == "Uid:") {
      fields >> real >> listener.uid;
    } else if (name == "Gid:") {
      fields >> real >> listener.gid;
    } else if (name == "Groups:") {
      for (uint32_t group = 0; fields >> group;)
        listener.groups.push_back(group);
    } else if (name == "CapEff:") {
      uint64_t capabilities = 0;
      fields >> std::hex >> capabilities;
      listener.capable = (capabilities >> cap_net_bind_service & 1U) != 0 &&
                         !is_in_other_user_namespace(proc, pid);
    }
  }
  std::ranges::sort(listener.groups);
}

} // namespace

Result<std::vector<Listener>> read_listeners(const std::string &proc) {
  const auto sockets = read_sockets(proc);
  if (!sockets)
    return sockets.error();
  std::vector<Listener> listeners;
  if (sockets->empty())
    return listeners;
  const auto holders = read_holders(proc);
  for (const Socket &socket : *sockets) {
    listeners.push_back(socket.listener);
    if (const auto holder = holders.find(socket.inode); holder != holders.end())
      read_process(proc, holder->second, listeners.back());
  }
  std::ranges::stable_sort(listeners, {}, &Listener::port);
  return listeners;
}

} // namespace portacl
