//! One's own second factors and recovery codes: each change shows the password first.

use std::sync::Arc;

use axum::{Router, extract::Query, routing::get};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Failure, Handled},
    door::failure,
    invitation::grouped,
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    context::Context,
    portal::{
        layout::{Done, Section},
        pages::{
            passkey::{self, NewPasskey},
            recovery_codes::{self, RecoveryCodes},
            sign_in::Refusal,
            step_up::{self, Change, StepUp},
            totp::{self, Place, Setup, Wrong},
        },
        paths,
    },
    sign_in::{self, OwnFactors, SignInError, TotpSecret, sign_in_name},
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::ADD_TOTP, get(ask_for_totp).post(totp))
        .route(paths::ADD_PASSKEY, get(ask_for_passkey).post(passkey))
        .route(
            paths::REMOVE_PASSKEY,
            get(ask_to_remove).post(remove_passkey),
        )
        .route(
            paths::NEW_RECOVERY_CODES,
            get(ask_for_codes).post(recovery_codes),
        )
}

/// The page that asks for the password.
fn ask(desk: &Desk, change: Change, refusal: Option<Refusal>) -> Answer {
    let here = match &change {
        Change::Totp { .. } => paths::ADD_TOTP.to_owned(),
        Change::AddPasskey => paths::ADD_PASSKEY.to_owned(),
        Change::RemovePasskey { passkey, .. } => {
            paths::with_query(paths::REMOVE_PASSKEY, &[("passkey_id", passkey)])
        }
        Change::RecoveryCodes => paths::NEW_RECOVERY_CODES.to_owned(),
    };
    let view = StepUp {
        change,
        sign_in_name: sign_in_name(&desk.actor.officer),
        refusal,
    };
    let chrome = desk.chrome_at(Section::Account, &here);
    Answer::page(step_up::page(desk.texts(), &chrome, &view))
}

/// What is told at the field of the password, or the page that tells of all else.
fn refusal(desk: &Desk, error: &SignInError) -> Result<Option<Refusal>, Answer> {
    match error {
        SignInError::Refused => Ok(Some(Refusal::Wrong)),
        SignInError::Wait { seconds } => Ok(Some(Refusal::TooManyTries {
            minutes: seconds.div_ceil(60),
        })),
        other => Err(desk.fail(failure(&desk.visitor, other))),
    }
}

async fn factors(desk: &Desk) -> Result<OwnFactors, Answer> {
    sign_in::own_factors(desk.context(), &desk.actor)
        .await
        .map_err(|error| desk.fail(Failure::of_store(desk.context(), &error)))
}

async fn ask_for_totp(desk: Desk) -> Handled {
    let replaces = factors(&desk).await?.totp;
    Ok(ask(&desk, Change::Totp { replaces }, None))
}

#[derive(Deserialize)]
struct TotpForm {
    #[serde(default)]
    old_password: Zeroizing<String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    totp: Zeroizing<String>,
}

async fn totp(DeskForm { desk, form }: DeskForm<TotpForm>) -> Handled {
    let (context, actor) = (desk.context(), &desk.actor);
    if form.state.is_empty() {
        return match sign_in::start_replace_totp(context, actor, &form.old_password).await {
            Ok((secret, state)) => Ok(totp_page(&desk, &secret, state, None)),
            Err(error) => {
                let refusal = refusal(&desk, &error)?;
                let replaces = factors(&desk).await?.totp;
                Ok(ask(&desk, Change::Totp { replaces }, refusal))
            }
        };
    }
    match sign_in::replace_totp(context, actor, &form.state, &form.totp).await {
        Ok(()) => Ok(Answer::done(paths::ACCOUNT, &[], Done::TotpChanged)),
        Err(SignInError::FactorRefused) => {
            match sign_in::offered_totp(context, actor, &form.state) {
                Ok(secret) => Ok(totp_page(&desk, &secret, form.state, Some(Wrong::Totp))),
                Err(_) => Err(Answer::to(paths::ADD_TOTP)),
            }
        }
        // Five minutes are over: the password again.
        Err(SignInError::Expired) => Err(Answer::to(paths::ADD_TOTP)),
        Err(error) => Err(desk.fail(failure(&desk.visitor, &error))),
    }
}

fn totp_page(desk: &Desk, secret: &TotpSecret, state: String, wrong: Option<Wrong>) -> Answer {
    let view = Setup {
        place: Place::Account,
        otpauth_uri: secret.uri(&sign_in_name(&desk.actor.officer)),
        secret: grouped(secret),
        passkey_options: None,
        state,
        wrong,
    };
    let chrome = desk.chrome_once(Section::Account);
    Answer::page(totp::page(desk.texts(), &chrome, &view))
}

async fn ask_for_passkey(desk: Desk) -> Answer {
    ask(&desk, Change::AddPasskey, None)
}

#[derive(Deserialize)]
struct PasskeyForm {
    #[serde(default)]
    old_password: Zeroizing<String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    passkey_label: String,
}

async fn passkey(DeskForm { desk, form }: DeskForm<PasskeyForm>) -> Handled {
    let (context, actor) = (desk.context(), &desk.actor);
    if form.state.is_empty() {
        return match sign_in::start_add_passkey(context, actor, &form.old_password).await {
            Ok((options, state)) => {
                let view = NewPasskey { options, state };
                let chrome = desk.chrome_once(Section::Account);
                Ok(Answer::page(passkey::page(desk.texts(), &chrome, &view)))
            }
            Err(error) => Ok(ask(&desk, Change::AddPasskey, refusal(&desk, &error)?)),
        };
    }
    let label = match form.passkey_label.trim() {
        "" => desk.texts().say("passkey-unnamed"),
        label => label.to_owned(),
    };
    match sign_in::add_passkey(context, actor, &form.state, &label, &form.passkey).await {
        Ok(()) => Ok(Answer::done(paths::ACCOUNT, &[], Done::PasskeyAdded)),
        Err(SignInError::Expired) => Err(Answer::to(paths::ADD_PASSKEY)),
        Err(SignInError::Passkey) => Ok(ask(&desk, Change::AddPasskey, Some(Refusal::Passkey))),
        Err(error) => Err(desk.fail(failure(&desk.visitor, &error))),
    }
}

#[derive(Deserialize)]
struct WhichPasskey {
    #[serde(default)]
    passkey_id: String,
}

async fn ask_to_remove(desk: Desk, Query(query): Query<WhichPasskey>) -> Handled {
    let change = removal(&desk, &query.passkey_id).await?;
    Ok(ask(&desk, change, None))
}

async fn removal(desk: &Desk, wanted: &str) -> Result<Change, Answer> {
    let passkeys = factors(desk).await?.passkeys.into_iter();
    let mut found = passkeys.filter(|(passkey_id, ..)| passkey_id == wanted);
    let (passkey, label, _) = found.next().ok_or_else(|| desk.fail(Failure::NotFound))?;
    Ok(Change::RemovePasskey { passkey, label })
}

#[derive(Deserialize)]
struct Removal {
    passkey_id: String,
    old_password: Zeroizing<String>,
}

async fn remove_passkey(DeskForm { desk, form }: DeskForm<Removal>) -> Handled {
    let removed = sign_in::remove_passkey(
        desk.context(),
        &desk.actor,
        &form.passkey_id,
        &form.old_password,
    );
    match removed.await {
        Ok(()) => Ok(Answer::done(paths::ACCOUNT, &[], Done::PasskeyRemoved)),
        Err(error) => {
            let refusal = refusal(&desk, &error)?;
            let change = removal(&desk, &form.passkey_id).await?;
            Ok(ask(&desk, change, refusal))
        }
    }
}

async fn ask_for_codes(desk: Desk) -> Answer {
    ask(&desk, Change::RecoveryCodes, None)
}

#[derive(Deserialize)]
struct PasswordAgain {
    old_password: Zeroizing<String>,
}

async fn recovery_codes(DeskForm { desk, form }: DeskForm<PasswordAgain>) -> Handled {
    let made = sign_in::make_recovery_codes(desk.context(), &desk.actor, &form.old_password);
    match made.await {
        Ok(codes) => {
            let view = RecoveryCodes {
                place: Place::Account,
                sign_in_name: sign_in_name(&desk.actor.officer),
                codes: codes.iter().map(|code| code.reveal()).collect(),
            };
            let chrome = desk.chrome_once(Section::Account);
            let page = recovery_codes::page(desk.texts(), &chrome, &view);
            Ok(Answer::page(page))
        }
        Err(error) => Ok(ask(&desk, Change::RecoveryCodes, refusal(&desk, &error)?)),
    }
}
