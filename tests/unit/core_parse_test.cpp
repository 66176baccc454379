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
    // words of the language to come
    {"deny any 80", PACL_ERR_ACTION, 1},
    {"reserve 80", PACL_ERR_ACTION, 1},
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
    // ids
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
    // ports
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
    // behind a whole rule
    {"allow any 80 90", PACL_ERR_TRAILING, 14},
    {"allow any 80 - 90", PACL_ERR_TRAILING, 14},
    {"allow any 80 ,90", PACL_ERR_TRAILING, 14},
    {"allow any 80 /tcp", PACL_ERR_TRAILING, 14},
    {"allow any 80 tcp", PACL_ERR_TRAILING, 14},
    {"allow any 80/tcp udp", PACL_ERR_TRAILING, 18},
    {"allow any 80 \r", PACL_ERR_TRAILING, 14},
    {"allow any 80\t\tx # y", PACL_ERR_TRAILING, 15},
    {"allow any 5 80", PACL_ERR_TRAILING, 13},
    {"allow user 5 80 allow any 80", PACL_ERR_TRAILING, 17},
    {"allow any 80 on 127.0.0.1", PACL_ERR_TRAILING, 14},
    {"allow any 80 until 2000000000", PACL_ERR_TRAILING, 14},
    {"allow each 5-9 80+1 90", PACL_ERR_TRAILING, 21},
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
  for (unsigned code = PACL_ERR_NUL; code <= PACL_ERR_TRAILING; code++) {
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
        "allow group 25 10-19,30/sctp", "allow each 20-39 300+10/udp"}) {
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
      "allow", "allow ", "user",  "user ", "group",      "group ",    "any",
      "any ",  "each ",  "each",  " ",     "\t",         "#",         "/",
      "/tcp",  "/udp",   "/sctp", ",",     "-",          ":",         "+",
      "0",     "1",      "80",    "443",   "65535",      "65536",     "1000",
      "00",    "9",      "\r",    "x",     "4294967294", "4294967295"};
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
