//! From counts of single units to the rows of a table: adds up the tree, hides, takes medians.

use std::collections::{HashMap, HashSet};

use super::{
    DayFigures, FiguresQuery, UnitFigures,
    floor::{Count, Protected, Shown, Tree, protect},
};
use crate::{
    officers::{Officer, Unit},
    store::{CodeCounts, CodeTallies},
};

/// Hours, and how many codes took so long.
type Hours = HashMap<u32, u64>;

/// All units that the reader sees, as a tree, with their counts.
pub(super) struct Table {
    /// The reader's own first, each after the one above it.
    units: Vec<Unit>,
    tree: Tree,
    /// For each day that has any code: what may be shown, and hours to redemption by unit.
    days: HashMap<u32, (Protected, HashMap<usize, Hours>)>,
    /// A day without any code.
    empty: Protected,
    /// For each day that has any code, every unit's counts as they are.
    ends: HashMap<u32, Vec<CodeCounts>>,
    open: HashMap<usize, Hours>,
    floor: u64,
}

impl Table {
    pub(super) fn new(
        units: Vec<Unit>,
        own: &str,
        officers: &[Officer],
        tallies: &CodeTallies,
        floor: u64,
    ) -> Self {
        let (units, parents) = in_order(units, own);
        let index: HashMap<&str, usize> = (0..)
            .zip(&units)
            .map(|(index, unit)| (&*unit.unit_code, index))
            .collect();
        let staffed: HashSet<&str> = officers.iter().map(|o| &*o.unit_code).collect();
        let active = units
            .iter()
            .map(|unit| staffed.contains(&*unit.unit_code))
            .collect();
        let tree = Tree { parents, active };
        let none = vec![Count::default(); units.len()];
        let mut counts: HashMap<u32, Vec<Count>> = HashMap::new();
        let mut ends: HashMap<u32, Vec<CodeCounts>> = HashMap::new();
        for (unit, day, found) in &tallies.counts {
            let unit = index[&**unit];
            let rows = counts.entry(*day).or_insert_with(|| none.clone());
            rows[unit] = Count {
                issued: found.issued,
                redeemed: found.redeemed,
            };
            let rows = ends.entry(*day);
            rows.or_insert_with(|| vec![CodeCounts::default(); units.len()])[unit] = *found;
        }
        let mut hours: HashMap<u32, HashMap<usize, Hours>> = HashMap::new();
        for (unit, day, taken, codes) in &tallies.redeemed_after {
            let of_unit = hours.entry(*day).or_default().entry(index[&**unit]);
            *of_unit.or_default().entry(*taken).or_default() += codes;
        }
        let mut open: HashMap<usize, Hours> = HashMap::new();
        for (unit, age, codes) in &tallies.open_since {
            let of_unit = open.entry(index[&**unit]).or_default();
            *of_unit.entry(*age).or_default() += codes;
        }
        let days = counts
            .into_iter()
            .map(|(day, rows)| {
                let hours = hours.remove(&day).unwrap_or_default();
                (day, (protect(&tree, &rows, floor), hours))
            })
            .collect();
        let empty = protect(&tree, &none, floor);
        Self {
            units,
            tree,
            days,
            empty,
            ends,
            open,
            floor,
        }
    }

    /// The rows that were asked for: the unit with all below, then (by unit) it alone and those directly below; and the
    /// median age of open codes.
    pub(super) fn figures(
        &self,
        asked: &str,
        query: &FiguresQuery,
        kept_since: u32,
    ) -> (UnitFigures, Vec<UnitFigures>, Option<u32>) {
        let found = self.units.iter().position(|unit| unit.unit_code == asked);
        let root = found.expect("whoever calls has looked whether the unit is in reach");
        let row = |index: usize, with_below: bool| UnitFigures {
            unit: self.units[index].clone(),
            with_below,
            days: query
                .days
                .clone()
                .map(|day| self.day(index, with_below, day, day < kept_since))
                .collect(),
        };
        let below = (1..self.units.len()).filter(|&index| self.tree.parents[index] == root);
        let units = match query.by_unit {
            true => std::iter::once(row(root, false))
                .chain(below.map(|index| row(index, true)))
                .collect(),
            false => Vec::new(),
        };
        // Of the reader's own unit alone: of each below, with what is shown of two days, it could narrow a hidden number.
        let open = self.within(root).filter_map(|index| self.open.get(&index));
        let waiting = median(open.filter(|_| root == 0), self.floor);
        (row(root, true), units, waiting)
    }

    fn day(&self, index: usize, with_below: bool, day: u32, incomplete: bool) -> DayFigures {
        let known = self.days.get(&day);
        let protected = known.map_or(&self.empty, |(protected, _)| protected);
        let shown = match with_below {
            true => protected.total[index],
            false => protected.own[index],
        };
        let (issued, redeemed) = (shown.issued, shown.redeemed);
        let revoked = self.end(index, with_below, day, |counts| counts.revoked);
        let expired = self.end(index, with_below, day, |counts| counts.expired);
        let hours = known
            .map(|(_, hours)| hours)
            .filter(|_| matches!(redeemed, Shown::Exact(_)));
        let median_hours = hours.and_then(|hours| match with_below {
            true => median(self.within(index).filter_map(|i| hours.get(&i)), self.floor),
            false => median(hours.get(&index).into_iter(), self.floor),
        });
        DayFigures {
            day,
            issued,
            redeemed,
            revoked,
            expired,
            median_hours,
            incomplete,
        }
    }

    /// A column that is for the reader's own unit alone, unless nothing is hidden.
    fn end(
        &self,
        index: usize,
        with_below: bool,
        day: u32,
        column: fn(&CodeCounts) -> u64,
    ) -> Shown {
        let own = index == 0 && (!with_below || self.units.len() == 1);
        if !own && self.floor > 0 {
            return Shown::Withheld;
        }
        let ends = self.ends.get(&day);
        if ends.is_none_or(|ends| ends[index].issued == 0 && own) {
            return Shown::Exact(0);
        }
        let number = |index: usize| ends.map_or(0, |ends| column(&ends[index]));
        let count = match with_below {
            true => self.within(index).map(number).sum(),
            false => number(index),
        };
        Shown::number(count, self.floor)
    }

    /// A unit and all below it.
    fn within(&self, root: usize) -> impl Iterator<Item = usize> {
        let mut inside = vec![false; self.units.len()];
        for index in root..self.units.len() {
            inside[index] = index == root || index > root && inside[self.tree.parents[index]];
        }
        (0..inside.len()).filter(move |&index| inside[index])
    }
}

/// Puts every unit after the one above it, the reader's own first; gives each one's parent.
fn in_order(units: Vec<Unit>, own: &str) -> (Vec<Unit>, Vec<usize>) {
    let mut below: HashMap<String, Vec<Unit>> = HashMap::new();
    let mut ordered = Vec::with_capacity(units.len());
    for unit in units {
        match &unit.parent_code {
            _ if unit.unit_code == own => ordered.push(unit),
            Some(parent) => below.entry(parent.clone()).or_default().push(unit),
            None => {}
        }
    }
    let mut parents = vec![0; ordered.len()];
    let mut next = 0;
    while let Some(unit) = ordered.get(next) {
        if let Some(units) = below.remove(&unit.unit_code) {
            parents.extend(std::iter::repeat_n(next, units.len()));
            ordered.extend(units);
        }
        next += 1;
    }
    (ordered, parents)
}

/// The lower median; `None` for fewer codes than the floor, or none.
fn median<'a>(hours: impl Iterator<Item = &'a Hours>, floor: u64) -> Option<u32> {
    let mut sum: Hours = HashMap::new();
    for hours in hours {
        for (taken, codes) in hours {
            *sum.entry(*taken).or_default() += codes;
        }
    }
    let count: u64 = sum.values().sum();
    if count < floor.max(1) {
        return None;
    }
    let mut sorted: Vec<_> = sum.into_iter().collect();
    sorted.sort_unstable();
    let mut before = 0;
    sorted.into_iter().find_map(|(taken, codes)| {
        before += codes;
        (2 * before >= count).then_some(taken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let hours = |pairs: &[(u32, u64)]| pairs.iter().copied().collect::<Hours>();
        let (one, other) = (hours(&[(1, 2), (5, 1)]), hours(&[(5, 1), (30, 1)]));
        assert_eq!(median([&one, &other].into_iter(), 5), Some(5));
        assert_eq!(median([&one, &other].into_iter(), 6), None);
        assert_eq!(median([&one].into_iter(), 0), Some(1));
        assert_eq!(median([].into_iter(), 0), None);
    }
}
