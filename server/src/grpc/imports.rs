//! Lists of codes to issue, between the wire and the domain.

use truyvet_proto::v1 as pb;

use super::officer::issued_code;
use crate::authorize::import::{Import, Imported, IssuedSheet, Line, LineFault};

pub(super) fn imported(imported: Imported) -> pb::ImportCodesResponse {
    pb::ImportCodesResponse {
        import: imported.import.map(import),
        faults: imported.faults.iter().map(line_fault).collect(),
    }
}

fn line_fault(fault: &Line<LineFault>) -> pb::LineFault {
    let column = fault.says.column();
    pb::LineFault {
        line: fault.number,
        column: column.map_or_else(String::new, |column| column.name().to_owned()),
        reason: fault.says.reason().to_owned(),
    }
}

pub(super) fn import(import: Import) -> pb::CodeImport {
    let Import { record, sheets } = import;
    pb::CodeImport {
        import_id: record.import_id,
        unit_code: record.unit_code,
        officer_id: record.officer_id,
        created_at: record.created_at.unix_seconds(),
        lines: record.lines,
        sheets: sheets
            .into_iter()
            .map(|sheet| pb::Sheet {
                sheet: sheet.sheet,
                lines: sheet.lines,
                first_line: sheet.first_line,
                last_line: sheet.last_line,
                issued: sheet.issued,
            })
            .collect(),
    }
}

/// Codes by line, and lines that keep theirs.
pub(super) fn sheet(sheet: &IssuedSheet) -> (Vec<pb::IssuedLine>, Vec<pb::KeptLine>) {
    let codes = sheet.codes.iter().map(|issued| pb::IssuedLine {
        line: issued.line,
        code: Some(issued_code(&issued.code)),
    });
    let kept = sheet.kept.iter().map(|kept| pb::KeptLine {
        line: kept.line,
        serial: kept.serial.clone(),
    });
    (codes.collect(), kept.collect())
}
