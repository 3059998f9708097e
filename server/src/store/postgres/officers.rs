//! SQL of officers.

use tokio_postgres::Row;

use super::{
    audit, client_keys,
    failure::Result,
    sign_in,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    officers::{Officer, Role},
    store::{Added, NewOfficer, StoreError},
};

pub(super) async fn add(sql: &Sql<'_>, new: &NewOfficer) -> Result<Added> {
    let NewOfficer {
        officer,
        key,
        invitation,
        entries,
    } = new;
    // A name that is there and a unit that is not are one answer, as in SQLite.
    let added = sql
        .execute(
            "INSERT INTO officer (officer_id, label, unit_code, role, active)
             SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM unit WHERE unit_code = $3)
             ON CONFLICT DO NOTHING",
            &values![
                &officer.officer_id,
                &officer.label,
                &officer.unit_code,
                officer.role.number(),
                officer.active,
            ],
        )
        .await?;
    if added == 0 {
        return Ok(Added::Exists);
    }
    if let Some(key) = key {
        client_keys::insert(sql, key).await?;
    }
    if let Some(invitation) = invitation {
        sign_in::put_invitation(sql, invitation).await?;
    }
    audit::append_all(sql, entries).await?;
    Ok(Added::Added)
}

/// `officer_id, label, unit_code, role, active`.
type OfficerRow = (String, String, String, u8, bool);

/// For rows that hold more than an officer.
pub(super) fn officer((officer_id, label, unit_code, role, active): OfficerRow) -> Result<Officer> {
    Ok(Officer {
        officer_id,
        label,
        unit_code,
        role: Role::from_number(role)
            .ok_or_else(|| StoreError::Inconsistent("officer.role".into()))?,
        active,
    })
}

impl FromRow for Officer {
    fn from_row(row: &Row) -> Result<Self> {
        officer(FromRow::from_row(row)?)
    }
}

pub(super) async fn all(sql: &Sql<'_>) -> Result<Vec<Officer>> {
    sql.rows(
        "SELECT officer_id, label, unit_code, role, active FROM officer ORDER BY unit_code, label",
        &[],
    )
    .await
}

pub(super) async fn deactivate(
    sql: &Sql<'_>,
    officer_id: &str,
    entry: &AuditEntry,
) -> Result<bool> {
    for statement in [
        "UPDATE upload_code SET revoked = TRUE
         WHERE officer_id = $1 AND redeemed_at IS NULL AND NOT revoked",
        "UPDATE client_key SET active = FALSE WHERE officer_id = $1 AND active",
    ] {
        sql.execute(statement, &values![officer_id]).await?;
    }
    sign_in::end_all(sql, officer_id).await?;
    let changed = sql
        .execute(
            "UPDATE officer SET active = FALSE WHERE officer_id = $1 AND active",
            &values![officer_id],
        )
        .await?;
    // A second time nothing is done, and so nothing written down.
    if changed == 1 {
        audit::append(sql, entry).await?;
    }
    let (exists,) = sql
        .row(
            "SELECT EXISTS (SELECT 1 FROM officer WHERE officer_id = $1)",
            &values![officer_id],
        )
        .await?;
    Ok(exists)
}
