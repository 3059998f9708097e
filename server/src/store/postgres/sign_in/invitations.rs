//! SQL of invitations and of accepting them.

use truyvet_crypto::Timestamp;

use super::{
    super::{
        audit,
        failure::Result,
        officers::officer,
        sql::{Sql, values},
    },
    end_all, factors, sessions,
};
use crate::{
    audit::AuditEntry,
    officers::Officer,
    sign_in::PasswordRecord,
    store::{Acceptance, Enrolment, NewInvitation, StoreError},
};

pub(super) async fn issue(
    sql: &Sql<'_>,
    invitation: &NewInvitation,
    entry: &AuditEntry,
) -> Result<bool> {
    let (active,) = sql
        .row(
            "SELECT EXISTS (SELECT 1 FROM officer WHERE officer_id = $1 AND active)",
            &values![&invitation.officer_id],
        )
        .await?;
    if active {
        put(sql, invitation).await?;
        audit::append(sql, entry).await?;
    }
    Ok(active)
}

/// In place of an open one.
pub(in crate::store::postgres) async fn put(
    sql: &Sql<'_>,
    invitation: &NewInvitation,
) -> Result<()> {
    sql.execute(
        "INSERT INTO invitation (officer_id, ticket_hash, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (officer_id) DO UPDATE
         SET ticket_hash = excluded.ticket_hash, expires_at = excluded.expires_at",
        &values![
            &invitation.officer_id,
            &invitation.ticket_hash,
            invitation.expires_at,
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn invited(
    sql: &Sql<'_>,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Officer>> {
    sql.optional(
        "SELECT officer_id, label, unit_code, role, active
         FROM invitation JOIN officer USING (officer_id)
         WHERE ticket_hash = $1 AND expires_at > $2 AND active",
        &values![ticket_hash, now],
    )
    .await
}

pub(super) async fn start_enrolment(
    sql: &Sql<'_>,
    enrolment: &Enrolment,
    now: Timestamp,
) -> Result<bool> {
    let invited = invited(sql, &enrolment.invitation_hash, now).await?;
    if invited.is_none_or(|officer| officer.officer_id != enrolment.officer_id) {
        return Ok(false);
    }
    sql.execute(
        "INSERT INTO enrolment (officer_id, ticket_hash, invitation_hash, password_salt,
                                password_hash, totp_sealed, passkey_state, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (officer_id) DO UPDATE
         SET ticket_hash = excluded.ticket_hash, invitation_hash = excluded.invitation_hash,
             password_salt = excluded.password_salt, password_hash = excluded.password_hash,
             totp_sealed = excluded.totp_sealed, passkey_state = excluded.passkey_state,
             expires_at = excluded.expires_at",
        &values![
            &enrolment.officer_id,
            &enrolment.ticket_hash,
            &enrolment.invitation_hash,
            &enrolment.password.salt,
            &enrolment.password.hash,
            &enrolment.totp_sealed,
            &enrolment.passkey_state,
            enrolment.expires_at,
        ],
    )
    .await?;
    Ok(true)
}

pub(super) async fn enrolment(
    sql: &Sql<'_>,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Officer, Enrolment)>> {
    let found = sql
        .optional(
            "SELECT officer_id, label, unit_code, role, active, invitation_hash, password_salt,
                    password_hash, totp_sealed, passkey_state, enrolment.expires_at
             FROM enrolment JOIN officer USING (officer_id) JOIN invitation USING (officer_id)
             WHERE enrolment.ticket_hash = $1 AND enrolment.expires_at > $2 AND active
               AND invitation.ticket_hash = invitation_hash AND invitation.expires_at > $2",
            &values![ticket_hash, now],
        )
        .await?;
    let Some((
        officer_id,
        label,
        unit_code,
        role,
        active,
        invitation_hash,
        salt,
        hash,
        totp_sealed,
        passkey_state,
        expires_at,
    )) = found
    else {
        return Ok(None);
    };
    let officer = officer((officer_id, label, unit_code, role, active))?;
    let enrolment = Enrolment {
        ticket_hash: *ticket_hash,
        invitation_hash,
        officer_id: officer.officer_id.clone(),
        password: PasswordRecord { salt, hash },
        totp_sealed,
        passkey_state,
        expires_at,
    };
    Ok(Some((officer, enrolment)))
}

pub(super) async fn set_passkey(
    sql: &Sql<'_>,
    ticket_hash: &[u8; 32],
    state: Option<&str>,
) -> Result<()> {
    sql.execute(
        "UPDATE enrolment SET passkey_state = $2 WHERE ticket_hash = $1",
        &values![ticket_hash, state],
    )
    .await
    .map(drop)
}

pub(super) async fn accept(sql: &Sql<'_>, acceptance: &Acceptance, now: Timestamp) -> Result<bool> {
    let Some((officer, enrolment)) = enrolment(sql, &acceptance.ticket_hash, now).await? else {
        return Ok(false);
    };
    let officer_id = &officer.officer_id;
    end_all(sql, officer_id).await?;
    sql.execute(
        "INSERT INTO password (officer_id, password_salt, password_hash) VALUES ($1, $2, $3)",
        &values![
            officer_id,
            &enrolment.password.salt,
            &enrolment.password.hash,
        ],
    )
    .await?;
    // An authenticator may offer a credential that another account has: then nothing is done.
    if !factors::put(sql, officer_id, &acceptance.factor).await? {
        return Err(StoreError::Inconsistent("passkey.credential_id".into()).into());
    }
    factors::put_recovery_codes(sql, officer_id, &acceptance.recovery_hashes).await?;
    sessions::insert(sql, &acceptance.session).await?;
    audit::append_all(sql, &acceptance.entries).await?;
    Ok(true)
}
