//! Bluezone's key schedule (`thaidn/bluezone` 2603948; the phone app's scan library reads the same).
//!
//! ```text
//! D(0) = base id          D(n+1) = SHA-256(D(n))                           one for each UTC day
//! S(0) = SHA-256(D(n) ‖ "bluzonesubkey")      S(i+1) = SHA-256(S(i))       one for each of 96 slots
//! ID(i) = bytes 0, 4, 8, 12, 16, 18, 20, 22, 24, 26, 28, 30 of S(i)
//! ```
//!
//! What is disclosed of a day is S(0), not D(n): D(n) opens every later day, S(0) this day alone.

use zeroize::Zeroizing;

use crate::{Day, EphemeralId, Scheme, SlotSet, Tag, hash::Block, id::TagBlock, sha256};

/// Misspelt in the original.
const SUBKEY_SALT: &[u8] = b"bluzonesubkey";

/// Which bytes of a sub-key go over the air.
const BROADCAST_BYTES: [usize; 12] = [0, 4, 8, 12, 16, 18, 20, 22, 24, 26, 28, 30];

/// The day's first sub-key S(0), from the phone's base id and the day that was made on.
///
/// A day before `base_day` uses the base id as it is, as the original does.
#[must_use]
pub fn day_secret(base_id: &[u8; 32], base_day: Day, day: Day) -> Zeroizing<[u8; 32]> {
    let mut daily_key = Zeroizing::new(*base_id);
    for _ in base_day.number()..day.number() {
        *daily_key = sha256(&[&*daily_key]);
    }
    Zeroizing::new(sha256(&[&*daily_key, SUBKEY_SALT]))
}

/// Hands out the IDs of some slots of the day whose first sub-key this is, ascending.
pub(super) fn each_id(subkey0: &[u8; 32], slots: &SlotSet, mut take: impl FnMut(u32, EphemeralId)) {
    let mut subkey = Zeroizing::new(*subkey0);
    let mut block = Zeroizing::new(Block::new(subkey0));
    let mut at = 0;
    for slot in slots.iter() {
        while at < slot {
            *subkey = block.hash();
            block.put(0, &*subkey);
            at += 1;
        }
        take(slot, EphemeralId::new(&id(&subkey)));
    }
}

/// Hands out the tags of some slots, ascending: as [`each_id`] and [`Tag::new`] do, in less time.
pub(super) fn each_tag(
    day: Day,
    subkey0: &[u8; 32],
    slots: impl Iterator<Item = u32>,
    mut take: impl FnMut(u32, Tag),
) {
    let mut subkey = Zeroizing::new(*subkey0);
    let mut block = Zeroizing::new(Block::new(subkey0));
    let mut at = 0;
    // The tag of the slot before is hashed beside the next sub-key: neither waits for the other.
    let mut tag_block = TagBlock::new(Scheme::Bluezone, BROADCAST_BYTES.len());
    let mut waiting = None;
    for slot in slots {
        while at < slot {
            *subkey = match waiting.take() {
                None => block.hash(),
                Some(before) => {
                    let [next, hash] = block.hash_both(&tag_block.0);
                    take(before, Tag::of_hash(&hash));
                    next
                }
            };
            block.put(0, &*subkey);
            at += 1;
        }
        tag_block.fill(Scheme::Bluezone.slot(day, slot), &id(&subkey));
        waiting = Some(slot);
    }
    if let Some(last) = waiting {
        take(last, Tag::of_hash(&tag_block.0.hash()));
    }
}

#[inline(always)]
fn id(subkey: &[u8; 32]) -> [u8; BROADCAST_BYTES.len()] {
    let mut id = [0; BROADCAST_BYTES.len()];
    for (byte, from) in id.iter_mut().zip(BROADCAST_BYTES) {
        *byte = subkey[from];
    }
    id
}
