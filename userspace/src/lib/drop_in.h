// SPDX-License-Identifier: GPL-2.0-only
// Changes one policy file: whole or not at all, and nothing but the lines that
// are meant.

#ifndef PORTACL_LIB_DROP_IN_H
#define PORTACL_LIB_DROP_IN_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/fd.h"
#include "lib/result.h"

namespace portacl {

// Held by whoever changes files or the kernel's policy, so that two of them
// cannot lose each other's work.
class ChangeLock final {
public:
  // Calls waiting where somebody else holds it.
  static Result<ChangeLock> take(
      const std::string &root, const std::function<void()> &waiting = [] {});
  // For who only looks.
  static ChangeLock none() { return ChangeLock(UniqueFd()); }

private:
  explicit ChangeLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

class DropIn final {
public:
  // The file that changes go to; with runtime the one that a reboot drops.
  static std::string path(const std::string &root, bool runtime);

  // Reads the file; one that does not exist is empty.
  static Result<DropIn> open(const std::string &root, bool runtime);

  const std::string &path() const { return path_; }
  const std::string &text() const { return text_; }

  // The number that the next appended line gets.
  uint32_t next_line() const;
  void append(std::string_view rule);
  // A comment behind the words stays.
  void replace_words(uint32_t line, std::string_view words);
  void remove_lines(const std::vector<uint32_t> &lines);

  // Code::policy if the file is not what open() found any more.
  Result<void> save();
  // Puts back what open() found.
  Result<void> restore();

private:
  DropIn(std::string root, std::string path, std::string text, bool existed)
      : root_(std::move(root)), path_(std::move(path)), text_(text),
        original_(std::move(text)), existed_(existed) {}

  std::string text_with_end() const;
  std::optional<std::string> now() const;

  std::string root_;
  std::string path_;
  std::string text_;
  std::string original_;
  bool existed_;
};

} // namespace portacl

#endif
