//! A sample of every page, with errors and empty states.
//!
//! With `TRUYVET_PORTAL_SAMPLES` set to a folder, they are written there, to be looked at: serve the folder with any
//! web server and open `/index.html`.

use std::{env, fs, path::Path};

use maud::{Markup, html};
use truyvet_crypto::token::ReportType;

use crate::{
    officers::Role,
    portal::{
        assets,
        calendar::{Date, Moment},
        layout::{Alert, Chrome, Done, Section, SignedIn},
        pages::{home, issued, sign_in},
        slip::{Purpose, Slip},
        texts::{Language, Texts},
    },
};

/// A page with its name.
pub(super) type Sample = (&'static str, Markup);

/// All of them in one language.
pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    [entrance(texts), codes(texts)].concat()
}

/// What nobody signed in sees.
fn outside() -> Chrome {
    Chrome {
        csrf: "sample-csrf".into(),
        here: Some("/portal/sign-in".into()),
        ..Chrome::default()
    }
}

/// What somebody signed in sees.
fn inside(role: Role, section: Option<Section>) -> Chrome {
    Chrome {
        officer: Some(SignedIn {
            sign_in_name: "hotline-1@48".into(),
            unit: "Thành phố Đà Nẵng".into(),
            role,
        }),
        section,
        ..outside()
    }
}

fn date(number: u32) -> Date {
    Date::from_number(number).unwrap()
}

/// 2026-11-22 is day 20,779.
const TODAY: u32 = 20_779;

fn moment(day: u32, hour: i64) -> Moment {
    Moment::at(
        truyvet_crypto::Day::from_number(day)
            .start()
            .plus_seconds(hour * 3_600),
        0,
    )
    .unwrap()
}

const PASSKEY: &str = r#"{"challenge":"AAAA","rpId":"localhost","allowCredentials":[{"type":"public-key","id":"AQID"}]}"#;

fn entrance(texts: &Texts) -> Vec<Sample> {
    let chrome = outside();
    let refused = sign_in::SignIn {
        sign_in_name: "hotline-1@48".into(),
        refusal: Some(sign_in::Refusal::Wrong),
        session_ended: true,
    };
    let factor = sign_in::SecondFactor {
        totp: true,
        passkey_options: Some(PASSKEY.into()),
        refusal: None,
    };
    let braked = sign_in::SecondFactor {
        passkey_options: None,
        refusal: Some(sign_in::Refusal::TooManyTries { minutes: 5 }),
        ..factor.clone()
    };
    let recovery = sign_in::Recovery {
        refusal: Some(sign_in::Refusal::Wrong),
    };
    let gone = Chrome {
        done: Some(Done::SignedOut),
        ..chrome.clone()
    };
    vec![
        (
            "sign-in",
            sign_in::page(texts, &gone, &sign_in::SignIn::default()),
        ),
        ("sign-in-wrong", sign_in::page(texts, &chrome, &refused)),
        (
            "second-factor",
            sign_in::second_factor_page(texts, &chrome, &factor),
        ),
        (
            "second-factor-braked",
            sign_in::second_factor_page(texts, &chrome, &braked),
        ),
        (
            "recovery",
            sign_in::recovery_page(texts, &chrome, &recovery),
        ),
    ]
}

fn slip(purpose: Purpose) -> Slip {
    Slip {
        upload_code: "7XK4-9AC-2HTE".to_owned().into(),
        serial: "4821-0937-5516".into(),
        expires_at: moment(TODAY + 1, 16),
        purpose,
    }
}

fn codes(texts: &Texts) -> Vec<Sample> {
    let quiet = home::Home {
        form: home::IssueForm {
            report_type: ReportType::ConfirmedTest,
            day: home::DayChoice::Quick(date(TODAY)),
            today: date(TODAY),
            oldest: date(TODAY - 14),
            regions: vec![],
            region: "VN".into(),
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
            Alert::DailyReportDue,
            Alert::GuessBrake,
        ],
        done: Some(Done::Welcome),
        ..inside(Role::Administrator, Some(Section::Home))
    };
    let late = Chrome {
        alerts: vec![Alert::QuotaUsedUp { limit: 1_500 }, Alert::WeeklyReportDue],
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
    vec![
        ("home", home::page(texts, &chrome, &quiet)),
        ("home-busy", home::page(texts, &alerted, &busy)),
        ("home-problems", home::page(texts, &late, &all_problems)),
        ("issued", issued(Purpose::Upload)),
        ("issued-withdrawal", issued(Purpose::Withdrawal)),
    ]
}

#[test]
fn samples_can_be_looked_at() {
    let Some(folder) = env::var_os("TRUYVET_PORTAL_SAMPLES") else {
        return;
    };
    let folder = Path::new(&folder);
    for asset in assets::ALL {
        let path = folder.join(asset.path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, asset.body).unwrap();
    }
    let mut names = Vec::new();
    for language in Language::ALL {
        for (name, page) in all(Texts::of(language)) {
            let file = format!("{}-{name}.html", language.tag());
            fs::write(folder.join(&file), page.into_string()).unwrap();
            names.push(file);
        }
    }
    let index = html! { @for name in &names { p { a href=(name) { (name) } } } };
    fs::write(folder.join("index.html"), index.into_string()).unwrap();
}
