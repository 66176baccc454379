// SPDX-License-Identifier: GPL-2.0-only
// Rule text to rules: what is read, and where and why the rest is refused.

#include "core/format.h"
#include "core/parse.h"

#include "reference_text.h"

#include <cctype>
#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace std::string_literals;

namespace {

// Parses from a heap block of the very size, so that a byte read too far is
// seen.
ReferenceLine parse(std::string_view line, pacl_error *err) {
  std::vector<char> exact(line.begin(), line.end());
  ReferenceLine answer = {};
  memset(static_cast<void *>(&answer.rule), 0x5a, sizeof answer.rule);
  answer.result =
      pacl_parse_line(exact.data(), exact.size(), &answer.rule, err);
  return answer;
}

std::string printable(std::string_view line) {
  std::string out;
  for (char c : line.substr(0, 200)) {
    char hex[8];
    snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
    out += c >= ' ' && c <= '~' ? std::string(1, c) : hex;
  }
  return out;
}

std::string repeat(std::string_view item, unsigned times,
                   std::string_view separator) {
  std::string out;
  for (unsigned at = 0; at < times; at++) {
    if (at)
      out += separator;
    out += item;
  }
  return out;
}

// "1,3,5,...": items that do not merge.
std::string items(unsigned count) {
  std::string out = "1";
  for (unsigned at = 1; at < count; at++)
    out += ',' + std::to_string(2 * at + 1);
  return out;
}

pacl_rule parse_reference(std::string_view line) {
  return reference_parse(line).rule;
}

struct Reading {
  std::string line;
  std::string canonical;
};

struct Refusal {
  std::string line;
  pacl_error_code code;
  u32 column;
};

// Lines that are read, and the rule they mean.
const std::vector<Reading> readings = {
    {"allow user 1000 443", "allow user 1000 443"},
    {"allow 1000 443", "allow user 1000 443"},
    {"allow group 25 25,465,587/tcp", "allow group 25 25,465,587/tcp"},
    {"allow any 80", "allow any 80"},
    {"allow any 80/udp", "allow any 80/udp"},
    {"allow any 80/sctp", "allow any 80/sctp"},
    {"allow each 20000-20999 30000+10", "allow each 20000-20999 30000+10"},
    {"allow each 1-2 80+1/tcp", "allow each 1-2 80+1/tcp"},
    // blanks, tabs, comments
    {"  allow   user 1000\t443  ", "allow user 1000 443"},
    {"\tallow\t\tuser\t1000\t443\t", "allow user 1000 443"},
    {"allow user 1000 443 # the web server", "allow user 1000 443"},
    {"allow user 1000 443 #", "allow user 1000 443"},
    {"allow user 1000 443#glued", "allow user 1000 443"},
    {"allow user 1000 443 # allow any 80", "allow user 1000 443"},
    {"allow user 1000 443 # caf\xc3\xa9 \xff\r", "allow user 1000 443"},
    {"allow any 1 #" + std::string(100000, 'x'), "allow any 1"},
    {std::string(100000, ' ') + "allow any 1", "allow any 1"},
    // limits of ids
    {"allow user 0 443", "allow user 0 443"},
    {"allow user 4294967294 443", "allow user 4294967294 443"},
    {"allow group 0 443", "allow group 0 443"},
    {"allow group 4294967294 443", "allow group 4294967294 443"},
    {"allow 0 443", "allow user 0 443"},
    {"allow 4294967294 443", "allow user 4294967294 443"},
    // limits of ports
    {"allow any 1", "allow any 1"},
    {"allow any 65535", "allow any 65535"},
    {"allow any 1-65535", "allow any 1-65535"},
    {"allow any 1-1", "allow any 1"},
    {"allow any 65535-65535", "allow any 65535"},
    // the other range separator
    {"allow any 8080:8090", "allow any 8080-8090"},
    {"allow any 1:2,4-5/tcp", "allow any 1-2,4-5/tcp"},
    // sorted and merged
    {"allow any 443,80", "allow any 80,443"},
    {"allow any 80,80", "allow any 80"},
    {"allow any 80,81", "allow any 80-81"},
    {"allow any 81,80", "allow any 80-81"},
    {"allow any 80,82,81", "allow any 80-82"},
    {"allow any 80-90,85-95", "allow any 80-95"},
    {"allow any 80-90,82", "allow any 80-90"},
    {"allow any 82,80-90", "allow any 80-90"},
    {"allow any 80-90,91-99", "allow any 80-99"},
    {"allow any 80-90,92-99", "allow any 80-90,92-99"},
    {"allow any 10-20,30-40,15-35", "allow any 10-40"},
    {"allow any 10,30,20,1-65535", "allow any 1-65535"},
    {"allow any 65534,65535", "allow any 65534-65535"},
    {"allow any 65535,65535", "allow any 65535"},
    {"allow any 65535,1-65534", "allow any 1-65535"},
    {"allow any 65535,1", "allow any 1,65535"},
    {"allow any 2,1,65535", "allow any 1-2,65535"},
    // as many items as a rule may have, as written
    {"allow any " + items(63), "allow any " + items(63)},
    {"allow any " + items(64), "allow any " + items(64)},
    {"allow any " + repeat("80", 64, ","), "allow any 80"},
    {"allow any " + repeat("60000-65535", 64, ",") + "/sctp",
     "allow any 60000-65535/sctp"},
    // limits of each
    {"allow each 5-5 80+1", "allow each 5-5 80+1"},
    {"allow each 0-0 1+65535", "allow each 0-0 1+65535"},
    {"allow each 0-65534 1+1", "allow each 0-65534 1+1"},
    {"allow each 0-0 65535+1", "allow each 0-0 65535+1"},
    {"allow each 0-1 65534+1", "allow each 0-1 65534+1"},
    {"allow each 4294967294-4294967294 65535+1",
     "allow each 4294967294-4294967294 65535+1"},
    {"allow each 4294901760-4294967294 1+1",
     "allow each 4294901760-4294967294 1+1"},
    {"allow each 1000-1255 256+255", "allow each 1000-1255 256+255"},
    {"allow each 0-4 1+13107", "allow each 0-4 1+13107"},
    // deny and reserve
    {"deny user 1000 443", "deny user 1000 443"},
    {"deny 1000 443", "deny user 1000 443"},
    {"deny group 25 80-90,443/tcp", "deny group 25 80-90,443/tcp"},
    {"deny any 1-65535", "deny any 1-65535"},
    {"  deny\tany  81,80 # never", "deny any 80-81"},
    {"deny any " + items(64), "deny any " + items(64)},
    {"reserve 8080", "reserve 8080"},
    {"reserve 443,80/udp", "reserve 80,443/udp"},
    {"\treserve \t 1:65535 # all", "reserve 1-65535"},
    {"reserve 1", "reserve 1"},
    {"reserve 65535", "reserve 65535"},
    {"reserve " + items(64) + "/sctp", "reserve " + items(64) + "/sctp"},
    // prefixes
    {"allow any 80 on 10.1.2.3", "allow any 80 on 10.1.2.3"},
    {"allow any 80 on 10.1.2.3/32", "allow any 80 on 10.1.2.3"},
    {"allow any 80 on 10.0.0.0/8", "allow any 80 on 10.0.0.0/8"},
    {"allow any 80 on 0.0.0.0/0", "allow any 80 on 0.0.0.0/0"},
    {"allow any 80 on 0.0.0.0", "allow any 80 on 0.0.0.0"},
    {"allow any 80 on 128.0.0.0/1", "allow any 80 on 128.0.0.0/1"},
    {"allow any 80 on 10.1.2.2/31", "allow any 80 on 10.1.2.2/31"},
    {"allow any 80 on 255.255.255.255", "allow any 80 on 255.255.255.255"},
    {"deny 5 80\ton\t ::1  #", "deny user 5 80 on ::1"},
    {"allow group 5 80,90/tcp on ::1/128", "allow group 5 80,90/tcp on ::1"},
    {"allow any 80 on ::", "allow any 80 on ::"},
    {"allow any 80 on ::/0", "allow any 80 on ::/0"},
    {"allow any 80 on 8000::/1", "allow any 80 on 8000::/1"},
    {"allow any 80 on ::2/127", "allow any 80 on ::2/127"},
    {"allow any 80 on ::/128", "allow any 80 on ::"},
    {"allow any 80 on 2001:db8::/32", "allow any 80 on 2001:db8::/32"},
    {"allow any 80 on 2001:db8:0:1::/64", "allow any 80 on 2001:db8:0:1::/64"},
    {"allow any 80 on 2001:db8:0:1:8000::/65",
     "allow any 80 on 2001:db8:0:1:8000::/65"},
    {"allow any 80 on fe80::1", "allow any 80 on fe80::1"},
    {"allow any 80 on ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "allow any 80 on ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    // IPv6 as RFC 5952 writes it
    {"allow any 80 on 2001:DB8::ABCD", "allow any 80 on 2001:db8::abcd"},
    {"allow any 80 on 2001:0db8:0000:0000:0000:0000:0000:0001",
     "allow any 80 on 2001:db8::1"},
    {"allow any 80 on 2001:db8:0:0:1:0:0:1",
     "allow any 80 on 2001:db8::1:0:0:1"},
    {"allow any 80 on 2001:0:0:1:0:0:0:1", "allow any 80 on 2001:0:0:1::1"},
    {"allow any 80 on 1:0:0:0:5:0:0:0", "allow any 80 on 1::5:0:0:0"},
    {"allow any 80 on 1:2:0:4:5:6:7:8", "allow any 80 on 1:2:0:4:5:6:7:8"},
    {"allow any 80 on 1:2::4:5:6:7:8", "allow any 80 on 1:2:0:4:5:6:7:8"},
    {"allow any 80 on ::2:3:4:5:6:7:8", "allow any 80 on 0:2:3:4:5:6:7:8"},
    {"allow any 80 on 1:2:3:4:5:6:7::", "allow any 80 on 1:2:3:4:5:6:7:0"},
    {"allow any 80 on 0:0:3:4:5:6:7:8", "allow any 80 on ::3:4:5:6:7:8"},
    {"allow any 80 on 1:2:3:4:5:6:0:0", "allow any 80 on 1:2:3:4:5:6::"},
    {"allow any 80 on 0:2:0:4:0:6:0:8", "allow any 80 on 0:2:0:4:0:6:0:8"},
    {"allow any 80 on 0:0:0:4::/64", "allow any 80 on 0:0:0:4::/64"},
    {"allow any 80 on ::10.1.2.3", "allow any 80 on ::a01:203"},
    {"allow any 80 on ::0.0.255.255", "allow any 80 on ::ffff"},
    {"allow any 80 on 64:ff9b::10.1.2.3", "allow any 80 on 64:ff9b::a01:203"},
    {"allow any 80 on 1:2:3:4:5:6:255.0.0.1",
     "allow any 80 on 1:2:3:4:5:6:ff00:1"},
    {"allow any 80 on ::fffe:10.1.2.3", "allow any 80 on ::fffe:a01:203"},
    {"allow any 80 on ::fffe:0:0/95", "allow any 80 on ::fffe:0:0/95"},
    // IPv4 as IPv6 writes it
    {"allow any 80 on ::ffff:10.1.2.3", "allow any 80 on 10.1.2.3"},
    {"allow any 80 on ::FFFF:a01:203/128", "allow any 80 on 10.1.2.3"},
    {"allow any 80 on 0:0:0:0:0:ffff:a01:203", "allow any 80 on 10.1.2.3"},
    {"allow any 80 on ::ffff:10.0.0.0/104", "allow any 80 on 10.0.0.0/8"},
    {"allow any 80 on ::ffff:0:0/96", "allow any 80 on 0.0.0.0/0"},
    {"allow any 80 on ::ffff:8000:0/97", "allow any 80 on 128.0.0.0/1"},
    {"allow any 80 on ::ffff:0:0", "allow any 80 on 0.0.0.0"},
    // ends
    {"allow any 80 until 1", "allow any 80 until 1"},
    {"allow any 80 until 2", "allow any 80 until 2"},
    {"deny 5 80/udp until 2000000000 # c",
     "deny user 5 80/udp until 2000000000"},
    {"allow any 80 until 4294967296", "allow any 80 until 4294967296"},
    {"allow any 80 until 253402300798", "allow any 80 until 253402300798"},
    {"allow any 80 until 253402300799", "allow any 80 until 253402300799"},
    {"allow any 80 on ::1 until 5", "allow any 80 on ::1 until 5"},
    {"allow any 80 until 5 on ::1", "allow any 80 on ::1 until 5"},
    {"allow any 80\tuntil\t5\ton\t10.0.0.0/8#",
     "allow any 80 on 10.0.0.0/8 until 5"},
};

// Lines that are refused. A column points at the first byte of the word or
// number that is wrong, of the first number where two do not fit together, or
// at the byte that may not follow; where something is missing, at the byte
// where it was expected, which may be the one behind the line.
const std::vector<Refusal> refusals = {
    // the first word
    {"a", PACL_ERR_ACTION, 1},
    {"   a", PACL_ERR_ACTION, 4},
    {"Allow any 80", PACL_ERR_ACTION, 1},
    {"ALLOW any 80", PACL_ERR_ACTION, 1},
    {"allo any 80", PACL_ERR_ACTION, 1},
    {"allowx any 80", PACL_ERR_ACTION, 1},
    {"allow, any 80", PACL_ERR_ACTION, 1},
    {"80", PACL_ERR_ACTION, 1},
    {"/", PACL_ERR_ACTION, 1},
    {"\vallow any 80", PACL_ERR_ACTION, 1},
    {"\fallow any 80", PACL_ERR_ACTION, 1},
    {"\rallow any 80", PACL_ERR_ACTION, 1},
    {"\r", PACL_ERR_ACTION, 1},
    {" \xc2\xa0", PACL_ERR_ACTION, 2},
    {"\xef\xbb\xbf"
     "allow any 80",
     PACL_ERR_ACTION, 1},
    {"\xef\xbb\xbf# comment", PACL_ERR_ACTION, 1},
    {"allow\vany 80", PACL_ERR_ACTION, 1},
    {"allow\xc2\xa0"
     "any 80",
     PACL_ERR_ACTION, 1},
    {"Deny any 80", PACL_ERR_ACTION, 1},
    {"den any 80", PACL_ERR_ACTION, 1},
    {"denyany 80", PACL_ERR_ACTION, 1},
    {"reserved 80", PACL_ERR_ACTION, 1},
    {"reserve,80", PACL_ERR_ACTION, 1},
    {"on 10.0.0.0/8", PACL_ERR_ACTION, 1},
    {"mode off", PACL_ERR_ACTION, 1},
    // the subject
    {"allow", PACL_ERR_SUBJECT, 6},
    {"allow  ", PACL_ERR_SUBJECT, 8},
    {"allow # any 80", PACL_ERR_SUBJECT, 7},
    {"allow web 80", PACL_ERR_SUBJECT, 7},
    {"allow User 5 80", PACL_ERR_SUBJECT, 7},
    {"allow ANY 80", PACL_ERR_SUBJECT, 7},
    {"allow anyone 80", PACL_ERR_SUBJECT, 7},
    {"allow an 80", PACL_ERR_SUBJECT, 7},
    {"allow users 5 80", PACL_ERR_SUBJECT, 7},
    {"allow groups 5 80", PACL_ERR_SUBJECT, 7},
    {"allow eac 5-5 80+1", PACL_ERR_SUBJECT, 7},
    {"allow @web 80", PACL_ERR_SUBJECT, 7},
    {"allow -1 80", PACL_ERR_SUBJECT, 7},
    {"allow +1 80", PACL_ERR_SUBJECT, 7},
    {"allow \"web\" 80", PACL_ERR_SUBJECT, 7},
    {"allow allow any 80", PACL_ERR_SUBJECT, 7},
    {"allow ,any 80", PACL_ERR_SUBJECT, 7},
    {"deny", PACL_ERR_SUBJECT, 5},
    {"deny web 80", PACL_ERR_SUBJECT, 6},
    {"deny deny any 80", PACL_ERR_SUBJECT, 6},
    {"deny on 10.0.0.0/8", PACL_ERR_SUBJECT, 6},
    {"deny each", PACL_ERR_EACH_ACTION, 6},
    {"deny each 5-9 80+1", PACL_ERR_EACH_ACTION, 6},
    {"deny  each web", PACL_ERR_EACH_ACTION, 7},
    // ids
    {"deny user", PACL_ERR_ID, 10},
    {"deny group 4294967295 80", PACL_ERR_ID_RANGE, 12},
    {"allow user", PACL_ERR_ID, 11},
    {"allow user ", PACL_ERR_ID, 12},
    {"allow user # 5", PACL_ERR_ID, 12},
    {"allow group", PACL_ERR_ID, 12},
    {"allow user web 80", PACL_ERR_ID, 12},
    {"allow user user 80", PACL_ERR_ID, 12},
    {"allow user any 80", PACL_ERR_ID, 12},
    {"allow group wheel 80", PACL_ERR_ID, 13},
    {"allow user -1 80", PACL_ERR_ID, 12},
    {"allow user +5 80", PACL_ERR_ID, 12},
    {"allow user /tcp", PACL_ERR_ID, 12},
    {"allow user \xd9\xa5 80", PACL_ERR_ID, 12},
    {"allow user 5x 80", PACL_ERR_ID, 13},
    {"allow user 5.0 80", PACL_ERR_ID, 13},
    {"allow user 5,6 80", PACL_ERR_ID, 13},
    {"allow user 5-6 80", PACL_ERR_ID, 13},
    {"allow user 1e3 80", PACL_ERR_ID, 13},
    {"allow user 4294967295 80", PACL_ERR_ID_RANGE, 12},
    {"allow user 4294967296 80", PACL_ERR_ID_RANGE, 12},
    {"allow user 4294968296 80", PACL_ERR_ID_RANGE, 12},
    {"allow user 10000000000 80", PACL_ERR_ID_RANGE, 12},
    {"allow user 18446744073709551616 80", PACL_ERR_ID_RANGE, 12},
    {"allow user 18446744073709552616 80", PACL_ERR_ID_RANGE, 12},
    {"allow user " + std::string(5000, '9') + " 80", PACL_ERR_ID_RANGE, 12},
    {"allow group 4294967295 80", PACL_ERR_ID_RANGE, 13},
    {"allow group 4294967296 80", PACL_ERR_ID_RANGE, 13},
    {"allow 4294967295 80", PACL_ERR_ID_RANGE, 7},
    {"allow 4294967296 80", PACL_ERR_ID_RANGE, 7},
    {"allow user 00 80", PACL_ERR_LEADING_ZERO, 12},
    {"allow user 01000 80", PACL_ERR_LEADING_ZERO, 12},
    {"allow group 01 80", PACL_ERR_LEADING_ZERO, 13},
    {"allow 01 80", PACL_ERR_LEADING_ZERO, 7},
    // no ports
    {"allow any", PACL_ERR_PORTS_MISSING, 10},
    {"allow any ", PACL_ERR_PORTS_MISSING, 11},
    {"allow any # 80", PACL_ERR_PORTS_MISSING, 11},
    {"allow user 5", PACL_ERR_PORTS_MISSING, 13},
    {"allow 80", PACL_ERR_PORTS_MISSING, 9},
    {"allow group 5\t", PACL_ERR_PORTS_MISSING, 15},
    {"deny any", PACL_ERR_PORTS_MISSING, 9},
    {"reserve", PACL_ERR_PORTS_MISSING, 8},
    {"reserve  ", PACL_ERR_PORTS_MISSING, 10},
    {"reserve # 80", PACL_ERR_PORTS_MISSING, 9},
    // ports
    {"reserve user 5 80", PACL_ERR_PORT, 9},
    {"reserve any 80", PACL_ERR_PORT, 9},
    {"reserve each 5-9 80+1", PACL_ERR_PORT, 9},
    {"reserve on ::1", PACL_ERR_PORT, 9},
    {"reserve 80x", PACL_ERR_PORT, 11},
    {"reserve 80+1", PACL_ERR_PORT, 11},
    {"reserve 0", PACL_ERR_PORT_RANGE, 9},
    {"reserve 65536", PACL_ERR_PORT_RANGE, 9},
    {"reserve 90-80", PACL_ERR_PORT_ORDER, 9},
    {"reserve 80/icmp", PACL_ERR_PROTO, 12},
    {"deny any 65536", PACL_ERR_PORT_RANGE, 10},
    {"deny any 80/any", PACL_ERR_PROTO, 13},
    {"allow any on 10.0.0.0/8", PACL_ERR_PORT, 11},
    {"allow any until 5", PACL_ERR_PORT, 11},
    {"allow any http", PACL_ERR_PORT, 11},
    {"allow any -80", PACL_ERR_PORT, 11},
    {"allow any +80", PACL_ERR_PORT, 11},
    {"allow any ,80", PACL_ERR_PORT, 11},
    {"allow any ,", PACL_ERR_PORT, 11},
    {"allow any /", PACL_ERR_PORT, 11},
    {"allow any /tcp", PACL_ERR_PORT, 11},
    {"allow any -", PACL_ERR_PORT, 11},
    {"allow any :", PACL_ERR_PORT, 11},
    {"allow any *", PACL_ERR_PORT, 11},
    {"allow any 80,,90", PACL_ERR_PORT, 14},
    {"allow any 80,", PACL_ERR_PORT, 14},
    {"allow any 80, 90", PACL_ERR_PORT, 14},
    {"allow any 80,/tcp", PACL_ERR_PORT, 14},
    {"allow any 80,#90", PACL_ERR_PORT, 14},
    {"allow any 80-", PACL_ERR_PORT, 14},
    {"allow any 80:", PACL_ERR_PORT, 14},
    {"allow any 80- 90", PACL_ERR_PORT, 14},
    {"allow any 80-,90", PACL_ERR_PORT, 14},
    {"allow any 80--90", PACL_ERR_PORT, 14},
    {"allow any 80-/tcp", PACL_ERR_PORT, 14},
    {"allow any 80,-90", PACL_ERR_PORT, 14},
    {"allow any 80-http", PACL_ERR_PORT, 14},
    {"allow any 80,http", PACL_ERR_PORT, 14},
    {"allow any 80,x", PACL_ERR_PORT, 14},
    {"allow any \xef\xbc\x98", PACL_ERR_PORT, 11},
    {"allow any \xef\xbb\xbf"
     "80",
     PACL_ERR_PORT, 11},
    {"allow any 80x", PACL_ERR_PORT, 13},
    {"allow any 0x50", PACL_ERR_PORT_RANGE, 11},
    {"allow any 80;90", PACL_ERR_PORT, 13},
    {"allow any 80.", PACL_ERR_PORT, 13},
    {"allow any 80\r", PACL_ERR_PORT, 13},
    {"allow any 80\v", PACL_ERR_PORT, 13},
    {"allow any 80\f90", PACL_ERR_PORT, 13},
    {"allow any 80\xc2\xa0", PACL_ERR_PORT, 13},
    {"allow any 80+1", PACL_ERR_PORT, 13},
    {"allow any 80-90x", PACL_ERR_PORT, 16},
    {"allow any 80-90-95", PACL_ERR_PORT, 16},
    {"allow any 80-90:95", PACL_ERR_PORT, 16},
    {"allow any 1,80x,3", PACL_ERR_PORT, 15},
    {"allow any 0", PACL_ERR_PORT_RANGE, 11},
    {"allow any 0-5", PACL_ERR_PORT_RANGE, 11},
    {"allow any 0/tcp", PACL_ERR_PORT_RANGE, 11},
    {"allow any 80,0", PACL_ERR_PORT_RANGE, 14},
    {"allow any 65536", PACL_ERR_PORT_RANGE, 11},
    {"allow any 65537", PACL_ERR_PORT_RANGE, 11},
    {"allow any 65616", PACL_ERR_PORT_RANGE, 11},
    {"allow any 80-65536", PACL_ERR_PORT_RANGE, 14},
    {"allow any 80-0", PACL_ERR_PORT_RANGE, 14},
    {"allow any 65536-65537", PACL_ERR_PORT_RANGE, 11},
    {"allow any 1,65536", PACL_ERR_PORT_RANGE, 13},
    {"allow any 99999999999", PACL_ERR_PORT_RANGE, 11},
    {"allow any 4294967376", PACL_ERR_PORT_RANGE, 11},
    {"allow any 18446744073709551696", PACL_ERR_PORT_RANGE, 11},
    {"allow any " + std::string(5000, '8'), PACL_ERR_PORT_RANGE, 11},
    {"allow any 90-80", PACL_ERR_PORT_ORDER, 11},
    {"allow any 2-1", PACL_ERR_PORT_ORDER, 11},
    {"allow any 65535-65534", PACL_ERR_PORT_ORDER, 11},
    {"allow any 1,90:80", PACL_ERR_PORT_ORDER, 13},
    {"allow any 00", PACL_ERR_LEADING_ZERO, 11},
    {"allow any 080", PACL_ERR_LEADING_ZERO, 11},
    {"allow any 80-090", PACL_ERR_LEADING_ZERO, 14},
    {"allow any 80,090", PACL_ERR_LEADING_ZERO, 14},
    {"allow any " + items(65), PACL_ERR_ITEMS, 11 + 5 * 2 + 45 * 3 + 14 * 4},
    {"allow any " + items(64) + ",", PACL_ERR_ITEMS,
     11 + 5 * 2 + 45 * 3 + 14 * 4},
    {"allow any " + repeat("80", 65, ","), PACL_ERR_ITEMS, 11 + 64 * 3},
    {"allow any " + repeat("80", 1000, ",") + "/tcp", PACL_ERR_ITEMS,
     11 + 64 * 3},
    // protocols
    {"allow any 80/", PACL_ERR_PROTO, 14},
    {"allow any 80/ tcp", PACL_ERR_PROTO, 14},
    {"allow any 80/#tcp", PACL_ERR_PROTO, 14},
    {"allow any 80//tcp", PACL_ERR_PROTO, 14},
    {"allow any 80/icmp", PACL_ERR_PROTO, 14},
    {"allow any 80/any", PACL_ERR_PROTO, 14},
    {"allow any 80/TCP", PACL_ERR_PROTO, 14},
    {"allow any 80/tc", PACL_ERR_PROTO, 14},
    {"allow any 80/t", PACL_ERR_PROTO, 14},
    {"allow any 80/tcp6", PACL_ERR_PROTO, 14},
    {"allow any 80/tcp,90", PACL_ERR_PROTO, 14},
    {"allow any 80/tcp/udp", PACL_ERR_PROTO, 14},
    {"allow any 80/6", PACL_ERR_PROTO, 14},
    {"allow any 80/tcp\r", PACL_ERR_PROTO, 14},
    {"allow any 80/dccp", PACL_ERR_PROTO, 14},
    {"allow any 80/sctpx", PACL_ERR_PROTO, 14},
    {"allow any 80-90/ud", PACL_ERR_PROTO, 17},
    // each: uids
    {"allow each", PACL_ERR_EACH_IDS, 11},
    {"allow each ", PACL_ERR_EACH_IDS, 12},
    {"allow each 5", PACL_ERR_EACH_IDS, 13},
    {"allow each 5 80+1", PACL_ERR_EACH_IDS, 13},
    {"allow each 5:9 80+1", PACL_ERR_EACH_IDS, 13},
    {"allow each 5-9-12 80+1", PACL_ERR_EACH_IDS, 15},
    {"allow each 5,9 80+1", PACL_ERR_EACH_IDS, 13},
    {"allow each web-9 80+1", PACL_ERR_ID, 12},
    {"allow each -9 80+1", PACL_ERR_ID, 12},
    {"allow each any 80+1", PACL_ERR_ID, 12},
    {"allow each 5- 80+1", PACL_ERR_ID, 14},
    {"allow each 5 - 9 80+1", PACL_ERR_EACH_IDS, 13},
    {"allow each 5-web 80+1", PACL_ERR_ID, 14},
    {"allow each 5-9x 80+1", PACL_ERR_EACH_IDS, 15},
    {"allow each 9-5 80+1", PACL_ERR_ID_ORDER, 12},
    {"allow each 4294967295-4294967295 80+1", PACL_ERR_ID_RANGE, 12},
    {"allow each 5-4294967295 80+1", PACL_ERR_ID_RANGE, 14},
    {"allow each 5-4294967301 80+1", PACL_ERR_ID_RANGE, 14},
    {"allow each 05-9 80+1", PACL_ERR_LEADING_ZERO, 12},
    {"allow each 5-09 80+1", PACL_ERR_LEADING_ZERO, 14},
    // each: ports
    {"allow each 5-9", PACL_ERR_PORTS_MISSING, 15},
    {"allow each 5-9 ", PACL_ERR_PORTS_MISSING, 16},
    {"allow each 5-9 80", PACL_ERR_EACH_PORTS, 18},
    {"allow each 5-9 80-90", PACL_ERR_EACH_PORTS, 18},
    {"allow each 5-9 80,90", PACL_ERR_EACH_PORTS, 18},
    {"allow each 5-9 80/tcp", PACL_ERR_EACH_PORTS, 18},
    {"allow each 5-9 http+1", PACL_ERR_PORT, 16},
    {"allow each 5-9 +1", PACL_ERR_PORT, 16},
    {"allow each 5-9 80 +1", PACL_ERR_EACH_PORTS, 18},
    {"allow each 5-9 0+1", PACL_ERR_PORT_RANGE, 16},
    {"allow each 5-9 65536+1", PACL_ERR_PORT_RANGE, 16},
    {"allow each 5-9 080+1", PACL_ERR_LEADING_ZERO, 16},
    {"allow each 5-9 80+", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-9 80+ 1", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-9 80+x", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-9 80+-1", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-9 80++1", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-9 80+/tcp", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-9 80+0", PACL_ERR_EACH_COUNT, 19},
    {"allow each 5-5 1+65536", PACL_ERR_EACH_COUNT, 18},
    {"allow each 5-5 1+4294967297", PACL_ERR_EACH_COUNT, 18},
    {"allow each 5-5 1+99999999999", PACL_ERR_EACH_COUNT, 18},
    {"allow each 5-9 80+01", PACL_ERR_LEADING_ZERO, 19},
    {"allow each 5-9 80+1x", PACL_ERR_EACH_COUNT, 20},
    {"allow each 5-9 80+1+1", PACL_ERR_EACH_COUNT, 20},
    {"allow each 5-9 80+1-2", PACL_ERR_EACH_COUNT, 20},
    {"allow each 5-9 80+1,90+1", PACL_ERR_EACH_COUNT, 20},
    {"allow each 5-9 80+1/", PACL_ERR_PROTO, 21},
    {"allow each 5-9 80+1/icmp", PACL_ERR_PROTO, 21},
    {"allow each 5-9 80+1/tcp/udp", PACL_ERR_PROTO, 21},
    // each: past the last port
    {"allow each 0-0 2+65535", PACL_ERR_EACH_SPAN, 16},
    {"allow each 0-65535 1+1", PACL_ERR_EACH_SPAN, 20},
    {"allow each 0-65534 2+1", PACL_ERR_EACH_SPAN, 20},
    {"allow each 0-1 65535+1", PACL_ERR_EACH_SPAN, 16},
    {"allow each 0-1 65534+2", PACL_ERR_EACH_SPAN, 16},
    {"allow each 0-4 2+13107", PACL_ERR_EACH_SPAN, 16},
    {"allow each 0-4294967294 1+1", PACL_ERR_EACH_SPAN, 25},
    {"allow each 0-4294967294 65535+65535", PACL_ERR_EACH_SPAN, 25},
    // products that are small again modulo 2^32
    {"allow each 0-131071 1+32768", PACL_ERR_EACH_SPAN, 21},
    {"allow each 1-65538 1+65534", PACL_ERR_EACH_SPAN, 20},
    {"allow each 1-2147483648 1+2", PACL_ERR_EACH_SPAN, 25},
    // behind the ports
    {"allow any 80 90", PACL_ERR_TERM, 14},
    {"allow any 80 - 90", PACL_ERR_TERM, 14},
    {"allow any 80 ,90", PACL_ERR_TERM, 14},
    {"allow any 80 /tcp", PACL_ERR_TERM, 14},
    {"allow any 80 tcp", PACL_ERR_TERM, 14},
    {"allow any 80/tcp udp", PACL_ERR_TERM, 18},
    {"allow any 80 \r", PACL_ERR_TERM, 14},
    {"allow any 80\t\tx # y", PACL_ERR_TERM, 15},
    {"allow any 5 80", PACL_ERR_TERM, 13},
    {"allow user 5 80 allow any 80", PACL_ERR_TERM, 17},
    {"allow any 80 On ::1", PACL_ERR_TERM, 14},
    {"allow any 80 on:: ::1", PACL_ERR_TERM, 14},
    {"allow any 80 o ::1", PACL_ERR_TERM, 14},
    {"allow any 80 unti 5", PACL_ERR_TERM, 14},
    {"allow any 80 until5", PACL_ERR_TERM, 14},
    {"allow any 80 ::1", PACL_ERR_TERM, 14},
    {"allow any 80 on ::1 x", PACL_ERR_TERM, 21},
    {"allow any 80 on ::1 ::2", PACL_ERR_TERM, 21},
    {"allow any 80 on 10.0.0.0 /8", PACL_ERR_TERM, 26},
    {"allow any 80 on 10.0.0.0/8 80", PACL_ERR_TERM, 28},
    {"allow any 80 until 5 6", PACL_ERR_TERM, 22},
    {"allow any 80 until 5 until", PACL_ERR_TERM_TWICE, 22},
    {"allow any 80 on ::1 until 5 x", PACL_ERR_TERM, 29},
    {"allow any 80 on ::1 on ::1", PACL_ERR_TERM_TWICE, 21},
    {"allow any 80 on ::/0 on ::/0", PACL_ERR_TERM_TWICE, 22},
    {"allow any 80 on ::1 on", PACL_ERR_TERM_TWICE, 21},
    {"allow any 80 on ::1 until 5 on ::1", PACL_ERR_TERM_TWICE, 29},
    {"deny any 80 until 5 on ::1 until 6", PACL_ERR_TERM_TWICE, 28},
    // where nothing may follow
    {"allow each 5-9 80+1 90", PACL_ERR_NO_TERMS, 21},
    {"allow each 5-9 80+1 on ::1", PACL_ERR_NO_TERMS, 21},
    {"allow each 5-9 80+1/tcp until 5", PACL_ERR_NO_TERMS, 25},
    {"reserve 80 on ::1", PACL_ERR_NO_TERMS, 12},
    {"reserve 80 until 5", PACL_ERR_NO_TERMS, 12},
    {"reserve 80/tcp  until", PACL_ERR_NO_TERMS, 17},
    {"reserve 80 90", PACL_ERR_NO_TERMS, 12},
    // addresses
    {"allow any 80 on", PACL_ERR_ADDRESS, 16},
    {"allow any 80 on  ", PACL_ERR_ADDRESS, 18},
    {"allow any 80 on # ::1", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on until 5", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on localhost", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0/24", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10..0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on .10.0.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.256", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.1000", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.4294967296", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.00", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 010.0.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.0x", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.0,::1", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on -10.0.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 0xa.0.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 10.0.0.0\r", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on /8", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on :", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on :::", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on :1", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1::2:", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1::2::3", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:::2", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:6:7", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:6:7:", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:6:7:8:", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:6:7:8:9", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:6:7:8::", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on ::1:2:3:4:5:6:7:8", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4::5:6:7:8", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 12345::", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 00001::", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on g::", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on ::g", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on [::1]", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on fe80::1%eth0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on ::10.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on ::10.0.0.0:1", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on ::ffff:10.0.0.256", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on ::ffff:010.0.0.0", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:6:7:1.2.3.4", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on 1:2:3:4:5:1.2.3.4", PACL_ERR_ADDRESS, 17},
    {"allow any 80 on " + std::string(5000, ':'), PACL_ERR_ADDRESS, 17},
    {"allow any 80 on " + std::string(5000, '1'), PACL_ERR_ADDRESS, 17},
    // lengths
    {"allow any 80 on 10.0.0.0/", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0/ 8", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0/#8", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0/x", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0/-8", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0/+8", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0//8", PACL_ERR_LENGTH, 26},
    {"allow any 80 on 10.0.0.0/8x", PACL_ERR_LENGTH, 27},
    {"allow any 80 on 10.0.0.0/8/8", PACL_ERR_LENGTH, 27},
    {"allow any 80 on 10.0.0.0/8,::1", PACL_ERR_LENGTH, 27},
    {"allow any 80 on 10.0.0.0/33", PACL_ERR_LENGTH_RANGE, 26},
    {"allow any 80 on 10.0.0.0/255.0.0.0", PACL_ERR_LENGTH_RANGE, 26},
    {"allow any 80 on 10.0.0.0/4294967304", PACL_ERR_LENGTH_RANGE, 26},
    {"allow any 80 on 10.0.0.0/18446744073709551624", PACL_ERR_LENGTH_RANGE,
     26},
    {"allow any 80 on 0.0.0.0/96", PACL_ERR_LENGTH_RANGE, 25},
    {"allow any 80 on ::/129", PACL_ERR_LENGTH_RANGE, 20},
    {"allow any 80 on ::/256", PACL_ERR_LENGTH_RANGE, 20},
    {"allow any 80 on ::ffff:0.0.0.0/129", PACL_ERR_LENGTH_RANGE, 32},
    {"allow any 80 on ::/" + std::string(5000, '9'), PACL_ERR_LENGTH_RANGE, 20},
    {"allow any 80 on 10.0.0.0/08", PACL_ERR_LEADING_ZERO, 26},
    {"allow any 80 on ::/00", PACL_ERR_LEADING_ZERO, 20},
    // bits behind the length
    {"allow any 80 on 10.0.0.1/31", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 10.0.0.1/8", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 10.0.0.0/6", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 0.0.0.1/0", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 128.0.0.0/0", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on ::1/127", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on ::1/0", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 8000::/0", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on ::8000:0:0:0/64", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 0:0:0:1::/63", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 2001:db8::/28", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on  ::ffff:10.0.0.0/8", PACL_ERR_HOST_BITS, 18},
    {"allow any 80 on ::ffff:0:0/95", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on ::ffff:0:0/0", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on ::ffff:10.0.0.1/104", PACL_ERR_HOST_BITS, 17},
    {"allow any 80 on 10.0.0.1/8 x", PACL_ERR_HOST_BITS, 17},
    // times
    {"allow any 80 until", PACL_ERR_TIME, 19},
    {"allow any 80 until  ", PACL_ERR_TIME, 21},
    {"allow any 80 until # 5", PACL_ERR_TIME, 20},
    {"allow any 80 until on ::1", PACL_ERR_TIME, 20},
    {"allow any 80 until tomorrow", PACL_ERR_TIME, 20},
    {"allow any 80 until -1", PACL_ERR_TIME, 20},
    {"allow any 80 until +1", PACL_ERR_TIME, 20},
    {"allow any 80 until @5", PACL_ERR_TIME, 20},
    {"allow any 80 until 5s", PACL_ERR_TIME, 21},
    {"allow any 80 until 5,6", PACL_ERR_TIME, 21},
    {"allow any 80 until 5.0", PACL_ERR_TIME, 21},
    {"allow any 80 until 1e9", PACL_ERR_TIME, 21},
    {"allow any 80 until 5\r", PACL_ERR_TIME, 21},
    {"allow any 80 until 2030-01-01", PACL_ERR_TIME, 24},
    {"allow any 80 until 0", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until 253402300800", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until 253402300801", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until 1000000000000", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until 18446744073709551615", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until 18446744073709551616", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until 18446744073709551617", PACL_ERR_TIME_RANGE, 20},
    {"allow any 80 until " + std::string(5000, '1'), PACL_ERR_TIME_RANGE, 20},
    {"deny any 80 on ::1 until 0", PACL_ERR_TIME_RANGE, 26},
    {"allow any 80 until 00", PACL_ERR_LEADING_ZERO, 20},
    {"allow any 80 until 05", PACL_ERR_LEADING_ZERO, 20},
    // NUL anywhere, before everything else
    {"\0"s, PACL_ERR_NUL, 1},
    {"\0allow any 80"s, PACL_ERR_NUL, 1},
    {"allow any 80\0"s, PACL_ERR_NUL, 13},
    {"allow any 80\0,90"s, PACL_ERR_NUL, 13},
    {"allow any 8\0000"s, PACL_ERR_NUL, 12},
    {"allow any 80 #\0"s, PACL_ERR_NUL, 15},
    {"# comment\0"s, PACL_ERR_NUL, 10},
    {"  \0"s, PACL_ERR_NUL, 3},
};

TEST(CoreParse, ReadsRules) {
  for (const Reading &want : readings) {
    SCOPED_TRACE(printable(want.line));
    pacl_error err = {};
    ReferenceLine got = parse(want.line, &err);
    ASSERT_EQ(got.result, 1)
        << pacl_error_text(err.code) << " at column " << err.column;
    EXPECT_EQ(reference_format(got.rule), want.canonical);
    ReferenceLine reference = reference_parse(want.line);
    ASSERT_EQ(reference.result, 1);
    EXPECT_TRUE(reference_same(got.rule, reference.rule));
  }
}

TEST(CoreParse, FillsEveryMember) {
  pacl_error err = {};
  pacl_rule rule = parse("allow group 25 465,587,25-26/tcp", &err).rule;
  EXPECT_EQ(rule.action, PACL_ALLOW);
  EXPECT_EQ(rule.kind, PACL_GROUP);
  EXPECT_EQ(rule.proto, PACL_PROTO_TCP);
  EXPECT_EQ(rule.id, 25u);
  EXPECT_EQ(rule.last_id, 25u);
  EXPECT_EQ(rule.each, 0);
  ASSERT_EQ(rule.count, 3);
  EXPECT_EQ(rule.range[0].lo, 25);
  EXPECT_EQ(rule.range[0].hi, 26);
  EXPECT_EQ(rule.range[1].lo, 465);
  EXPECT_EQ(rule.range[1].hi, 465);
  EXPECT_EQ(rule.range[2].lo, 587);
  EXPECT_EQ(rule.range[2].hi, 587);

  rule = parse("allow any 80", &err).rule;
  EXPECT_EQ(rule.kind, PACL_ANY);
  EXPECT_EQ(rule.proto, PACL_PROTO_ANY);
  EXPECT_EQ(rule.id, 0u);
  EXPECT_EQ(rule.last_id, 0u);
  EXPECT_EQ(rule.each, 0);

  rule = parse("allow each 1000-1099 20000+10/udp", &err).rule;
  EXPECT_EQ(rule.action, PACL_ALLOW);
  EXPECT_EQ(rule.kind, PACL_EACH);
  EXPECT_EQ(rule.proto, PACL_PROTO_UDP);
  EXPECT_EQ(rule.id, 1000u);
  EXPECT_EQ(rule.last_id, 1099u);
  EXPECT_EQ(rule.each, 10);
  ASSERT_EQ(rule.count, 1);
  EXPECT_EQ(rule.range[0].lo, 20000);
  EXPECT_EQ(rule.range[0].hi, 20999);
  EXPECT_EQ(rule.on, 0);
  EXPECT_EQ(rule.prefix_len, 0);
  EXPECT_EQ(rule.prefix.hi | rule.prefix.lo, 0u);
  EXPECT_EQ(rule.until, 0u);

  rule = parse("reserve 80-90,443/tcp", &err).rule;
  EXPECT_EQ(rule.action, PACL_RESERVE);
  EXPECT_EQ(rule.kind, PACL_NOBODY);
  EXPECT_EQ(rule.proto, PACL_PROTO_TCP);
  EXPECT_EQ(rule.id, 0u);
  EXPECT_EQ(rule.last_id, 0u);
  EXPECT_EQ(rule.each, 0);
  EXPECT_EQ(rule.count, 2);
  EXPECT_EQ(rule.on, 0);
  EXPECT_EQ(rule.until, 0u);

  rule = parse("deny user 7 80 until 253402300799 on 2001:db8::/33", &err).rule;
  EXPECT_EQ(rule.action, PACL_DENY);
  EXPECT_EQ(rule.kind, PACL_USER);
  EXPECT_EQ(rule.id, 7u);
  EXPECT_EQ(rule.last_id, 7u);
  EXPECT_EQ(rule.on, 1);
  EXPECT_EQ(rule.prefix_len, 33);
  EXPECT_EQ(rule.prefix.hi, 0x20010db800000000u);
  EXPECT_EQ(rule.prefix.lo, 0u);
  EXPECT_EQ(rule.until, PACL_MAX_TIME);

  rule = parse("deny any 80 on 10.1.0.0/16", &err).rule;
  EXPECT_EQ(rule.on, 1);
  EXPECT_EQ(rule.prefix_len, 112);
  EXPECT_EQ(rule.prefix.hi, 0u);
  EXPECT_EQ(rule.prefix.lo, 0xffff0a010000u);
  EXPECT_EQ(rule.until, 0u);

  rule = parse("deny any 80 on ::/0", &err).rule;
  EXPECT_EQ(rule.on, 1);
  EXPECT_EQ(rule.prefix_len, 0);

  rule = parse("deny any 80 on 0.0.0.0/0", &err).rule;
  EXPECT_EQ(rule.on, 1);
  EXPECT_EQ(rule.prefix_len, 96);
  EXPECT_EQ(rule.prefix.lo, 0xffff00000000u);
}

// Every length of both families: the address with that many bits set is read
// and written, one bit behind them is refused.
TEST(CoreParse, EveryPrefixLength) {
  for (unsigned length = 0; length <= 128; length++) {
    pacl_rule want = parse_reference("allow any 80");
    reference_set_prefix(want, {~u64{0}, ~u64{0}}, length);
    std::string text = reference_format(want);
    SCOPED_TRACE(text);
    pacl_error err = {};
    ReferenceLine got = parse(text, &err);
    ASSERT_EQ(got.result, 1) << pacl_error_text(err.code);
    EXPECT_TRUE(reference_same(got.rule, want));
    if (length == 128)
      continue;
    text = "allow any 80 on ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/" +
           std::to_string(length);
    EXPECT_EQ(parse(text, &err).result, -EINVAL);
    EXPECT_EQ(err.code, PACL_ERR_HOST_BITS);
  }
  for (unsigned length = 0; length <= 32; length++) {
    pacl_rule want = parse_reference("allow any 80");
    reference_set_prefix(want, PACL_ADDR_IPV4(0xffffffff), 96 + length);
    std::string text = reference_format(want);
    SCOPED_TRACE(text);
    pacl_error err = {};
    ReferenceLine got = parse(text, &err);
    ASSERT_EQ(got.result, 1) << pacl_error_text(err.code);
    EXPECT_TRUE(reference_same(got.rule, want));
    if (length == 32)
      continue;
    text = "allow any 80 on 255.255.255.255/" + std::to_string(length);
    EXPECT_EQ(parse(text, &err).result, -EINVAL);
    EXPECT_EQ(err.code, PACL_ERR_HOST_BITS);
  }
}

// Whatever inet_pton() takes is taken, and nothing else.
TEST(CoreParse, AddressesAsInetPton) {
  static constexpr std::string_view letters = "0123456789abcdefABF:::::....g";
  std::mt19937_64 random(7);
  auto below = [&](size_t limit) { return random() % limit; };
  const std::vector<std::string> known = {"1:2:3:4:5:6:7:8",
                                          "::",
                                          "::1",
                                          "1::",
                                          "2001:db8::1:0:0:1",
                                          "::ffff:10.1.2.3",
                                          "1:2:3:4:5:6:1.2.3.4",
                                          "10.1.2.3",
                                          "255.255.255.255"};
  unsigned accepted = 0;
  for (unsigned round = 0; round < 100000; round++) {
    std::string text = known[below(known.size())];
    for (size_t changes = below(4); changes && !text.empty(); changes--) {
      size_t at = below(text.size());
      switch (below(3)) {
      case 0:
        text.erase(at, 1);
        break;
      case 1:
        text.insert(at, 1, letters[below(letters.size())]);
        break;
      default:
        text[at] = letters[below(letters.size())];
      }
    }
    if (text.empty())
      continue;
    pacl_addr addr = {};
    bool right = reference_parse_address(text, addr);
    pacl_error err = {};
    ReferenceLine got = parse("allow any 80 on " + text, &err);
    ASSERT_EQ(got.result == 1, right) << text;
    accepted += right;
    if (right) {
      ASSERT_EQ(got.rule.prefix.hi, addr.hi) << text;
      ASSERT_EQ(got.rule.prefix.lo, addr.lo) << text;
      ASSERT_EQ(got.rule.prefix_len, 128) << text;
    } else {
      ASSERT_EQ(err.code, PACL_ERR_ADDRESS) << text;
      ASSERT_EQ(err.column, 17u) << text;
    }
  }
  EXPECT_GT(accepted, 20000u);
  EXPECT_LT(accepted, 80000u);
}

TEST(CoreParse, RefusesWithColumnAndCode) {
  for (const Refusal &want : refusals) {
    SCOPED_TRACE(printable(want.line));
    pacl_error err = {4711, 0, PACL_OK};
    ReferenceLine got = parse(want.line, &err);
    EXPECT_EQ(got.result, -EINVAL);
    EXPECT_EQ(err.code, want.code) << pacl_error_text(err.code);
    EXPECT_EQ(err.column, want.column);
    EXPECT_EQ(err.line, 4711u) << "the line is the caller's";
    EXPECT_EQ(reference_parse(want.line).result, -EINVAL);
  }
}

TEST(CoreParse, LeadingBlanksMoveTheColumn) {
  for (const Refusal &want : refusals) {
    SCOPED_TRACE(printable(want.line));
    pacl_error err = {};
    EXPECT_EQ(parse(" \t " + want.line, &err).result, -EINVAL);
    EXPECT_EQ(err.code, want.code) << pacl_error_text(err.code);
    EXPECT_EQ(err.column, want.column + 3);
  }
}

TEST(CoreParse, EveryCodeOfALineIsCovered) {
  std::set<unsigned> seen;
  for (const Refusal &want : refusals)
    seen.insert(want.code);
  for (unsigned code = PACL_ERR_NUL; code <= PACL_ERR_TIME_RANGE; code++) {
    bool whole_text = code == PACL_ERR_NO_NEWLINE || code == PACL_ERR_NO_RULE ||
                      code == PACL_ERR_TOO_LONG;
    EXPECT_NE(seen.contains(code), whole_text) << pacl_error_text(code);
  }
}

TEST(CoreParse, BlankLinesAndComments) {
  for (std::string_view line :
       {"", " ", "\t", " \t \t", "#", "# comment", "  # comment",
        "\t#allow any 80", "##", "# \xef\xbb\xbf \xff\xfe \r\v"}) {
    SCOPED_TRACE(printable(line));
    pacl_error err = {};
    EXPECT_EQ(parse(line, &err).result, 0);
  }
}

TEST(CoreParse, NulAtEveryByte) {
  for (std::string_view whole :
       {"allow user 1000 80,443-445/tcp # web", " # comment",
        "deny any 80 on 10.0.0.0/8 until 5", "reserve 80 # x",
        "allow each 20000-20999 30000+10/udp", "allow any 1-65535"}) {
    for (size_t at = 0; at <= whole.size(); at++) {
      std::string line(whole);
      line.insert(at, 1, '\0');
      SCOPED_TRACE(printable(line));
      pacl_error err = {};
      EXPECT_EQ(parse(line, &err).result, -EINVAL);
      EXPECT_EQ(err.code, PACL_ERR_NUL) << pacl_error_text(err.code);
      EXPECT_EQ(err.column, at + 1);
    }
  }
}

// The first NUL counts.
TEST(CoreParse, FirstOfManyNuls) {
  pacl_error err = {};
  EXPECT_EQ(parse("allow \0\0 80\0"s, &err).result, -EINVAL);
  EXPECT_EQ(err.code, PACL_ERR_NUL);
  EXPECT_EQ(err.column, 7u);
}

void expect_as_reference(const std::string &line) {
  pacl_error err = {0, 0, PACL_OK};
  ReferenceLine got = parse(line, &err);
  ReferenceLine want = reference_parse(line);
  ASSERT_EQ(got.result, want.result)
      << printable(line) << ": " << pacl_error_text(err.code);
  if (got.result == 1) {
    ASSERT_TRUE(reference_same(got.rule, want.rule))
        << printable(line) << ": read as " << reference_format(got.rule);
  }
  if (got.result < 0) {
    ASSERT_NE(err.code, PACL_OK) << printable(line);
    ASSERT_LT(err.code, PACL_ERR_CODES) << printable(line);
    ASSERT_GE(err.column, 1u) << printable(line);
    ASSERT_LE(err.column, line.size() + 1) << printable(line);
  }
}

// Every byte value, instead of each byte and before each byte.
TEST(CoreParse, EveryByteEverywhere) {
  for (std::string_view whole :
       {"allow user 1000 80,443-445/tcp # c", "allow 7 1:2", "allow any 9/udp",
        "allow group 25 10-19,30/sctp", "allow each 20-39 300+10/udp",
        "deny 7 5 until 2000 on 10.1.2.2/31", "reserve 80-90,7/tcp",
        "allow any 5 on 2001:db8::a:0:0:c/127 until 9",
        "deny any 5 on ::ffff:10.0.0.0/104"}) {
    for (size_t at = 0; at <= whole.size(); at++) {
      for (unsigned byte = 0; byte < 256; byte++) {
        std::string line(whole);
        line.insert(at, 1, static_cast<char>(byte));
        expect_as_reference(line);
        if (at < whole.size())
          line.erase(at + 1, 1);
        expect_as_reference(line);
        if (HasFatalFailure())
          return;
      }
    }
  }
}

// Lines stirred at random: pieces taken out, doubled, exchanged.
TEST(CoreParse, StirredLines) {
  static const std::vector<std::string> pieces = {
      "allow",      "allow ",     "user",    "user ",
      "group",      "group ",     "any",     "any ",
      "each ",      "each",       " ",       "\t",
      "#",          "/",          "/tcp",    "/udp",
      "/sctp",      ",",          "-",       ":",
      "+",          "0",          "1",       "80",
      "443",        "65535",      "65536",   "1000",
      "00",         "9",          "\r",      "x",
      "4294967294", "4294967295", "deny ",   "deny",
      "reserve ",   "reserve",    " on ",    " until ",
      "on",         "until",      " on ::1", " on 10.0.0.0/8",
      " until 5",   "::",         ".",       "/32",
      "/128",       "/8",         "ffff:"};
  std::mt19937_64 random(20);
  auto below = [&](size_t limit) { return random() % limit; };
  unsigned accepted = 0;
  for (unsigned round = 0; round < 60000; round++) {
    std::string line = readings[below(readings.size())].line;
    if (line.size() > 200)
      line = "allow any 80";
    for (size_t changes = below(4); changes; changes--) {
      size_t at = below(line.size() + 1);
      size_t length = below(6);
      if (below(2))
        line.erase(at, length);
      else
        line.insert(at, pieces[below(pieces.size())]);
    }
    expect_as_reference(line);
    if (HasFatalFailure())
      return;
    accepted += reference_parse(line).result == 1;
  }
  // Both sides of the border were visited.
  EXPECT_GT(accepted, 10000u);
  EXPECT_LT(accepted, 50000u);
}

// Texts of many lines ------------------------------------------------------

struct Text {
  std::vector<std::string> rules;
  std::vector<u32> lines; // where each stood
  int result;             // the last one
  pacl_error err = {0, 0, PACL_OK};
};

Text read(std::string_view text) {
  std::vector<char> exact(text.begin(), text.end());
  pacl_reader reader = {exact.data(), exact.size(), 0, 0};
  Text answer;
  pacl_rule rule;
  while ((answer.result = pacl_read_rule(&reader, &rule, &answer.err)) == 1) {
    answer.rules.push_back(reference_format(rule));
    answer.lines.push_back(reader.line);
  }
  return answer;
}

using Strings = std::vector<std::string>;
using Lines = std::vector<u32>;

TEST(CoreReader, EmptyText) {
  pacl_reader reader = {nullptr, 0, 0, 0};
  pacl_rule rule;
  pacl_error err = {};
  EXPECT_EQ(pacl_read_rule(&reader, &rule, &err), 0);
  EXPECT_EQ(read("").result, 0);
}

TEST(CoreReader, NoRuleAtAll) {
  for (std::string_view text : {"\n", "\n\n", "# comment\n", " \n\t\n#\n"}) {
    Text got = read(text);
    EXPECT_EQ(got.result, 0) << printable(text);
    EXPECT_EQ(got.rules, Strings()) << printable(text);
  }
}

TEST(CoreReader, ManyLines) {
  Text got = read("# head\n"
                  "\n"
                  "allow user 1000 443 # web\n"
                  "  \t\n"
                  "allow any 80\n"
                  "# between\n"
                  "allow each 1-2 80+1\n"
                  "\n");
  EXPECT_EQ(got.result, 0);
  EXPECT_EQ(got.rules, Strings({"allow user 1000 443", "allow any 80",
                                "allow each 1-2 80+1"}));
  EXPECT_EQ(got.lines, Lines({3, 5, 7}));
}

TEST(CoreReader, StaysAtTheEnd) {
  std::string text = "allow any 80\n";
  pacl_reader reader = {text.data(), text.size(), 0, 0};
  pacl_rule rule;
  pacl_error err = {};
  EXPECT_EQ(pacl_read_rule(&reader, &rule, &err), 1);
  EXPECT_EQ(reader.pos, text.size());
  EXPECT_EQ(pacl_read_rule(&reader, &rule, &err), 0);
  EXPECT_EQ(pacl_read_rule(&reader, &rule, &err), 0);
}

TEST(CoreReader, NamesTheLineOfAnError) {
  Text got = read("# head\nallow any 80\n\nallow any 80-\nallow any 90\n");
  EXPECT_EQ(got.result, -EINVAL);
  EXPECT_EQ(got.rules, Strings({"allow any 80"}));
  EXPECT_EQ(got.err.line, 4u);
  EXPECT_EQ(got.err.column, 14u);
  EXPECT_EQ(got.err.code, PACL_ERR_PORT);
}

TEST(CoreReader, EveryRefusalInAText) {
  for (const Refusal &want : refusals) {
    SCOPED_TRACE(printable(want.line));
    Text got = read("allow any 1\n#\n" + want.line + "\nallow any 2\n");
    EXPECT_EQ(got.result, -EINVAL);
    EXPECT_EQ(got.rules, Strings({"allow any 1"}));
    EXPECT_EQ(got.err.line, 3u);
    EXPECT_EQ(got.err.column, want.column);
    EXPECT_EQ(got.err.code, want.code);
  }
}

TEST(CoreReader, NulInTheSecondLine) {
  Text got = read("allow any 1\nallow any 2\0\nallow any 3\n"s);
  EXPECT_EQ(got.result, -EINVAL);
  EXPECT_EQ(got.err.line, 2u);
  EXPECT_EQ(got.err.column, 12u);
  EXPECT_EQ(got.err.code, PACL_ERR_NUL);
}

TEST(CoreReader, MissingLastNewline) {
  struct {
    std::string text;
    u32 line, column;
  } const table[] = {
      {"allow any 80", 1, 13},
      {"# comment", 1, 10},
      {" ", 1, 2},
      {"\n\nallow any 80", 3, 13},
      {"allow any 1\nallow any 80 # x", 2, 17},
      {"allow any 1\n ", 2, 2},
  };
  for (const auto &want : table) {
    SCOPED_TRACE(printable(want.text));
    Text got = read(want.text);
    EXPECT_EQ(got.result, -EINVAL);
    EXPECT_EQ(got.err.code, PACL_ERR_NO_NEWLINE)
        << pacl_error_text(got.err.code);
    EXPECT_EQ(got.err.line, want.line);
    EXPECT_EQ(got.err.column, want.column);
  }
}

// A text that was cut never holds a rule that the whole one does not.
TEST(CoreReader, CutAtEveryByte) {
  std::string whole;
  std::vector<size_t> ends; // of the lines
  Strings rules;
  for (const Reading &one : readings) {
    if (one.line.size() > 1000)
      continue;
    whole += one.line + '\n';
    ends.push_back(whole.size());
    rules.push_back(one.canonical);
    whole += "# and\n";
    ends.push_back(whole.size());
  }
  ASSERT_EQ(read(whole).rules, rules);
  size_t complete = 0; // rules of whole lines
  for (size_t cut = 0; cut <= whole.size(); cut++) {
    bool border = cut == 0 || whole[cut - 1] == '\n';
    complete = static_cast<size_t>(std::count_if(
        ends.begin(), ends.end(), [&](size_t end) { return end <= cut; }));
    // Reading from the beginning each time would take long: begin some lines
    // before the cut.
    size_t skip = complete > 6 ? (complete - 6) & ~size_t{1} : 0;
    size_t from = skip ? ends[skip - 1] : 0;
    Text got = read(std::string_view(whole).substr(from, cut - from));
    Strings expected(rules.begin() + static_cast<long>(skip / 2),
                     rules.begin() + static_cast<long>((complete + 1) / 2));
    ASSERT_EQ(got.rules, expected) << "cut at " << cut;
    ASSERT_EQ(got.result, border ? 0 : -EINVAL) << "cut at " << cut;
    if (!border) {
      ASSERT_EQ(got.err.code, PACL_ERR_NO_NEWLINE) << "cut at " << cut;
    }
  }
}

TEST(CoreReader, CarriageReturnsAreRefused) {
  Text got = read("allow any 80\r\nallow any 90\r\n");
  EXPECT_EQ(got.result, -EINVAL);
  EXPECT_EQ(got.rules, Strings());
  EXPECT_EQ(got.err.line, 1u);
}

TEST(CoreReader, ManyRules) {
  std::string text;
  for (unsigned port = 1; port <= 65535; port++)
    text += "allow any " + std::to_string(port) + '\n';
  Text got = read(text);
  EXPECT_EQ(got.result, 0);
  ASSERT_EQ(got.rules.size(), 65535u);
  EXPECT_EQ(got.rules.back(), "allow any 65535");
  EXPECT_EQ(got.lines.back(), 65535u);
}

// Words for errors ---------------------------------------------------------

TEST(CoreErrorText, EveryCodeHasItsOwn) {
  std::set<std::string> seen;
  for (unsigned code = PACL_OK; code < PACL_ERR_CODES; code++) {
    std::string text = pacl_error_text(code);
    EXPECT_NE(text, "") << code;
    EXPECT_TRUE(seen.insert(text).second) << code << ": " << text;
    if (text.empty())
      continue;
    EXPECT_NE(text.back(), '.') << text;
    EXPECT_EQ(text.find('\n'), text.npos) << text;
    // Capitals only for words that are written so, as NUL.
    EXPECT_FALSE(std::isupper(static_cast<unsigned char>(text[0])) &&
                 std::islower(static_cast<unsigned char>(text[1])))
        << text;
  }
}

TEST(CoreErrorText, NeverNull) {
  for (unsigned code : {unsigned{PACL_ERR_CODES}, 255u, 256u, 65536u, ~0u})
    EXPECT_NE(pacl_error_text(code), nullptr) << code;
}

} // namespace
