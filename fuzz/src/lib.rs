//! What the fuzz targets do with their bytes. A test of `truyvet-matching` does the same with the corpus.

mod checks;

pub use checks::{parameters, parse, query, verify};
