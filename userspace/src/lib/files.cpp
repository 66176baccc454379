// SPDX-License-Identifier: GPL-2.0-only

#include "lib/files.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/text.h"

namespace portacl {

namespace {

std::string directory_name(const std::string &path) {
  return path.substr(0, path.rfind('/'));
}

Result<UniqueFd> open_directory(const std::string &directory) {
  // Under a root, /etc or /var/lib may be missing, too.
  for (size_t end = 0; end != std::string::npos;) {
    end = directory.find('/', end + 1);
    if (auto made = make_directory(directory.substr(0, end)); !made)
      return made.error();
  }
  UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd)
    return system_error(errno, "cannot open " + directory);
  return fd;
}

} // namespace

Result<void> make_directory(const std::string &path) {
  if (mkdir(path.c_str(), 0755) == 0) {
    if (chmod(path.c_str(), 0755) == 0)
      return {};
  } else if (errno == EEXIST) {
    return {};
  }
  return system_error(errno, "cannot make " + path);
}

Result<void> replace_file(const std::string &path, const std::string &text) {
  auto directory = open_directory(directory_name(path));
  if (!directory)
    return directory.error();
  // The lock is held: a file of this name is what a killed process left.
  const std::string temporary = "." + file_name(path) + ".new";
  unlinkat(directory->get(), temporary.c_str(), 0);
  const UniqueFd fd(openat(directory->get(), temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const auto failed = [&](const std::string &what) {
    Error error = system_error(errno, what + " " + path);
    unlinkat(directory->get(), temporary.c_str(), 0);
    return error;
  };
  if (!fd)
    return failed("cannot write");
  struct stat info {};
  info.st_mode = 0644;
  info.st_uid = geteuid();
  info.st_gid = getegid();
  if (stat(path.c_str(), &info) != 0 && errno != ENOENT)
    return failed("cannot read");
  if (fchown(fd.get(), info.st_uid, info.st_gid) != 0)
    return failed("cannot keep the owner of");
  if (fchmod(fd.get(), info.st_mode & 07777U) != 0)
    return failed("cannot keep the mode of");
  if (auto written = write_all(fd, text, path); !written) {
    unlinkat(directory->get(), temporary.c_str(), 0);
    return written;
  }
  if (fsync(fd.get()) != 0)
    return failed("cannot write");
  if (renameat(directory->get(), temporary.c_str(), directory->get(),
               file_name(path).c_str()) != 0)
    return failed("cannot replace");
  if (fsync(directory->get()) != 0)
    return system_error(errno, "cannot write " + directory_name(path));
  return {};
}

} // namespace portacl
