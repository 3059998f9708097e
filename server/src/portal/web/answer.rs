//! What goes back to the browser: pages, redirections, files; and which page tells of which failure.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::Markup;
use rand::RngExt as _;
use tracing::error;

use crate::{
    context::Context,
    officers::OfficerError,
    portal::{
        layout::{Chrome, Done},
        pages::errors::{self, Trouble},
        paths,
        texts::Texts,
    },
    store::StoreError,
};

/// An answer of the portal. Boxed: it is what handlers leave early with.
pub(super) struct Answer(Box<Response>);

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// What a handler gives: both sides are answers, so that `?` can leave early.
pub(super) type Handled = Result<Answer, Answer>;

impl Answer {
    /// A page.
    pub(super) fn page(markup: Markup) -> Self {
        let content_type = HeaderValue::from_static("text/html; charset=utf-8");
        ([(header::CONTENT_TYPE, content_type)], markup.into_string())
            .into_response()
            .into()
    }

    /// On to another page, by GET.
    pub(super) fn to(path: &str) -> Self {
        let location = HeaderValue::from_str(path).expect("our paths are printable ASCII");
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)])
            .into_response()
            .into()
    }

    /// On to another page, which says what was done.
    pub(super) fn done(path: &str, query: &[(&str, &str)], done: Done) -> Self {
        let mut query = query.to_vec();
        query.push(("done", done.tag()));
        Self::to(&paths::with_query(path, &query))
    }

    /// A file to save.
    pub(super) fn csv(name: &str, content: impl Into<Body>) -> Self {
        let disposition = format!("attachment; filename=\"{name}\"");
        let headers = [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/csv; charset=utf-8"),
            ),
            (
                header::CONTENT_DISPOSITION,
                HeaderValue::from_str(&disposition).expect("our file names are printable ASCII"),
            ),
        ];
        (headers, content.into()).into_response().into()
    }

    /// With another status.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    /// With one more header, such as a cookie.
    pub(super) fn with(mut self, (name, value): (HeaderName, HeaderValue)) -> Self {
        self.0.headers_mut().append(name, value);
        self
    }
}

/// Why there is no answer but a page that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The form did not come from a page of this visitor's, or cannot be read.
    FormRefused,
    /// More was sent than is taken.
    TooLarge,
    /// The role does not allow it.
    NotAllowed,
    /// There is no such thing in the officer's reach.
    NotFound,
    /// What was begun is unknown, used or too old.
    InvitationGone,
    /// Too long between the two steps of accepting an invitation.
    EnrolmentGone,
    /// Too many tries; so many seconds to wait.
    Wait(u32),
    /// Too much is waiting; the same again in a moment.
    Busy,
    /// Not the officer's fault. The reference names the entry in the log.
    Internal(String),
}

impl Failure {
    /// Writes the reason to the log; the officer learns only how to name it.
    pub(super) fn internal(context: &Context, error: &dyn std::error::Error) -> Self {
        let reference = format!("{:08x}", context.rng().random::<u32>());
        error!(%error, reference, "the portal failed");
        Self::Internal(reference)
    }

    pub(super) fn of_store(context: &Context, error: &StoreError) -> Self {
        match error {
            StoreError::Busy
            | StoreError::Disk(_)
            | StoreError::Away(_)
            | StoreError::LeaseLost => Self::Busy,
            StoreError::Database(_) | StoreError::Inconsistent(_) => Self::internal(context, error),
        }
    }

    /// For what is no field's fault.
    pub(super) fn of_officer(context: &Context, error: &OfficerError) -> Self {
        match error {
            OfficerError::NotAllowed | OfficerError::OwnAccount => Self::NotAllowed,
            OfficerError::Store(error) => Self::of_store(context, error),
            OfficerError::NoSuchUnit { .. }
            | OfficerError::NoSuchOfficer
            | OfficerError::NoSuchClientKey => Self::NotFound,
            _ => Self::FormRefused,
        }
    }
}

/// The page that tells of a failure, with the status that programs understand.
pub(super) fn failed(texts: &Texts, chrome: &Chrome, failure: Failure) -> Answer {
    let (status, trouble) = match failure {
        Failure::FormRefused => (StatusCode::FORBIDDEN, Trouble::FormRefused),
        Failure::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Trouble::TooLarge),
        Failure::NotAllowed => (StatusCode::FORBIDDEN, Trouble::Forbidden),
        Failure::NotFound => (StatusCode::NOT_FOUND, Trouble::NotFound),
        Failure::InvitationGone => (StatusCode::GONE, Trouble::InvitationGone),
        Failure::EnrolmentGone => (StatusCode::GONE, Trouble::EnrolmentGone),
        Failure::Wait(seconds) => {
            let minutes = seconds.div_ceil(60);
            (
                StatusCode::TOO_MANY_REQUESTS,
                Trouble::TooManyTries { minutes },
            )
        }
        Failure::Busy => (StatusCode::SERVICE_UNAVAILABLE, Trouble::Unavailable),
        Failure::Internal(reference) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Trouble::Server { reference },
        ),
    };
    Answer::page(errors::page(texts, chrome, &trouble)).status(status)
}
