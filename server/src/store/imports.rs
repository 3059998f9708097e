//! What is remembered of lists of codes to issue.

use truyvet_crypto::token::ReportType;
use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::Region;

use super::NewCode;
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
