//! The question in file order, section by section: all fronts first, then all rests.

use truyvet_crypto::Tag;

use super::{super::Piece, Codes, Key};

/// What is kept from the fronts for the rests: the codes of every chunk that was seen, 2 bits for 128 tags.
#[derive(Debug, Default)]
pub(crate) struct Sift {
    codes: Vec<Box<[u8]>>,
}

impl Sift {
    /// Memory behind it.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.codes
            .iter()
            .map(|codes| codes.len() + size_of::<Box<[u8]>>())
            .sum()
    }

    /// Moves the indices of those tags that this section lets pass to the front of `indices`; how many there are.
    ///
    /// - `indices`: of tags that belong to the chunk.
    pub(crate) fn keep(&mut self, piece: &Piece<'_>, tags: &[Tag], indices: &mut [u32]) -> usize {
        let Piece {
            header,
            bytes,
            fields,
            ..
        } = *piece;
        if piece.section == 0 {
            let codes = &bytes[..Codes::bytes(fields)];
            self.codes.push(codes.into());
        }
        let codes = Codes::new(fields, &self.codes[piece.chunk as usize]);
        piece.keep(tags, indices, |hash| {
            let (_, key) = Key::locate(hash, header.chunks.into());
            if piece.section == 0 {
                codes.passes_front(bytes, key)
            } else {
                codes.passes_rest(header.fingerprint_bits, bytes, key)
            }
        })
    }
}
