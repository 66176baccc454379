// SPDX-License-Identifier: GPL-2.0-only

#include "lib/packets.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

namespace portacl {

namespace {

constexpr size_t most_steps = 100000;
constexpr size_t most_redirects = 4096;
// Of one packet: words for people, who read no more.
constexpr size_t most_limits = 32;
constexpr unsigned deepest_jump = 32;

// A set for each family and protocol.
struct PacketSets {
  std::array<std::array<PortSet, packet_protocols.size()>, family_names.size()>
      sets = {};

  template <class Visitor> void visit(const Packets &packets, Visitor visitor) {
    for (size_t family = 0; family < sets.size(); family++) {
      if ((packets.families & 1U << family) == 0)
        continue;
      for (size_t protocol = 0; protocol < packet_protocols.size(); protocol++)
        if ((packets.protocols & 1U << protocol) != 0)
          visitor(sets.at(family).at(protocol), family, protocol);
    }
  }

  void add(const Packets &packets) {
    visit(packets, [&packets](PortSet &set, size_t, size_t) {
      for (const PortRange &range : packets.ports)
        add_ports(set, range);
    });
  }
};

class PacketWalk final {
public:
  PacketWalk(const PacketTable &table, PacketFates &fates, PacketSets &taken,
             size_t &steps)
      : table_(table), fates_(fates), taken_(taken), steps_(steps) {}

  void begin(const PacketChain &chain) {
    base_ = &chain;
    Packets all{.families = table_.families};
    if (chain.is_nat && chain.hook == "output")
      all.limits.emplace_back("from this machine itself");
    follow(chain, all, 0);
    if (chain.drops && !chain.is_nat && steps_ <= most_steps)
      drop(Packets{.families = table_.families}, nullptr,
           "the policy of " + chain.place);
  }

private:
  // What returned to the caller; mostly nothing, and large.
  using Left = std::unique_ptr<PacketSets>;

  // Some of the packets of a redirect that a rule before it has taken.
  struct Exception {
    Packets packets = {};
    std::string place = {};
    unsigned depth = 0; // of the chain that it is for; 0 for all
  };

  // All that come here meet what the chain's callers ask for.
  void leave(const PacketRule &rule, const Packets &packets, Left &left,
             unsigned depth) {
    if (rule.packets.limited())
      return except(packets, rule.place, depth + 1);
    if (!left)
      left = std::make_unique<PacketSets>();
    left->add(packets);
  }

  void follow(const PacketChain &chain, const Packets &packets,
              unsigned depth) {
    Left left;
    for (const PacketRule &rule : chain.rules) {
      if (++steps_ > most_steps)
        return;
      const auto both = packets_of_both(packets, rule.packets);
      if (both && rule.verdict != PacketVerdict::next)
        apply(rule, *both, left, depth);
    }
    std::erase_if(exceptions_, [depth](const Exception &exception) {
      return exception.depth > depth;
    });
  }

  void apply(const PacketRule &rule, const Packets &packets, Left &left,
             unsigned depth) {
    switch (rule.verdict) {
    case PacketVerdict::next:
      break;
    case PacketVerdict::accept:
      accept(rule, packets, left);
      break;
    case PacketVerdict::drop:
      drop(packets, left, rule.place);
      break;
    case PacketVerdict::redirect:
      redirect(rule, packets, left);
      break;
    case PacketVerdict::leave:
      leave(rule, packets, left, depth);
      break;
    case PacketVerdict::jump:
    case PacketVerdict::go: {
      const auto chain = table_.chains.find(rule.chain);
      if (chain != table_.chains.end() && depth < deepest_jump)
        jump(chain->second, packets, left, depth);
      if (rule.verdict == PacketVerdict::go)
        leave(rule, packets, left, depth);
      break;
    }
    }
  }

  // What has left this chain already is not there to be sent into another.
  void jump(const PacketChain &chain, const Packets &packets, const Left &left,
            unsigned depth) {
    if (!left)
      return follow(chain, packets, depth + 1);
    remaining(packets, left,
              [&](const Packets &part) { follow(chain, part, depth + 1); });
  }

  // The parts, each of one family and protocol, that no rule has decided yet.
  template <class Visitor>
  void remaining(const Packets &packets, const Left &left, Visitor visitor) {
    taken_.visit(packets, [&](PortSet &taken, size_t family, size_t protocol) {
      PortSet ports;
      for (const PortRange &range : packets.ports)
        add_ports(ports, range);
      ports &= ~(taken | decided_.sets.at(family).at(protocol) |
                 (left ? left->sets.at(family).at(protocol) : PortSet()));
      if (ports.none())
        return;
      Packets part = packets;
      part.families = 1U << family;
      part.protocols = 1U << protocol;
      part.ports = port_ranges(ports);
      visitor(std::move(part));
    });
  }

  void accept(const PacketRule &rule, const Packets &packets,
              const Left &left) {
    if (packets.aside)
      return;
    if (packets.limited())
      except(packets, rule.place, 0);
    remaining(packets, left, [&](const Packets &part) {
      (part.limited() ? perhaps_ : decided_).add(part);
    });
  }

  void except(const Packets &packets, const std::string &place,
              unsigned depth) {
    constexpr size_t most = 1024;
    if (!base_->is_nat || packets.aside || exceptions_.size() > most)
      return;
    if (exceptions_.size() < most)
      exceptions_.push_back({packets, place, depth});
    else
      exceptions_.push_back({{}, "one of very many", 0});
  }

  static bool overlap(const Packets &one, const Packets &other) {
    // Two addresses; of prefixes, one may be part of the other.
    const auto is_address = [](const std::string &text) {
      return !text.empty() && text.find('/') == std::string::npos;
    };
    return (one.families & other.families) != 0 &&
           (one.protocols & other.protocols) != 0 &&
           (one.destination == other.destination ||
            !is_address(one.destination) || !is_address(other.destination)) &&
           !ranges_of_both(one.ports, other.ports).empty();
  }

  // Whether some of what is taken comes back to the caller of this chain.
  bool say_exceptions(Packets &packets) const {
    constexpr size_t most = 4;
    size_t said = 0;
    bool back = false;
    for (const Exception &exception : exceptions_) {
      if (!overlap(exception.packets, packets))
        continue;
      back = back || exception.depth > 1;
      if (said++ < most)
        packets.limits.push_back(
            fmt::format("that no earlier rule takes ({})", exception.place));
    }
    return back;
  }

  void drop(const Packets &packets, const Left &left,
            const std::string &place) {
    if (packets.limited())
      return except(packets, place, 0);
    remaining(packets, left, [&](Packets part) {
      decided_.add(part);
      PortSet ports;
      for (const PortRange &range : part.ports)
        add_ports(ports, range);
      perhaps_.visit(part, [&ports](const PortSet &perhaps, size_t, size_t) {
        ports &= ~perhaps;
      });
      part.ports = port_ranges(ports);
      if (!part.ports.empty() && !base_->is_nat)
        fates_.drops.push_back({std::move(part), place, base_->open});
    });
  }

  void redirect(const PacketRule &rule, const Packets &packets,
                const Left &left) {
    remaining(packets, left, [&](Packets part) {
      if (fates_.redirects.size() == most_redirects) {
        steps_ = most_steps + 1;
        return;
      }
      const Packets whole = part;
      const bool some_go_on = say_exceptions(part);
      if (!whole.limited() && some_go_on)
        except(whole, rule.place, 0);
      else if (!whole.limited())
        taken_.add(whole);
      fates_.redirects.push_back({std::move(part), base_->hook == "output",
                                  rule.target, table_.manager, rule.place,
                                  rule.remove, rule.spec});
    });
  }

  const PacketTable &table_;
  PacketFates &fates_;
  PacketSets &taken_; // by redirects, of other tables, too
  size_t &steps_;
  const PacketChain *base_ = nullptr;
  PacketSets decided_;
  PacketSets perhaps_; // accepted under conditions
  std::vector<Exception> exceptions_;
};

} // namespace

unsigned packet_protocol(const std::string &name) {
  if (name == "all" || name == "0")
    return packet_all;
  if (name == "tcp" || name == "6")
    return packet_tcp;
  if (name == "udp" || name == "17")
    return packet_udp;
  return name == "sctp" || name == "132" ? packet_sctp : 0;
}

std::vector<PortRange> tidy_ranges(std::vector<PortRange> ranges) {
  std::ranges::sort(ranges, {}, &PortRange::first);
  std::vector<PortRange> tidy;
  for (const PortRange &range : ranges) {
    if (!tidy.empty() && range.first <= tidy.back().last + 1)
      tidy.back().last = std::max(tidy.back().last, range.last);
    else
      tidy.push_back(range);
  }
  return tidy;
}

std::vector<PortRange> ranges_of_both(const std::vector<PortRange> &one,
                                      const std::vector<PortRange> &other) {
  std::vector<PortRange> both;
  for (size_t i = 0, j = 0; i < one.size() && j < other.size();) {
    const uint16_t first = std::max(one[i].first, other[j].first);
    const uint16_t last = std::min(one[i].last, other[j].last);
    if (first <= last)
      both.push_back({first, last});
    if (one[i].last < other[j].last)
      i++;
    else
      j++;
  }
  return both;
}

std::vector<PortRange> other_ports(const std::vector<PortRange> &ranges) {
  std::vector<PortRange> others;
  uint32_t next = 0;
  for (const PortRange &range : ranges) {
    if (range.first > next)
      others.push_back({static_cast<uint16_t>(next),
                        static_cast<uint16_t>(range.first - 1)});
    next = uint32_t{range.last} + 1;
  }
  if (next <= UINT16_MAX)
    others.push_back({static_cast<uint16_t>(next), UINT16_MAX});
  return others;
}

std::optional<Packets> packets_of_both(const Packets &one,
                                       const Packets &other) {
  Packets both{.families = one.families & other.families,
               .protocols = one.protocols & other.protocols,
               .ports = ranges_of_both(one.ports, other.ports),
               .destination = one.destination,
               .limits = one.limits,
               .aside = one.aside || other.aside};
  if (both.families == 0 || both.protocols == 0 || both.ports.empty())
    return std::nullopt;
  if (both.destination.empty())
    both.destination = other.destination;
  else if (!other.destination.empty() && other.destination != one.destination)
    both.limits.push_back("to " + other.destination);
  for (const std::string &limit : other.limits) {
    if (both.limits.size() == most_limits)
      break;
    if (std::ranges::count(both.limits, limit) == 0)
      both.limits.push_back(limit);
  }
  return both;
}

PacketFates packet_fates(const PacketTables &tables) {
  struct Base {
    const PacketTable *table;
    const PacketChain *chain;
  };
  std::vector<Base> bases;
  for (const PacketTable &table : tables.tables) {
    for (const auto &[name, chain] : table.chains)
      if (!chain.hook.empty())
        bases.push_back({&table, &chain});
  }
  std::ranges::stable_sort(
      bases, {}, [](const Base &base) { return base.chain->priority; });
  PacketFates fates{.warnings = tables.warnings};
  std::map<std::string, PacketSets> taken; // at each hook
  size_t steps = 0;
  for (const Base &base : bases) {
    const std::string &hook = base.chain->hook;
    const bool wanted = base.chain->is_nat
                            ? hook == "prerouting" || hook == "output"
                            : hook == "prerouting" || hook == "input";
    // What is dropped has nothing to do with what is redirected elsewhere.
    PacketSets none;
    if (wanted)
      PacketWalk(*base.table, fates, base.chain->is_nat ? taken[hook] : none,
                 steps)
          .begin(*base.chain);
  }
  if (steps > most_steps)
    fates.warnings.push_back(
        {.code = Code::attention,
         .message = fmt::format("gave up after {} rules or {} redirects: the "
                                "packet filter has more, or jumps in circles",
                                most_steps, most_redirects)});
  return fates;
}

} // namespace portacl
