//! What each action of the audit is called.

use crate::{audit::Action, portal::texts::Texts};

pub(super) fn name(texts: &Texts, action: Action) -> String {
    match action {
        Action::UnitAdded => texts.say("action-unit-added"),
        Action::UnitListReplaced => texts.say("action-unit-list-replaced"),
        Action::OfficerAdded => texts.say("action-officer-added"),
        Action::OfficerDeactivated => texts.say("action-officer-deactivated"),
        Action::InvitationIssued => texts.say("action-invitation-issued"),
        Action::InvitationAccepted => texts.say("action-invitation-accepted"),
        Action::SignedIn => texts.say("action-signed-in"),
        Action::SignedOut => texts.say("action-signed-out"),
        Action::SignInRefused => texts.say("action-sign-in-refused"),
        Action::PasswordChanged => texts.say("action-password-changed"),
        Action::PasskeyAdded => texts.say("action-passkey-added"),
        Action::PasskeyRemoved => texts.say("action-passkey-removed"),
        Action::OidcLinked => texts.say("action-oidc-linked"),
        Action::TotpSet => texts.say("action-totp-set"),
        Action::RecoveryCodesMade => texts.say("action-recovery-codes-made"),
        Action::RecoveryCodeUsed => texts.say("action-recovery-code-used"),
        Action::SessionsEnded => texts.say("action-sessions-ended"),
        Action::ClientKeyCreated => texts.say("action-key-created"),
        Action::ClientKeyRevoked => texts.say("action-key-revoked"),
        Action::CodeIssued => texts.say("action-code-issued"),
        Action::CodeRevoked => texts.say("action-code-revoked"),
        Action::SigningKeyRotated => texts.say("action-signing-key-rotated"),
        Action::WindowPublished => texts.say("action-window-published"),
        Action::QuotaNearlyReached => texts.say("action-quota-near"),
        Action::QuotaReached => texts.say("action-quota-reached"),
        Action::CodesImported => texts.say("action-codes-imported"),
        Action::AuditExported => texts.say("action-audit-exported"),
        Action::ReportSent => texts.say("action-report-sent"),
    }
}
