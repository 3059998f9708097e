//! The officers' portal: what a browser is shown.
//!
//! All but [`web`] is pure: every page is a function from texts, [`layout::Chrome`] and a view to HTML. Works without scripts (but for
//! passkeys), fetches nothing from elsewhere, and has no field for anything about a patient.
//!
//! | module | job |
//! |---|---|
//! | [`paths`] | where each page and form lives |
//! | [`layout`] | the frame of every page |
//! | [`pages`] | one module a page, with its view |
//! | [`forms`], [`parts`], [`icons`], [`qr`], [`slip`] | what pages are made of |
//! | [`texts`], [`spelling`], [`calendar`] | words, symbols and times in the officer's language |
//! | [`web`] | requests, sessions, forms: which page somebody gets |
//! | [`assets`] | style sheet, script and icon, and the policy that allows nothing else |

pub(crate) mod assets;
pub(crate) mod calendar;
pub(crate) mod forms;
pub(crate) mod icons;
pub(crate) mod layout;
pub(crate) mod pages;
pub(crate) mod parts;
pub(crate) mod paths;
pub(crate) mod qr;
pub(crate) mod slip;
pub(crate) mod spelling;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod texts;
mod web;

pub(crate) use web::portal_routes;
