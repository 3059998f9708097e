//! Reads a list of codes to issue: which lines can be, and what is wrong with the others.
//!
//! Pure: no store, no clock. What a cell says is never repeated, neither in an error nor in a log: a file in which somebody
//! left a name or number must leave no trace of it here. So a column that is not ours refuses the whole file, and every
//! fault names a line and a column by number.

use std::fmt;

use jiff::civil::Date;
use truyvet_crypto::{Day, token::ReportType};
use truyvet_matching::Region;

use crate::authorize::CodeOrder;

/// Most lines below the header.
pub const MAX_LINES: usize = 10_000;

/// Longest file.
pub const MAX_BYTES: usize = 1 << 20;

/// A column that a list may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// `report_type`: why the upload is authorized.
    ReportType,
    /// `onset_day`: first symptoms or, without symptoms, the test.
    OnsetDay,
    /// `region`: where to publish; may be left out.
    Region,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ReportType, Self::OnsetDay, Self::Region];

    /// As it stands in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReportType => "report_type",
            Self::OnsetDay => "onset_day",
            Self::Region => "region",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a file is not read at all. Repeats nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Longer than anything that could be read.
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More lines than one import takes.
    #[error("more than {MAX_LINES} lines")]
    TooManyLines,
    /// Not UTF-8.
    #[error("not text in UTF-8")]
    Encoding,
    /// No line below the header, or nothing at all.
    #[error("no lines")]
    Empty,
    /// A column that must be there is not.
    #[error("the header lacks the column {column}")]
    MissingColumn {
        /// Which.
        column: Column,
    },
    /// A column is there twice.
    #[error("the header has the column {column} twice")]
    RepeatedColumn {
        /// Which.
        column: Column,
    },
    /// A column that is none of ours. Its name may be a person's, in a file without a header, and so is not repeated.
    #[error(
        "line 1, column {number}: only report_type, onset_day and region are accepted, nothing personal"
    )]
    UnknownColumn {
        /// Counted from 1.
        number: usize,
    },
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// More or fewer cells than the header.
    Cells,
    /// A quote that is not closed.
    Quotes,
    /// No report type.
    ReportType,
    /// No day.
    OnsetDay,
    /// A day that has not come.
    OnsetInFuture,
    /// A day whose keys are not kept any more.
    OnsetTooOld,
    /// No region of this deployment.
    Region,
}

impl LineFault {
    /// Its name on the wire, for translations; never changes.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Cells => "CELLS",
            Self::Quotes => "QUOTES",
            Self::ReportType => "REPORT_TYPE",
            Self::OnsetDay => "ONSET_DAY",
            Self::OnsetInFuture => "ONSET_IN_FUTURE",
            Self::OnsetTooOld => "ONSET_TOO_OLD",
            Self::Region => "UNKNOWN_REGION",
        }
    }

    /// The column at fault; `None` if it is the line as a whole.
    #[must_use]
    pub fn column(self) -> Option<Column> {
        match self {
            Self::Cells | Self::Quotes => None,
            Self::ReportType => Some(Column::ReportType),
            Self::OnsetDay | Self::OnsetInFuture | Self::OnsetTooOld => Some(Column::OnsetDay),
            Self::Region => Some(Column::Region),
        }
    }
}

/// A line of the file, counted from 1, the header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<T> {
    /// Where it stands.
    pub number: u32,
    /// What it says.
    pub says: T,
}

/// Reads every line for itself: a bad one does not stop the others. Lines without any text are skipped.
///
/// # Errors
/// [`FileFault`] if there is nothing that could be read, or something that must not be.
pub(super) fn parse(file: &[u8]) -> Result<Vec<Line<Result<CodeOrder, LineFault>>>, FileFault> {
    if file.len() > MAX_BYTES {
        return Err(FileFault::TooLong);
    }
    let text = std::str::from_utf8(file).map_err(|_| FileFault::Encoding)?;
    // Excel's mark of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Our cells never hold a line break. Cut into lines first: a quote that is not closed spoils its own line alone.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = (1..).zip(text.split('\n')).filter(|(_, line)| {
        line.chars()
            .any(|c| !c.is_whitespace() && c != ';' && c != ',')
    });
    let (_, header) = lines.next().ok_or(FileFault::Empty)?;
    // Excel in Vietnam separates by semicolons.
    let separator = if header.contains(';') { b';' } else { b',' };
    let columns = parse_header(&cells(header, separator).ok_or(FileFault::Encoding)?)?;
    let mut parsed = Vec::new();
    for (number, line) in lines {
        if parsed.len() == MAX_LINES {
            return Err(FileFault::TooManyLines);
        }
        let says = parse_line(line, separator, &columns);
        parsed.push(Line { number, says });
    }
    if parsed.is_empty() {
        return Err(FileFault::Empty);
    }
    Ok(parsed)
}

/// The cells of one line; `None` if it is none.
fn cells(line: &str, separator: u8) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .trim(csv::Trim::All)
        .buffer_capacity(256)
        .from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

fn parse_header(names: &[String]) -> Result<Vec<Column>, FileFault> {
    let mut columns = Vec::new();
    for (number, name) in (1..).zip(names) {
        let column = Column::ALL
            .into_iter()
            .find(|column| name.eq_ignore_ascii_case(column.name()))
            .ok_or(FileFault::UnknownColumn { number })?;
        if columns.contains(&column) {
            return Err(FileFault::RepeatedColumn { column });
        }
        columns.push(column);
    }
    for column in [Column::ReportType, Column::OnsetDay] {
        if !columns.contains(&column) {
            return Err(FileFault::MissingColumn { column });
        }
    }
    Ok(columns)
}

fn parse_line(line: &str, separator: u8, columns: &[Column]) -> Result<CodeOrder, LineFault> {
    if line.matches('"').count() % 2 == 1 {
        return Err(LineFault::Quotes);
    }
    let cells = cells(line, separator).ok_or(LineFault::Cells)?;
    if cells.len() != columns.len() {
        return Err(LineFault::Cells);
    }
    let cell = |column| {
        let place = columns.iter().position(|c| *c == column)?;
        Some(cells[place].as_str())
    };
    let report_type = cell(Column::ReportType).and_then(parse_report_type);
    let onset_day = cell(Column::OnsetDay).and_then(parse_day);
    Ok(CodeOrder {
        report_type: report_type.ok_or(LineFault::ReportType)?,
        onset_day: onset_day.ok_or(LineFault::OnsetDay)?,
        region: match cell(Column::Region) {
            None | Some("") => None,
            Some(name) => Some(parse_region(name)?),
        },
    })
}

fn parse_region(name: &str) -> Result<Region, LineFault> {
    name.parse().map_err(|_| LineFault::Region)
}

/// In English or Vietnamese, with or without accents.
fn parse_report_type(word: &str) -> Option<ReportType> {
    Some(match plain(word).as_str() {
        "confirmed" | "xac nhan" | "khang dinh" => ReportType::ConfirmedTest,
        "clinical" | "lam sang" => ReportType::Clinical,
        "self test" | "tu test" | "tu xet nghiem" => ReportType::SelfTest,
        _ => return None,
    })
}

/// In small letters without accents, words one space apart. Vietnamese text comes composed or, from a Mac, with accents as
/// characters of their own.
fn plain(word: &str) -> String {
    let letters: String = word
        .to_lowercase()
        .chars()
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .map(|c| match c {
            'à' | 'á' | 'ả' | 'ã' | 'ạ' | 'ă' | 'ằ' | 'ắ' | 'ẳ' | 'ẵ' | 'ặ' | 'â' | 'ầ' | 'ấ'
            | 'ẩ' | 'ẫ' | 'ậ' => 'a',
            'è' | 'é' | 'ẻ' | 'ẽ' | 'ẹ' | 'ê' | 'ề' | 'ế' | 'ể' | 'ễ' | 'ệ' => {
                'e'
            }
            'ì' | 'í' | 'ỉ' | 'ĩ' | 'ị' => 'i',
            'ù' | 'ú' | 'ủ' | 'ũ' | 'ụ' | 'ư' | 'ừ' | 'ứ' | 'ử' | 'ữ' | 'ự' => {
                'u'
            }
            'đ' => 'd',
            '-' | '_' => ' ',
            c => c,
        })
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `YYYY-MM-DD` or `DD/MM/YYYY`, from 1970 on.
fn parse_day(text: &str) -> Option<Day> {
    let number = |text: &str, digits: usize| -> Option<i16> {
        let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let parts: Vec<&str> = match text.contains('/') {
        true => text.split('/').rev().collect(),
        false => text.split('-').collect(),
    };
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let days = date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    u32::try_from(days).ok().map(Day::from_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parsed = Result<CodeOrder, LineFault>;

    fn lines(file: &str) -> Vec<(u32, Parsed)> {
        let parsed = parse(file.as_bytes()).unwrap();
        parsed.iter().map(|line| (line.number, line.says)).collect()
    }

    fn order(report_type: ReportType, region: Option<&str>) -> Parsed {
        Ok(CodeOrder {
            report_type,
            onset_day: Day::from_number(18_840),
            region: region.map(|name| name.parse().unwrap()),
        })
    }

    #[test]
    fn what_excel_writes_is_read() {
        use ReportType::{Clinical, ConfirmedTest, SelfTest};
        let file = "\u{feff}Region;report_type;ONSET_DAY\r\n\
                    VN-48;\"xác nhận\";01/08/2021\r\n\
                    ;lâm sàng; 2021-08-01 \r\n\
                    ;;\r\n\
                    \r\n\
                    VN;Tu\u{323}\u{31b} xe\u{301}t nghie\u{323}\u{302}m;\"2021-08-01\"\r\n";
        let expected = [
            (2, order(ConfirmedTest, Some("VN-48"))),
            (3, order(Clinical, None)),
            (6, order(SelfTest, Some("VN"))),
        ];
        assert_eq!(lines(file), expected);
        // Other line ends, other separator, no last line end.
        let file = "onset_day,report_type\r2021-08-01,Self-Test\r01/08/2021,khẳng định";
        let expected = [(2, order(SelfTest, None)), (3, order(ConfirmedTest, None))];
        assert_eq!(lines(file), expected);
    }

    #[test]
    fn a_bad_line_stops_no_other() {
        let file = "report_type,onset_day,region\n\
                    confirmed,2021-08-01,VN\n\
                    confirmed,2021-08-01\n\
                    \"confirmed,2021-08-01,VN\n\
                    probable,2021-08-01,VN\n\
                    confirmed,2021-02-30,VN\n\
                    confirmed,1/8/2021,VN\n\
                    confirmed,2021-08-01,Hà Nội\n\
                    confirmed,2021-08-01,VN\n";
        let good = order(ReportType::ConfirmedTest, Some("VN"));
        let expected = [
            (2, good),
            (3, Err(LineFault::Cells)),
            (4, Err(LineFault::Quotes)),
            (5, Err(LineFault::ReportType)),
            (6, Err(LineFault::OnsetDay)),
            (7, Err(LineFault::OnsetDay)),
            (8, Err(LineFault::Region)),
            (9, good),
        ];
        assert_eq!(lines(file), expected);
    }

    #[test]
    fn anything_personal_refuses_the_whole_file_and_is_not_repeated() {
        for (file, number) in [
            ("report_type,onset_day,name\nconfirmed,2021-08-01,An", 3),
            ("Nguyễn Văn An,confirmed\nx,y", 1),
            ("report_type,onset_day,\nconfirmed,2021-08-01,0912345678", 3),
        ] {
            let fault = parse(file.as_bytes()).unwrap_err();
            assert_eq!(fault, FileFault::UnknownColumn { number });
            for text in [fault.to_string(), format!("{fault:?}")] {
                assert!(!text.contains("name") && !text.contains("An"), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_list_says_why() {
        let faults = [
            (&b""[..], FileFault::Empty),
            (b"\xef\xbb\xbf\r\n", FileFault::Empty),
            (b"report_type,onset_day\n", FileFault::Empty),
            (b"report_type,onset_day\n,\n", FileFault::Empty),
            (b"\xff\xfer\0", FileFault::Encoding),
            (
                b"report_type\nconfirmed",
                FileFault::MissingColumn {
                    column: Column::OnsetDay,
                },
            ),
            (
                b"onset_day,report_type,onset_day\n",
                FileFault::RepeatedColumn {
                    column: Column::OnsetDay,
                },
            ),
        ];
        for (file, fault) in faults {
            assert_eq!(parse(file), Err(fault));
        }
        assert_eq!(parse(&vec![b' '; MAX_BYTES + 1]), Err(FileFault::TooLong));
        let many = |lines: usize| {
            let file = format!(
                "report_type,onset_day\n{}",
                "clinical,2021-08-01\n".repeat(lines)
            );
            parse(file.as_bytes()).map(|lines| lines.len())
        };
        assert_eq!(many(MAX_LINES), Ok(MAX_LINES));
        assert_eq!(many(MAX_LINES + 1), Err(FileFault::TooManyLines));
    }
}
