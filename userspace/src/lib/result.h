// SPDX-License-Identifier: GPL-2.0-only
// A value or an error: everything that can fail at run time returns one.

#ifndef PORTACL_LIB_RESULT_H
#define PORTACL_LIB_RESULT_H

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace portacl {

// The exit status of the tool; see EXIT STATUS in portaclctl(8).
enum class Code : int {
  done = 0,
  no = 1,
  usage = 2,
  not_loaded = 3,
  policy = 4,
  permission = 5,
  system = 6,
  attention = 7,
};

struct Error {
  Code code = Code::system;
  std::string message = {};
  std::string hint = {};
  int errnum = 0;
  // Where in a policy file; column is a byte counted from 1, 0 if unknown.
  std::string file = {};
  uint32_t line = 0;
  uint32_t column = 0;
};

// "FILE:LINE:COLUMN: message", as far as the place is known.
std::string error_text(const Error &error);

// An error from errno. Says what could not be done and maps missing
// privileges to Code::permission with a hint.
Error system_error(int errnum, const std::string &what);

template <class T> class [[nodiscard]] Result final {
public:
  Result(T value) : content_(std::move(value)) {}
  Result(Error error) : content_(std::move(error)) {}

  explicit operator bool() const { return content_.index() == 0; }
  T &operator*() { return std::get<0>(content_); }
  const T &operator*() const { return std::get<0>(content_); }
  T *operator->() { return &std::get<0>(content_); }
  const T *operator->() const { return &std::get<0>(content_); }
  Error &error() { return std::get<1>(content_); }
  const Error &error() const { return std::get<1>(content_); }

private:
  std::variant<T, Error> content_;
};

template <> class [[nodiscard]] Result<void> final {
public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  explicit operator bool() const { return !failed_; }
  Error &error() { return error_; }
  const Error &error() const { return error_; }

private:
  Error error_;
  bool failed_ = false;
};

} // namespace portacl

#endif
