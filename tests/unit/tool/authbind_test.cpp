// SPDX-License-Identifier: GPL-2.0-only
// The files of authbind, and who may execute them.

#include "lib/authbind.h"

#include <filesystem>

#include <sys/acl.h>
#include <unistd.h>

#include "lib/config_dirs.h"
#include "tool_test.h"

namespace portacl {
namespace {

std::string address_shown(const pacl_addr &address) {
  std::string buffer(PACL_MAX_ADDR_TEXT, '\0');
  buffer.resize(pacl_format_addr(address, buffer.data(), buffer.size()));
  return buffer;
}

std::string line_shown(std::string_view line) {
  const auto range = parse_authbind_line(line);
  if (!range)
    return range.error().message;
  return address_shown(range->addresses.first) + " " +
         address_shown(range->addresses.last) + " " +
         std::to_string(range->first_port) + " " +
         std::to_string(range->last_port) + (range->ipv6 ? " IPv6" : "");
}

TEST(AuthbindLines, Match) {
  EXPECT_EQ(line_shown("0.0.0.0/0:80,80"), "0.0.0.0 255.255.255.255 80 80");
  EXPECT_EQ(line_shown("127.0.0.1/32:1,511\n"), "127.0.0.1 127.0.0.1 1 511");
  EXPECT_EQ(line_shown(" \t10. 0. 0.0/ 8: 80, 90 \n"),
            "10.0.0.0 10.255.255.255 80 90");
  EXPECT_EQ(line_shown("::/0,80"),
            ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 80 80 IPv6");
  EXPECT_EQ(line_shown("2001:db8::1,443"), "2001:db8::1 2001:db8::1 443 443 "
                                           "IPv6");
  EXPECT_EQ(line_shown("10.0.0.5-10.0.0.9,80-89"), "10.0.0.5 10.0.0.9 80 89");
  EXPECT_EQ(line_shown("10.0.0.0/ 8 , 80- 89 "),
            "10.0.0.0 10.255.255.255 80 89");
  EXPECT_EQ(line_shown("::ffff:10.0.0.1,80"), "10.0.0.1 10.0.0.1 80 80 IPv6");
  EXPECT_EQ(line_shown("10.0.0.1,0-99999"), "10.0.0.1 10.0.0.1 0 99999");
}

TEST(AuthbindLines, NeverMatch) {
  for (const char *line : {"",
                           "80",
                           "nonsense",
                           "10.0.0.1 80",
                           "10.0.0.1/32/1,80",
                           "10.0.0.0/8-11.0.0.0,80",
                           " 10.0.0.1,80",
                           "10.0.0.1 ,80",
                           "[::1],80",
                           "fe80::1%lo,80",
                           "10.0.0.1,80 -90",
                           "10.0.0.1,80-90x",
                           "10.0.0.1,",
                           "10.0.0.1,-80",
                           "10.0.0.1,+80",
                           "10.0.0.1,4294967376",
                           "10.0.0.0/8:80,80 x",
                           "10.0.0.0 /8:80,80",
                           "-1.0.0.0/8:80,80",
                           "# 0.0.0.0/0:80,80"})
    EXPECT_EQ(line_shown(line), "cannot be read, so that it never matches")
        << line;
  for (const char *line :
       {"10.0.0.0/33:80,80", "10.0.0.1/8:80,80", "256.0.0.0/8:80,80",
        "10.0.0.0/8:80,65536", "10.0.0.0/33,80", "::/129,80", "10.0.0.1/8,80",
        "10.0.0.9-10.0.0.5,80", "10.0.0.1-::1,80"})
    EXPECT_TRUE(line_shown(line).starts_with("never matches: ")) << line;
}

struct Acl {
  explicit Acl(const char *text) : acl(acl_from_text(text)) {}
  ~Acl() { acl_free(acl); }
  Acl(const Acl &) = delete;
  Acl &operator=(const Acl &) = delete;
  acl_t acl;
};

class RightsTest : public ToolTest {
protected:
  ExecuteRights rights() {
    const std::string path = root.path() + "/file";
    const auto found =
        execute_rights(open_in_root(root.path(), path, open_to_look), path);
    EXPECT_TRUE(found);
    return found ? *found : ExecuteRights{.users = {}, .groups = {}};
  }
  void set_mode(unsigned mode) { root.write("/file", "", mode); }
  bool set_acl(const char *text) {
    set_mode(0600);
    const Acl acl(text);
    return acl_set_file((root.path() + "/file").c_str(), ACL_TYPE_ACCESS,
                        acl.acl) == 0;
  }

  const uint32_t me = geteuid();
  const uint32_t mine = getegid();
  static constexpr uint32_t web = 1001;
  static constexpr uint32_t eve = 1002;
};

TEST_F(RightsTest, FirstClassDecides) {
  set_mode(0055);
  EXPECT_FALSE(may_execute(rights(), me, {mine}));
  EXPECT_TRUE(may_execute(rights(), web, {mine}));
  EXPECT_TRUE(may_execute(rights(), web, {web}));
  set_mode(0705);
  EXPECT_TRUE(may_execute(rights(), me, {mine}));
  EXPECT_FALSE(may_execute(rights(), web, {mine, web}));
  EXPECT_TRUE(may_execute(rights(), web, {web}));
  EXPECT_FALSE(everybody_may(rights()));
  set_mode(0644);
  EXPECT_TRUE(nobody_may(rights()));
  EXPECT_FALSE(may_execute(rights(), me, {mine}));
  set_mode(0111);
  EXPECT_TRUE(everybody_may(rights()));
  EXPECT_FALSE(nobody_may(rights()));
}

TEST_F(RightsTest, AclEntriesCount) {
  if (!set_acl("u::rw-,u:1001:r-x,u:1002:r--,g::---,g:8:--x,g:9:r--,m::r-x,"
               "o::--x"))
    GTEST_SKIP() << "no ACLs here";
  EXPECT_TRUE(may_execute(rights(), web, {9}));
  EXPECT_FALSE(may_execute(rights(), eve, {8}));
  EXPECT_TRUE(may_execute(rights(), 1003, {8, 9}));
  EXPECT_FALSE(may_execute(rights(), 1003, {9, 1003}));
  EXPECT_TRUE(may_execute(rights(), 1003, {1003}));
}

TEST_F(RightsTest, MaskTakesAway) {
  if (!set_acl("u::rwx,u:1001:r-x,g::r-x,g:8:--x,m::r--,o::---"))
    GTEST_SKIP() << "no ACLs here";
  EXPECT_FALSE(may_execute(rights(), web, {8}));
  EXPECT_FALSE(may_execute(rights(), eve, {8}));
  EXPECT_TRUE(may_execute(rights(), me, {}));
}

class AuthbindTest : public ToolTest {
protected:
  Authbind read() {
    auto found = read_authbind(root.path());
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    return found ? std::move(*found) : Authbind{};
  }
  // The warnings about a file, joined.
  static std::string warnings(const Authbind &found, const std::string &file) {
    std::string texts;
    for (const Error &warning : found.warnings) {
      if (warning.file == "/etc/authbind/" + file)
        texts +=
            (warning.line == 0 ? "" : std::to_string(warning.line) + ": ") +
            warning.message + "\n";
    }
    return texts;
  }
  void add(const std::string &file, const std::string &text = "",
           unsigned mode = 0755) {
    root.write("/etc/authbind/" + file, text, mode);
  }
};

TEST_F(AuthbindTest, NothingThere) {
  EXPECT_FALSE(read().present);
  root.write("/etc/authbind/README", "");
  EXPECT_TRUE(read().present);
  EXPECT_TRUE(read().warnings.empty());
}

TEST_F(AuthbindTest, NamesOfPorts) {
  for (const char *good : {"80", "1", "511", "!512", "!1023"})
    add(std::string("byport/") + good);
  for (const char *bad : {"!80", "!511", "512", "1023", "080", "0", "!0",
                          "1024", "!1024", "65536", "80~", " 80", "http", ""})
    if (*bad != '\0')
      add(std::string("byport/") + bad);
  const Authbind found = read();
  EXPECT_EQ(found.byport.size(), 5U);
  EXPECT_EQ(found.warnings.size(), 13U);
  EXPECT_EQ(warnings(found, "byport/512"),
            "has no effect: for port 512 its name must begin with '!'\n");
  EXPECT_EQ(warnings(found, "byport/!80"),
            "has no effect: for port 80 its name must not begin with '!'\n");
  EXPECT_EQ(warnings(found, "byport/!1024"),
            "has no effect: everybody may bind ports from 1024 on\n");
}

TEST_F(AuthbindTest, NamesOfAddresses) {
  for (const char *good :
       {"127.0.0.1:80", "0.0.0.0,81", "::,80", "2001:db8::1,443",
        "!2001:db8:0:0:0:0:0:1,600", "::ffff:10.0.0.1,80", "!10.0.0.1:512"})
    add(std::string("byaddr/") + good);
  for (const char *bad :
       {"127.0.0.1", "127.1:80", "::1", "2001:DB8::1,80", "2001:db8:0::1,80",
        "[::],80", "10.0.0.1,600", "!10.0.0.1,80", "10.0.0.1,1024", ":80",
        "10.0.0.1;80"})
    add(std::string("byaddr/") + bad);
  const Authbind found = read();
  EXPECT_EQ(found.byaddr.size(), 7U);
  EXPECT_EQ(found.warnings.size(), 11U);
  EXPECT_EQ(warnings(found, "byaddr/2001:DB8::1,80"),
            "has no effect: authbind looks for 2001:db8::1,80\n");
}

TEST_F(AuthbindTest, FirstNameOfAnAddressCounts) {
  add("byaddr/127.0.0.1:80", "", 0644);
  add("byaddr/127.0.0.1,80");
  add("byaddr/::1,80");
  add("byaddr/0:0:0:0:0:0:0:1,80", "", 0644);
  add("byaddr/10.0.0.1,443");
  add("byport/443", "", 0644);
  const Authbind found = read();
  ASSERT_EQ(found.byaddr.size(), 2U);
  for (const auto &[address, file] : found.byaddr)
    EXPECT_EQ(file.rights.others, address.ipv6);
  EXPECT_EQ(warnings(found, "byaddr/127.0.0.1,80"),
            "has no effect: /etc/authbind/byaddr/127.0.0.1:80 decides before "
            "it\n");
  EXPECT_NE(warnings(found, "byaddr/0:0:0:0:0:0:0:1,80"), "");
  EXPECT_EQ(warnings(found, "byaddr/10.0.0.1,443"),
            "has no effect: /etc/authbind/byport/443 decides before it\n");
}

TEST_F(AuthbindTest, LinesOfUsers) {
  add("byuid/1001", "# a comment\n\n0.0.0.0/0:80,600\nwrong\n::/0,512-600\n"
                    "10.0.0.1,90-80\n10.0.0.1,443");
  add("byuid/!1001", "::1,1-65535\n");
  add("byuid/01001", "::1,80\n");
  add("byuid/web", "::1,80\n");
  add("byuid/0", "::1,80\n");
  const Authbind found = read();
  ASSERT_EQ(found.lines.size(), 3U);
  EXPECT_EQ(found.lines[0].ports, (PortRange{512, 1023}));
  EXPECT_FALSE(found.lines[0].ipv6 == false);
  EXPECT_EQ(found.lines[1].ports, (PortRange{80, 511}));
  EXPECT_TRUE(found.lines[1].clipped);
  EXPECT_EQ(found.lines[1].line, 3U);
  EXPECT_EQ(found.lines[2].line, 7U);
  EXPECT_FALSE(found.lines[2].clipped);
  EXPECT_EQ(warnings(found, "byuid/1001"),
            "4: cannot be read, so that it never matches\n"
            "5: never matches: this file is asked for ports 1-511\n"
            "6: never matches: the last port is below the first\n");
  for (const char *dead : {"byuid/01001", "byuid/web", "byuid/0"})
    EXPECT_NE(warnings(found, dead), "") << dead;
}

// fgets(3) with 299 bytes reads 298, and the rest is another line.
TEST_F(AuthbindTest, LongLinesAreSeveral) {
  const std::string line = "10.0.0.1,80";
  add("byuid/1001", std::string(298 - line.size(), ' ') + line + "\n" +
                        std::string(298, 'x') + line + "\n" +
                        std::string(297, 'x') + line + "\n");
  const Authbind found = read();
  // The first begins with blanks, which no address may; the last is cut within
  // its address.
  ASSERT_EQ(found.lines.size(), 2U);
  EXPECT_EQ(found.lines[0].line, 2U);
  EXPECT_EQ(address_shown(found.lines[0].addresses.first), "10.0.0.1");
  EXPECT_EQ(found.lines[1].line, 3U);
  EXPECT_EQ(address_shown(found.lines[1].addresses.first), "0.0.0.1");
  EXPECT_NE(warnings(found, "byuid/1001").find("2: longer than 298 bytes"),
            std::string::npos);
}

TEST_F(AuthbindTest, BytesBehindNulAreNotRead) {
  add("byuid/1001", std::string("10.0.0.1,80\0x\n10.0.0.2,80\n", 26));
  EXPECT_EQ(read().lines.size(), 2U);
}

TEST_F(AuthbindTest, OddFiles) {
  namespace fs = std::filesystem;
  add("byport/80");
  fs::create_directory(root.path() + "/etc/authbind/byuid");
  fs::create_symlink("nowhere", root.path() + "/etc/authbind/byport/81");
  fs::create_symlink("82", root.path() + "/etc/authbind/byport/82");
  fs::create_symlink("80/x", root.path() + "/etc/authbind/byport/84");
  fs::create_symlink("../byport/80/x",
                     root.path() + "/etc/authbind/byuid/1002");
  fs::create_symlink("/etc/authbind/byport/80",
                     root.path() + "/etc/authbind/byport/83");
  fs::create_directory(root.path() + "/etc/authbind/byuid/1001");
  root.write("/etc/authbind/byaddr", "");
  const Authbind found = read();
  EXPECT_EQ(found.byport.count(81), 0U);
  EXPECT_NE(warnings(found, "byport/81"), "");
  // The helper cannot read what it means, and refuses.
  ASSERT_EQ(found.byport.count(82), 1U);
  EXPECT_TRUE(nobody_may(found.byport.at(82).rights));
  ASSERT_EQ(found.byport.count(84), 1U);
  EXPECT_TRUE(nobody_may(found.byport.at(84).rights));
  EXPECT_NE(warnings(found, "byuid/1002"), "");
  // Inside the root.
  ASSERT_EQ(found.byport.count(83), 1U);
  EXPECT_TRUE(everybody_may(found.byport.at(83).rights));
  EXPECT_NE(warnings(found, "byuid/1001"), "");
  ASSERT_TRUE(found.byaddr_door);
  EXPECT_TRUE(nobody_may(found.byaddr_door->rights));
}

} // namespace
} // namespace portacl
