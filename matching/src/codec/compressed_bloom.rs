//! Codec 0: a Bloom filter with one hash function, compressed (Mitzenmacher, "Compressed Bloom Filters", 2002).
//!
//! A chunk of n tags is a bitmap of U = n · 2^R bits of which each tag sets one; what is stored is the gaps between set
//! bits, Rice-coded with parameter R - 1: R + 1.54 bits a tag.
//!
//! ```text
//! directory fields: tags n, positions coded, bytes of the section, 0        (one section)
//! position = whole part of (fraction inside the chunk) · U
//! coded: position - (previous position + 1), with -1 before the first; ascending, each once
//! ```

use truyvet_crypto::Tag;

use super::{Filter, Piece, Shape, rice::RiceReader};
use crate::batch::{Header, scale};

/// Tags searched for at a time: bounds the memory, and lets an index fit 32 bits.
const QUERIES: usize = 1 << 24;

/// Tags of a stream searched for at a time: 128 KB, for a walk through at most 400 KB.
const STREAMED: usize = 1 << 13;

/// A tag to search for. 16 bytes.
#[derive(Clone, Copy)]
struct Query {
    chunk: u32,
    index: u32,
    position: u64,
}

/// Bounds a chunk's directory fields.
pub(super) fn shape(fingerprint_bits: u8, fields: [u32; 4]) -> Result<Shape, &'static str> {
    let [tags, positions, bytes, reserved] = fields;
    if positions > tags || (positions == 0) != (tags == 0) {
        return Err("positions");
    }
    // A code has a one bit, R - 1 bits of remainder, and zero bits that add up to at most U / 2^(R - 1).
    let least = u64::from(positions) * u64::from(fingerprint_bits);
    let most = least + 2 * u64::from(tags);
    if !(least.div_ceil(8)..=most.div_ceil(8)).contains(&u64::from(bytes)) {
        return Err("section bytes");
    }
    if reserved != 0 {
        return Err("reserved field");
    }
    Ok(Shape {
        tags,
        section_bytes: [bytes, 0],
    })
}

/// Indices of the tags that are in the batch, each once, in no order.
pub(super) fn search(filter: &Filter<'_>, tags: &[Tag]) -> Vec<usize> {
    let mut found = vec![];
    for (start, tags) in (0..).step_by(QUERIES).zip(tags.chunks(QUERIES)) {
        let queries = locate(filter, tags);
        for queries in queries.chunk_by(|a, b| a.chunk == b.chunk) {
            search_chunk(filter, queries, |index| found.push(start + index as usize));
        }
    }
    found
}

/// Where each tag would be, ordered by chunk and position.
fn locate(filter: &Filter<'_>, tags: &[Tag]) -> Vec<Query> {
    let mut queries = Vec::with_capacity(tags.len());
    let chunks = u64::from(filter.header.chunks);
    let mut index = 0;
    filter.hasher.hash_each(tags, |fraction| {
        let (chunk, fraction) = scale(fraction, chunks);
        let chunk = u32::try_from(chunk).expect("below the number of chunks");
        let n = filter.chunks[chunk as usize].tags;
        let (position, _) = scale(fraction, universe(n, filter.header.fingerprint_bits));
        queries.push(Query {
            chunk,
            index,
            position,
        });
        index += 1;
    });
    queries.sort_unstable_by_key(|q| u128::from(q.chunk) << 64 | u128::from(q.position));
    queries
}

/// Walks the stored positions of a chunk beside its queries.
fn search_chunk(filter: &Filter<'_>, queries: &[Query], found: impl FnMut(u32)) {
    if let Some(query) = queries.first() {
        let chunk = &filter.chunks[query.chunk as usize];
        let section = &filter.body[chunk.sections[0].clone()];
        walk(
            positions(filter.header, chunk.fields, section),
            queries,
            found,
        );
    }
}

/// - `queries`: of one chunk, ascending by position.
fn walk(stored: impl Iterator<Item = u64>, queries: &[Query], mut found: impl FnMut(u32)) {
    let mut queries = queries.iter().copied().peekable();
    for stored in stored {
        while let Some(query) = queries.next_if(|query| query.position <= stored) {
            if query.position == stored {
                found(query.index);
            }
        }
        if queries.peek().is_none() {
            return;
        }
    }
}

/// Of those tags that a chunk holds, moves the indices to the front of `indices`; how many there are.
pub(super) fn keep(piece: &Piece<'_>, tags: &[Tag], indices: &mut [u32]) -> usize {
    let Piece {
        header,
        chunk,
        fields,
        ..
    } = *piece;
    let universe = universe(fields[0], header.fingerprint_bits);
    let mut kept = 0;
    let mut queries = Vec::with_capacity(indices.len().min(STREAMED));
    for start in (0..indices.len()).step_by(STREAMED) {
        let end = indices.len().min(start + STREAMED);
        queries.clear();
        let mut at = start;
        piece.keep(tags, &mut indices[start..end], |fraction| {
            let (_, fraction) = scale(fraction, header.chunks.into());
            let (position, _) = scale(fraction, universe);
            let index = u32::try_from(at).expect("indices fit");
            queries.push(Query {
                chunk,
                index,
                position,
            });
            at += 1;
            true
        });
        queries.sort_unstable_by_key(|query| query.position);
        let mut found = vec![];
        walk(positions(header, fields, piece.bytes), &queries, |at| {
            found.push(indices[at as usize])
        });
        for index in found {
            indices[kept] = index;
            kept += 1;
        }
    }
    kept
}

/// The stored positions of a chunk, ascending. Stops where a malformed chunk stops making sense.
fn positions(header: &Header, fields: [u32; 4], section: &[u8]) -> impl Iterator<Item = u64> {
    let [tags, mut left, ..] = fields;
    let universe = universe(tags, header.fingerprint_bits);
    let mut gaps = RiceReader::new(section, u32::from(header.fingerprint_bits) - 1);
    let mut next = 0_u64;
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let position = next.checked_add(gaps.next()?)?;
        // A universe fits 64 bits, so what is below it has a successor.
        next = (position < universe).then_some(position)? + 1;
        Some(position)
    })
}

/// U: bits of the bitmap that a chunk stands for. At most 65,535 · 2^48.
fn universe(tags: u32, fingerprint_bits: u8) -> u64 {
    u64::from(tags) << fingerprint_bits
}

/// Encodes a chunk.
///
/// - `fractions`: ascending; at most 65,535.
#[cfg(feature = "build")]
pub(super) fn encode(
    fingerprint_bits: u8,
    fractions: &[crate::batch::Fraction],
) -> super::EncodedChunk {
    let tags = u32::try_from(fractions.len()).expect("at most 65,535 tags");
    let universe = universe(tags, fingerprint_bits);
    let capacity = fractions.len() * (usize::from(fingerprint_bits) + 2) / 8;
    let mut gaps = super::rice::RiceWriter::new(u32::from(fingerprint_bits) - 1, capacity);
    let (mut next, mut positions) = (0, 0);
    for &fraction in fractions {
        let (position, _) = scale(fraction, universe);
        // Two tags at one position: it is coded once.
        if let Some(gap) = position.checked_sub(next) {
            gaps.put(gap);
            next = position + 1;
            positions += 1;
        }
    }
    let section = gaps.finish();
    let bytes = u32::try_from(section.len()).expect("65,535 codes take less than 1 MB");
    super::EncodedChunk {
        fields: [tags, positions, bytes, 0],
        sections: [section, vec![]],
    }
}
