//! SQL of units' reports.

use tokio_postgres::Row;

use super::{
    audit,
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    figures::{NewReport, ReportKind, SentReport},
    store::Added,
};

pub(super) async fn send(sql: &Sql<'_>, report: &NewReport, entry: &AuditEntry) -> Result<Added> {
    let added = sql
        .execute(
            "INSERT INTO unit_report (kind, day, unit_code, sent_at, officer_id)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            &values![
                report.kind.number(),
                report.day,
                &report.unit_code,
                report.sent_at,
                &report.officer_id,
            ],
        )
        .await?;
    if added == 0 {
        return Ok(Added::Exists);
    }
    audit::append(sql, entry).await?;
    Ok(Added::Added)
}

impl FromRow for SentReport {
    fn from_row(row: &Row) -> Result<Self> {
        let (unit_code, sent_at) = FromRow::from_row(row)?;
        Ok(Self { unit_code, sent_at })
    }
}

pub(super) async fn sent(sql: &Sql<'_>, kind: ReportKind, day: u32) -> Result<Vec<SentReport>> {
    sql.rows(
        "SELECT unit_code, sent_at FROM unit_report WHERE kind = $1 AND day = $2
         ORDER BY unit_code",
        &values![kind.number(), day],
    )
    .await
}
