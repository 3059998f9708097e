//! By the ministry's own provider: there, back, and in.
//!
//! The provider's page sends the browser back, and on a way from another site no `SameSite=Strict` cookie comes along.
//! So the callback does nothing but show a page of ours that goes on by itself: from there they do.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Query,
    http::{HeaderName, HeaderValue, StatusCode},
    routing::get,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Failure, Handled},
    cookies::{self, Name},
    visitor::Visitor,
};
use crate::{
    context::Context,
    portal::{
        layout::{Chrome, Done},
        pages::oidc::{Refusal, arrival_page, refusal_page},
        paths,
    },
    sign_in::{self, FLOW_SECONDS, OidcAnswer, OidcError},
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::OIDC, get(start))
        .route(paths::OIDC_CALLBACK, get(callback))
        .route(paths::OIDC_FINISH, get(finish))
}

#[derive(Deserialize)]
struct Link {
    invitation: Option<Zeroizing<String>>,
}

async fn start(visitor: Visitor, Query(link): Query<Link>) -> Handled {
    let invitation = link.invitation.as_ref().map(|ticket| ticket.as_str());
    let form_token = visitor.chrome().csrf;
    // Only from a page of ours: another site's link comes without the cookie that this token belongs to.
    if !visitor.is_form_token(&form_token) {
        return Ok(match invitation {
            Some(ticket) => {
                let query = [("invitation", ticket)];
                Answer::to(&paths::with_query(paths::INVITATION, &query))
            }
            None => Answer::to(paths::SIGN_IN),
        });
    }
    if visitor.session.is_some() && invitation.is_none() {
        return Ok(Answer::to(paths::HOME));
    }
    let started = sign_in::start_oidc(&visitor.context, &form_token, invitation)
        .await
        .map_err(|error| refuse(&visitor, &error))?;
    let keep = Duration::from_secs(FLOW_SECONDS.into());
    let to = Answer::to(started.location.as_str());
    Ok(to.with(cookies::set(Name::Oidc, &started.cookie, Some(keep))))
}

/// What a provider sends along, whatever else it adds.
#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    state: Zeroizing<String>,
    code: Option<Zeroizing<String>>,
    iss: Option<String>,
}

impl Back {
    fn query(&self) -> Vec<(&str, &str)> {
        let mut query = vec![("state", self.state.as_str())];
        query.extend(self.code.as_ref().map(|code| ("code", code.as_str())));
        query.extend(self.iss.as_ref().map(|iss| ("iss", iss.as_str())));
        query
    }
}

async fn callback(visitor: Visitor, Query(back): Query<Back>) -> Answer {
    let next = paths::with_query(paths::OIDC_FINISH, &back.query());
    let refresh = HeaderValue::from_str(&format!("0; url={next}"));
    let refresh = refresh.expect("our paths are printable ASCII");
    // Not `Visitor::show`: a form cookie that was not sent would be replaced.
    let page = arrival_page(visitor.texts, &chrome(&visitor), &next);
    Answer::page(page).with((HeaderName::from_static("refresh"), refresh))
}

async fn finish(visitor: Visitor, Query(back): Query<Back>) -> Handled {
    let cookie = cookies::get(&visitor.headers, Name::Oidc).unwrap_or_default();
    let answer = OidcAnswer {
        state: back.state,
        code: back.code,
        issuer: back.iss,
    };
    let is_form_token = |token: &str| visitor.is_form_token(token);
    let signed_in = sign_in::finish_oidc(&visitor.context, &cookie, is_form_token, &answer)
        .await
        .map_err(|error| refuse(&visitor, &error).with(cookies::forget(Name::Oidc)))?;
    let to = if signed_in.linked {
        Answer::done(paths::HOME, &[], Done::Welcome)
    } else {
        Answer::to(paths::HOME)
    };
    let ticket = signed_in.ticket.reveal();
    Ok([Name::Oidc, Name::SignIn, Name::Enrolment, Name::Form]
        .into_iter()
        .fold(
            to.with(cookies::set(Name::Session, &ticket, None)),
            |to, gone| to.with(cookies::forget(gone)),
        ))
}

/// Once, and in one language: the way back cannot be walked again.
fn chrome(visitor: &Visitor) -> Chrome {
    Chrome {
        here: None,
        done: None,
        ..visitor.chrome()
    }
}

fn refuse(visitor: &Visitor, error: &OidcError) -> Answer {
    let (status, refusal) = match error {
        OidcError::NoProvider => return visitor.fail(Failure::NotFound),
        OidcError::Busy => return visitor.fail(Failure::Busy),
        OidcError::InvitationGone => return visitor.fail(Failure::InvitationGone),
        OidcError::Store(error) => {
            return visitor.fail(Failure::of_store(&visitor.context, error));
        }
        OidcError::Unavailable => (StatusCode::BAD_GATEWAY, Refusal::Unavailable),
        OidcError::Expired => (StatusCode::FORBIDDEN, Refusal::Over),
        OidcError::Refused => (StatusCode::FORBIDDEN, Refusal::NotCompleted),
        OidcError::Unknown => (StatusCode::FORBIDDEN, Refusal::Unknown),
        OidcError::Taken => (StatusCode::CONFLICT, Refusal::Taken),
    };
    Answer::page(refusal_page(visitor.texts, &chrome(visitor), refusal)).status(status)
}
