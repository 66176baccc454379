// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/prometheus.h"
#include "lib/stats.h"
#include "lib/table.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr std::array<const char *, all_counters.size()> meanings = {
    "granted by an allow",
    "refused by a deny",
    "refused because the port is reserved",
    "refused because of strict",
    "left to the kernel",
    "of these only because of mode permissive",
    "of these to privileged ports without a rule, which the kernel refused"};

struct RuleHits {
  std::string rule; // canonical text
  uint64_t hits = 0;
};

std::vector<RuleHits> sorted_hits(const KernelPolicy &policy) {
  std::vector<RuleHits> list;
  for (size_t i = 0; i < policy.rules.size(); i++)
    list.push_back({policy.rules[i], policy.hits[i]});
  std::ranges::stable_sort(list, std::ranges::greater{}, &RuleHits::hits);
  return list;
}

void print_counts(const Context &context, const Counts &counts) {
  size_t digits = std::string_view("COUNT").size();
  for (const Counter &counter : all_counters)
    digits = std::max(digits, std::to_string(counts.*counter.count).size());
  std::vector<std::vector<std::string>> rows;
  if (!context.options.no_legend)
    rows.push_back({"NAME", fmt::format("{:>{}}", "COUNT", digits), "BINDS"});
  for (size_t i = 0; i < all_counters.size(); i++)
    rows.push_back(
        {all_counters.at(i).name,
         fmt::format("{:>{}}", counts.*all_counters.at(i).count, digits),
         meanings.at(i)});
  context.console.text(format_table(rows));
}

void print_hits(const Context &context, const std::vector<RuleHits> &hits) {
  constexpr size_t shown = 10;
  const size_t count = std::min(
      shown, static_cast<size_t>(std::ranges::count_if(
                 hits, [](const RuleHits &rule) { return rule.hits > 0; })));
  if (count == 0)
    return;
  const size_t digits = std::max(std::to_string(hits.front().hits).size(),
                                 std::string_view("HITS").size());
  std::vector<std::vector<std::string>> rows;
  if (!context.options.no_legend)
    rows.push_back({fmt::format("{:>{}}", "HITS", digits), "RULE"});
  for (size_t i = 0; i < count; i++) {
    bool unresolved = false;
    rows.push_back({fmt::format("{:>{}}", hits[i].hits, digits),
                    show_rule(context, hits[i].rule, unresolved)});
  }
  context.console.text("\n" + format_table(rows));
}

void print_json(const Context &context, const KernelPolicy &policy,
                const Counts &counts, const std::vector<RuleHits> &hits) {
  Json value = {{"generation", policy.generation},
                {"rules", policy.rules.size()}};
  for (const Counter &counter : all_counters)
    value[counter.name] = counts.*counter.count;
  Json list = Json::array();
  for (const RuleHits &rule : hits) {
    Json item = rule_json(context, rule.rule);
    item["hits"] = rule.hits;
    list.push_back(item);
  }
  value["hits"] = list;
  context.console.json("stats", value);
}

} // namespace

int cmd_stats(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("stats does not go with --root"));
  if (!context.options.prometheus.empty())
    return write_metrics(context);
  if (auto there = require_loaded(context); !there)
    return fail(context, there.error());
  const auto counts = read_counts(context.kernel);
  if (!counts)
    return fail(context, counts.error());
  const auto policy = read_policy(context.kernel);
  if (!policy)
    return fail(context, policy.error());
  const auto hits = sorted_hits(*policy);
  if (context.console.wants_json()) {
    print_json(context, *policy, *counts, hits);
    return static_cast<int>(Code::done);
  }
  print_counts(context, *counts);
  print_hits(context, hits);
  if (!context.options.no_legend)
    context.console.text(
        fmt::format("\n{} in force, generation {}; counted since the module "
                    "was loaded.\n",
                    counted(policy->rules.size(), "rule"), policy->generation));
  return static_cast<int>(Code::done);
}

} // namespace portacl
