//! `truyvet phone`: the reference phone in a folder, and its IDs without one.
//!
//! One command, one thing an app does. The work is `truyvet-phone`'s.

mod hear;
mod home;
mod ids;
mod status;

use std::{
    io::{self, BufRead, Write},
    path::PathBuf,
};

use anyhow::{Context as _, anyhow, ensure};
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use truyvet_crypto::Timestamp;
use truyvet_matching::Region;
use truyvet_phone::{Connection, Phone, UploadError, UploadOptions, UploadReport};

use crate::{effects, words};
use home::Home;

/// A code has 11 symbols; whatever is longer is no code.
const MAX_CODE_LINE_BYTES: u64 = 256;

/// What a phone does.
#[derive(Debug, Subcommand)]
pub(crate) enum PhoneCommand {
    /// Print the IDs that a secret gives for one day: slot, tab, ID in hex
    Ids(ids::IdsArgs),
    /// Make a phone in a folder, for one server
    Init(home::InitArgs),
    /// Print the ID to broadcast, in hex
    Broadcast {
        #[command(flatten)]
        home: DirArgs,
        /// Unix time of the broadcast, seconds [default: now]
        #[arg(long, value_name = "SECONDS")]
        time: Option<i64>,
    },
    /// Keep what was heard
    Hear(hear::HearArgs),
    /// Download every new batch and match it; send a decoy if one is due
    Sync(NetworkArgs),
    /// Make the calls of an upload without one, now: for whoever watches the network it is an upload. `sync` does so at random
    /// times, as often as the deployment says
    Decoy {
        #[command(flatten)]
        home: DirArgs,
        /// Speak http:// with a server on another machine, this once; `phone init` has it too, for always
        #[arg(long)]
        plaintext: bool,
    },
    /// Disclose this phone's IDs, authorized by an upload code; then start with a fresh identity
    Upload {
        #[command(flatten)]
        home: DirArgs,
        /// Region to publish in [default: what the officer said with the code]
        #[arg(long)]
        region: Option<Region>,
        /// Speak http:// with a server on another machine, this once; `phone init` has it too, for always
        #[arg(long)]
        plaintext: bool,
        /// The code that a health officer gave; without it, an upload that was cut short goes on. "-" reads it from
        /// standard input: others on this machine can see the command line
        #[arg(long)]
        code: Option<String>,
    },
    /// Take back what this phone uploaded last (a false positive), authorized by a withdrawal code; the next window tells all
    /// phones
    Withdraw {
        #[command(flatten)]
        home: DirArgs,
        /// Speak http:// with a server on another machine, this once; `phone init` has it too, for always
        #[arg(long)]
        plaintext: bool,
        /// The code that a health officer gave for it; without it, a withdrawal that was cut short goes on. "-" reads it
        /// from standard input: others on this machine can see the command line
        #[arg(long)]
        code: Option<String>,
    },
    /// Give up an upload or a withdrawal that was cut short
    Abandon(DirArgs),
    /// Tell what the phone knows: sightings, matches, exposures and those that are none any more, an upload on its way
    Status {
        #[command(flatten)]
        home: DirArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Where the phone is.
#[derive(Args, Debug)]
pub(crate) struct DirArgs {
    /// The phone's folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Where the phone is, and where it lives.
#[derive(Args, Debug)]
pub(crate) struct NetworkArgs {
    #[command(flatten)]
    home: DirArgs,
    /// Region of the batches [default: the first one of the deployment]
    #[arg(long)]
    region: Option<Region>,
    /// Speak http:// with a server on another machine, this once; `phone init` has it too, for always
    #[arg(long)]
    plaintext: bool,
}

/// Runs one command; results go to `out`.
///
/// # Errors
/// What the phone or the server refused, in words.
pub(crate) async fn run(command: PhoneCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let now = effects::now();
    match command {
        PhoneCommand::Ids(args) => ids::run(&args, out),
        PhoneCommand::Init(args) => home::init(&args, now, out).await,
        PhoneCommand::Broadcast { home, time } => {
            let time = match time {
                Some(seconds) => {
                    Timestamp::from_unix_seconds(seconds).context("--time: not a time")?
                }
                None => now,
            };
            let id = Home::open(&home.dir)?
                .phone(now)?
                .broadcast_id(time, &mut effects::rng()?)?;
            Ok(writeln!(out, "{}", HEXLOWER.encode(id.as_bytes()))?)
        }
        PhoneCommand::Hear(args) => hear::run(&args, now, out),
        PhoneCommand::Sync(args) => sync(&args, out).await,
        PhoneCommand::Decoy { home, plaintext } => {
            let home = Home::open(&home.dir)?;
            let (phone, connection) = (home.phone(now)?, home.connection(plaintext)?);
            let sent = phone.decoy(&connection, now).await;
            sent.with_context(|| home.server().to_owned())?;
            Ok(writeln!(out, "sent a decoy: nothing was disclosed")?)
        }
        PhoneCommand::Upload {
            home,
            region,
            plaintext,
            code,
        } => {
            let network = NetworkArgs {
                home,
                region,
                plaintext,
            };
            upload(&network, given(code)?.as_deref(), out).await
        }
        PhoneCommand::Withdraw {
            home,
            plaintext,
            code,
        } => {
            let home = Home::open(&home.dir)?;
            withdraw(&home, plaintext, given(code)?.as_deref(), out).await
        }
        PhoneCommand::Abandon(args) => {
            let phone = Home::open(&args.dir)?.phone(now)?;
            if phone.pending_upload()?.is_none() {
                return Ok(writeln!(out, "nothing is on its way")?);
            }
            phone.abandon_upload().await?;
            Ok(writeln!(
                out,
                "given up; what the server had taken in already stands"
            )?)
        }
        PhoneCommand::Status { home, json } => {
            let home = Home::open(&home.dir)?;
            status::print(&home, &home.phone(now)?, now, json, out)
        }
    }
}

async fn sync(args: &NetworkArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let now = effects::now();
    let home = Home::open(&args.home.dir)?;
    let (phone, connection) = (home.phone(now)?, home.connection(args.plaintext)?);
    phone.purge(now)?;
    let region = home.region(&phone, &connection, args.region, now).await?;
    let report = phone
        .sync(&connection, region, now)
        .await
        .with_context(|| home.server().to_owned())?;
    writeln!(
        out,
        "{} of {region}, {} bytes, {}",
        words::count(report.batches, "new batch", "new batches"),
        words::grouped(report.bytes),
        words::count(report.new_matches, "new match", "new matches"),
    )?;
    if report.withdrawn_matches > 0 {
        let withdrawn = words::count(report.withdrawn_matches, "match", "matches");
        writeln!(out, "{withdrawn} withdrawn")?;
    }
    let news = phone.news(now)?;
    status::print_news(&news, out)?;
    phone.owner_was_told(&news)?;
    // The batches are here, whatever becomes of it.
    match phone
        .due_decoy(&connection, now, &mut effects::rng()?)
        .await
    {
        Ok(false) => {}
        Ok(true) => writeln!(out, "sent a decoy that was due")?,
        Err(error) => writeln!(out, "a decoy was due and not sent: {error}")?,
    }
    Ok(())
}

/// The code, read from standard input if it is "-".
fn given(code: Option<String>) -> anyhow::Result<Option<String>> {
    match code {
        Some(code) if code == "-" => Ok(Some(read_code(io::stdin().lock())?)),
        code => Ok(code),
    }
}

/// Names the server only if it had a part in it, and says what helps with a refused code.
fn explain_upload(error: UploadError, home: &Home) -> anyhow::Error {
    match error {
        UploadError::Code(error) => anyhow::Error::from(error).context("upload code"),
        UploadError::Redeem(refusal) if refusal.reason == "CODE_REFUSED" => anyhow!(
            "upload code refused: unknown, used, revoked or expired; ask the officer for a new one (CODE_REFUSED)"
        ),
        UploadError::OtherKind { withdraws: true } => anyhow!(
            "upload code: it is for taking an upload back; nothing was disclosed. Give it to `truyvet phone withdraw`, or \
             `truyvet phone abandon` and ask the officer for another"
        ),
        UploadError::OtherKind { withdraws: false } => anyhow!(
            "upload code: it is for an upload, not for taking one back. Give it to `truyvet phone upload`, or \
             `truyvet phone abandon` and ask the officer for another"
        ),
        UploadError::NothingToWithdraw => anyhow!(
            "nothing to take back: this phone uploaded nothing within the retention, or took it back already"
        ),
        error @ UploadError::UnknownRegion => {
            anyhow::Error::from(error).context("give --code again, and --region with it")
        }
        error => anyhow::Error::from(error).context(home.server().to_owned()),
    }
}

async fn upload(
    args: &NetworkArgs,
    code: Option<&str>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let now = effects::now();
    let home = Home::open(&args.home.dir)?;
    let (phone, connection) = (home.phone(now)?, home.connection(args.plaintext)?);
    let report = match code {
        Some(code) => {
            let region = match args.region {
                given @ Some(_) => Some(home.region(&phone, &connection, given, now).await?),
                None => None,
            };
            let options = UploadOptions::default();
            phone
                .upload(
                    &connection,
                    code,
                    region,
                    &options,
                    now,
                    &mut effects::rng()?,
                )
                .await
                .map_err(|error| explain_upload(error, &home))?
        }
        None => resume(&phone, &connection, &home).await?,
    };
    print_report(report, out)
}

async fn withdraw(
    home: &Home,
    plaintext: bool,
    code: Option<&str>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let now = effects::now();
    let (phone, connection) = (home.phone(now)?, home.connection(plaintext)?);
    let report = match code {
        Some(code) => phone
            .withdraw(&connection, code, now, &mut effects::rng()?)
            .await
            .map_err(|error| explain_upload(error, home))?,
        None => resume(&phone, &connection, home).await?,
    };
    print_report(report, out)
}

async fn resume(
    phone: &Phone,
    connection: &Connection,
    home: &Home,
) -> anyhow::Result<UploadReport> {
    phone
        .resume_upload(connection, effects::now(), &mut effects::rng()?)
        .await
        .map_err(|error| explain_upload(error, home))?
        .context("nothing is on its way: give --code")
}

fn print_report(report: UploadReport, out: &mut impl Write) -> anyhow::Result<()> {
    let slots = words::count(report.slots, "slot", "slots");
    let days = words::count(report.days, "day", "days");
    if report.withdrawn {
        writeln!(
            out,
            "took back {slots} of {days}; phones hear of it with the next window"
        )?;
    } else {
        writeln!(
            out,
            "uploaded {slots} of {days}; the phone has a fresh identity now"
        )?;
    }
    Ok(())
}

/// The first line, as a code. Whether it is one is for the phone to say.
fn read_code(input: impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    input
        .take(MAX_CODE_LINE_BYTES)
        .read_line(&mut line)
        .context("--code -: standard input")?;
    let code = line.trim();
    ensure!(!code.is_empty(), "--code -: standard input holds no code");
    Ok(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_from_the_first_line() {
        assert_eq!(
            read_code(&b" 2222-222-2222 \r\nmore\n"[..]).unwrap(),
            "2222-222-2222"
        );
        assert_eq!(read_code(&b"2222"[..]).unwrap(), "2222");
        assert!(read_code(&b"\n2222\n"[..]).is_err());
        assert!(read_code(&b""[..]).is_err());
        assert!(read_code(&b"\xff\n"[..]).is_err());
    }
}
