//! SQL of signing in: invitations, factors, sign-ins under way, sessions.

mod factors;
mod invitations;
mod oidc;
mod pending;
mod sessions;
mod standings;

use async_trait::async_trait;
use truyvet_crypto::Timestamp;

pub(super) use self::invitations::put as put_invitation;
use super::{
    PostgresStore, failure,
    sql::{Sql, values},
    transaction::{officers, query, transaction},
};
use crate::{
    audit::AuditEntry,
    officers::Officer,
    sign_in::PasswordRecord,
    store::{
        Acceptance, Completion, Ending, Enrolment, FactorChange, Factors, ForgetSignIns,
        NewInvitation, NewSession, OidcAcceptance, OidcAccepted, OidcIdentity, PendingSignIn,
        Result, SessionRecord, SignInStore, Standing,
    },
};

/// Takes away all that signs an account in, and every session.
pub(super) async fn end_all(sql: &Sql<'_>, officer_id: &str) -> failure::Result<()> {
    sql.execute(
        "WITH invitations AS (DELETE FROM invitation WHERE officer_id = $1),
              enrolments AS (DELETE FROM enrolment WHERE officer_id = $1),
              passwords AS (DELETE FROM password WHERE officer_id = $1),
              secrets AS (DELETE FROM totp WHERE officer_id = $1),
              passkeys AS (DELETE FROM passkey WHERE officer_id = $1),
              recovery_codes AS (DELETE FROM recovery_code WHERE officer_id = $1),
              identities AS (DELETE FROM oidc_identity WHERE officer_id = $1),
              sign_ins AS (DELETE FROM pending_sign_in WHERE officer_id = $1)
         DELETE FROM session WHERE officer_id = $1",
        &values![officer_id],
    )
    .await
    .map(drop)
}

/// Deletes what has run out.
pub(super) async fn forget(sql: &Sql<'_>, what: &ForgetSignIns) -> failure::Result<usize> {
    let mut rows = sql
        .execute(
            "DELETE FROM session WHERE created_at < $1 OR last_seen_at < $2",
            &values![what.sessions_created_before, what.sessions_seen_before],
        )
        .await?;
    for table in ["invitation", "enrolment", "pending_sign_in"] {
        let delete = format!("DELETE FROM {table} WHERE expires_at < $1");
        rows += sql.execute(&delete, &values![what.expired_before]).await?;
    }
    Ok(usize::try_from(rows).unwrap_or(usize::MAX))
}

#[async_trait]
impl SignInStore for PostgresStore {
    async fn issue_invitation(&self, invitation: NewInvitation, entry: AuditEntry) -> Result<bool> {
        officers!(self, |sql| invitations::issue(sql, &invitation, &entry))
    }

    async fn invited(&self, ticket_hash: [u8; 32], now: Timestamp) -> Result<Option<Officer>> {
        query!(self, |sql| invitations::invited(sql, &ticket_hash, now))
    }

    async fn start_enrolment(&self, enrolment: Enrolment, now: Timestamp) -> Result<bool> {
        officers!(self, |sql| invitations::start_enrolment(
            sql, &enrolment, now
        ))
    }

    async fn enrolment(
        &self,
        ticket_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Officer, Enrolment)>> {
        query!(self, |sql| invitations::enrolment(sql, &ticket_hash, now))
    }

    async fn set_enrolment_passkey(
        &self,
        ticket_hash: [u8; 32],
        state: Option<String>,
    ) -> Result<()> {
        officers!(self, |sql| invitations::set_passkey(
            sql,
            &ticket_hash,
            state.as_deref()
        ))
    }

    async fn accept_invitation(&self, acceptance: Acceptance, now: Timestamp) -> Result<bool> {
        officers!(self, |sql| invitations::accept(sql, &acceptance, now))
    }

    async fn accept_invitation_by_oidc(
        &self,
        acceptance: OidcAcceptance,
        now: Timestamp,
    ) -> Result<OidcAccepted> {
        officers!(self, |sql| oidc::accept(sql, &acceptance, now))
    }

    async fn officer_of_oidc(&self, identity: OidcIdentity) -> Result<Option<Officer>> {
        query!(self, |sql| oidc::officer_of(sql, &identity))
    }

    async fn sign_in_by_oidc(
        &self,
        identity: OidcIdentity,
        session: NewSession,
        entry: AuditEntry,
    ) -> Result<bool> {
        officers!(self, |sql| oidc::sign_in(sql, &identity, &session, &entry))
    }

    async fn account(
        &self,
        label: String,
        unit_code: String,
    ) -> Result<Option<(Officer, Option<PasswordRecord>)>> {
        query!(self, |sql| pending::account(sql, &label, &unit_code))
    }

    async fn factors(&self, officer_id: String) -> Result<Factors> {
        transaction!(self, Snapshot, |sql| factors::of_officer(sql, &officer_id))
    }

    async fn start_sign_in(
        &self,
        pending: PendingSignIn,
        password: PasswordRecord,
    ) -> Result<bool> {
        officers!(self, |sql| pending::start(sql, &pending, &password))
    }

    async fn pending_sign_in(
        &self,
        ticket_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Officer, PasswordRecord, PendingSignIn)>> {
        query!(self, |sql| pending::by_ticket(sql, &ticket_hash, now))
    }

    async fn set_sign_in_passkey(&self, ticket_hash: [u8; 32], state: String) -> Result<()> {
        officers!(self, |sql| pending::set_passkey(sql, &ticket_hash, &state))
    }

    async fn use_try(&self, ticket_hash: [u8; 32], now: Timestamp) -> Result<bool> {
        officers!(self, |sql| pending::use_try(sql, &ticket_hash, now))
    }

    async fn complete_sign_in(&self, completion: Completion, now: Timestamp) -> Result<bool> {
        officers!(self, |sql| pending::complete(sql, &completion, now))
    }

    async fn session(&self, ticket_hash: [u8; 32]) -> Result<Option<(Officer, SessionRecord)>> {
        query!(self, |sql| sessions::by_ticket(sql, &ticket_hash))
    }

    async fn touch_session(&self, session_id: String, now: Timestamp) -> Result<()> {
        officers!(self, |sql| sessions::touch(sql, &session_id, now))
    }

    async fn sessions(&self, officer_id: String) -> Result<Vec<SessionRecord>> {
        query!(self, |sql| sessions::of_officer(sql, &officer_id))
    }

    async fn standings(&self, now: Timestamp) -> Result<Vec<Standing>> {
        query!(self, |sql| standings::all(sql, now))
    }

    async fn end_sessions(
        &self,
        officer_id: String,
        ending: Ending,
        entry: AuditEntry,
    ) -> Result<usize> {
        officers!(self, |sql| sessions::end(sql, &officer_id, &ending, &entry))
    }

    async fn change_factors(
        &self,
        officer_id: String,
        change: FactorChange,
        entry: AuditEntry,
    ) -> Result<bool> {
        officers!(self, |sql| factors::change(
            sql,
            &officer_id,
            &change,
            &entry
        ))
    }
}
