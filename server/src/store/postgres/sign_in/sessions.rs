//! SQL of sessions.

use tokio_postgres::Row;
use truyvet_crypto::Timestamp;

use super::super::{
    audit,
    failure::Result,
    officers::officer,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    officers::Officer,
    store::{Ending, NewSession, SessionRecord},
};

/// Sessions of one account; those longest unused give way.
const MOST_SESSIONS: i64 = 16;

pub(super) async fn insert(sql: &Sql<'_>, session: &NewSession) -> Result<()> {
    sql.execute(
        "DELETE FROM session WHERE ticket_hash IN (
             SELECT ticket_hash FROM session WHERE officer_id = $1
             ORDER BY last_seen_at DESC OFFSET $2)",
        &values![&session.officer_id, MOST_SESSIONS - 1],
    )
    .await?;
    sql.execute(
        "INSERT INTO session (ticket_hash, session_id, officer_id, created_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $4)",
        &values![
            &session.ticket_hash,
            &session.session_id,
            &session.officer_id,
            session.created_at,
        ],
    )
    .await
    .map(drop)
}

impl FromRow for SessionRecord {
    fn from_row(row: &Row) -> Result<Self> {
        let (session_id, created_at, last_seen_at) = FromRow::from_row(row)?;
        Ok(Self {
            session_id,
            created_at,
            last_seen_at,
        })
    }
}

pub(super) async fn by_ticket(
    sql: &Sql<'_>,
    ticket_hash: &[u8; 32],
) -> Result<Option<(Officer, SessionRecord)>> {
    let found = sql
        .optional(
            "SELECT officer_id, label, unit_code, role, active,
                    session_id, created_at, last_seen_at
             FROM session JOIN officer USING (officer_id) WHERE ticket_hash = $1 AND active",
            &values![ticket_hash],
        )
        .await?;
    let Some((officer_id, label, unit_code, role, active, session_id, created_at, last_seen_at)) =
        found
    else {
        return Ok(None);
    };
    let officer = officer((officer_id, label, unit_code, role, active))?;
    let session = SessionRecord {
        session_id,
        created_at,
        last_seen_at,
    };
    Ok(Some((officer, session)))
}

pub(super) async fn touch(sql: &Sql<'_>, session_id: &str, now: Timestamp) -> Result<()> {
    sql.execute(
        "UPDATE session SET last_seen_at = greatest(last_seen_at, $2) WHERE session_id = $1",
        &values![session_id, now],
    )
    .await
    .map(drop)
}

pub(super) async fn of_officer(sql: &Sql<'_>, officer_id: &str) -> Result<Vec<SessionRecord>> {
    sql.rows(
        "SELECT session_id, created_at, last_seen_at FROM session WHERE officer_id = $1
         ORDER BY last_seen_at DESC, session_id",
        &values![officer_id],
    )
    .await
}

/// How many there were.
pub(super) async fn end(
    sql: &Sql<'_>,
    officer_id: &str,
    ending: &Ending,
    entry: &AuditEntry,
) -> Result<usize> {
    let (which, session_id) = match ending {
        Ending::One(session_id) => ("session_id = $2", session_id.as_str()),
        Ending::AllBut(session_id) => ("session_id <> $2", session_id.as_str()),
        // A name is never empty.
        Ending::All => ("session_id <> $2", ""),
    };
    let ended = sql
        .execute(
            &format!("DELETE FROM session WHERE officer_id = $1 AND {which}"),
            &values![officer_id, session_id],
        )
        .await?;
    if ended > 0 {
        audit::append(sql, entry).await?;
    }
    Ok(usize::try_from(ended).unwrap_or(usize::MAX))
}
