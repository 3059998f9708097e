//! SQL of accounts at an OpenID Connect provider.

use truyvet_crypto::Timestamp;

use super::{
    super::{
        audit,
        failure::Result,
        sql::{Sql, values},
    },
    end_all, invitations, sessions,
};
use crate::{
    audit::AuditEntry,
    officers::Officer,
    store::{NewSession, OidcAcceptance, OidcAccepted, OidcIdentity},
};

pub(super) async fn accept(
    sql: &Sql<'_>,
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
    let invited = invitations::invited(sql, invitation_hash, now).await?;
    if invited.is_none_or(|officer| officer.officer_id != *officer_id) {
        return Ok(OidcAccepted::Gone);
    }
    let other = officer_of(sql, identity).await?;
    if other.is_some_and(|other| other.officer_id != *officer_id) {
        return Ok(OidcAccepted::Taken);
    }
    end_all(sql, officer_id).await?;
    // Whoever else takes the identity meanwhile makes this transaction start again, and find that.
    sql.execute(
        "INSERT INTO oidc_identity (officer_id, issuer, subject_hash) VALUES ($1, $2, $3)",
        &values![officer_id, &identity.issuer, &identity.subject_hash],
    )
    .await?;
    sessions::insert(sql, session).await?;
    audit::append_all(sql, entries).await?;
    Ok(OidcAccepted::Done)
}

pub(super) async fn officer_of(sql: &Sql<'_>, identity: &OidcIdentity) -> Result<Option<Officer>> {
    sql.optional(
        "SELECT officer_id, label, unit_code, role, active
         FROM oidc_identity JOIN officer USING (officer_id)
         WHERE issuer = $1 AND subject_hash = $2 AND active",
        &values![&identity.issuer, &identity.subject_hash],
    )
    .await
}

pub(super) async fn sign_in(
    sql: &Sql<'_>,
    identity: &OidcIdentity,
    session: &NewSession,
    entry: &AuditEntry,
) -> Result<bool> {
    let found = officer_of(sql, identity).await?;
    if found.is_none_or(|officer| officer.officer_id != session.officer_id) {
        return Ok(false);
    }
    sessions::insert(sql, session).await?;
    audit::append(sql, entry).await?;
    Ok(true)
}
