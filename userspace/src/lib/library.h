// SPDX-License-Identifier: GPL-2.0-only
// Shared libraries that few commands need. Those that the tool is linked with
// are loaded for each of its runs: libcrypto, which libkmod brings, takes as
// long as all the rest.

#ifndef PORTACL_LIB_LIBRARY_H
#define PORTACL_LIB_LIBRARY_H

#include <string>

#include "lib/result.h"

namespace portacl {

// Stays loaded once it is.
class Library final {
public:
  // The name with its version, as in "libkmod.so.2".
  explicit constexpr Library(const char *name) : name_(name) {}

  // Code::system where the library is not installed or too old.
  Result<void> load();
  // Throws where load() fails, or the library lacks the function.
  void *find(const char *function);

private:
  const char *name_;
  void *handle_ = nullptr;
};

// A function of a library, called like the one that the header declares.
template <class Function> class Call;
template <class Value, class... Arguments>
class Call<Value(Arguments...)> final {
public:
  constexpr Call(Library &library, const char *name)
      : library_(library), name_(name) {}

  Value operator()(Arguments... arguments) {
    if (address_ == nullptr)
      address_ =
          reinterpret_cast<Value (*)(Arguments...)>(library_.find(name_));
    return address_(arguments...);
  }

private:
  Library &library_;
  const char *name_;
  Value (*address_)(Arguments...) = nullptr;
};

} // namespace portacl

#endif
