// SPDX-License-Identifier: GPL-2.0-only
// Bytes to a sequence of changes, failing allocations and questions, with a
// plain set beside the policy that says what is right.

#include "check.h"
#include "engine.h"
#include "engine_alloc.h"

#include <algorithm>
#include <memory>

namespace {

class Bytes {
public:
  Bytes(const uint8_t *data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  u8 next() { return empty() ? 0 : *at_++; }
  u32 below(u32 limit) { return next() % limit; }

private:
  const uint8_t *at_, *end_;
};

// Ids and ports at which steps of a trie or words of a bitmap begin and end.
u32 make_id(Bytes &bytes) {
  static const u32 ids[] = {0,     1,        2,        63,         64,
                            1023,  1024,     1025,     65535,      65536,
                            70000, 1u << 26, 1u << 31, 4294967293, 4294967294};
  u8 byte = bytes.next();
  return byte < 128 ? ids[byte % std::size(ids)] : byte - 128;
}

u16 make_port(Bytes &bytes) {
  static const u16 ports[] = {1,   2,    15,   16,   63,   64,   65,    80,
                              443, 1023, 1024, 1025, 4095, 4096, 65534, 65535};
  u8 byte = bytes.next();
  return byte < 128 ? ports[byte % std::size(ports)]
                    : static_cast<u16>((byte - 127) * (1 + bytes.below(3)));
}

// Addresses and lengths of which some lie inside others, of both families and
// at their borders.
pacl_addr make_addr(Bytes &bytes) {
  static const pacl_addr addrs[] = {
      {0, 0},
      {0, 1},
      {0, u64{0xffff} << 32},
      {0, u64{0xffff} << 32 | 1},
      {0, u64{0xffff} << 32 | 0x0a000000},
      {0, u64{0xffff} << 32 | 0x0a010203},
      {0, u64{0xffff} << 32 | 0x7f000001},
      {0, u64{0xffff} << 32 | 0xffffffff},
      {0, u64{0xfffe} << 32 | 0x0a010203},
      {0, 0x0a010203},
      {0x20010db800000000, 0},
      {0x20010db800000000, 1},
      {0x20010db800000001, u64{1} << 63},
      {u64{1} << 63, 0},
      {~u64{0}, ~u64{0}},
  };
  u8 byte = bytes.next();
  pacl_addr addr = addrs[byte % std::size(addrs)];
  if (byte >= 240)
    addr.lo ^= u64{1} << bytes.below(32);
  return addr;
}

void make_terms(Bytes &bytes, pacl_rule &rule) {
  u8 which = bytes.next();
  if (which & 1) {
    static const unsigned lengths[] = {0,  1,  31, 32,  63,  64,  65,
                                       95, 96, 97, 104, 127, 128, 128};
    pacl_addr addr = make_addr(bytes);
    unsigned length = lengths[bytes.below(std::size(lengths))];
    if (pacl_addr_is_ipv4(addr))
      length = std::max(length, 96U);
    reference_set_prefix(rule, addr, length);
  }
  if (which & 2)
    rule.until =
        which & 4 ? PACL_MAX_TIME - bytes.below(4) : 1 + bytes.below(64);
}

pacl_rule make_rule(Bytes &bytes) {
  pacl_rule rule = {};
  u8 head = bytes.next();
  rule.kind = head % PACL_KINDS;
  rule.proto = head / PACL_KINDS % PACL_PROTOS;
  if (rule.kind == PACL_EACH) {
    rule.id = make_id(bytes);
    u16 base = make_port(bytes);
    u32 room = 65536 - base;
    rule.each = static_cast<u16>(1 + std::min(bytes.below(64), room - 1));
    u32 more = std::min(room / rule.each, PACL_MAX_ID - rule.id + 1) - 1;
    rule.last_id = rule.id + std::min(more, bytes.below(256));
    rule.count = 1;
    rule.range[0] = {
        base,
        static_cast<u16>(base + rule.each * (rule.last_id - rule.id + 1) - 1)};
    return rule;
  }
  u8 tail = bytes.next();
  if (rule.kind == PACL_NOBODY) {
    rule.action = PACL_RESERVE;
  } else {
    rule.action = tail & 1 ? PACL_DENY : PACL_ALLOW;
    if (rule.kind != PACL_ANY)
      rule.id = rule.last_id = make_id(bytes);
    if (tail & 2)
      make_terms(bytes, rule);
  }
  std::vector<pacl_range> ranges;
  for (u32 items = 1 + (tail >> 2) % 4; items; items--) {
    u16 lo = make_port(bytes);
    u16 hi = tail & 128 ? make_port(bytes) : lo;
    ranges.push_back({std::min(lo, hi), std::max(lo, hi)});
  }
  reference_set_ranges(rule, ranges);
  return rule;
}

// Now and then one that is there.
pacl_rule make_rule(Bytes &bytes, const RuleSet &rules) {
  if (rules.empty() || bytes.below(2))
    return make_rule(bytes);
  return *std::next(rules.begin(), bytes.below(static_cast<u32>(rules.size())));
}

Request make_request(Bytes &bytes) {
  Request request;
  request.uid = make_id(bytes);
  request.gid = make_id(bytes);
  for (u32 groups = bytes.below(4); groups; groups--)
    request.groups.push_back(make_id(bytes));
  std::ranges::sort(request.groups);
  request.port = make_port(bytes);
  u8 tail = bytes.next();
  request.proto = tail % PACL_PROTOS;
  request.privileged = tail & 4;
  if (tail & 8)
    request.addr = make_addr(bytes);
  return request;
}

// Afterwards policy and set have noted the same ends.
void ask(const pacl_policy *policy, const RuleSet &rules,
         const pacl_request &view) {
  const pacl_atom *why;
  pacl_verdict verdict = pacl_match(policy, &view, &why);
  CHECK(verdict == rules.verdict(view));
  std::optional<u8> action = deciding_action(verdict);
  if (!action && rules.closing && why)
    action = PACL_ALLOW;
  CHECK((why != nullptr) == action.has_value());
  if (why) {
    pacl_rule rule;
    pacl_atom_rule(why, &rule);
    CHECK(rules.contains(rule));
    CHECK(rule.action == *action);
    CHECK(rules.applies(rule, view));
    CHECK(pacl_policy_find(policy, why) == pacl_atom_head(why));
  }
  note_ends(policy, rules, view.now);
}

void compare(const pacl_policy *policy, const RuleSet &rules) {
  CHECK(list(policy) == list(rules));
  CHECK(counts_agree(policy, rules));
}

// A policy, the transaction on it, and the sets that both should be.
class Session {
public:
  ~Session() {
    txn_.abort();
    pacl_policy_free(policy_);
  }

  void begin(bool in_place) {
    if (open_)
      txn_.abort();
    in_place_ = in_place;
    next_ = in_place ? RuleSet() : rules_;
    open_ = !failed(txn_.begin(in_place ? nullptr : policy_));
    set_clock(now_);
  }

  void insert(const pacl_rule &rule) {
    if (!open_)
      begin(false);
    if (!open_)
      return;
    int err = txn_.insert(rule);
    if (failed(err))
      return abort();
    CHECK(err == (next_.insert(rule).second ? 0 : -EEXIST));
  }

  void remove(const pacl_rule &rule) {
    if (!open_)
      begin(false);
    if (!open_)
      return;
    int err = txn_.remove(rule);
    if (failed(err))
      return abort();
    CHECK(err == (next_.erase(rule) ? 0 : -ENOENT));
  }

  void set_clock(pacl_clock now) {
    now_ = next_.now = now;
    if (open_)
      txn_.set_now(now);
  }

  pacl_clock clock() const { return now_; }

  // What a rule may do depends on the settings only once they are committed.
  void set(u8 byte) {
    if (!open_)
      begin(false);
    if (!open_)
      return;
    pacl_policy *policy = txn_.settings();
    next_.mode = policy->mode = byte % 4 ? byte / 16 % PACL_MODES : 0;
    next_.strict = policy->strict = byte & 4;
    next_.closing = policy->closing = (byte & 136) == 136;
    commit();
  }

  void commit() {
    if (!open_)
      return;
    engine_alloc::fail_from(1);
    pacl_pile stale = {};
    pacl_policy *policy = txn_.commit(&stale);
    engine_alloc::stop_failing();
    if (in_place_) {
      CHECK(!stale.first);
      pacl_policy_free(policy_);
    }
    pacl_pile_free(&stale);
    policy_ = policy;
    rules_ = next_;
    open_ = false;
    compare(policy_, rules_);
  }

  void abort() {
    if (open_)
      txn_.abort();
    open_ = false;
    compare(policy_, rules_);
  }

  void ask_both(Bytes &bytes) {
    Request request = make_request(bytes);
    request.now = now_;
    ask(policy_, rules_, request.view());
    if (open_)
      ask(txn_.policy(), next_, request.view());
  }

  const RuleSet &known() const { return open_ ? next_ : rules_; }

private:
  static bool failed(int err) {
    bool fails = engine_alloc::stop_failing();
    CHECK((err == -ENOMEM) == fails);
    return fails;
  }

  pacl_policy *policy_ = pacl_policy_new();
  RuleSet rules_, next_;
  Transaction txn_;
  bool open_ = false;
  bool in_place_ = false;
  pacl_clock now_ = {0, 0};
};

void play(Bytes &bytes) {
  Session session;
  while (!bytes.empty()) {
    u8 op = bytes.next();
    switch (op % 16) {
    case 0:
      session.begin(op & 16);
      break;
    case 1:
      session.commit();
      break;
    case 2:
      session.abort();
      break;
    case 3:
      engine_alloc::fail_at(1 + op / 16);
      break;
    case 4:
    case 5:
    case 6:
    case 7:
      session.ask_both(bytes);
      break;
    case 8:
      session.set(bytes.next());
      break;
    case 9:
      // Either clock goes anywhere, back as well.
      session.set_clock({op & 16 ? session.clock().wall : bytes.below(80),
                         op & 32 ? session.clock().boot : bytes.below(80)});
      break;
    case 10:
      session.remove(make_rule(bytes, session.known()));
      break;
    default:
      session.insert(make_rule(bytes, session.known()));
    }
  }
  engine_alloc::stop_failing();
  session.commit();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Bytes bytes(data, size);
  size_t live = engine_alloc::live();
  play(bytes);
  CHECK(engine_alloc::live() == live);
  return 0;
}
