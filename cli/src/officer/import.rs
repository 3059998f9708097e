//! `truyvet officer import`: issues the codes of a list, sheet by sheet, and writes the slips to a file.
//!
//! A sheet's slips are on disk before the next sheet is asked for, so that whatever is cut short goes on with `--resume`.
//! Whether the last sheet's answer was lost shows in the file: a sheet that the server issued and whose slips are not there
//! is issued anew.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use truyvet_crypto::Timestamp;
use truyvet_proto::v1::{
    CodeImport, GetImportRequest, ImportCodesRequest, IssueSheetRequest, IssuedLine,
    ReissueSheetRequest, Sheet,
};
use truyvet_server::authorize::{
    IssuedCode,
    import::{self, slips_csv},
};
use zeroize::Zeroizing;

use crate::{
    date,
    remote::{OfficerClient, StaffArgs, explain},
    words,
};

/// Which list, and where its slips go.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    staff: StaffArgs,
    /// CSV with the columns report_type and onset_day and, if wanted, region, and no other
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    file: Option<PathBuf>,
    /// Go on with a list that was cut short
    #[arg(long, value_name = "IMPORT_ID")]
    resume: Option<String>,
    /// Where the slips go, CSV that only you can read: they hold the codes. Made anew; with --resume, added to
    #[arg(long, value_name = "FILE", default_value = "slips.csv")]
    slips: PathBuf,
}

/// Brings the list or takes it up, and issues what is not issued.
pub(super) async fn run(args: &ImportArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let mut officer = args.staff.connect()?.officer();
    let (list, mut slips) = match &args.resume {
        None => {
            let file = args.file.as_ref().context("which file?")?;
            let csv = fs::read(file).with_context(|| file.display().to_string())?;
            // Before anything is asked: where codes cannot be kept, none are issued.
            let slips = Slips::create(&args.slips)?;
            match bring(&mut officer, csv, out).await {
                Ok(list) => (list, slips),
                Err(error) => {
                    // Nothing is in it.
                    let _ = fs::remove_file(&args.slips);
                    return Err(error);
                }
            }
        }
        Some(import_id) => {
            let request = GetImportRequest {
                import_id: import_id.clone(),
            };
            let answer = officer.get_import(request).await;
            let answer = answer.map_err(|status| explain(&status))?.into_inner();
            let list = answer.import.context("the server named no list")?;
            (list, Slips::open(&args.slips)?)
        }
    };
    writeln!(
        out,
        "import {}: {} in {}",
        list.import_id,
        words::count(list.lines, "line", "lines"),
        words::count(list.sheets.len() as u64, "sheet", "sheets"),
    )?;
    out.flush()?;
    let issued = issue(&mut officer, &list, &mut slips, out).await;
    issued.with_context(|| {
        format!(
            "to go on: truyvet officer import --resume {} --slips {}",
            list.import_id,
            args.slips.display()
        )
    })?;
    writeln!(
        out,
        "{} in {}",
        words::count(slips.lines.len() as u64, "slip", "slips"),
        args.slips.display()
    )?;
    Ok(())
}

/// Sends the list and tells which lines cannot be issued.
async fn bring(
    officer: &mut OfficerClient,
    csv: Vec<u8>,
    out: &mut impl Write,
) -> anyhow::Result<CodeImport> {
    ensure!(
        csv.len() <= import::MAX_BYTES,
        "the list has more than {} bytes",
        words::grouped(import::MAX_BYTES)
    );
    let answer = officer.import_codes(ImportCodesRequest { csv }).await;
    let answer = answer.map_err(|status| explain(&status))?.into_inner();
    for fault in &answer.faults {
        let column = match fault.column.as_str() {
            "" => String::new(),
            column => format!(" {column}"),
        };
        writeln!(out, "line {}:{column} {}", fault.line, fault.reason)?;
    }
    answer.import.context("no line of the list can be issued")
}

async fn issue(
    officer: &mut OfficerClient,
    list: &CodeImport,
    slips: &mut Slips,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    for sheet in &list.sheets {
        let (import_id, number) = (list.import_id.clone(), sheet.sheet);
        // What is in the file came from an answer that was not lost.
        if sheet.issued && slips.has(sheet) {
            continue;
        }
        let (codes, kept) = if sheet.issued {
            let request = ReissueSheetRequest {
                import_id,
                sheet: number,
            };
            let answer = officer.reissue_sheet(request).await;
            let answer = answer.map_err(|status| explain(&status))?.into_inner();
            (answer.codes, answer.kept)
        } else {
            let request = IssueSheetRequest {
                import_id,
                sheet: number,
            };
            let answer = officer.issue_sheet(request).await;
            let answer = answer.map_err(|status| explain(&status))?.into_inner();
            (answer.codes, Vec::new())
        };
        slips.add(codes)?;
        writeln!(out, "sheet {number} of {}", list.sheets.len())?;
        for line in kept {
            writeln!(
                out,
                "line {}: slip {} was redeemed and stays",
                line.line, line.serial
            )?;
        }
        out.flush()?;
    }
    Ok(())
}

/// The file of slips: whole sheets, each there or not.
struct Slips {
    path: PathBuf,
    text: Zeroizing<Vec<u8>>,
    /// Lines of the list whose slips are in it.
    lines: BTreeSet<u32>,
}

impl Slips {
    /// An empty file. Refuses one that is there: it may hold codes that are nowhere else.
    fn create(path: &Path) -> anyhow::Result<Self> {
        private(path, OpenOptions::new().create_new(true))
            .with_context(|| format!("--slips {}", path.display()))?;
        Ok(Self::read(path, Vec::new()))
    }

    /// What is there from before, if anything is.
    fn open(path: &Path) -> anyhow::Result<Self> {
        match fs::read(path) {
            Ok(text) => Ok(Self::read(path, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error).with_context(|| format!("--slips {}", path.display())),
        }
    }

    fn read(path: &Path, text: Vec<u8>) -> Self {
        let text = Zeroizing::new(text);
        let lines = text.split(|byte| *byte == b'\n').filter_map(|slip| {
            let line = slip.split(|byte| *byte == b',').next()?;
            std::str::from_utf8(line).ok()?.parse().ok()
        });
        Self {
            path: path.to_owned(),
            lines: lines.collect(),
            text,
        }
    }

    fn has(&self, sheet: &Sheet) -> bool {
        let mut of_sheet = self.lines.range(sheet.first_line..=sheet.last_line);
        of_sheet.next().is_some()
    }

    /// Adds a sheet's slips. When this returns they are on disk, whatever happens next; if it fails, or the machine does,
    /// none of them are.
    fn add(&mut self, codes: Vec<IssuedLine>) -> anyhow::Result<()> {
        let issued: Vec<import::IssuedLine> = codes
            .into_iter()
            .map(issued_line)
            .collect::<anyhow::Result<_>>()?;
        let csv = slips_csv(&issued, date::VIETNAM_OFFSET_SECONDS);
        let headless = csv.iter().position(|byte| *byte == b'\n');
        let body = match (self.text.is_empty(), headless) {
            (false, Some(end)) => &csv[end + 1..],
            _ => &csv,
        };
        let text = Zeroizing::new([&self.text, body].concat());
        self.replace(&text)
            .with_context(|| format!("--slips {}", self.path.display()))?;
        self.lines.extend(issued.iter().map(|issued| issued.line));
        self.text = text;
        Ok(())
    }

    fn replace(&self, text: &[u8]) -> std::io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        // Left behind by whoever was cut short in here.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(&new, OpenOptions::new().create_new(true))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|path| *path != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Opens for writing what only its owner may read.
fn private(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    options.write(true).mode(0o600).open(path)
}

fn issued_line(issued: IssuedLine) -> anyhow::Result<import::IssuedLine> {
    let code = issued.code.context("the server sent a line without code")?;
    let expires_at = Timestamp::from_unix_seconds(code.expires_at);
    Ok(import::IssuedLine {
        line: issued.line,
        code: IssuedCode {
            upload_code: Zeroizing::new(code.upload_code),
            serial: code.serial,
            region: code.region.parse().context("the server sent no region")?,
            expires_at: expires_at.context("the server sent no time")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use truyvet_proto::v1 as pb;

    use super::*;

    fn codes(lines: std::ops::RangeInclusive<u32>) -> Vec<IssuedLine> {
        lines
            .map(|line| IssuedLine {
                line,
                code: Some(pb::IssuedCode {
                    upload_code: "7XK4-9AC-2HTE".into(),
                    serial: format!("0000-0000-{line:04}"),
                    expires_at: 1_630_130_400,
                    region: "VN".into(),
                }),
            })
            .collect()
    }

    fn sheet(first_line: u32, last_line: u32) -> Sheet {
        Sheet {
            first_line,
            last_line,
            ..Sheet::default()
        }
    }

    #[test]
    fn slips_are_there_sheet_by_sheet_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slips.csv");
        let mut slips = Slips::create(&path).unwrap();
        slips.add(codes(2..=4)).unwrap();
        assert!(slips.has(&sheet(2, 4)) && !slips.has(&sheet(5, 9)));
        let mut again = Slips::open(&path).unwrap();
        assert_eq!(again.lines, slips.lines);
        again.add(codes(5..=6)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let serials: Vec<&str> = text.lines().filter_map(|l| l.split(',').nth(1)).collect();
        let expected = [
            "serial",
            "0000-0000-0002",
            "0000-0000-0003",
            "0000-0000-0004",
            "0000-0000-0005",
            "0000-0000-0006",
        ];
        assert_eq!(serials, expected);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Never over what is there.
        assert!(Slips::create(&path).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
