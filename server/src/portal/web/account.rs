//! One's own sign-in: what there is, where one is signed in, the password.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Failure, Handled},
    cookies::{self, Name},
    door::failure,
    invitation::problem,
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    context::Context,
    portal::{
        layout::{Done, Section},
        pages::{
            account::{self, OwnAccount, Passkey, Session},
            invitation::PasswordProblem,
        },
        paths,
    },
    sign_in::{self, DEVICE_COOKIE_DAYS, MIN_PASSWORD_CHARS, OwnFactors, SignInError},
    store::{SessionRecord, StoreError},
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::ACCOUNT, get(show))
        .route(paths::END_SESSIONS, post(end_sessions))
        .route(paths::CHANGE_PASSWORD, post(change_password))
}

async fn show(desk: Desk) -> Handled {
    account_page(&desk, vec![]).await
}

async fn account_page(desk: &Desk, problems: Vec<PasswordProblem>) -> Handled {
    let (context, actor) = (desk.context(), &desk.actor);
    let failed = |error: StoreError| desk.fail(Failure::of_store(context, &error));
    let factors = sign_in::own_factors(context, actor).await.map_err(failed)?;
    let sessions = sign_in::own_sessions(context, actor)
        .await
        .map_err(failed)?;
    let view = OwnAccount {
        sign_in_name: sign_in::sign_in_name(&actor.officer),
        unit: desk.unit_name().to_owned(),
        role: actor.officer.role,
        sessions: listed(desk, sessions),
        totp: factors.totp,
        passkeys: passkeys(desk, &factors),
        recovery_codes_left: factors.recovery_codes_left.into(),
        minimum: u32::try_from(MIN_PASSWORD_CHARS).unwrap_or(u32::MAX),
        problems,
    };
    let chrome = desk.chrome_at(Section::Account, paths::ACCOUNT);
    Ok(Answer::page(account::page(desk.texts(), &chrome, &view)))
}

/// This one first.
fn listed(desk: &Desk, mut sessions: Vec<SessionRecord>) -> Vec<Session> {
    let is_current = |session: &SessionRecord| session.session_id == desk.session.session_id;
    sessions.sort_by_key(|session| !is_current(session));
    let view = |session: SessionRecord| Session {
        current: is_current(&session),
        session: session.session_id,
        started_at: desk.moment(session.created_at),
        last_used_at: desk.moment(session.last_seen_at),
    };
    sessions.into_iter().map(view).collect()
}

fn passkeys(desk: &Desk, factors: &OwnFactors) -> Vec<Passkey> {
    let removable = factors.totp || factors.passkeys.len() > 1;
    let passkeys = factors.passkeys.iter();
    passkeys
        .map(|(passkey_id, label, created_at)| Passkey {
            passkey: passkey_id.clone(),
            label: label.clone(),
            added_on: desk.moment(*created_at).date(),
            removable,
        })
        .collect()
}

#[derive(Deserialize)]
struct WhichSession {
    session: Option<String>,
}

async fn end_sessions(DeskForm { desk, form }: DeskForm<WhichSession>) -> Handled {
    let (context, which) = (desk.context(), form.session.as_deref());
    sign_in::end_own_sessions(context, &desk.actor, &desk.session, which)
        .await
        .map_err(|error| desk.fail(Failure::of_store(context, &error)))?;
    Ok(Answer::done(paths::ACCOUNT, &[], Done::SessionsEnded))
}

#[derive(Deserialize)]
struct PasswordForm {
    old_password: Zeroizing<String>,
    password: Zeroizing<String>,
    password_again: Zeroizing<String>,
}

async fn change_password(DeskForm { desk, form }: DeskForm<PasswordForm>) -> Handled {
    if form.password != form.password_again {
        return account_page(&desk, vec![PasswordProblem::Different]).await;
    }
    let device = cookies::get(&desk.visitor.headers, Name::Device);
    let changed = sign_in::change_password(
        desk.context(),
        &desk.actor,
        &desk.session,
        &form.old_password,
        &form.password,
        device.as_deref(),
    );
    let problem = match changed.await {
        Ok(device) => {
            let life = Duration::from_secs(u64::from(DEVICE_COOKIE_DAYS) * 86_400);
            return Ok(Answer::done(paths::ACCOUNT, &[], Done::PasswordChanged)
                .with(cookies::set(Name::Device, &device, Some(life))));
        }
        Err(SignInError::Refused) => PasswordProblem::OldWrong,
        Err(SignInError::Wait { seconds }) => PasswordProblem::TooManyTries {
            minutes: seconds.div_ceil(60),
        },
        Err(SignInError::Password(fault)) => problem(&fault),
        // The session ended meanwhile: the next page says so.
        Err(SignInError::Expired) => return Err(Answer::to(paths::ACCOUNT)),
        Err(error) => return Err(desk.fail(failure(&desk.visitor, &error))),
    };
    account_page(&desk, vec![problem]).await
}
