//! Samples of what an officer does with one code.

use truyvet_crypto::token::ReportType;

use super::{Sample, TODAY, date, inside, moment};
use crate::{
    authorize::CodeState,
    officers::Role,
    portal::{
        layout::{Alert, Chrome, Done, Section},
        pages::{
            self,
            already::{self, Already},
            code::{self, Look},
            codes::{CodeRow, Codes},
            confirm::{self, Confirm},
            home, issued,
            withdrawal::{self, Withdrawal, WithdrawalProblem},
        },
        paths,
        slip::{Purpose, Slip},
        texts::Texts,
    },
    store::StateCounts,
};

pub(super) fn slip(purpose: Purpose) -> Slip {
    Slip {
        upload_code: "7XK4-9AC-2HTE".to_owned().into(),
        serial: "4821-0937-5516".into(),
        expires_at: moment(TODAY + 1, 16),
        purpose,
        line: None,
    }
}

pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    let quiet = home::Home {
        form: home::IssueForm {
            report_type: ReportType::ConfirmedTest,
            day: home::DayChoice::Quick(date(TODAY)),
            today: date(TODAY),
            oldest: date(TODAY - 14),
            regions: vec![],
            region: "VN".into(),
            once: "sample-once".into(),
        },
        problems: vec![],
        today: home::Today::default(),
        quota: None,
    };
    let region = |code: &str, name: &str| home::Region {
        code: code.into(),
        name: name.into(),
    };
    let busy = home::Home {
        form: home::IssueForm {
            report_type: ReportType::Clinical,
            day: home::DayChoice::Other("2026-10-01".into()),
            regions: vec![region("VN", "Việt Nam"), region("VN-C", "Miền Trung")],
            ..quiet.form.clone()
        },
        problems: vec![home::IssueProblem::DayTooOld],
        today: home::Today {
            issued: 1_204,
            redeemed: 968,
            open: 187,
        },
        quota: Some(home::Quota {
            used: 1_204,
            limit: 1_500,
        }),
    };
    let all_problems = home::Home {
        problems: vec![
            home::IssueProblem::NoReportType,
            home::IssueProblem::NoDay,
            home::IssueProblem::DayInFuture,
            home::IssueProblem::NoRegion,
            home::IssueProblem::QuotaUsedUp,
            home::IssueProblem::UnitClosed,
            home::IssueProblem::TooOld,
        ],
        ..busy.clone()
    };
    let chrome = inside(Role::Officer, Some(Section::Home));
    let alerted = Chrome {
        alerts: vec![
            Alert::QuotaNear {
                used: 1_204,
                limit: 1_500,
            },
            Alert::DailyReportDue { late: false },
            Alert::GuessBrake,
        ],
        done: Some(Done::Welcome),
        ..inside(Role::Administrator, Some(Section::Home))
    };
    let late = Chrome {
        alerts: vec![
            Alert::QuotaUsedUp { limit: 1_500 },
            Alert::WeeklyReportDue { late: true },
        ],
        ..chrome.clone()
    };
    let shown_once = Chrome {
        here: None,
        ..chrome.clone()
    };
    let issued = |purpose| {
        issued::page(
            texts,
            &shown_once,
            &issued::Issued {
                slip: slip(purpose),
                allows: home::report_type(texts, ReportType::ConfirmedTest),
            },
        )
    };
    let mut samples = vec![
        ("home", home::page(texts, &chrome, &quiet)),
        ("home-busy", home::page(texts, &alerted, &busy)),
        ("home-problems", home::page(texts, &late, &all_problems)),
        ("issued", issued(Purpose::Upload)),
        ("issued-withdrawal", issued(Purpose::Withdrawal)),
    ];
    samples.extend(found(texts));
    samples.extend(withdrawals(texts));
    samples.extend(already(texts));
    samples.extend(listed(texts));
    samples
}

fn found(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Supervisor, Some(Section::Code));
    let revoked = Chrome {
        done: Some(Done::CodeRevoked),
        ..chrome.clone()
    };
    let found = |state, may_revoke| {
        Look::Found(code::Found {
            serial: "4821-0937-5516".into(),
            state,
            allows: home::report_type(texts, ReportType::SelfTest),
            unit: "Thành phố Đà Nẵng".into(),
            issued_at: moment(TODAY, 9),
            expires_at: moment(TODAY + 1, 10),
            redeemed_at: (state == CodeState::Redeemed).then(|| moment(TODAY, 11)),
            may_revoke,
        })
    };
    let missing = Look::NotFound {
        serial: "4821".into(),
    };
    let confirm = Confirm::RevokeCode {
        serial: "4821-0937-5516".into(),
    };
    vec![
        ("code", code::page(texts, &chrome, &Look::Nothing)),
        ("code-missing", code::page(texts, &chrome, &missing)),
        (
            "code-issued",
            code::page(texts, &chrome, &found(CodeState::Issued, true)),
        ),
        (
            "code-redeemed",
            code::page(texts, &chrome, &found(CodeState::Redeemed, true)),
        ),
        (
            "code-expired",
            code::page(texts, &chrome, &found(CodeState::Expired, false)),
        ),
        (
            "code-revoked",
            code::page(texts, &revoked, &found(CodeState::Revoked, true)),
        ),
        ("confirm-revoke", confirm::page(texts, &chrome, &confirm)),
    ]
}

fn already(texts: &Texts) -> Vec<Sample> {
    let chrome = Chrome {
        here: None,
        ..inside(Role::Officer, Some(Section::Home))
    };
    let code = Already::Code {
        serial: "4821-0937-5516".into(),
        again: paths::HOME,
    };
    let sheet = Already::Sheet {
        import: "b2".into(),
        sheet: 3,
    };
    vec![
        ("already", already::page(texts, &chrome, &code)),
        ("already-sheet", already::page(texts, &chrome, &sheet)),
    ]
}

fn listed(texts: &Texts) -> Vec<Sample> {
    let states = [
        CodeState::Issued,
        CodeState::Redeemed,
        CodeState::Expired,
        CodeState::Revoked,
    ];
    let row = |state| CodeRow {
        serial: "4821-0937-5516".into(),
        state,
        report_type: ReportType::ConfirmedTest,
        unit_code: "48".into(),
        issued_at: moment(TODAY, 9),
        may_revoke: true,
    };
    let full = Codes {
        state: None,
        counts: StateCounts {
            issued: 1_204,
            redeemed: 968,
            expired: 31,
            revoked: 2,
        },
        rows: states.map(row).into(),
        has_newer: true,
        older: Some("1795312800.4821-0937-5516".into()),
        several_units: true,
    };
    let open = Codes {
        state: Some(CodeState::Issued),
        rows: vec![row(CodeState::Issued)],
        has_newer: false,
        several_units: false,
        ..full.clone()
    };
    let empty = Codes {
        counts: StateCounts::default(),
        rows: vec![],
        older: None,
        ..open.clone()
    };
    let supervisor = inside(Role::Supervisor, Some(Section::Code));
    let officer = inside(Role::Officer, Some(Section::Code));
    vec![
        ("codes", pages::codes::page(texts, &supervisor, &full)),
        ("codes-open", pages::codes::page(texts, &officer, &open)),
        ("codes-empty", pages::codes::page(texts, &officer, &empty)),
    ]
}

fn withdrawals(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Officer, None);
    let view = |problem| Withdrawal {
        serial: "4821-0937-5516".into(),
        regions: ["VN", "VN-C"]
            .map(|code| home::Region {
                code: code.into(),
                name: code.into(),
            })
            .into(),
        region: "VN".into(),
        once: "sample-once".into(),
        problem,
    };
    vec![
        (
            "withdrawal",
            withdrawal::page(texts, &chrome, &Withdrawal::default()),
        ),
        (
            "withdrawal-missing",
            withdrawal::page(texts, &chrome, &view(Some(WithdrawalProblem::NoSuchSerial))),
        ),
        (
            "withdrawal-not-redeemed",
            withdrawal::page(texts, &chrome, &view(Some(WithdrawalProblem::NotRedeemed))),
        ),
        (
            "withdrawal-quota",
            withdrawal::page(texts, &chrome, &view(Some(WithdrawalProblem::QuotaUsedUp))),
        ),
        (
            "withdrawal-closed",
            withdrawal::page(texts, &chrome, &view(Some(WithdrawalProblem::UnitClosed))),
        ),
        (
            "withdrawal-region",
            withdrawal::page(texts, &chrome, &view(Some(WithdrawalProblem::NoRegion))),
        ),
        (
            "withdrawal-old",
            withdrawal::page(texts, &chrome, &view(Some(WithdrawalProblem::TooOld))),
        ),
    ]
}
