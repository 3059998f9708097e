//! Batch files from outside: built, signed, damaged, read.

// `cfg(test)` tells clippy that the helpers are test code, too.
#[cfg(test)]
mod common;
#[cfg(test)]
mod fuzz_corpus;
#[cfg(test)]
mod hostile_files;
#[cfg(test)]
mod known_answer;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod stream;
