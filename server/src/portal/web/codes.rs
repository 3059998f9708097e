//! Codes by their slips: find one, list them, revoke one.

use std::sync::Arc;

use axum::{Router, extract::Query, http::StatusCode, routing::get};
use serde::Deserialize;

use super::{
    answer::{Answer, Failure, Handled},
    orders::local,
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    authorize::{self, CodeActionError, CodeQuery, CodeState, CodeStatus},
    context::Context,
    officers::{self, Permission},
    portal::{
        layout::{Done, Section},
        pages::{
            code::{self, Found, Look},
            codes::{self, CodeRow, Codes},
            confirm::{self, Confirm},
            home::report_type,
        },
        paths,
    },
    store::CodePosition,
};

/// Codes on a page of the list.
const CODES_A_PAGE: u32 = 50;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::CODE, get(find))
        .route(paths::CODES, get(list))
        .route(paths::REVOKE, get(ask_revoke).post(revoke))
}

#[derive(Deserialize)]
struct Serial {
    #[serde(default)]
    serial: String,
}

/// As slips have it, however it was typed: with spaces, with other dashes, in one go.
pub(super) fn normal_serial(typed: &str) -> String {
    let digits: Vec<char> = typed.chars().filter(char::is_ascii_digit).collect();
    let only_digits = typed
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_whitespace() || "-–—.".contains(c));
    if digits.len() != 12 || !only_digits {
        return typed.trim().to_owned();
    }
    let groups: Vec<String> = digits
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join("-")
}

async fn find(desk: Desk, Query(query): Query<Serial>) -> Handled {
    let chrome = desk.chrome(Section::Code);
    let show = |look: &Look| desk.visitor.show(code::page(desk.texts(), &chrome, look));
    if query.serial.trim().is_empty() {
        return Ok(show(&Look::Nothing));
    }
    let serial = normal_serial(&query.serial);
    match authorize::look_up(desk.context(), &desk.actor, &serial).await {
        Ok(status) => Ok(show(&Look::Found(found(&desk, status).await?))),
        Err(CodeActionError::NoSuchSerial) => {
            let look = Look::NotFound {
                serial: query.serial,
            };
            Ok(show(&look).status(StatusCode::NOT_FOUND))
        }
        Err(error) => Err(desk.fail(failure(&desk, &error))),
    }
}

async fn found(desk: &Desk, CodeStatus { state, record }: CodeStatus) -> Result<Found, Answer> {
    let unit = officers::unit_in_reach(desk.context(), &desk.actor, &record.unit_code).await;
    let unit = unit.map_err(|error| desk.fail(Failure::of_store(desk.context(), &error)))?;
    Ok(Found {
        state,
        allows: report_type(desk.texts(), record.report_type),
        unit: unit.map_or(record.unit_code, |unit| unit.name),
        issued_at: local(desk, record.issued_at),
        expires_at: local(desk, record.expires_at),
        redeemed_at: record.redeemed_at.map(|at| local(desk, at)),
        may_revoke: desk.actor.may(Permission::RevokeCodes),
        serial: record.serial,
    })
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Filter {
    state: String,
    after: String,
}

async fn list(desk: Desk, Query(filter): Query<Filter>) -> Handled {
    let query = CodeQuery {
        unit_code: None,
        state: codes::from_tag(&filter.state),
        after: CodePosition::from_token(&filter.after),
        limit: CODES_A_PAGE,
    };
    let page = authorize::list(desk.context(), &desk.actor, &query)
        .await
        .map_err(|error| desk.fail(failure(&desk, &error)))?;
    let may_revoke = desk.actor.may(Permission::RevokeCodes);
    let rows = page
        .codes
        .into_iter()
        .map(|CodeStatus { state, record }| CodeRow {
            state,
            report_type: record.report_type,
            issued_at: local(&desk, record.issued_at),
            unit_code: record.unit_code,
            serial: record.serial,
            may_revoke,
        });
    let view = Codes {
        state: query.state,
        counts: page.counts,
        rows: rows.collect(),
        has_newer: query.after.is_some(),
        older: page.next.map(|next| next.token()),
        several_units: desk.actor.officer.role.reaches_below(),
    };
    let chrome = desk.chrome(Section::Code);
    Ok(desk.visitor.show(codes::page(desk.texts(), &chrome, &view)))
}

async fn ask_revoke(desk: Desk, Query(query): Query<Serial>) -> Handled {
    desk.must(Permission::RevokeCodes)?;
    let status = authorize::look_up(desk.context(), &desk.actor, &query.serial)
        .await
        .map_err(|error| desk.fail(failure(&desk, &error)))?;
    let serial = status.record.serial;
    if status.state != CodeState::Issued {
        return Ok(Answer::to(&paths::with_query(
            paths::CODE,
            &[("serial", &serial)],
        )));
    }
    let chrome = desk.chrome(Section::Code);
    let view = Confirm::RevokeCode { serial };
    Ok(desk
        .visitor
        .show(confirm::page(desk.texts(), &chrome, &view)))
}

async fn revoke(DeskForm { desk, form }: DeskForm<Serial>) -> Handled {
    let query = [("serial", form.serial.as_str())];
    match authorize::revoke(desk.context(), &desk.actor, &form.serial).await {
        Ok(()) => Ok(Answer::done(paths::CODE, &query, Done::CodeRevoked)),
        // Too late: the page of the code says so.
        Err(CodeActionError::Redeemed) => Ok(Answer::to(&paths::with_query(paths::CODE, &query))),
        Err(error) => Err(desk.fail(failure(&desk, &error))),
    }
}

/// Which page tells of it where no field is at fault.
pub(super) fn failure(desk: &Desk, error: &CodeActionError) -> Failure {
    match error {
        CodeActionError::NotAllowed => Failure::NotAllowed,
        CodeActionError::NoSuchSerial | CodeActionError::NoSuchUnit => Failure::NotFound,
        CodeActionError::Store(error) => Failure::of_store(desk.context(), error),
        _ => Failure::FormRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_known_however_it_is_typed() {
        for typed in [
            "4821-0937-5516",
            "482109375516",
            " 4821 0937 5516 ",
            "4821–0937–5516",
        ] {
            assert_eq!(normal_serial(typed), "4821-0937-5516", "{typed}");
        }
        for typed in ["4821", "4821-0937-5516-1", "4821-0937-551a6"] {
            assert_eq!(normal_serial(typed), typed);
        }
    }
}
