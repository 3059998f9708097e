//! How many codes an officer and a unit may issue in a day, and how many they did.
//!
//! A quota bounds what a stolen credential can do before somebody looks. It is enforced by the transaction that adds
//! codes, so that calls at the same time cannot both take the last of it. What is near its end is for `alerts`.

use truyvet_crypto::Timestamp;

use super::CodeActionError;
use crate::{
    context::Context,
    officers::{Actor, Permission},
    settings::Settings,
    store::{IssueLimits, Issued},
};

/// Whose quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaOf {
    /// One account's.
    Officer,
    /// All of a unit's officers together, without those of the units below.
    Unit,
}

/// How much of a quota is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// Codes issued today, by the local calendar; those that were revoked or expired count too.
    pub issued_today: u64,
    /// The most that may be.
    pub limit: u64,
}

/// How near a quota is to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaLevel {
    /// 80 of 100 or more are used.
    NearlyReached,
    /// Nothing is left.
    Reached,
}

impl QuotaState {
    /// Codes that may still be issued today.
    #[must_use]
    pub fn left(self) -> u64 {
        self.limit.saturating_sub(self.issued_today)
    }

    /// `None` while more than a fifth is left.
    #[must_use]
    pub fn level(self) -> Option<QuotaLevel> {
        if self.left() == 0 {
            return Some(QuotaLevel::Reached);
        }
        (self.issued_today * 5 >= self.limit * 4).then_some(QuotaLevel::NearlyReached)
    }

    /// The level that is new once `more` codes were issued.
    #[must_use]
    pub fn crossed_by(self, more: u64) -> Option<QuotaLevel> {
        let after = Self {
            issued_today: self.issued_today + more,
            ..self
        };
        after.level().filter(|level| Some(*level) > self.level())
    }
}

/// An officer's quota and their unit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Their own.
    pub officer: QuotaState,
    /// That of the unit itself.
    pub unit: QuotaState,
}

/// What the actor and their unit issued today and may issue.
///
/// # Errors
/// [`CodeActionError::NotAllowed`] if they issue no codes, [`CodeActionError::Store`].
pub async fn quotas(context: &Context, actor: &Actor) -> Result<Quotas, CodeActionError> {
    if !actor.may(Permission::IssueCodes) {
        return Err(CodeActionError::NotAllowed);
    }
    let limits = limits(&context.settings, context.now());
    let unit_codes = vec![actor.officer.unit_code.clone()];
    let issued = context.store.issued(unit_codes, limits.since).await?;
    let own = &actor.officer.officer_id;
    let by_officer = issued.iter().filter(|issued| issued.officer_id == *own);
    Ok(Quotas {
        officer: QuotaState {
            issued_today: sum(by_officer),
            limit: limits.officer,
        },
        unit: QuotaState {
            issued_today: sum(issued.iter()),
            limit: limits.unit,
        },
    })
}

pub(super) fn sum<'a>(issued: impl Iterator<Item = &'a Issued>) -> u64 {
    issued.map(|issued| issued.codes).sum()
}

/// The quotas of the local day that the running hour belongs to.
pub(super) fn limits(settings: &Settings, now: Timestamp) -> IssueLimits {
    let offset = i64::from(settings.exposure_rule.utc_offset_seconds);
    // By the hour that is stored with a code, not by the minute: where the local day begins within an hour, codes of its
    // first minutes would else belong to no day that anybody counts.
    let local_day = now.hour_start().plus_seconds(offset).day();
    IssueLimits {
        since: local_day.start().plus_seconds(-offset),
        officer: settings.officer_codes_per_day.into(),
        unit: settings.unit_codes_per_day.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn state(issued_today: u64) -> QuotaState {
        QuotaState {
            issued_today,
            limit: 10,
        }
    }

    #[test]
    fn levels_begin_at_80_and_at_100_of_100() {
        use QuotaLevel::{NearlyReached, Reached};
        for (issued, expected) in [
            (0, None),
            (7, None),
            (8, Some(NearlyReached)),
            (9, Some(NearlyReached)),
            (10, Some(Reached)),
            // The setting was lowered meanwhile.
            (12, Some(Reached)),
        ] {
            assert_eq!(state(issued).level(), expected, "{issued}");
        }
        assert_eq!(state(7).crossed_by(1), Some(NearlyReached));
        assert_eq!(state(8).crossed_by(1), None);
        assert_eq!(state(8).crossed_by(2), Some(Reached));
        assert_eq!(state(0).crossed_by(10), Some(Reached));
        assert_eq!(state(10).crossed_by(1), None);
    }

    /// Also where clocks are half an hour off, every stored hour belongs to one day.
    #[test]
    fn days_join_without_a_gap() {
        for offset in [25_200, -34_200, 20_700, 0] {
            let mut settings = Settings::for_data_dir(Path::new("x"));
            settings.exposure_rule.utc_offset_seconds = offset;
            let mut previous = None;
            for minute in 0..3 * 1_440 {
                let now = Timestamp::from_unix_seconds(1_630_040_400 + 60 * minute).unwrap();
                let since = limits(&settings, now).since;
                assert!(since <= now.hour_start(), "what is issued now counts now");
                let steps = previous.map_or(0, |previous| since.seconds_since(previous));
                assert!([0, 86_400].contains(&steps));
                previous = Some(since);
            }
        }
    }
}
