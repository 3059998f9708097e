//! SQL of accounts at an OpenID Connect provider.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::Timestamp;

use super::{
    super::{
        audit, database_error,
        officers::{OfficerRow, officer},
    },
    end_all, invitations, sessions,
};
use crate::{
    audit::AuditEntry,
    officers::Officer,
    store::{NewSession, OidcAcceptance, OidcAccepted, OidcIdentity, Result},
};

pub(super) fn accept(
    connection: &Connection,
    acceptance: &OidcAcceptance,
    now: Timestamp,
) -> Result<OidcAccepted> {
    let OidcAcceptance {
        invitation_hash,
        identity,
        session,
        entries,
    } = acceptance;
    let officer_id = &session.officer_id;
    let invited = invitations::invited(connection, invitation_hash, now)?;
    if invited.is_none_or(|officer| officer.officer_id != *officer_id) {
        return Ok(OidcAccepted::Gone);
    }
    if officer_of(connection, identity)?.is_some_and(|other| other.officer_id != *officer_id) {
        return Ok(OidcAccepted::Taken);
    }
    end_all(connection, officer_id)?;
    connection
        .execute(
            "INSERT INTO oidc_identity (officer_id, issuer, subject_hash) VALUES (?1, ?2, ?3)",
            params![officer_id, identity.issuer, identity.subject_hash],
        )
        .map_err(database_error)?;
    sessions::insert(connection, session)?;
    audit::append_all(connection, entries)?;
    Ok(OidcAccepted::Done)
}

pub(super) fn officer_of(
    connection: &Connection,
    identity: &OidcIdentity,
) -> Result<Option<Officer>> {
    let row: Option<OfficerRow> = connection
        .prepare_cached(
            "SELECT officer_id, label, unit_code, role, active FROM oidc_identity JOIN officer USING (officer_id)
             WHERE issuer = ?1 AND subject_hash = ?2 AND active = 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![identity.issuer, identity.subject_hash], |row| {
                    row.try_into()
                })
                .optional()
        })
        .map_err(database_error)?;
    row.map(officer).transpose()
}

pub(super) fn sign_in(
    connection: &Connection,
    identity: &OidcIdentity,
    session: &NewSession,
    entry: &AuditEntry,
) -> Result<bool> {
    let found = officer_of(connection, identity)?;
    if found.is_none_or(|officer| officer.officer_id != session.officer_id) {
        return Ok(false);
    }
    sessions::insert(connection, session)?;
    audit::append(connection, entry)?;
    Ok(true)
}
