//! SQL of signing in: invitations, factors, sign-ins under way, sessions.

mod factors;
mod invitations;
mod oidc;
mod pending;
mod sessions;
mod standings;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use truyvet_crypto::Timestamp;

pub(super) use self::invitations::put as put_invitation;
use super::{SqliteStore, audit, database_error};
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
pub(super) fn end_all(connection: &Connection, officer_id: &str) -> Result<()> {
    for table in [
        "invitation",
        "enrolment",
        "password",
        "totp",
        "passkey",
        "recovery_code",
        "oidc_identity",
        "pending_sign_in",
        "session",
    ] {
        let sql = format!("DELETE FROM {table} WHERE officer_id = ?1");
        connection
            .execute(&sql, [officer_id])
            .map_err(database_error)?;
    }
    Ok(())
}

/// Deletes what has run out.
pub(super) fn forget(connection: &Connection, what: &ForgetSignIns) -> Result<usize> {
    let mut rows = connection
        .execute(
            "DELETE FROM session WHERE created_at < ?1 OR last_seen_at < ?2",
            params![
                what.sessions_created_before.unix_seconds(),
                what.sessions_seen_before.unix_seconds()
            ],
        )
        .map_err(database_error)?;
    for table in ["invitation", "enrolment", "pending_sign_in"] {
        let sql = format!("DELETE FROM {table} WHERE expires_at < ?1");
        rows += connection
            .execute(&sql, [what.expired_before.unix_seconds()])
            .map_err(database_error)?;
    }
    Ok(rows)
}

#[async_trait]
impl SignInStore for SqliteStore {
    async fn issue_invitation(&self, invitation: NewInvitation, entry: AuditEntry) -> Result<bool> {
        self.writer
            .write(move |c| invitations::issue(c, &invitation, &entry))
            .await
    }

    async fn invited(&self, ticket_hash: [u8; 32], now: Timestamp) -> Result<Option<Officer>> {
        self.read(move |c| invitations::invited(c, &ticket_hash, now))
            .await
    }

    async fn start_enrolment(&self, enrolment: Enrolment, now: Timestamp) -> Result<bool> {
        self.writer
            .write(move |c| invitations::start_enrolment(c, &enrolment, now))
            .await
    }

    async fn enrolment(
        &self,
        ticket_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Officer, Enrolment)>> {
        self.read(move |c| invitations::enrolment(c, &ticket_hash, now))
            .await
    }

    async fn set_enrolment_passkey(
        &self,
        ticket_hash: [u8; 32],
        state: Option<String>,
    ) -> Result<()> {
        self.writer
            .write(move |c| invitations::set_passkey(c, &ticket_hash, state.as_deref()))
            .await
    }

    async fn accept_invitation(&self, acceptance: Acceptance, now: Timestamp) -> Result<bool> {
        self.writer
            .write(move |c| invitations::accept(c, &acceptance, now))
            .await
    }

    async fn accept_invitation_by_oidc(
        &self,
        acceptance: OidcAcceptance,
        now: Timestamp,
    ) -> Result<OidcAccepted> {
        self.writer
            .write(move |c| oidc::accept(c, &acceptance, now))
            .await
    }

    async fn officer_of_oidc(&self, identity: OidcIdentity) -> Result<Option<Officer>> {
        self.read(move |c| oidc::officer_of(c, &identity)).await
    }

    async fn sign_in_by_oidc(
        &self,
        identity: OidcIdentity,
        session: NewSession,
        entry: AuditEntry,
    ) -> Result<bool> {
        self.writer
            .write(move |c| oidc::sign_in(c, &identity, &session, &entry))
            .await
    }

    async fn account(
        &self,
        label: String,
        unit_code: String,
    ) -> Result<Option<(Officer, Option<PasswordRecord>)>> {
        self.read(move |c| pending::account(c, &label, &unit_code))
            .await
    }

    async fn factors(&self, officer_id: String) -> Result<Factors> {
        self.read(move |c| factors::of_officer(c, &officer_id))
            .await
    }

    async fn start_sign_in(
        &self,
        pending: PendingSignIn,
        password: PasswordRecord,
    ) -> Result<bool> {
        self.writer
            .write(move |c| pending::start(c, &pending, &password))
            .await
    }

    async fn pending_sign_in(
        &self,
        ticket_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Officer, PasswordRecord, PendingSignIn)>> {
        self.read(move |c| pending::by_ticket(c, &ticket_hash, now))
            .await
    }

    async fn set_sign_in_passkey(&self, ticket_hash: [u8; 32], state: String) -> Result<()> {
        self.writer
            .write(move |c| pending::set_passkey(c, &ticket_hash, &state))
            .await
    }

    async fn use_try(&self, ticket_hash: [u8; 32], now: Timestamp) -> Result<bool> {
        self.writer
            .write(move |c| pending::use_try(c, &ticket_hash, now))
            .await
    }

    async fn complete_sign_in(&self, completion: Completion, now: Timestamp) -> Result<bool> {
        self.writer
            .write(move |c| pending::complete(c, &completion, now))
            .await
    }

    async fn session(&self, ticket_hash: [u8; 32]) -> Result<Option<(Officer, SessionRecord)>> {
        self.read(move |c| sessions::by_ticket(c, &ticket_hash))
            .await
    }

    async fn touch_session(&self, session_id: String, now: Timestamp) -> Result<()> {
        self.writer
            .write(move |c| sessions::touch(c, &session_id, now))
            .await
    }

    async fn sessions(&self, officer_id: String) -> Result<Vec<SessionRecord>> {
        self.read(move |c| sessions::of_officer(c, &officer_id))
            .await
    }

    async fn standings(&self, now: Timestamp) -> Result<Vec<Standing>> {
        self.read(move |c| standings::all(c, now)).await
    }

    async fn end_sessions(
        &self,
        officer_id: String,
        ending: Ending,
        entry: AuditEntry,
    ) -> Result<usize> {
        self.writer
            .write(move |c| {
                let ended = sessions::end(c, &officer_id, &ending)?;
                if ended > 0 {
                    audit::append(c, &entry)?;
                }
                Ok(ended)
            })
            .await
    }

    async fn change_factors(
        &self,
        officer_id: String,
        change: FactorChange,
        entry: AuditEntry,
    ) -> Result<bool> {
        self.writer
            .write(move |c| factors::change(c, &officer_id, &change, &entry))
            .await
    }
}
