// SPDX-License-Identifier: GPL-2.0-only

#include "lib/sock_diag.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/text.h"

namespace portacl {

namespace {

// States of include/net/tcp_states.h; an unconnected socket of UDP is closed.
// The last is for dumps only, of sockets that are bound and no more (Linux
// 6.8); they are shown as closed.
constexpr unsigned state_close = 7;
constexpr unsigned state_listen = 10;
constexpr unsigned state_bound_inactive = 13;

struct Transport {
  uint8_t number;
  uint8_t protocol;
  uint32_t states;
  const char *loaded_as; // in /proc/net/protocols; empty: always there
};
constexpr std::array<Transport, 5> transports = {
    {{IPPROTO_TCP, PACL_PROTO_TCP,
      1U << state_listen | 1U << state_bound_inactive, ""},
     {IPPROTO_UDP, PACL_PROTO_UDP, 1U << state_close, ""},
     {IPPROTO_UDPLITE, PACL_PROTO_UDP, 1U << state_close, "UDP-Lite"},
     {IPPROTO_SCTP, PACL_PROTO_SCTP, 1U << state_listen, "SCTP"},
     {IPPROTO_DCCP, PACL_PROTO_ANY, 1U << state_listen, "DCCP"}}};

// Messages of a dump are as long as what reads them (netlink_dump()).
constexpr size_t reply_size = 32768;

struct CloseNetlink {
  void operator()(mnl_socket *socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseNetlink>;

Result<Netlink> open_netlink() {
  Netlink netlink(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
  if (!netlink || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return system_error(errno, "cannot ask the kernel for its sockets");
  return netlink;
}

pacl_addr address_of(uint8_t family, const void *bytes) {
  if (family == AF_INET) {
    uint32_t word = 0;
    std::memcpy(&word, bytes, sizeof(word));
    return PACL_ADDR_IPV4(ntohl(word));
  }
  std::array<uint32_t, 4> words{};
  std::memcpy(words.data(), bytes, sizeof(words));
  for (uint32_t &word : words)
    word = ntohl(word);
  return {.hi = uint64_t{words[0]} << 32 | words[1],
          .lo = uint64_t{words[2]} << 32 | words[3]};
}

std::optional<pacl_addr> address_of(const sockaddr_storage &local) {
  if (local.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &local, sizeof(address));
    return address_of(AF_INET, &address.sin_addr);
  }
  if (local.ss_family != AF_INET6)
    return std::nullopt;
  sockaddr_in6 address{};
  std::memcpy(&address, &local, sizeof(address));
  return address_of(AF_INET6, &address.sin6_addr);
}

int take_locals(const nlattr *attribute, void *data) {
  auto &addresses = *static_cast<std::vector<pacl_addr> *>(data);
  if (mnl_attr_get_type(attribute) != INET_DIAG_LOCALS)
    return MNL_CB_OK;
  const std::string_view payload(
      static_cast<const char *>(mnl_attr_get_payload(attribute)),
      mnl_attr_get_payload_len(attribute));
  sockaddr_storage local{};
  for (size_t at = 0; at + sizeof(local) <= payload.size();
       at += sizeof(local)) {
    std::memcpy(&local, payload.data() + at, sizeof(local));
    if (const auto address = address_of(local))
      addresses.push_back(*address);
  }
  return MNL_CB_OK;
}

// All addresses of a socket of SCTP, which may have many.
std::vector<pacl_addr> local_addresses(const nlmsghdr &message) {
  std::vector<pacl_addr> addresses;
  mnl_attr_parse(&message, sizeof(inet_diag_msg), take_locals, &addresses);
  return addresses;
}

bool is_wanted(const inet_diag_msg &diag, const Transport &transport) {
  const bool internet =
      diag.idiag_family == AF_INET || diag.idiag_family == AF_INET6;
  // A dump of bound sockets shows the state that they have.
  const uint32_t states =
      transport.states |
      (transport.number == IPPROTO_TCP ? 1U << state_close : 0U);
  return internet && diag.id.idiag_sport != 0 && diag.id.idiag_dport == 0 &&
         diag.idiag_state < 32 && (states >> diag.idiag_state & 1U) != 0;
}

struct Dump {
  const Transport &transport;
  std::vector<Socket> &sockets;
};

int take_message(const nlmsghdr *message, void *data) {
  const Dump &dump = *static_cast<const Dump *>(data);
  for (Socket &socket : sockets_of_message(*message, dump.transport.number))
    dump.sockets.push_back(std::move(socket));
  return MNL_CB_OK;
}

nlmsghdr *begin_request(std::vector<char> &buffer, uint16_t type,
                        unsigned flags) {
  nlmsghdr *header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  return header;
}

inet_diag_req_v2 &add_request(nlmsghdr *header) {
  return *static_cast<inet_diag_req_v2 *>(
      mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
}

// Sends the request and reads until its answer has ended.
int ask(mnl_socket *netlink, std::vector<char> &buffer, const nlmsghdr *request,
        mnl_cb_t take, void *data) {
  if (mnl_socket_sendto(netlink, request, request->nlmsg_len) < 0)
    return -1;
  for (;;) {
    const ssize_t got =
        mnl_socket_recvfrom(netlink, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    const int state = mnl_cb_run(buffer.data(), static_cast<size_t>(got), 0,
                                 mnl_socket_get_portid(netlink), take, data);
    if (state <= MNL_CB_STOP)
      return state;
  }
}

Result<std::vector<Socket>> dump(const Transport &transport, uint8_t family) {
  // A dump that others disturb begins again.
  constexpr int attempts = 10;
  int error = 0;
  for (int attempt = 0; attempt < attempts; attempt++) {
    std::vector<Socket> sockets;
    const auto netlink = open_netlink();
    if (!netlink)
      return netlink.error();
    std::vector<char> buffer(reply_size);
    nlmsghdr *header = begin_request(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
    inet_diag_req_v2 &request = add_request(header);
    request.sdiag_family = family;
    request.sdiag_protocol = transport.number;
    request.idiag_states = transport.states;
    Dump taken{.transport = transport, .sockets = sockets};
    if (ask(netlink->get(), buffer, header, take_message, &taken) >= 0)
      return sockets;
    error = errno;
    if (error != EINTR)
      break;
  }
  return system_error(error, "cannot ask the kernel for its sockets");
}

// The first words of the lines, which are names.
std::vector<std::string> loaded_protocols() {
  const std::string path = "/proc/thread-self/net/protocols";
  std::vector<std::string> names;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto text = file ? read_all(file, path) : Result<std::string>(Error{});
  if (!text)
    return names;
  for (const std::string_view line : split(*text, '\n'))
    names.emplace_back(line.substr(0, line.find(' ')));
  return names;
}

void name_interface(Socket &socket) {
  std::array<char, IF_NAMESIZE> name{};
  if (socket.interface_index == 0)
    return;
  if (if_indextoname(socket.interface_index, name.data()) != nullptr)
    socket.interface = name.data();
  else
    socket.interface = std::to_string(socket.interface_index);
}

// The identity of a socket, with the port of a peer that it does not have.
inet_diag_sockid id_of(const Socket &socket, uint16_t peer_port) {
  inet_diag_sockid id{};
  id.idiag_sport = htons(socket.port);
  id.idiag_dport = htons(peer_port);
  if (socket.family == AF_INET) {
    id.idiag_src[0] = htonl(static_cast<uint32_t>(socket.address.lo));
  } else {
    const auto low = [](uint64_t half) {
      return htonl(static_cast<uint32_t>(half));
    };
    id.idiag_src[0] = low(socket.address.hi >> 32);
    id.idiag_src[1] = low(socket.address.hi);
    id.idiag_src[2] = low(socket.address.lo >> 32);
    id.idiag_src[3] = low(socket.address.lo);
  }
  id.idiag_if = socket.interface_index;
  id.idiag_cookie[0] = static_cast<uint32_t>(socket.cookie);
  id.idiag_cookie[1] = static_cast<uint32_t>(socket.cookie >> 32);
  return id;
}

// Returns an errno.
int destroy_once(mnl_socket *netlink, const Socket &socket,
                 uint16_t peer_port) {
  std::vector<char> buffer(reply_size);
  nlmsghdr *header = begin_request(buffer, SOCK_DESTROY, NLM_F_ACK);
  inet_diag_req_v2 &request = add_request(header);
  request.sdiag_family = socket.family;
  request.sdiag_protocol = socket.transport;
  request.id = id_of(socket, peer_port);
  return ask(netlink, buffer, header, nullptr, nullptr) < 0 ? errno : 0;
}

} // namespace

std::vector<Socket> sockets_of_message(const nlmsghdr &message,
                                       uint8_t transport) {
  const auto *known =
      std::ranges::find(transports, transport, &Transport::number);
  if (known == transports.end() || message.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      mnl_nlmsg_get_payload_len(&message) < sizeof(inet_diag_msg))
    return {};
  inet_diag_msg diag{};
  std::memcpy(&diag, mnl_nlmsg_get_payload(&message), sizeof(diag));
  if (!is_wanted(diag, *known))
    return {};
  const Socket socket{.port = ntohs(diag.id.idiag_sport),
                      .protocol = known->protocol,
                      .transport = transport,
                      .family = diag.idiag_family,
                      .listening = diag.idiag_state == state_listen,
                      .address =
                          address_of(diag.idiag_family, diag.id.idiag_src),
                      .interface_index = diag.id.idiag_if,
                      .creator = diag.idiag_uid,
                      .inode = diag.idiag_inode,
                      .cookie = uint64_t{diag.id.idiag_cookie[1]} << 32 |
                                diag.id.idiag_cookie[0]};
  std::vector<Socket> sockets;
  for (const pacl_addr &address : local_addresses(message)) {
    sockets.push_back(socket);
    sockets.back().address = address;
  }
  if (sockets.empty())
    sockets.push_back(socket);
  return sockets;
}

Result<std::vector<Socket>> dump_sockets() {
  std::vector<Socket> all;
  const auto loaded = loaded_protocols();
  for (const Transport &transport : transports) {
    const bool optional = *transport.loaded_as != '\0';
    if (optional && std::ranges::count(loaded, transport.loaded_as) == 0)
      continue;
    for (const int family : {AF_INET, AF_INET6}) {
      auto sockets = dump(transport, static_cast<uint8_t>(family));
      // A kernel may have the transport and not its part of sock_diag, or no
      // IPv6.
      if (!sockets && sockets.error().errnum == ENOENT &&
          (optional || family == AF_INET6))
        continue;
      if (!sockets)
        return sockets.error();
      all.insert(all.end(), std::make_move_iterator(sockets->begin()),
                 std::make_move_iterator(sockets->end()));
    }
  }
  for (Socket &socket : all)
    name_interface(socket);
  return all;
}

Result<void> destroy_socket(const Socket &socket) {
  const auto netlink = open_netlink();
  if (!netlink)
    return netlink.error();
  // The kernel looks for the socket that a peer would reach and then compares
  // the cookie. Of sockets that share the port (SO_REUSEPORT) the peer's port
  // decides, so that with enough of them each is found.
  constexpr uint16_t peer_ports = 4096;
  int error = ENOENT;
  for (uint16_t port = 0; port < peer_ports && error == ENOENT; port++)
    error = destroy_once(netlink->get(), socket, port);
  if (error != 0)
    return system_error(error, "cannot close the socket");
  return {};
}

} // namespace portacl
