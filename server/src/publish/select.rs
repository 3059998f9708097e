//! Which tags belong to a window.

use std::{num::NonZero, thread};

use truyvet_crypto::{DisclosedKey, Timestamp};
use truyvet_matching::{MAX_SIGHTING_SECONDS, build::TagSet};

use crate::store::{AcceptedKey, ClosedWindow};

/// Until when slots must have ended for a window that closes now.
///
/// A phone believes a match only if the sighting had ended when the batch closed. A listener whose clock runs ahead by
/// the tolerance records the end of a slot that much later, in a record of up to [`MAX_SIGHTING_SECONDS`]; so a slot waits that long.
#[must_use]
pub fn slots_until(closes_at: Timestamp, clock_tolerance_seconds: u32) -> Timestamp {
    let wait = clock_tolerance_seconds + MAX_SIGHTING_SECONDS;
    closes_at.plus_seconds(-i64::from(wait))
}

/// The tags that this window publishes: of the slots that had ended in time ([`slots_until`]), those that no earlier
/// window took.
///
/// A slot is taken by the first window after both the key was accepted and the slot has ended in time. That rule needs
/// no mark on a slot that says whether it was published, so nothing can get out of step.
#[must_use]
pub fn select(window: &ClosedWindow, keys: &[AcceptedKey]) -> TagSet {
    select_with_threads(window, keys, cores())
}

/// [`select`] on so many threads. The tags do not depend on how many.
#[must_use]
pub fn select_with_threads(
    window: &ClosedWindow,
    keys: &[AcceptedKey],
    threads: NonZero<usize>,
) -> TagSet {
    let most = |accepted: &AcceptedKey| accepted.key.slots().len() as usize;
    TagSet::gather(keys, threads, most, |accepted, take| {
        let scheme = accepted.key.scheme();
        accepted.key.each_tag(
            |slot| takes(window, accepted.accepted_window, scheme.slot_end(slot)),
            |_, tag| take(tag),
        );
    })
}

/// As many threads as the machine has processors.
fn cores() -> NonZero<usize> {
    thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

fn takes(window: &ClosedWindow, accepted_window: u64, slot_end: Timestamp) -> bool {
    let ended = slot_end <= window.closing.slots_until;
    let taken_before = taken_before(
        window.sequence,
        window.previous_slots_until,
        accepted_window,
        slot_end,
    );
    accepted_window <= window.sequence && ended && !taken_before
}

/// Whether a window before this one took the slot.
///
/// - `previous_slots_until`: of the window right before; `None` if there is none.
#[must_use]
pub(crate) fn taken_before(
    sequence: u64,
    previous_slots_until: Option<Timestamp>,
    accepted_window: u64,
    slot_end: Timestamp,
) -> bool {
    accepted_window < sequence && previous_slots_until.is_some_and(|previous| slot_end <= previous)
}

/// The tags that a withdrawal publishes: all of what was taken back, since only what was published comes here.
#[must_use]
pub fn taken_back(keys: &[DisclosedKey]) -> TagSet {
    let most = |key: &DisclosedKey| key.slots().len() as usize;
    TagSet::gather(keys, cores(), most, |key, take| {
        key.each_tag(|_| true, |_, tag| take(tag));
    })
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::{Day, Scheme, SlotSet, sign::KeyId};
    use truyvet_matching::{BatchKind, Codec, Digest};

    use super::*;
    use crate::store::Closing;

    const SCHEME: Scheme = Scheme::Bluezone;

    fn day() -> Day {
        Day::from_number(18_500)
    }

    /// Windows that take slots until so many after midnight (window 1 before the day began).
    fn window(sequence: u64, closes_after_slots: &[i64]) -> ClosedWindow {
        let at = |slots: i64| day().start().plus_seconds(slots * 900);
        let index = usize::try_from(sequence).unwrap() - 1;
        ClosedWindow {
            closing: Closing {
                region: "VN".parse().unwrap(),
                closed_at: at(closes_after_slots[index]).plus_seconds(600),
                slots_until: at(closes_after_slots[index]),
                window_start: Timestamp::MIN,
                salt: [0; 16],
                padding_seed: [0; 32],
                key_id: KeyId::from_bytes([0; 8]),
                codec: Codec::CompressedBloom,
                fingerprint_bits: 40,
                pad_floor_tags: 0,
                pad_step_tags: 1,
            },
            kind: BatchKind::Delta,
            sequence,
            previous_slots_until: index.checked_sub(1).map(|i| at(closes_after_slots[i])),
            previous: Digest::ZERO,
        }
    }

    #[test]
    fn every_slot_is_taken_by_exactly_one_window_whenever_it_was_accepted() {
        // Closing on a slot's end, inside one, far apart, and after the day.
        let closes = [-5, 0, 10, 11, 40, 41, 90, 96, 200];
        let secret = vec![5; 32];
        let all = DisclosedKey::new(SCHEME, day(), secret, SlotSet::full(SCHEME)).unwrap();
        let expected = TagSet::new(all.tags().map(|(_, tag)| tag).collect());
        for accepted_window in 1..=9 {
            let keys = [AcceptedKey {
                key: all.clone(),
                accepted_window,
            }];
            let mut taken = Vec::new();
            for sequence in 1..=9 {
                let tags = select(&window(sequence, &closes), &keys);
                assert!(sequence >= accepted_window || tags.is_empty());
                for threads in [1, 2, 3] {
                    let threads = NonZero::new(threads).unwrap();
                    let same = select_with_threads(&window(sequence, &closes), &keys, threads);
                    assert_eq!(same, tags);
                }
                taken.extend(tags.iter().copied());
            }
            assert_eq!(taken.len(), 96, "accepted in window {accepted_window}");
            assert_eq!(TagSet::new(taken), expected);
        }
    }

    #[test]
    fn a_slot_that_has_not_ended_in_time_waits() {
        let closes = [10];
        let key = DisclosedKey::new(SCHEME, day(), vec![5; 32], SlotSet::full(SCHEME)).unwrap();
        let keys = [AcceptedKey {
            key,
            accepted_window: 1,
        }];
        assert_eq!(select(&window(1, &closes), &keys).len(), 10);
    }
}
