//! SQL of sign-ins under way: between the password and the second factor.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::Timestamp;

use super::{
    super::{
        audit, bytes, database_error, integer,
        officers::{OfficerRow, officer},
        timestamp,
    },
    sessions,
};
use crate::{
    officers::Officer,
    sign_in::PasswordRecord,
    store::{Completion, PendingSignIn, Proof, Result},
};

/// Sign-ins under way of one account; the oldest give way.
const MOST_PENDING: i64 = 8;

pub(super) fn account(
    connection: &Connection,
    label: &str,
    unit_code: &str,
) -> Result<Option<(Officer, Option<PasswordRecord>)>> {
    type Row = (
        String,
        String,
        String,
        u8,
        bool,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
    );
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT officer.officer_id, label, unit_code, role, active, password_salt, password_hash
             FROM officer LEFT JOIN password USING (officer_id)
             WHERE unit_code = ?1 AND label = ?2 AND active = 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([unit_code, label], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(|(officer_id, label, unit_code, role, active, salt, hash)| {
        let password = match (salt, hash) {
            (Some(salt), Some(hash)) => Some(password(&salt, &hash)?),
            _ => None,
        };
        let row: OfficerRow = (officer_id, label, unit_code, role, active);
        Ok((officer(row)?, password))
    })
    .transpose()
}

fn password(salt: &[u8], hash: &[u8]) -> Result<PasswordRecord> {
    Ok(PasswordRecord {
        salt: bytes("password.password_salt", salt)?,
        hash: bytes("password.password_hash", hash)?,
    })
}

pub(super) fn start(connection: &Connection, pending: &PendingSignIn) -> Result<()> {
    connection
        .execute(
            "DELETE FROM pending_sign_in WHERE ticket_hash IN (
                 SELECT ticket_hash FROM pending_sign_in WHERE officer_id = ?1
                 ORDER BY expires_at DESC LIMIT -1 OFFSET ?2)",
            params![pending.officer_id, MOST_PENDING - 1],
        )
        .map_err(database_error)?;
    connection
        .execute(
            "INSERT INTO pending_sign_in (ticket_hash, officer_id, passkey_state, tries_left, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                pending.ticket_hash,
                pending.officer_id,
                pending.passkey_state,
                pending.tries_left,
                pending.expires_at.unix_seconds(),
            ],
        )
        .map(drop)
        .map_err(database_error)
}

pub(super) fn by_ticket(
    connection: &Connection,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Officer, PasswordRecord, PendingSignIn)>> {
    type Row = (
        String,
        String,
        String,
        u8,
        bool,
        Vec<u8>,
        Vec<u8>,
        Option<String>,
        u32,
        i64,
    );
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT officer_id, label, unit_code, role, active, password_salt, password_hash, passkey_state,
                    tries_left, expires_at
             FROM pending_sign_in JOIN officer USING (officer_id) JOIN password USING (officer_id)
             WHERE ticket_hash = ?1 AND expires_at > ?2 AND active = 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![ticket_hash, now.unix_seconds()], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(
        |(
            officer_id,
            label,
            unit_code,
            role,
            active,
            salt,
            hash,
            passkey_state,
            tries_left,
            expires_at,
        )| {
            let pending = PendingSignIn {
                ticket_hash: *ticket_hash,
                officer_id: officer_id.clone(),
                passkey_state,
                tries_left,
                expires_at: timestamp("pending_sign_in.expires_at", expires_at)?,
            };
            let officer = officer((officer_id, label, unit_code, role, active))?;
            Ok((officer, password(&salt, &hash)?, pending))
        },
    )
    .transpose()
}

pub(super) fn set_passkey(
    connection: &Connection,
    ticket_hash: &[u8; 32],
    state: &str,
) -> Result<()> {
    connection
        .execute(
            "UPDATE pending_sign_in SET passkey_state = ?2 WHERE ticket_hash = ?1",
            params![ticket_hash, state],
        )
        .map(drop)
        .map_err(database_error)
}

pub(super) fn use_try(
    connection: &Connection,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<bool> {
    connection
        .execute(
            "UPDATE pending_sign_in SET tries_left = tries_left - 1, passkey_state = NULL
             WHERE ticket_hash = ?1 AND expires_at > ?2 AND tries_left > 0",
            params![ticket_hash, now.unix_seconds()],
        )
        .map(|rows| rows > 0)
        .map_err(database_error)
}

pub(super) fn complete(
    connection: &Connection,
    completion: &Completion,
    now: Timestamp,
) -> Result<bool> {
    let officer_id = &completion.session.officer_id;
    let waits = by_ticket(connection, &completion.ticket_hash, now)?;
    if waits.is_none_or(|(officer, ..)| officer.officer_id != *officer_id) {
        return Ok(false);
    }
    // A code that was used meanwhile leaves the sign-in its other tries.
    if !spend(connection, officer_id, &completion.proof)? {
        return Ok(false);
    }
    connection
        .execute(
            "DELETE FROM pending_sign_in WHERE ticket_hash = ?1",
            [completion.ticket_hash],
        )
        .map_err(database_error)?;
    sessions::insert(connection, &completion.session)?;
    audit::append_all(connection, &completion.entries)?;
    Ok(true)
}

/// False if it is gone or used.
fn spend(connection: &Connection, officer_id: &str, proof: &Proof) -> Result<bool> {
    let changed = match proof {
        Proof::Totp { step } => connection.execute(
            "UPDATE totp SET last_step = ?2 WHERE officer_id = ?1 AND last_step < ?2",
            params![officer_id, integer(*step)],
        ),
        Proof::Passkey { passkey_id, state } => connection.execute(
            "UPDATE passkey SET state = coalesce(?3, state) WHERE officer_id = ?1 AND passkey_id = ?2",
            params![officer_id, passkey_id, state],
        ),
        Proof::RecoveryCode { hash } => connection.execute(
            "DELETE FROM recovery_code WHERE officer_id = ?1 AND code_hash = ?2",
            params![officer_id, hash],
        ),
    };
    changed.map(|rows| rows > 0).map_err(database_error)
}
