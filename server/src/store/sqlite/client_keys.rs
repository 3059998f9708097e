//! SQL of client keys.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    audit, database_error, inconsistent,
    officers::{OfficerRow, officer},
    timestamp,
};
use crate::{
    audit::AuditEntry,
    officers::{ClientKey, NewClientKey, Officer, Permissions},
    store::Result,
};

pub(super) fn add(connection: &Connection, key: &NewClientKey, entry: &AuditEntry) -> Result<()> {
    insert(connection, key)?;
    audit::append(connection, entry)
}

pub(super) fn insert(connection: &Connection, new: &NewClientKey) -> Result<()> {
    connection
        .execute(
            "INSERT INTO client_key (key_id, officer_id, label, scopes, credential_hash, created_at, active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                new.key.key_id,
                new.key.officer_id,
                new.key.label,
                new.key.scopes.bits(),
                new.credential_hash,
                new.key.created_at.unix_seconds(),
                new.key.active,
            ],
        )
        .map(drop)
        .map_err(database_error)
}

type KeyRow = (String, String, String, u8, i64, bool);

fn key((key_id, officer_id, label, scopes, created_at, active): KeyRow) -> Result<ClientKey> {
    Ok(ClientKey {
        key_id,
        officer_id,
        label,
        scopes: Permissions::from_bits(scopes).ok_or_else(|| inconsistent("client_key.scopes"))?,
        created_at: timestamp("client_key.created_at", created_at)?,
        active,
    })
}

pub(super) fn of_officer(connection: &Connection, officer_id: &str) -> Result<Vec<ClientKey>> {
    let rows: Vec<KeyRow> = connection
        .prepare_cached(
            "SELECT key_id, officer_id, label, scopes, created_at, active
             FROM client_key WHERE officer_id = ?1 ORDER BY created_at, key_id",
        )
        .and_then(|mut statement| {
            statement
                .query_map([officer_id], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter().map(key).collect()
}

pub(super) fn by_credential(
    connection: &Connection,
    hash: &[u8; 32],
) -> Result<Option<(Officer, ClientKey)>> {
    type Row = (
        String,
        String,
        String,
        u8,
        bool,
        String,
        String,
        u8,
        i64,
        bool,
    );
    // The column holds hashes of 32 random bytes: what an index look-up's time may tell of one helps nobody.
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT officer.officer_id, officer.label, unit_code, role, officer.active,
                    key_id, client_key.label, scopes, created_at, client_key.active
             FROM client_key JOIN officer USING (officer_id)
             WHERE credential_hash = ?1 AND client_key.active = 1 AND officer.active = 1",
        )
        .and_then(|mut statement| statement.query_row([hash], |row| row.try_into()).optional())
        .map_err(database_error)?;
    row.map(
        |(
            officer_id,
            label,
            unit_code,
            role,
            active,
            key_id,
            key_label,
            scopes,
            created_at,
            good,
        )| {
            let account: OfficerRow = (officer_id.clone(), label, unit_code, role, active);
            let client_key: KeyRow = (key_id, officer_id, key_label, scopes, created_at, good);
            Ok((officer(account)?, key(client_key)?))
        },
    )
    .transpose()
}

pub(super) fn revoke(connection: &Connection, key_id: &str, entry: &AuditEntry) -> Result<bool> {
    let exists = "SELECT EXISTS (SELECT 1 FROM client_key WHERE key_id = ?1)";
    let exists: bool = connection
        .query_row(exists, [key_id], |row| row.get(0))
        .map_err(database_error)?;
    let changed = connection
        .execute(
            "UPDATE client_key SET active = 0 WHERE key_id = ?1 AND active = 1",
            [key_id],
        )
        .map_err(database_error)?;
    // A second time nothing is done, and so nothing written down.
    if changed == 1 {
        audit::append(connection, entry)?;
    }
    Ok(exists)
}
