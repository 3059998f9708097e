//! Invitations: the one-time link by which an account gets its first password, or another after one was lost.

use std::fmt;

use rand::CryptoRng;
use truyvet_crypto::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use super::Ticket;
use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Officer, OfficerError, Permission, visible_officer},
    store::{Ending, NewInvitation},
};

/// Days for which an invitation can be accepted.
pub const INVITATION_DAYS: u32 = 7;

/// Where an invitation is opened; the portal serves it.
const PAGE: &str = "/portal/invitation?invitation=";

/// An invitation as it is shown, once. Never printed by `Debug`.
#[derive(Clone)]
pub struct Invitation {
    ticket: Ticket,
    /// Until when it can be accepted; a full hour.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// The link to send: `<origin>/portal/invitation?invitation=<43 characters>`. Whoever has it has the account: send it to
    /// one person. In the query, since paths go into logs.
    #[must_use]
    pub fn link(&self, portal_origin: &Url) -> Zeroizing<String> {
        let origin = portal_origin.as_str().trim_end_matches('/');
        Zeroizing::new(format!("{origin}{PAGE}{}", *self.ticket.reveal()))
    }

    /// The part of the link that the other functions take.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invitation(..)")
    }
}

/// Draws an invitation for an account.
pub(crate) fn draw(
    officer_id: &str,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> (NewInvitation, Invitation) {
    let ticket = Ticket::generate(rng);
    // Promised for seven days: from the next full hour.
    let seconds = i64::from(INVITATION_DAYS) * 86_400;
    let expires_at = now.plus_seconds(seconds + 3_599).hour_start();
    let new = NewInvitation {
        officer_id: officer_id.to_owned(),
        ticket_hash: ticket.hash(),
        expires_at,
    };
    (new, Invitation { ticket, expires_at })
}

/// Invites somebody to an account in the actor's reach, in place of an open invitation. Until it is accepted, what the
/// account signs in with now goes on working.
///
/// # Errors
/// [`OfficerError`] if the actor may not or holds less than the account's role, there is no such active account in
/// their reach, or it is their own: a stolen session could make itself a home.
pub async fn invite(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<Invitation, OfficerError> {
    let officer = reachable(context, actor, officer_id).await?;
    let now = context.now();
    let (new, invitation) = draw(officer_id, now, &mut context.rng());
    let entry = actor.entry(
        now,
        Action::InvitationIssued,
        &officer.unit_code,
        officer_id,
    );
    if context.store.issue_invitation(new, entry).await? {
        Ok(invitation)
    } else {
        Err(OfficerError::NoSuchOfficer)
    }
}

/// Ends all sessions of an account in the actor's reach; how many there were.
///
/// # Errors
/// As [`invite`].
pub async fn end_sessions_of(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<usize, OfficerError> {
    let officer = reachable(context, actor, officer_id).await?;
    let entry = actor.entry(
        context.now(),
        Action::SessionsEnded,
        &officer.unit_code,
        officer_id,
    );
    let ended = context
        .store
        .end_sessions(officer_id.to_owned(), Ending::All, entry)
        .await?;
    Ok(ended)
}

async fn reachable(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<Officer, OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    if actor.officer.officer_id == officer_id {
        return Err(OfficerError::OwnAccount);
    }
    let officer = visible_officer(context, actor, officer_id).await?;
    // Whoever has the link has the role.
    if !officer.role.permissions().within(actor.permissions()) {
        return Err(OfficerError::NotAllowed);
    }
    if !officer.active {
        return Err(OfficerError::NoSuchOfficer);
    }
    Ok(officer)
}
