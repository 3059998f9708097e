//! SQL of second factors.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::{audit, database_error, integer, is_constraint, timestamp};
use crate::{
    audit::AuditEntry,
    store::{FactorChange, Factors, NewFactor, PasskeyRecord, Result},
};

pub(super) fn of_officer(connection: &Connection, officer_id: &str) -> Result<Factors> {
    let totp_sealed = connection
        .prepare_cached("SELECT totp_sealed FROM totp WHERE officer_id = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([officer_id], |row| row.get(0))
                .optional()
        })
        .map_err(database_error)?;
    let recovery_codes_left = connection
        .prepare_cached("SELECT count(*) FROM recovery_code WHERE officer_id = ?1")
        .and_then(|mut statement| statement.query_row([officer_id], |row| row.get(0)))
        .map_err(database_error)?;
    Ok(Factors {
        totp_sealed,
        passkeys: passkeys(connection, officer_id)?,
        recovery_codes_left,
    })
}

fn passkeys(connection: &Connection, officer_id: &str) -> Result<Vec<PasskeyRecord>> {
    type Row = (String, Vec<u8>, String, String, i64);
    let rows: Vec<Row> = connection
        .prepare_cached(
            "SELECT passkey_id, credential_id, label, state, created_at
             FROM passkey WHERE officer_id = ?1 ORDER BY created_at, passkey_id",
        )
        .and_then(|mut statement| {
            statement
                .query_map([officer_id], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(passkey_id, credential_id, label, state, created_at)| {
            Ok(PasskeyRecord {
                passkey_id,
                credential_id,
                label,
                state,
                created_at: timestamp("passkey.created_at", created_at)?,
            })
        })
        .collect()
}

/// Adds a passkey, or puts a shared secret in place of the one before; false if the passkey is somebody's already.
pub(super) fn put(connection: &Connection, officer_id: &str, factor: &NewFactor) -> Result<bool> {
    let inserted = match factor {
        NewFactor::Totp { sealed, last_step } => connection.execute(
            "INSERT OR REPLACE INTO totp (officer_id, totp_sealed, last_step) VALUES (?1, ?2, ?3)",
            params![officer_id, sealed, integer(*last_step)],
        ),
        NewFactor::Passkey(passkey) => connection.execute(
            "INSERT INTO passkey (passkey_id, officer_id, credential_id, label, state, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                passkey.passkey_id,
                officer_id,
                passkey.credential_id,
                passkey.label,
                passkey.state,
                passkey.created_at.unix_seconds(),
            ],
        ),
    };
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if is_constraint(&error) => Ok(false),
        Err(error) => Err(database_error(error)),
    }
}

/// In place of those before.
pub(super) fn put_recovery_codes(
    connection: &Connection,
    officer_id: &str,
    hashes: &[[u8; 32]],
) -> Result<()> {
    connection
        .execute(
            "DELETE FROM recovery_code WHERE officer_id = ?1",
            [officer_id],
        )
        .map_err(database_error)?;
    let mut insert = connection
        .prepare_cached("INSERT INTO recovery_code (officer_id, code_hash) VALUES (?1, ?2)")
        .map_err(database_error)?;
    for hash in hashes {
        insert
            .execute(params![officer_id, hash])
            .map_err(database_error)?;
    }
    Ok(())
}

pub(super) fn change(
    connection: &Connection,
    officer_id: &str,
    change: &FactorChange,
    entry: &AuditEntry,
) -> Result<bool> {
    let changed = match change {
        FactorChange::Add(factor) => put(connection, officer_id, factor)?,
        FactorChange::RemovePasskey { passkey_id } => {
            remove_passkey(connection, officer_id, passkey_id)?
        }
        FactorChange::RecoveryCodes { hashes } => {
            put_recovery_codes(connection, officer_id, hashes)?;
            true
        }
    };
    if changed {
        audit::append(connection, entry)?;
    }
    Ok(changed)
}

/// Not the only second factor: the account could not sign in again.
fn remove_passkey(connection: &Connection, officer_id: &str, passkey_id: &str) -> Result<bool> {
    connection
        .execute(
            "DELETE FROM passkey WHERE officer_id = ?1 AND passkey_id = ?2
               AND (EXISTS (SELECT 1 FROM totp WHERE officer_id = ?1)
                    OR (SELECT count(*) FROM passkey AS every WHERE every.officer_id = ?1) > 1)",
            params![officer_id, passkey_id],
        )
        .map(|rows| rows > 0)
        .map_err(database_error)
}
