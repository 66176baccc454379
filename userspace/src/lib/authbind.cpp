// SPDX-License-Identifier: GPL-2.0-only

#include "lib/authbind.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "lib/config_dirs.h"
#include "lib/directory.h"
#include "lib/numbers.h"
#include "lib/text.h"

namespace portacl {

namespace {

// The library asks for lower ports only.
constexpr uint16_t last_asked = 1023;
// From here on names of files begin with an exclamation mark.
constexpr uint16_t first_marked = 512;
// What the helper reads at once, so that the rest of a longer line is another.
constexpr size_t longest_piece = 298;
// Of a file in byuid; authbind knows no limit.
constexpr size_t most_bytes = size_t{1} << 20;

bool authbind_blank(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

// Reads as sscanf(3) does, but for signs and for numbers that do not fit.
class AuthbindScanner final {
public:
  explicit AuthbindScanner(std::string_view rest) : rest_(rest) {}

  void blanks() {
    while (!rest_.empty() && authbind_blank(rest_.front()))
      rest_.remove_prefix(1);
  }
  bool literal(char ch) {
    if (rest_.empty() || rest_.front() != ch)
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(uint32_t &value) {
    blanks();
    const auto end = std::ranges::find_if(
        rest_, [](char ch) { return ch < '0' || ch > '9'; });
    const auto size = static_cast<size_t>(end - rest_.begin());
    const auto found = number_of<uint32_t>(rest_.substr(0, size));
    rest_.remove_prefix(size);
    value = found.value_or(0);
    return found.has_value();
  }
  bool end() {
    blanks();
    return rest_.empty();
  }

private:
  std::string_view rest_;
};

Error never_matches(std::string message) {
  return {.code = Code::policy, .message = std::move(message)};
}

Error unreadable_line() {
  return never_matches("cannot be read, so that it never matches");
}

// "a.b.c.d/len:pmin,pmax", the numbers as they are.
struct OldForm {
  std::array<uint32_t, 4> octets{};
  uint32_t length = 0;
  uint32_t first_port = 0;
  uint32_t last_port = 0;
};

bool scan_old_form(std::string_view text, OldForm &form) {
  AuthbindScanner scanner(text);
  for (size_t i = 0; i < form.octets.size(); i++) {
    if ((i > 0 && !scanner.literal('.')) || !scanner.number(form.octets.at(i)))
      return false;
  }
  return scanner.literal('/') && scanner.number(form.length) &&
         scanner.literal(':') && scanner.number(form.first_port) &&
         scanner.literal(',') && scanner.number(form.last_port) &&
         scanner.end();
}

Result<AddressRange> prefix_range(const ParsedAddress &address,
                                  uint32_t length) {
  const uint32_t bits = address.ipv6 ? 128 : 32;
  if (length > bits)
    return never_matches(
        fmt::format("never matches: a prefix has {} bits at most", bits));
  const AddressPrefix prefix = {address.address,
                                static_cast<uint8_t>(128 - bits + length)};
  if (!pacl_addr_equal(pacl_addr_cut(prefix.address, prefix.length),
                       prefix.address))
    return never_matches(
        "never matches: the address has bits set behind the length of "
        "the prefix");
  return range_of(prefix);
}

Result<AuthbindRange> old_range(const OldForm &form) {
  uint32_t address = 0;
  for (const uint32_t octet : form.octets) {
    if (octet > UINT8_MAX)
      return never_matches("never matches: not an address");
    address = address << 8 | octet;
  }
  if (form.first_port > UINT16_MAX || form.last_port > UINT16_MAX)
    return never_matches("never matches: ports end at 65535");
  const auto range =
      prefix_range({.address = PACL_ADDR_IPV4(address)}, form.length);
  if (!range)
    return range.error();
  return AuthbindRange{.addresses = *range,
                       .first_port = form.first_port,
                       .last_port = form.last_port};
}

Result<AddressRange> slash_range(const std::string &text, size_t slash,
                                 bool &ipv6) {
  const auto address = parse_address(text.substr(0, slash));
  AuthbindScanner scanner(std::string_view(text).substr(slash + 1));
  uint32_t length = 0;
  if (!address || !scanner.number(length) || !scanner.end())
    return unreadable_line();
  ipv6 = address->ipv6;
  return prefix_range(*address, length);
}

// "addr/len", "min-max" or "addr".
Result<AddressRange> address_range(const std::string &text, bool &ipv6) {
  const size_t slash = text.find('/');
  const size_t hyphen = text.find('-');
  if (slash != std::string::npos && hyphen != std::string::npos)
    return unreadable_line();
  if (slash != std::string::npos)
    return slash_range(text, slash, ipv6);
  const auto first = parse_address(text.substr(0, hyphen));
  const auto last = hyphen == std::string::npos
                        ? first
                        : parse_address(text.substr(hyphen + 1));
  if (!first || !last)
    return unreadable_line();
  if (first->ipv6 != last->ipv6)
    return never_matches("never matches: addresses of two families");
  if (address_less(last->address, first->address))
    return never_matches("never matches: the last address is below the first");
  ipv6 = first->ipv6;
  return AddressRange{first->address, last->address};
}

bool scan_ports(std::string_view text, AuthbindRange &range) {
  AuthbindScanner both(text);
  if (both.number(range.first_port) && both.literal('-') &&
      both.number(range.last_port) && both.end())
    return true;
  AuthbindScanner one(text);
  const bool fine = one.number(range.first_port) && one.end();
  range.last_port = range.first_port;
  return fine;
}

Result<AuthbindRange> new_range(std::string_view text) {
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos)
    return unreadable_line();
  AuthbindRange range;
  const auto addresses =
      address_range(std::string(text.substr(0, comma)), range.ipv6);
  if (!addresses)
    return addresses.error();
  range.addresses = *addresses;
  if (!scan_ports(text.substr(comma + 1), range))
    return unreadable_line();
  return range;
}

// What a name in one of the directories says.
struct LeafName {
  bool marked = false;
  std::string rest;
};

LeafName leaf_name(const std::string &name) {
  const bool marked = name.starts_with('!');
  return {marked, name.substr(marked ? 1 : 0)};
}

// Plain decimal, as the helper prints it.
template <class Number>
std::optional<Number> plain_number(std::string_view text) {
  if (text.size() > 1 && text.front() == '0')
    return std::nullopt;
  return all_digits(text) ? number_of<Number>(text) : std::nullopt;
}

// How the helper spells an address; the later the less it counts.
std::vector<std::string> spellings(const ParsedAddress &address,
                                   uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (!address.ipv6) {
    const in_addr four = {htonl(static_cast<uint32_t>(address.address.lo))};
    inet_ntop(AF_INET, &four, buffer.data(), buffer.size());
    return {fmt::format("{}:{}", buffer.data(), port),
            fmt::format("{},{}", buffer.data(), port)};
  }
  in6_addr six{};
  std::string full;
  for (unsigned i = 0; i < 16; i++) {
    const uint64_t half = i < 8 ? address.address.hi : address.address.lo;
    six.s6_addr[i] = static_cast<uint8_t>(half >> (56 - 8 * (i % 8)));
    if (i % 2 == 1)
      full += fmt::format("{}{:x}", full.empty() ? "" : ":",
                          six.s6_addr[i - 1] << 8 | six.s6_addr[i]);
  }
  inet_ntop(AF_INET6, &six, buffer.data(), buffer.size());
  return {fmt::format("{},{}", buffer.data(), port),
          fmt::format("{},{}", full, port)};
}

class AuthbindReader final {
public:
  explicit AuthbindReader(const std::string &root) : root_(root) {}

  Result<Authbind> read();

private:
  using Leaf = Result<void> (AuthbindReader::*)(const std::string &directory,
                                                const std::string &name);

  void warn(const std::string &path, std::string message, uint32_t line = 0);
  Result<std::optional<AuthbindDoor>> door(const std::string &path);
  Result<void> each_name(const std::string &directory, Leaf leaf);
  Result<std::optional<ExecuteRights>> rights(const std::string &path);
  bool check_port(const std::string &path, const LeafName &name,
                  std::optional<uint16_t> port);
  Result<void> byport(const std::string &directory, const std::string &name);
  Result<void> byaddr(const std::string &directory, const std::string &name);
  Result<void> byuid(const std::string &directory, const std::string &name);
  void drop_dead();
  void read_lines(const std::string &path, const std::string &text,
                  uint32_t uid, bool marked);
  void read_piece(std::string_view piece, AuthbindLine line, bool marked);

  const std::string &root_;
  Authbind found_;
  // What byaddr holds, by the place of its spelling.
  std::map<AuthbindAddress, std::map<size_t, AuthbindFile>> spelt_;
};

void AuthbindReader::warn(const std::string &path, std::string message,
                          uint32_t line) {
  found_.warnings.push_back({.code = Code::policy,
                             .message = std::move(message),
                             .file = printable(path),
                             .line = line});
}

Result<std::optional<ExecuteRights>>
AuthbindReader::rights(const std::string &path) {
  const UniqueFd fd = open_in_root(root_, root_ + path, open_to_look);
  if (fd) {
    auto found = execute_rights(fd, root_ + path);
    if (!found)
      return found.error();
    return std::optional(std::move(*found));
  }
  if (errno == ENOENT)
    return std::optional<ExecuteRights>();
  if (errno != ELOOP && errno != ENOTDIR)
    return system_error(errno, "cannot read " + printable(root_ + path));
  // The helper gets no further, either, and refuses.
  return std::optional(ExecuteRights{.users = {}, .groups = {}});
}

Result<std::optional<AuthbindDoor>>
AuthbindReader::door(const std::string &path) {
  auto found = rights(path);
  if (!found)
    return found.error();
  if (!*found)
    return std::optional<AuthbindDoor>();
  struct stat info {};
  const UniqueFd fd = open_in_root(root_, root_ + path, open_to_look);
  if (!fd || fstat(fd.get(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    warn(path, "not a directory: authbind refuses everybody");
    return std::optional(AuthbindDoor{path, {.users = {}, .groups = {}}});
  }
  return std::optional(AuthbindDoor{path, std::move(**found)});
}

// In the order of the names, so that the outcome is always the same.
Result<void> AuthbindReader::each_name(const std::string &directory,
                                       Leaf leaf) {
  UniqueFd fd = open_in_root(root_, root_ + directory);
  if (!fd && (errno == ENOENT || errno == ELOOP))
    return {};
  const Directory stream(fd ? fdopendir(fd.get()) : nullptr);
  // What is no directory was said before.
  if (stream == nullptr && errno == ENOTDIR)
    return {};
  if (stream == nullptr)
    return system_error(errno, "cannot read " + root_ + directory);
  fd.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent *item = readdir(stream.get())) {
    names.emplace_back(item->d_name);
    errno = 0;
  }
  if (errno != 0)
    return system_error(errno, "cannot read " + root_ + directory);
  std::ranges::sort(names);
  for (const std::string &name : names) {
    if (name == "." || name == "..")
      continue;
    if (auto done = (this->*leaf)(directory, name); !done)
      return done;
  }
  return {};
}

// Whether a file is ever asked.
bool AuthbindReader::check_port(const std::string &path, const LeafName &name,
                                std::optional<uint16_t> port) {
  if (!port || *port == 0) {
    warn(path, "not a name that authbind looks for, so that it has no effect");
    return false;
  }
  if (*port > last_asked) {
    warn(path, "has no effect: everybody may bind ports from 1024 on");
    return false;
  }
  if (name.marked == (*port >= first_marked))
    return true;
  warn(path, fmt::format("has no effect: for port {} its name {} begin with "
                         "'!'",
                         *port, name.marked ? "must not" : "must"));
  return false;
}

Result<void> AuthbindReader::byport(const std::string &directory,
                                    const std::string &name) {
  const std::string path = fmt::format("{}/{}", directory, name);
  const LeafName leaf = leaf_name(name);
  const auto port = plain_number<uint16_t>(leaf.rest);
  if (!check_port(path, leaf, port))
    return {};
  const auto found = rights(path);
  if (!found)
    return found.error();
  if (*found)
    found_.byport[*port] = {path, *port, **found};
  else
    warn(path, "a symbolic link that leads nowhere, which authbind takes for "
               "no file");
  return {};
}

Result<void> AuthbindReader::byaddr(const std::string &directory,
                                    const std::string &name) {
  const std::string path = fmt::format("{}/{}", directory, name);
  const LeafName leaf = leaf_name(name);
  size_t mark = leaf.rest.find(',');
  if (mark == std::string::npos)
    mark = leaf.rest.rfind(':');
  std::optional<uint16_t> port;
  std::optional<ParsedAddress> address;
  if (mark != std::string::npos) {
    port = plain_number<uint16_t>(std::string_view(leaf.rest).substr(mark + 1));
    address = parse_address(leaf.rest.substr(0, mark));
  }
  if (!check_port(path, leaf, address ? port : std::nullopt))
    return {};
  const auto spelt = spellings(*address, *port);
  const auto which = std::ranges::find(spelt, leaf.rest);
  if (which == spelt.end()) {
    warn(path, fmt::format("has no effect: authbind looks for {}{}",
                           leaf.marked ? "!" : "", spelt.front()));
    return {};
  }
  const auto found = rights(path);
  if (!found)
    return found.error();
  if (*found)
    spelt_[{*port, address->ipv6, address->address}]
          [static_cast<size_t>(which - spelt.begin())] = {path, *port, **found};
  else
    warn(path, "a symbolic link that leads nowhere, which authbind takes for "
               "no file");
  return {};
}

// Each file hides those behind it, whether it grants or refuses.
void AuthbindReader::drop_dead() {
  for (const auto &[address, files] : spelt_) {
    const auto port = found_.byport.find(address.port);
    const AuthbindFile &first = files.begin()->second;
    const bool hidden = port != found_.byport.end();
    for (const auto &[place, file] : files) {
      if (hidden || place != files.begin()->first)
        warn(file.path,
             fmt::format("has no effect: {} decides before it",
                         printable(hidden ? port->second.path : first.path)));
    }
    if (!hidden)
      found_.byaddr[address] = first;
  }
}

Result<void> AuthbindReader::byuid(const std::string &directory,
                                   const std::string &name) {
  const std::string path = fmt::format("{}/{}", directory, name);
  const LeafName leaf = leaf_name(name);
  const auto uid = plain_number<uint32_t>(leaf.rest);
  if (!uid || *uid == UINT32_MAX) {
    warn(path, "not a name that authbind looks for, so that it has no effect");
    return {};
  }
  const UniqueFd fd = open_in_root(root_, root_ + path);
  if (!fd && errno == ENOENT) {
    warn(path, "a symbolic link that leads nowhere, which authbind takes for "
               "no file");
    return {};
  }
  if (!fd && (errno == ELOOP || errno == ENOTDIR)) {
    warn(path, "a symbolic link that cannot be followed, so that it is not "
               "read");
    return {};
  }
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0)
    return system_error(errno, "cannot read " + printable(root_ + path));
  if (!S_ISREG(info.st_mode)) {
    warn(path, "not a regular file, so that it is not read");
    return {};
  }
  if (*uid == 0) {
    warn(path, "has no effect: root does not ask authbind");
    return {};
  }
  const auto text = read_all(fd, printable(root_ + path), most_bytes);
  if (!text)
    return text.error();
  read_lines(path, *text, *uid, leaf.marked);
  return {};
}

void AuthbindReader::read_lines(const std::string &path,
                                const std::string &text, uint32_t uid,
                                bool marked) {
  AuthbindLine line = {.path = path, .uid = uid};
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    line.line++;
    for (std::string_view whole = rest.substr(0, end); !whole.empty();) {
      const std::string_view piece = whole.substr(0, longest_piece);
      read_piece(piece.substr(0, piece.find('\0')), line, marked);
      whole.remove_prefix(piece.size());
    }
    if (end > longest_piece)
      warn(path,
           fmt::format("longer than {} bytes, so that authbind takes it "
                       "for several lines",
                       longest_piece),
           line.line);
    rest.remove_prefix(end);
  }
}

void AuthbindReader::read_piece(std::string_view piece, AuthbindLine line,
                                bool marked) {
  // Nothing that can match begins so, and people mean a comment.
  if (std::ranges::all_of(piece, authbind_blank) || piece.front() == '#')
    return;
  const auto range = parse_authbind_line(piece);
  if (!range) {
    warn(line.path, range.error().message, line.line);
    return;
  }
  const uint32_t lowest = marked ? first_marked : 1;
  const uint32_t highest = marked ? last_asked : first_marked - 1;
  const uint32_t first = std::max(range->first_port, lowest);
  const uint32_t last = std::min(range->last_port, highest);
  if (first > last) {
    warn(line.path,
         range->first_port > range->last_port
             ? "never matches: the last port is below the first"
             : fmt::format("never matches: this file is asked for ports {}-{}",
                           lowest, highest),
         line.line);
    return;
  }
  line.ipv6 = range->ipv6;
  line.addresses = range->addresses;
  line.ports = {static_cast<uint16_t>(first), static_cast<uint16_t>(last)};
  line.clipped = std::max(range->first_port, uint32_t{1}) < first ||
                 std::min(range->last_port, uint32_t{last_asked}) > last;
  found_.lines.push_back(std::move(line));
}

Result<Authbind> AuthbindReader::read() {
  const std::string top = authbind_directory;
  auto first = door(top);
  if (!first)
    return first.error();
  if (!*first)
    return std::move(found_);
  found_.present = true;
  found_.top = std::move(**first);
  auto byport_door = door(top + "/byport");
  if (!byport_door)
    return byport_door.error();
  auto byaddr_door = door(top + "/byaddr");
  if (!byaddr_door)
    return byaddr_door.error();
  found_.byport_door = std::move(*byport_door);
  found_.byaddr_door = std::move(*byaddr_door);
  for (const auto &[name, leaf] :
       {std::pair("/byport", &AuthbindReader::byport),
        std::pair("/byaddr", &AuthbindReader::byaddr),
        std::pair("/byuid", &AuthbindReader::byuid)}) {
    if (auto done = each_name(top + name, leaf); !done)
      return done.error();
  }
  drop_dead();
  return std::move(found_);
}

} // namespace

Result<AuthbindRange> parse_authbind_line(std::string_view text) {
  if (OldForm form; scan_old_form(text, form))
    return old_range(form);
  return new_range(text);
}

Result<Authbind> read_authbind(const std::string &root) {
  return AuthbindReader(root).read();
}

} // namespace portacl
