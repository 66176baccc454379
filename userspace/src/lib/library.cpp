// SPDX-License-Identifier: GPL-2.0-only

#include "lib/library.h"

#include <stdexcept>

#include <dlfcn.h>
#include <fmt/format.h>

#include "lib/text.h"

namespace portacl {

namespace {

// Valid until the next call of the loader.
std::string loader_error() {
  const char *text = dlerror();
  return text == nullptr ? "unknown error" : printable(text);
}

} // namespace

Result<void> Library::load() {
  if (handle_ == nullptr)
    handle_ = dlopen(name_, RTLD_LAZY | RTLD_LOCAL);
  if (handle_ == nullptr)
    return Error{.code = Code::system,
                 .message = "cannot use a library: " + loader_error(),
                 .hint = fmt::format("install the package that has {}", name_)};
  return {};
}

void *Library::find(const char *function) {
  if (auto loaded = load(); !loaded)
    throw std::runtime_error(loaded.error().message);
  void *address = dlsym(handle_, function);
  if (address == nullptr)
    throw std::runtime_error("cannot use a library: " + loader_error());
  return address;
}

} // namespace portacl
