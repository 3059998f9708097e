//! `truyvet officer`: what a health officer does, from a terminal.
//!
//! One RPC a command; figures and reports stand in a file of their own. A code is printed once, on stdout, and nowhere else.

mod alerts;
mod figures;
mod import;
mod list;

use std::{io::Write, path::PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::Region;
use truyvet_proto::v1::{
    CodeOrder, CodeState, GetCodeRequest, GetCodeResponse, GetFiguresRequest, GetSelfRequest,
    IssueCodeRequest, IssueCodesRequest, IssuedCode, ReportType, RevokeCodeRequest,
};

use crate::{
    admin, date,
    remote::{StaffArgs, explain},
};

/// What an officer does.
#[derive(Debug, Subcommand)]
pub(crate) enum OfficerCommand {
    /// Tell who the credential is: account, unit, what it may do
    Whoami {
        #[command(flatten)]
        staff: StaffArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Issue one upload code; it is shown this once
    Issue {
        #[command(flatten)]
        staff: StaffArgs,
        #[command(flatten)]
        order: OrderArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Issue many upload codes, all or none; prints code, serial and expiry, tab-separated, a line each
    IssueMany {
        #[command(flatten)]
        staff: StaffArgs,
        #[command(flatten)]
        order: OrderArgs,
        /// How many, 1 to 500
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=500))]
        count: u16,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Issue the codes of a list (CSV), sheet by sheet, and write the slips to a file; tells bad lines by number
    Import(import::ImportArgs),
    /// Tell what became of a code, by the serial of its slip
    Show {
        #[command(flatten)]
        staff: StaffArgs,
        /// Serial of the slip (never the code itself)
        serial: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// List codes, newest first: serial, state, issued, expires, unit, region, tab-separated, then the counts
    List(list::ListArgs),
    /// Make a code useless that was not redeemed yet
    Revoke {
        #[command(flatten)]
        staff: StaffArgs,
        /// Serial of the slip (never the code itself)
        serial: String,
    },
    /// Tell how many codes may still be issued today, and what should be looked at
    Alerts {
        #[command(flatten)]
        staff: StaffArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Daily figures by Vietnam's calendar
    Figures {
        #[command(flatten)]
        staff: StaffArgs,
        /// First day [default: six days before the last]
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
        from: Option<Day>,
        /// Last day [default: today]
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
        to: Option<Day>,
        /// Of this unit and those below [default: one's own]
        #[arg(long, value_name = "CODE", default_value = "")]
        unit: String,
        /// Also of the unit alone and of each unit directly below it
        #[arg(long)]
        by_unit: bool,
        /// Write a table for spreadsheets there, and nothing else
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        csv: Option<PathBuf>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Send the daily or weekly report of one's own unit, or see who has not sent theirs
    #[command(subcommand)]
    Report(figures::ReportCommand),
}

/// What a code is to allow.
#[derive(Debug, clap::Args)]
pub(crate) struct OrderArgs {
    /// Why the upload is authorized
    #[arg(long = "type", value_enum, default_value = "confirmed")]
    report_type: ReportKind,
    /// UTC day of first symptoms or, without symptoms, of the test [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
    onset: Option<Day>,
    /// Where the case's phone publishes unless the person chooses another [default: the deployment's first region]
    #[arg(long)]
    region: Option<Region>,
}

/// Why an upload is authorized.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReportKind {
    /// A laboratory confirmed the infection
    Confirmed,
    /// A physician diagnosed it without a test
    Clinical,
    /// The person's own rapid test, accepted by an officer
    SelfTest,
    /// None of these after all (a false positive): the code takes back what the phone uploaded; no onset is needed
    Withdrawal,
}

impl OrderArgs {
    fn order(&self, now: Timestamp) -> CodeOrder {
        let report_type = match self.report_type {
            ReportKind::Confirmed => ReportType::ConfirmedTest,
            ReportKind::Clinical => ReportType::Clinical,
            ReportKind::SelfTest => ReportType::SelfTest,
            ReportKind::Withdrawal => ReportType::Withdrawal,
        };
        CodeOrder {
            report_type: report_type.into(),
            onset_day: self.onset.unwrap_or(now.day()).number(),
            region: self
                .region
                .map_or_else(String::new, |region| region.to_string()),
        }
    }
}

/// Runs one command; results go to `out`.
///
/// # Errors
/// What the server refused, in words.
pub(crate) async fn run(
    command: &OfficerCommand,
    now: Timestamp,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        OfficerCommand::Whoami { staff, json } => whoami(staff, *json, out).await?,
        OfficerCommand::Issue { staff, order, json } => {
            let request = IssueCodeRequest {
                order: Some(order.order(now)),
            };
            let answer = staff.connect()?.officer().issue_code(request).await;
            let issued = answer.map_err(|status| explain(&status))?.into_inner().code;
            let issued = issued.unwrap_or_default();
            if *json {
                print_json(&issued, out)?;
            } else {
                writeln!(out, "code     {}", issued.upload_code)?;
                writeln!(out, "serial   {}", issued.serial)?;
                writeln!(out, "expires  {}", time(issued.expires_at))?;
            }
        }
        OfficerCommand::IssueMany {
            staff,
            order,
            count,
            json,
        } => {
            let request = IssueCodesRequest {
                orders: vec![order.order(now); usize::from(*count)],
            };
            let answer = staff.connect()?.officer().issue_codes(request).await;
            for issued in answer
                .map_err(|status| explain(&status))?
                .into_inner()
                .codes
            {
                if *json {
                    print_json(&issued, out)?;
                } else {
                    let expires = time(issued.expires_at);
                    writeln!(out, "{}\t{}\t{expires}", issued.upload_code, issued.serial)?;
                }
            }
        }
        OfficerCommand::Show {
            staff,
            serial,
            json,
        } => show(staff, serial, *json, out).await?,
        OfficerCommand::Import(args) => import::run(args, out).await?,
        OfficerCommand::List(args) => list::run(args, out).await?,
        OfficerCommand::Revoke { staff, serial } => {
            let request = RevokeCodeRequest {
                serial: serial.clone(),
            };
            let answer = staff.connect()?.officer().revoke_code(request).await;
            answer.map_err(|status| explain(&status))?;
            writeln!(out, "revoked: {serial}")?;
        }
        OfficerCommand::Alerts { staff, json } => alerts::run(staff, *json, out).await?,
        OfficerCommand::Figures {
            staff,
            from,
            to,
            unit,
            by_unit,
            csv,
            json,
        } => {
            let last = to.unwrap_or(date::in_vietnam(now));
            let first = from.unwrap_or(last.minus_days(6));
            let request = GetFiguresRequest {
                first_day: first.number(),
                last_day: last.number(),
                unit_code: unit.clone(),
                by_unit: *by_unit,
            };
            match csv {
                Some(file) => figures::write_csv(staff, request, file).await?,
                None => figures::show(staff, request, *json, out).await?,
            }
        }
        OfficerCommand::Report(command) => figures::report(command, out).await?,
    }
    Ok(())
}

async fn whoami(staff: &StaffArgs, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let answer = staff.connect()?.officer().get_self(GetSelfRequest {}).await;
    let me = answer.map_err(|status| explain(&status))?.into_inner();
    let (officer, unit) = (me.officer.unwrap_or_default(), me.unit.unwrap_or_default());
    let scopes: Vec<String> = me.scopes.into_iter().map(admin::scope_name).collect();
    let role = admin::role_name(officer.role());
    if json {
        let object = json!({
            "officer_id": officer.officer_id,
            "label": officer.label,
            "unit_code": unit.unit_code,
            "unit": unit.name,
            "role": role,
            "key_id": me.key_id,
            "scopes": scopes,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "account  {} ({})", officer.label, officer.officer_id)?;
        writeln!(out, "unit     {} {}", unit.unit_code, unit.name)?;
        writeln!(out, "role     {role}")?;
        writeln!(out, "key      {}", me.key_id)?;
        writeln!(out, "may      {}", scopes.join(", "))?;
    }
    Ok(())
}

async fn show(
    staff: &StaffArgs,
    serial: &str,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = GetCodeRequest {
        serial: serial.to_owned(),
    };
    let answer = staff.connect()?.officer().get_code(request).await;
    let code = answer.map_err(|status| explain(&status))?.into_inner();
    if json {
        writeln!(out, "{}", code_json(&code))?;
        return Ok(());
    }
    writeln!(out, "serial    {}", code.serial)?;
    writeln!(out, "state     {}", state_word(code.state()))?;
    writeln!(out, "type      {}", type_word(code.report_type()))?;
    writeln!(out, "region    {}", code.region)?;
    writeln!(out, "unit      {}", code.unit_code)?;
    writeln!(out, "issued    {}", time(code.issued_at))?;
    writeln!(out, "expires   {}", time(code.expires_at))?;
    if code.redeemed_at != 0 {
        writeln!(out, "redeemed  {}", time(code.redeemed_at))?;
    }
    Ok(())
}

fn state_word(state: CodeState) -> &'static str {
    match state {
        CodeState::Unspecified => "unknown",
        CodeState::Issued => "issued",
        CodeState::Redeemed => "redeemed",
        CodeState::Expired => "expired",
        CodeState::Revoked => "revoked",
    }
}

fn type_word(report_type: ReportType) -> &'static str {
    match report_type {
        ReportType::Unspecified => "unknown",
        ReportType::ConfirmedTest => "confirmed",
        ReportType::Clinical => "clinical",
        ReportType::SelfTest => "self-test",
        ReportType::Withdrawal => "withdrawal",
    }
}

fn code_json(code: &GetCodeResponse) -> Value {
    json!({
        "serial": code.serial,
        "state": state_word(code.state()),
        "type": type_word(code.report_type()),
        "region": code.region,
        "unit": code.unit_code,
        "issued_at": code.issued_at,
        "expires_at": code.expires_at,
        "redeemed_at": (code.redeemed_at != 0).then_some(code.redeemed_at),
    })
}

fn print_json(issued: &IssuedCode, out: &mut impl Write) -> anyhow::Result<()> {
    let object = json!({
        "upload_code": issued.upload_code,
        "serial": issued.serial,
        "expires_at": issued.expires_at,
    });
    writeln!(out, "{object}")?;
    Ok(())
}

fn time(unix_seconds: i64) -> String {
    Timestamp::from_unix_seconds(unix_seconds).map_or_else(|| "?".to_owned(), date::show_time)
}
