//! Signing in: name and password, then the second factor.
//!
//! Every try passes the throttle before any work is done, so that a flood costs its sender more than us. Unknown names,
//! accounts without a password and wrong passwords take one hash each and get one answer.

use std::{fmt, sync::Arc};

use truyvet_crypto::Timestamp;

use super::{
    RecoveryCode, SignInError, Ticket, TotpSecret, device, parse_name,
    password::{self, Asker, PasswordRecord},
    session,
    throttle::{Tries, Try, Wait},
};
use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Officer},
    store::{Completion, Factors, PendingSignIn, Proof, StoreError},
};

/// Seconds between the password and the second factor.
pub const PENDING_SECONDS: i64 = 300;

/// Tries of the second factor before the password is asked again.
const FACTOR_TRIES: u32 = 5;

/// Somebody who has shown the password and owes the second factor.
#[derive(Clone, Debug)]
pub struct Pending {
    /// For the browser's sign-in cookie.
    pub ticket: Ticket,
    /// Whose account.
    pub officer: Officer,
    /// Whether the account has an authenticator app.
    pub totp: bool,
    /// Whether the account has a passkey.
    pub passkey: bool,
}

/// Somebody who is signed in.
pub struct SignedIn {
    /// For the browser's session cookie.
    pub ticket: Ticket,
    /// For the browser's device cookie, to be kept for [`super::DEVICE_COOKIE_DAYS`]; several accounts' in one.
    pub device_cookie: String,
    /// Who.
    pub officer: Officer,
    /// Recovery codes that are left: a page should say so when few are.
    pub recovery_codes_left: u32,
}

impl SignedIn {
    pub(super) fn new(
        ticket: Ticket,
        device_cookie: String,
        officer: Officer,
        factors: &Factors,
    ) -> Self {
        Self {
            ticket,
            device_cookie,
            officer,
            recovery_codes_left: factors.recovery_codes_left,
        }
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedIn({:?}, ..)", self.officer)
    }
}

impl From<Wait> for SignInError {
    fn from(wait: Wait) -> Self {
        Self::Wait {
            seconds: wait.seconds,
        }
    }
}

/// Shows name and password.
///
/// - `name`: `label@unit`.
/// - `device_cookie`: what the browser has, if anything: decides which bucket of the throttle the try falls into.
///
/// # Errors
/// [`SignInError::Refused`], [`SignInError::Wait`], [`SignInError::Busy`], [`SignInError::Store`].
pub async fn start_sign_in(
    context: &Context,
    name: &str,
    typed: &str,
    device_cookie: Option<&str>,
) -> Result<Pending, SignInError> {
    let now = context.now();
    let account = match parse_name(name) {
        Some((label, unit_code)) => {
            let store = &context.store;
            store
                .account(label.to_owned(), unit_code.to_owned())
                .await?
        }
        None => None,
    };
    let (officer, record) = account.unzip();
    let record: Option<PasswordRecord> = record.flatten();
    let device = officer
        .as_ref()
        .zip(record.as_ref())
        .and_then(|(officer, record)| {
            let portal = &context.keys.portal;
            device::recognise(portal, &officer.officer_id, &record.salt, device_cookie)
        });
    let tries = match &officer {
        Some(officer) => Tries::Password(&officer.officer_id, device),
        // As a known one's: spaces around it make no other name.
        None => Tries::Nobody(name.trim()),
    };
    let attempt = context.sign_in.throttle.begin(tries, now)?;
    let asker = match device {
        Some(_) => Asker::Known,
        None => Asker::Stranger,
    };
    let right = match password::is_right(context, asker, typed, record.as_ref()).await {
        Ok(right) => right,
        Err(busy) => {
            attempt.not_wrong(false);
            return Err(busy);
        }
    };
    let (Some(officer), Some(record), true) = (&officer, record, right) else {
        if let Some(officer) = officer.as_ref().filter(|_| attempt.is_noteworthy()) {
            // Beside the answer: waiting for the disk would tell that there is such an account.
            let write = write_down(context, officer, now, "password");
            tokio::spawn(async move {
                if let Err(error) = write.await {
                    tracing::error!(%error, "the audit misses a refused sign-in");
                }
            });
        }
        return Err(SignInError::Refused);
    };
    attempt.not_wrong(true);
    let factors = context.store.factors(officer.officer_id.clone()).await?;
    let ticket = Ticket::generate(&mut context.rng());
    let pending = PendingSignIn {
        ticket_hash: ticket.hash(),
        officer_id: officer.officer_id.clone(),
        known_device: device.is_some(),
        passkey_state: None,
        tries_left: FACTOR_TRIES,
        expires_at: now.plus_seconds(PENDING_SECONDS),
    };
    if !context.store.start_sign_in(pending, record).await? {
        return Err(SignInError::Refused);
    }
    Ok(Pending::new(ticket, officer.clone(), &factors))
}

impl Pending {
    fn new(ticket: Ticket, officer: Officer, factors: &Factors) -> Self {
        Self {
            ticket,
            officer,
            totp: factors.totp_sealed.is_some(),
            passkey: !factors.passkeys.is_empty(),
        }
    }
}

/// Who owes the second factor, by the sign-in cookie: to draw the page again.
///
/// # Errors
/// [`SignInError::Expired`] if there is no such sign-in under way; [`SignInError::Store`].
pub async fn pending(context: &Context, cookie: &str) -> Result<Pending, SignInError> {
    let under_way = UnderWay::find(context, cookie).await?;
    Ok(Pending::new(
        under_way.ticket,
        under_way.officer,
        &under_way.factors,
    ))
}

/// Signs in by an authenticator app's code.
///
/// # Errors
/// [`SignInError::FactorRefused`], [`SignInError::Wait`], [`SignInError::Expired`] as [`pending`] and after five tries,
/// [`SignInError::Store`].
pub async fn by_totp(
    context: &Context,
    cookie: &str,
    code: &str,
    device_cookie: Option<&str>,
) -> Result<SignedIn, SignInError> {
    let under_way = UnderWay::find(context, cookie).await?;
    let attempt = under_way.begin(context, device_cookie).await?;
    let officer_id = &under_way.officer.officer_id;
    let proof = match under_way.factors.totp_sealed.clone() {
        Some(sealed) => TotpSecret::open(context, officer_id, &sealed)?
            .step_of(code, context.now())
            .map(|step| Proof::Totp { step, sealed }),
        None => None,
    };
    under_way
        .finish(context, attempt, proof, "totp", device_cookie)
        .await
}

/// Signs in by a recovery code, which is used up.
///
/// # Errors
/// As [`by_totp`].
pub async fn by_recovery_code(
    context: &Context,
    cookie: &str,
    code: &str,
    device_cookie: Option<&str>,
) -> Result<SignedIn, SignInError> {
    let under_way = UnderWay::find(context, cookie).await?;
    let attempt = under_way.begin(context, device_cookie).await?;
    let officer_id = &under_way.officer.officer_id;
    let proof = RecoveryCode::parse(code).map(|code| Proof::RecoveryCode {
        hash: code.hash(&context.keys.portal, officer_id),
    });
    under_way
        .finish(context, attempt, proof, "recovery-code", device_cookie)
        .await
}

/// Asks for one of the account's passkeys: JSON for `navigator.credentials.get`.
///
/// # Errors
/// [`SignInError::FactorRefused`] if the account has none, [`SignInError::Expired`] as [`pending`],
/// [`SignInError::Store`].
pub async fn start_by_passkey(context: &Context, cookie: &str) -> Result<String, SignInError> {
    let under_way = UnderWay::find(context, cookie).await?;
    let passkeys = &under_way.factors.passkeys;
    if passkeys.is_empty() {
        return Err(SignInError::FactorRefused);
    }
    let challenge = context.sign_in.passkeys.start_authentication(passkeys)?;
    context
        .store
        .set_sign_in_passkey(under_way.ticket.hash(), challenge.state)
        .await?;
    Ok(challenge.options)
}

/// Signs in by a passkey.
///
/// - `answer`: JSON of what the browser answered to [`start_by_passkey`].
///
/// # Errors
/// As [`by_totp`]; [`SignInError::Passkey`] if the answer cannot be read.
pub async fn by_passkey(
    context: &Context,
    cookie: &str,
    answer: &str,
    device_cookie: Option<&str>,
) -> Result<SignedIn, SignInError> {
    let under_way = UnderWay::find(context, cookie).await?;
    let Some(state) = under_way.pending.passkey_state.clone() else {
        return Err(SignInError::Expired);
    };
    let attempt = under_way.begin(context, device_cookie).await?;
    let passkeys = &context.sign_in.passkeys;
    let known = &under_way.factors.passkeys;
    let proof = match passkeys.finish_authentication(&state, answer, known) {
        Ok((passkey_id, state)) => Some(Proof::Passkey { passkey_id, state }),
        Err(SignInError::FactorRefused) => None,
        Err(error) => return Err(error),
    };
    under_way
        .finish(context, attempt, proof, "passkey", device_cookie)
        .await
}

/// A sign-in between its two steps.
struct UnderWay {
    ticket: Ticket,
    officer: Officer,
    password: PasswordRecord,
    pending: PendingSignIn,
    factors: Factors,
}

impl UnderWay {
    async fn find(context: &Context, cookie: &str) -> Result<Self, SignInError> {
        let ticket = Ticket::parse(cookie).ok_or(SignInError::Expired)?;
        let found = context
            .store
            .pending_sign_in(ticket.hash(), context.now())
            .await?;
        let (officer, password, pending) = found
            .filter(|(.., pending)| pending.tries_left > 0)
            .ok_or(SignInError::Expired)?;
        let factors = context.store.factors(officer.officer_id.clone()).await?;
        Ok(Self {
            ticket,
            officer,
            password,
            pending,
            factors,
        })
    }

    /// Uses up a try, of the throttle and of this sign-in.
    async fn begin<'a>(
        &'a self,
        context: &'a Context,
        device_cookie: Option<&str>,
    ) -> Result<Try<'a>, SignInError> {
        let (portal, now) = (&context.keys.portal, context.now());
        let officer_id = &self.officer.officer_id;
        let device = device::recognise(portal, officer_id, &self.password.salt, device_cookie);
        let attempt = context
            .sign_in
            .throttle
            .begin(Tries::Factor(officer_id, device), now)?;
        if !context.store.use_try(self.ticket.hash(), now).await? {
            return Err(SignInError::Expired);
        }
        Ok(attempt)
    }

    async fn finish(
        &self,
        context: &Context,
        attempt: Try<'_>,
        proof: Option<Proof>,
        by: &str,
        device_cookie: Option<&str>,
    ) -> Result<SignedIn, SignInError> {
        let (portal, now) = (&context.keys.portal, context.now());
        let Some(proof) = proof else {
            return self.refuse(context, attempt, now).await;
        };
        let mut rng = context.rng();
        let officer_id = &self.officer.officer_id;
        let (session, ticket) = session::draw(officer_id, now, &mut rng);
        let actor = Actor::signed_in(self.officer.clone());
        let entry = |action, subject| actor.entry(now, action, &self.officer.unit_code, subject);
        let mut left = self.factors.recovery_codes_left;
        let mut entries = Vec::new();
        if matches!(proof, Proof::RecoveryCode { .. }) {
            left = left.saturating_sub(1);
            entries.push(entry(Action::RecoveryCodeUsed, ""));
        }
        entries.push(entry(Action::SignedIn, by));
        let completion = Completion {
            ticket_hash: self.ticket.hash(),
            proof,
            session,
            entries,
        };
        if !context.store.complete_sign_in(completion, now).await? {
            return self.refuse(context, attempt, now).await;
        }
        attempt.not_wrong(true);
        let salt = &self.password.salt;
        Ok(SignedIn {
            ticket,
            device_cookie: device::remember(portal, officer_id, salt, device_cookie, &mut rng),
            officer: self.officer.clone(),
            recovery_codes_left: left,
        })
    }

    async fn refuse(
        &self,
        context: &Context,
        attempt: Try<'_>,
        now: Timestamp,
    ) -> Result<SignedIn, SignInError> {
        if attempt.is_noteworthy() {
            write_down(context, &self.officer, now, "second-factor").await?;
        }
        Err(SignInError::FactorRefused)
    }
}

/// Writes a row of the audit for wrong tries at an account.
///
/// - `what`: "password" or "second-factor".
fn write_down(
    context: &Context,
    officer: &Officer,
    now: Timestamp,
    what: &str,
) -> impl Future<Output = Result<(), StoreError>> + use<> {
    let actor = Actor::signed_in(officer.clone());
    let entry = actor.entry(now, Action::SignInRefused, &officer.unit_code, what);
    let store = Arc::clone(&context.store);
    async move { store.append_audit(entry).await }
}
