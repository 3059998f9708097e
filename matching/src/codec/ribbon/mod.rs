//! Codec 1: a bumped ribbon filter whose fingerprint columns stand in two sections.
//!
//! A ribbon filter stores no tags but the solution of a system of linear equations over bits: XORing the slots that a
//! tag's row selects, out of 64 in a line, gives the tag's fingerprint. The equations that cannot be solved beside their
//! neighbours are bumped to a second layer, and from there to a short list. R + 0.4 % bits a tag.
//!
//! ```text
//! directory fields: tags n, m1 / 64, m2 / 64, length of the tail      (m1, m2: slots of the two layers)
//! section 0: codes 1 ‖ codes 2 ‖ front 1 ‖ front 2                     what nearly every query ends in
//! section 1: rest 1 ‖ rest 2 ‖ tail
//! codes: two bits for each bucket of 128 slots: keys starting below that threshold were bumped
//! front: a byte for each slot, the 8 high bits of its R            rest: the other bits, column by column
//! ```
//!
//! The front stands slot by slot: 64 slots are 64 bytes from any byte on, two cache lines however the file lies in
//! memory, and no shifting. A query that is not in the batch ends there with probability 255/256.

mod chunk;
mod key;
mod search;
mod sift;
#[cfg_attr(
    any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    ),
    expect(unsafe_code, reason = "vector instructions and prefetches need it")
)]
mod simd;
#[cfg(feature = "build")]
mod solve;

pub(crate) use chunk::Codes;
pub(crate) use key::Key;
pub(crate) use search::{Places, contains, search};
pub(crate) use sift::Sift;
#[cfg(feature = "build")]
pub(crate) use solve::encode;

use super::Shape;
use crate::batch::MAX_CHUNK_TAGS;

/// Slots to a block: what a row spans.
pub(super) const BLOCK: usize = 64;
/// Blocks of a layer: a bound, so that a position fits its word.
const MAX_BLOCKS: u32 = 1 << 10;
/// Columns of the front.
const FRONT_BITS: u8 = 8;
/// Slots to a bucket. Keys of one bucket are bumped together, by the place in it where they start.
const BUCKET: u32 = 128;
/// Keys that start below this, in a bucket of that code, were bumped.
const THRESHOLDS: [u8; 4] = [0, 16, 40, 128];

/// Bounds a chunk's directory fields.
pub(crate) fn shape(fingerprint_bits: u8, fields: [u32; 4]) -> Result<Shape, &'static str> {
    let [tags, first, second, tail] = fields;
    if tags > MAX_CHUNK_TAGS {
        return Err("tags");
    }
    // A layer has fewer slots than there are tags, rounded to blocks.
    let most = if tags == 0 {
        0
    } else {
        (tags / 64 + 1).min(MAX_BLOCKS)
    };
    if first > most {
        return Err("slots of layer 1");
    }
    if second > most {
        return Err("slots of layer 2");
    }
    if tail > tags {
        return Err("tail");
    }
    // At most 2^17 slots of 6 bytes and 2^16 words: far from overflowing.
    let codes = code_bytes(first) + code_bytes(second);
    let slots = 64 * (first + second);
    let rest_columns = u32::from(fingerprint_bits - FRONT_BITS);
    Ok(Shape {
        tags,
        section_bytes: [codes + slots, slots / 8 * rest_columns + 8 * tail],
    })
}

/// Bytes of the codes of a layer: a bucket is two blocks, a byte holds four codes.
const fn code_bytes(blocks: u32) -> u32 {
    blocks.div_ceil(8)
}

#[cfg(test)]
#[cfg(feature = "build")]
mod tests;
