//! A server's "no", as the richer error model of gRPC carries it, in a form that may be shown and logged.

use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Longest text taken over from a server.
const MAX_TEXT: usize = 200;
/// Most field violations taken over from a server.
const MAX_FIELDS: usize = 16;

/// Why a call was not answered. Control characters are taken out of the server's texts, and long ones are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRefusal {
    /// gRPC status code. `Unavailable` and `Cancelled` also stand for a server that could not be reached in time.
    pub code: Code,
    /// What the server, or the connection to it, says.
    pub message: String,
    /// `ErrorInfo.reason`, for instance `CODE_REFUSED`; empty if none was sent.
    pub reason: String,
    /// Fields of the request that are wrong.
    pub fields: Vec<FieldRefusal>,
    /// The server asks not to try again sooner, in seconds.
    pub retry_after_seconds: Option<u64>,
}

/// A field of a request, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRefusal {
    /// Path of the field, for instance `keys[3].day`.
    pub field: String,
    /// What is wrong.
    pub description: String,
}

impl ServerRefusal {
    /// Whether trying the same again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(
            self.code,
            Code::InvalidArgument
                | Code::PermissionDenied
                | Code::Unauthenticated
                | Code::FailedPrecondition
                | Code::NotFound
                | Code::OutOfRange
                | Code::Unimplemented
        )
    }
}

impl From<Status> for ServerRefusal {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map_or("", |info| &info.reason);
        let violations = details
            .bad_request()
            .map_or(&[][..], |bad| &bad.field_violations);
        Self {
            code: status.code(),
            message: printable(&message(&status)),
            reason: printable(reason),
            fields: violations
                .iter()
                .take(MAX_FIELDS)
                .map(|violation| FieldRefusal {
                    field: printable(&violation.field),
                    description: printable(&violation.description),
                })
                .collect(),
            retry_after_seconds: details
                .retry_info()
                .and_then(|info| info.retry_delay)
                // Rounded up: not sooner.
                .map(|delay| delay.as_secs() + u64::from(delay.subsec_nanos() > 0)),
        }
    }
}

impl fmt::Display for ServerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        for FieldRefusal { field, description } in &self.fields {
            write!(f, "; {field}: {description}")?;
        }
        if let Some(seconds) = self.retry_after_seconds {
            write!(f, "; try again in {seconds} s")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerRefusal {}

/// What the server says; or, if the call failed on this side, what and why.
fn message(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Many wrap another and repeat its text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_TEXT)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn everything_a_server_says_is_kept() {
        let mut details = ErrorDetails::new();
        details
            .set_error_info("UPLOAD_INVALID", "truyvet", [])
            .add_bad_request_violation("keys[3].day", "before the token's first day")
            .set_retry_info(Some(Duration::from_millis(2_500)));
        let status = Status::with_error_details(Code::InvalidArgument, "upload refused", details);
        let refusal = ServerRefusal::from(status);
        assert_eq!(
            refusal.to_string(),
            "InvalidArgument UPLOAD_INVALID: upload refused; keys[3].day: before the token's first day; \
             try again in 3 s"
        );
        assert!(!refusal.is_transient());
    }

    #[test]
    fn a_bare_status_will_do() {
        let refusal = ServerRefusal::from(Status::unavailable("tcp connect error"));
        assert_eq!(refusal.to_string(), "Unavailable: tcp connect error");
        assert!(refusal.is_transient());
    }

    #[test]
    fn a_hostile_text_is_cut_and_cleaned() {
        let status = Status::internal(format!("a\n\x1b[31mb{}", "x".repeat(1_000)));
        let refusal = ServerRefusal::from(status);
        assert!(refusal.message.starts_with("a[31mbxx"));
        assert_eq!(refusal.message.len(), MAX_TEXT);
    }
}
