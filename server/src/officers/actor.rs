//! Who acts: an officer, by a client key or from a browser.

use truyvet_crypto::Timestamp;

use super::{Officer, OfficerError, Permission, Permissions};
use crate::audit::{Action, AuditEntry};

/// An officer who was told from everybody else, and what they may do this time.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Whose account it is.
    pub officer: Officer,
    /// The client key that they came with; `None` from a browser.
    pub key_id: Option<String>,
    permissions: Permissions,
}

impl Actor {
    /// With a client key: what the role holds, as far as the key's scopes go.
    #[must_use]
    pub fn with_client_key(officer: Officer, key_id: String, scopes: Permissions) -> Self {
        Self {
            permissions: officer.role.permissions().and(scopes),
            key_id: Some(key_id),
            officer,
        }
    }

    /// Signed in with every factor: what the role holds.
    #[must_use]
    pub fn signed_in(officer: Officer) -> Self {
        Self {
            permissions: officer.role.permissions(),
            key_id: None,
            officer,
        }
    }

    /// What they may do this time.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// Whether they may.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Refuses if they may not.
    ///
    /// # Errors
    /// [`OfficerError::NotAllowed`].
    pub fn must(&self, permission: Permission) -> Result<(), OfficerError> {
        if self.may(permission) {
            Ok(())
        } else {
            Err(OfficerError::NotAllowed)
        }
    }

    /// The audit's row of something that they do.
    ///
    /// - `unit_code`: on which unit.
    /// - `subject`: what it is done to: a slip's serial, an account, a region; never a code, key or credential.
    #[must_use]
    pub fn entry(
        &self,
        now: Timestamp,
        action: Action,
        unit_code: &str,
        subject: &str,
    ) -> AuditEntry {
        AuditEntry {
            at: now.hour_start(),
            officer_id: Some(self.officer.officer_id.clone()),
            key_id: self.key_id.clone(),
            action,
            unit_code: unit_code.to_owned(),
            subject: subject.to_owned(),
        }
    }
}
