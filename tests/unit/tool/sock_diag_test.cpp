// SPDX-License-Identifier: GPL-2.0-only

#include "lib/sock_diag.h"

#include <cstring>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/fd.h"

namespace portacl {
namespace {

// A message as the kernel makes it.
class Message {
public:
  explicit Message(uint8_t state = 10, uint8_t family = AF_INET)
      : buffer_(4096) {
    header_ = mnl_nlmsg_put_header(buffer_.data());
    header_->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    diag_ = static_cast<inet_diag_msg *>(
        mnl_nlmsg_put_extra_header(header_, sizeof(inet_diag_msg)));
    diag_->idiag_family = family;
    diag_->idiag_state = state;
    diag_->id.idiag_sport = htons(443);
    diag_->id.idiag_src[0] = htonl(0xc0000201);
    diag_->id.idiag_if = 3;
    diag_->id.idiag_cookie[0] = 5;
    diag_->id.idiag_cookie[1] = 7;
    diag_->idiag_uid = 1001;
    diag_->idiag_inode = 4711;
  }

  void add_local(const sockaddr_storage &local) { locals_.push_back(local); }
  void finish() {
    mnl_attr_put(header_, INET_DIAG_LOCALS,
                 locals_.size() * sizeof(sockaddr_storage), locals_.data());
  }

  nlmsghdr &header() { return *header_; }
  inet_diag_msg &diag() { return *diag_; }
  std::vector<Socket> sockets(uint8_t transport = IPPROTO_TCP) const {
    return sockets_of_message(*header_, transport);
  }

private:
  std::vector<char> buffer_;
  std::vector<sockaddr_storage> locals_;
  nlmsghdr *header_ = nullptr;
  inet_diag_msg *diag_ = nullptr;
};

TEST(SockDiagTest, AListener) {
  const auto found = Message().sockets();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].port, 443);
  EXPECT_EQ(found[0].protocol, PACL_PROTO_TCP);
  EXPECT_EQ(found[0].transport, IPPROTO_TCP);
  EXPECT_TRUE(found[0].listening);
  EXPECT_TRUE(pacl_addr_is_ipv4(found[0].address));
  EXPECT_EQ(found[0].address.lo & UINT32_MAX, 0xc0000201U);
  EXPECT_EQ(found[0].interface_index, 3U);
  EXPECT_EQ(found[0].creator, 1001U);
  EXPECT_EQ(found[0].inode, 4711U);
  EXPECT_EQ(found[0].cookie, 0x700000005U);
}

TEST(SockDiagTest, Ipv6) {
  Message message(10, AF_INET6);
  message.diag().id.idiag_src[0] = htonl(0x20010db8);
  message.diag().id.idiag_src[3] = htonl(1);
  const auto found = message.sockets();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].address.hi, 0x20010db800000000U);
  EXPECT_EQ(found[0].address.lo, 1U);
}

TEST(SockDiagTest, BoundOnly) {
  const auto found = Message(7).sockets();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].listening);
  EXPECT_EQ(Message(7).sockets(IPPROTO_UDP).size(), 1U);
  EXPECT_EQ(Message(7).sockets(IPPROTO_UDP)[0].protocol, PACL_PROTO_UDP);
  EXPECT_EQ(Message(7).sockets(IPPROTO_UDPLITE)[0].protocol, PACL_PROTO_UDP);
}

TEST(SockDiagTest, EveryAddressOfSctp) {
  Message message;
  sockaddr_storage local{};
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(0x7f000001);
  std::memcpy(&local, &four, sizeof(four));
  message.add_local(local);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr.s6_addr[15] = 1;
  std::memcpy(&local, &six, sizeof(six));
  message.add_local(local);
  local = {};
  local.ss_family = AF_UNIX;
  message.add_local(local);
  message.finish();
  const auto found = message.sockets(IPPROTO_SCTP);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].address.lo & UINT32_MAX, 0x7f000001U);
  EXPECT_EQ(found[1].address.hi, 0U);
  EXPECT_EQ(found[1].address.lo, 1U);
  EXPECT_EQ(found[1].cookie, found[0].cookie);
}

TEST(SockDiagTest, WhatIsNoneIsLeftOut) {
  EXPECT_TRUE(Message(1).sockets().empty()) << "established";
  EXPECT_TRUE(Message(255).sockets().empty()) << "no state at all";
  EXPECT_TRUE(Message(10, AF_UNIX).sockets().empty());
  EXPECT_TRUE(Message().sockets(200).empty()) << "no such transport";
  EXPECT_TRUE(Message(10).sockets(IPPROTO_UDP).empty());
  Message message;
  message.diag().id.idiag_sport = 0;
  EXPECT_TRUE(message.sockets().empty()) << "no port";
  message = Message();
  message.header().nlmsg_type = NLMSG_DONE;
  EXPECT_TRUE(message.sockets().empty());
  message = Message();
  message.header().nlmsg_len = sizeof(nlmsghdr) + sizeof(inet_diag_msg) - 1;
  EXPECT_TRUE(message.sockets().empty()) << "cut";
}

// An attribute that says it is longer than the message.
TEST(SockDiagTest, ABadAttributeIsNotRead) {
  Message message;
  message.add_local({});
  message.finish();
  auto *attribute = reinterpret_cast<nlattr *>(
      reinterpret_cast<char *>(&message.diag()) + sizeof(inet_diag_msg));
  attribute->nla_len = 60000;
  EXPECT_EQ(message.sockets(IPPROTO_SCTP).size(), 1U)
      << "with the address of the message";
}

// The kernel that this runs on.
TEST(SockDiagTest, FindsASocketOfThisProcess) {
  const auto dumped = dump_sockets();
  if (!dumped)
    GTEST_SKIP() << dumped.error().message;
  const UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(udp.get(), reinterpret_cast<const sockaddr *>(&address),
                 sizeof(address)),
            0);
  socklen_t length = sizeof(address);
  ASSERT_EQ(
      getsockname(udp.get(), reinterpret_cast<sockaddr *>(&address), &length),
      0);
  const auto sockets = dump_sockets();
  ASSERT_TRUE(sockets);
  bool found = false;
  for (const Socket &socket : *sockets)
    found = found || (socket.port == ntohs(address.sin_port) &&
                      socket.transport == IPPROTO_UDP &&
                      (socket.address.lo & UINT32_MAX) == INADDR_LOOPBACK &&
                      socket.creator == getuid() && socket.cookie != 0);
  EXPECT_TRUE(found);
}

} // namespace
} // namespace portacl
