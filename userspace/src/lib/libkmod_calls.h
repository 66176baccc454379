// SPDX-License-Identifier: GPL-2.0-only
// What of libkmod is used, by the names of its own header.

#ifndef PORTACL_LIB_LIBKMOD_CALLS_H
#define PORTACL_LIB_LIBKMOD_CALLS_H

#include <memory>

#include <libkmod.h>

#include "lib/library.h"

namespace portacl::lazy {

inline constinit Library libkmod("libkmod.so.2");

inline constinit Call<decltype(::kmod_list_next)>
    kmod_list_next(libkmod, "kmod_list_next");
inline constinit Call<decltype(::kmod_module_get_info)>
    kmod_module_get_info(libkmod, "kmod_module_get_info");
inline constinit Call<decltype(::kmod_module_get_module)>
    kmod_module_get_module(libkmod, "kmod_module_get_module");
inline constinit Call<decltype(::kmod_module_info_free_list)>
    kmod_module_info_free_list(libkmod, "kmod_module_info_free_list");
inline constinit Call<decltype(::kmod_module_info_get_key)>
    kmod_module_info_get_key(libkmod, "kmod_module_info_get_key");
inline constinit Call<decltype(::kmod_module_info_get_value)>
    kmod_module_info_get_value(libkmod, "kmod_module_info_get_value");
inline constinit Call<decltype(::kmod_module_insert_module)>
    kmod_module_insert_module(libkmod, "kmod_module_insert_module");
inline constinit Call<decltype(::kmod_module_new_from_lookup)>
    kmod_module_new_from_lookup(libkmod, "kmod_module_new_from_lookup");
inline constinit Call<decltype(::kmod_module_new_from_name)>
    kmod_module_new_from_name(libkmod, "kmod_module_new_from_name");
inline constinit Call<decltype(::kmod_module_new_from_path)>
    kmod_module_new_from_path(libkmod, "kmod_module_new_from_path");
inline constinit Call<decltype(::kmod_module_probe_insert_module)>
    kmod_module_probe_insert_module(libkmod, "kmod_module_probe_insert_module");
inline constinit Call<decltype(::kmod_module_remove_module)>
    kmod_module_remove_module(libkmod, "kmod_module_remove_module");
inline constinit Call<decltype(::kmod_module_unref)>
    kmod_module_unref(libkmod, "kmod_module_unref");
inline constinit Call<decltype(::kmod_module_unref_list)>
    kmod_module_unref_list(libkmod, "kmod_module_unref_list");
inline constinit Call<decltype(::kmod_new)> kmod_new(libkmod, "kmod_new");
inline constinit Call<decltype(::kmod_set_log_fn)>
    kmod_set_log_fn(libkmod, "kmod_set_log_fn");
inline constinit Call<decltype(::kmod_unref)> kmod_unref(libkmod, "kmod_unref");

} // namespace portacl::lazy

namespace portacl {

struct ReleaseKmod {
  void operator()(kmod_ctx *context) const { lazy::kmod_unref(context); }
  void operator()(kmod_module *module) const {
    lazy::kmod_module_unref(module);
  }
};
using KmodContext = std::unique_ptr<kmod_ctx, ReleaseKmod>;
using KmodModule = std::unique_ptr<kmod_module, ReleaseKmod>;

// Of the running kernel's modules; writes nothing to stderr by itself.
Result<KmodContext> make_kmod_context();

} // namespace portacl

#endif
