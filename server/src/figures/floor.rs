//! Hides numbers that would point to a person, and what they could be worked out from.
//!
//! The rules, for each day:
//!
//! 1. A number below the floor is not shown: zero, one and four look alike (`Below`). Units where nobody has an account
//!    issue nothing; their zero is shown, since it is known anyway.
//! 2. A unit's total of issued codes is shown if what is hidden below it stays hidden: its hidden parts, of which there
//!    are then two or more, could be shared out in more than one way. Otherwise it is `Withheld`. One hidden part would
//!    be the total less the others; parts that together are as large as they can be, or one less, would each be known to
//!    be as large as it can be. (One less is withheld too, so that being withheld does not tell which it was.)
//! 3. A unit's total of redeemed codes is shown if any one of the hidden parts below it could be none: if the others
//!    have room for all that is hidden, though nowhere more codes are redeemed than were issued. Otherwise it is
//!    `Withheld`, whether or not it is below the floor.
//! 4. Revoked and run-out codes are shown to those of the same unit alone: with them, and once no code is open, the
//!    columns of a row would add up.
//! 5. Totals over days add up what is shown, and say for how many days nothing is.
//!
//! Tried on every small table: no hidden number follows from all that is shown, nor from it and these rules, with one
//! exception. Where units stand below each other in a chain, one below each, some numbers follow for whoever also
//! reasons about why totals are withheld.
//!
//! The floor is for figures and reports, which are printed, sent on and read by many. It does not bind whoever may look up
//! single codes or read the audit of a unit: supervisors, administrators and auditors see there, code by code, what they
//! answer for.
//!
//! Two parts' sum may be worked out, never which of them has how many (that a number is none may be: none is nobody).
//! What the reader's own unit did is theirs to know and so hides nothing else. Nothing here depends on what was asked:
//! who asks twice learns nothing more.

/// A number as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It.
    Exact(u64),
    /// Less than this floor; perhaps none.
    Below(u64),
    /// Not shown, because a smaller number could be worked out from it.
    Withheld,
}

impl Shown {
    /// Hides it if it is below the floor.
    #[must_use]
    pub fn number(count: u64, floor: u64) -> Self {
        match count < floor {
            true => Self::Below(floor),
            false => Self::Exact(count),
        }
    }

    /// The number, if it is shown.
    #[must_use]
    pub fn exact(self) -> Option<u64> {
        match self {
            Self::Exact(number) => Some(number),
            Self::Below(_) | Self::Withheld => None,
        }
    }
}

/// Units as a tree: the reader's own first, each after the one above it.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Index of the unit above; the first one's is not looked at.
    pub parents: Vec<usize>,
    /// Whether anybody could have issued codes there.
    pub active: Vec<bool>,
}

/// Codes of one unit without those below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Issued.
    pub issued: u64,
    /// Of these, redeemed.
    pub redeemed: u64,
}

/// The same, as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownCount {
    /// Issued.
    pub issued: Shown,
    /// Of these, redeemed.
    pub redeemed: Shown,
}

/// What may be shown of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Of each unit without those below it.
    pub own: Vec<ShownCount>,
    /// Of each unit with those below it.
    pub total: Vec<ShownCount>,
}

/// Hides what has to be hidden of one day.
///
/// - `counts`: of each unit, without those below it.
/// - `floor`: 0 shows everything; else at least 3.
#[must_use]
pub fn protect(tree: &Tree, counts: &[Count], floor: u64) -> Protected {
    let most = floor.saturating_sub(1);
    let issued = Column {
        counts: counts.iter().map(|count| count.issued).collect(),
        most: vec![most; counts.len()],
        reader_sees_own: true,
        settle: settle_issued,
    };
    let redeemed = Column {
        counts: counts.iter().map(|count| count.redeemed).collect(),
        most: counts.iter().map(|count| count.issued.min(most)).collect(),
        reader_sees_own: false,
        settle: settle_redeemed,
    };
    let (own_issued, total_issued) = issued.protect(tree, floor);
    let (own_redeemed, total_redeemed) = redeemed.protect(tree, floor);
    let join = |issued: Vec<Shown>, redeemed: Vec<Shown>| {
        let pairs = issued.into_iter().zip(redeemed);
        let join = |(issued, redeemed)| ShownCount { issued, redeemed };
        pairs.map(join).collect()
    };
    Protected {
        own: join(own_issued, own_redeemed),
        total: join(total_issued, total_redeemed),
    }
}

/// Hidden numbers of which the reader may know the sum.
#[derive(Clone, Copy)]
struct Part {
    /// The sum.
    sum: u64,
    /// The most that it could be, as far as the reader can know.
    most: u64,
}

/// What is shown of a total over hidden parts, and which parts it leaves to the totals above it.
type Settle = fn(Vec<Part>, u64, u64) -> (Shown, Vec<Part>);

struct Column {
    counts: Vec<u64>,
    /// The most that each could be if it is hidden.
    most: Vec<u64>,
    reader_sees_own: bool,
    settle: Settle,
}

impl Column {
    /// Of each unit alone, and with those below it.
    fn protect(&self, tree: &Tree, floor: u64) -> (Vec<Shown>, Vec<Shown>) {
        let count = self.counts.len();
        let mut own = vec![Shown::Exact(0); count];
        let mut total = own.clone();
        let mut totals = self.counts.clone();
        let mut parts: Vec<Vec<Part>> = vec![Vec::new(); count];
        let mut active_below = vec![false; count];
        for index in (0..count).rev() {
            let mut hidden = std::mem::take(&mut parts[index]);
            let number = self.counts[index];
            let active = tree.active[index] || number > 0;
            // Of none issued, none are redeemed: that need not be hidden from whoever knows the first.
            if index == 0 && (self.reader_sees_own || self.most[0] == 0) {
                own[0] = Shown::Exact(number);
            } else if index == 0 || active {
                own[index] = Shown::number(number, floor);
            }
            // What the reader knows is no part of what is hidden from them.
            if index > 0 && own[index].exact().is_none() {
                hidden.push(Part {
                    sum: number,
                    most: self.most[index],
                });
            }
            let (shown, rest) = match (active_below[index], hidden.is_empty()) {
                (false, _) => (own[index], hidden),
                (true, true) => (Shown::Exact(totals[index]), hidden),
                (true, false) => (self.settle)(hidden, totals[index], floor),
            };
            total[index] = shown;
            if index > 0 {
                let parent = tree.parents[index];
                totals[parent] += totals[index];
                parts[parent].extend(rest);
                active_below[parent] |= active_below[index] || active;
            }
        }
        (own, total)
    }
}

fn sums(parts: &[Part]) -> (u64, u64) {
    let sum = parts.iter().map(|part| part.sum).sum();
    (sum, parts.iter().map(|part| part.most).sum())
}

fn settle_issued(hidden: Vec<Part>, total: u64, floor: u64) -> (Shown, Vec<Part>) {
    let (sum, most) = sums(&hidden);
    if total < floor {
        // What is below it is smaller still: the parts are as good as one.
        let most = floor - 1;
        return (Shown::Below(floor), vec![Part { sum: total, most }]);
    }
    match hidden.len() {
        1 => (Shown::Withheld, hidden),
        _ if sum + 2 <= most => (Shown::Exact(total), Vec::new()),
        _ => (Shown::Withheld, vec![Part { sum, most }]),
    }
}

fn settle_redeemed(hidden: Vec<Part>, total: u64, floor: u64) -> (Shown, Vec<Part>) {
    let (sum, most) = sums(&hidden);
    // No part is larger than the floor less one: without any one of them there is room for all. How much room there is
    // depends on hidden numbers of issued codes: that it is as much as can be must not show either.
    let largest = floor - 1;
    let room = most.min((hidden.len() as u64 * largest).saturating_sub(1));
    if sum + largest > room {
        (Shown::Withheld, hidden)
    } else if total < floor {
        let most = most.min(floor - 1);
        (Shown::Below(floor), vec![Part { sum: total, most }])
    } else {
        (Shown::Exact(total), Vec::new())
    }
}

#[cfg(test)]
mod tests;
