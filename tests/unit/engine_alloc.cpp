// SPDX-License-Identifier: GPL-2.0-only

#include "engine_alloc.h"

#include "core/env.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

namespace {

constexpr size_t max_size = 8192;
constexpr uint64_t magic = 0x70616c636c6f6361;

// Stands before every object, poisoned while the object is live.
struct Header {
  uint64_t magic;
  uint64_t size;
};
static_assert(sizeof(Header) == 16);

constexpr size_t page_bytes = size_t{64} << 20;

struct State {
  size_t live = 0;
  size_t bytes = 0;
  uint64_t calls = 0;
  uint64_t fail_first = 0; // number of a call, 0 for none
  uint64_t fail_last = 0;
  bool failed = false;
  char *pages = nullptr;
  size_t pages_used = 0;
  size_t pages_live = 0;
  bool frozen = false;
};

State state;

[[noreturn]] void die(const char *what, size_t figure) {
  fprintf(stderr, "engine allocator: %s (%zu)\n", what, figure);
  abort();
}

bool in_pages(const void *ptr) {
  auto at = static_cast<const char *>(ptr);
  return state.pages && at >= state.pages && at < state.pages + page_bytes;
}

void *take(size_t size) {
  size_t whole = (sizeof(Header) + size + 15) & ~size_t{15};

  if (!state.pages || state.frozen)
    return malloc(sizeof(Header) + size);
  if (state.pages_used + whole > page_bytes)
    die("freezable pages are used up", whole);
  state.pages_used += whole;
  state.pages_live++;
  return state.pages + state.pages_used - whole;
}

} // namespace

extern "C" void *pacl_alloc(size_t size) {
  if (size == 0 || size > max_size)
    die("a size that the contract does not allow", size);

  uint64_t call = ++state.calls;
  if (state.fail_first && call >= state.fail_first && call <= state.fail_last) {
    state.failed = true;
    return nullptr;
  }

  auto header = static_cast<Header *>(take(size));
  if (!header)
    die("out of memory", size);
  header->magic = magic;
  header->size = size;
  void *object = header + 1;
  memset(object, 0xa5, size);
  if (!in_pages(header))
    ASAN_POISON_MEMORY_REGION(header, sizeof *header);
  state.live++;
  state.bytes += engine_alloc::kmalloc_class(size);
  return object;
}

extern "C" void pacl_free(const void *ptr) {
  if (!ptr)
    return;

  auto object = const_cast<void *>(ptr);
  auto header = static_cast<Header *>(object) - 1;
  bool paged = in_pages(header);
  if (!paged)
    ASAN_UNPOISON_MEMORY_REGION(header, sizeof *header);
  if (header->magic != magic)
    die("freed twice, or never allocated", header->size);
  state.live--;
  state.bytes -= engine_alloc::kmalloc_class(header->size);
  if (paged) {
    state.pages_live--;
    return;
  }
  header->magic = 0;
  memset(object, 0x5a, header->size);
  free(header);
}

namespace engine_alloc {

size_t live() { return state.live; }

uint64_t calls() { return state.calls; }

size_t kmalloc_bytes() { return state.bytes; }

size_t kmalloc_class(size_t size) {
  // 40 is the module's own cache, see module/ruleset.c.
  for (size_t have :
       {8, 16, 32, 40, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096})
    if (size <= have)
      return have;
  return max_size;
}

void fail_at(uint64_t n) {
  state.fail_first = state.fail_last = state.calls + n;
  state.failed = false;
}

void fail_from(uint64_t n) {
  state.fail_first = state.calls + n;
  state.fail_last = UINT64_MAX;
  state.failed = false;
}

bool stop_failing() {
  bool failed = state.failed;
  state.fail_first = 0;
  state.failed = false;
  return failed;
}

void use_freezable_pages() {
  if (state.pages)
    die("one set of freezable pages at a time", 1);
  void *at = mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    die("mmap", page_bytes);
  state.pages = static_cast<char *>(at);
  state.pages_used = 0;
  state.frozen = false;
}

void freeze() {
  if (mprotect(state.pages, page_bytes, PROT_READ))
    die("mprotect", page_bytes);
  state.frozen = true;
}

void thaw() {
  if (mprotect(state.pages, page_bytes, PROT_READ | PROT_WRITE))
    die("mprotect", page_bytes);
}

void release_pages() {
  if (state.pages_live)
    die("objects there were never freed", state.pages_live);
  munmap(state.pages, page_bytes);
  state.pages = nullptr;
}

} // namespace engine_alloc
