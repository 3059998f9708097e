//! SQL of client keys.

use tokio_postgres::Row;
use truyvet_crypto::Timestamp;

use super::{
    audit,
    failure::Result,
    officers::officer,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    officers::{ClientKey, NewClientKey, Officer, Permissions},
    store::StoreError,
};

pub(super) async fn add(sql: &Sql<'_>, key: &NewClientKey, entry: &AuditEntry) -> Result<()> {
    insert(sql, key).await?;
    audit::append(sql, entry).await
}

pub(super) async fn insert(sql: &Sql<'_>, new: &NewClientKey) -> Result<()> {
    sql.execute(
        "INSERT INTO client_key (key_id, officer_id, label, scopes, credential_hash, created_at,
                                 active)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &values![
            &new.key.key_id,
            &new.key.officer_id,
            &new.key.label,
            new.key.scopes.bits(),
            &new.credential_hash,
            new.key.created_at,
            new.key.active,
        ],
    )
    .await
    .map(drop)
}

type KeyRow = (String, String, String, u8, Timestamp, bool);

fn key((key_id, officer_id, label, scopes, created_at, active): KeyRow) -> Result<ClientKey> {
    Ok(ClientKey {
        key_id,
        officer_id,
        label,
        scopes: Permissions::from_bits(scopes)
            .ok_or_else(|| StoreError::Inconsistent("client_key.scopes".into()))?,
        created_at,
        active,
    })
}

impl FromRow for ClientKey {
    fn from_row(row: &Row) -> Result<Self> {
        key(FromRow::from_row(row)?)
    }
}

pub(super) async fn of_officer(sql: &Sql<'_>, officer_id: &str) -> Result<Vec<ClientKey>> {
    sql.rows(
        "SELECT key_id, officer_id, label, scopes, created_at, active
         FROM client_key WHERE officer_id = $1 ORDER BY created_at, key_id",
        &values![officer_id],
    )
    .await
}

pub(super) async fn by_credential(
    sql: &Sql<'_>,
    hash: &[u8; 32],
) -> Result<Option<(Officer, ClientKey)>> {
    // The column holds hashes of 32 random bytes: what an index look-up's time may tell of one helps nobody.
    let found = sql
        .optional(
            "SELECT officer.officer_id, officer.label, unit_code, role, officer.active,
                    key_id, client_key.label, scopes, created_at, client_key.active
             FROM client_key JOIN officer USING (officer_id)
             WHERE credential_hash = $1 AND client_key.active AND officer.active",
            &values![hash],
        )
        .await?;
    let Some((
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
    )) = found
    else {
        return Ok(None);
    };
    let officer = officer((officer_id, label, unit_code, role, active))?;
    let whose = officer.officer_id.clone();
    let key = key((key_id, whose, key_label, scopes, created_at, good))?;
    Ok(Some((officer, key)))
}

pub(super) async fn revoke(sql: &Sql<'_>, key_id: &str, entry: &AuditEntry) -> Result<bool> {
    let changed = sql
        .execute(
            "UPDATE client_key SET active = FALSE WHERE key_id = $1 AND active",
            &values![key_id],
        )
        .await?;
    // A second time nothing is done, and so nothing written down.
    if changed == 1 {
        audit::append(sql, entry).await?;
    }
    let (exists,) = sql
        .row(
            "SELECT EXISTS (SELECT 1 FROM client_key WHERE key_id = $1)",
            &values![key_id],
        )
        .await?;
    Ok(exists)
}
