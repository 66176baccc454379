// SPDX-License-Identifier: GPL-2.0-only
// Where events come from.

#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "tool_test.h"

namespace portacl {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

std::string kmsg_record(int port, const char *action = "refused") {
  return fmt::format("lsm=portacl action={} op=bind verdict=no_rule "
                     "permissive=0 rule=\"\" proto=tcp laddr=:: lport={} "
                     "uid=1002 gid=1002 auid=4294967295 pid=1 comm=\"x\"",
                     action, port);
}

std::string audit_line(int serial, int port) {
  return fmt::format("type=AVC msg=audit(17000000{:02}.000:{}): {}\n", serial,
                     serial, kmsg_record(port));
}

std::vector<int> ports(const std::vector<Event> &events) {
  std::vector<int> ports;
  for (const Event &event : events)
    ports.push_back(std::get<Refusal>(event.what).port);
  return ports;
}

// What gives a record for each read() and does not block.
class KmsgTest : public testing::Test {
protected:
  KmsgTest() {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair.data()) !=
        0)
      throw std::runtime_error("no socket pair");
    theirs = UniqueFd(pair[0]);
    ours = UniqueFd(pair[1]);
  }
  void put(const std::string &text) const {
    ASSERT_EQ(send(theirs.get(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
  }

  UniqueFd theirs;
  UniqueFd ours;
};

TEST_F(KmsgTest, ReadsOn) {
  Kmsg kmsg(std::move(ours), 0);
  put("5,1,1,-;portacl: unloaded, every rule has ended\n");
  put("6,2,2,-;usb 1-1: new device\n");
  put("12,3,3,-;portacl: unloaded, every rule has ended\n");
  std::vector<Event> events;
  ASSERT_TRUE(kmsg.read(events));
  EXPECT_EQ(events.size(), 1U);
  ASSERT_TRUE(kmsg.read(events));
  EXPECT_EQ(events.size(), 1U);
  put("5,4,4,-;portacl: unloaded, every rule has ended\n");
  pollfd ready{.fd = kmsg.descriptor(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ready, 1, 0), 1);
  ASSERT_TRUE(kmsg.read(events));
  EXPECT_EQ(events.size(), 2U);
  EXPECT_EQ(events.back().time, 4U);
}

TEST_F(KmsgTest, SaysWhatIsMissing) {
  const TempRoot root;
  EXPECT_EQ(Kmsg::open(root.path() + "/kmsg").error().code, Code::system);
}

class AuditLogTest : public testing::Test {
protected:
  std::vector<int> read(AuditLog &log) {
    std::vector<Event> events;
    const auto done = log.read(events);
    EXPECT_TRUE(done);
    return ports(events);
  }
  bool is_ready(const AuditLog &log) const {
    pollfd ready{.fd = log.descriptor(), .events = POLLIN, .revents = 0};
    return poll(&ready, 1, 0) == 1;
  }
  void append(const std::string &text) {
    root.write(file, root.read(file) + text);
  }

  TempRoot root;
  const std::string file = "/audit/audit.log";
  const std::string path = root.path() + file;
};

TEST_F(AuditLogTest, OldFilesFirst) {
  root.write(file + ".2", audit_line(1, 81));
  root.write(file + ".1",
             "type=SYSCALL msg=audit(1.0:1): x\n" + audit_line(2, 82));
  root.write(file, audit_line(3, 83) + "type=AVC msg=aud");
  auto log = AuditLog::open(path);
  ASSERT_TRUE(log && *log);
  EXPECT_THAT(read(**log), ElementsAre(81, 82, 83));
  EXPECT_THAT(read(**log), ElementsAre());
}

TEST_F(AuditLogTest, LinesInPieces) {
  const std::string line = audit_line(1, 81);
  root.write(file, line.substr(0, 100));
  auto log = AuditLog::open(path);
  ASSERT_TRUE(log && *log);
  EXPECT_THAT(read(**log), ElementsAre());
  append(line.substr(100));
  EXPECT_TRUE(is_ready(**log));
  EXPECT_THAT(read(**log), ElementsAre(81));
  EXPECT_FALSE(is_ready(**log));
}

TEST_F(AuditLogTest, GoesOnWithTheNextFile) {
  root.write(file, audit_line(1, 81));
  auto log = AuditLog::open(path);
  ASSERT_TRUE(log && *log);
  EXPECT_THAT(read(**log), ElementsAre(81));
  append(audit_line(2, 82));
  fs::rename(path, path + ".1");
  root.write(file, audit_line(3, 83));
  EXPECT_TRUE(is_ready(**log));
  EXPECT_THAT(read(**log), ElementsAre(82, 83));
  append(audit_line(4, 84));
  EXPECT_THAT(read(**log), ElementsAre(84));
}

TEST_F(AuditLogTest, WhereAuditdIsNot) {
  const auto log = AuditLog::open(path);
  ASSERT_TRUE(log);
  EXPECT_FALSE(*log);
}

TEST(DuplicatesTest, OneRecordIsOneEvent) {
  const auto printed = [](int serial) {
    return *parse_kernel_message(
        fmt::format("audit: type=1400 audit(1700000000.000:{}): {}", serial,
                    kmsg_record(80)),
        1);
  };
  const Event plain =
      *parse_kernel_message("portacl: unloaded, every rule has ended", 5);
  Duplicates duplicates;
  std::vector<Event> events = {printed(1), printed(2), printed(1), plain,
                               plain};
  duplicates.drop(events);
  EXPECT_EQ(events.size(), 4U);
  events = {printed(2), printed(3)};
  duplicates.drop(events);
  EXPECT_EQ(events.size(), 1U);
}

} // namespace
} // namespace portacl
