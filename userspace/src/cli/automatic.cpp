// SPDX-License-Identifier: GPL-2.0-only

#include "cli/automatic.h"

#include <fmt/format.h>

#include "lib/local_ports.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *list_name = "net.ipv4.ip_local_reserved_ports";

PortSet as_set(const PortRange &range) {
  PortSet ports;
  add_ports(ports, range);
  return ports;
}

bool is_elsewhere(const Context &context) {
  return in_other_network_namespace(context.root + "/proc");
}

// Empty where there is nothing to do or to undo.
Result<std::optional<LocalPorts>>
look(const Context &context, const PortSet &reserved, const PortSet &recorded) {
  constexpr std::optional<LocalPorts> nothing;
  if (reserved.none() && recorded.none())
    return nothing;
  // The range, too, is one of each namespace.
  if (is_elsewhere(context))
    return Error{.message = "this process is in another network namespace than "
                            "process 1"};
  const auto range = read_port_range(context.sysctl);
  if (!range)
    return range.error();
  LocalPorts ports{.range = as_set(*range), .listed = {}, .ours = {}};
  if ((reserved & ports.range).none() && recorded.none())
    return nothing;
  const auto listed = read_listed_ports(context.sysctl);
  if (!listed)
    return listed.error();
  ports.listed = *listed;
  ports.claim(recorded);
  return std::optional(ports);
}

// The range, or the kernel's own where it is not known.
PortRange automatic_range(const Context &context) {
  if (is_elsewhere(context))
    return default_port_range;
  const auto range = read_port_range(context.sysctl);
  return range ? *range : default_port_range;
}

// Those in the list that the tool has not put there; none where it is not
// known.
PortSet foreign_ports(const Context &context, const PortSet &recorded) {
  if (is_elsewhere(context))
    return {};
  const auto listed = read_listed_ports(context.sysctl);
  if (!listed)
    return {};
  LocalPorts ports{.range = {}, .listed = *listed, .ours = {}};
  ports.claim(recorded);
  return ports.listed & ~ports.ours;
}

std::string much_text(const TooMuch &much, const char *are) {
  const PortSet all = as_set(much.range);
  const size_t others = (all & much.foreign & ~much.reserved).count();
  return fmt::format(
      "{} of the {} ports that the kernel chooses from by itself ({}) {} "
      "reserved, more than half{}",
      (all & (much.foreign | much.reserved)).count(), all.count(),
      range_text(much.range), are,
      others == 0 ? ""
                  : fmt::format(", {} of them only by what others have put "
                                "into {}",
                                others, list_name));
}

} // namespace

Error too_much_error(const TooMuch &much) {
  const PortSet outside = ~as_set(much.range) & as_set({1, UINT16_MAX});
  std::string way_out;
  if (outside.any())
    way_out = fmt::format(", or leave the automatic range out, as in "
                          "portaclctl reserve {}",
                          port_list(outside));
  return {.code = Code::policy,
          .message = much_text(much, "would be") + "; nothing was changed",
          .hint = fmt::format("reserve fewer{}, or widen or move "
                              "net.ipv4.ip_local_port_range: outgoing "
                              "connections need ports, too",
                              way_out)};
}

Error too_much_warning(const TooMuch &much) {
  return {.code = Code::policy,
          .message = much_text(much, "are"),
          .hint = "reserve fewer, or widen or move "
                  "net.ipv4.ip_local_port_range: outgoing connections need "
                  "ports, too"};
}

std::optional<PortSet> not_kept_out(const Context &context,
                                    const PortSet &reserved) {
  const auto found = look(context, reserved, {});
  if (!found)
    return {};
  return *found ? (*found)->missing(reserved) : PortSet();
}

std::string shown_ports(const PortSet &ports) {
  constexpr size_t most_shown = 16;
  return port_ranges(ports).size() > most_shown ? counted(ports.count(), "port")
                                                : port_list(ports);
}

Json ports_json(const PortSet &ports) {
  Json ranges = Json::array();
  for (const PortRange &range : port_ranges(ports))
    ranges.push_back({{"first", range.first}, {"last", range.last}});
  return ranges;
}

std::optional<TooMuch> AutomaticChoice::too_much(const Context &context) {
  const PortRange range = automatic_range(context);
  const PortSet all = as_set(range);
  if (is_subset(after_ & all, before_))
    return {};
  const PortSet foreign = foreign_ports(context, recorded(context));
  const PortSet taken = foreign | after_;
  // What takes no more than before cannot be to blame.
  if ((taken & all).count() <= ((foreign | before_) & all).count() ||
      !takes_too_much(all, taken))
    return {};
  return TooMuch{.range = range, .foreign = foreign, .reserved = after_};
}

// Without the record nothing is ours.
const PortSet &AutomaticChoice::recorded(const Context &context) {
  if (recorded_)
    return *recorded_;
  auto read = read_record(context.root);
  if (!read) {
    Error error = read.error();
    error.message +=
        fmt::format(", so that nothing is taken out of {}", list_name);
    context.console.warning(error);
  }
  recorded_ = read ? *read : PortSet();
  return *recorded_;
}

Result<void> AutomaticChoice::record(const Context &context,
                                     const PortSet &ports) {
  if (auto done = write_record(context.root, ports); !done)
    return done;
  recorded_ = ports;
  return {};
}

void AutomaticChoice::begin(const Context &context) {
  if (after_.none())
    return;
  const auto found = look(context, after_, recorded(context));
  const auto failed = [&](Error error) {
    failed_ = true;
    error.message = fmt::format("the kernel may choose reserved ports by "
                                "itself, and give them to anybody: {}",
                                error.message);
    context.console.warning(error);
  };
  if (!found)
    return failed(found.error());
  if (!*found)
    return;
  const PortSet missing = (*found)->missing(after_);
  PortSet added = missing;
  if (!context.options.dry_run && missing.any()) {
    if (auto done = list_ports(context.sysctl, missing); !done) {
      failed(done.error());
      // A long list takes several writes, and the first may have been done.
      const auto listed = read_listed_ports(context.sysctl);
      if (!listed)
        return;
      added = missing & *listed;
      if (added.none())
        return;
      // There is something to take back.
      failed_ = false;
    }
    // In this order, as what is listed and not recorded stays.
    if (auto done = record(context, (*found)->ours | added); !done) {
      Error error = done.error();
      error.message += fmt::format(", so that {} will stay in {}",
                                   shown_ports(added), list_name);
      context.console.warning(error);
    }
  }
  kept_out_ = added;
}

void AutomaticChoice::settle(const Context &context, const PortSet &reserved) {
  // Said already.
  if (failed_)
    return;
  const PortSet before = recorded(context);
  if (before.none())
    return;
  const auto found = look(context, reserved, before);
  if (found && !*found)
    return;
  const auto failed = [&](Error error) {
    error.message = fmt::format("ports that are no longer reserved stay in {}: "
                                "{}",
                                list_name, error.message);
    context.console.warning(error);
  };
  if (!found)
    return failed(found.error());
  const PortSet stale = (*found)->stale(reserved);
  const PortSet ours = (*found)->ours & ~stale;
  if (!context.options.dry_run) {
    // In this order, as what is listed and not recorded stays.
    if (ours != before) {
      if (auto done = record(context, ours); !done)
        return failed(done.error());
    }
    const PortSet foreign = (*found)->listed & ~(*found)->ours;
    if (stale.any()) {
      if (auto done = replace_list(context.sysctl, foreign, ours); !done) {
        failed(done.error());
        if (auto back = record(context, before); !back)
          context.console.warning(back.error());
        return;
      }
    }
  }
  given_back_ |= stale & ~kept_out_;
  kept_out_ &= ~stale;
}

void AutomaticChoice::report(const Context &context) const {
  const char *would = context.options.dry_run ? "would be " : "";
  if (kept_out_.any())
    context.console.line(fmt::format("{}kept out of automatic choice: {} ({})",
                                     would, shown_ports(kept_out_), list_name));
  if (given_back_.any())
    context.console.line(fmt::format("{}given back to automatic choice: {}",
                                     would, shown_ports(given_back_)));
}

void AutomaticChoice::add_to(Json &json) const {
  json["kept_out"] = ports_json(kept_out_);
  json["given_back"] = ports_json(given_back_);
}

} // namespace portacl
