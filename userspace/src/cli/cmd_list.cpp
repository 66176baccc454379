// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/in_force.h"
#include "lib/policy.h"
#include "lib/table.h"
#include "lib/text.h"

namespace portacl {

namespace {

// The rules that --user and --port ask for.
struct Filter {
  std::optional<uint32_t> uid;
  std::optional<uint16_t> port;
  uint8_t protocol = PACL_PROTO_ANY;

  bool matches(const std::string &numeric) const;
};

bool Filter::matches(const std::string &numeric) const {
  if (!uid && !port)
    return true;
  const pacl_rule rule = rule_from_text(numeric);
  if (uid) {
    const bool of_users = rule.kind == PACL_USER || rule.kind == PACL_EACH;
    if (!of_users || *uid < rule.id || *uid > rule.last_id)
      return false;
  }
  if (!port)
    return true;
  if (protocol != PACL_PROTO_ANY && rule.proto != PACL_PROTO_ANY &&
      rule.proto != protocol)
    return false;
  return covers_port(rule, *port);
}

// The filters are parts of a rule, so that the rule's parser reads them.
Result<Filter> make_filter(const Context &context) {
  Filter filter;
  const Options &options = context.options;
  if (!options.user.empty()) {
    auto rule = rule_of_words(context, {"allow", "user", options.user, "1"});
    if (!rule)
      return rule.error();
    filter.uid = rule->rule.id;
  }
  if (!options.port.empty()) {
    auto rule = rule_of_words(context, {"allow", "any", options.port});
    if (!rule)
      return rule.error();
    if (rule->rule.count != 1 ||
        rule->rule.range[0].lo != rule->rule.range[0].hi)
      return usage(fmt::format("--port takes one port, not '{}'",
                               printable(options.port)));
    filter.port = rule->rule.range[0].lo;
    filter.protocol = rule->rule.proto;
  }
  return filter;
}

struct Listing {
  bool from_kernel = false;
  RuleFiles files;
  std::vector<std::string> rules;                     // canonical, filtered
  std::vector<std::vector<const FileRule *>> origins; // of each rule
  std::vector<uint64_t> hits;                         // of the kernel's
};

void list_kernel(Listing &listing, const KernelPolicy &policy,
                 const Filter &filter) {
  const RuleIndex index(listing.files);
  for (size_t i = 0; i < policy.rules.size(); i++) {
    const std::string &rule = policy.rules[i];
    if (!filter.matches(rule))
      continue;
    listing.rules.push_back(rule);
    listing.origins.push_back(index.find(rule));
    listing.hits.push_back(policy.hits[i]);
  }
}

void list_files(Listing &listing, const Filter &filter) {
  for (const FileRule &rule : listing.files.rules) {
    if (!filter.matches(rule.numeric))
      continue;
    listing.rules.push_back(rule.numeric);
    listing.origins.push_back({&rule});
  }
}

Result<void> read_kernel(const Context &context, Listing &listing,
                         const Filter &filter) {
  auto policy = read_policy(context.kernel);
  if (!policy)
    return policy.error();
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return settings.error();
  warn_of_bad_files(context, listing.files);
  warn_of_drift(context, listing.files, policy->rules, *settings);
  list_kernel(listing, *policy, filter);
  return {};
}

void print_rules(const Context &context, const Listing &listing) {
  std::string text;
  for (const std::string &rule : listing.rules) {
    bool unresolved = false;
    text += show_rule(context, rule, unresolved);
    const bool ended = has_ended(rule_from_text(rule));
    if (unresolved || ended)
      text +=
          fmt::format(" # {}{}{}", unresolved ? "unresolved" : "",
                      unresolved && ended ? ", " : "", ended ? "ended" : "");
    text += '\n';
  }
  context.console.text(text);
}

// The width of the column of hits, 0 without one.
size_t hits_digits(const Listing &listing) {
  if (!listing.from_kernel)
    return 0;
  uint64_t most = 0;
  for (const uint64_t hits : listing.hits)
    most = std::max(most, hits);
  return std::max(std::to_string(most).size(), std::string_view("HITS").size());
}

void print_table(const Context &context, const Listing &listing) {
  std::vector<std::vector<std::string>> rows;
  if (!context.options.no_legend && !listing.rules.empty())
    rows.push_back({"ACTION", "SUBJECT", "PORTS", "TERMS"});
  const size_t digits = hits_digits(listing);
  // Behind the '#', so that the line is a rule as it stands.
  if (!rows.empty())
    rows.front().push_back(
        digits == 0 ? "FILE" : fmt::format("  {:>{}}  FILE", "HITS", digits));
  bool terms = false;
  for (size_t i = 0; i < listing.rules.size(); i++) {
    bool unresolved = false;
    const RuleColumns columns =
        rule_columns(show_rule(context, listing.rules[i], unresolved));
    const std::string hits =
        digits == 0 ? "" : fmt::format("{:>{}} ", listing.hits[i], digits);
    const bool ended = has_ended(rule_from_text(listing.rules[i]));
    const std::string comment = fmt::format(
        "# {}{}{}{}{}", hits, ended ? "ended " : "", digits == 0 ? "" : " ",
        first_origin(listing.files, listing.origins[i]),
        unresolved ? " (unresolved)" : "");
    rows.push_back({columns.action, columns.subject, columns.ports,
                    columns.terms, comment});
    terms = terms || !columns.terms.empty();
  }
  // Most policies have none.
  for (auto &row : rows) {
    if (!terms)
      row.erase(row.begin() + 3);
  }
  context.console.text(format_table(rows));
  if (context.options.no_legend)
    return;
  if (listing.rules.empty())
    context.console.text("No rules.\n");
  else
    context.console.text(
        fmt::format("\n{} listed.\n", counted(listing.rules.size(), "rule")));
}

void print_json(const Context &context, const Listing &listing) {
  Json rules = Json::array();
  for (size_t i = 0; i < listing.rules.size(); i++) {
    Json rule = rule_json(context, listing.rules[i]);
    if (listing.from_kernel)
      rule["hits"] = listing.hits[i];
    rule["origins"] = origins_json(listing.files, listing.origins[i]);
    rules.push_back(rule);
  }
  context.console.json(
      "list",
      {{"source", listing.from_kernel ? "kernel" : "files"}, {"rules", rules}});
}

} // namespace

int cmd_list(const Context &context) {
  const auto filter = make_filter(context);
  if (!filter)
    return fail(context, filter.error());
  Listing listing;
  const std::string &source = context.options.source;
  if (source != "files") {
    const auto loaded = kernel_in_use(context);
    if (!loaded)
      return fail(context, loaded.error());
    if (!*loaded && source == "kernel")
      return fail(context, context.options.root.empty()
                               ? not_loaded_error(context)
                               : usage("--source kernel does not go with "
                                       "--root"));
    listing.from_kernel = *loaded;
  }
  listing.files = read_rule_files(context.root, context.names);
  if (listing.from_kernel) {
    if (auto read = read_kernel(context, listing, *filter); !read)
      return fail(context, read.error());
  } else {
    for (const Error &error : listing.files.errors)
      context.console.error(error);
    list_files(listing, *filter);
  }
  if (context.console.wants_json())
    print_json(context, listing);
  else if (context.options.format == "rules")
    print_rules(context, listing);
  else
    print_table(context, listing);
  const bool failed = !listing.from_kernel && !listing.files.errors.empty();
  return static_cast<int>(failed ? listing.files.errors.front().code
                                 : Code::done);
}

} // namespace portacl
