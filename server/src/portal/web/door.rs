//! The way in and out: name and password, second factor, recovery code, sign-out, language.

use std::{sync::Arc, time::Duration};

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
    posted::{DeskForm, DoorForm},
    visitor::Visitor,
};
use crate::{
    context::Context,
    portal::{
        layout::Done,
        pages::sign_in::{
            Recovery, Refusal, SecondFactor, SignIn, page, recovery_page, second_factor_page,
        },
        paths,
        texts::Language,
    },
    sign_in::{self, DEVICE_COOKIE_DAYS, SignInError, SignedIn},
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::SIGN_IN, get(show).post(sign_in))
        .route(
            paths::SECOND_FACTOR,
            get(show_second_factor).post(second_factor),
        )
        .route(paths::SECOND_FACTOR_PASSKEY, post(passkey))
        .route(paths::RECOVERY, get(show_recovery).post(recovery))
        .route(paths::SIGN_OUT, post(sign_out))
        .route(paths::LANGUAGE, post(language))
}

#[derive(Deserialize)]
struct Ended {
    ended: Option<String>,
}

async fn show(visitor: Visitor, Query(query): Query<Ended>) -> Answer {
    if visitor.session.is_some() {
        return Answer::to(paths::HOME);
    }
    let view = SignIn {
        session_ended: query.ended.is_some(),
        provider: visitor.provider(),
        ..SignIn::default()
    };
    visitor.show(page(visitor.texts, &visitor.chrome(), &view))
}

#[derive(Deserialize)]
struct NameAndPassword {
    sign_in_name: String,
    password: Zeroizing<String>,
}

async fn sign_in(DoorForm { visitor, form }: DoorForm<NameAndPassword>) -> Handled {
    let device = cookies::get(&visitor.headers, Name::Device);
    let started = sign_in::start_sign_in(
        &visitor.context,
        &form.sign_in_name,
        &form.password,
        device.as_deref(),
    );
    match started.await {
        Ok(pending) => {
            let ticket = pending.ticket.reveal();
            Ok(Answer::to(paths::SECOND_FACTOR).with(cookies::set(Name::SignIn, &ticket, None)))
        }
        Err(error) => {
            let refusal = Some(refusal(&visitor, &error)?);
            let view = SignIn {
                sign_in_name: form.sign_in_name,
                refusal,
                session_ended: false,
                provider: visitor.provider(),
            };
            Ok(visitor.show(page(visitor.texts, &visitor.chrome(), &view)))
        }
    }
}

/// What is told at the field, or the page that tells of all else.
fn refusal(visitor: &Visitor, error: &SignInError) -> Result<Refusal, Answer> {
    match error {
        SignInError::Refused | SignInError::FactorRefused | SignInError::Passkey => {
            Ok(Refusal::Wrong)
        }
        SignInError::Wait { seconds } => Ok(Refusal::TooManyTries {
            minutes: seconds.div_ceil(60),
        }),
        SignInError::Expired => Err(from_the_start(visitor)),
        other => Err(visitor.fail(failure(visitor, other))),
    }
}

/// Name and password again: five minutes are over, or five tries, or nothing was begun.
fn from_the_start(visitor: &Visitor) -> Answer {
    if cookies::get(&visitor.headers, Name::SignIn).is_none() {
        return Answer::to(paths::SIGN_IN);
    }
    Answer::to(&paths::with_query(paths::SIGN_IN, &[("ended", "1")]))
        .with(cookies::forget(Name::SignIn))
}

/// Which page tells of it where no field is at fault.
pub(super) fn failure(visitor: &Visitor, error: &SignInError) -> Failure {
    match error {
        SignInError::Wait { seconds } => Failure::Wait(*seconds),
        SignInError::Busy => Failure::Busy,
        SignInError::Expired => Failure::InvitationGone,
        SignInError::NotRemoved => Failure::NotFound,
        SignInError::Store(error) => Failure::of_store(&visitor.context, error),
        SignInError::PortalKey => Failure::internal(&visitor.context, error),
        _ => Failure::FormRefused,
    }
}

fn sign_in_cookie(visitor: &Visitor) -> String {
    cookies::get(&visitor.headers, Name::SignIn).unwrap_or_default()
}

async fn show_second_factor(visitor: Visitor) -> Handled {
    factor_page(&visitor, None).await
}

async fn factor_page(visitor: &Visitor, wrong: Option<Refusal>) -> Handled {
    let cookie = sign_in_cookie(visitor);
    let gone = |error: SignInError| match error {
        SignInError::Expired => from_the_start(visitor),
        other => visitor.fail(failure(visitor, &other)),
    };
    let pending = sign_in::pending(&visitor.context, &cookie)
        .await
        .map_err(gone)?;
    let passkey_options = if pending.passkey {
        let options = sign_in::start_by_passkey(&visitor.context, &cookie).await;
        Some(options.map_err(gone)?)
    } else {
        None
    };
    let view = SecondFactor {
        totp: pending.totp,
        passkey_options,
        refusal: wrong,
    };
    let chrome = visitor.chrome_at(paths::SECOND_FACTOR);
    Ok(visitor.show(second_factor_page(visitor.texts, &chrome, &view)))
}

#[derive(Deserialize)]
struct Totp {
    totp: Zeroizing<String>,
}

async fn second_factor(DoorForm { visitor, form }: DoorForm<Totp>) -> Handled {
    let device = cookies::get(&visitor.headers, Name::Device);
    let cookie = sign_in_cookie(&visitor);
    let signed_in =
        sign_in::by_totp(&visitor.context, &cookie, &form.totp, device.as_deref()).await;
    match signed_in {
        Ok(signed_in) => Ok(inside(&signed_in, None)),
        Err(error) => {
            let wrong = refusal(&visitor, &error)?;
            factor_page(&visitor, Some(wrong)).await
        }
    }
}

#[derive(Deserialize)]
struct PasskeyAnswer {
    passkey: String,
}

async fn passkey(DoorForm { visitor, form }: DoorForm<PasskeyAnswer>) -> Handled {
    let device = cookies::get(&visitor.headers, Name::Device);
    let cookie = sign_in_cookie(&visitor);
    let signed_in =
        sign_in::by_passkey(&visitor.context, &cookie, &form.passkey, device.as_deref()).await;
    match signed_in {
        Ok(signed_in) => Ok(inside(&signed_in, None)),
        Err(error) => {
            let wrong = match refusal(&visitor, &error)? {
                Refusal::Wrong => Refusal::Passkey,
                other => other,
            };
            factor_page(&visitor, Some(wrong)).await
        }
    }
}

async fn show_recovery(visitor: Visitor) -> Handled {
    let cookie = sign_in_cookie(&visitor);
    match sign_in::pending(&visitor.context, &cookie).await {
        Ok(_) => {
            let view = Recovery::default();
            Ok(visitor.show(recovery_page(visitor.texts, &visitor.chrome(), &view)))
        }
        Err(SignInError::Expired) => Err(from_the_start(&visitor)),
        Err(error) => Err(visitor.fail(failure(&visitor, &error))),
    }
}

#[derive(Deserialize)]
struct RecoveryForm {
    recovery_code: Zeroizing<String>,
}

async fn recovery(DoorForm { visitor, form }: DoorForm<RecoveryForm>) -> Handled {
    let device = cookies::get(&visitor.headers, Name::Device);
    let cookie = sign_in_cookie(&visitor);
    let signed_in = sign_in::by_recovery_code(
        &visitor.context,
        &cookie,
        &form.recovery_code,
        device.as_deref(),
    );
    match signed_in.await {
        Ok(signed_in) => Ok(inside(&signed_in, None)),
        Err(error) => {
            let refusal = Some(refusal(&visitor, &error)?);
            let view = Recovery { refusal };
            Ok(visitor.show(recovery_page(visitor.texts, &visitor.chrome(), &view)))
        }
    }
}

/// To the home page, with the cookies of a session.
pub(super) fn inside(signed_in: &SignedIn, done: Option<Done>) -> Answer {
    let to = match done {
        Some(done) => Answer::done(paths::HOME, &[], done),
        None => Answer::to(paths::HOME),
    };
    with_session(to, signed_in)
}

/// Adds the cookies of a session and takes away those of the way there.
pub(super) fn with_session(answer: Answer, signed_in: &SignedIn) -> Answer {
    let device_life = Duration::from_secs(u64::from(DEVICE_COOKIE_DAYS) * 86_400);
    answer
        .with(cookies::set(
            Name::Session,
            &signed_in.ticket.reveal(),
            None,
        ))
        .with(cookies::set(
            Name::Device,
            &signed_in.device_cookie,
            Some(device_life),
        ))
        .with(cookies::forget(Name::SignIn))
        .with(cookies::forget(Name::Enrolment))
        .with(cookies::forget(Name::Form))
}

#[derive(Deserialize)]
struct Nothing {}

async fn sign_out(
    DeskForm {
        desk,
        form: Nothing {},
    }: DeskForm<Nothing>,
) -> Handled {
    sign_in::end_session(desk.context(), &desk.actor, &desk.session)
        .await
        .map_err(|error| desk.fail(Failure::of_store(desk.context(), &error)))?;
    Ok(Answer::done(paths::SIGN_IN, &[], Done::SignedOut).with(cookies::forget(Name::Session)))
}

#[derive(Deserialize)]
struct LanguageForm {
    language: String,
    back: String,
}

/// A year: nobody wants to choose twice.
const LANGUAGE_LIFE: Duration = Duration::from_secs(365 * 86_400);

async fn language(DoorForm { visitor, form }: DoorForm<LanguageForm>) -> Handled {
    let language =
        Language::from_tag(&form.language).ok_or_else(|| visitor.fail(Failure::FormRefused))?;
    // Nowhere but to a page of the portal: "//elsewhere" and "/\\elsewhere" are other hosts.
    let ours = form.back == paths::HOME
        || form.back.starts_with("/portal/")
        || form.back.starts_with("/portal?");
    let printable = form.back.bytes().all(|byte| byte.is_ascii_graphic());
    let back = if ours && printable {
        &form.back
    } else {
        paths::HOME
    };
    Ok(Answer::to(back).with(cookies::set(
        Name::Language,
        language.tag(),
        Some(LANGUAGE_LIFE),
    )))
}
