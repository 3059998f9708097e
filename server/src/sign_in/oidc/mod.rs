//! Signing in by the ministry's own OpenID Connect provider, and tying an invited account to it.
//!
//! Authorization code flow with PKCE, state and nonce. The scope is `openid` alone: neither a name nor an e-mail address
//! is asked for, and of the subject only a keyed hash is kept. What is written to the log names no token, code or
//! subject.
//!
//! The second factor is the provider's affair: `oidc_acr` says what its ID token must vouch for. So is how long the provider
//! knows a browser: whoever signs out here may get in again there without being asked.
//!
//! | module | job |
//! |---|---|
//! | [`flow`] | what a browser keeps between leaving and coming back; each is good once |
//! | [`provider`] | what the provider says of itself, and whom it vouches for |
//! | [`http`] | requests to it: bounded in time and size |

mod flow;
mod http;
mod provider;

use url::Url;
use zeroize::Zeroizing;

pub(super) use self::provider::Provider;
use self::{flow::Flow, provider::Failure};
use super::{SignInError, Ticket, open_invitation, session};
use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Officer},
    store::{OidcAcceptance, OidcAccepted, OidcIdentity, StoreError},
};

/// Seconds for which a browser may be at the provider.
pub const FLOW_SECONDS: u32 = 300;

/// Why somebody did not get in by the provider. Safe to print.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The settings name no provider.
    #[error("there is no provider")]
    NoProvider,
    /// Too many are at it.
    #[error("busy, try again")]
    Busy,
    /// The provider does not answer, or not as a provider.
    #[error("the provider does not answer as it should")]
    Unavailable,
    /// Not begun by this browser, begun too long ago, or over already.
    #[error("no longer valid")]
    Expired,
    /// The provider does not vouch for anybody, or not as it must.
    #[error("the provider did not vouch for anybody")]
    Refused,
    /// The identity signs no active account in.
    #[error("no account belongs to this identity")]
    Unknown,
    /// The identity signs another account in.
    #[error("the identity belongs to another account")]
    Taken,
    /// The invitation is unknown, used, replaced or too old.
    #[error("the invitation is no longer valid")]
    InvitationGone,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignInError> for OidcError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Store(error) => Self::Store(error),
            _ => Self::InvitationGone,
        }
    }
}

impl From<Failure> for OidcError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy => Self::Busy,
            Failure::Unavailable => Self::Unavailable,
            Failure::Refused => Self::Refused,
        }
    }
}

/// A browser about to leave for the provider.
pub struct Started {
    /// Where to.
    pub location: Url,
    /// For the browser's flow cookie, to be kept for [`FLOW_SECONDS`].
    pub cookie: String,
}

/// What a browser brings back from the provider.
#[derive(Clone, Default)]
pub struct OidcAnswer {
    /// The state that it was sent with.
    pub state: Zeroizing<String>,
    /// What the provider gives out for its ID token; `None`: it refuses.
    pub code: Option<Zeroizing<String>>,
    /// Who the provider says it is (RFC 9207); old ones do not.
    pub issuer: Option<String>,
}

/// Somebody whom the provider vouched for.
#[derive(Debug)]
pub struct ByProvider {
    /// For the browser's session cookie.
    pub ticket: Ticket,
    /// Who.
    pub officer: Officer,
    /// Whether an invitation was accepted.
    pub linked: bool,
}

/// Sends a browser to the provider; nothing has changed before it comes back.
///
/// - `form_token`: what the browser's forms carry: only that browser can finish.
/// - `link_ticket`: of the invitation to accept; `None`: to sign in.
///
/// # Errors
/// [`OidcError::NoProvider`], [`OidcError::Busy`], [`OidcError::Unavailable`], [`OidcError::InvitationGone`],
/// [`OidcError::Store`].
pub async fn start_oidc(
    context: &Context,
    form_token: &str,
    link_ticket: Option<&str>,
) -> Result<Started, OidcError> {
    let provider = provider(context)?;
    if let Some(ticket) = link_ticket {
        open_invitation(context, ticket).await?;
    }
    let now = context.now();
    let flow = Flow::draw(form_token, link_ticket, now, &mut context.rng());
    let location = provider.authorization(&flow, now).await?;
    let cookie = flow.seal(&context.keys.portal, &mut context.rng());
    Ok(Started { location, cookie })
}

/// Lets somebody in whom the provider vouches for. What [`start_oidc`] began is over then, whatever comes of it.
///
/// - `cookie`: the flow cookie.
/// - `is_form_token`: whether the browser's forms carry this.
///
/// # Errors
/// Any [`OidcError`].
pub async fn finish_oidc(
    context: &Context,
    cookie: &str,
    is_form_token: impl FnOnce(&str) -> bool,
    answer: &OidcAnswer,
) -> Result<ByProvider, OidcError> {
    let provider = provider(context)?;
    let now = context.now();
    let flow = Flow::open(&context.keys.portal, cookie, now)
        .filter(|flow| flow.is_state(&answer.state) && is_form_token(&flow.form_token))
        .ok_or(OidcError::Expired)?;
    provider.use_up(&flow, now)?;
    // Another provider's answer, brought here to be taken for this one's.
    let other_issuer = answer.issuer.as_ref();
    if other_issuer.is_some_and(|issuer| issuer != provider.issuer()) {
        return Err(OidcError::Refused);
    }
    let code = answer.code.as_ref().ok_or(OidcError::Refused)?;
    let subject = provider.subject(code, &flow, now).await?;
    let identity = OidcIdentity {
        issuer: provider.issuer().to_owned(),
        subject_hash: context
            .keys
            .portal
            .identity_hash(provider.issuer(), &subject),
    };
    match &flow.invitation {
        Some(ticket) => link(context, ticket, identity).await,
        None => sign_in(context, identity).await,
    }
}

fn provider(context: &Context) -> Result<&Provider, OidcError> {
    context.sign_in.oidc.as_ref().ok_or(OidcError::NoProvider)
}

async fn link(
    context: &Context,
    link_ticket: &str,
    identity: OidcIdentity,
) -> Result<ByProvider, OidcError> {
    let officer = open_invitation(context, link_ticket).await?;
    let invitation = Ticket::parse(link_ticket).ok_or(OidcError::InvitationGone)?;
    let now = context.now();
    let (session, ticket) = session::draw(&officer.officer_id, now, &mut context.rng());
    let actor = Actor::signed_in(officer);
    let entry = |action, subject| actor.entry(now, action, &actor.officer.unit_code, subject);
    let acceptance = OidcAcceptance {
        invitation_hash: invitation.hash(),
        identity,
        session,
        entries: vec![
            entry(Action::InvitationAccepted, ""),
            entry(Action::OidcLinked, ""),
            entry(Action::SignedIn, "oidc"),
        ],
    };
    match context
        .store
        .accept_invitation_by_oidc(acceptance, now)
        .await?
    {
        OidcAccepted::Done => Ok(ByProvider {
            ticket,
            officer: actor.officer,
            linked: true,
        }),
        OidcAccepted::Gone => Err(OidcError::InvitationGone),
        OidcAccepted::Taken => Err(OidcError::Taken),
    }
}

async fn sign_in(context: &Context, identity: OidcIdentity) -> Result<ByProvider, OidcError> {
    let officer = context.store.officer_of_oidc(identity.clone()).await?;
    let officer = officer.ok_or(OidcError::Unknown)?;
    let now = context.now();
    let (session, ticket) = session::draw(&officer.officer_id, now, &mut context.rng());
    let actor = Actor::signed_in(officer);
    let entry = actor.entry(now, Action::SignedIn, &actor.officer.unit_code, "oidc");
    let begun = context.store.sign_in_by_oidc(identity, session, entry);
    if !begun.await? {
        return Err(OidcError::Unknown);
    }
    Ok(ByProvider {
        ticket,
        officer: actor.officer,
        linked: false,
    })
}
