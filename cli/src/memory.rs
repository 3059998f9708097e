//! What the C library's allocator keeps of the memory that we freed.
//!
//! Once a large piece was freed, glibc takes pieces of that size out of its arenas instead of asking the system for them, one
//! arena for each thread, and keeps them: after a few publications a server held three times what it used
//! (mallopt(3), "dynamic mmap threshold").

/// Pieces from this size on come from the system and go back to it at once, in bytes: what glibc begins with. Calls take less,
/// and the parts of a batch more.
const LARGE_BYTES: i32 = 128 << 10;

/// Threads share so many arenas: more gained no measured rate.
const ARENAS: i32 = 2;

/// Has freed memory given back. Before the first thread starts.
#[expect(unsafe_code, reason = "a C function")]
pub(crate) fn give_back() {
    // SAFETY: no other thread runs, and both values are such as the manual names. One that is refused changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}
