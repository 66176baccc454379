// SPDX-License-Identifier: GPL-2.0-only

#include "lib/upload.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>
#include <sys/random.h>
#include <zlib.h>

#include "uapi/portacl.h"

namespace portacl {

namespace {

constexpr const char *attribute = "policy";

// Who is overtaken more often than this has an enemy, not bad luck.
constexpr int upload_attempts = 5;

// Nobody else's upload has the same name.
Result<std::string> make_nonce() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof(number), 0) != sizeof(number))
    return system_error(errno, "cannot get a random number");
  return fmt::format("{:016x}", number);
}

std::string checksum(std::string_view text) {
  uLong sum = crc32_z(0, nullptr, 0);
  sum = crc32_z(sum, reinterpret_cast<const Bytef *>(text.data()), text.size());
  return fmt::format("{:08x}", sum);
}

std::string text_of(const std::vector<std::string> &rules) {
  std::string text;
  for (const std::string &rule : rules) {
    text += rule;
    text += '\n';
  }
  return text;
}

// Every step is one write.
Result<void> upload_once(Kernel &kernel, std::string_view text,
                         const std::string &nonce,
                         const std::function<void(size_t)> &progress) {
  if (auto begun = kernel.write(
          attribute, fmt::format("begin {} {}\n", text.size(), nonce));
      !begun)
    return begun;
  for (size_t at = 0; at < text.size();) {
    std::string chunk = fmt::format("chunk {} {}\n", nonce, at);
    const std::string_view part =
        text.substr(at, PORTACL_MAX_WRITE - chunk.size());
    chunk += part;
    if (auto written = kernel.write(attribute, chunk); !written)
      return written;
    at += part.size();
    progress(at);
  }
  return kernel.write(attribute,
                      fmt::format("commit {} {}\n", nonce, checksum(text)));
}

Error overtaken() {
  return {.code = Code::system,
          .message = fmt::format("overtaken by other uploads {} times; the "
                                 "policy in force is not this one",
                                 upload_attempts),
          .hint = "find out what else writes to " PORTACL_SYSFS "/policy",
          .errnum = ESTALE};
}

} // namespace

Result<void> upload_policy(Kernel &kernel,
                           const std::vector<std::string> &rules,
                           const Progress &progress) {
  const std::string text = text_of(rules);
  if (text.size() > PORTACL_MAX_UPLOAD)
    return Error{.code = Code::policy,
                 .message = fmt::format("the rules are more than {} bytes long",
                                        PORTACL_MAX_UPLOAD)};
  const auto sent = [&](size_t bytes) {
    if (progress)
      progress(bytes == text.size() ? rules.size()
                                    : rules.size() * bytes / text.size(),
               rules.size());
  };
  for (int attempt = 0; attempt < upload_attempts; attempt++) {
    const auto nonce = make_nonce();
    if (!nonce)
      return nonce.error();
    auto done = upload_once(kernel, text, *nonce, sent);
    if (done)
      return {};
    if (done.error().errnum == ESTALE)
      continue;
    Error error = explain(kernel, done.error(), text);
    // Should this fail, the kernel drops the upload in a while.
    static_cast<void>(
        kernel.write(attribute, fmt::format("abort {}\n", *nonce)));
    return error;
  }
  return overtaken();
}

} // namespace portacl
