//! SQL of administrative units.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{audit, bytes, database_error, is_constraint};
use crate::{
    audit::AuditEntry,
    officers::{Unit, UnitList},
    store::{Added, Result},
};

pub(super) fn add(connection: &Connection, unit: &Unit, entry: &AuditEntry) -> Result<Added> {
    let inserted = connection.execute(
        "INSERT INTO unit (unit_code, name, parent_code, listed, closed) VALUES (?1, ?2, ?3, 0, 0)",
        params![unit.unit_code, unit.name, unit.parent_code],
    );
    match inserted {
        Ok(_) => audit::append(connection, entry).map(|()| Added::Added),
        Err(error) if is_constraint(&error) => Ok(Added::Exists),
        Err(error) => Err(database_error(error)),
    }
}

pub(super) fn list_digest(connection: &Connection) -> Result<Option<[u8; 32]>> {
    let digest: Option<Vec<u8>> = connection
        .query_row("SELECT digest FROM unit_list", [], |row| row.get(0))
        .optional()
        .map_err(database_error)?;
    digest
        .map(|digest| bytes("unit_list.digest", &digest))
        .transpose()
}

pub(super) fn load(
    connection: &Connection,
    list: &UnitList,
    entry: Option<&AuditEntry>,
) -> Result<()> {
    connection
        .execute("UPDATE unit SET closed = 1 WHERE listed = 1", [])
        .map_err(database_error)?;
    let mut upsert = connection
        .prepare(
            "INSERT INTO unit (unit_code, name, parent_code, listed, closed) VALUES (?1, ?2, ?3, 1, 0)
             ON CONFLICT DO UPDATE SET name = excluded.name, parent_code = excluded.parent_code, listed = 1, closed = 0",
        )
        .map_err(database_error)?;
    for unit in &list.units {
        upsert
            .execute(params![unit.unit_code, unit.name, unit.parent_code])
            .map_err(database_error)?;
    }
    connection
        .execute(
            "INSERT INTO unit_list (only, digest) VALUES (1, ?1)
             ON CONFLICT DO UPDATE SET digest = excluded.digest",
            [list.digest],
        )
        .map_err(database_error)?;
    entry.map_or(Ok(()), |entry| audit::append(connection, entry))
}

pub(super) fn within(connection: &Connection, unit_code: &str) -> Result<Vec<Unit>> {
    // UNION, not UNION ALL: a damaged table with a circle in it ends all the same.
    units(
        connection,
        "WITH RECURSIVE within (code) AS (
             SELECT ?1 UNION SELECT unit_code FROM unit JOIN within ON parent_code = code)
         SELECT unit_code, name, parent_code, closed FROM unit
         WHERE unit_code IN (SELECT code FROM within) ORDER BY unit_code",
        unit_code,
    )
}

pub(super) fn path(connection: &Connection, unit_code: &str) -> Result<Vec<Unit>> {
    // A damaged table may have a circle; nobody has twenty levels of administration.
    units(
        connection,
        "WITH RECURSIVE path (code, level) AS (
             SELECT ?1, 0
             UNION ALL
             SELECT parent_code, level + 1 FROM unit JOIN path ON unit_code = code
             WHERE parent_code IS NOT NULL AND level < 20)
         SELECT unit_code, name, parent_code, closed FROM path JOIN unit ON unit_code = code
         ORDER BY level",
        unit_code,
    )
}

fn units(connection: &Connection, sql: &str, unit_code: &str) -> Result<Vec<Unit>> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map([unit_code], unit)?.collect())
        .map_err(database_error)
}

fn unit(row: &Row<'_>) -> rusqlite::Result<Unit> {
    Ok(Unit {
        unit_code: row.get(0)?,
        name: row.get(1)?,
        parent_code: row.get(2)?,
        closed: row.get(3)?,
    })
}
