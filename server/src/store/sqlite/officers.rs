//! SQL of units and officers.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{database_error, inconsistent, is_constraint};
use crate::{
    authorize::{NewOfficer, Officer, Role, Unit},
    store::{Added, Result},
};

pub(super) fn add_unit(connection: &Connection, unit: &Unit) -> Result<Added> {
    let inserted = connection.execute(
        "INSERT INTO unit (unit_code, name, parent_code) VALUES (?1, ?2, ?3)",
        params![unit.unit_code, unit.name, unit.parent_code],
    );
    match inserted {
        Ok(_) => Ok(Added::Added),
        Err(error) if is_constraint(&error) => Ok(Added::Exists),
        Err(error) => Err(database_error(error)),
    }
}

pub(super) fn units(connection: &Connection) -> Result<Vec<Unit>> {
    connection
        .prepare_cached("SELECT unit_code, name, parent_code FROM unit ORDER BY unit_code")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok(Unit {
                        unit_code: row.get(0)?,
                        name: row.get(1)?,
                        parent_code: row.get(2)?,
                    })
                })?
                .collect()
        })
        .map_err(database_error)
}

pub(super) fn add(connection: &Connection, new: &NewOfficer) -> Result<()> {
    connection
        .execute(
            "INSERT INTO officer (officer_id, label, unit_code, role, credential_hash, active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                new.officer.officer_id,
                new.officer.label,
                new.officer.unit_code,
                new.officer.role.number(),
                new.credential_hash,
                new.officer.active,
            ],
        )
        .map(drop)
        .map_err(database_error)
}

const COLUMNS: &str = "officer_id, label, unit_code, role, active";

type OfficerRow = (String, String, String, u8, bool);

fn row(row: &Row<'_>) -> rusqlite::Result<OfficerRow> {
    row.try_into()
}

fn officer((officer_id, label, unit_code, role, active): OfficerRow) -> Result<Officer> {
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

pub(super) fn by_credential(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Officer>> {
    // The column holds hashes of 32 random bytes: what an index look-up's time may tell of one helps nobody.
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM officer WHERE credential_hash = ?1 AND active = 1"
        ))
        .and_then(|mut statement| statement.query_row([hash], row).optional())
        .map_err(database_error)?
        .map(officer)
        .transpose()
}

pub(super) fn deactivate(connection: &Connection, officer_id: &str) -> Result<bool> {
    connection
        .execute(
            "UPDATE upload_code SET revoked = 1 WHERE officer_id = ?1 AND redeemed_at IS NULL",
            [officer_id],
        )
        .map_err(database_error)?;
    connection
        .execute(
            "UPDATE officer SET active = 0 WHERE officer_id = ?1",
            [officer_id],
        )
        .map(|changed| changed == 1)
        .map_err(database_error)
}
