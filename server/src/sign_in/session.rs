//! Sessions: who a browser acts for, and until when.
//!
//! The server remembers them, so that ending one ends it at once. A session ends when it is idle, when it is old, when
//! its owner says so, when the account is deactivated, and when an invitation is accepted. The role is read with every
//! request: a change of it holds at once.

use rand::CryptoRng;
use truyvet_crypto::Timestamp;

use super::{Ticket, random_name};
use crate::{
    audit::Action,
    context::Context,
    officers::Actor,
    settings::Settings,
    store::{Ending, ForgetSignIns, NewSession, SessionRecord, StoreError},
};

/// The last use is written down when the one before was this long ago: a page of ten requests is one write.
const TOUCH_SECONDS: i64 = 60;

/// A session that is good now.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names it in the list of one's sessions.
    pub session_id: String,
    /// When they signed in.
    pub created_at: Timestamp,
    /// Its cookie; gives the token that forms carry.
    pub ticket: Ticket,
}

/// Draws a session for an account.
pub(super) fn draw(
    officer_id: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> (NewSession, Ticket) {
    let ticket = Ticket::generate(rng);
    let session = NewSession {
        ticket_hash: ticket.hash(),
        session_id: random_name(rng),
        officer_id: officer_id.to_owned(),
        created_at: now,
    };
    (session, ticket)
}

/// Whom a browser acts for, by its session cookie; `None` for one that is no session, or no more.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn actor_of_session(
    context: &Context,
    cookie: &str,
) -> Result<Option<(Actor, Session)>, StoreError> {
    let Some(ticket) = Ticket::parse(cookie) else {
        return Ok(None);
    };
    let Some((officer, record)) = context.store.session(ticket.hash()).await? else {
        return Ok(None);
    };
    let now = context.now();
    if !is_alive(&record, &context.settings, now) {
        return Ok(None);
    }
    if now.seconds_since(record.last_seen_at) >= TOUCH_SECONDS {
        let session_id = record.session_id.clone();
        context.store.touch_session(session_id, now).await?;
    }
    let session = Session {
        session_id: record.session_id,
        created_at: record.created_at,
        ticket,
    };
    Ok(Some((Actor::signed_in(officer), session)))
}

pub(super) fn is_alive(record: &SessionRecord, settings: &Settings, now: Timestamp) -> bool {
    now.seconds_since(record.last_seen_at) < idle_seconds(settings)
        && now.seconds_since(record.created_at) < absolute_seconds(settings)
}

fn idle_seconds(settings: &Settings) -> i64 {
    i64::from(settings.session_idle_minutes) * 60
}

fn absolute_seconds(settings: &Settings) -> i64 {
    i64::from(settings.session_hours) * 3_600
}

/// Signs out: the session ends, the browser's cookie opens nothing any more.
///
/// # Errors
/// [`StoreError`] if the store could not; the session goes on then.
pub async fn end_session(
    context: &Context,
    actor: &Actor,
    session: &Session,
) -> Result<(), StoreError> {
    let unit_code = &actor.officer.unit_code;
    let entry = actor.entry(context.now(), Action::SignedOut, unit_code, "");
    let officer_id = actor.officer.officer_id.clone();
    context
        .store
        .end_sessions(officer_id, Ending::One(session.session_id.clone()), entry)
        .await
        .map(drop)
}

/// What has outlived its purpose.
pub(crate) fn outlived(settings: &Settings, now: Timestamp) -> ForgetSignIns {
    ForgetSignIns {
        expired_before: now,
        sessions_created_before: now.plus_seconds(-absolute_seconds(settings)),
        sessions_seen_before: now.plus_seconds(-idle_seconds(settings)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let settings = Settings::for_data_dir(Path::new("x"));
        let at = |minutes: i64| Timestamp::from_unix_seconds(1_600_000_000 + minutes * 60).unwrap();
        let alive = |created, seen, now| {
            let record = SessionRecord {
                session_id: String::new(),
                created_at: at(created),
                last_seen_at: at(seen),
            };
            is_alive(&record, &settings, at(now))
        };
        assert!(alive(0, 0, 29));
        assert!(!alive(0, 0, 30));
        assert!(alive(0, 590, 599));
        assert!(!alive(0, 590, 600));
        // The clock went back a little.
        assert!(alive(5, 5, 0));
    }
}
