//! `truyvet officer figures` and `report`: what units did, and which of them have reported it.

use std::{fs, io::Write, path::Path};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};
use truyvet_crypto::{Day, Timestamp};
use truyvet_proto::v1::{
    DayFigures, ExportFiguresRequest, FigureState, GetFiguresRequest, ListMissingReportsRequest,
    ReportKind, SendReportRequest,
};

use crate::{
    date,
    remote::{StaffArgs, explain},
    words,
};

/// What is done with reports.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Send one's own unit's: say that its figures of that time are right
    Send {
        #[command(flatten)]
        staff: StaffArgs,
        #[command(flatten)]
        period: PeriodArgs,
    },
    /// List the units directly below one's own that have not sent theirs, or sent it late
    Missing {
        #[command(flatten)]
        staff: StaffArgs,
        #[command(flatten)]
        period: PeriodArgs,
        /// A table of all of them, for spreadsheets
        #[arg(long)]
        csv: bool,
    },
}

/// Which report.
#[derive(Debug, clap::Args)]
pub(crate) struct PeriodArgs {
    /// The weekly one (Monday to Sunday, due on Tuesday at 14:00) instead of the daily one (due at 15:00 on the next day)
    #[arg(long)]
    weekly: bool,
    /// A day that it covers [default: the last day or week that is over]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
    day: Option<Day>,
}

impl PeriodArgs {
    fn kind(&self) -> ReportKind {
        if self.weekly {
            ReportKind::Weekly
        } else {
            ReportKind::Daily
        }
    }

    fn day(&self) -> Option<u32> {
        self.day.map(Day::number)
    }
}

/// Writes the table that the server makes.
pub(super) async fn write_csv(
    staff: &StaffArgs,
    request: GetFiguresRequest,
    file: &Path,
) -> anyhow::Result<()> {
    let request = ExportFiguresRequest {
        figures: Some(request),
    };
    let answer = staff.connect()?.officer().export_figures(request).await;
    let csv = answer.map_err(|status| explain(&status))?.into_inner().csv;
    fs::write(file, csv).with_context(|| file.display().to_string())
}

/// Prints figures, day by day, unit by unit.
pub(super) async fn show(
    staff: &StaffArgs,
    request: GetFiguresRequest,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let answer = staff.connect()?.officer().get_figures(request).await;
    let figures = answer.map_err(|status| explain(&status))?.into_inner();
    let floor = figures.floor;
    if !json {
        writeln!(
            out,
            "{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}  unit",
            "day", "issued", "redeemed", "revoked", "expired", "hours"
        )?;
    }
    for day in &figures.days {
        push(day, None, floor, json, out)?;
    }
    for unit in &figures.units {
        let of = unit.unit.clone().unwrap_or_default();
        let alone = if unit.with_below { "" } else { " (alone)" };
        let name = format!("{} {}{alone}", of.unit_code, of.name);
        for day in &unit.days {
            push(day, Some(&name), floor, json, out)?;
        }
    }
    if json {
        return Ok(());
    }
    if let Some(hours) = figures.waiting_hours {
        writeln!(out, "half of the open codes are {hours} h old or less")?;
    }
    for region in &figures.regions {
        if let Some(hours) = region.hours_behind {
            writeln!(
                out,
                "{}: {hours} h since the last window closed",
                region.region
            )?;
        }
        for day in &region.uploads {
            let uploads = text(day.uploads, day.state(), floor);
            let on = date::show(Day::from_number(day.day));
            writeln!(out, "{}: {on} {uploads} uploads", region.region)?;
        }
    }
    Ok(())
}

fn push(
    figures: &DayFigures,
    unit: Option<&str>,
    floor: u32,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let day = date::show(Day::from_number(figures.day));
    let columns = [
        (figures.issued, figures.issued_state()),
        (figures.redeemed, figures.redeemed_state()),
        (figures.revoked, figures.revoked_state()),
        (figures.expired, figures.expired_state()),
    ];
    if json {
        let [issued, redeemed, revoked, expired] = columns.map(|(number, state)| match state {
            FigureState::Unspecified => Value::from(number),
            _ => Value::from(text(number, state, floor)),
        });
        let object = json!({
            "day": day,
            "unit": unit,
            "issued": issued,
            "redeemed": redeemed,
            "revoked": revoked,
            "expired": expired,
            "median_hours": figures.median_hours,
            "incomplete": figures.incomplete,
        });
        return Ok(writeln!(out, "{object}")?);
    }
    let [issued, redeemed, revoked, expired] =
        columns.map(|(number, state)| text(number, state, floor));
    let hours = figures
        .median_hours
        .map_or_else(|| "-".to_owned(), |hours| hours.to_string());
    let unit = unit.unwrap_or_default();
    let forgotten = if figures.incomplete {
        "  (partly forgotten)"
    } else {
        ""
    };
    Ok(writeln!(
        out,
        "{day:<12}{issued:>10}{redeemed:>10}{revoked:>10}{expired:>10}{hours:>10}  {unit}{forgotten}"
    )?)
}

/// A number, or how it is hidden.
fn text(number: u64, state: FigureState, floor: u32) -> String {
    match state {
        FigureState::Unspecified => words::grouped(number),
        FigureState::BelowFloor => format!("<{floor}"),
        FigureState::Withheld => "*".into(),
    }
}

/// Runs one command on reports; results go to `out`.
pub(super) async fn report(command: &ReportCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        ReportCommand::Send { staff, period } => {
            let request = SendReportRequest {
                kind: period.kind().into(),
                day: period.day(),
            };
            let answer = staff.connect()?.officer().send_report(request).await;
            let again = answer
                .map_err(|status| explain(&status))?
                .into_inner()
                .again;
            let words = if again { "had been sent" } else { "sent" };
            Ok(writeln!(out, "{words}")?)
        }
        ReportCommand::Missing { staff, period, csv } => missing(staff, period, *csv, out).await,
    }
}

async fn missing(
    staff: &StaffArgs,
    period: &PeriodArgs,
    csv: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = ListMissingReportsRequest {
        kind: period.kind().into(),
        day: period.day(),
        with_csv: csv,
    };
    let answer = staff
        .connect()?
        .officer()
        .list_missing_reports(request)
        .await;
    let reports = answer.map_err(|status| explain(&status))?.into_inner();
    if csv {
        return Ok(write!(out, "{}", reports.csv)?);
    }
    let due =
        Timestamp::from_unix_seconds(reports.due).map_or_else(|| "?".to_owned(), date::show_time);
    let first = date::show(Day::from_number(reports.day));
    writeln!(out, "from {first}, due {due}")?;
    for state in &reports.sub_units {
        let words = match (state.sent_at, state.late) {
            (0, true) => "missing, late",
            (0, false) => "missing",
            (_, true) => "sent late",
            (_, false) => continue,
        };
        let unit = state.unit.clone().unwrap_or_default();
        writeln!(out, "{words:<15}{} {}", unit.unit_code, unit.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_numbers_look_hidden() {
        let day = DayFigures {
            day: 18_866,
            issued: 1_200,
            redeemed_state: FigureState::BelowFloor.into(),
            revoked_state: FigureState::Withheld.into(),
            median_hours: Some(7),
            ..DayFigures::default()
        };
        let mut out = Vec::new();
        push(&day, Some("48 Da Nang"), 5, false, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "2021-08-27       1,200        <5         *         0         7  48 Da Nang\n"
        );
        let mut out = Vec::new();
        push(&day, None, 5, true, &mut out).unwrap();
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&json["issued"], &json["redeemed"]),
            (&1_200.into(), &"<5".into())
        );
    }
}
