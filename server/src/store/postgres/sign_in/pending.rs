//! SQL of sign-ins under way: between the password and the second factor.

use truyvet_crypto::Timestamp;

use super::{
    super::{
        audit,
        failure::Result,
        officers::officer,
        sql::{Sql, values},
    },
    sessions,
};
use crate::{
    officers::Officer,
    sign_in::PasswordRecord,
    store::{Completion, PendingSignIn, Proof},
};

/// Sign-ins under way of one account and kind of browser; the oldest give way.
const MOST_PENDING: i64 = 8;

pub(super) async fn account(
    sql: &Sql<'_>,
    label: &str,
    unit_code: &str,
) -> Result<Option<(Officer, Option<PasswordRecord>)>> {
    let found = sql
        .optional(
            "SELECT officer_id, label, unit_code, role, active, password_salt, password_hash
             FROM officer LEFT JOIN password USING (officer_id)
             WHERE unit_code = $1 AND label = $2 AND active",
            &values![unit_code, label],
        )
        .await?;
    let Some((officer_id, label, unit_code, role, active, salt, hash)) = found else {
        return Ok(None);
    };
    let officer = officer((officer_id, label, unit_code, role, active))?;
    let password = Option::zip(salt, hash).map(|(salt, hash)| PasswordRecord { salt, hash });
    Ok(Some((officer, password)))
}

pub(super) async fn start(
    sql: &Sql<'_>,
    pending: &PendingSignIn,
    password: &PasswordRecord,
) -> Result<bool> {
    let inserted = sql
        .execute(
            "INSERT INTO pending_sign_in (ticket_hash, officer_id, known_device, passkey_state,
                                          tries_left, expires_at)
             SELECT $1, officer_id, $3, $4, $5, $6 FROM password
             WHERE officer_id = $2 AND password_salt = $7 AND password_hash = $8",
            &values![
                &pending.ticket_hash,
                &pending.officer_id,
                pending.known_device,
                &pending.passkey_state,
                pending.tries_left,
                pending.expires_at,
                &password.salt,
                &password.hash,
            ],
        )
        .await?;
    sql.execute(
        "DELETE FROM pending_sign_in WHERE ticket_hash IN (
             SELECT ticket_hash FROM pending_sign_in WHERE officer_id = $1 AND known_device = $2
               AND ticket_hash <> $3
             ORDER BY expires_at DESC OFFSET $4)",
        &values![
            &pending.officer_id,
            pending.known_device,
            &pending.ticket_hash,
            MOST_PENDING - 1,
        ],
    )
    .await?;
    Ok(inserted > 0)
}

pub(super) async fn by_ticket(
    sql: &Sql<'_>,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Officer, PasswordRecord, PendingSignIn)>> {
    let found = sql
        .optional(
            "SELECT officer_id, label, unit_code, role, active, password_salt, password_hash,
                    known_device, passkey_state, tries_left, expires_at
             FROM pending_sign_in
             JOIN officer USING (officer_id) JOIN password USING (officer_id)
             WHERE ticket_hash = $1 AND expires_at > $2 AND active",
            &values![ticket_hash, now],
        )
        .await?;
    let Some((
        officer_id,
        label,
        unit_code,
        role,
        active,
        salt,
        hash,
        known_device,
        passkey_state,
        tries_left,
        expires_at,
    )) = found
    else {
        return Ok(None);
    };
    let officer = officer((officer_id, label, unit_code, role, active))?;
    let pending = PendingSignIn {
        ticket_hash: *ticket_hash,
        officer_id: officer.officer_id.clone(),
        known_device,
        passkey_state,
        tries_left,
        expires_at,
    };
    Ok(Some((officer, PasswordRecord { salt, hash }, pending)))
}

pub(super) async fn set_passkey(sql: &Sql<'_>, ticket_hash: &[u8; 32], state: &str) -> Result<()> {
    sql.execute(
        "UPDATE pending_sign_in SET passkey_state = $2 WHERE ticket_hash = $1",
        &values![ticket_hash, state],
    )
    .await
    .map(drop)
}

pub(super) async fn use_try(sql: &Sql<'_>, ticket_hash: &[u8; 32], now: Timestamp) -> Result<bool> {
    let used = sql
        .execute(
            "UPDATE pending_sign_in SET tries_left = tries_left - 1, passkey_state = NULL
             WHERE ticket_hash = $1 AND expires_at > $2 AND tries_left > 0",
            &values![ticket_hash, now],
        )
        .await?;
    Ok(used > 0)
}

pub(super) async fn complete(
    sql: &Sql<'_>,
    completion: &Completion,
    now: Timestamp,
) -> Result<bool> {
    let officer_id = &completion.session.officer_id;
    let waits = by_ticket(sql, &completion.ticket_hash, now).await?;
    if waits.is_none_or(|(officer, ..)| officer.officer_id != *officer_id) {
        return Ok(false);
    }
    // A code that was used meanwhile leaves the sign-in its other tries.
    if !spend(sql, officer_id, &completion.proof).await? {
        return Ok(false);
    }
    sql.execute(
        "DELETE FROM pending_sign_in WHERE ticket_hash = $1",
        &values![&completion.ticket_hash],
    )
    .await?;
    sessions::insert(sql, &completion.session).await?;
    audit::append_all(sql, &completion.entries).await?;
    Ok(true)
}

/// False if it is gone or used.
async fn spend(sql: &Sql<'_>, officer_id: &str, proof: &Proof) -> Result<bool> {
    let spent = match proof {
        Proof::Totp { step, sealed } => {
            sql.execute(
                "UPDATE totp SET last_step = $2
                 WHERE officer_id = $1 AND last_step < $2 AND totp_sealed = $3",
                &values![officer_id, *step, sealed],
            )
            .await?
        }
        Proof::Passkey { passkey_id, state } => {
            sql.execute(
                "UPDATE passkey SET state = coalesce($3, state)
                 WHERE officer_id = $1 AND passkey_id = $2",
                &values![officer_id, passkey_id, state],
            )
            .await?
        }
        Proof::RecoveryCode { hash } => {
            sql.execute(
                "DELETE FROM recovery_code WHERE officer_id = $1 AND code_hash = $2",
                &values![officer_id, hash],
            )
            .await?
        }
    };
    Ok(spent > 0)
}
