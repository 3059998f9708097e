//! Accepting an invitation: a password, a second factor, recovery codes.

use std::sync::Arc;

use axum::{
    Router,
    extract::Query,
    routing::{get, post},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Failure, Handled},
    cookies::{self, Name},
    door::{failure, with_session},
    posted::DoorForm,
    visitor::Visitor,
};
use crate::{
    context::Context,
    officers::Officer,
    portal::{
        layout::Chrome,
        pages::{
            invitation::{self, Invitation, PasswordProblem},
            recovery_codes::{self, RecoveryCodes},
            totp::{self, Place, Setup, Wrong},
        },
        paths,
    },
    sign_in::{
        self, Accepted, Enrolling, MIN_PASSWORD_CHARS, PasswordFault, SignInError, TotpSecret,
        sign_in_name,
    },
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::INVITATION, get(open).post(choose_password))
        .route(
            paths::INVITATION_FACTOR,
            get(show_factor).post(confirm_totp),
        )
        .route(paths::INVITATION_PASSKEY, post(finish_passkey))
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    invitation: Zeroizing<String>,
}

async fn open(visitor: Visitor, Query(link): Query<Link>) -> Handled {
    password_page(&visitor, link.invitation, vec![]).await
}

async fn password_page(
    visitor: &Visitor,
    invitation: Zeroizing<String>,
    problems: Vec<PasswordProblem>,
) -> Handled {
    let fail = |error| visitor.fail(failure(visitor, &error));
    let officer = sign_in::open_invitation(&visitor.context, &invitation)
        .await
        .map_err(fail)?;
    let view = Invitation {
        invitation,
        sign_in_name: sign_in_name(&officer),
        unit: unit_name(visitor, &officer).await?,
        role: officer.role,
        minimum: u32::try_from(MIN_PASSWORD_CHARS).unwrap_or(u32::MAX),
        problems,
        provider: visitor.provider(),
    };
    let here = paths::with_query(paths::INVITATION, &[("invitation", &view.invitation)]);
    let chrome = visitor.chrome_at(&here);
    Ok(visitor.show(invitation::page(visitor.texts, &chrome, &view)))
}

async fn unit_name(visitor: &Visitor, officer: &Officer) -> Result<String, Answer> {
    let store = &visitor.context.store;
    let path = store.unit_path(officer.unit_code.clone()).await;
    let path = path.map_err(|error| visitor.fail(Failure::of_store(&visitor.context, &error)))?;
    Ok(path
        .into_iter()
        .next()
        .map_or_else(|| officer.unit_code.clone(), |unit| unit.name))
}

#[derive(Deserialize)]
struct NewPassword {
    invitation: Zeroizing<String>,
    password: Zeroizing<String>,
    password_again: Zeroizing<String>,
}

async fn choose_password(DoorForm { visitor, form }: DoorForm<NewPassword>) -> Handled {
    if form.password != form.password_again {
        return password_page(&visitor, form.invitation, vec![PasswordProblem::Different]).await;
    }
    let chosen = sign_in::choose_password(&visitor.context, &form.invitation, &form.password);
    match chosen.await {
        Ok(enrolling) => {
            let ticket = enrolling.ticket.reveal();
            let to = Answer::to(paths::INVITATION_FACTOR);
            Ok(to.with(cookies::set(Name::Enrolment, &ticket, None)))
        }
        Err(SignInError::Password(fault)) => {
            password_page(&visitor, form.invitation, vec![problem(&fault)]).await
        }
        Err(error) => Err(visitor.fail(failure(&visitor, &error))),
    }
}

/// What is told at the field.
pub(super) fn problem(fault: &PasswordFault) -> PasswordProblem {
    match fault {
        PasswordFault::Length => PasswordProblem::Length,
        _ => PasswordProblem::TooCommon,
    }
}

fn enrolment_cookie(visitor: &Visitor) -> String {
    cookies::get(&visitor.headers, Name::Enrolment).unwrap_or_default()
}

async fn show_factor(visitor: Visitor) -> Handled {
    factor_page(&visitor, None).await
}

/// Which page tells of it between the two steps: the invitation itself may be good still.
fn enrolment_failure(visitor: &Visitor, error: &SignInError) -> Failure {
    match error {
        SignInError::Expired => Failure::EnrolmentGone,
        other => failure(visitor, other),
    }
}

async fn factor_page(visitor: &Visitor, wrong: Option<Wrong>) -> Handled {
    let cookie = enrolment_cookie(visitor);
    let fail = |error| visitor.fail(enrolment_failure(visitor, &error));
    let enrolling: Enrolling = sign_in::enrolling(&visitor.context, &cookie)
        .await
        .map_err(fail)?;
    let passkey_options = sign_in::start_passkey(&visitor.context, &cookie)
        .await
        .map_err(fail)?;
    let view = Setup {
        place: Place::Invitation,
        otpauth_uri: enrolling.totp.uri(&enrolling.sign_in_name()),
        secret: grouped(&enrolling.totp),
        passkey_options: Some(passkey_options),
        state: String::new(),
        wrong,
    };
    let chrome = visitor.chrome_at(paths::INVITATION_FACTOR);
    Ok(visitor.show(totp::page(visitor.texts, &chrome, &view)))
}

/// The secret as somebody types it: in groups of four.
pub(super) fn grouped(totp: &TotpSecret) -> Zeroizing<String> {
    let base32 = totp.base32();
    let mut grouped = Zeroizing::new(String::with_capacity(2 * base32.len()));
    for (i, symbol) in base32.chars().enumerate() {
        if i > 0 && i % 4 == 0 {
            grouped.push(' ');
        }
        grouped.push(symbol);
    }
    grouped
}

#[derive(Deserialize)]
struct Totp {
    totp: Zeroizing<String>,
}

async fn confirm_totp(DoorForm { visitor, form }: DoorForm<Totp>) -> Handled {
    let device = cookies::get(&visitor.headers, Name::Device);
    let cookie = enrolment_cookie(&visitor);
    let accepted =
        sign_in::confirm_totp(&visitor.context, &cookie, &form.totp, device.as_deref()).await;
    accepted_or_again(&visitor, accepted).await
}

#[derive(Deserialize)]
struct PasskeyAnswer {
    passkey: String,
}

async fn finish_passkey(DoorForm { visitor, form }: DoorForm<PasskeyAnswer>) -> Handled {
    let device = cookies::get(&visitor.headers, Name::Device);
    let cookie = enrolment_cookie(&visitor);
    // Nobody has asked its owner yet.
    let label = visitor.texts.say("passkey-unnamed");
    let accepted = sign_in::finish_passkey(
        &visitor.context,
        &cookie,
        &label,
        &form.passkey,
        device.as_deref(),
    );
    let accepted = accepted.await;
    accepted_or_again(&visitor, accepted).await
}

async fn accepted_or_again(visitor: &Visitor, accepted: Result<Accepted, SignInError>) -> Handled {
    match accepted {
        Ok(accepted) => {
            let view = RecoveryCodes {
                place: Place::Invitation,
                sign_in_name: sign_in_name(&accepted.signed_in.officer),
                codes: accepted
                    .recovery_codes
                    .iter()
                    .map(|code| code.reveal())
                    .collect(),
            };
            // Shown this once: no other language is offered.
            let chrome = Chrome {
                here: None,
                ..visitor.chrome()
            };
            let page = recovery_codes::page(visitor.texts, &chrome, &view);
            Ok(with_session(Answer::page(page), &accepted.signed_in))
        }
        Err(SignInError::FactorRefused) => factor_page(visitor, Some(Wrong::Totp)).await,
        Err(SignInError::Passkey) => factor_page(visitor, Some(Wrong::Passkey)).await,
        Err(error) => Err(visitor.fail(enrolment_failure(visitor, &error))),
    }
}
