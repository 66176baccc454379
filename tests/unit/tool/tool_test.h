// SPDX-License-Identifier: GPL-2.0-only
// A machine of its own for every test: files in a new directory, a kernel that
// behaves like the module, a libkmod that only writes down.

#ifndef PORTACL_TESTS_TOOL_TEST_H
#define PORTACL_TESTS_TOOL_TEST_H

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/context.h"
#include "lib/port_set.h"
#include "version.h"

namespace portacl {

class TempRoot final {
public:
  TempRoot();
  ~TempRoot();
  TempRoot(const TempRoot &) = delete;
  TempRoot &operator=(const TempRoot &) = delete;

  const std::string &path() const { return path_; }
  // Paths are those inside the root; directories are made.
  void write(const std::string &file, const std::string &text,
             unsigned mode = 0644) const;
  std::string read(const std::string &file) const;
  bool exists(const std::string &file) const;

private:
  std::string path_;
};

// Users root 0, web 1001, eve 1002, "user" 1003; groups mail 8 (web in it) and
// each user's own; services https on both, ssh on tcp, ntp on udp.
void write_names(const TempRoot &root);

class FakeKernel final : public Kernel {
public:
  Result<std::string> read(const std::string &attribute) override;
  Result<void> write(const std::string &attribute,
                     std::string_view data) override;

  bool loaded = true;
  int reads_before_load = 0; // the first that do not find it yet
  uint64_t generation = 1;
  std::set<std::string> rules;
  std::map<std::string, uint64_t> hits;
  std::map<std::string, std::string> fixed = {
      {"abi", "1\n"},
      {"version", PORTACL_VERSION "\n"},
      {"mode", "enforce\n"},
      {"strict", "0\n"},
      {"scope", "init\n"},
      {"locked", "0\n"},
      {"hooks", "__inet_bind attached\n__inet6_bind attached\n"},
      {"stats/granted", "12\n"},
      {"stats/passed", "30\n"},
      {"stats/denied_rule", "3\n"},
      {"stats/denied_reserved", "2\n"},
      {"stats/denied_strict", "1\n"},
      {"stats/permissive", "4\n"},
      {"stats/no_rule", "5\n"},
      {"error", "\n"}};
  std::vector<std::pair<std::string, std::string>> writes;
  // An attribute whose reads fail after this many.
  std::string failing_read;
  int good_reads = 0;
  // Called before a write; an errno other than 0 refuses it.
  std::function<int()> refuse;
  // The upload under way; another nonce is another upload.
  struct Upload {
    std::string nonce;
    size_t length = 0;
    std::string text;
  } upload;
  // A rule that a commit refuses.
  std::string disliked;
  // Texts that the next reads of the policy get instead; empty means ESTALE.
  std::vector<std::string> next_policies;

private:
  std::string policy() const;
  // Each returns an errno, 0 when it is done.
  int change(const std::string &attribute, std::string_view data);
  int change_rules(bool add, std::string_view data);
  int change_setting(const std::string &attribute, std::string_view data);
  int upload_step(std::string_view data);
  int add_chunk(std::string_view header, std::string_view bytes);
  int commit(const std::string &sum);
  int refuse_with(int error, const std::string &reason);
};

// As proc_do_large_bitmap() does it: what is written at offset 0 replaces the
// list, what is written at another adds to it, and a page is the most.
class FakeSysctl final : public Sysctl {
public:
  Result<std::string> read(const std::string &name) override;
  Result<void> write(const std::string &name, std::string_view data,
                     off_t offset) override;
  std::string list() const { return port_list(listed); }
  void set_list(std::string_view text) { listed = *parse_port_list(text); }

  std::string range = "32768\t60999\n";
  PortSet listed;
  // Called before a write; an errno other than 0 refuses it.
  std::function<int()> refuse;
  int read_error = 0;
  int writes = 0;
};

// The sockets that the root's /proc shows, with cookies that are their inodes,
// and more that a test adds; closed as the kernel does it.
class FakeSockets final : public Sockets {
public:
  explicit FakeSockets(const TempRoot &root) : root_(root) {}
  Result<SocketTable> list(bool all_namespaces) override;
  Result<void> destroy(const NetNamespace &space,
                       const Socket &socket) override;

  std::vector<NetNamespace> more_namespaces; // with scope all; from index 1
  std::vector<Socket> more;
  bool partial = false;
  bool obedient = true;            // programs close what of UDP was interrupted
  int refuse = 0;                  // an errno of destroy()
  std::vector<uint64_t> destroyed; // cookies

private:
  const TempRoot &root_;
};

class FakeKmod final : public Kmod {
public:
  explicit FakeKmod(FakeKernel &kernel) : kernel_(kernel) {}
  Result<void> load(const std::string &module) override;
  Result<void> unload(const std::string &name) override;

  std::vector<std::string> calls;
  int error = 0;
  bool comes_back = false; // loaded again by the time that unload() returns

private:
  FakeKernel &kernel_;
};

// Records that are there, and such as come while somebody follows them. When no
// more come, the process gets a SIGTERM.
class FakeEventLog final : public EventLog {
public:
  FakeEventLog();
  ~FakeEventLog() override;
  Result<std::vector<Event>> open(const WantedEvents &wanted) override;
  Result<std::vector<Event>> more() override;
  std::vector<int> descriptors() const override { return {always_}; }
  std::vector<std::string> sources() const override { return {"a fake"}; }
  std::vector<Error> unreadable() const override { return bad; }

  // A message of the kernel at this second; its text must be an event.
  static Event event(const std::string &message, uint64_t time = 1700000000);
  void add(const std::string &message, uint64_t time = 1700000000) {
    events.push_back(event(message, time));
  }

  std::vector<Event> events;
  std::vector<std::vector<Event>> later;
  std::vector<Error> bad;
  int error = 0;
  WantedEvents asked{.last = 0};

private:
  int always_; // always readable
};

// Programs that print what a test wants, by their words with single blanks.
class FakePrograms final : public Programs {
public:
  Result<ProgramOutput> run(const std::vector<std::string> &arguments) override;

  std::map<std::string, ProgramOutput> outputs; // the others do not exist
  std::vector<std::string> calls;
};

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class ToolTest : public testing::Test {
protected:
  ToolTest() {
    write_names(root);
    write_listeners({});
  }

  Outcome run_tool(const std::vector<std::string> &arguments,
                   const std::string &input = {}, bool terminal = false);

  // What was printed as a policy file is one that "check" takes.
  void expect_good_policy(const std::string &text);

  // A process that listens; address and port as /proc/net/tcp has them.
  struct Fake {
    int pid;
    std::string program;
    unsigned uid;
    bool capable;
    std::string table; // "tcp"
    std::string local; // "00000000:01BB"
    int creator = -1;  // the uid of the socket, else that of the process
  };
  void write_listeners(const std::vector<Fake> &listeners) const;

  TempRoot root;
  FakeKernel kernel;
  FakeKmod kmod{kernel};
  FakeSysctl sysctl;
  FakeSockets sockets{root};
  FakeEventLog events;
  FakePrograms programs;

  static constexpr const char *local = "/etc/portacl.d/50-local.conf";
  static constexpr const char *runtime = "/run/portacl.d/60-runtime.conf";
  static constexpr const char *vendor = "/usr/lib/portacl.d/40-vendor.conf";
};

} // namespace portacl

#endif
