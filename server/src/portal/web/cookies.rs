//! The portal's cookies: what each is for, and how long a browser keeps it.
//!
//! All of them are `Secure`, `HttpOnly`, `SameSite=Strict` and bound to this host by their prefix. Browsers take them
//! over plain HTTP from `localhost` alone.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cookie::{Cookie, SameSite};

/// A cookie of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The session.
    Session,
    /// A sign-in between password and second factor.
    SignIn,
    /// An invitation between password and second factor.
    Enrolment,
    /// A sign-in while the browser is at the ministry's provider.
    #[cfg(feature = "oidc")]
    Oidc,
    /// A browser that has signed in before.
    Device,
    /// Forms before there is a session.
    Form,
    /// The language that was chosen.
    Language,
}

impl Name {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "__Host-truyvet-session",
            Self::SignIn => "__Host-truyvet-sign-in",
            Self::Enrolment => "__Host-truyvet-enrolment",
            #[cfg(feature = "oidc")]
            Self::Oidc => "__Host-truyvet-oidc",
            Self::Device => "__Host-truyvet-device",
            Self::Form => "__Host-truyvet-form",
            Self::Language => "__Host-truyvet-language",
        }
    }
}

/// What a browser brought.
pub(super) fn get(headers: &HeaderMap, name: Name) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name.name())
        .map(|cookie| cookie.value().to_owned())
}

/// A `Set-Cookie` header.
///
/// - `keep`: how long; `None` until the browser closes.
pub(super) fn set(name: Name, value: &str, keep: Option<Duration>) -> (HeaderName, HeaderValue) {
    let mut cookie = Cookie::build((name.name(), value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build();
    if let Some(keep) = keep {
        cookie.set_max_age(cookie::time::Duration::try_from(keep).ok());
    }
    let value = HeaderValue::from_str(&cookie.to_string());
    (
        header::SET_COOKIE,
        value.expect("our cookies are printable ASCII"),
    )
}

/// A `Set-Cookie` header that makes the browser forget.
pub(super) fn forget(name: Name) -> (HeaderName, HeaderValue) {
    set(name, "", Some(Duration::ZERO))
}
