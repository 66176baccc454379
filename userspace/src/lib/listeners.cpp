// SPDX-License-Identifier: GPL-2.0-only

#include "lib/listeners.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include "lib/directory.h"
#include "lib/numbers.h"

namespace portacl {

namespace {

constexpr unsigned cap_net_bind_service = 10;

// The number of what a link such as "socket:[123]" leads to.
std::optional<uint64_t> number_of_target(std::string_view target,
                                         std::string_view prefix) {
  if (!target.starts_with(prefix) || !target.ends_with(']'))
    return std::nullopt;
  return number_of<uint64_t>(
      target.substr(prefix.size(), target.size() - prefix.size() - 1));
}

// The entries of a directory whose names are numbers, ascending.
std::vector<int> numbered_entries(const std::string &path) {
  std::vector<int> numbers;
  std::error_code error;
  for (std::filesystem::directory_iterator item(path, error), end;
       !error && item != end; item.increment(error)) {
    if (const auto number = number_of<int>(item->path().filename().string()))
      numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

// What a directory such as /proc/1/fd shows.
struct Descriptors {
  std::vector<uint64_t> sockets = {}; // their inodes
  bool any = false;                   // descriptor at all
  bool hidden = false;                // from us
};

Descriptors read_descriptors(const std::string &path) {
  Descriptors seen;
  const Directory directory(opendir(path.c_str()));
  if (!directory) {
    // The latter with the mount option hidepid.
    seen.hidden = errno == EACCES || errno == EPERM;
    return seen;
  }
  while (const dirent *item = readdir(directory.get())) {
    if (item->d_name[0] == '.')
      continue;
    seen.any = true;
    std::array<char, 64> target{};
    const ssize_t length = readlinkat(dirfd(directory.get()), item->d_name,
                                      target.data(), target.size());
    if (length <= 0)
      continue;
    const std::string_view text(target.data(), static_cast<size_t>(length));
    if (const auto inode = number_of_target(text, "socket:["))
      seen.sockets.push_back(*inode);
  }
  return seen;
}

// When the first thread of a process has ended, only the others show them.
Descriptors descriptors_of(const std::string &process) {
  Descriptors seen = read_descriptors(process + "/fd");
  if (seen.any || seen.hidden)
    return seen;
  const std::string threads = process + "/task";
  for (const int thread : numbered_entries(threads)) {
    seen = read_descriptors(threads + "/" + std::to_string(thread) + "/fd");
    if (seen.any)
      break;
  }
  return seen;
}

// With hidepid=2 the processes of others are not even listed. The proc of
// another root need not be a real one.
bool hides_processes(const std::string &proc) {
  std::error_code error;
  return std::filesystem::exists(proc + "/self", error) &&
         !Directory(opendir((proc + "/1/fd").c_str()));
}

struct Holders {
  std::map<uint64_t, std::vector<int>> pids; // of each inode, ascending
  bool partial = false;
};

Holders read_holders(const std::string &proc,
                     const std::vector<Socket> &sockets) {
  Holders holders{.pids = {}, .partial = hides_processes(proc)};
  for (const Socket &socket : sockets)
    holders.pids[socket.inode];
  holders.pids.erase(0);
  for (const int pid : numbered_entries(proc)) {
    const Descriptors seen = descriptors_of(proc + "/" + std::to_string(pid));
    holders.partial = holders.partial || seen.hidden;
    for (const uint64_t inode : seen.sockets) {
      const auto found = holders.pids.find(inode);
      if (found != holders.pids.end() &&
          (found->second.empty() || found->second.back() != pid))
        found->second.push_back(pid);
    }
  }
  return holders;
}

struct Process {
  int pid = 0;
  std::string program = {};
  std::optional<uint32_t> uid = {}; // unless it could not be read
  uint32_t gid = 0;
  std::vector<uint32_t> groups = {};
  bool capable = false; // in its own user namespace
};

Process read_process(const std::string &proc, int pid) {
  Process process{.pid = pid};
  std::ifstream file(proc + "/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    uint32_t real = 0;
    uint32_t effective = 0;
    if (name == "Name:") {
      std::getline(fields >> std::ws, process.program);
    } else if (name == "Uid:") {
      if (fields >> real >> effective)
        process.uid = effective;
    } else if (name == "Gid:") {
      fields >> real >> process.gid;
    } else if (name == "Groups:") {
      for (uint32_t group = 0; fields >> group;)
        process.groups.push_back(group);
    } else if (name == "CapEff:") {
      uint64_t capabilities = 0;
      fields >> std::hex >> capabilities;
      process.capable = (capabilities >> cap_net_bind_service & 1U) != 0;
    }
  }
  std::ranges::sort(process.groups);
  return process;
}

// Reads each process once.
class Processes final {
public:
  explicit Processes(const std::string &proc)
      : proc_(proc), first_space_(user_space(1)) {}

  const Process &at(int pid) {
    const auto [entry, is_new] = processes_.try_emplace(pid);
    if (is_new)
      entry->second = read_process(proc_, pid);
    return entry->second;
  }

  Identity identity(const Process &process, const Socket &socket,
                    const NetNamespace &space) const {
    return {.uid = process.uid.value_or(socket.creator),
            .gid = process.gid,
            .groups = process.groups,
            .capable = process.capable && counts_in(process.pid, space)};
  }

private:
  std::optional<uint64_t> user_space(int pid) const {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(
        proc_ + "/" + std::to_string(pid) + "/ns/user", error);
    return error ? std::nullopt : number_of_target(target, "user:[");
  }

  // A capability of another user namespace is none here, unless that one owns
  // the network namespace. What cannot be read counts as the same.
  bool counts_in(int pid, const NetNamespace &space) const {
    const auto own = user_space(pid);
    return !first_space_ || !own || first_space_ == own ||
           *own == space.user_space;
  }

  const std::string &proc_;
  std::optional<uint64_t> first_space_;
  std::map<int, Process> processes_;
};

// Programs that are set-uid may have inherited the socket, and may be older:
// who has its uid is rather the one whose it is. Who made it is older than who
// inherited it from him.
int main_holder(Processes &processes, const Listener &listener) {
  const auto own = std::ranges::find_if(listener.pids, [&](int pid) {
    return processes.at(pid).uid == listener.creator;
  });
  return own == listener.pids.end() ? listener.pids.front() : *own;
}

void add_holders(Processes &processes, const NetNamespace &space,
                 Listener &listener) {
  listener.pid = main_holder(processes, listener);
  const Process &main = processes.at(listener.pid);
  listener.program = main.program;
  Identity &shown = listener;
  shown = processes.identity(main, listener, space);
  for (const int pid : listener.pids) {
    Identity other = processes.identity(processes.at(pid), listener, space);
    if (other != shown && std::ranges::count(listener.others, other) == 0)
      listener.others.push_back(std::move(other));
  }
}

} // namespace

Result<Listeners> read_listeners(Sockets &sockets, const std::string &proc,
                                 bool all_namespaces,
                                 const SocketFilter &wanted) {
  auto table = sockets.list(all_namespaces);
  if (!table)
    return table.error();
  if (wanted)
    std::erase_if(table->sockets, [&](const Socket &socket) {
      return !wanted(socket, table->namespaces.at(socket.space));
    });
  Listeners listeners{.namespaces = std::move(table->namespaces),
                      .found = {},
                      .partial = table->partial};
  if (table->sockets.empty())
    return listeners;
  Holders holders = read_holders(proc, table->sockets);
  Processes processes(proc);
  listeners.partial = listeners.partial || holders.partial;
  for (const Socket &socket : table->sockets) {
    Listener &listener = listeners.found.emplace_back(Listener{socket, {}});
    listener.uid = socket.creator;
    if (const auto found = holders.pids.find(socket.inode);
        found != holders.pids.end())
      listener.pids = found->second;
    listener.of_kernel = listener.pids.empty() && socket.creator == 0 &&
                         (socket.inode == 0 || !holders.partial);
    if (!listener.pids.empty())
      add_holders(processes, listeners.namespaces.at(socket.space), listener);
  }
  return listeners;
}

} // namespace portacl
