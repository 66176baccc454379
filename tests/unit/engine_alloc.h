// SPDX-License-Identifier: GPL-2.0-only
// The allocator that the tests give to the engine: it counts, it measures what
// the kernel would have used, and it fails when it is told to.

#ifndef ENGINE_ALLOC_H
#define ENGINE_ALLOC_H

#include <cstddef>
#include <cstdint>

namespace engine_alloc {

/// Objects that were allocated and not yet freed.
size_t live();

/// Calls of pacl_alloc() since the program started, failed ones included.
uint64_t calls();

/// What the live objects occupy when each one is taken from the smallest
/// kmalloc size class that holds it.
size_t kmalloc_bytes();

/// The size of the kmalloc class for an object of `size` bytes.
size_t kmalloc_class(size_t size);

/// Lets the `n`th call from now fail, counted from 1, and no other.
void fail_at(uint64_t n);

/// Lets the `n`th call from now and all later ones fail.
void fail_from(uint64_t n);

/// Ends fail_at() and fail_from(). Tells whether a call has failed by them.
bool stop_failing();

/// Until freeze(), memory comes from pages of their own.
void use_freezable_pages();

/// Makes those pages read-only: whoever writes there dies. Memory comes from
/// the heap again.
void freeze();

/// Makes them writable again.
void thaw();

/// Gives the pages back. Everything in them must have been freed.
void release_pages();

} // namespace engine_alloc

#endif // ENGINE_ALLOC_H
