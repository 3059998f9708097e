//! Samples of bulk issue.

use super::{Sample, TODAY, codes, inside, moment};
use crate::{
    officers::Role,
    portal::{
        layout::{Chrome, Section},
        pages::{
            bulk::{self, Bulk, FileProblem, Import},
            confirm::{self, Confirm},
            import::{self, ImportView, RowFault, RowProblem, SheetState},
            sheet,
        },
        slip::Purpose,
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
        imports: vec![uploaded("b2", 1_250, 300), uploaded("a1", 80, 80)],
    };
    let mut samples = vec![("bulk", bulk::page(texts, &chrome, &Bulk::default()))];
    for (name, problem) in [
        ("bulk-foreign", FileProblem::ForeignColumn { position: 4 }),
        ("bulk-empty", FileProblem::Empty),
        ("bulk-rows", FileProblem::TooManyRows { limit: 5_000 }),
        ("bulk-unreadable", FileProblem::Unreadable),
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
                issued_at: (number < 3).then(|| moment(TODAY, 9)),
                redeemed: if number < 3 { 31 } else { 0 },
            })
            .collect(),
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
        ..checked.clone()
    };
    let sheet = sheet::Sheet {
        import: "b2".into(),
        sheet: 3,
        slips: (0..4).map(|_| codes::slip(Purpose::Upload)).collect(),
        csv: "row,serial,upload_code,expires_at\r\n".into(),
    };
    let reissue = Confirm::ReissueSheet {
        import: "b2".into(),
        sheet: 2,
        open: 69,
    };
    let once = Chrome {
        here: None,
        ..chrome.clone()
    };
    vec![
        ("import", import::page(texts, chrome, &checked)),
        ("import-useless", import::page(texts, chrome, &useless)),
        ("sheet", sheet::page(texts, &once, &sheet)),
        ("confirm-reissue", confirm::page(texts, chrome, &reissue)),
    ]
}
