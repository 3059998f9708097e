//! The page over sample views: what every page must be.

use std::collections::HashSet;

use super::{
    page,
    view::{
        Chart, Count, Disk, FalseAlarms, Finding, HandingOut, Keeping, Line, RegionView,
        ServerView, SigningKeyView, Span, TakingIn, Unit, Urgency, View,
    },
};
use crate::portal::tests::html::{Page, attribute, attributes, tag, text};

const NOW: i64 = 1_630_040_520;

fn finding(urgency: Urgency, text: &str) -> Finding {
    Finding {
        id: "window_overdue".into(),
        subject: Some("VN".into()),
        urgency,
        title: "A window is overdue".into(),
        text: text.into(),
        since: NOW - 3_600,
        metric: "truyvet_window_overdue_since_timestamp_seconds".into(),
        threshold: "due more than 15 minutes ago".into(),
        alert: "TruyvetWindowOverdue".into(),
    }
}

/// A busy server, or one that has just been started.
fn sample(busy: bool) -> View {
    let count = |name: &str, total| Count {
        name: name.into(),
        total,
    };
    let counts = |counts: Vec<Count>| if busy { counts } else { Vec::new() };
    let at = |seconds: i64| busy.then_some(NOW + seconds);
    let line = |name: &str| Line {
        name: name.into(),
        now: 3.2,
        points: (0..120)
            .map(|i| busy.then(|| f64::from(i * i % 97)))
            .collect(),
    };
    let chart = |title: &str, unit, names: &[&str]| Chart {
        title: title.into(),
        unit,
        lines: names.iter().map(|name| line(name)).collect(),
    };
    View {
        version: "0.1.0".into(),
        at: NOW,
        utc_offset_seconds: 25_200,
        up_seconds: 7_300,
        ready: !busy,
        verdict: if busy {
            "Not ready."
        } else {
            "Ready. Nothing is wrong."
        }
        .into(),
        findings: if busy {
            vec![
                finding(Urgency::Page, "The window of <VN> & others was due."),
                finding(Urgency::Ticket, "No backup is known."),
            ]
        } else {
            Vec::new()
        },
        taking_in: TakingIn {
            uploads: 1_234.0,
            uploads_per_second: 3.2,
            upload_calls: counts(vec![count("accepted", 1_234.0), count("refused", 5.0)]),
            redemptions: 1_240.0,
            redemptions_per_second: 3.3,
            redeem_calls: counts(vec![count("granted", 1_240.0)]),
            codes_issued: 1_300.0,
            wrong_guesses: 3.0,
            late_answers: 0.0,
            writer_queue: 2.0,
            writer_busy: 0.0,
        },
        publishing: vec![RegionView {
            region: "VN".into(),
            last_window_closed: at(-7_000),
            overdue_since: at(-3_600),
            index_valid_until: at(80_000),
            batch_bytes: 1.5e6,
            batch_tags: 300_000.0,
            phone_bytes_per_day: 9e6,
            batches: 6.0,
            failures: 1.0,
        }],
        false_alarms: FalseAlarms {
            expected_per_day: 0.68,
            budget_per_day: 1.0,
            phones: 10_000_000,
            tags_per_phone: 100_000,
            fingerprint_bits: 43,
            matched_tags: 1,
        },
        handing_out: HandingOut {
            index_per_second: 50.0,
            batches_per_second: 20.0,
            bytes_per_second: 3e7,
            answers: counts(vec![count("batch, full", 9e5)]),
            bytes: counts(vec![count("batch", 9e12)]),
        },
        keeping: Keeping {
            database_bytes: 2.5e9,
            disks: if busy {
                vec![Disk {
                    folder: "database".into(),
                    free_bytes: 4e10,
                    bytes: 1e11,
                }]
            } else {
                Vec::new()
            },
            last_backup: at(-20_000),
            last_forgotten: at(-1_000),
            oldest_key_day: at(-1_200_000),
            commit_failures: 0.0,
        },
        server: ServerView {
            connections: counts(vec![count("public", 812.0)]),
            signing_keys: if busy {
                vec![SigningKeyView {
                    key_id: "0123456789abcdef".into(),
                    created: NOW - 8_000_000,
                }]
            } else {
                Vec::new()
            },
            certificate_ends: at(5_000_000),
            self_checks: counts(vec![count("passed", 24.0)]),
            self_check_seconds: busy.then_some(0.31),
        },
        span: Span::Hour,
        span_seconds: 3_600,
        step_seconds: 30,
        charts: vec![
            chart(
                "Uploads and redemptions",
                Unit::PerSecond,
                &["uploads", "redemptions"],
            ),
            chart("Database", Unit::Bytes, &["bytes"]),
        ],
    }
}

fn pages() -> [Page; 2] {
    [true, false].map(|busy| {
        let html = page::page(&sample(busy)).into_string();
        Page::parse(if busy { "busy" } else { "fresh" }.into(), &html)
    })
}

#[test]
fn the_page_is_well_formed_and_all_it_refers_to_is_there() {
    for page in pages() {
        let errors = page.dom.errors.borrow();
        assert!(errors.is_empty(), "{}: {errors:?}", page.name);
        let mut ids = HashSet::new();
        for element in page.elements() {
            if let Some(id) = attribute(&element, "id") {
                assert!(ids.insert(id.clone()), "{}: two #{id}", page.name);
            }
        }
        for element in page.elements() {
            if let Some(id) = attribute(&element, "aria-labelledby") {
                assert!(ids.contains(&id), "{}: no #{id}", page.name);
            }
            // The script finds the part by its id.
            let live = attribute(&element, "data-live").is_some();
            assert!(
                !live || attribute(&element, "id").is_some(),
                "{}",
                page.name
            );
        }
    }
}

#[test]
fn nothing_is_inline_and_all_addresses_are_of_this_listener() {
    let own = [
        page::PATH,
        page::JSON,
        page::STYLE,
        page::SCRIPT,
        page::ICON,
        "/metrics",
    ];
    for page in pages() {
        for element in page.elements() {
            let name = tag(&element);
            assert!(
                !["style", "iframe", "form", "base"].contains(&name),
                "{name}"
            );
            assert!(name != "script" || text(&element).is_empty());
            for (attribute, value) in attributes(&element) {
                let at = format!("{name} {attribute}={value}");
                assert!(attribute != "style" && !attribute.starts_with("on"), "{at}");
                if ["src", "href"].contains(&attribute.as_str()) {
                    let path = value.split('?').next().unwrap_or_default();
                    assert!(value.starts_with('#') || own.contains(&path), "{at}");
                }
            }
        }
    }
}

#[test]
fn pictures_tables_and_headings_speak() {
    for page in pages() {
        let mut level = 0;
        for element in page.elements() {
            match tag(&element) {
                "svg" => {
                    let hidden = attribute(&element, "aria-hidden").is_some();
                    let label = attribute(&element, "aria-label").unwrap_or_default();
                    assert!(hidden || label.contains(" now 3"), "{label:?}");
                }
                "th" => {
                    assert!(attribute(&element, "scope").is_some());
                    assert!(
                        !text(&element).is_empty(),
                        "{}: an empty heading",
                        page.name
                    );
                }
                heading @ ("h1" | "h2" | "h3") => {
                    let next: u32 = heading[1..].parse().unwrap();
                    assert!(next <= level + 1, "{}: {heading} after h{level}", page.name);
                    level = next;
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_state_is_said_in_words() {
    let [busy, fresh] = pages();
    let said = |page: &Page| text(page.elements().iter().find(|e| tag(e) == "h1").unwrap());
    assert!(said(&busy).starts_with("Not ready"), "{}", said(&busy));
    assert!(said(&fresh).starts_with("Ready"), "{}", said(&fresh));
    let all = text(&busy.dom.document);
    assert!(
        all.contains("The window of <VN> & others was due."),
        "escaped, and read as it is"
    );
    assert!(
        all.contains("Since 2021-08-27 11:02"),
        "on the deployment's clock"
    );
}

#[test]
fn a_view_survives_json() {
    for busy in [true, false] {
        let view = sample(busy);
        let json = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<View>(&json).unwrap(), view);
        // A newer server says more.
        let newer = json.replacen('{', "{\"more\":1,", 1);
        assert_eq!(serde_json::from_str::<View>(&newer).unwrap(), view);
    }
}
