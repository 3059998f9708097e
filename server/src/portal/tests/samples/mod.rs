//! A sample of every page, with errors and empty states.
//!
//! With `TRUYVET_PORTAL_SAMPLES` set to a folder, they are written there, to be looked at: serve the folder with any
//! web server and open `/index.html`.

mod codes;
mod entrance;
mod figures;
mod keeping;
mod many;

use std::{env, fs, path::Path};

use maud::{Markup, html};

use crate::{
    officers::Role,
    portal::{
        assets,
        calendar::{Date, Moment},
        layout::{Chrome, Section, SignedIn},
        texts::{Language, Texts},
    },
};

/// A page with its name.
pub(super) type Sample = (&'static str, Markup);

/// All of them in one language.
pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    [
        entrance::all(texts),
        codes::all(texts),
        many::all(texts),
        figures::all(texts),
        keeping::all(texts),
    ]
    .concat()
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

const PASSKEY: &str = r#"{"publicKey":{"challenge":"AAAA","rpId":"localhost","allowCredentials":[{"type":"public-key","id":"AQID"}]}}"#;

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
