//! Roles, and what each may do.

/// What an officer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Issues codes; sees and revokes their own unit's.
    Officer = 1,
    /// Also sees and revokes those of the units below.
    Supervisor = 2,
    /// Also keeps officers, units and keys, publishes and reads the audit.
    Administrator = 3,
    /// Looks at figures, states and the audit; changes nothing.
    Auditor = 4,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Officer,
        Self::Supervisor,
        Self::Administrator,
        Self::Auditor,
    ];

    /// The number that stands for it in the store and on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The role of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.number() == number)
    }

    /// What the role may do in its reach.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        use Permission::{IssueCodes, LookUpCodes, ReadAudit, RevokeCodes, SeeFigures};
        match self {
            Self::Officer | Self::Supervisor => {
                Permissions::of(&[IssueCodes, LookUpCodes, RevokeCodes, SeeFigures])
            }
            Self::Administrator => Permissions::ALL,
            Self::Auditor => Permissions::of(&[LookUpCodes, SeeFigures, ReadAudit]),
        }
    }

    /// Whether this role reaches the units below its own.
    #[must_use]
    pub fn reaches_below(self) -> bool {
        !matches!(self, Self::Officer)
    }
}

/// One thing that somebody may do: what roles are made of, and the scopes of client keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Issue upload codes.
    IssueCodes = 1,
    /// Tell what became of a code.
    LookUpCodes = 2,
    /// Make a code useless.
    RevokeCodes = 3,
    /// See and send figures.
    SeeFigures = 4,
    /// Keep officers, their client keys and units; in the country's unit also signing keys and windows.
    KeepOfficers = 5,
    /// Read and export the audit.
    ReadAudit = 6,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::IssueCodes,
        Self::LookUpCodes,
        Self::RevokeCodes,
        Self::SeeFigures,
        Self::KeepOfficers,
        Self::ReadAudit,
    ];

    /// The number that stands for it on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The permission of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.number() == number)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Everything.
    pub const ALL: Self = Self(0x3f);

    /// These.
    #[must_use]
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, p| bits | bit(*p)))
    }

    /// The bits that stand for it in the store: the lowest is permission 1.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits; `None` if one of them has no meaning.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits & !Self::ALL.0 == 0).then_some(Self(bits))
    }

    /// Whether it is among them.
    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Those in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of these are in `other`.
    #[must_use]
    pub fn within(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// One by one.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |p| self.has(*p))
    }
}

fn bit(permission: Permission) -> u8 {
    1 << (permission.number() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        for permission in Permission::ALL {
            let set = Permissions::of(&[permission]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [permission]);
            assert_eq!(Permissions::from_bits(set.bits()), Some(set));
            assert_eq!(
                Permission::from_number(permission.number()),
                Some(permission)
            );
        }
        assert_eq!(Permissions::of(&Permission::ALL), Permissions::ALL);
        assert_eq!(Permissions::from_bits(0x40), None);
    }

    #[test]
    fn whoever_grants_roles_holds_all_that_roles_hold() {
        for role in Role::ALL {
            assert_eq!(
                role.permissions().has(Permission::KeepOfficers),
                role == Role::Administrator
            );
            assert!(role.permissions().within(Role::Administrator.permissions()));
            assert_eq!(Role::from_number(role.number()), Some(role));
        }
        assert!(!Role::Auditor.permissions().has(Permission::IssueCodes));
        assert!(!Role::Supervisor.permissions().has(Permission::ReadAudit));
    }
}
