//! SQL of sessions.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::Timestamp;

use super::super::{
    database_error,
    officers::{OfficerRow, officer},
    timestamp,
};
use crate::{
    officers::Officer,
    store::{Ending, NewSession, Result, SessionRecord},
};

/// Sessions of one account; those longest unused give way.
const MOST_SESSIONS: i64 = 16;

pub(super) fn insert(connection: &Connection, session: &NewSession) -> Result<()> {
    connection
        .execute(
            "DELETE FROM session WHERE ticket_hash IN (
                 SELECT ticket_hash FROM session WHERE officer_id = ?1
                 ORDER BY last_seen_at DESC LIMIT -1 OFFSET ?2)",
            params![session.officer_id, MOST_SESSIONS - 1],
        )
        .map_err(database_error)?;
    connection
        .execute(
            "INSERT INTO session (ticket_hash, session_id, officer_id, created_at, last_seen_at)
             VALUES (?1, ?2, ?3, ?4, ?4)",
            params![
                session.ticket_hash,
                session.session_id,
                session.officer_id,
                session.created_at.unix_seconds(),
            ],
        )
        .map(drop)
        .map_err(database_error)
}

type SessionRow = (String, i64, i64);

fn session((session_id, created_at, last_seen_at): SessionRow) -> Result<SessionRecord> {
    Ok(SessionRecord {
        session_id,
        created_at: timestamp("session.created_at", created_at)?,
        last_seen_at: timestamp("session.last_seen_at", last_seen_at)?,
    })
}

pub(super) fn by_ticket(
    connection: &Connection,
    ticket_hash: &[u8; 32],
) -> Result<Option<(Officer, SessionRecord)>> {
    type Row = (String, String, String, u8, bool, String, i64, i64);
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT officer_id, label, unit_code, role, active, session_id, created_at, last_seen_at
             FROM session JOIN officer USING (officer_id) WHERE ticket_hash = ?1 AND active = 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([ticket_hash], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(
        |(officer_id, label, unit_code, role, active, session_id, created_at, last_seen_at)| {
            let row: OfficerRow = (officer_id, label, unit_code, role, active);
            Ok((
                officer(row)?,
                session((session_id, created_at, last_seen_at))?,
            ))
        },
    )
    .transpose()
}

pub(super) fn touch(connection: &Connection, session_id: &str, now: Timestamp) -> Result<()> {
    connection
        .execute(
            "UPDATE session SET last_seen_at = max(last_seen_at, ?2) WHERE session_id = ?1",
            params![session_id, now.unix_seconds()],
        )
        .map(drop)
        .map_err(database_error)
}

pub(super) fn of_officer(connection: &Connection, officer_id: &str) -> Result<Vec<SessionRecord>> {
    let rows: Vec<SessionRow> = connection
        .prepare_cached(
            "SELECT session_id, created_at, last_seen_at FROM session WHERE officer_id = ?1
             ORDER BY last_seen_at DESC, session_id",
        )
        .and_then(|mut statement| {
            statement
                .query_map([officer_id], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter().map(session).collect()
}

/// How many there were.
pub(super) fn end(connection: &Connection, officer_id: &str, ending: &Ending) -> Result<usize> {
    let (which, session_id) = match ending {
        Ending::One(session_id) => ("session_id = ?2", session_id.as_str()),
        Ending::AllBut(session_id) => ("session_id <> ?2", session_id.as_str()),
        // A name is never empty.
        Ending::All => ("session_id <> ?2", ""),
    };
    connection
        .execute(
            &format!("DELETE FROM session WHERE officer_id = ?1 AND {which}"),
            params![officer_id, session_id],
        )
        .map_err(database_error)
}
