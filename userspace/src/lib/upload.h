// SPDX-License-Identifier: GPL-2.0-only
// Puts a whole policy into the kernel, at once or not at all.

#ifndef PORTACL_LIB_UPLOAD_H
#define PORTACL_LIB_UPLOAD_H

#include <functional>
#include <string>
#include <vector>

#include "lib/kernel.h"
#include "lib/result.h"

namespace portacl {

// Rules done, rules to do.
using Progress = std::function<void(size_t, size_t)>;

// The rules, in canonical text, become the kernel's policy. Starts again when
// another upload has overtaken this one. When the kernel names a rule it does
// not take, Error::line is that rule's place in the list, counted from 1.
Result<void> upload_policy(Kernel &kernel,
                           const std::vector<std::string> &rules,
                           const Progress &progress = {});

} // namespace portacl

#endif
