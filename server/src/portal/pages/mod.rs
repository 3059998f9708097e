//! The pages, one module each: its view, and how it looks.
//!
//! A view holds what the page shows and what was wrong with the form; never a patient, since nobody here knows one.

pub(crate) mod home;
pub(crate) mod issued;
pub(crate) mod sign_in;
