// SPDX-License-Identifier: GPL-2.0-only

#include "lib/kernel.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/fd.h"
#include "lib/numbers.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

// A policy that changes more often than this while it is read is hopeless.
constexpr int read_attempts = 100;

// The generation that a first or last line of a policy names.
std::optional<uint64_t> generation_in(std::string_view line,
                                      std::string_view format) {
  const std::string_view words = format.substr(0, format.find('%'));
  if (!line.starts_with(words))
    return std::nullopt;
  return number_of<uint64_t>(line.substr(words.size()));
}

// What stands behind a rule.
uint64_t hits_in(std::string_view line) {
  constexpr std::string_view format = PORTACL_POLICY_HITS;
  const std::string_view words = format.substr(0, format.find('%'));
  const size_t at = line.rfind(words);
  if (at == std::string_view::npos)
    return 0;
  const size_t digits = line.find_first_not_of(' ', at + words.size());
  if (digits == std::string_view::npos)
    return 0;
  return number_of<uint64_t>(line.substr(digits)).value_or(0);
}

Error kernel_error(std::string message) {
  return {.code = Code::system, .message = std::move(message)};
}

// Empty when the text is not one whole policy of one generation.
Result<std::optional<KernelPolicy>> parse_policy(std::string_view text) {
  constexpr std::optional<KernelPolicy> torn;
  if (!text.ends_with('\n'))
    return torn;
  text.remove_suffix(1);
  auto lines = split(text, '\n');
  const auto first = generation_in(lines.front(), PORTACL_POLICY_HEAD);
  const auto last = generation_in(lines.back(), PORTACL_POLICY_TAIL);
  if (!first || first != last)
    return torn;
  KernelPolicy policy{.generation = *first};
  for (const std::string_view line : lines) {
    pacl_rule rule{};
    pacl_error error{};
    const int parsed = pacl_parse_line(line.data(), line.size(), &rule, &error);
    if (parsed < 0)
      return kernel_error(fmt::format("the kernel's policy holds a line that "
                                      "this version cannot read: {}",
                                      printable(line)));
    if (parsed == 0)
      continue;
    policy.rules.push_back(rule_text(rule));
    policy.hits.push_back(hits_in(line));
  }
  return std::optional(std::move(policy));
}

// The line that "line L column C: REASON" names, 0 if none.
uint32_t line_named(std::string_view reason) {
  constexpr std::string_view prefix = "line ";
  uint32_t line = 0;
  if (reason.starts_with(prefix))
    std::from_chars(reason.data() + prefix.size(),
                    reason.data() + reason.size(), line);
  return line;
}

std::string_view line_of(std::string_view text, uint32_t number) {
  while (--number > 0 && !text.empty()) {
    const size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return text.substr(0, text.find('\n'));
}

} // namespace

Result<std::string> SysfsKernel::read(const std::string &attribute) {
  const std::string path = directory_ + "/" + attribute;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return system_error(errno, "cannot open " + path);
  return read_all(fd, path);
}

Result<void> SysfsKernel::write(const std::string &attribute,
                                std::string_view data) {
  const std::string path = directory_ + "/" + attribute;
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd)
    return system_error(errno, "cannot open " + path);
  const ssize_t put = ::write(fd.get(), data.data(), data.size());
  if (put < 0)
    return system_error(errno, "cannot write " + path);
  if (static_cast<size_t>(put) != data.size())
    return kernel_error("the kernel took only a part of the write to " + path);
  return {};
}

Result<std::string> read_line(Kernel &kernel, const std::string &attribute) {
  auto text = kernel.read(attribute);
  if (text && text->ends_with('\n'))
    text->pop_back();
  return text;
}

Result<uint64_t> read_number(Kernel &kernel, const std::string &attribute) {
  const auto line = read_line(kernel, attribute);
  if (!line)
    return line.error();
  if (const auto value = number_of<uint64_t>(*line))
    return *value;
  return kernel_error(fmt::format("{}/{} is not a number: '{}'", PORTACL_SYSFS,
                                  attribute, printable(*line)));
}

Result<bool> is_loaded(Kernel &kernel) {
  const auto abi = read_line(kernel, "abi");
  if (!abi && abi.error().errnum == ENOENT)
    return false;
  if (!abi)
    return abi.error();
  if (*abi != std::to_string(PORTACL_ABI))
    return Error{
        .code = Code::not_loaded,
        .message = fmt::format("the loaded module speaks ABI {}, this tool {}",
                               printable(*abi), PORTACL_ABI),
        .hint = "install portaclctl and the module in the same version, then "
                "reload the module"};
  return true;
}

Result<KernelPolicy> read_policy(Kernel &kernel) {
  for (int attempt = 0; attempt < read_attempts; attempt++) {
    const auto text = kernel.read("policy");
    if (!text && text.error().errnum == ESTALE)
      continue;
    if (!text)
      return text.error();
    auto policy = parse_policy(*text);
    if (!policy)
      return policy.error();
    if (*policy)
      return std::move(**policy);
  }
  return kernel_error("the kernel's policy changes faster than it can be read");
}

PolicyChange difference(const std::vector<std::string> &from,
                        const std::vector<std::string> &to) {
  const auto as_set = [](std::vector<std::string> rules) {
    std::ranges::sort(rules);
    rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
    return rules;
  };
  const auto before = as_set(from);
  const auto after = as_set(to);
  PolicyChange change;
  std::ranges::set_difference(after, before, std::back_inserter(change.add));
  std::ranges::set_difference(before, after, std::back_inserter(change.remove));
  return change;
}

Error explain(Kernel &kernel, Error error, std::string_view text) {
  if (error.code == Code::permission) {
    error.message = "not permitted to change the kernel's policy";
    return error;
  }
  if (error.errnum == EROFS) {
    error.message = "the policy is locked until the next reboot";
    return error;
  }
  if (error.errnum == ENOSPC) {
    error.message = "the kernel's policy is full";
    return error;
  }
  const auto reason = read_line(kernel, "error");
  if (!reason || reason->empty()) {
    error.message = "the kernel refused it: " + error.message;
    return error;
  }
  error.message = "the kernel refused it: " + printable(*reason);
  error.line = line_named(*reason);
  if (error.line > 0) {
    if (const auto line = line_of(text, error.line); !line.empty())
      error.message += fmt::format(", in: {}", printable(line));
  }
  return error;
}

Result<void> submit(Kernel &kernel, const std::string &attribute,
                    std::string_view data) {
  auto written = kernel.write(attribute, data);
  if (!written)
    return explain(kernel, written.error(), data);
  return {};
}

} // namespace portacl
