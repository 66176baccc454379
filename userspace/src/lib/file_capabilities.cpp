// SPDX-License-Identifier: GPL-2.0-only

#include "lib/file_capabilities.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "lib/directory.h"
#include "lib/fd.h"
#include "lib/numbers.h"
#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

// They hold no programs, or none that an administrator has put there.
constexpr std::array<std::string_view, 24> kernel_types = {
    "autofs",    "binfmt_misc", "bpf",     "cgroup",     "cgroup2",
    "configfs",  "debugfs",     "devpts",  "devtmpfs",   "efivarfs",
    "fusectl",   "hugetlbfs",   "mqueue",  "nfsd",       "nsfs",
    "proc",      "pstore",      "resctrl", "rpc_pipefs", "securityfs",
    "selinuxfs", "smackfs",     "sysfs",   "tracefs"};

// What is scanned there, each machine that mounts it would scan again.
constexpr std::array<std::string_view, 16> network_types = {
    "9p",        "afs",  "beegfs", "ceph", "cifs", "coda",
    "glusterfs", "gpfs", "lustre", "nfs",  "nfs4", "orangefs",
    "pvfs2",     "smb3", "smbfs",  "ncpfs"};

template <class List> bool contains(const List &list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

struct Mount {
  std::string path;
  std::string type;
  bool nosuid = false;
};

// Blanks and the like are written as \040.
std::string without_escapes(std::string_view text) {
  constexpr size_t digits = 3;
  std::string plain;
  while (!text.empty()) {
    const auto code = text.front() == '\\' && text.size() > digits
                          ? number_of<unsigned char>(text.substr(1, digits), 8)
                          : std::nullopt;
    plain += code ? static_cast<char>(*code) : text.front();
    text.remove_prefix(code ? digits + 1 : 1);
  }
  return plain;
}

std::optional<Mount> parse_mount(std::string_view line) {
  // id parent device root point options [optional...] - type source options
  const auto fields = split(line, ' ');
  const auto dash = std::ranges::find(fields, "-");
  constexpr size_t point = 4;
  if (dash - fields.begin() <= static_cast<ptrdiff_t>(point) + 1 ||
      fields.end() - dash < 2)
    return std::nullopt;
  return Mount{.path = without_escapes(fields[point]),
               .type = std::string(*(dash + 1)),
               .nosuid = contains(split(fields[point + 1], ','), "nosuid")};
}

// Why a file system is not looked into, empty if it is.
std::string reason_against(const Mount &mount) {
  if (mount.nosuid)
    return "nosuid: capabilities of files have no effect there";
  if (contains(network_types, mount.type))
    return mount.type + ", not this machine's own";
  if (mount.type == "fuse" || mount.type.starts_with("fuse."))
    return mount.type + ", which a program makes up";
  // Of containers; their layers lie on a file system that is looked into.
  if (mount.type == "overlay" && mount.path != "/")
    return "overlay of what lies elsewhere";
  return {};
}

double used_files(const std::string &path) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0 || info.f_files <= info.f_ffree)
    return 1;
  return static_cast<double>(info.f_files - info.f_ffree);
}

// Directories wait in a list: a deep tree takes neither stack nor descriptors.
class Scanner final {
public:
  explicit Scanner(const ScanProgress &progress) : progress_(progress) {}

  void scan(const ScanStart &start, double share);
  CapabilityScan finish();

private:
  struct Waiting {
    std::string path;
    double share; // of all the work
    bool is_start = false;
  };

  void directory(const Waiting &waiting);
  // Whether it is to be looked into; what is not there is not.
  bool enter(const Waiting &waiting);
  void read_entries(DIR *directory, const Waiting &waiting);
  void look_at(int directory, const char *name, const std::string &path);
  void found(int directory, const char *name, const std::string &path,
             const FileCapability &capability);
  void unreadable(const std::string &path);

  const ScanProgress &progress_;
  CapabilityScan result_;
  std::vector<Waiting> waiting_;
  std::set<FileId> visited_;
  std::map<FileId, size_t> known_; // indexes into the result's files
  double done_ = 0;
};

void Scanner::unreadable(const std::string &path) {
  if (result_.unreadable++ == 0)
    result_.first_unreadable = path;
}

// Neither asks a server nor mounts what an automounter has there.
bool Scanner::enter(const Waiting &waiting) {
  struct statx info {};
  if (statx(AT_FDCWD, waiting.path.c_str(),
            AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
            STATX_TYPE | STATX_INO, &info) != 0) {
    if (errno != ENOENT)
      unreadable(waiting.path);
    return false;
  }
  if (waiting.is_start && S_ISREG(info.stx_mode)) {
    look_at(AT_FDCWD, nullptr, waiting.path);
    return false;
  }
  // A subvolume of btrfs has a device of its own, too, and is no mount.
  if (!waiting.is_start && (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
    return false;
  return S_ISDIR(info.stx_mode) &&
         visited_
             .insert({.device = makedev(info.stx_dev_major, info.stx_dev_minor),
                      .inode = info.stx_ino})
             .second;
}

void Scanner::directory(const Waiting &waiting) {
  if (!enter(waiting)) {
    done_ += waiting.share;
    return;
  }
  UniqueFd fd(open(waiting.path.c_str(),
                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const Directory opened(fd ? fdopendir(fd.get()) : nullptr);
  if (!opened) {
    if (errno != ENOENT && errno != ENOTDIR)
      unreadable(waiting.path);
    done_ += waiting.share;
    return;
  }
  fd.release();
  read_entries(opened.get(), waiting);
}

void Scanner::read_entries(DIR *directory, const Waiting &waiting) {
  constexpr size_t between_reports = 512;
  const size_t first = waiting_.size();
  const std::string prefix =
      waiting.path.ends_with('/') ? waiting.path : waiting.path + "/";
  const int fd = dirfd(directory);
  errno = 0;
  while (const dirent *item = readdir(directory)) {
    const std::string_view name(item->d_name);
    unsigned type = item->d_type;
    struct stat info {};
    if (type == DT_UNKNOWN &&
        fstatat(fd, item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
      type = IFTODT(info.st_mode);
    if (type == DT_REG) {
      look_at(fd, item->d_name, prefix + item->d_name);
      if (result_.looked_at % between_reports == 0 && !progress_(done_)) {
        result_.stopped = true;
        break;
      }
    } else if (type == DT_DIR && name != "." && name != "..") {
      waiting_.push_back({.path = prefix + item->d_name, .share = 0});
    }
    errno = 0;
  }
  if (errno != 0 && !result_.stopped)
    unreadable(waiting.path);
  const double share =
      waiting.share / static_cast<double>(waiting_.size() - first + 1);
  for (size_t i = first; i < waiting_.size(); i++)
    waiting_[i].share = share;
  done_ += share;
}

// By the directory that is open, whatever becomes of its path meanwhile; there
// is no getxattrat() before Linux 6.13.
void Scanner::look_at(int directory, const char *name,
                      const std::string &path) {
  result_.looked_at++;
  std::array<char, XATTR_CAPS_SZ_3> bytes{};
  const std::string by_fd =
      name == nullptr ? path
                      : fmt::format("/proc/self/fd/{}/{}", directory, name);
  const ssize_t size = lgetxattr(by_fd.c_str(), "security.capability",
                                 bytes.data(), bytes.size());
  if (size <= 0)
    return;
  const auto capability =
      parse_file_capability({bytes.data(), static_cast<size_t>(size)});
  if (!capability)
    return;
  if (capability->opens_ports())
    found(directory, name, path, *capability);
  else if (capability->root != 0 &&
           ((capability->permitted | capability->inheritable) &
            port_capability) != 0)
    result_.foreign.push_back(path);
}

void Scanner::found(int directory, const char *name, const std::string &path,
                    const FileCapability &capability) {
  struct stat info {};
  if (fstatat(directory, name == nullptr ? path.c_str() : name, &info,
              AT_SYMLINK_NOFOLLOW) != 0)
    return;
  const FileId id{.device = info.st_dev, .inode = info.st_ino};
  const auto [entry, is_new] = known_.try_emplace(id, result_.files.size());
  if (!is_new) {
    CapableFile &same = result_.files[entry->second];
    if (same.path != path && !contains(same.also, path))
      same.also.push_back(path);
    return;
  }
  result_.files.push_back({.path = path,
                           .id = id,
                           .capability = capability,
                           .owner = info.st_uid,
                           .group = info.st_gid,
                           .mode = info.st_mode});
}

void Scanner::scan(const ScanStart &start, double share) {
  waiting_.push_back({.path = start.path, .share = share, .is_start = true});
  while (!waiting_.empty() && !result_.stopped) {
    const Waiting next = std::move(waiting_.back());
    waiting_.pop_back();
    directory(next);
    if (!result_.stopped && !progress_(done_))
      result_.stopped = true;
  }
}

CapabilityScan Scanner::finish() {
  std::ranges::sort(result_.files, {}, &CapableFile::path);
  return std::move(result_);
}

} // namespace

Result<ScanStarts> local_file_systems(const std::string &root) {
  const auto text = read_tree_file(root, root + "/proc/self/mountinfo");
  if (!text)
    return text.error();
  ScanStarts found;
  for (const std::string_view line : split(*text, '\n')) {
    const auto mount = parse_mount(line);
    if (!mount || contains(kernel_types, mount->type))
      continue;
    const std::string path =
        mount->path == "/" && !root.empty() ? root : root + mount->path;
    if (const std::string reason = reason_against(*mount); !reason.empty())
      found.left_out.push_back(fmt::format("{} ({})", path, reason));
    else
      found.starts.push_back({.path = path, .files = used_files(path)});
  }
  return found;
}

CapabilityScan scan_capabilities(const std::vector<ScanStart> &starts,
                                 const ScanProgress &progress) {
  double all = 0;
  for (const ScanStart &start : starts)
    all += start.files;
  Scanner scanner(progress);
  for (const ScanStart &start : starts)
    scanner.scan(start, start.files / all);
  return scanner.finish();
}

} // namespace portacl
