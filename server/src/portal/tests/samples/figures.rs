//! Samples of figures and reports.

use super::{Sample, TODAY, date, inside, moment};
use crate::{
    figures::{DayFigures, Figures, RegionFigures, Shown, UnitFigures},
    officers::{Role, Unit},
    portal::{
        layout::{Chrome, Done, Section},
        pages::{
            figures::{self, FiguresView, RangeProblem, UnitChoice},
            reports::{self, Period, Report, UnitReport},
        },
        texts::Texts,
    },
};

pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    [figures(texts), reports(texts)].concat()
}

fn unit(code: &str, name: &str, with_below: bool, days: Vec<DayFigures>) -> UnitFigures {
    UnitFigures {
        unit: Unit {
            unit_code: code.into(),
            name: name.into(),
            parent_code: (code != "VN").then(|| "VN".into()),
            closed: false,
        },
        with_below,
        days,
    }
}

fn day(day: u32, hidden: bool) -> DayFigures {
    let issued = u64::from(40 + day * 37 % 61);
    DayFigures {
        day,
        issued: Shown::Exact(issued),
        redeemed: if hidden {
            Shown::Below(5)
        } else {
            Shown::Exact(issued * 4 / 5)
        },
        revoked: Shown::Withheld,
        expired: Shown::Withheld,
        median_hours: (!day.is_multiple_of(7)).then_some(2 + day % 4),
        incomplete: day < TODAY - 20,
    }
}

fn figures(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Supervisor, Some(Section::Figures));
    let days = || -> Vec<DayFigures> {
        (TODAY - 29..=TODAY)
            .map(|d| day(d, d.is_multiple_of(9)))
            .collect()
    };
    let uploads = (TODAY - 12..=TODAY).map(|day| (day, Shown::Exact(30)));
    let region = |name: &str| RegionFigures {
        region: name.parse().unwrap(),
        hours_behind: Some(3),
        uploads: uploads.clone().collect(),
    };
    let choice = |code: &str, name: &str, depth| UnitChoice {
        unit_code: code.into(),
        name: name.into(),
        depth,
    };
    let full = FiguresView {
        first: date(TODAY - 29),
        last: date(TODAY),
        earliest: date(TODAY - 29),
        today: date(TODAY),
        units: vec![
            choice("VN", "Việt Nam", 0),
            choice("48", "Thành phố Đà Nẵng", 1),
        ],
        unit: "VN".into(),
        problem: None,
        figures: Some(Figures {
            total: unit("VN", "Việt Nam", true, days()),
            units: vec![
                unit("VN", "Việt Nam", false, days()),
                unit("48", "Thành phố Đà Nẵng", true, days()),
            ],
            waiting_hours: Some(7),
            regions: vec![region("VN")],
            floor: 5,
        }),
    };
    let quiet = FiguresView {
        first: date(TODAY),
        units: vec![],
        figures: Some(Figures {
            total: unit("490", "Quận Liên Chiểu", true, vec![ended(TODAY)]),
            units: vec![unit("490", "Quận Liên Chiểu", false, vec![ended(TODAY)])],
            waiting_hours: None,
            regions: vec![region("VN"), region("VN-N")],
            floor: 5,
        }),
        ..full.clone()
    };
    let regions = FiguresView {
        figures: full.figures.clone().map(|figures| Figures {
            regions: vec![region("VN"), region("VN-N")],
            floor: 0,
            ..figures
        }),
        ..full.clone()
    };
    let wrong = |problem| FiguresView {
        problem: Some(problem),
        figures: None,
        ..full.clone()
    };
    let wrong = [
        ("figures-order", wrong(RangeProblem::Order)),
        ("figures-long", wrong(RangeProblem::TooLong { days: 93 })),
    ];
    [
        ("figures", full.clone()),
        ("figures-quiet", quiet),
        ("figures-regions", regions),
    ]
    .into_iter()
    .chain(wrong)
    .map(|(name, view)| (name, figures::page(texts, &chrome, &view)))
    .collect()
}

/// A day of the own unit: what became of its codes is known too.
fn ended(on: u32) -> DayFigures {
    DayFigures {
        revoked: Shown::Exact(0),
        expired: Shown::Below(5),
        ..day(on, true)
    }
}

fn reports(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Supervisor, Some(Section::Reports));
    let sent = Chrome {
        done: Some(Done::ReportSent),
        ..chrome.clone()
    };
    let of = |name: &str, sent_at, late| UnitReport {
        name: name.into(),
        sent_at,
        late,
    };
    let open = Report {
        period: Period::Day(date(TODAY - 1)),
        due: moment(TODAY, 15),
        own: of("Thành phố Đà Nẵng", None, false),
        figures: unit("48", "Thành phố Đà Nẵng", true, vec![day(TODAY - 1, true)]),
        floor: 5,
        below: vec![
            of("Quận Liên Chiểu", None, false),
            of("Huyện Hòa Vang", Some(moment(TODAY, 9)), false),
        ],
        has_next: false,
        may_send: true,
    };
    let late = Report {
        own: of("Thành phố Đà Nẵng", None, true),
        below: vec![
            of("Quận Liên Chiểu", None, true),
            of("Huyện Hòa Vang", Some(moment(TODAY, 16)), true),
        ],
        has_next: true,
        ..open.clone()
    };
    let all_sent = Report {
        own: of("Thành phố Đà Nẵng", Some(moment(TODAY, 16)), true),
        below: vec![of("Quận Liên Chiểu", Some(moment(TODAY, 16)), true)],
        ..open.clone()
    };
    let week = Report {
        period: Period::Week(date(TODAY - 13)),
        due: moment(TODAY - 5, 14),
        own: of("Quận Liên Chiểu", Some(moment(TODAY - 5, 10)), false),
        figures: unit(
            "490",
            "Quận Liên Chiểu",
            true,
            vec![ended(TODAY - 13), ended(TODAY - 12)],
        ),
        below: vec![],
        ..late.clone()
    };
    vec![
        ("report-daily", reports::page(texts, &chrome, &open)),
        ("report-late", reports::page(texts, &chrome, &late)),
        ("report-all-sent", reports::page(texts, &chrome, &all_sent)),
        ("report-weekly", reports::page(texts, &sent, &week)),
    ]
}
