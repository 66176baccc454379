// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "cli/boundary_fix.h"
#include "cli/describe.h"
#include "cli/import.h"
#include "cli/port_users.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

class SysctlImport final {
public:
  explicit SysctlImport(const Context &context) : context_(context) {}

  Result<Imported> read();

private:
  Result<BoundaryLines> read_lines() const;
  std::string origin(unsigned boundary) const;
  void add_lowered(unsigned boundary);
  void add_users(unsigned boundary);
  void add_raised(unsigned boundary);

  const Context &context_;
  Imported imported_;
  Listeners listeners_;
  BoundaryLines found_;
  std::optional<unsigned> now_; // of the running kernel
};

Result<BoundaryLines> SysctlImport::read_lines() const {
  const auto &words = context_.options.words;
  if (words.size() == 1)
    return find_boundary_lines(context_.root);
  return boundary_lines_of({words.begin() + 1, words.end()});
}

std::string SysctlImport::origin(unsigned boundary) const {
  std::string text = fmt::format("{}={}", boundary_name, boundary);
  if (now_ == boundary)
    text += ", as it is now";
  for (const BoundaryLine &line : found_.lines) {
    if (line.value != boundary)
      continue;
    text += line.line == 0
                ? fmt::format(", by {}", printable(line.file))
                : fmt::format(", by {}:{}", printable(line.file), line.line);
  }
  return text;
}

// Who listens there now and needs no other right to it.
void SysctlImport::add_users(unsigned boundary) {
  std::map<uint32_t, std::vector<const Listener *>> users;
  for (const Listener &listener : listeners_.found) {
    if (listener.port >= boundary && listener.port < usual_boundary &&
        !listener.of_kernel && !listener.capable && user_of(listener) != 0)
      users[user_of(listener)].push_back(&listener);
  }
  for (const auto &[uid, theirs] : users) {
    PortsOfProtocols ports;
    for (const Listener *listener : theirs)
      ports.at(listener->protocol).set(listener->port);
    for (std::string &text : allow_rules(context_, uid, ports))
      imported_.rules.push_back({.rule = std::move(text),
                                 .origin = origin(boundary),
                                 .remarks = listening_remarks(theirs)});
  }
}

void SysctlImport::add_lowered(unsigned boundary) {
  add_users(boundary);
  bool unresolved = false;
  const unsigned first = std::max(boundary, 1U);
  const std::string text = rule_text(rule_from_text(
      fmt::format("allow any {}-{}", first, usual_boundary - 1)));
  imported_.rules.push_back(
      {.rule = show_rule(context_, text, unresolved),
       .origin = origin(boundary),
       .remarks =
           {"EVERYBODY may bind all of these ports. This rule would keep "
            "it so; allow those who need one instead"},
       .active = false});
}

// What lies below a raised boundary needs the capability as if reserved.
void SysctlImport::add_raised(unsigned boundary) {
  bool unresolved = false;
  const std::string text = rule_text(rule_from_text(
      fmt::format("reserve {}-{}", usual_boundary, boundary - 1)));
  imported_.rules.push_back(
      {.rule = show_rule(context_, text, unresolved),
       .origin = origin(boundary),
       .remarks = {"only who holds the capability may bind these; a "
                   "reservation says the same"}});
}

Result<Imported> SysctlImport::read() {
  auto lines = read_lines();
  if (!lines)
    return lines.error();
  found_ = std::move(*lines);
  // What an unreadable file says may be what counts.
  for (const Error &error : found_.errors) {
    if (error.errnum != 0)
      return error;
  }
  imported_.warnings = found_.errors;
  if (context_.options.words.size() == 1) {
    listeners_ = read_port_users(context_, imported_.warnings);
    now_ = boundary_now(context_, listeners_.namespaces);
  }
  const std::optional<unsigned> at_boot =
      found_.lines.empty() ? std::nullopt
                           : std::optional(found_.lines.back().value);
  const unsigned boundary = now_ && *now_ != usual_boundary
                                ? *now_
                                : at_boot.value_or(usual_boundary);
  if (now_ && at_boot && *now_ != *at_boot)
    imported_.warnings.push_back(
        {.code = Code::attention,
         .message = fmt::format("{} is {} now and becomes {} at the next boot",
                                boundary_name, *now_, *at_boot),
         .file = found_.lines.back().file,
         .line = found_.lines.back().line});
  if (boundary == usual_boundary && found_.errors.empty())
    context_.console.note(
        fmt::format("{} is {}, as it should be", boundary_name, boundary));
  else if (boundary < usual_boundary)
    add_lowered(boundary);
  else
    add_raised(boundary);
  imported_.steps = boundary_file_steps(context_, found_);
  if (now_ && *now_ != usual_boundary) {
    for (ImportStep &step : boundary_now_steps(context_))
      imported_.steps.push_back(std::move(step));
  }
  return std::move(imported_);
}

} // namespace

Result<Imported> import_sysctl(const Context &context) {
  return SysctlImport(context).read();
}

} // namespace portacl
