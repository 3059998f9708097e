//! The audit: every officer action is a row, chained by hash so that a row that was removed or changed shows.
//!
//! A row says who, what, when (the hour), on which unit and to what. It holds no code, token, key or credential. The
//! order within an hour is that of the sequence numbers. Whoever keeps the last hash elsewhere can also tell that rows
//! were cut off at the end.

use truyvet_crypto::{Timestamp, sha256};

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
    /// Somebody signed in; the subject says by which second factor.
    SignedIn,
    /// Somebody signed out.
    SignedOut,
    /// Many wrong tries in a row, by whomever, at the account in the row: the 5th, 50th, 500th ... The subject says at
    /// what.
    SignInRefused,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// An authenticator app was put in place.
    TotpSet,
    /// Recovery codes were put in place of those before.
    RecoveryCodesMade,
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
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::TotpSet,
        Self::RecoveryCodesMade,
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
            Self::PasskeyAdded => "passkey.added",
            Self::PasskeyRemoved => "passkey.removed",
            Self::TotpSet => "totp.set",
            Self::RecoveryCodesMade => "recovery-codes.made",
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

/// A row with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub sequence: u64,
    /// What it says.
    pub entry: AuditEntry,
    /// [`chain`] of the row before's hash (32 zero bytes for the first) and this row.
    pub hash: [u8; 32],
}

/// The hash of a row: SHA-256 over the hash before, the sequence number and every field with its length in front.
///
/// Layout: previous (32 bytes) ‖ sequence (u64 BE) ‖ at (Unix seconds, i64 BE) ‖ for officer id, key id, action name,
/// unit code, subject: length (u32 BE) ‖ UTF-8. An absent id is the empty text.
#[must_use]
pub fn chain(previous: &[u8; 32], sequence: u64, entry: &AuditEntry) -> [u8; 32] {
    let AuditEntry {
        at,
        officer_id,
        key_id,
        action,
        unit_code,
        subject,
    } = entry;
    let mut message = Vec::with_capacity(160);
    message.extend_from_slice(previous);
    message.extend_from_slice(&sequence.to_be_bytes());
    message.extend_from_slice(&at.unix_seconds().to_be_bytes());
    for text in [
        officer_id.as_deref().unwrap_or_default(),
        key_id.as_deref().unwrap_or_default(),
        action.name(),
        unit_code,
        subject,
    ] {
        let length = u32::try_from(text.len()).expect("texts of a row are short");
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(text.as_bytes());
    }
    sha256(&[&message])
}

/// Where the chain breaks: the first sequence number that is missing or does not follow from the row before.
///
/// - `rows`: from the first one on, in order.
#[must_use]
pub fn first_break(rows: &[AuditRow]) -> Option<u64> {
    let mut previous = [0; 32];
    for (expected, row) in (1..).zip(rows) {
        if row.sequence != expected || row.hash != chain(&previous, row.sequence, &row.entry) {
            return Some(expected);
        }
        previous = row.hash;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(subject: &str) -> AuditEntry {
        AuditEntry {
            at: Timestamp::from_unix_seconds(1_600_000_000)
                .unwrap()
                .hour_start(),
            officer_id: Some("a".into()),
            key_id: None,
            action: Action::CodeIssued,
            unit_code: "48".into(),
            subject: subject.into(),
        }
    }

    fn rows(count: u64) -> Vec<AuditRow> {
        let mut previous = [0; 32];
        (1..=count)
            .map(|sequence| {
                let entry = entry(&sequence.to_string());
                previous = chain(&previous, sequence, &entry);
                AuditRow {
                    sequence,
                    entry,
                    hash: previous,
                }
            })
            .collect()
    }

    #[test]
    fn every_removed_or_changed_row_shows() {
        assert_eq!(first_break(&rows(5)), None);
        for i in 0..4 {
            let mut removed = rows(5);
            removed.remove(i);
            assert_eq!(first_break(&removed), Some(i as u64 + 1));
            let mut changed = rows(5);
            changed[i].entry.unit_code = "49".into();
            assert_eq!(first_break(&changed), Some(i as u64 + 1));
            let mut swapped = rows(5);
            swapped.swap(i, i + 1);
            assert_eq!(first_break(&swapped), Some(i as u64 + 1));
        }
    }

    #[test]
    fn no_text_can_slide_into_its_neighbour() {
        let mut left = entry("b");
        left.unit_code = "48a".into();
        let mut right = entry("ab");
        right.unit_code = "48".into();
        assert_ne!(chain(&[0; 32], 1, &left), chain(&[0; 32], 1, &right));
    }

    #[test]
    fn names_are_their_own() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(*action));
        }
    }
}
