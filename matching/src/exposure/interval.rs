//! How much time several stretches of time cover together.

/// From `start` up to, not including, `end`; seconds. Empty if they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Interval {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// Seconds that lie in at least one of the intervals: each counts once, however many cover it.
pub(super) fn covered_seconds(mut intervals: Vec<Interval>) -> i64 {
    intervals.sort_unstable();
    let mut covered = 0;
    let mut reached = i64::MIN;
    for Interval { start, end } in intervals {
        covered += end.saturating_sub(start.max(reached)).max(0);
        reached = reached.max(end);
    }
    covered
}

/// Whole minutes that lie in at least one of the intervals.
pub(super) fn covered_minutes(intervals: Vec<Interval>) -> u32 {
    u32::try_from(covered_seconds(intervals) / 60).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_covered_second_counts_once(
            intervals in prop::collection::vec((-50_i64..50, 0_i64..30), 0..12)
        ) {
            let seconds: BTreeSet<i64> =
                intervals.iter().flat_map(|&(start, length)| start..start + length).collect();
            let intervals = intervals
                .into_iter()
                .map(|(start, length)| Interval { start, end: start + length })
                .collect();
            prop_assert_eq!(usize::try_from(covered_seconds(intervals)).unwrap(), seconds.len());
        }
    }
}
