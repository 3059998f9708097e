//! How far a signal says somebody was: decibels lost on the way, or Bluezone's limit for a pair of phones.

/// TX powers below are no reading.
pub const MIN_TX_POWER_DBM: i16 = -50;
/// TX powers above are no reading.
pub const MAX_TX_POWER_DBM: i16 = 20;

/// What a phone runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Android.
    Android,
    /// iOS.
    Ios,
    /// Not told.
    #[default]
    Unknown,
}

/// How the attenuation of a sighting, in dB, comes from its signal strength.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nearness {
    /// TX power less RSSI, not below 0 (Exposure Notification).
    TxPower,
    /// What the RSSI falls short of the limit for the two phones, 0 for what is near (Bluezone). For pairs that have no
    /// row, that of [`Platform::Unknown`] and [`Platform::Unknown`]; without that, nothing is near.
    Pairs(Vec<PairLimit>),
}

/// From which signal on one phone counts as near to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairLimit {
    /// Who hears.
    pub observer: Platform,
    /// Who is heard.
    pub seen: Platform,
    /// The weakest signal that is near.
    pub near_from_dbm: i16,
}

impl Nearness {
    /// Decibels, 0 to 255; `None` if there is nothing to tell it by: an impossible TX power, or a pair without a limit.
    ///
    /// - `tx_power_dbm`: of the phone that was seen; pairs do not need it.
    /// - `observer`, `seen`: TX power does not need them.
    #[must_use]
    pub fn attenuation_db(
        &self,
        rssi_dbm: i16,
        tx_power_dbm: i16,
        observer: Platform,
        seen: Platform,
    ) -> Option<u8> {
        let reference = match self {
            Self::TxPower => (MIN_TX_POWER_DBM..=MAX_TX_POWER_DBM)
                .contains(&tx_power_dbm)
                .then_some(tx_power_dbm)?,
            Self::Pairs(limits) => {
                let limit_of = |observer, seen| {
                    limits
                        .iter()
                        .find(|limit| (limit.observer, limit.seen) == (observer, seen))
                };
                limit_of(observer, seen)
                    .or_else(|| limit_of(Platform::Unknown, Platform::Unknown))?
                    .near_from_dbm
            }
        };
        let lost = i32::from(reference) - i32::from(rssi_dbm);
        Some(u8::try_from(lost.max(0)).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Platform::{Android, Ios, Unknown};

    #[test]
    fn attenuation_is_tx_power_less_rssi_within_a_byte() {
        let attenuation = |rssi, tx| Nearness::TxPower.attenuation_db(rssi, tx, Unknown, Unknown);
        assert_eq!(attenuation(-80, -25), Some(55));
        assert_eq!(attenuation(-10, -25), Some(0));
        assert_eq!(attenuation(i16::MIN, 20), Some(255));
        assert_eq!(attenuation(i16::MAX, -50), Some(0));
        assert_eq!(attenuation(-80, -51), None);
        assert_eq!(attenuation(-80, 21), None);
    }

    #[test]
    fn a_pair_is_told_by_its_own_limit_and_others_by_the_last_resort() {
        let limit = |observer, seen, near_from_dbm| PairLimit {
            observer,
            seen,
            near_from_dbm,
        };
        let pairs = vec![limit(Android, Ios, -69), limit(Unknown, Unknown, -100)];
        let of = |rssi, observer, seen| {
            Nearness::Pairs(pairs.clone()).attenuation_db(rssi, 127, observer, seen)
        };
        assert_eq!(of(-69, Android, Ios), Some(0));
        assert_eq!(of(-70, Android, Ios), Some(1));
        assert_eq!(of(-70, Ios, Android), Some(0));
        assert_eq!(of(-103, Android, Unknown), Some(3));
        let none = Nearness::Pairs(vec![]);
        assert_eq!(none.attenuation_db(0, 0, Android, Ios), None);
    }
}
