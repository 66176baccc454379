// SPDX-License-Identifier: GPL-2.0-only
// A search for files that let who runs them bind privileged ports.

#ifndef PORTACL_LIB_FILE_CAPABILITIES_H
#define PORTACL_LIB_FILE_CAPABILITIES_H

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "lib/capabilities.h"
#include "lib/result.h"
#include "lib/tree.h"

namespace portacl {

struct CapableFile {
  std::string path;
  std::vector<std::string> also = {}; // its other names that were met
  FileId id = {};
  FileCapability capability = {};
  uid_t owner = 0;
  gid_t group = 0;
  mode_t mode = 0;
};

// A directory, or a file, to begin at.
struct ScanStart {
  std::string path;
  double files = 1; // about how many there are
};

struct ScanStarts {
  std::vector<ScanStart> starts = {};
  // File systems that are left out, and why: capabilities have no effect there,
  // or it is another machine's.
  std::vector<std::string> left_out = {};
};

// The local file systems that ROOT/proc/self/mountinfo lists.
Result<ScanStarts> local_file_systems(const std::string &root);

struct CapabilityScan {
  std::vector<CapableFile> files = {}; // in the order of their paths
  size_t looked_at = 0;
  size_t unreadable = 0; // directories
  std::string first_unreadable = {};
  // With a capability that counts in some user namespaces only.
  std::vector<std::string> foreign = {};
  bool stopped = false;
};

// How much of the work is done, 0 to 1; stops the scan by false.
using ScanProgress = std::function<bool(double done)>;

// Looks at all regular files. Links are not followed, other file systems are
// not entered unless they are starts, and nothing is looked at twice.
CapabilityScan scan_capabilities(const std::vector<ScanStart> &starts,
                                 const ScanProgress &progress);

} // namespace portacl

#endif
