//! `truyvet phone status`: what the phone knows.

use std::io::Write;

use serde_json::json;
use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::LocalDay;
use truyvet_phone::{News, Phone, UploadStage};

use super::home::Home;
use crate::{date, words};

/// Prints the state, for people or as one JSON object.
pub(super) fn print(
    home: &Home,
    phone: &Phone,
    now: Timestamp,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (sightings, matched) = (phone.sightings()?, phone.matched_sightings()?.len());
    let news = phone.news(now)?;
    let receipts = phone.receipts()?;
    let upload = match phone.pending_upload()? {
        None => "none",
        Some(UploadStage::Begun) => "the code may have been sent",
        Some(UploadStage::Redeemed) => "the code is redeemed",
        Some(UploadStage::Built) => "sent and not confirmed",
    };
    let signed_at = phone.config().map(|config| config.generated_at);
    if json {
        let exposures: Vec<_> = news
            .exposures
            .iter()
            .map(|exposure| {
                json!({
                    "day": day(exposure.day),
                    "minutes": exposure.minutes,
                    "strongest_rssi_dbm": exposure.strongest_rssi_dbm,
                })
            })
            .collect();
        let no_longer: Vec<_> = news.no_longer.iter().map(|gone| day(*gone)).collect();
        let object = json!({
            "server": home.server(),
            "scheme": phone.scheme().to_string(),
            "config_signed_at": signed_at.map(Timestamp::unix_seconds),
            "sightings": sightings,
            "matched_sightings": matched,
            "pending_upload": upload,
            "receipts": receipts,
            "exposures": exposures,
            "no_longer": no_longer,
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    let mut row = |name: &str, value: String| writeln!(out, "{name:<18}{value}");
    row("server", home.server().to_owned())?;
    row("scheme", phone.scheme().to_string())?;
    row(
        "config signed",
        signed_at.map_or("never fetched".to_owned(), date::show_time),
    )?;
    // One heard near the border of a slot is kept under the tags of both.
    row("tags heard", words::grouped(sightings))?;
    row("of these matched", words::grouped(matched))?;
    row("upload on its way", upload.to_owned())?;
    row(
        "can be taken back",
        words::count(receipts, "upload", "uploads"),
    )?;
    print_news(&news, out)
}

/// One line a day of exposure, and one for each that is none any more.
pub(super) fn print_news(news: &News, out: &mut impl Write) -> anyhow::Result<()> {
    if news.exposures.is_empty() {
        writeln!(out, "no exposure")?;
    }
    for gone in &news.no_longer {
        writeln!(
            out,
            "NO LONGER exposed on {} (local day): what was reported has been taken back",
            day(*gone),
        )?;
    }
    for exposure in &news.exposures {
        writeln!(
            out,
            "EXPOSED on {} (local day): {} near confirmed cases, strongest signal {} dBm",
            day(exposure.day),
            words::count(exposure.minutes, "minute", "minutes"),
            exposure.strongest_rssi_dbm,
        )?;
    }
    Ok(())
}

fn day(day: LocalDay) -> String {
    u32::try_from(day.number())
        .map_or_else(|_| "?".to_owned(), |day| date::show(Day::from_number(day)))
}
