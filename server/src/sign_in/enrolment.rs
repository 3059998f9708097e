//! Accepting an invitation: a password, then a second factor that is shown to work. Before that nothing has changed.
//!
//! Looking at the link uses nothing up: programs that scan mail open links. The link's query is a secret: the page behind
//! it must send no referrer.

use super::{
    RecoveryCode, SignInError, SignedIn, Ticket, TotpSecret, device, password, password_rules,
    recovery, session, sign_in_name,
};
use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Officer},
    store::{Acceptance, Enrolment, Factors, NewFactor},
};

/// Seconds between the password and the second factor: time to install an authenticator app.
pub const ENROLMENT_SECONDS: i64 = 1_800;

/// Somebody who has chosen a password and owes the second factor.
#[derive(Clone, Debug)]
pub struct Enrolling {
    /// For the browser's enrolment cookie.
    pub ticket: Ticket,
    /// Whose invitation it is.
    pub officer: Officer,
    /// What an authenticator app would share: for its QR code.
    pub totp: TotpSecret,
}

impl Enrolling {
    /// What they will sign in as.
    #[must_use]
    pub fn sign_in_name(&self) -> String {
        sign_in_name(&self.officer)
    }
}

/// An invitation that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// They are signed in.
    pub signed_in: SignedIn,
    /// To be shown this once.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// Whom the link of an invitation is for; uses nothing up.
///
/// - `link_ticket`: what the link's query names `invitation`.
///
/// # Errors
/// [`SignInError::Expired`] for one that is unknown, used, replaced or too old; [`SignInError::Store`].
pub async fn open_invitation(context: &Context, link_ticket: &str) -> Result<Officer, SignInError> {
    let ticket = Ticket::parse(link_ticket).ok_or(SignInError::Expired)?;
    let invited = context.store.invited(ticket.hash(), context.now()).await?;
    invited.ok_or(SignInError::Expired)
}

/// Chooses the password. Choosing again replaces it, and what was begun before.
///
/// # Errors
/// [`SignInError::Password`] if it is not taken, [`SignInError::Expired`] as [`open_invitation`], [`SignInError::Busy`],
/// [`SignInError::Store`].
pub async fn choose_password(
    context: &Context,
    link_ticket: &str,
    chosen: &str,
) -> Result<Enrolling, SignInError> {
    let invitation = Ticket::parse(link_ticket).ok_or(SignInError::Expired)?;
    let officer = open_invitation(context, link_ticket).await?;
    let chosen = password_rules::normalised(chosen);
    password_rules::check(&chosen, &officer.label, &officer.unit_code)?;
    let mut rng = context.rng();
    let password = password::make(context, chosen, &mut rng).await?;
    let totp = TotpSecret::generate(&mut rng);
    let ticket = Ticket::generate(&mut rng);
    let now = context.now();
    let enrolment = Enrolment {
        ticket_hash: ticket.hash(),
        invitation_hash: invitation.hash(),
        officer_id: officer.officer_id.clone(),
        password,
        totp_sealed: totp.seal(context, &officer.officer_id),
        passkey_state: None,
        expires_at: now.plus_seconds(ENROLMENT_SECONDS),
    };
    if !context.store.start_enrolment(enrolment, now).await? {
        return Err(SignInError::Expired);
    }
    Ok(Enrolling {
        ticket,
        officer,
        totp,
    })
}

/// Who owes a second factor, by the enrolment cookie: to draw the page again.
///
/// # Errors
/// [`SignInError::Expired`] if there is no such enrolment any more; [`SignInError::Store`].
pub async fn enrolling(context: &Context, cookie: &str) -> Result<Enrolling, SignInError> {
    let (ticket, officer, enrolment) = find(context, cookie).await?;
    let totp = TotpSecret::open(context, &officer.officer_id, &enrolment.totp_sealed)?;
    Ok(Enrolling {
        ticket,
        officer,
        totp,
    })
}

/// Accepts the invitation by an authenticator app's code.
///
/// - `device_cookie`: what the browser has, if anything.
///
/// # Errors
/// [`SignInError::FactorRefused`] for a wrong code, [`SignInError::Expired`] as [`enrolling`], [`SignInError::Store`].
pub async fn confirm_totp(
    context: &Context,
    cookie: &str,
    code: &str,
    device_cookie: Option<&str>,
) -> Result<Accepted, SignInError> {
    let (ticket, officer, enrolment) = find(context, cookie).await?;
    let totp = TotpSecret::open(context, &officer.officer_id, &enrolment.totp_sealed)?;
    let last_step = totp
        .step_of(code, context.now())
        .ok_or(SignInError::FactorRefused)?;
    let factor = NewFactor::Totp {
        sealed: enrolment.totp_sealed.clone(),
        last_step,
    };
    accept(context, &ticket, officer, &enrolment, factor, device_cookie).await
}

/// Asks for a passkey: JSON for `navigator.credentials.create`.
///
/// # Errors
/// [`SignInError::Expired`] as [`enrolling`], [`SignInError::Store`].
pub async fn start_passkey(context: &Context, cookie: &str) -> Result<String, SignInError> {
    let (ticket, officer, _) = find(context, cookie).await?;
    let challenge = context.sign_in.passkeys.start_registration(&officer, &[])?;
    context
        .store
        .set_enrolment_passkey(ticket.hash(), Some(challenge.state))
        .await?;
    Ok(challenge.options)
}

/// Accepts the invitation by a new passkey.
///
/// - `label`: what its owner calls it, 1 to 64 characters.
/// - `answer`: JSON of what the browser answered to [`start_passkey`].
/// - `device_cookie`: what the browser has, if anything.
///
/// # Errors
/// [`SignInError::Passkey`] if the answer does not fit the question, [`SignInError::Label`], [`SignInError::Expired`] as
/// [`enrolling`] or if nothing was asked, [`SignInError::Store`].
pub async fn finish_passkey(
    context: &Context,
    cookie: &str,
    label: &str,
    answer: &str,
    device_cookie: Option<&str>,
) -> Result<Accepted, SignInError> {
    let (ticket, officer, enrolment) = find(context, cookie).await?;
    let state = enrolment
        .passkey_state
        .as_deref()
        .ok_or(SignInError::Expired)?;
    // Used once, whatever comes of it.
    context
        .store
        .set_enrolment_passkey(ticket.hash(), None)
        .await?;
    let passkey = context.sign_in.passkeys.finish_registration(
        state,
        answer,
        label,
        context.now(),
        &mut context.rng(),
    )?;
    let factor = NewFactor::Passkey(passkey);
    accept(context, &ticket, officer, &enrolment, factor, device_cookie).await
}

async fn find(
    context: &Context,
    cookie: &str,
) -> Result<(Ticket, Officer, Enrolment), SignInError> {
    let ticket = Ticket::parse(cookie).ok_or(SignInError::Expired)?;
    let found = context
        .store
        .enrolment(ticket.hash(), context.now())
        .await?;
    let (officer, enrolment) = found.ok_or(SignInError::Expired)?;
    Ok((ticket, officer, enrolment))
}

async fn accept(
    context: &Context,
    ticket: &Ticket,
    officer: Officer,
    enrolment: &Enrolment,
    factor: NewFactor,
    device_cookie: Option<&str>,
) -> Result<Accepted, SignInError> {
    let now = context.now();
    let mut rng = context.rng();
    let portal = &context.keys.portal;
    let officer_id = &officer.officer_id;
    let (recovery_codes, recovery_hashes) = recovery::draw(portal, officer_id, &mut rng);
    let (session, session_ticket) = session::draw(officer_id, now, &mut rng);
    let salt = &enrolment.password.salt;
    let device = device::remember(portal, officer_id, salt, device_cookie, &mut rng);
    let actor = Actor::signed_in(officer);
    let entry = |action, subject: &str| actor.entry(now, action, &actor.officer.unit_code, subject);
    let factor_entry = match &factor {
        NewFactor::Totp { .. } => entry(Action::TotpSet, ""),
        NewFactor::Passkey(passkey) => entry(Action::PasskeyAdded, &passkey.passkey_id),
    };
    let acceptance = Acceptance {
        ticket_hash: ticket.hash(),
        factor,
        recovery_hashes,
        session,
        entries: vec![
            entry(Action::InvitationAccepted, ""),
            factor_entry,
            entry(Action::RecoveryCodesMade, ""),
            entry(Action::SignedIn, "invitation"),
        ],
    };
    if !context.store.accept_invitation(acceptance, now).await? {
        return Err(SignInError::Expired);
    }
    let factors = Factors {
        recovery_codes_left: u32::try_from(recovery_codes.len()).unwrap_or(u32::MAX),
        ..Factors::default()
    };
    Ok(Accepted {
        signed_in: SignedIn::new(session_ticket, device, actor.officer, &factors),
        recovery_codes,
    })
}
