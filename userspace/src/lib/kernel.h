// SPDX-License-Identifier: GPL-2.0-only
// The module, as /sys/kernel/portacl shows it.

#ifndef PORTACL_LIB_KERNEL_H
#define PORTACL_LIB_KERNEL_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace portacl {

// The files of the directory. Errors carry the errno.
class Kernel {
public:
  Kernel() = default;
  Kernel(const Kernel &) = delete;
  Kernel &operator=(const Kernel &) = delete;
  virtual ~Kernel() = default;

  virtual Result<std::string> read(const std::string &attribute) = 0;
  // Exactly one write() call.
  virtual Result<void> write(const std::string &attribute,
                             std::string_view data) = 0;
};

class SysfsKernel final : public Kernel {
public:
  explicit SysfsKernel(std::string directory)
      : directory_(std::move(directory)) {}
  Result<std::string> read(const std::string &attribute) override;
  Result<void> write(const std::string &attribute,
                     std::string_view data) override;

private:
  std::string directory_;
};

// An attribute without its newline.
Result<std::string> read_line(Kernel &kernel, const std::string &attribute);
Result<uint64_t> read_number(Kernel &kernel, const std::string &attribute);

// Whether the module is loaded. Code::not_loaded when it is, but speaks another
// ABI than this tool.
Result<bool> is_loaded(Kernel &kernel);

// The error for commands that cannot do without the module.
Error not_loaded_error();

struct KernelPolicy {
  uint64_t generation = 0;
  std::vector<std::string> rules; // canonical text
};

// The whole policy of one generation.
Result<KernelPolicy> read_policy(Kernel &kernel);

struct PolicyChange {
  std::vector<std::string> add;
  std::vector<std::string> remove;

  bool empty() const { return add.empty() && remove.empty(); }
};

// What makes the first policy the second; both are taken as sets.
PolicyChange difference(const std::vector<std::string> &from,
                        const std::vector<std::string> &to);

// Whole lines, joined into texts of at most limit bytes.
std::vector<std::string> chunks_of(const std::vector<std::string> &rules,
                                   size_t limit);

// Rules done, rules to do.
using Progress = std::function<void(size_t, size_t)>;

// Adds, then removes, so that nobody is refused in between who is granted
// before and after. Takes back what it did when a part is refused.
Result<void> change_policy(Kernel &kernel, const PolicyChange &change,
                           const Progress &progress = {});

} // namespace portacl

#endif
