//! Signing in from a browser: invitations, passwords, second factors, sessions.
//!
//! The way in, one function a step; whoever serves pages sets the cookies and checks the form tokens:
//!
//! | step | function | the browser then holds |
//! |---|---|---|
//! | an administrator invites | [`invite`] | – |
//! | the link is opened; nothing is used up | [`open_invitation`] | the link |
//! | a password is chosen | [`choose_password`] | an enrolment cookie |
//! | a second factor is shown to work | [`confirm_totp`], or [`start_passkey`] and [`finish_passkey`] | session and device cookies; ten recovery codes on paper |
//! | later: name and password | [`start_sign_in`] | a sign-in cookie, five minutes |
//! | the second factor | [`by_totp`], [`start_by_passkey`] and [`by_passkey`], [`by_recovery_code`] | session and device cookies |
//! | every request | [`actor_of_session`] | the same |
//!
//! Every form carries [`Ticket::form_token`] of a ticket that the browser holds in a cookie: the session's, or, before
//! there is one, a fresh [`Ticket`] in a cookie of its own. The cookies are `HttpOnly`, `SameSite=Strict`, and, where
//! the portal's origin is https, `Secure` with the prefix `__Host-`, so that no neighbouring site can put one in.
//!
//! Where the ministry has an OpenID Connect provider (feature and settings `oidc`), it can take the place of password and
//! second factor; the invitation stays, since it says whose account it is:
//!
//! | step | function | the browser then holds |
//! |---|---|---|
//! | from the invitation's page, or from the page for signing in | `start_oidc` | a flow cookie, five minutes |
//! | the provider sends the browser back | `finish_oidc` | a session cookie |
//!
//! What a lost password or second factor comes to is an invitation again: accepting it ends all factors, sessions and
//! trusted devices that the account had. There is no other way round the second factor. Nobody invites themselves: for
//! the only administrator, whoever owns the machine makes another one with `truyvet admin create-officer`.
//!
//! | secret | where it is | what is stored |
//! |---|---|---|
//! | tickets in links and cookies | 32 random bytes | SHA-256 |
//! | password | in a head | Argon2id keyed by `keys/portal.key` |
//! | TOTP secret | in an app | AES-256-GCM by `keys/portal.key` |
//! | recovery codes | on paper | HMAC-SHA-256 by `keys/portal.key` |
//! | passkey | in an authenticator | its public key |
//! | identity at a provider | there | its issuer; HMAC-SHA-256 of its subject by `keys/portal.key` |
//!
//! No network address and no description of a browser is kept.

mod account;
mod device;
mod enrolment;
mod factor;
mod invitation;
#[cfg(feature = "oidc")]
mod oidc;
mod passkey;
mod password;
mod password_rules;
mod portal_key;
mod recovery;
mod session;
mod throttle;
mod ticket;
mod totp;

pub use account::{
    OwnFactors, add_passkey, change_password, end_own_sessions, make_recovery_codes, offered_totp,
    own_factors, own_sessions, remove_passkey, replace_totp, start_add_passkey, start_replace_totp,
};
pub use device::DEVICE_COOKIE_DAYS;
pub use enrolment::{
    Accepted, ENROLMENT_SECONDS, Enrolling, choose_password, confirm_totp, enrolling,
    finish_passkey, open_invitation, start_passkey,
};
pub use factor::{
    PENDING_SECONDS, Pending, SignedIn, by_passkey, by_recovery_code, by_totp, pending,
    start_by_passkey, start_sign_in,
};
pub use invitation::{INVITATION_DAYS, Invitation, end_sessions_of, invite};
#[cfg(feature = "oidc")]
pub use oidc::{ByProvider, FLOW_SECONDS, OidcAnswer, OidcError, Started, finish_oidc, start_oidc};
pub use passkey::Passkeys;
pub use password::PasswordRecord;
pub use password_rules::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, PasswordFault};
pub use portal_key::PortalKey;
pub use recovery::{RECOVERY_CODES, RecoveryCode};
pub use session::{Session, actor_of_session, end_session};
pub use ticket::Ticket;
pub use totp::TotpSecret;

pub(crate) use invitation::draw as draw_invitation;
pub(crate) use session::outlived;

use data_encoding::HEXLOWER;
use rand::CryptoRng;

use self::{password::Gate, throttle::Throttle};
use crate::{keys::KeysError, officers::Officer, settings::Settings, store::StoreError};

/// Why somebody did not get in, or something was not changed. Safe to print; says nothing of which accounts exist.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong name, wrong password, or an account without one: one answer.
    #[error("name or password wrong")]
    Refused,
    /// The second factor is wrong or was used already.
    #[error("code or passkey wrong, or used already")]
    FactorRefused,
    /// Too many wrong tries from browsers like this one.
    #[error("too many tries, again in {seconds} seconds")]
    Wait {
        /// After how long the next try is taken.
        seconds: u32,
    },
    /// Too many passwords are being checked.
    #[error("busy, try again")]
    Busy,
    /// The invitation, or what was begun, is unknown, used, replaced or too old.
    #[error("no longer valid")]
    Expired,
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The browser's passkey message cannot be used.
    #[error("the passkey was not accepted")]
    Passkey,
    /// A passkey's label: 1 to 64 printable characters.
    #[error("label: 1 to 64 printable characters")]
    Label,
    /// There is no such thing, or it is the only second factor.
    #[error("there is no such passkey, or it is the only second factor")]
    NotRemoved,
    /// What is stored does not open by `keys/portal.key`.
    #[error("keys/portal.key is not the one that this account was enrolled with")]
    PortalKey,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What sign-in keeps in memory.
pub struct SignIn {
    throttle: Throttle,
    gate: Gate,
    passkeys: Passkeys,
    #[cfg(feature = "oidc")]
    oidc: Option<oidc::Provider>,
}

impl SignIn {
    /// For the origin, and the provider, that the settings name.
    ///
    /// # Errors
    /// [`KeysError`] if the portal's secret at the provider cannot be read, or can be by others.
    pub fn new(settings: &Settings) -> Result<Self, KeysError> {
        Ok(Self {
            throttle: Throttle::default(),
            gate: Gate::default(),
            passkeys: Passkeys::new(&settings.portal_origin),
            #[cfg(feature = "oidc")]
            oidc: oidc::Provider::of(settings)?,
        })
    }

    /// How many password hashes were computed since the start.
    #[must_use]
    pub fn password_hashes(&self) -> u64 {
        self.gate.hashes()
    }
}

/// What an officer types as their name.
#[must_use]
pub fn sign_in_name(officer: &Officer) -> String {
    format!("{}@{}", officer.label, officer.unit_code)
}

/// Label and unit code of a typed name. A label has no at sign.
fn parse_name(typed: &str) -> Option<(&str, &str)> {
    typed.trim().split_once('@')
}

/// Eight random bytes as a name.
fn random_name(rng: &mut impl CryptoRng) -> String {
    let mut id = [0; 8];
    rng.fill_bytes(&mut id);
    HEXLOWER.encode(&id)
}
