// SPDX-License-Identifier: GPL-2.0-only

#include "lib/kmod.h"

#include <cerrno>

#include <fmt/format.h>

#include "lib/libkmod_calls.h"

namespace portacl {

namespace {

struct ReleaseList {
  void operator()(kmod_list *list) const { lazy::kmod_module_unref_list(list); }
};
using ModuleList = std::unique_ptr<kmod_list, ReleaseList>;

Error load_error(int error, const std::string &module) {
  Error result = system_error(error, "cannot load " + module);
  if (error == ENOENT) {
    result.code = Code::not_loaded;
    result.hint = "give the file of the module: portaclctl load "
                  "PATH/portacl.ko";
  } else if (error == EPERM && geteuid() == 0) {
    result.hint = "the kernel may be locked down, or the module's signature "
                  "unknown: see dmesg";
  } else if (result.code != Code::permission) {
    result.hint = "the kernel says more: see the end of dmesg";
  }
  return result;
}

Result<void> load_file(kmod_ctx *context, const std::string &path) {
  kmod_module *raw = nullptr;
  int error = lazy::kmod_module_new_from_path(context, path.c_str(), &raw);
  const KmodModule module(raw);
  if (error == 0)
    error = lazy::kmod_module_insert_module(module.get(), 0, nullptr);
  if (error == 0 || error == -EEXIST)
    return {};
  return load_error(-error, path);
}

Result<void> load_name(kmod_ctx *context, const std::string &name) {
  kmod_list *raw = nullptr;
  int error = lazy::kmod_module_new_from_lookup(context, name.c_str(), &raw);
  const ModuleList list(raw);
  if (error < 0 || !list)
    return load_error(error < 0 ? -error : ENOENT, name);
  for (kmod_list *item = list.get(); item != nullptr;
       item = lazy::kmod_list_next(list.get(), item)) {
    const KmodModule module(lazy::kmod_module_get_module(item));
    error = lazy::kmod_module_probe_insert_module(module.get(), 0, nullptr,
                                                  nullptr, nullptr, nullptr);
    if (error != 0 && error != -EEXIST)
      return load_error(-error, name);
  }
  return {};
}

} // namespace

Result<KmodContext> make_kmod_context() {
  if (auto there = lazy::libkmod.load(); !there)
    return there.error();
  KmodContext context(lazy::kmod_new(nullptr, nullptr));
  if (!context)
    return system_error(ENOMEM, "cannot use libkmod");
  lazy::kmod_set_log_fn(
      context.get(),
      [](void *, int, const char *, int, const char *, const char *, va_list) {
      },
      nullptr);
  return context;
}

Result<void> LibKmod::load(const std::string &module) {
  const auto context = make_kmod_context();
  if (!context)
    return context.error();
  if (module.find('/') != std::string::npos || module.ends_with(".ko"))
    return load_file(context->get(), module);
  return load_name(context->get(), module);
}

Result<void> LibKmod::unload(const std::string &name) {
  const auto context = make_kmod_context();
  if (!context)
    return context.error();
  kmod_module *raw = nullptr;
  int error =
      lazy::kmod_module_new_from_name(context->get(), name.c_str(), &raw);
  const KmodModule module(raw);
  if (error == 0)
    error = lazy::kmod_module_remove_module(module.get(), 0);
  if (error == 0)
    return {};
  Error result = system_error(-error, "cannot unload " + name);
  if (error == -EWOULDBLOCK || error == -EBUSY)
    result.hint = "something uses the module: see lsmod";
  return result;
}

} // namespace portacl
