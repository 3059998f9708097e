//! What is forgotten.

use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::Digest;

use super::ForgetSignIns;

/// What to forget.
#[derive(Clone, Copy, Debug)]
pub struct Forget {
    /// Keys of days before this that are published.
    pub keys_before: Day,
    /// Keys of days before this, published or not: by then they are of no use to anybody.
    pub unpublished_keys_before: Day,
    /// Spent tokens whose last day is before this.
    pub tokens_before: Day,
    /// Codes that expired before this, and lists of codes that were made and last used before it.
    pub codes_before: Timestamp,
    /// Publications that closed before this (their numbering goes on).
    pub batches_before: Timestamp,
    /// Invitations, sign-ins under way and sessions.
    pub sign_ins: ForgetSignIns,
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows of disclosed keys.
    pub keys: usize,
    /// Rows of keys taken back whose withdrawal was never published.
    pub withdrawn_keys: usize,
    /// Spent tokens.
    pub tokens: usize,
    /// Codes.
    pub codes: usize,
    /// Invitations, sign-ins under way and sessions.
    pub sign_ins: usize,
    /// Lists of codes.
    pub imports: usize,
    /// Files that no index names any more.
    pub batches: Vec<Digest>,
}
