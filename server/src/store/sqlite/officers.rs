//! SQL of officers.

use rusqlite::{Connection, Row, params};

use super::{audit, client_keys, database_error, inconsistent, is_constraint, sign_in};
use crate::{
    audit::AuditEntry,
    officers::{Officer, Role},
    store::{Added, NewOfficer, Result},
};

pub(super) fn add(connection: &Connection, new: &NewOfficer) -> Result<Added> {
    let NewOfficer {
        officer,
        key,
        invitation,
        entries,
    } = new;
    let inserted = connection.execute(
        "INSERT INTO officer (officer_id, label, unit_code, role, active) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            officer.officer_id,
            officer.label,
            officer.unit_code,
            officer.role.number(),
            officer.active,
        ],
    );
    match inserted {
        Ok(_) => {}
        Err(error) if is_constraint(&error) => return Ok(Added::Exists),
        Err(error) => return Err(database_error(error)),
    }
    if let Some(key) = key {
        client_keys::insert(connection, key)?;
    }
    if let Some(invitation) = invitation {
        sign_in::put_invitation(connection, invitation)?;
    }
    audit::append_all(connection, entries)?;
    Ok(Added::Added)
}

/// As [`OfficerRow`] takes them.
const COLUMNS: &str = "officer_id, label, unit_code, role, active";

pub(super) type OfficerRow = (String, String, String, u8, bool);

fn row(row: &Row<'_>) -> rusqlite::Result<OfficerRow> {
    row.try_into()
}

pub(super) fn officer((officer_id, label, unit_code, role, active): OfficerRow) -> Result<Officer> {
    Ok(Officer {
        officer_id,
        label,
        unit_code,
        role: Role::from_number(role).ok_or_else(|| inconsistent("officer.role"))?,
        active,
    })
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Officer>> {
    let rows: Vec<OfficerRow> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM officer ORDER BY unit_code, label"
        ))
        .and_then(|mut statement| statement.query_map([], row)?.collect())
        .map_err(database_error)?;
    rows.into_iter().map(officer).collect()
}

pub(super) fn deactivate(
    connection: &Connection,
    officer_id: &str,
    entry: &AuditEntry,
) -> Result<bool> {
    let execute = |sql: &str| {
        connection
            .execute(sql, [officer_id])
            .map_err(database_error)
    };
    execute("UPDATE upload_code SET revoked = 1 WHERE officer_id = ?1 AND redeemed_at IS NULL")?;
    execute("UPDATE client_key SET active = 0 WHERE officer_id = ?1")?;
    sign_in::end_all(connection, officer_id)?;
    // A second time nothing is done, and so nothing written down.
    if execute("UPDATE officer SET active = 0 WHERE officer_id = ?1 AND active = 1")? == 1 {
        audit::append(connection, entry)?;
    }
    let exists = "SELECT EXISTS (SELECT 1 FROM officer WHERE officer_id = ?1)";
    connection
        .query_row(exists, [officer_id], |row| row.get(0))
        .map_err(database_error)
}
