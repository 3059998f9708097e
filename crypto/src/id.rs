//! What goes over the air (ephemeral IDs), and what is kept and published of it (tags).

use std::fmt;

use crate::{Scheme, Slot, hash::Block};

/// One broadcast identifier: 12 bytes for Bluezone, 16 otherwise. Never printed by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EphemeralId {
    bytes: [u8; 16],
    len: u8,
}

impl EphemeralId {
    /// Takes an ID as it was heard; `None` if it has not the scheme's length.
    #[must_use]
    pub fn from_bytes(scheme: Scheme, heard: &[u8]) -> Option<Self> {
        (heard.len() == scheme.id_bytes()).then(|| Self::new(heard))
    }

    /// At most 16 bytes; the key schedules see to that.
    // Inlined, so that the copy is of a known length where that is known.
    #[inline(always)]
    pub(crate) fn new(id: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..id.len()].copy_from_slice(id);
        Self {
            bytes,
            len: u8::try_from(id.len()).expect("at most 16"),
        }
    }

    /// The bytes that go over the air.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }
}

impl fmt::Debug for EphemeralId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EphemeralId(..)")
    }
}

/// The 16 bytes that stand for "this ID in this slot": stored by phones, inserted in batches.
///
/// First 16 bytes of SHA-256("truyvet tag v1" ‖ scheme byte ‖ slot number as u32 big-endian ‖ ID). The slot makes a
/// replay at another time worthless (DP-3T design 2 binds the epoch for the same reason). Never printed by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; 16]);

impl Tag {
    /// The tag of an ID that was broadcast in `slot`.
    #[must_use]
    pub fn new(scheme: Scheme, slot: Slot, id: &EphemeralId) -> Self {
        let id = id.as_bytes();
        let mut block = TagBlock::new(scheme, id.len());
        block.fill(slot, id);
        Self::of_hash(&block.0.hash())
    }

    #[inline]
    pub(crate) fn of_hash(hash: &[u8; 32]) -> Self {
        Self(*hash.first_chunk().expect("32 bytes"))
    }

    /// A tag that was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a tag is the hash of: made once, filled in for each.
pub(crate) struct TagBlock(pub(crate) Block);

impl TagBlock {
    /// - `id_bytes`: length of the IDs, at most 16.
    #[inline]
    pub(crate) fn new(scheme: Scheme, id_bytes: usize) -> Self {
        let mut message = [0; 35];
        message[..14].copy_from_slice(b"truyvet tag v1");
        message[14] = scheme.byte();
        Self(Block::new(&message[..19 + id_bytes]))
    }

    /// - `id`: of that length.
    #[inline(always)]
    pub(crate) fn fill(&mut self, slot: Slot, id: &[u8]) {
        self.0.put(15, &slot.number().to_be_bytes());
        self.0.put(19, id);
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_depends_on_scheme_slot_and_id() {
        let id = EphemeralId::new(&[1; 16]);
        let other = EphemeralId::new(&[2; 16]);
        let tags = [
            Tag::new(Scheme::Gaen, Slot(5), &id),
            Tag::new(Scheme::Dp3t, Slot(5), &id),
            Tag::new(Scheme::Gaen, Slot(6), &id),
            Tag::new(Scheme::Gaen, Slot(5), &other),
        ];
        for (i, a) in tags.iter().enumerate() {
            for b in &tags[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }

    /// Computed with Python's hashlib from the formula in the doc comment.
    #[test]
    fn the_tag_formula_is_frozen() {
        let id = EphemeralId::from_bytes(Scheme::Bluezone, b"0123456789ab").unwrap();
        let tag = Tag::new(Scheme::Bluezone, Slot(1_774_295), &id);
        assert_eq!(
            data_encoding::HEXLOWER.encode(tag.as_bytes()),
            "57cdb5e0f91d34aabf8edc4dc5258222"
        );
    }

    /// Nobody hears such an ID, and yet it has one tag on all machines.
    #[test]
    fn the_formula_holds_for_ids_of_another_length() {
        for (scheme, length) in [(Scheme::Bluezone, 16), (Scheme::Gaen, 12)] {
            let id = EphemeralId::new(&[7; 16][..length]);
            let parts: [&[u8]; 4] = [
                b"truyvet tag v1",
                &[scheme.byte()],
                &[0, 0, 0, 5],
                &[7; 16][..length],
            ];
            let tag = Tag::new(scheme, Slot(5), &id);
            assert_eq!(tag.as_bytes(), &crate::sha256(&parts)[..16]);
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let id = EphemeralId::new(&[0xab; 12]);
        let tag = Tag::new(Scheme::Bluezone, Slot(1), &id);
        assert_eq!(format!("{id:?} {tag:?}"), "EphemeralId(..) Tag(..)");
    }
}
