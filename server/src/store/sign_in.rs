//! What the server remembers of signing in: invitations, factors, sign-ins under way, sessions.
//!
//! Secrets come in hashed or encrypted; a method is one transaction, with the audit's rows in it.

use async_trait::async_trait;
use truyvet_crypto::Timestamp;

use super::Result;
use crate::{audit::AuditEntry, officers::Officer, sign_in::PasswordRecord};

/// An invitation about to be issued.
#[derive(Clone)]
pub struct NewInvitation {
    /// For whom.
    pub officer_id: String,
    /// SHA-256 of the ticket in its link.
    pub ticket_hash: [u8; 32],
    /// Full hour.
    pub expires_at: Timestamp,
}

/// An invitation that is being accepted: a password is chosen, a second factor is to come.
#[derive(Clone)]
pub struct Enrolment {
    /// SHA-256 of the ticket in the browser's cookie.
    pub ticket_hash: [u8; 32],
    /// SHA-256 of the invitation's ticket.
    pub invitation_hash: [u8; 32],
    /// Whose.
    pub officer_id: String,
    /// What was chosen.
    pub password: PasswordRecord,
    /// The secret that is offered, encrypted.
    pub totp_sealed: Vec<u8>,
    /// The passkey registration that was begun, as the passkey library's JSON.
    pub passkey_state: Option<String>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A second factor that was shown to work.
#[derive(Clone)]
pub enum NewFactor {
    /// A shared secret.
    Totp {
        /// Encrypted.
        sealed: Vec<u8>,
        /// The step whose code was shown: used up.
        last_step: u64,
    },
    /// A passkey.
    Passkey(PasskeyRecord),
}

/// A passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// Random; names it in lists and in the audit.
    pub passkey_id: String,
    /// What the authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What its owner calls it.
    pub label: String,
    /// Public key, counter and flags, as the passkey library's JSON.
    pub state: String,
    /// Full hour.
    pub created_at: Timestamp,
}

/// A session about to begin.
#[derive(Clone)]
pub struct NewSession {
    /// SHA-256 of the ticket in the browser's cookie.
    pub ticket_hash: [u8; 32],
    /// Its name.
    pub session_id: String,
    /// Whose.
    pub officer_id: String,
    /// Now.
    pub created_at: Timestamp,
}

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Random; names it in lists and in the audit.
    pub session_id: String,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it was last used, to a minute.
    pub last_seen_at: Timestamp,
}

/// Which sessions of an account end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The one of that name.
    One(String),
    /// All but the one of that name.
    AllBut(String),
    /// All.
    All,
}

/// How an account is signed in to, for whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which account.
    pub officer_id: String,
    /// Whether an invitation was accepted: it has a password.
    pub set_up: bool,
    /// Until when an invitation is open.
    pub invited_until: Option<Timestamp>,
    /// The hour of the last sign-in.
    pub signed_in_at: Option<Timestamp>,
}

/// All that becomes true when an invitation is accepted. Everything the account had before is gone then.
#[derive(Clone)]
pub struct Acceptance {
    /// The enrolment's ticket: nothing is done if it or its invitation is gone.
    pub ticket_hash: [u8; 32],
    /// The first second factor.
    pub factor: NewFactor,
    /// Keyed hashes.
    pub recovery_hashes: Vec<[u8; 32]>,
    /// The first session.
    pub session: NewSession,
    /// Rows of the audit, in order.
    pub entries: Vec<AuditEntry>,
}

/// Somebody's account at an OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcIdentity {
    /// Which provider.
    pub issuer: String,
    /// Keyed hash over issuer and subject.
    pub subject_hash: [u8; 32],
}

/// All that becomes true when an invitation is accepted by an account at a provider. Everything the account had before
/// is gone then.
#[derive(Clone)]
pub struct OidcAcceptance {
    /// The invitation's ticket: nothing is done if it is gone.
    pub invitation_hash: [u8; 32],
    /// What takes the place of password and second factor.
    pub identity: OidcIdentity,
    /// The first session; of the account that is invited.
    pub session: NewSession,
    /// Rows of the audit, in order.
    pub entries: Vec<AuditEntry>,
}

/// What came of an [`OidcAcceptance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OidcAccepted {
    /// It is so.
    Done,
    /// The invitation is gone.
    Gone,
    /// The identity signs another account in.
    Taken,
}

/// Somebody who has shown the password and owes the second factor.
#[derive(Clone)]
pub struct PendingSignIn {
    /// SHA-256 of the ticket in the browser's cookie.
    pub ticket_hash: [u8; 32],
    /// Whose account.
    pub officer_id: String,
    /// From a browser that the account has signed in from before. Only sign-ins of the same kind push out the oldest:
    /// who has a stolen password cannot keep its owner from the second step.
    pub known_device: bool,
    /// The passkey challenge that was given, as the passkey library's JSON.
    pub passkey_state: Option<String>,
    /// Tries of the second factor that are left.
    pub tries_left: u32,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The second factor that was shown.
#[derive(Clone)]
pub enum Proof {
    /// The code of a step, which must be later than all used before.
    Totp {
        /// Which.
        step: u64,
        /// By which secret: not one that was put in its place meanwhile.
        sealed: Vec<u8>,
    },
    /// A passkey.
    Passkey {
        /// Which.
        passkey_id: String,
        /// What became of its counter and flags.
        state: Option<String>,
    },
    /// A recovery code, which is used up.
    RecoveryCode {
        /// Keyed hash.
        hash: [u8; 32],
    },
}

/// A sign-in about to be completed.
#[derive(Clone)]
pub struct Completion {
    /// The pending sign-in's ticket: nothing is done if it is gone.
    pub ticket_hash: [u8; 32],
    /// By what.
    pub proof: Proof,
    /// What begins.
    pub session: NewSession,
    /// Rows of the audit, in order.
    pub entries: Vec<AuditEntry>,
}

/// What an account can sign in with besides its password.
#[derive(Clone, Default)]
pub struct Factors {
    /// The shared secret, encrypted.
    pub totp_sealed: Option<Vec<u8>>,
    /// Oldest first.
    pub passkeys: Vec<PasskeyRecord>,
    /// Recovery codes that are left.
    pub recovery_codes_left: u32,
}

/// A change to one's own factors.
#[derive(Clone)]
pub enum FactorChange {
    /// One more, or another shared secret in place of the one before.
    Add(NewFactor),
    /// That passkey goes; refused if it is the only second factor.
    RemovePasskey {
        /// Which.
        passkey_id: String,
    },
    /// Another password in place of the one before; sign-ins under way and all other sessions end.
    Password {
        /// The password.
        record: PasswordRecord,
        /// The session that goes on.
        session_id: String,
    },
    /// Other recovery codes in place of those before.
    RecoveryCodes {
        /// Keyed hashes.
        hashes: Vec<[u8; 32]>,
    },
}

/// What of signing in is to be forgotten.
#[derive(Clone, Copy, Debug)]
pub struct ForgetSignIns {
    /// Invitations, enrolments and pending sign-ins that ran out before this.
    pub expired_before: Timestamp,
    /// Sessions that began before this.
    pub sessions_created_before: Timestamp,
    /// Sessions that were not used since before this.
    pub sessions_seen_before: Timestamp,
}

/// Everything that is remembered of signing in. Accounts that are not active are never found.
#[async_trait]
pub trait SignInStore: Send + Sync {
    /// Puts an invitation in place of an open one; false if the account is not active.
    async fn issue_invitation(&self, invitation: NewInvitation, entry: AuditEntry) -> Result<bool>;
    /// Whom an open invitation is for.
    async fn invited(&self, ticket_hash: [u8; 32], now: Timestamp) -> Result<Option<Officer>>;
    /// Begins to accept an invitation, in place of an earlier beginning; false if the invitation is gone.
    async fn start_enrolment(&self, enrolment: Enrolment, now: Timestamp) -> Result<bool>;
    /// An enrolment whose invitation is open still.
    async fn enrolment(
        &self,
        ticket_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Officer, Enrolment)>>;
    /// Keeps the passkey registration that was begun; `None` takes it back.
    async fn set_enrolment_passkey(
        &self,
        ticket_hash: [u8; 32],
        state: Option<String>,
    ) -> Result<()>;
    /// Accepts an invitation: factors and sessions from before end, the new ones begin; false if it is gone.
    async fn accept_invitation(&self, acceptance: Acceptance, now: Timestamp) -> Result<bool>;
    /// Accepts an invitation by an account at a provider: factors and sessions from before end, the new ones begin.
    async fn accept_invitation_by_oidc(
        &self,
        acceptance: OidcAcceptance,
        now: Timestamp,
    ) -> Result<OidcAccepted>;

    /// The account of a sign-in name and its password, if it has one.
    async fn account(
        &self,
        label: String,
        unit_code: String,
    ) -> Result<Option<(Officer, Option<PasswordRecord>)>>;
    /// An account's second factors.
    async fn factors(&self, officer_id: String) -> Result<Factors>;
    /// Begins a sign-in; false if the password is not the account's any more.
    async fn start_sign_in(&self, pending: PendingSignIn, password: PasswordRecord)
    -> Result<bool>;
    /// A sign-in under way, with the account's password.
    async fn pending_sign_in(
        &self,
        ticket_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Officer, PasswordRecord, PendingSignIn)>>;
    /// Keeps the passkey challenge that was given.
    async fn set_sign_in_passkey(&self, ticket_hash: [u8; 32], state: String) -> Result<()>;
    /// Uses up one try and the passkey challenge; false if there is none left or the sign-in is gone.
    async fn use_try(&self, ticket_hash: [u8; 32], now: Timestamp) -> Result<bool>;
    /// Completes a sign-in; false if it, or the proof, is gone or used.
    async fn complete_sign_in(&self, completion: Completion, now: Timestamp) -> Result<bool>;

    /// Whose account an identity at a provider signs in.
    async fn officer_of_oidc(&self, identity: OidcIdentity) -> Result<Option<Officer>>;
    /// Begins a session of that account; false if the identity does not sign it in any more.
    async fn sign_in_by_oidc(
        &self,
        identity: OidcIdentity,
        session: NewSession,
        entry: AuditEntry,
    ) -> Result<bool>;

    /// The session of a ticket, whatever its age.
    async fn session(&self, ticket_hash: [u8; 32]) -> Result<Option<(Officer, SessionRecord)>>;
    /// Writes down that a session is in use.
    async fn touch_session(&self, session_id: String, now: Timestamp) -> Result<()>;
    /// An account's sessions, the last used first.
    async fn sessions(&self, officer_id: String) -> Result<Vec<SessionRecord>>;
    /// How every account stands, by its id.
    async fn standings(&self, now: Timestamp) -> Result<Vec<Standing>>;
    /// Ends sessions of an account; how many there were. The audit hears of it if there were any.
    async fn end_sessions(
        &self,
        officer_id: String,
        ending: Ending,
        entry: AuditEntry,
    ) -> Result<usize>;
    /// Changes an account's factors; false if that is not there, or the last one.
    async fn change_factors(
        &self,
        officer_id: String,
        change: FactorChange,
        entry: AuditEntry,
    ) -> Result<bool>;
}
