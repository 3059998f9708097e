//! The audit: what was done within reach, whether the chain holds, and an export to keep.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Query,
    routing::{get, post},
};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use truyvet_crypto::Timestamp;

use super::{
    answer::{Answer, Failure, Handled},
    figures::today,
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    audit::{self, Action, AuditError, AuditFilter, AuditLine, ExportFormat, Head},
    context::Context,
    figures::local_time,
    officers::{Officer, Permission},
    portal::{
        calendar::{Date, Moment},
        layout::Section,
        pages::audit::{Audit, Chain, Entry, Filter, FilterProblem, page},
        paths,
    },
    sign_in::sign_in_name,
};

/// Entries on a page.
const PAGE: usize = 50;

/// Up to so many entries, the chain is checked whenever the page is looked at: a few milliseconds.
const VERIFIED_UNASKED: u64 = 2_000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::AUDIT, get(show))
        .route(paths::AUDIT_CSV, post(csv))
}

/// The filters as they stand in the address or the form; a form sends those that are not used as empty texts.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    officer: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    before: String,
    verify: Option<String>,
    #[serde(default)]
    head: String,
}

impl Asked {
    fn filter(&self) -> Filter {
        Filter {
            first: Date::parse(&self.first),
            last: Date::parse(&self.last),
            action: Action::from_name(&self.action),
            officer: self.officer.trim().to_owned(),
            unit: self.unit.trim().to_owned(),
        }
    }
}

async fn show(desk: Desk, Query(asked): Query<Asked>) -> Handled {
    desk.must(Permission::ReadAudit)?;
    let filter = asked.filter();
    let before = asked.before.parse().ok();
    let officers = officers(&desk).await?;
    let (mut lines, problem) = match read(&desk, &filter, &officers, before).await {
        Ok(lines) => (lines, None),
        Err(Refused::Filter(problem)) => (vec![], Some(problem)),
        Err(Refused::Audit(error)) => return Err(desk.fail(failure(&desk, &error))),
    };
    let more = lines.len() > PAGE;
    lines.truncate(PAGE);
    let names: HashMap<&str, String> = officers
        .iter()
        .map(|officer| (&*officer.officer_id, sign_in_name(officer)))
        .collect();
    let view = Audit {
        filter,
        problem,
        today: today(&desk),
        has_newer: before.is_some(),
        older: lines.last().map(|line| line.row.sequence).filter(|_| more),
        entries: lines
            .into_iter()
            .map(|line| entry(&desk, line, &names))
            .collect(),
        chain: chain(&desk, &asked).await?,
    };
    let chrome = desk.chrome(Section::Audit);
    Ok(Answer::page(page(desk.texts(), &chrome, &view)))
}

async fn csv(DeskForm { desk, form }: DeskForm<Asked>) -> Handled {
    desk.must(Permission::ReadAudit)?;
    let officers = officers(&desk).await?;
    let filter = domain_filter(&desk, &form.filter(), &officers);
    // The page offers no export of what it could not show.
    let filter = filter.ok_or_else(|| desk.fail(Failure::NotFound))?;
    let export = audit::export(desk.context(), &desk.actor, filter, ExportFormat::Csv)
        .await
        .map_err(|error| desk.fail(failure(&desk, &error)))?;
    let name = format!("audit-{}-{}.csv", today(&desk).iso(), export.head.sequence);
    Ok(Answer::csv(&name, Body::from_stream(export.pieces)))
}

/// Why no entries are shown.
enum Refused {
    Filter(FilterProblem),
    Audit(AuditError),
}

async fn read(
    desk: &Desk,
    filter: &Filter,
    officers: &[Officer],
    before: Option<u64>,
) -> Result<Vec<AuditLine>, Refused> {
    if matches!((filter.first, filter.last), (Some(first), Some(last)) if last < first) {
        return Err(Refused::Filter(FilterProblem::Order));
    }
    let Some(filter) = domain_filter(desk, filter, officers) else {
        return Ok(vec![]);
    };
    // One more than is shown tells whether there are any.
    let limit = u32::try_from(PAGE + 1).expect("a page is short");
    let lines = audit::list(desk.context(), &desk.actor, filter, before, limit).await;
    lines.map_err(|error| match error {
        AuditError::NoSuchUnit => Refused::Filter(FilterProblem::Unit),
        other => Refused::Audit(other),
    })
}

/// `None`: nobody has that sign-in name, so nobody did anything. Who has it elsewhere did nothing here: the same.
fn domain_filter(desk: &Desk, filter: &Filter, officers: &[Officer]) -> Option<AuditFilter> {
    let offset = desk.context().settings.exposure_rule.utc_offset_seconds;
    let midnight = |day: Date| local_time(day.number(), 0, offset);
    let officer_id = match &*filter.officer {
        "" => None,
        name => {
            let found = officers
                .iter()
                .find(|officer| sign_in_name(officer) == name);
            Some(found?.officer_id.clone())
        }
    };
    Some(AuditFilter {
        unit_code: (!filter.unit.is_empty()).then(|| filter.unit.clone()),
        officer_id,
        action: filter.action,
        from: filter.first.map(midnight),
        until: filter.last.map(|last| midnight(last.days_after(1))),
    })
}

async fn officers(desk: &Desk) -> Result<Vec<Officer>, Answer> {
    let context = desk.context();
    let officers = context.store.officers().await;
    officers.map_err(|error| desk.fail(Failure::of_store(context, &error)))
}

fn entry(desk: &Desk, line: AuditLine, names: &HashMap<&str, String>) -> Entry {
    let offset = desk.context().settings.exposure_rule.utc_offset_seconds;
    let AuditLine { row, .. } = line;
    let time = Timestamp::from_unix_seconds(row.at);
    let who = row
        .officer_id
        .map(|id| names.get(&*id).cloned().unwrap_or(id));
    Entry {
        number: row.sequence,
        at: time.and_then(|time| Moment::at(time, offset)),
        who,
        by_key: row.key_id.is_some(),
        action: Action::from_name(&row.action).ok_or(row.action),
        unit_code: row.unit_code,
        about: names.get(&*row.subject).cloned().unwrap_or(row.subject),
    }
}

async fn chain(desk: &Desk, asked: &Asked) -> Result<Chain, Answer> {
    let context = desk.context();
    let known = match asked.head.trim() {
        "" => None,
        text => match parse_head(text) {
            Some(head) => Some(head),
            None => return Ok(Chain::HeadUnreadable),
        },
    };
    let last = context.store.audit_head().await;
    let last = last.map_err(|error| desk.fail(Failure::of_store(context, &error)))?;
    if asked.verify.is_none() && last.sequence > VERIFIED_UNASKED {
        return Ok(Chain::NotAsked {
            entries: last.sequence,
        });
    }
    let verdict = audit::verify(context, &desk.actor, known).await;
    let verdict = verdict.map_err(|error| desk.fail(failure(desk, &error)))?;
    Ok(match verdict.fault {
        None => Chain::Verified {
            entries: verdict.head.sequence,
            head: show_head(&verdict.head),
            known: known.is_some(),
        },
        Some(fault) => Chain::Broken {
            entry: fault.sequence(),
        },
    })
}

/// `NUMBER:HASH`, as exports and `truyvet admin audit` print it.
fn show_head(head: &Head) -> String {
    format!(
        "{}:{}",
        head.sequence,
        HEXLOWER_PERMISSIVE.encode(&head.hash)
    )
}

fn parse_head(text: &str) -> Option<Head> {
    let (number, hash) = text.split_once(':')?;
    Some(Head {
        sequence: number.parse().ok()?,
        hash: HEXLOWER_PERMISSIVE
            .decode(hash.as_bytes())
            .ok()?
            .try_into()
            .ok()?,
    })
}

fn failure(desk: &Desk, error: &AuditError) -> Failure {
    match error {
        AuditError::NotAllowed => Failure::NotAllowed,
        AuditError::NoSuchUnit => Failure::NotFound,
        AuditError::Store(error) => Failure::of_store(desk.context(), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_head_is_read_again() {
        let head = Head {
            sequence: 12,
            hash: [0xa7; 32],
        };
        let noted = show_head(&head);
        assert_eq!(parse_head(&noted), Some(head));
        assert_eq!(parse_head(&noted.to_uppercase()), Some(head));
        for wrong in ["12", ":", "12:a7", "-1:a7", &format!("{noted}00")] {
            assert_eq!(parse_head(wrong), None, "{wrong}");
        }
    }
}
