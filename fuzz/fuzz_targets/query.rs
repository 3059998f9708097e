//! Asks a file whose numbers and bytes are anything, as if a trusted key had signed them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| truyvet_fuzz::query(data));
