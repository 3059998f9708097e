//! The calls of a phone app as a C library, for `truyvet-bench footprint` to weigh.
//!
//! No interface that we publish or keep: an app binds the crate in its own way. These calls make the linker keep what
//! such an app would keep, the texts of errors included, and nothing else.
#![cfg_attr(
    feature = "calls",
    expect(unsafe_code, reason = "names and pointers of a C interface")
)]

#[cfg(feature = "calls")]
mod calls;
#[cfg(feature = "calls")]
mod memory;
