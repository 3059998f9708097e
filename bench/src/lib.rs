//! What benches and load share: inputs of a named size from a fixed seed, and what we measure against.

pub mod bloom;
pub mod workload;
