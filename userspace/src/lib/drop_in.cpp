// SPDX-License-Identifier: GPL-2.0-only

#include "lib/drop_in.h"

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/config_dirs.h"
#include "lib/files.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *local_name = "50-local.conf";
constexpr const char *runtime_name = "60-runtime.conf";

constexpr std::string_view header =
    "# Rules of this machine: who may bind which ports.\n"
    "# portaclctl edits this file (allow, deny, remove, ...); so may you.\n"
    "# portaclctl apply puts it into force. See portaclctl(8).\n";

constexpr std::string_view runtime_header =
    "# Rules until the next reboot, made by portaclctl with --runtime.\n";

// The file must be the one that is in force under its name, or editing it
// would change something else than it seems to.
Result<void> check_in_force(const std::string &root, const std::string &path) {
  struct stat info {};
  const bool exists = lstat(path.c_str(), &info) == 0;
  if (exists && S_ISLNK(info.st_mode))
    return Error{.code = Code::policy,
                 .message = "is a symbolic link, which is not edited",
                 .hint = "edit what it points to, or remove the link",
                 .file = path};
  if (exists && !S_ISREG(info.st_mode))
    return Error{
        .code = Code::policy, .message = "not a regular file", .file = path};
  // config_dirs is in order of precedence.
  bool passed_own = false;
  for (const std::string_view directory : config_dirs) {
    const std::string other =
        fmt::format("{}{}/{}", root, directory, file_name(path));
    if (other == path) {
      passed_own = true;
      continue;
    }
    if ((passed_own && exists) || lstat(other.c_str(), &info) != 0)
      continue;
    return Error{.code = Code::policy,
                 .message =
                     (passed_own ? "would hide " : "is hidden by ") + other,
                 .hint = fmt::format("rename {}", other),
                 .file = path};
  }
  return {};
}

} // namespace

Result<ChangeLock> ChangeLock::take(const std::string &root,
                                    const std::function<void()> &waiting) {
  const std::string directory = root + "/run";
  if (!root.empty()) {
    if (auto made = make_directory(directory); !made)
      return made.error();
  }
  const std::string path = directory + "/portacl.lock";
  // Nobody else may open it, or anybody could hold it.
  UniqueFd fd(
      open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd)
    return system_error(errno, "cannot open " + path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
    return ChangeLock(std::move(fd));
  waiting();
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR)
      return system_error(errno, "cannot lock " + path);
  }
  return ChangeLock(std::move(fd));
}

std::string DropIn::path(const std::string &root, bool runtime) {
  return fmt::format("{}{}/{}", root, runtime ? config_run : config_etc,
                     runtime ? runtime_name : local_name);
}

Result<DropIn> DropIn::open(const std::string &root, bool runtime) {
  const std::string path = DropIn::path(root, runtime);
  if (auto fine = check_in_force(root, path); !fine)
    return fine.error();
  auto text = read_config_file(root, path);
  if (text)
    return DropIn(root, path, std::move(*text), true);
  if (text.error().errnum != ENOENT)
    return text.error();
  return DropIn(root, path, {}, false);
}

// Empty if there is none; what cannot be read is no error of this kind.
std::optional<std::string> DropIn::now() const {
  auto text = read_config_file(root_, path_);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

Result<void> DropIn::save() {
  // Who edits by hand takes no lock.
  if (const auto text = now(); existed_ ? text != original_ : text.has_value())
    return Error{.code = Code::policy,
                 .message = "was changed by somebody else meanwhile",
                 .hint = "try again",
                 .file = path_};
  return replace_file(path_, text_);
}

std::string DropIn::text_with_end() const {
  std::string text = text_;
  if (text.empty() && !existed_)
    text = path_.ends_with(runtime_name) ? runtime_header : header;
  if (!text.empty() && !text.ends_with('\n'))
    text += '\n';
  return text;
}

uint32_t DropIn::next_line() const {
  return static_cast<uint32_t>(std::ranges::count(text_with_end(), '\n') + 1);
}

void DropIn::append(std::string_view rule) {
  text_ = text_with_end();
  text_ += rule;
  text_ += '\n';
}

void DropIn::replace_words(uint32_t line, std::string_view words) {
  size_t at = 0;
  for (uint32_t number = 1; number < line; number++)
    at = text_.find('\n', at) + 1;
  at = std::min(text_.find_first_not_of(" \t", at), text_.size());
  size_t end = std::min(text_.find_first_of("#\n", at), text_.size());
  while (end > at && (text_[end - 1] == ' ' || text_[end - 1] == '\t'))
    end--;
  text_.replace(at, end - at, words);
}

void DropIn::remove_lines(const std::vector<uint32_t> &lines) {
  const std::unordered_set<uint32_t> removed(lines.begin(), lines.end());
  std::string kept;
  uint32_t number = 0;
  for (size_t at = 0; at < text_.size();) {
    const size_t newline = text_.find('\n', at);
    const size_t end =
        newline == std::string::npos ? text_.size() : newline + 1;
    if (removed.count(++number) == 0)
      kept.append(text_, at, end - at);
    at = end;
  }
  text_ = std::move(kept);
}

Result<void> DropIn::restore() {
  const auto text = now();
  // Not saved, or not that far.
  if (existed_ ? text == original_ : !text)
    return {};
  if (existed_)
    return replace_file(path_, original_);
  if (unlink(path_.c_str()) != 0 && errno != ENOENT)
    return system_error(errno, "cannot remove " + path_);
  return {};
}

} // namespace portacl
