//! Samples of bulk issue, figures and reports.

use super::{Sample, TODAY, codes, date, inside, moment};
use crate::{
    officers::Role,
    portal::{
        layout::{Chrome, Done, Section},
        pages::{
            bulk::{self, Bulk, FileProblem, Import},
            confirm::{self, Confirm},
            figures::{self, Count, Counts, DayRow, Figures, RangeProblem, UnitRow},
            import::{self, ImportView, RowFault, RowProblem, SheetProblem, SheetState},
            reports::{self, Period, Report, ReportState},
            sheet,
        },
        slip::{Purpose, Slip},
        texts::Texts,
    },
};

pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    [bulk(texts), figures(texts), reports(texts)].concat()
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

fn counts(seed: u32) -> Counts {
    let issued = u64::from(40 + seed * 37 % 61);
    Counts {
        issued: Count::Exact(issued),
        redeemed: Count::Exact(issued * 4 / 5),
        expired: if seed.is_multiple_of(3) {
            Count::Few
        } else {
            Count::Exact(7)
        },
        revoked: Count::Exact(0),
        uploads: Some(Count::Exact(issued * 3 / 4)),
        median_hours: (!seed.is_multiple_of(7)).then_some(2 + seed % 4),
    }
}

fn figures(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Supervisor, Some(Section::Figures));
    let full = Figures {
        first: date(TODAY - 29),
        last: date(TODAY),
        earliest: date(TODAY - 400),
        today: date(TODAY),
        units: vec![
            ("48".into(), "Thành phố Đà Nẵng".into()),
            ("490".into(), "Quận Liên Chiểu".into()),
        ],
        unit: "48".into(),
        problem: None,
        days: (0..30)
            .map(|i| DayRow {
                day: date(TODAY - 29 + i),
                counts: counts(i),
            })
            .collect(),
        by_unit: [("490", "Quận Liên Chiểu"), ("492", "Quận Hải Châu")]
            .map(|(code, name)| UnitRow {
                unit_code: code.into(),
                name: name.into(),
                counts: Counts {
                    uploads: None,
                    ..counts(6)
                },
            })
            .into(),
    };
    let empty = |problem| Figures {
        problem: Some(problem),
        units: vec![],
        days: vec![],
        by_unit: vec![],
        ..full.clone()
    };
    let quiet = Figures {
        days: vec![DayRow {
            day: date(TODAY),
            counts: Counts {
                issued: Count::Few,
                redeemed: Count::Few,
                expired: Count::Exact(0),
                revoked: Count::Exact(0),
                uploads: None,
                median_hours: None,
            },
        }],
        ..full.clone()
    };
    vec![
        ("figures", figures::page(texts, &chrome, &full)),
        ("figures-quiet", figures::page(texts, &chrome, &quiet)),
        (
            "figures-order",
            figures::page(texts, &chrome, &empty(RangeProblem::Order)),
        ),
        (
            "figures-long",
            figures::page(texts, &chrome, &empty(RangeProblem::TooLong { days: 93 })),
        ),
    ]
}

fn reports(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Supervisor, Some(Section::Reports));
    let sent = Chrome {
        done: Some(Done::ReportSent),
        ..chrome.clone()
    };
    let day = Report {
        period: Period::Day(date(TODAY)),
        due: moment(TODAY, 15),
        state: ReportState::Open,
        issued: Count::Exact(1_204),
        redeemed: Count::Exact(968),
        revoked: Count::Few,
        missing: vec!["Quận Liên Chiểu".into(), "Huyện Hòa Vang".into()],
        units: 8,
        has_next: false,
        may_send: true,
    };
    let late = Report {
        state: ReportState::Late,
        missing: vec![],
        has_next: true,
        ..day.clone()
    };
    let week = Report {
        period: Period::Week(date(TODAY - 13)),
        due: moment(TODAY - 5, 24),
        state: ReportState::Sent {
            at: moment(TODAY - 5, 10),
        },
        units: 0,
        ..late.clone()
    };
    vec![
        ("report-daily", reports::page(texts, &chrome, &day)),
        ("report-late", reports::page(texts, &chrome, &late)),
        ("report-weekly", reports::page(texts, &sent, &week)),
    ]
}
