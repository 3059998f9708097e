//! Verifies a file as it is: at once, and while it arrives.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| truyvet_fuzz::verify(data));
