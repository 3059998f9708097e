//! What a phone heard, and which of it a batch's matches stand for.

use truyvet_crypto::{Tag, Timestamp};

use super::interval::Interval;
use crate::Matches;

/// No sighting counts for longer. Servers hold a slot back for as long after its end, so that a record which began in
/// the slot has ended before the batch closes; longer records would miss their batch.
pub const MAX_SIGHTING_SECONDS: u32 = 300;

/// One thinned record: this tag was heard in the `seconds` from `time` on.
///
/// What was heard near the border of a slot is kept under the tags of both slots, as two sightings of one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sighting {
    /// When it begins.
    pub time: Timestamp,
    /// How long it stands for, normally 300; more than [`MAX_SIGHTING_SECONDS`] is taken as that.
    pub seconds: u32,
    /// The strongest signal in that time.
    pub rssi_dbm: i16,
    /// What was heard.
    pub tag: Tag,
}

impl Sighting {
    /// First second after it.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.time
            .plus_seconds(self.seconds.min(MAX_SIGHTING_SECONDS).into())
    }

    /// The time it stands for, in Unix seconds.
    pub(crate) fn interval(&self) -> Interval {
        Interval {
            start: self.time.unix_seconds(),
            end: self.end().unix_seconds(),
        }
    }
}

/// The sightings behind a batch's matches, in their order.
///
/// - `matches`: for a slice of tags of which the i-th is that of `sightings[i]`.
///
/// Leaves out what may have been heard when the batch had closed ([`Matches::closed_at`]) or later: its salt is public
/// since, and anyone can make up an ID that matches. So a sighting must have ended by then. Servers publish a slot only
/// once every honest sighting of it has.
///
/// To judge several batches together, join each and put the results in one list: a sighting that stands there twice
/// counts once.
#[must_use]
pub fn join(matches: &Matches, sightings: &[Sighting]) -> Vec<Sighting> {
    matches
        .indices()
        .iter()
        .filter_map(|&index| sightings.get(index))
        .filter(|sighting| sighting.end() <= matches.closed_at())
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(seconds: i64) -> Sighting {
        Sighting {
            time: Timestamp::MIN.plus_seconds(seconds),
            seconds: 300,
            rssi_dbm: -70,
            tag: Tag::from_bytes([1; 16]),
        }
    }

    #[test]
    fn what_may_have_been_heard_after_closing_time_does_not_match() {
        // Each stands for five minutes.
        let sightings = [99, 101, 50, 400, 7].map(sighting);
        let closed_at = Timestamp::MIN.plus_seconds(400);
        let matches = Matches::of_test(vec![0, 1, 2, 3], closed_at);
        assert_eq!(join(&matches, &sightings), [sighting(99), sighting(50)]);
    }

    #[test]
    fn matches_of_other_sightings_do_no_harm() {
        let matches = Matches::of_test(vec![0, 5, usize::MAX], Timestamp::MAX);
        assert_eq!(join(&matches, &[sighting(1)]), [sighting(1)]);
        assert_eq!(join(&matches, &[]), []);
    }

    #[test]
    fn a_sighting_ends_within_one_slot_and_within_time() {
        let long = Sighting {
            seconds: u32::MAX,
            ..sighting(0)
        };
        assert_eq!(long.end().unix_seconds(), 300);
        let last = Sighting {
            time: Timestamp::MAX,
            ..long
        };
        assert_eq!(last.end(), Timestamp::MAX);
    }
}
