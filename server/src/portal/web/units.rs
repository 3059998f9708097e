//! The tree of units: walking down and searching.

use std::sync::Arc;

use axum::{Router, extract::Query, routing::get};
use serde::Deserialize;

use super::{
    answer::{Answer, Failure, Handled},
    visitor::Desk,
};
use crate::{
    context::Context,
    officers::{self, Unit},
    portal::{
        layout::Section,
        pages::units::{self, UnitEntry, UnitLink, Units},
        paths,
    },
};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route(paths::UNITS, get(show))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    unit: Option<String>,
}

async fn show(desk: Desk, Query(asked): Query<Asked>) -> Handled {
    let (context, unit) = (desk.context(), asked.unit.as_deref());
    let found = officers::browse_units(context, &desk.actor, &asked.q, unit)
        .await
        .map_err(|error| desk.fail(Failure::of_officer(context, &error)))?;
    let entries = found.units.into_iter();
    let view = Units {
        query: asked.q,
        way: found.way.into_iter().map(link).collect(),
        units: entries
            .map(|entry| UnitEntry {
                unit: link(entry.unit),
                below: entry.below,
                accounts: entry.accounts,
            })
            .collect(),
        more: u64::try_from(found.more).unwrap_or(u64::MAX),
    };
    let chrome = desk.chrome(Section::Units);
    Ok(Answer::page(units::page(desk.texts(), &chrome, &view)))
}

fn link(unit: Unit) -> UnitLink {
    UnitLink {
        unit_code: unit.unit_code,
        name: unit.name,
    }
}
