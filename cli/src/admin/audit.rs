//! `truyvet admin audit`: reads, takes out and verifies what officers did.

use std::{
    fs::File,
    io::{BufReader, Write},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use data_encoding::HEXLOWER;
use serde_json::json;
use truyvet_crypto::{Day, Timestamp};
use truyvet_proto::v1::{
    AuditFilter, AuditFormat, AuditHead, ExportAuditRequest, ListAuditRequest, VerifyAuditRequest,
};
use truyvet_server::audit::{Head, verify_export};

use crate::{
    date,
    remote::{StaffArgs, explain},
};

/// What is done with the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what was done, newest first
    List {
        #[command(flatten)]
        staff: StaffArgs,
        #[command(flatten)]
        filter: FilterArgs,
        /// Only rows before this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        before: u64,
        /// At most so many, up to 500
        #[arg(long, value_name = "ROWS", default_value_t = 50)]
        limit: u32,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Write rows as a file, oldest first; the last row's number and hash go to stderr, to be kept elsewhere
    Export {
        #[command(flatten)]
        staff: StaffArgs,
        #[command(flatten)]
        filter: FilterArgs,
        /// How to write them
        #[arg(long, value_enum, default_value = "jsonl")]
        format: FormatName,
    },
    /// Check that no row was removed or changed: on the server, or in an exported file
    Verify {
        #[command(flatten)]
        staff: StaffArgs,
        /// A whole export; without one, the server checks its own rows
        file: Option<PathBuf>,
        /// Number and hash of a row that were noted earlier: shows also what was cut off at the end
        #[arg(long, value_name = "NUMBER:HASH", value_parser = parse_head)]
        head: Option<Head>,
    },
}

/// Which rows.
#[derive(Debug, clap::Args)]
pub(crate) struct FilterArgs {
    /// On this unit and those below
    #[arg(long, value_name = "CODE", default_value = "")]
    unit: String,
    /// By this account
    #[arg(long, value_name = "OFFICER_ID", default_value = "")]
    officer: String,
    /// This action, for instance code.issued
    #[arg(long, value_name = "ACTION", default_value = "")]
    action: String,
    /// First day, by Vietnam's calendar
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
    from: Option<Day>,
    /// Last day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
    to: Option<Day>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FormatName {
    /// One JSON object a line
    Jsonl,
    /// A table for spreadsheets
    Csv,
}

impl FilterArgs {
    fn filter(self) -> AuditFilter {
        let start = |day: Day| date::start_in_vietnam(day).unix_seconds();
        AuditFilter {
            unit_code: self.unit,
            officer_id: self.officer,
            action: self.action,
            from: self.from.map_or(0, start),
            until: self.to.map_or(0, |day| start(day.plus_days(1))),
        }
    }
}

fn parse_head(text: &str) -> Result<Head, String> {
    let expected = "expected a row's number and its hash, as NUMBER:HASH";
    let (sequence, hash) = text.split_once(':').ok_or(expected)?;
    Ok(Head {
        sequence: sequence.parse().map_err(|_| expected)?,
        hash: HEXLOWER
            .decode(hash.as_bytes())
            .ok()
            .and_then(|hash| hash.try_into().ok())
            .ok_or(expected)?,
    })
}

fn show_head(sequence: u64, hash: &[u8]) -> String {
    format!("{sequence}:{}", HEXLOWER.encode(hash))
}

/// Runs one command; results go to `out`.
///
/// # Errors
/// What the server refused, in words; where the chain breaks.
pub(crate) async fn run(command: AuditCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        AuditCommand::List {
            staff,
            filter,
            before,
            limit,
            json,
        } => {
            let request = ListAuditRequest {
                filter: Some(filter.filter()),
                before_sequence: before,
                limit,
            };
            list(&staff, request, json, out).await
        }
        AuditCommand::Export {
            staff,
            filter,
            format,
        } => {
            let format = match format {
                FormatName::Jsonl => AuditFormat::JsonLines,
                FormatName::Csv => AuditFormat::Csv,
            };
            let request = ExportAuditRequest {
                filter: Some(filter.filter()),
                format: format.into(),
            };
            export(&staff, request, out).await
        }
        AuditCommand::Verify { staff, file, head } => {
            let good = match file {
                Some(file) => {
                    let name = file.display().to_string();
                    let opened = File::open(&file).with_context(|| name.clone())?;
                    let good = verify_export(BufReader::new(opened), head).context(name)?;
                    show_head(good.sequence, &good.hash)
                }
                None => verify_on_server(&staff, head).await?,
            };
            Ok(writeln!(out, "sound up to row {good}")?)
        }
    }
}

async fn list(
    staff: &StaffArgs,
    request: ListAuditRequest,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let answer = staff.connect()?.audit().list_audit(request).await;
    let rows = answer.map_err(|status| explain(&status))?.into_inner().rows;
    for row in rows {
        let who = match row.officer_id.as_str() {
            "" => "(the machine)".to_owned(),
            _ => format!("{}@{}", row.officer_label, row.officer_unit_code),
        };
        if json {
            let object = json!({
                "sequence": row.sequence,
                "at": row.at,
                "officer_id": row.officer_id,
                "officer": who,
                "key_id": row.key_id,
                "action": row.action,
                "unit_code": row.unit_code,
                "subject": row.subject,
                "hash": HEXLOWER.encode(&row.hash),
            });
            writeln!(out, "{object}")?;
        } else {
            let at = Timestamp::from_unix_seconds(row.at)
                .map_or_else(|| "?".to_owned(), date::show_time);
            writeln!(
                out,
                "{:>8}  {at}  {:<20}{:<10}{:<24}{}",
                row.sequence, row.action, row.unit_code, who, row.subject
            )?;
        }
    }
    Ok(())
}

async fn export(
    staff: &StaffArgs,
    request: ExportAuditRequest,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let answer = staff.connect()?.audit().export_audit(request).await;
    let mut pieces = answer.map_err(|status| explain(&status))?.into_inner();
    while let Some(message) = pieces.message().await.map_err(|status| explain(&status))? {
        out.write_all(&message.piece)?;
        if let Some(head) = message.head {
            let part = if message.whole {
                "keep it elsewhere"
            } else {
                "this is a part of the audit, which only the server can verify"
            };
            eprintln!("last row {}; {part}", show_head(head.sequence, &head.hash));
        }
    }
    Ok(())
}

async fn verify_on_server(staff: &StaffArgs, known: Option<Head>) -> anyhow::Result<String> {
    let request = VerifyAuditRequest {
        known: known.map(|head| AuditHead {
            sequence: head.sequence,
            hash: head.hash.to_vec(),
        }),
    };
    let answer = staff.connect()?.audit().verify_audit(request).await;
    let verdict = answer.map_err(|status| explain(&status))?.into_inner();
    let head = verdict.head.unwrap_or_default();
    let good = show_head(head.sequence, &head.hash);
    if verdict.fault.is_empty() {
        Ok(good)
    } else {
        bail!("{} (sound up to row {good})", verdict.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_shown() {
        let head = Head {
            sequence: 12,
            hash: [0xab; 32],
        };
        assert_eq!(parse_head(&show_head(head.sequence, &head.hash)), Ok(head));
        for wrong in ["", "12", "12:ab", "x:00"] {
            assert!(parse_head(wrong).is_err(), "{wrong}");
        }
    }
}
