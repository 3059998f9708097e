//! SQL of how accounts are signed in to.

use tokio_postgres::Row;
use truyvet_crypto::Timestamp;

use super::super::{
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::store::Standing;

impl FromRow for Standing {
    fn from_row(row: &Row) -> Result<Self> {
        let (officer_id, set_up, invited_until, signed_in_at) = FromRow::from_row(row)?;
        Ok(Self {
            officer_id,
            set_up,
            invited_until,
            signed_in_at,
        })
    }
}

pub(super) async fn all(sql: &Sql<'_>, now: Timestamp) -> Result<Vec<Standing>> {
    sql.rows(
        "SELECT officer_id,
                EXISTS (SELECT 1 FROM password WHERE password.officer_id = officer.officer_id),
                (SELECT expires_at FROM invitation
                 WHERE invitation.officer_id = officer.officer_id AND expires_at > $1),
                (SELECT max(at) FROM audit
                 WHERE audit.officer_id = officer.officer_id AND action = 'signed-in')
         FROM officer ORDER BY officer_id",
        &values![now],
    )
    .await
}
