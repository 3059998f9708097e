//! SQL of invitations and of accepting them.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::Timestamp;

use super::{
    super::{
        audit, bytes, database_error,
        officers::{OfficerRow, officer},
        timestamp,
    },
    end_all, factors, sessions,
};
use crate::{
    audit::AuditEntry,
    officers::Officer,
    sign_in::PasswordRecord,
    store::{Acceptance, Enrolment, NewInvitation, Result},
};

pub(super) fn issue(
    connection: &Connection,
    invitation: &NewInvitation,
    entry: &AuditEntry,
) -> Result<bool> {
    let active = connection
        .prepare_cached("SELECT 1 FROM officer WHERE officer_id = ?1 AND active = 1")
        .and_then(|mut statement| statement.exists([&invitation.officer_id]))
        .map_err(database_error)?;
    if active {
        put(connection, invitation)?;
        audit::append(connection, entry)?;
    }
    Ok(active)
}

/// In place of an open one.
pub(in super::super) fn put(connection: &Connection, invitation: &NewInvitation) -> Result<()> {
    connection
        .execute(
            "INSERT OR REPLACE INTO invitation (officer_id, ticket_hash, expires_at) VALUES (?1, ?2, ?3)",
            params![
                invitation.officer_id,
                invitation.ticket_hash,
                invitation.expires_at.unix_seconds()
            ],
        )
        .map(drop)
        .map_err(database_error)
}

pub(super) fn invited(
    connection: &Connection,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Officer>> {
    let row: Option<OfficerRow> = connection
        .prepare_cached(
            "SELECT officer_id, label, unit_code, role, active FROM invitation JOIN officer USING (officer_id)
             WHERE ticket_hash = ?1 AND expires_at > ?2 AND active = 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![ticket_hash, now.unix_seconds()], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(officer).transpose()
}

pub(super) fn start_enrolment(
    connection: &Connection,
    enrolment: &Enrolment,
    now: Timestamp,
) -> Result<bool> {
    let invited = invited(connection, &enrolment.invitation_hash, now)?;
    if invited.is_none_or(|officer| officer.officer_id != enrolment.officer_id) {
        return Ok(false);
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO enrolment (officer_id, ticket_hash, invitation_hash, password_salt, password_hash,
                                               totp_sealed, passkey_state, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                enrolment.officer_id,
                enrolment.ticket_hash,
                enrolment.invitation_hash,
                enrolment.password.salt,
                enrolment.password.hash,
                enrolment.totp_sealed,
                enrolment.passkey_state,
                enrolment.expires_at.unix_seconds(),
            ],
        )
        .map(|_| true)
        .map_err(database_error)
}

pub(super) fn enrolment(
    connection: &Connection,
    ticket_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Officer, Enrolment)>> {
    type Row = (
        String,
        String,
        String,
        u8,
        bool,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Option<String>,
        i64,
    );
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT officer_id, label, unit_code, role, active, invitation_hash, password_salt, password_hash,
                    totp_sealed, passkey_state, enrolment.expires_at
             FROM enrolment JOIN officer USING (officer_id) JOIN invitation USING (officer_id)
             WHERE enrolment.ticket_hash = ?1 AND enrolment.expires_at > ?2 AND active = 1
               AND invitation.ticket_hash = invitation_hash AND invitation.expires_at > ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![ticket_hash, now.unix_seconds()], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(
        |(
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
        )| {
            let enrolment = Enrolment {
                ticket_hash: *ticket_hash,
                invitation_hash: bytes("enrolment.invitation_hash", &invitation_hash)?,
                officer_id: officer_id.clone(),
                password: PasswordRecord {
                    salt: bytes("enrolment.password_salt", &salt)?,
                    hash: bytes("enrolment.password_hash", &hash)?,
                },
                totp_sealed,
                passkey_state,
                expires_at: timestamp("enrolment.expires_at", expires_at)?,
            };
            let officer = officer((officer_id, label, unit_code, role, active))?;
            Ok((officer, enrolment))
        },
    )
    .transpose()
}

pub(super) fn set_passkey(
    connection: &Connection,
    ticket_hash: &[u8; 32],
    state: Option<&str>,
) -> Result<()> {
    connection
        .execute(
            "UPDATE enrolment SET passkey_state = ?2 WHERE ticket_hash = ?1",
            params![ticket_hash, state],
        )
        .map(drop)
        .map_err(database_error)
}

pub(super) fn accept(
    connection: &Connection,
    acceptance: &Acceptance,
    now: Timestamp,
) -> Result<bool> {
    let Some((officer, enrolment)) = enrolment(connection, &acceptance.ticket_hash, now)? else {
        return Ok(false);
    };
    let officer_id = &officer.officer_id;
    end_all(connection, officer_id)?;
    connection
        .execute(
            "INSERT INTO password (officer_id, password_salt, password_hash) VALUES (?1, ?2, ?3)",
            params![officer_id, enrolment.password.salt, enrolment.password.hash],
        )
        .map_err(database_error)?;
    // An authenticator may offer a credential that another account has: then nothing is done.
    if !factors::put(connection, officer_id, &acceptance.factor)? {
        return Err(crate::store::StoreError::Inconsistent(
            "passkey.credential_id".into(),
        ));
    }
    factors::put_recovery_codes(connection, officer_id, &acceptance.recovery_hashes)?;
    sessions::insert(connection, &acceptance.session)?;
    audit::append_all(connection, &acceptance.entries)?;
    Ok(true)
}
