//! What somebody who is signed in changes about their own signing in: password, second factors, sessions.
//!
//! Whoever changes a factor shows the password again: a browser left open must not become a way in for good. The only
//! second factor is not removed. Between question and answer the page carries a sealed state, good for five minutes
//! and one account.

use data_encoding::BASE64URL_NOPAD;
use truyvet_crypto::Timestamp;
use zeroize::Zeroizing;

use super::{
    RecoveryCode, Session, SignInError, TotpSecret, device,
    password::{self, Asker},
    password_rules, recovery,
    session::is_alive,
    throttle::Tries,
};
use crate::{
    audit::Action,
    context::Context,
    officers::Actor,
    store::{Ending, FactorChange, NewFactor, PasskeyRecord, SessionRecord, StoreError},
};

/// Seconds between question and answer.
const STATE_SECONDS: i64 = 300;

/// What somebody can sign in with.
#[derive(Clone, Debug)]
pub struct OwnFactors {
    /// Whether there is an authenticator app.
    pub totp: bool,
    /// Name and label of each passkey, with the hour in which it was added; oldest first.
    pub passkeys: Vec<(String, String, Timestamp)>,
    /// Recovery codes that are left.
    pub recovery_codes_left: u32,
}

/// One's own factors.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn own_factors(context: &Context, actor: &Actor) -> Result<OwnFactors, StoreError> {
    let factors = context
        .store
        .factors(actor.officer.officer_id.clone())
        .await?;
    let listed = |passkey: PasskeyRecord| (passkey.passkey_id, passkey.label, passkey.created_at);
    Ok(OwnFactors {
        totp: factors.totp_sealed.is_some(),
        passkeys: factors.passkeys.into_iter().map(listed).collect(),
        recovery_codes_left: factors.recovery_codes_left,
    })
}

/// One's own sessions that are good now, the last used first.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn own_sessions(
    context: &Context,
    actor: &Actor,
) -> Result<Vec<SessionRecord>, StoreError> {
    let officer_id = actor.officer.officer_id.clone();
    let mut sessions = context.store.sessions(officer_id).await?;
    sessions.retain(|session| is_alive(session, &context.settings, context.now()));
    Ok(sessions)
}

/// Ends one of one's own sessions, or all but the one that asks; how many there were.
///
/// - `session_id`: which; `None`: all others.
///
/// # Errors
/// [`StoreError`] if the store could not; they go on then.
pub async fn end_own_sessions(
    context: &Context,
    actor: &Actor,
    session: &Session,
    session_id: Option<&str>,
) -> Result<usize, StoreError> {
    let officer = &actor.officer;
    let entry = actor.entry(
        context.now(),
        Action::SessionsEnded,
        &officer.unit_code,
        &officer.officer_id,
    );
    let ending = match session_id {
        Some(session_id) => Ending::One(session_id.to_owned()),
        None => Ending::AllBut(session.session_id.clone()),
    };
    context
        .store
        .end_sessions(officer.officer_id.clone(), ending, entry)
        .await
}

/// Changes one's own password; all other sessions end, and so does the trust in earlier devices. Gives the browser's
/// device cookie anew.
///
/// - `typed`: the password until now.
/// - `chosen`: the one from now on.
///
/// # Errors
/// [`SignInError::Password`] if it is not taken, [`SignInError::Expired`] if the session has ended, and as
/// [`start_replace_totp`].
pub async fn change_password(
    context: &Context,
    actor: &Actor,
    session: &Session,
    typed: &str,
    chosen: &str,
    device_cookie: Option<&str>,
) -> Result<String, SignInError> {
    let officer = &actor.officer;
    let chosen = password_rules::normalised(chosen);
    password_rules::check(&chosen, &officer.label, &officer.unit_code)?;
    show_password(context, actor, typed).await?;
    let mut rng = context.rng();
    let record = password::make(context, chosen, &mut rng).await?;
    let salt = record.salt;
    let changed = FactorChange::Password {
        record,
        session_id: session.session_id.clone(),
    };
    if !change(context, actor, changed, Action::PasswordChanged, "").await? {
        return Err(SignInError::Expired);
    }
    let portal = &context.keys.portal;
    let officer_id = &officer.officer_id;
    Ok(device::remember(
        portal,
        officer_id,
        &salt,
        device_cookie,
        &mut rng,
    ))
}

/// Begins to put another authenticator app in place of the one before: its secret, and the state that
/// [`replace_totp`] takes.
///
/// # Errors
/// [`SignInError::Refused`] for a wrong password, [`SignInError::Wait`], [`SignInError::Busy`], [`SignInError::Store`].
pub async fn start_replace_totp(
    context: &Context,
    actor: &Actor,
    typed: &str,
) -> Result<(TotpSecret, String), SignInError> {
    show_password(context, actor, typed).await?;
    let totp = TotpSecret::generate(&mut context.rng());
    let state = seal_state(context, actor, "totp state", totp.as_bytes());
    Ok((totp, state))
}

/// The secret that [`start_replace_totp`] offered, by its state: to draw the page again.
///
/// # Errors
/// [`SignInError::Expired`] for a state that is too old or none.
pub fn offered_totp(
    context: &Context,
    actor: &Actor,
    state: &str,
) -> Result<TotpSecret, SignInError> {
    let secret = open_state(context, actor, "totp state", state)?;
    TotpSecret::from_bytes(&secret).ok_or(SignInError::Expired)
}

/// Puts it in place, once its code is shown.
///
/// # Errors
/// [`SignInError::FactorRefused`] for a wrong code, [`SignInError::Expired`] for a state that is too old or none,
/// [`SignInError::Store`].
pub async fn replace_totp(
    context: &Context,
    actor: &Actor,
    state: &str,
    code: &str,
) -> Result<(), SignInError> {
    let totp = offered_totp(context, actor, state)?;
    let last_step = totp
        .step_of(code, context.now())
        .ok_or(SignInError::FactorRefused)?;
    let sealed = totp.seal(context, &actor.officer.officer_id);
    let factor = NewFactor::Totp { sealed, last_step };
    change(
        context,
        actor,
        FactorChange::Add(factor),
        Action::TotpSet,
        "",
    )
    .await
    .map(drop)
}

/// Begins to add a passkey: JSON for `navigator.credentials.create`, and the state that [`add_passkey`] takes.
///
/// # Errors
/// As [`start_replace_totp`].
pub async fn start_add_passkey(
    context: &Context,
    actor: &Actor,
    typed: &str,
) -> Result<(String, String), SignInError> {
    show_password(context, actor, typed).await?;
    let officer = &actor.officer;
    let factors = context.store.factors(officer.officer_id.clone()).await?;
    let passkeys = &context.sign_in.passkeys;
    let challenge = passkeys.start_registration(officer, &factors.passkeys)?;
    let state = seal_state(context, actor, "passkey state", challenge.state.as_bytes());
    Ok((challenge.options, state))
}

/// Adds it.
///
/// - `label`: what its owner calls it, 1 to 64 characters.
/// - `answer`: JSON of what the browser answered.
///
/// # Errors
/// [`SignInError::Passkey`] if the answer does not fit the question or the passkey is there already,
/// [`SignInError::Label`], [`SignInError::Expired`] for a state that is too old or none, [`SignInError::Store`].
pub async fn add_passkey(
    context: &Context,
    actor: &Actor,
    state: &str,
    label: &str,
    answer: &str,
) -> Result<(), SignInError> {
    let state = open_state(context, actor, "passkey state", state)?;
    let state = std::str::from_utf8(&state).map_err(|_| SignInError::Expired)?;
    let passkey = context.sign_in.passkeys.finish_registration(
        state,
        answer,
        label,
        context.now(),
        &mut context.rng(),
    )?;
    let passkey_id = passkey.passkey_id.clone();
    let added = FactorChange::Add(NewFactor::Passkey(passkey));
    if change(context, actor, added, Action::PasskeyAdded, &passkey_id).await? {
        Ok(())
    } else {
        Err(SignInError::Passkey)
    }
}

/// Removes a passkey, unless it is the only second factor.
///
/// # Errors
/// [`SignInError::NotRemoved`], and as [`start_replace_totp`].
pub async fn remove_passkey(
    context: &Context,
    actor: &Actor,
    passkey_id: &str,
    typed: &str,
) -> Result<(), SignInError> {
    show_password(context, actor, typed).await?;
    let removed = FactorChange::RemovePasskey {
        passkey_id: passkey_id.to_owned(),
    };
    if change(context, actor, removed, Action::PasskeyRemoved, passkey_id).await? {
        Ok(())
    } else {
        Err(SignInError::NotRemoved)
    }
}

/// Makes other recovery codes in place of those before, to be shown this once.
///
/// # Errors
/// As [`start_replace_totp`].
pub async fn make_recovery_codes(
    context: &Context,
    actor: &Actor,
    typed: &str,
) -> Result<Vec<RecoveryCode>, SignInError> {
    show_password(context, actor, typed).await?;
    let officer_id = &actor.officer.officer_id;
    let (codes, hashes) = recovery::draw(&context.keys.portal, officer_id, &mut context.rng());
    let made = FactorChange::RecoveryCodes { hashes };
    change(context, actor, made, Action::RecoveryCodesMade, "").await?;
    Ok(codes)
}

async fn change(
    context: &Context,
    actor: &Actor,
    change: FactorChange,
    action: Action,
    subject: &str,
) -> Result<bool, SignInError> {
    let officer = &actor.officer;
    let entry = actor.entry(context.now(), action, &officer.unit_code, subject);
    let officer_id = officer.officer_id.clone();
    let changed = context
        .store
        .change_factors(officer_id, change, entry)
        .await?;
    Ok(changed)
}

/// Refuses whoever does not know the password of the account that they are signed in to.
async fn show_password(context: &Context, actor: &Actor, typed: &str) -> Result<(), SignInError> {
    let officer = &actor.officer;
    let store = &context.store;
    let account = store
        .account(officer.label.clone(), officer.unit_code.clone())
        .await?;
    let record = account.and_then(|(_, record)| record);
    let tries = Tries::Own(&officer.officer_id);
    let attempt = context.sign_in.throttle.begin(tries, context.now())?;
    match password::is_right(context, Asker::Known, typed, record.as_ref()).await {
        Ok(true) => {
            attempt.not_wrong(true);
            Ok(())
        }
        Ok(false) => Err(SignInError::Refused),
        Err(busy) => {
            attempt.not_wrong(false);
            Err(busy)
        }
    }
}

/// For a hidden field of the page: when it was made (Unix seconds, 8 bytes) ‖ `state`, sealed.
fn seal_state(context: &Context, actor: &Actor, purpose: &str, state: &[u8]) -> String {
    let made_at = context.now().unix_seconds().to_be_bytes();
    let dated = Zeroizing::new([&made_at, state].concat());
    let officer_id = &actor.officer.officer_id;
    let portal = &context.keys.portal;
    BASE64URL_NOPAD.encode(&portal.seal(purpose, officer_id, &dated, &mut context.rng()))
}

fn open_state(
    context: &Context,
    actor: &Actor,
    purpose: &str,
    sealed: &str,
) -> Result<Zeroizing<Vec<u8>>, SignInError> {
    let officer_id = &actor.officer.officer_id;
    let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok();
    let dated = sealed.and_then(|sealed| context.keys.portal.open(purpose, officer_id, &sealed));
    let dated = dated.ok_or(SignInError::Expired)?;
    let (made_at, state) = dated.split_first_chunk().ok_or(SignInError::Expired)?;
    let age = context.now().unix_seconds() - i64::from_be_bytes(*made_at);
    // A clock that went back must not make it last.
    if !(0..STATE_SECONDS).contains(&age) {
        return Err(SignInError::Expired);
    }
    Ok(Zeroizing::new(state.to_vec()))
}
