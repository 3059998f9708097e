//! Tells when this phone's clock is too far from the server's to be used: refused, or not believed.
//!
//! A phone whose clock is off keeps sightings under the wrong slots and broadcasts IDs at the wrong time; what it would
//! upload matches nobody. And what it deletes because of its age may be from today: [`time_to_delete_by`].

use truyvet_crypto::Timestamp;

/// How far what a server signed may lie in this phone's future.
pub const MAX_BEHIND_SECONDS: i64 = 2 * 3_600;

/// How old a configuration that was fetched just now may be. Servers sign one anew at least every day, so an older one
/// means that this phone's clock runs ahead (or that somebody replays).
pub const MAX_AHEAD_SECONDS: i64 = 2 * 86_400;

/// This phone's clock is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockOff {
    /// The server signed something in this phone's future.
    #[error("this phone's clock is {seconds} s behind the server's")]
    Behind {
        /// By how much.
        seconds: i64,
    },
    /// What the server signed last is long past for this phone.
    #[error("this phone's clock is ahead of the server's, up to {seconds} s")]
    Ahead {
        /// By how much at most.
        seconds: i64,
    },
}

/// Refuses a clock that is behind: `signed_at` cannot lie in the future.
pub(crate) fn check_not_behind(signed_at: Timestamp, now: Timestamp) -> Result<(), ClockOff> {
    let seconds = signed_at.seconds_since(now);
    if seconds > MAX_BEHIND_SECONDS {
        return Err(ClockOff::Behind { seconds });
    }
    Ok(())
}

/// The time that retention counts from: this phone's, and no more than [`MAX_AHEAD_SECONDS`] after what a server signed.
///
/// A clock that was set to next year by mistake must not cost the last two weeks. The price: a phone that reaches no
/// server for long keeps what it has until it reaches one; [`MAX_SIGHTINGS`](crate::MAX_SIGHTINGS) bounds it meanwhile.
///
/// - `confirmed`: newest time in anything that a trusted key signed.
///
/// `None` if nothing was ever confirmed: then nothing is deleted for its age. What the phone itself dated confirms
/// nothing, since it was dated by the same clock.
pub(crate) fn time_to_delete_by(confirmed: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    confirmed.map(|time| now.min(time.plus_seconds(MAX_AHEAD_SECONDS)))
}

/// Refuses a clock that is ahead of what was fetched just now.
pub(crate) fn check_not_ahead(signed_at: Timestamp, now: Timestamp) -> Result<(), ClockOff> {
    let seconds = now.seconds_since(signed_at);
    if seconds > MAX_AHEAD_SECONDS {
        return Err(ClockOff::Ahead { seconds });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_two_hours_behind_and_two_days_ahead() {
        let now = Timestamp::from_unix_seconds(1_767_225_600).unwrap();
        let later = |seconds| check_not_behind(now.plus_seconds(seconds), now);
        assert_eq!(later(7_200), Ok(()));
        assert_eq!(later(7_201), Err(ClockOff::Behind { seconds: 7_201 }));
        assert_eq!(later(-1_000_000), Ok(()));
        let earlier = |seconds: i64| check_not_ahead(now.plus_seconds(-seconds), now);
        assert_eq!(earlier(172_800), Ok(()));
        assert_eq!(earlier(172_801), Err(ClockOff::Ahead { seconds: 172_801 }));
        assert_eq!(earlier(-1_000_000), Ok(()));
    }

    #[test]
    fn nothing_is_deleted_by_a_time_that_nobody_confirmed() {
        let now = Timestamp::from_unix_seconds(1_767_225_600).unwrap();
        let confirmed = |ago: i64| Some(now.plus_seconds(-ago));
        assert_eq!(time_to_delete_by(confirmed(0), now), Some(now));
        assert_eq!(time_to_delete_by(confirmed(172_800), now), Some(now));
        assert_eq!(
            time_to_delete_by(confirmed(172_801), now),
            Some(now.plus_seconds(-1))
        );
        assert_eq!(time_to_delete_by(None, now), None);
    }
}
