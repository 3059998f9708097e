//! SQL of how accounts are signed in to.

use rusqlite::Connection;
use truyvet_crypto::Timestamp;

use super::super::{database_error, timestamp};
use crate::store::{Result, Standing};

pub(super) fn all(connection: &Connection, now: Timestamp) -> Result<Vec<Standing>> {
    type Row = (String, bool, Option<i64>, Option<i64>);
    let rows: Vec<Row> = connection
        .prepare_cached(
            "SELECT officer_id,
                    EXISTS (SELECT 1 FROM password WHERE password.officer_id = officer.officer_id),
                    (SELECT expires_at FROM invitation
                     WHERE invitation.officer_id = officer.officer_id AND expires_at > ?1),
                    (SELECT max(at) FROM audit
                     WHERE audit.officer_id = officer.officer_id AND action = 'signed-in')
             FROM officer ORDER BY officer_id",
        )
        .and_then(|mut statement| {
            statement
                .query_map([now.unix_seconds()], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    let standing = |(officer_id, set_up, invited_until, signed_in_at): Row| {
        let time = |column, at: Option<i64>| at.map(|at| timestamp(column, at)).transpose();
        Ok(Standing {
            officer_id,
            set_up,
            invited_until: time("invitation.expires_at", invited_until)?,
            signed_in_at: time("audit.at", signed_in_at)?,
        })
    };
    rows.into_iter().map(standing).collect()
}
