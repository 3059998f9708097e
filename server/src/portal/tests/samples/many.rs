//! Samples of bulk issue.

use super::{Sample, TODAY, codes, inside, moment};
use crate::{
    officers::Role,
    portal::{
        layout::{Chrome, Section},
        pages::{
            bulk::{self, Bulk, FileProblem, Import},
            confirm::{self, Confirm},
            import::{self, ImportView, RowFault, RowProblem, SheetProblem, SheetState},
            sheet,
        },
        slip::{Purpose, Slip},
        texts::Texts,
    },
};

pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    bulk(texts)
}

fn bulk(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Officer, Some(Section::Bulk));
    let uploaded = |import: &str, rows, issued| Import {
        import: import.into(),
        uploaded_at: moment(TODAY, 8),
        rows,
        issued,
    };
    let full = |problem| Bulk {
        problem: Some(problem),
        once: "sample-once".into(),
        imports: vec![uploaded("b2", 1_250, 300), uploaded("a1", 80, 80)],
    };
    let mut samples = vec![("bulk", bulk::page(texts, &chrome, &Bulk::default()))];
    for (name, problem) in [
        ("bulk-foreign", FileProblem::ForeignColumn { position: 4 }),
        ("bulk-empty", FileProblem::Empty),
        ("bulk-rows", FileProblem::TooManyRows { limit: 5_000 }),
        ("bulk-unreadable", FileProblem::Unreadable),
        ("bulk-long", FileProblem::TooLong),
        ("bulk-old", FileProblem::TooOld),
        (
            "bulk-repeated",
            FileProblem::RepeatedColumn {
                column: bulk::COLUMNS[2],
            },
        ),
        (
            "bulk-missing",
            FileProblem::MissingColumn {
                column: bulk::COLUMNS[1],
            },
        ),
    ] {
        samples.push((name, bulk::page(texts, &chrome, &full(problem))));
    }
    samples.extend(sheets(texts, &chrome));
    samples
}

fn sheets(texts: &Texts, chrome: &Chrome) -> Vec<Sample> {
    let problems = [
        RowProblem::Columns,
        RowProblem::Quotes,
        RowProblem::ReportType,
        RowProblem::Day,
        RowProblem::DayInFuture,
        RowProblem::DayTooOld,
        RowProblem::Region,
    ];
    let checked = ImportView {
        import: "b2".into(),
        uploaded_at: moment(TODAY, 8),
        rows: 1_250,
        issued: 200,
        faults: (0..)
            .zip(problems)
            .map(|(i, problem)| RowFault {
                line: 12 + 97 * i,
                problem,
            })
            .collect(),
        more_faults: 3,
        sheets: (1..=4)
            .map(|number| SheetState {
                sheet: number,
                codes: 100,
                issued: number < 3,
                redeemed: if number < 3 { 31 } else { 0 },
            })
            .collect(),
        problem: Some(SheetProblem::Quota { left: 40 }),
    };
    let later = ImportView {
        problem: Some(SheetProblem::TooOld),
        faults: vec![],
        more_faults: 0,
        ..checked.clone()
    };
    let useless = ImportView {
        rows: 0,
        issued: 0,
        faults: vec![RowFault {
            line: 2,
            problem: RowProblem::Day,
        }],
        more_faults: 0,
        sheets: vec![],
        problem: None,
        ..checked.clone()
    };
    let sheet = sheet::Sheet {
        import: "b2".into(),
        sheet: 3,
        slips: (2..6)
            .map(|line| Slip {
                line: Some(line),
                ..codes::slip(Purpose::Upload)
            })
            .collect(),
        csv: "line,serial,upload_code,expires,region\r\n"
            .to_owned()
            .into(),
        kept: vec![(6, "4821-0937-5516".into()), (9, "4821-0937-5517".into())],
    };
    let reissue = Confirm::ReissueSheet {
        import: "b2".into(),
        sheet: 2,
        open: 69,
        once: "sample-once".into(),
    };
    let once = Chrome {
        here: None,
        ..chrome.clone()
    };
    vec![
        ("import", import::page(texts, chrome, &checked)),
        ("import-later", import::page(texts, chrome, &later)),
        ("import-useless", import::page(texts, chrome, &useless)),
        ("sheet", sheet::page(texts, &once, &sheet)),
        ("confirm-reissue", confirm::page(texts, chrome, &reissue)),
    ]
}
