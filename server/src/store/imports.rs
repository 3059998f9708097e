//! What is remembered of lists of codes to issue.

use truyvet_crypto::token::ReportType;
use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::Region;

use super::{NewCode, Result, StoreError};
use crate::authorize::{QuotaLevel, QuotaOf};

/// A list of codes to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRecord {
    /// Random; names the list.
    pub import_id: String,
    /// Who brought it.
    pub officer_id: String,
    /// For which unit.
    pub unit_code: String,
    /// Full hour.
    pub created_at: Timestamp,
    /// Lines that can be issued.
    pub lines: u32,
}

/// A part of a list that is issued at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetRecord {
    /// From 1.
    pub sheet: u32,
    /// Lines in it.
    pub lines: u32,
    /// Where the first of them stood in the file.
    pub first_line: u32,
    /// Where the last one stood.
    pub last_line: u32,
    /// Whether codes were issued for them.
    pub issued: bool,
    /// Of these codes, those that were redeemed, as long as they are kept.
    pub redeemed: u32,
}

/// A line of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedLine {
    /// Where it stood in the file.
    pub line: u32,
    /// The part it belongs to.
    pub sheet: u32,
    /// Why the upload is authorized.
    pub report_type: ReportType,
    /// Day of first symptoms or, without symptoms, of the test.
    pub onset_day: Day,
    /// Where to publish.
    pub region: Region,
}

/// A list to be kept.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Its head.
    pub record: ImportRecord,
    /// Its lines, in order.
    pub lines: Vec<ImportedLine>,
}

/// Codes for a sheet.
#[derive(Clone, Debug)]
pub struct NewSheet {
    /// Of which list.
    pub import_id: String,
    /// Which part.
    pub sheet: u32,
    /// A code for each line.
    pub codes: Vec<(u32, NewCode)>,
    /// Whether they replace codes that were issued before and that nobody redeemed.
    pub again: bool,
}

/// Whether a sheet was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetIssued {
    /// The codes were added, but for the lines that are kept.
    Issued {
        /// Lines whose code was redeemed before, and the serials of their slips.
        kept: Vec<(u32, String)>,
        /// Quotas that are nearly or wholly used up by these codes, and were not before.
        crossed: Vec<(QuotaOf, QuotaLevel)>,
    },
    /// It was issued before; nothing changed.
    Before,
    /// A hash or serial is taken; nothing changed.
    Exists,
    /// More than may still be issued; nothing changed.
    OverQuota {
        /// Whose quota.
        whose: QuotaOf,
        /// Codes that may still be issued.
        left: u64,
    },
}

/// A list's name, who brought it, for which unit, when (Unix seconds); a sheet's number, its lines, the first and the last of them, how many
/// have a code and how many of those were redeemed.
pub(super) type SheetRow = (String, String, String, i64, u32, u32, u32, u32, u32, u32);

/// Lists, from the rows of their sheets in order.
pub(super) fn lists(rows: Vec<SheetRow>) -> Result<Vec<(ImportRecord, Vec<SheetRecord>)>> {
    let mut lists: Vec<(ImportRecord, Vec<SheetRecord>)> = Vec::new();
    for row in rows {
        let (
            import_id,
            officer_id,
            unit_code,
            created_at,
            sheet,
            lines,
            first_line,
            last_line,
            issued,
            redeemed,
        ) = row;
        if lists
            .last()
            .is_none_or(|(record, _)| record.import_id != import_id)
        {
            let record = ImportRecord {
                import_id,
                officer_id,
                unit_code,
                created_at: Timestamp::from_unix_seconds(created_at)
                    .ok_or_else(|| StoreError::Inconsistent("code_import.created_at".into()))?,
                lines: 0,
            };
            lists.push((record, Vec::new()));
        }
        let (record, sheets) = lists.last_mut().expect("one was put there");
        record.lines += lines;
        sheets.push(SheetRecord {
            sheet,
            lines,
            first_line,
            last_line,
            issued: issued > 0,
            redeemed,
        });
    }
    Ok(lists)
}
