//! Client keys of an account: making and revoking them.

use std::sync::Arc;

use axum::{Router, extract::Query, routing::get, routing::post};
use serde::Deserialize;

use super::{
    answer::{Answer, Failure, Handled},
    officers::{confirm, failed, page},
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    context::Context,
    officers::{self, OfficerError, Permission, Permissions, visible_officer},
    portal::{
        layout::{Done, Section},
        pages::{
            client_keys::{ClientKey, ClientKeys, KeyProblem, NewKey, new_key_page, scope_value},
            confirm::Confirm,
        },
        paths,
    },
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::CREATE_KEY, post(create))
        .route(paths::REVOKE_KEY, get(ask_to_revoke).post(revoke))
}

/// The part of an account's page, with an empty form.
pub(super) async fn blank(desk: &Desk, officer_id: &str) -> Result<ClientKeys, Answer> {
    let officer = visible_officer(desk.context(), &desk.actor, officer_id)
        .await
        .map_err(|error| failed(desk, &error))?;
    let found = keys(desk, officer_id).await?.into_iter().rev();
    let view = |key: officers::ClientKey| ClientKey {
        key: key.key_id,
        label: key.label,
        scopes: key.scopes,
        created_on: desk.moment(key.created_at).date(),
        revoked: !key.active,
    };
    Ok(ClientKeys {
        keys: found.map(view).collect(),
        grantable: desk.actor.permissions().and(officer.role.permissions()),
        chosen: Permissions::of(&[Permission::IssueCodes]),
        ..ClientKeys::default()
    })
}

async fn keys(desk: &Desk, officer_id: &str) -> Result<Vec<officers::ClientKey>, Answer> {
    officers::client_keys(desk.context(), &desk.actor, officer_id)
        .await
        .map_err(|error| failed(desk, &error))
}

#[derive(Deserialize)]
struct KeyForm {
    officer: String,
    key_label: String,
    #[serde(default)]
    scope: Vec<String>,
}

impl KeyForm {
    fn scopes(&self) -> Permissions {
        let all = Permission::ALL.into_iter();
        let chosen = all.filter(|scope| self.scope.iter().any(|s| s == scope_value(*scope)));
        Permissions::of(&chosen.collect::<Vec<_>>())
    }
}

async fn create(DeskForm { desk, form }: DeskForm<KeyForm>) -> Handled {
    let (scopes, label) = (form.scopes(), form.key_label.trim());
    let created =
        officers::create_client_key(desk.context(), &desk.actor, &form.officer, label, scopes);
    let problem = match created.await {
        Ok((key, credential)) => {
            let view = NewKey {
                officer: form.officer,
                label: key.label,
                scopes: key.scopes,
                credential: credential.reveal().to_owned().into(),
            };
            let chrome = desk.chrome_once(Section::Officers);
            return Ok(Answer::page(new_key_page(desk.texts(), &chrome, &view)));
        }
        Err(OfficerError::Text { .. }) => KeyProblem::Label,
        Err(OfficerError::Scopes) => KeyProblem::NoScope,
        Err(error) => return Err(failed(&desk, &error)),
    };
    let keys = ClientKeys {
        label: form.key_label,
        chosen: scopes,
        problems: vec![problem],
        ..blank(&desk, &form.officer).await?
    };
    page(&desk, &form.officer, keys).await
}

#[derive(Deserialize)]
struct WhichKey {
    #[serde(default)]
    officer: String,
    #[serde(default)]
    key: String,
}

async fn ask_to_revoke(desk: Desk, Query(query): Query<WhichKey>) -> Handled {
    let keys = keys(&desk, &query.officer).await?.into_iter();
    let mut wanted = keys.filter(|key| key.key_id == query.key);
    let key = wanted.next().ok_or_else(|| desk.fail(Failure::NotFound))?;
    let question = Confirm::RevokeKey {
        officer: query.officer,
        key: key.key_id,
        label: key.label,
    };
    Ok(confirm(&desk, &question))
}

async fn revoke(DeskForm { desk, form }: DeskForm<WhichKey>) -> Handled {
    officers::revoke_client_key(desk.context(), &desk.actor, &form.officer, &form.key)
        .await
        .map_err(|error| failed(&desk, &error))?;
    let query = [("officer", form.officer.as_str())];
    Ok(Answer::done(paths::OFFICER, &query, Done::KeyRevoked))
}
