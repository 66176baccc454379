// SPDX-License-Identifier: GPL-2.0-only
// The module, as /sys/kernel/portacl shows it.

#ifndef PORTACL_LIB_KERNEL_H
#define PORTACL_LIB_KERNEL_H

#include <cstdint>
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

struct KernelPolicy {
  uint64_t generation = 0;
  std::vector<std::string> rules = {}; // canonical text
  std::vector<uint64_t> hits = {};     // of each rule
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

// One write, with the kernel's reason when it is refused; Error::line is the
// line of the text that the kernel names, 0 if it names none.
Result<void> submit(Kernel &kernel, const std::string &attribute,
                    std::string_view data);

// What to say of a write that failed; the text is what the kernel counts the
// lines of.
Error explain(Kernel &kernel, Error error, std::string_view text);

} // namespace portacl

#endif
