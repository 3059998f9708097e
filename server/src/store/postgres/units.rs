//! SQL of administrative units.

use super::{
    audit,
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    officers::{Unit, UnitList},
    store::Added,
};

pub(super) async fn add(sql: &Sql<'_>, unit: &Unit, entry: &AuditEntry) -> Result<Added> {
    // A name that is there and a parent that is not are one answer, as in SQLite.
    let added = sql
        .execute(
            "INSERT INTO unit (unit_code, name, parent_code, listed, closed)
             SELECT $1, $2, $3, FALSE, FALSE
             WHERE $3 IS NULL OR EXISTS (SELECT 1 FROM unit WHERE unit_code = $3)
             ON CONFLICT DO NOTHING",
            &values![&unit.unit_code, &unit.name, &unit.parent_code],
        )
        .await?;
    if added == 0 {
        return Ok(Added::Exists);
    }
    audit::append(sql, entry).await?;
    Ok(Added::Added)
}

pub(super) async fn list_digest(sql: &Sql<'_>) -> Result<Option<[u8; 32]>> {
    let found = sql.optional("SELECT digest FROM unit_list", &[]).await?;
    Ok(found.map(|(digest,)| digest))
}

pub(super) async fn load(sql: &Sql<'_>, list: &UnitList, entry: Option<&AuditEntry>) -> Result<()> {
    sql.execute("UPDATE unit SET closed = TRUE WHERE listed", &[])
        .await?;
    let texts = |text: fn(&Unit) -> &str| list.units.iter().map(text).collect::<Vec<_>>();
    let parents: Vec<Option<&str>> = list
        .units
        .iter()
        .map(|unit| unit.parent_code.as_deref())
        .collect();
    // References are checked when the statement ends: a list may name a unit before the one above it.
    sql.execute(
        "INSERT INTO unit (unit_code, name, parent_code, listed, closed)
         SELECT *, TRUE, FALSE FROM unnest($1, $2, $3)
         ON CONFLICT (unit_code) DO UPDATE
         SET name = excluded.name, parent_code = excluded.parent_code, listed = TRUE, closed = FALSE",
        &values![
            texts(|unit| &unit.unit_code),
            texts(|unit| &unit.name),
            parents,
        ],
    )
    .await?;
    sql.execute(
        "INSERT INTO unit_list (one, digest) VALUES (1, $1)
         ON CONFLICT (one) DO UPDATE SET digest = excluded.digest",
        &values![&list.digest],
    )
    .await?;
    match entry {
        Some(entry) => audit::append(sql, entry).await,
        None => Ok(()),
    }
}

impl FromRow for Unit {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        let (unit_code, name, parent_code, closed) = FromRow::from_row(row)?;
        Ok(Self {
            unit_code,
            name,
            parent_code,
            closed,
        })
    }
}

pub(super) async fn within(sql: &Sql<'_>, unit_code: &str) -> Result<Vec<Unit>> {
    // UNION, not UNION ALL: a damaged table with a circle in it ends all the same.
    sql.rows(
        "WITH RECURSIVE within (code) AS (
             SELECT $1 COLLATE \"C\" UNION SELECT unit_code FROM unit JOIN within ON parent_code = code)
         SELECT unit_code, name, parent_code, closed FROM unit
         WHERE unit_code IN (SELECT code FROM within) ORDER BY unit_code",
        &values![unit_code],
    )
    .await
}

pub(super) async fn path(sql: &Sql<'_>, unit_code: &str) -> Result<Vec<Unit>> {
    // A damaged table may have a circle; nobody has twenty levels of administration.
    sql.rows(
        "WITH RECURSIVE path (code, level) AS (
             SELECT $1 COLLATE \"C\", 0
             UNION ALL
             SELECT parent_code, level + 1 FROM unit JOIN path ON unit_code = code
             WHERE parent_code IS NOT NULL AND level < 20)
         SELECT unit_code, name, parent_code, closed FROM path JOIN unit ON unit_code = code
         ORDER BY level",
        &values![unit_code],
    )
    .await
}
