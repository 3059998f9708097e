//! How to work with codes and how to read figures.

use std::sync::Arc;

use axum::{Router, routing::get};

use super::{answer::Answer, visitor::Desk};
use crate::{
    context::Context,
    portal::{layout::Section, pages::help::page, paths},
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route(paths::HELP, get(show))
}

async fn show(desk: Desk) -> Answer {
    Answer::page(page(desk.texts(), &desk.chrome(Section::Help)))
}
