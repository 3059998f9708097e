//! The pages, one module each: its view, and how it looks.
//!
//! A view holds what the page shows and what was wrong with the form; never a patient, since nobody here knows one.

pub(crate) mod account;
pub(crate) mod already;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod client_keys;
pub(crate) mod code;
pub(crate) mod codes;
pub(crate) mod confirm;
pub(crate) mod errors;
pub(crate) mod figures;
pub(crate) mod help;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod invitation;
pub(crate) mod invite;
pub(crate) mod issued;
pub(crate) mod officers;
#[cfg(feature = "oidc")]
pub(crate) mod oidc;
pub(crate) mod passkey;
pub(crate) mod recovery_codes;
pub(crate) mod reports;
pub(crate) mod sheet;
pub(crate) mod sign_in;
pub(crate) mod step_up;
pub(crate) mod totp;
pub(crate) mod units;
pub(crate) mod withdrawal;
