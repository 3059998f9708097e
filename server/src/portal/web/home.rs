//! Home: where everybody comes in; who issues no codes is sent on to the figures.

use std::sync::Arc;

use axum::{Router, routing::get};
use maud::html;

use super::{
    answer::{Answer, Handled},
    visitor::Desk,
};
use crate::{
    context::Context,
    officers::Permission,
    portal::{
        layout::{self, Section},
        parts, paths,
    },
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route(paths::HOME, get(show))
}

async fn show(desk: Desk) -> Handled {
    if !desk.actor.may(Permission::IssueCodes) {
        return Ok(Answer::to(paths::FIGURES));
    }
    let (texts, chrome) = (desk.texts(), desk.chrome(Section::Home));
    let title = texts.say("home-title");
    let content = html! { (parts::heading(&title, Some(&texts.say("home-lead")))) };
    Ok(Answer::page(layout::desk(texts, &chrome, &title, &content)))
}
