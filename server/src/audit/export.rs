//! Takes the audit out, as JSON lines or CSV, and checks such a file without a server.
//!
//! A whole export (by somebody of the country, nothing filtered) has every row and so can be checked by itself. A part
//! has gaps: its rows carry number and hash, but only the server can say whether the chain is sound.

use std::{io::BufRead, pin::Pin, sync::Arc};

use data_encoding::HEXLOWER;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};

use super::{
    Action, AuditError, AuditFilter, AuditLine, AuditQuery, AuditRow, Break, ChainCheck, Head,
    read::{PAGE, reach},
};
use crate::{context::Context, csv, officers::Actor, store::StoreError};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON object a line.
    JsonLines,
    /// A table for spreadsheets, with a heading.
    Csv,
}

impl ExportFormat {
    /// Its name in the audit, and the end of a file's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// An export on its way out.
pub struct AuditExport {
    /// The audit's last row when the export began.
    pub head: Head,
    /// Whether every row up to the head is in it, so that it can be checked by itself.
    pub whole: bool,
    /// The text, in pieces of whole lines.
    pub pieces: Pin<Box<dyn Stream<Item = Result<Vec<u8>, StoreError>> + Send>>,
}

/// A row as exports have it, in this order.
#[derive(Serialize, Deserialize)]
struct ExportRow {
    sequence: u64,
    at: i64,
    officer_id: Option<String>,
    /// Label and unit of the account, for people; not part of the chain.
    officer: Option<String>,
    key_id: Option<String>,
    action: String,
    unit_code: String,
    subject: String,
    hash: String,
}

const COLUMNS: [&str; 9] = [
    "sequence",
    "at",
    "officer_id",
    "officer",
    "key_id",
    "action",
    "unit_code",
    "subject",
    "hash",
];

/// Takes out the rows in the actor's reach, oldest first, and writes down that it was done: that row is the last one.
///
/// # Errors
/// [`AuditError`] if the actor may not, or does not see the unit.
pub async fn export(
    context: &Arc<Context>,
    actor: &Actor,
    filter: AuditFilter,
    format: ExportFormat,
) -> Result<AuditExport, AuditError> {
    let within = reach(context, actor, &filter).await?;
    let whole = within.is_none() && filter == AuditFilter::default();
    let unit_code = within.as_deref().unwrap_or(&actor.officer.unit_code);
    let entry = actor.entry(
        context.now(),
        Action::AuditExported,
        unit_code,
        format.name(),
    );
    context.store.append_audit(entry).await?;
    let head = context.store.audit_head().await?;
    let query = AuditQuery {
        within,
        filter,
        after: 0,
        before: head.sequence + 1,
        newest_first: false,
        limit: PAGE,
    };
    let context = Arc::clone(context);
    let pieces = stream::try_unfold(Some(query), move |query| {
        let context = Arc::clone(&context);
        async move {
            let Some(mut query) = query else {
                return Ok(None);
            };
            let lines = context.store.audit_lines(query.clone()).await?;
            let mut text = String::new();
            if query.after == 0 && format == ExportFormat::Csv {
                text.push_str(csv::BYTE_ORDER_MARK);
                csv::push_line(&mut text, COLUMNS);
            }
            let next = lines.last().map(|last| last.row.sequence);
            for line in lines {
                push(&mut text, line, format);
            }
            let rest = next.map(|after| {
                query.after = after;
                query
            });
            Ok(Some((text.into_bytes(), rest)))
        }
    });
    Ok(AuditExport {
        head,
        whole,
        pieces: Box::pin(pieces),
    })
}

fn push(text: &mut String, line: AuditLine, format: ExportFormat) {
    let AuditLine {
        row,
        officer_label,
        officer_unit_code,
    } = line;
    let officer = officer_label
        .zip(officer_unit_code)
        .map(|(label, unit)| format!("{label}@{unit}"));
    let row = ExportRow {
        sequence: row.sequence,
        at: row.at,
        officer_id: row.officer_id,
        officer,
        key_id: row.key_id,
        action: row.action,
        unit_code: row.unit_code,
        subject: row.subject,
        hash: HEXLOWER.encode(&row.hash),
    };
    match format {
        ExportFormat::JsonLines => {
            let json = serde_json::to_string(&row).expect("texts and numbers can be JSON");
            text.push_str(&json);
            text.push('\n');
        }
        ExportFormat::Csv => csv::push_line(
            text,
            [
                row.sequence.to_string(),
                row.at.to_string(),
                row.officer_id.unwrap_or_default(),
                row.officer.unwrap_or_default(),
                row.key_id.unwrap_or_default(),
                row.action,
                row.unit_code,
                row.subject,
                row.hash,
            ],
        ),
    }
}

/// What is wrong with an exported file.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A line that no export has.
    #[error("line {line}: not a row of an exported audit")]
    Line {
        /// Counts from 1.
        line: usize,
    },
    /// The chain breaks.
    #[error("{fault}{}", hint(*fault))]
    Chain {
        /// Where.
        fault: Break,
    },
}

fn hint(fault: Break) -> &'static str {
    match fault {
        Break::Missing(_) => {
            " (in an export of a part of the audit that is by design: let the server verify it)"
        }
        Break::Changed(_) | Break::Rewritten(_) | Break::CutOff(_) => "",
    }
}

/// Checks a whole export, row by row: JSON lines or CSV.
///
/// - `known`: a head that was noted earlier, if there is one.
///
/// # Errors
/// [`ExportFault`], naming the row where the chain breaks.
pub fn verify_export(file: impl BufRead, known: Option<Head>) -> Result<Head, ExportFault> {
    let mut check = ChainCheck::new(known);
    for (number, line) in (1..).zip(file.lines()) {
        let line = line?;
        let text = line.strip_prefix(csv::BYTE_ORDER_MARK).unwrap_or(&line);
        if text.is_empty() || number == 1 && csv::parse_line(text).is_some_and(|c| c == COLUMNS) {
            continue;
        }
        let row = parse(text).ok_or(ExportFault::Line { line: number })?;
        check
            .next(&row)
            .map_err(|fault| ExportFault::Chain { fault })?;
    }
    check.finish().map_err(|fault| ExportFault::Chain { fault })
}

fn parse(line: &str) -> Option<AuditRow> {
    let row: ExportRow = if line.starts_with('{') {
        serde_json::from_str(line).ok()?
    } else {
        let cells: [String; 9] = csv::parse_line(line)?.try_into().ok()?;
        let [
            sequence,
            at,
            officer_id,
            _,
            key_id,
            action,
            unit_code,
            subject,
            hash,
        ] = cells;
        let some = |text: String| (!text.is_empty()).then_some(text);
        ExportRow {
            sequence: sequence.parse().ok()?,
            at: at.parse().ok()?,
            officer_id: some(officer_id),
            officer: None,
            key_id: some(key_id),
            action,
            unit_code,
            subject,
            hash,
        }
    };
    Some(AuditRow {
        sequence: row.sequence,
        at: row.at,
        officer_id: row.officer_id,
        key_id: row.key_id,
        action: row.action,
        unit_code: row.unit_code,
        subject: row.subject,
        hash: HEXLOWER.decode(row.hash.as_bytes()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::chain::tests::rows, *};

    fn written(rows: Vec<AuditRow>, format: ExportFormat) -> String {
        let mut text = String::new();
        if format == ExportFormat::Csv {
            text.push_str(csv::BYTE_ORDER_MARK);
            csv::push_line(&mut text, COLUMNS);
        }
        for row in rows {
            let line = AuditLine {
                row,
                officer_label: Some("=hotline, \"1\"".into()),
                officer_unit_code: Some("48".into()),
            };
            push(&mut text, line, format);
        }
        text
    }

    #[test]
    fn a_written_file_is_checked_without_a_server() {
        for format in [ExportFormat::JsonLines, ExportFormat::Csv] {
            let text = written(rows(5), format);
            let head = verify_export(text.as_bytes(), None).unwrap();
            assert_eq!((head.sequence, &head.hash[..]), (5, &*rows(5)[4].hash));
            let mut short = rows(5);
            short.remove(2);
            let fault = verify_export(written(short, format).as_bytes(), None).unwrap_err();
            assert!(fault.to_string().starts_with("row 3 is missing"), "{fault}");
            let changed = text.replace("code.issued", "code.revoked");
            let fault = verify_export(changed.as_bytes(), None).unwrap_err();
            assert!(
                fault.to_string().starts_with("row 1 was changed"),
                "{fault}"
            );
            let cut = written(rows(4), format);
            let fault = verify_export(cut.as_bytes(), Some(head)).unwrap_err();
            assert!(fault.to_string().starts_with("rows from 5 on"), "{fault}");
        }
        let fault = verify_export(&b"hello\n"[..], None).unwrap_err();
        assert!(matches!(fault, ExportFault::Line { line: 1 }));
    }
}
