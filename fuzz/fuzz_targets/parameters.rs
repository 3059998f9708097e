//! Reads risk parameters, and judges an hour by them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| truyvet_fuzz::parameters(data));
