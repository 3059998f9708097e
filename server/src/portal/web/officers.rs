//! Accounts: the list, one account, invitations, closing.

use std::sync::Arc;

use axum::{Router, extract::Query, routing::get};
use serde::Deserialize;

use super::{
    answer::{Answer, Failure, Handled},
    client_keys,
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    context::Context,
    officers::{
        self, Access, FirstAccess, Officer, OfficerError, Permission, Role, UnitQuery,
        visible_officer,
    },
    portal::{
        layout::{Done, Section},
        pages::{
            client_keys::ClientKeys,
            confirm::{self, Confirm},
            invite::{self, InvitationLink, Invite, InviteProblem},
            officers::{Account, AccountState, OfficerView, Officers, list_page, officer_page},
        },
        paths,
    },
    sign_in::{self, Invitation, sign_in_name},
};

/// More units than this are not listed: the code is typed.
const MOST_UNITS_LISTED: usize = 60;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::OFFICERS, get(list))
        .route(paths::OFFICER, get(one))
        .route(paths::INVITE, get(ask_whom).post(invite))
        .route(paths::DEACTIVATE, get(ask_to_deactivate).post(deactivate))
        .route(paths::RESET_SIGN_IN, get(ask_to_reset).post(reset))
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

async fn list(desk: Desk, Query(query): Query<Search>) -> Handled {
    let accounts = officers::accounts(desk.context(), &desk.actor, &query.q)
        .await
        .map_err(|error| failed(&desk, &error))?;
    let view = Officers {
        query: query.q,
        accounts: accounts.into_iter().map(|a| account(&desk, a)).collect(),
    };
    let chrome = desk.chrome(Section::Officers);
    Ok(Answer::page(list_page(desk.texts(), &chrome, &view)))
}

/// The page for what is no field's fault.
pub(super) fn failed(desk: &Desk, error: &OfficerError) -> Answer {
    desk.fail(Failure::of_officer(desk.context(), error))
}

fn account(desk: &Desk, found: officers::Account) -> Account {
    let invited = found.invited_until.map(|until| desk.moment(until));
    let state = match (found.officer.active, found.set_up, invited) {
        (false, ..) => AccountState::Deactivated,
        (true, true, None) => AccountState::Active,
        (true, true, Some(until)) => AccountState::Reset { until },
        (true, false, Some(until)) => AccountState::Invited { until },
        (true, false, None) => AccountState::NotSetUp,
    };
    Account {
        sign_in_name: sign_in_name(&found.officer),
        unit: found.unit_name,
        role: found.officer.role,
        state,
        last_seen: found.signed_in_at.map(|at| desk.moment(at).date()),
        officer: found.officer.officer_id,
    }
}

#[derive(Deserialize)]
pub(super) struct WhichOfficer {
    #[serde(default)]
    officer: String,
}

async fn one(desk: Desk, Query(query): Query<WhichOfficer>) -> Handled {
    let keys = client_keys::blank(&desk, &query.officer).await?;
    page(&desk, &query.officer, keys).await
}

/// One account's page.
pub(super) async fn page(desk: &Desk, officer_id: &str, keys: ClientKeys) -> Handled {
    let found = officers::account(desk.context(), &desk.actor, officer_id)
        .await
        .map_err(|error| failed(desk, &error))?;
    let view = OfficerView {
        own: found.officer.officer_id == desk.actor.officer.officer_id,
        account: account(desk, found),
        keys,
    };
    let here = paths::with_query(paths::OFFICER, &[("officer", officer_id)]);
    let chrome = desk.chrome_at(Section::Officers, &here);
    Ok(Answer::page(officer_page(desk.texts(), &chrome, &view)))
}

async fn ask_whom(desk: Desk) -> Handled {
    desk.must(Permission::KeepOfficers)?;
    let form = InviteForm {
        label: String::new(),
        unit_code: desk.actor.officer.unit_code.clone(),
        role: invite::role_value(Role::Officer).to_owned(),
    };
    invite_page(&desk, form, vec![]).await
}

#[derive(Deserialize)]
struct InviteForm {
    label: String,
    unit_code: String,
    #[serde(default)]
    role: String,
}

impl InviteForm {
    fn role(&self) -> Option<Role> {
        Role::ALL
            .into_iter()
            .find(|role| invite::role_value(*role) == self.role)
    }
}

async fn invite_page(desk: &Desk, form: InviteForm, problems: Vec<InviteProblem>) -> Handled {
    let query = UnitQuery {
        limit: Some(MOST_UNITS_LISTED + 1),
        ..UnitQuery::default()
    };
    let units = officers::find_units(desk.context(), &desk.actor, &query)
        .await
        .map_err(|error| desk.fail(Failure::of_store(desk.context(), &error)))?;
    let few = units.len() <= MOST_UNITS_LISTED;
    let units = units.into_iter().filter(|_| few);
    let view = Invite {
        role: form.role().unwrap_or(Role::Officer),
        label: form.label,
        unit_code: form.unit_code,
        units: units.map(|unit| (unit.unit_code, unit.name)).collect(),
        problems,
    };
    let chrome = desk.chrome(Section::Officers);
    Ok(Answer::page(invite::page(desk.texts(), &chrome, &view)))
}

async fn invite(DeskForm { desk, form }: DeskForm<InviteForm>) -> Handled {
    desk.must(Permission::KeepOfficers)?;
    let Some(role) = form.role() else {
        return invite_page(&desk, form, vec![InviteProblem::Role]).await;
    };
    let (label, unit_code) = (form.label.trim(), form.unit_code.trim());
    let created = officers::create(
        desk.context(),
        &desk.actor,
        label,
        unit_code,
        role,
        FirstAccess::Invitation,
    );
    let problem = match created.await {
        Ok((officer, Access::Invitation(invitation))) => {
            return Ok(link(&desk, &officer, &invitation));
        }
        Ok((_, Access::Credential(_))) => unreachable!("an invitation was asked for"),
        Err(OfficerError::Text { .. }) => InviteProblem::Label,
        Err(OfficerError::LabelTaken) => InviteProblem::LabelTaken,
        Err(OfficerError::NoSuchUnit { .. } | OfficerError::UnitClosed { .. }) => {
            InviteProblem::Unit
        }
        Err(OfficerError::NotAllowed) => InviteProblem::Role,
        Err(error) => return Err(failed(&desk, &error)),
    };
    invite_page(&desk, form, vec![problem]).await
}

/// The page with the link, shown this once.
fn link(desk: &Desk, officer: &Officer, invitation: &Invitation) -> Answer {
    let view = InvitationLink {
        sign_in_name: sign_in_name(officer),
        link: invitation.link(&desk.context().settings.portal_origin),
        expires_at: desk.moment(invitation.expires_at),
    };
    let chrome = desk.chrome_once(Section::Officers);
    Answer::page(invite::link_page(desk.texts(), &chrome, &view))
}

async fn ask_to_deactivate(desk: Desk, Query(query): Query<WhichOfficer>) -> Handled {
    let officer = visible(&desk, &query.officer).await?;
    let question = Confirm::Deactivate {
        sign_in_name: sign_in_name(&officer),
        officer: officer.officer_id,
    };
    Ok(confirm(&desk, &question))
}

async fn visible(desk: &Desk, officer_id: &str) -> Result<Officer, Answer> {
    visible_officer(desk.context(), &desk.actor, officer_id)
        .await
        .map_err(|error| failed(desk, &error))
}

/// The page that asks whether to.
pub(super) fn confirm(desk: &Desk, question: &Confirm) -> Answer {
    let chrome = desk.chrome(Section::Officers);
    Answer::page(confirm::page(desk.texts(), &chrome, question))
}

async fn deactivate(DeskForm { desk, form }: DeskForm<WhichOfficer>) -> Handled {
    officers::deactivate(desk.context(), &desk.actor, &form.officer)
        .await
        .map_err(|error| failed(&desk, &error))?;
    let query = [("officer", form.officer.as_str())];
    Ok(Answer::done(
        paths::OFFICER,
        &query,
        Done::OfficerDeactivated,
    ))
}

async fn ask_to_reset(desk: Desk, Query(query): Query<WhichOfficer>) -> Handled {
    let officer = visible(&desk, &query.officer).await?;
    let question = Confirm::ResetSignIn {
        sign_in_name: sign_in_name(&officer),
        officer: officer.officer_id,
    };
    Ok(confirm(&desk, &question))
}

async fn reset(DeskForm { desk, form }: DeskForm<WhichOfficer>) -> Handled {
    let invitation = sign_in::invite(desk.context(), &desk.actor, &form.officer)
        .await
        .map_err(|error| failed(&desk, &error))?;
    let officer = visible(&desk, &form.officer).await?;
    Ok(link(&desk, &officer, &invitation))
}
