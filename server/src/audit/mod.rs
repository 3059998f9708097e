//! The audit: every officer action is a row, chained by hash so that a row that was removed or changed shows.
//!
//! A row says who, what, when (the hour), on which unit and to what. It holds no code, token, key or credential. The
//! order within an hour is that of the sequence numbers. Whoever keeps the last hash elsewhere can also tell that rows
//! were cut off at the end.

mod chain;
mod export;
mod read;

pub use chain::{AuditRow, Break, ChainCheck, Head, chain};
pub use export::{AuditExport, ExportFault, ExportFormat, export, verify_export};
pub use read::{
    AuditError, AuditFilter, AuditLine, AuditQuery, MAX_ROWS_A_CALL, Verdict, list, verify,
};

use truyvet_crypto::Timestamp;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An administrative unit was added.
    UnitAdded,
    /// Another list of administrative units took the place of the one before.
    UnitListReplaced,
    /// An officer's account was added.
    OfficerAdded,
    /// An officer's account was ended.
    OfficerDeactivated,
    /// A link was made by which an account gets its first, or another, password.
    InvitationIssued,
    /// An account's password was chosen by an invitation; all that it signed in with before, and its sessions, ended.
    InvitationAccepted,
    /// Somebody signed in; the subject says by which second factor, or that the ministry's provider vouched: "oidc".
    SignedIn,
    /// Somebody signed out.
    SignedOut,
    /// Many wrong tries in a row, by whomever, at the account in the row: the 5th, 50th, 500th ... The subject says at
    /// what.
    SignInRefused,
    /// Somebody changed their own password; their other sessions ended.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// An authenticator app was put in place.
    TotpSet,
    /// Recovery codes were put in place of those before.
    RecoveryCodesMade,
    /// An account was tied to a person's account at the ministry's provider.
    OidcLinked,
    /// A recovery code was used up.
    RecoveryCodeUsed,
    /// Sessions of an account were ended.
    SessionsEnded,
    /// A client key was made.
    ClientKeyCreated,
    /// A client key was made useless.
    ClientKeyRevoked,
    /// An upload code was issued.
    CodeIssued,
    /// An upload code was made useless.
    CodeRevoked,
    /// A signing key was made.
    SigningKeyRotated,
    /// A window was closed on demand.
    WindowPublished,
    /// Four fifths of a quota of codes are used; the subject is the account or the unit.
    QuotaNearlyReached,
    /// A quota of codes is used up; the subject is the account or the unit.
    QuotaReached,
    /// A list of codes to issue was brought; the subject is its name.
    CodesImported,
    /// The audit, or a part of it, was taken out.
    AuditExported,
    /// A unit sent its daily or weekly report.
    ReportSent,
}

impl Action {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::UnitAdded,
        Self::UnitListReplaced,
        Self::OfficerAdded,
        Self::OfficerDeactivated,
        Self::InvitationIssued,
        Self::InvitationAccepted,
        Self::SignedIn,
        Self::SignedOut,
        Self::SignInRefused,
        Self::PasswordChanged,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::TotpSet,
        Self::RecoveryCodesMade,
        Self::OidcLinked,
        Self::RecoveryCodeUsed,
        Self::SessionsEnded,
        Self::ClientKeyCreated,
        Self::ClientKeyRevoked,
        Self::CodeIssued,
        Self::CodeRevoked,
        Self::SigningKeyRotated,
        Self::WindowPublished,
        Self::QuotaNearlyReached,
        Self::QuotaReached,
        Self::CodesImported,
        Self::AuditExported,
        Self::ReportSent,
    ];

    /// Its name in the store, on the wire and in exports; never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnitAdded => "unit.added",
            Self::UnitListReplaced => "unit-list.replaced",
            Self::OfficerAdded => "officer.added",
            Self::OfficerDeactivated => "officer.deactivated",
            Self::InvitationIssued => "invitation.issued",
            Self::InvitationAccepted => "invitation.accepted",
            Self::SignedIn => "signed-in",
            Self::SignedOut => "signed-out",
            Self::SignInRefused => "sign-in.refused",
            Self::PasswordChanged => "password.changed",
            Self::PasskeyAdded => "passkey.added",
            Self::PasskeyRemoved => "passkey.removed",
            Self::TotpSet => "totp.set",
            Self::RecoveryCodesMade => "recovery-codes.made",
            Self::OidcLinked => "oidc.linked",
            Self::RecoveryCodeUsed => "recovery-code.used",
            Self::SessionsEnded => "sessions.ended",
            Self::ClientKeyCreated => "client-key.created",
            Self::ClientKeyRevoked => "client-key.revoked",
            Self::CodeIssued => "code.issued",
            Self::CodeRevoked => "code.revoked",
            Self::SigningKeyRotated => "signing-key.rotated",
            Self::WindowPublished => "window.published",
            Self::QuotaNearlyReached => "quota.nearly-reached",
            Self::QuotaReached => "quota.reached",
            Self::CodesImported => "codes.imported",
            Self::AuditExported => "audit.exported",
            Self::ReportSent => "report.sent",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.name() == name)
    }
}

/// A row to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Full hour.
    pub at: Timestamp,
    /// Who; `None` for whoever owns the server's machine.
    pub officer_id: Option<String>,
    /// The client key they came with; `None` from a browser or the machine.
    pub key_id: Option<String>,
    /// What.
    pub action: Action,
    /// On which unit.
    pub unit_code: String,
    /// To what: a slip's serial, an account, a region; may be empty.
    pub subject: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_own() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(*action));
        }
    }
}
