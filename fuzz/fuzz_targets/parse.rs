//! Reads a header and looks into a file that nobody signed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| truyvet_fuzz::parse(data));
