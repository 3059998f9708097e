//! How a number that may be hidden is written; the same signs as in the CSV.

use crate::{
    figures::{DayFigures, DaysTotal, Shown, UnitFigures},
    portal::texts::Texts,
};

/// `12`, `<5`, or `*` for one that is withheld.
pub(crate) fn number(texts: &Texts, shown: Shown) -> String {
    match shown {
        Shown::Exact(number) => texts.number(number),
        Shown::Below(floor) => format!("<{floor}"),
        Shown::Withheld => "*".into(),
    }
}

/// A column over all days: the number itself if there is one day, `≥12` if some days are hidden.
pub(crate) fn sum(texts: &Texts, unit: &UnitFigures, column: fn(&DayFigures) -> Shown) -> String {
    if let [day] = &*unit.days {
        return number(texts, column(day));
    }
    if unit.days.iter().all(|day| column(day) == Shown::Withheld) {
        return number(texts, Shown::Withheld);
    }
    let DaysTotal {
        at_least,
        hidden_days,
    } = unit.total(column);
    let sum = texts.number(at_least);
    match hidden_days {
        0 => sum,
        _ => format!("≥{sum}"),
    }
}

/// Whether the officer may see what became of codes that nobody redeemed: those of their own unit alone.
pub(crate) fn shows_ends(unit: &UnitFigures) -> bool {
    unit.days.iter().any(|day| day.expired != Shown::Withheld)
}

pub(super) fn hours(hours: Option<u32>) -> String {
    hours.map_or_else(|| "–".into(), |hours| hours.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{officers::Unit, portal::texts::Language};

    fn unit(issued: &[Shown]) -> UnitFigures {
        let days = (0..).zip(issued).map(|(day, &issued)| DayFigures {
            day,
            issued,
            redeemed: issued,
            revoked: Shown::Withheld,
            expired: Shown::Withheld,
            median_hours: None,
            incomplete: false,
        });
        UnitFigures {
            unit: Unit {
                unit_code: "48".into(),
                name: String::new(),
                parent_code: None,
                closed: false,
            },
            with_below: true,
            days: days.collect(),
        }
    }

    #[test]
    fn sums_say_that_something_is_hidden_and_not_what() {
        let texts = Texts::of(Language::English);
        let shown = |days: &[Shown]| sum(texts, &unit(days), |day| day.issued);
        let (exact, below) = (Shown::Exact(1_200), Shown::Below(5));
        assert_eq!(shown(&[exact]), "1,200");
        assert_eq!(shown(&[below]), "<5");
        assert_eq!(shown(&[Shown::Withheld]), "*");
        assert_eq!(shown(&[exact, exact]), "2,400");
        assert_eq!(shown(&[exact, below, Shown::Withheld]), "≥1,200");
        assert_eq!(shown(&[Shown::Withheld; 2]), "*");
        assert!(!shows_ends(&unit(&[exact])));
    }
}
