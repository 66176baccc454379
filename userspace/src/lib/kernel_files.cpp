// SPDX-License-Identifier: GPL-2.0-only

#include "lib/kernel_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

#include "lib/config_dirs.h"
#include "lib/libkmod_calls.h"
#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

// The longest of these files, which lists the functions of a kernel, has 3 MiB.

struct CloseGzip {
  void operator()(gzFile_s *file) const { gzclose(file); }
};
struct ReleaseInfoList {
  void operator()(kmod_list *list) const {
    lazy::kmod_module_info_free_list(list);
  }
};

// Of a file that may be packed. What is not there, or broken, is empty.
std::string read_gzip(const std::string &root, const std::string &path) {
  UniqueFd fd = open_in_root(root, root + path);
  if (!fd)
    return {};
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzdopen(fd.get(), "r"));
  if (!file)
    return {};
  fd.release();
  std::string text;
  std::array<char, 65536> buffer{};
  for (int got = 0; (got = gzread(file.get(), buffer.data(),
                                  static_cast<unsigned>(buffer.size()))) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > max_tree_file_bytes)
      return {};
  }
  return text;
}

bool is_in_tree(const std::string &root, const std::string &path) {
  return static_cast<bool>(open_in_root(root, root + path));
}

constexpr std::array<std::string_view, 2> module_directories = {
    "/lib/modules", "/usr/lib/modules"};

// As modprobe.d(5) has them; files in the first hide those of their name in the
// others.
constexpr std::array<const char *, 5> modprobe_directories = {
    "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d", "/lib/modprobe.d"};

// The command of an "install" line that ends in modprobe loads it all the same.
bool is_obstacle(const std::vector<std::string_view> &words,
                 std::string_view module) {
  if (words.size() < 2 || words[1] != module)
    return false;
  return words[0] == "blacklist" ||
         (words[0] == "install" &&
          std::ranges::none_of(words, [](std::string_view word) {
            return word.ends_with("modprobe");
          }));
}

void find_in_modprobe_file(std::string_view text, const std::string &file,
                           std::string_view module,
                           std::vector<LoadObstacle> &found) {
  size_t number = 0;
  size_t first = 0;
  std::string joined;
  for (const std::string_view part : split(text, '\n')) {
    number++;
    first = joined.empty() ? number : first;
    joined += part;
    if (joined.ends_with('\\')) {
      joined.back() = ' ';
      continue;
    }
    std::ranges::replace(joined, '\t', ' ');
    std::vector<std::string_view> words = split(joined, ' ');
    std::erase(words, "");
    if (is_obstacle(words, module))
      found.push_back({.words = fmt::format("{} {}", words[0], module),
                       .place = fmt::format("{}:{}", file, first)});
    joined.clear();
  }
}

// Of the kernel's command line: "KEY=MODULE,MODULE".
void find_in_command_line(const std::string &root, std::string_view module,
                          std::vector<LoadObstacle> &found) {
  const auto text = read_system_file(root, "/proc/cmdline");
  const std::string line = text ? text->substr(0, text->find('\n')) : "";
  for (const std::string_view word : split(line, ' ')) {
    const size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    if (equals == std::string_view::npos ||
        (key != "module_blacklist" && key != "modprobe.blacklist"))
      continue;
    if (std::ranges::count(split(word.substr(equals + 1), ','), module) != 0)
      found.push_back(
          {.words = fmt::format("{}={}", key, module), .place = {}});
  }
}

void read_fields(kmod_list *list, ModuleInfo &info) {
  for (kmod_list *item = list; item != nullptr;
       item = lazy::kmod_list_next(list, item)) {
    const std::string_view key = lazy::kmod_module_info_get_key(item);
    const char *value = lazy::kmod_module_info_get_value(item);
    if (key == "version")
      info.version = value;
    else if (key == "srcversion")
      info.source_version = value;
    else if (key == "vermagic")
      info.built_for = value;
    else if (key == "signer")
      info.signer = value;
  }
}

} // namespace

Result<std::string> read_system_file(const std::string &root,
                                     const std::string &path) {
  return read_tree_file(root, root + path);
}

std::vector<std::string> list_tree(const std::string &root,
                                   const std::string &path) {
  std::vector<std::string> names;
  if (const auto entries = list_tree_directory(root, root + path)) {
    for (const TreeEntry &entry : *entries)
      names.push_back(entry.name);
  }
  return names;
}

std::string running_release(const std::string &root) {
  const auto text = read_system_file(root, "/proc/sys/kernel/osrelease");
  if (!text)
    return {};
  std::string release = text->substr(0, text->find('\n'));
  // It becomes part of paths.
  return release.find('/') == std::string::npos ? release : "";
}

std::vector<std::string> installed_releases(const std::string &root) {
  std::vector<std::string> releases;
  for (const std::string_view directory : module_directories) {
    for (const std::string &name : list_tree(root, std::string(directory))) {
      // A kernel that was removed leaves the modules of others behind.
      if (is_in_tree(root,
                     fmt::format("{}/{}/modules.builtin", directory, name)) &&
          std::ranges::count(releases, name) == 0)
        releases.push_back(name);
    }
  }
  std::ranges::sort(releases, [](const auto &left, const auto &right) {
    return strverscmp(left.c_str(), right.c_str()) < 0;
  });
  return releases;
}

std::optional<std::pair<unsigned, unsigned>>
release_version(std::string_view release) {
  const char *end = release.data() + release.size();
  unsigned major = 0;
  unsigned minor = 0;
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.')
    return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc())
    return std::nullopt;
  return std::pair(major, minor);
}

std::optional<KernelConfig> KernelConfig::read(const std::string &root,
                                               const std::string &release) {
  std::vector<std::string> paths = {
      "/boot/config-" + release, fmt::format("/lib/modules/{}/config", release),
      fmt::format("/usr/lib/modules/{}/config", release),
      fmt::format("/lib/modules/{}/build/.config", release)};
  if (release == running_release(root))
    paths.emplace_back("/proc/config.gz");
  for (std::string &path : paths) {
    if (std::string text = read_gzip(root, path); !text.empty())
      return KernelConfig(std::move(path), "\n" + text);
  }
  return std::nullopt;
}

std::string KernelConfig::value(std::string_view name) const {
  const std::string line = fmt::format("\nCONFIG_{}=", name);
  const size_t at = text_.find(line);
  if (at == std::string::npos)
    return {};
  const size_t begin = at + line.size();
  return text_.substr(begin, text_.find('\n', begin) - begin);
}

std::string find_module_file(const std::string &root,
                             const std::string &release,
                             std::string_view module) {
  for (const std::string_view directory : module_directories) {
    const std::string base = fmt::format("{}/{}/", directory, release);
    const auto list = read_system_file(root, base + "modules.dep");
    if (!list)
      continue;
    for (const std::string_view line : split(*list, '\n')) {
      const std::string file(line.substr(0, line.find(':')));
      const std::string name = file_name(file);
      if (name.substr(0, name.find('.')) != module ||
          name.find(".ko") == std::string::npos)
        continue;
      std::string path = file.starts_with('/') ? file : base + file;
      return is_in_tree(root, path) ? path : "";
    }
  }
  return {};
}

// A module has a state while it is loaded, and no directory when it is not.
bool is_built_in(const std::string &root, std::string_view module) {
  const std::string directory = fmt::format("/sys/module/{}", module);
  return is_in_tree(root, directory + "/version") &&
         !is_in_tree(root, directory + "/initstate");
}

std::string security_modules_with(const std::string &root,
                                  std::string_view module) {
  // It is always there, and not for lsm= to say.
  constexpr std::string_view always = "capability";
  std::string list;
  if (const auto text = read_system_file(root, "/sys/kernel/security/lsm")) {
    for (const std::string_view name :
         split(std::string_view(*text).substr(0, text->find('\n')), ',')) {
      if (!name.empty() && name != always)
        list += fmt::format("{},", name);
    }
  } else {
    list = "...,";
  }
  return list + std::string(module);
}

std::vector<LoadObstacle> load_obstacles(const std::string &root,
                                         std::string_view module) {
  std::map<std::string, std::string> files;
  for (const std::string directory : modprobe_directories) {
    for (const std::string &name : list_tree(root, directory)) {
      if (name.ends_with(".conf"))
        files.emplace(name, fmt::format("{}/{}", directory, name));
    }
  }
  std::vector<LoadObstacle> found;
  for (const auto &[name, path] : files) {
    if (const auto text = read_system_file(root, path))
      find_in_modprobe_file(*text, root + path, module, found);
  }
  find_in_command_line(root, module, found);
  return found;
}

Result<ModuleInfo> read_module_info(const std::string &root,
                                    const std::string &path) {
  const UniqueFd fd = open_in_root(root, root + path);
  if (!fd)
    return system_error(errno, "cannot read " + root + path);
  const auto context = make_kmod_context();
  if (!context)
    return context.error();
  kmod_module *raw = nullptr;
  // The very file that was opened inside the root.
  int error = lazy::kmod_module_new_from_path(
      context->get(), fmt::format("/proc/self/fd/{}", fd.get()).c_str(), &raw);
  const KmodModule module(raw);
  kmod_list *list = nullptr;
  if (error == 0)
    error = lazy::kmod_module_get_info(module.get(), &list);
  const std::unique_ptr<kmod_list, ReleaseInfoList> fields(list);
  if (error < 0)
    return system_error(-error, "cannot read " + root + path);
  ModuleInfo info;
  read_fields(list, info);
  return info;
}

} // namespace portacl
