// SPDX-License-Identifier: GPL-2.0-only
#ifndef CHECK_H
#define CHECK_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>

/// An assertion that no build switches off.
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,             \
              #condition);                                                     \
      ::abort();                                                               \
    }                                                                          \
  } while (0)

#endif // CHECK_H
