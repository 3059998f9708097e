//! SQL of second factors.

use tokio_postgres::Row;

use super::super::{
    audit,
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    sign_in::PasswordRecord,
    store::{FactorChange, Factors, NewFactor, PasskeyRecord},
};

pub(super) async fn of_officer(sql: &Sql<'_>, officer_id: &str) -> Result<Factors> {
    let (totp_sealed, recovery_codes_left) = sql
        .row(
            "SELECT (SELECT totp_sealed FROM totp WHERE officer_id = $1),
                    (SELECT count(*) FROM recovery_code WHERE officer_id = $1)",
            &values![officer_id],
        )
        .await?;
    let passkeys = sql
        .rows(
            "SELECT passkey_id, credential_id, label, state, created_at
             FROM passkey WHERE officer_id = $1 ORDER BY created_at, passkey_id",
            &values![officer_id],
        )
        .await?;
    Ok(Factors {
        totp_sealed,
        passkeys,
        recovery_codes_left,
    })
}

impl FromRow for PasskeyRecord {
    fn from_row(row: &Row) -> Result<Self> {
        let (passkey_id, credential_id, label, state, created_at) = FromRow::from_row(row)?;
        Ok(Self {
            passkey_id,
            credential_id,
            label,
            state,
            created_at,
        })
    }
}

/// Adds a passkey, or puts a shared secret in place of the one before; false if the passkey is somebody's already.
pub(super) async fn put(sql: &Sql<'_>, officer_id: &str, factor: &NewFactor) -> Result<bool> {
    let put = match factor {
        NewFactor::Totp { sealed, last_step } => {
            sql.execute(
                "INSERT INTO totp (officer_id, totp_sealed, last_step) VALUES ($1, $2, $3)
                 ON CONFLICT (officer_id) DO UPDATE
                 SET totp_sealed = excluded.totp_sealed, last_step = excluded.last_step",
                &values![officer_id, sealed, *last_step],
            )
            .await?
        }
        NewFactor::Passkey(passkey) => {
            sql.execute(
                "INSERT INTO passkey (passkey_id, officer_id, credential_id, label, state,
                                      created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT DO NOTHING",
                &values![
                    &passkey.passkey_id,
                    officer_id,
                    &passkey.credential_id,
                    &passkey.label,
                    &passkey.state,
                    passkey.created_at,
                ],
            )
            .await?
        }
    };
    Ok(put > 0)
}

/// In place of those before.
pub(super) async fn put_recovery_codes(
    sql: &Sql<'_>,
    officer_id: &str,
    hashes: &[[u8; 32]],
) -> Result<()> {
    sql.execute(
        "DELETE FROM recovery_code WHERE officer_id = $1",
        &values![officer_id],
    )
    .await?;
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    sql.execute(
        "INSERT INTO recovery_code (officer_id, code_hash) SELECT $1, unnest($2)",
        &values![officer_id, &hashes],
    )
    .await
    .map(drop)
}

pub(super) async fn change(
    sql: &Sql<'_>,
    officer_id: &str,
    change: &FactorChange,
    entry: &AuditEntry,
) -> Result<bool> {
    let changed = match change {
        FactorChange::Add(factor) => put(sql, officer_id, factor).await?,
        FactorChange::RemovePasskey { passkey_id } => {
            remove_passkey(sql, officer_id, passkey_id).await?
        }
        FactorChange::Password { record, session_id } => {
            change_password(sql, officer_id, record, session_id).await?
        }
        FactorChange::RecoveryCodes { hashes } => {
            put_recovery_codes(sql, officer_id, hashes).await?;
            true
        }
    };
    if changed {
        audit::append(sql, entry).await?;
    }
    Ok(changed)
}

/// False if the account has none, or the session has ended.
async fn change_password(
    sql: &Sql<'_>,
    officer_id: &str,
    record: &PasswordRecord,
    session_id: &str,
) -> Result<bool> {
    let changed = sql
        .execute(
            "UPDATE password SET password_salt = $2, password_hash = $3
             WHERE officer_id = $1 AND EXISTS (
                 SELECT 1 FROM session WHERE session.officer_id = $1 AND session_id = $4)",
            &values![officer_id, &record.salt, &record.hash, session_id],
        )
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    sql.execute(
        "DELETE FROM session WHERE officer_id = $1 AND session_id <> $2",
        &values![officer_id, session_id],
    )
    .await?;
    sql.execute(
        "DELETE FROM pending_sign_in WHERE officer_id = $1",
        &values![officer_id],
    )
    .await?;
    Ok(true)
}

/// Not the only second factor: the account could not sign in again.
async fn remove_passkey(sql: &Sql<'_>, officer_id: &str, passkey_id: &str) -> Result<bool> {
    let removed = sql
        .execute(
            "DELETE FROM passkey WHERE officer_id = $1 AND passkey_id = $2
               AND (EXISTS (SELECT 1 FROM totp WHERE officer_id = $1)
                    OR EXISTS (SELECT 1 FROM passkey AS other
                               WHERE other.officer_id = $1 AND other.passkey_id <> $2))",
            &values![officer_id, passkey_id],
        )
        .await?;
    Ok(removed > 0)
}
