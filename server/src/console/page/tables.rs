//! The numbers of now: large ones on top, tables with the rest below the charts.

use maud::{Markup, html};

use super::moment;
use crate::{
    console::{
        view::{Count, Disk, View},
        words,
    },
    portal::parts,
};

/// What is looked at first.
pub(super) fn figures(view: &View) -> Markup {
    let taking_in = &view.taking_in;
    let phone_bytes = view
        .publishing
        .iter()
        .map(|region| region.phone_bytes_per_day)
        .fold(0.0, f64::max);
    let last_closed = view
        .publishing
        .iter()
        .filter_map(|region| region.last_window_closed)
        .min();
    let since_closed = last_closed.map_or("–".into(), |at| words::duration(view.at - at));
    let alarms = &view.false_alarms;
    let tile = |name: &str, value: String| (name.to_owned(), value);
    let tiles = [
        tile(
            "uploads a second",
            words::amount(taking_in.uploads_per_second),
        ),
        tile("uploads stored", words::count(taking_in.uploads)),
        tile(
            "redemptions a second",
            words::amount(taking_in.redemptions_per_second),
        ),
        tile(
            "downloads a second",
            words::amount(view.handing_out.index_per_second + view.handing_out.batches_per_second),
        ),
        tile(
            "waiting for the database",
            words::count(taking_in.writer_queue),
        ),
        tile("since the last window closed", since_closed),
        tile("download of a phone a day", words::bytes(phone_bytes)),
        tile(
            "false alarms a day, of those accepted",
            format!(
                "{} of {}",
                words::amount(alarms.expected_per_day),
                words::amount(alarms.budget_per_day)
            ),
        ),
    ];
    html! {
        section class="card figures" id="figures" data-live aria-label="Now" { (parts::tiles(&tiles)) }
    }
}

/// All the rest.
pub(super) fn tables(view: &View) -> Markup {
    html! {
        div class="tables" {
            (publishing(view))
            (calls(view))
            (handing_out(view))
            (keeping(view))
            (false_alarms(view))
            (server(view))
        }
    }
}

fn card(id: &str, title: &str, wide: bool, content: &Markup) -> Markup {
    html! {
        section class={ "card" @if wide { " all" } } id=(id) data-live aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            (content)
        }
    }
}

fn publishing(view: &View) -> Markup {
    let rows = html! {
        div class="scroll wide" tabindex="0" role="group" aria-label="Regions" {
            table {
                thead { tr {
                    th scope="col" { "Region" }
                    th scope="col" { "Last window closed" }
                    th scope="col" { "Overdue since" }
                    th scope="col" { "Index good until" }
                    th scope="col" class="n" { "Last batch" }
                    th scope="col" class="n" { "A phone a day" }
                    th scope="col" class="n" { "Published, failed" }
                } }
                tbody { @for region in &view.publishing { tr {
                    th scope="row" { (region.region) }
                    td { (moment(view, region.last_window_closed, "none yet")) }
                    td { (moment(view, region.overdue_since, "none is")) }
                    td { (moment(view, region.index_valid_until, "unknown")) }
                    td class="n" { (words::bytes(region.batch_bytes)) br; span class="soft" { (words::count(region.batch_tags)) " tags" } }
                    td class="n" { (words::bytes(region.phone_bytes_per_day)) }
                    td class="n" { (words::count(region.batches)) ", " (words::count(region.failures)) }
                } } }
            }
        }
    };
    card("publishing", "Publishing", true, &rows)
}

fn calls(view: &View) -> Markup {
    let taking_in = &view.taking_in;
    let more = [
        fact("Upload codes issued", words::count(taking_in.codes_issued)),
        fact(
            "Codes nobody could redeem",
            words::count(taking_in.wrong_guesses),
        ),
        fact("Answered late", words::count(taking_in.late_answers)),
        fact(
            "Turned away, database busy",
            words::count(taking_in.writer_busy),
        ),
    ];
    let content = html! {
        (outcomes("Uploads", &taking_in.upload_calls, words::count))
        (outcomes("Redemptions", &taking_in.redeem_calls, words::count))
        (parts::facts(&more))
    };
    card("taking-in", "Taking in", false, &content)
}

fn handing_out(view: &View) -> Markup {
    let content = html! {
        (outcomes("Answers", &view.handing_out.answers, words::count))
        (outcomes("Bytes", &view.handing_out.bytes, words::bytes))
    };
    card("handing-out", "Handing out", false, &content)
}

fn outcomes(title: &str, counts: &[Count], show: fn(f64) -> String) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { (title) } th scope="col" class="n" { "Since start" } } }
            tbody {
                @if counts.is_empty() { tr { th scope="row" { "none" } td class="n" { "0" } } }
                @for count in counts { tr {
                    th scope="row" { (count.name) }
                    td class="n" { (show(count.total)) }
                } }
            }
        }
    }
}

fn keeping(view: &View) -> Markup {
    let keeping = &view.keeping;
    let facts = [
        fact("Database", words::bytes(keeping.database_bytes)),
        (
            "Last backup".into(),
            moment(view, keeping.last_backup, "none known"),
        ),
        (
            "Retention last ran".into(),
            moment(view, keeping.last_forgotten, "not yet"),
        ),
        (
            "Oldest day of keys".into(),
            moment(view, keeping.oldest_key_day, "no keys"),
        ),
        fact("Failed commits", words::count(keeping.commit_failures)),
    ];
    let content = html! {
        (parts::facts(&facts))
        @if !keeping.disks.is_empty() {
            table {
                thead { tr {
                    th scope="col" { "Disk of the" }
                    th scope="col" class="n" { "Free" }
                    th scope="col" class="n" { "Of" }
                    th scope="col" class="n" { "Free share" }
                } }
                tbody { @for disk in &keeping.disks { (row_of(disk)) } }
            }
        }
    };
    card("keeping", "Keeping", false, &content)
}

fn row_of(disk: &Disk) -> Markup {
    html! {
        tr {
            th scope="row" { (disk.folder) }
            td class="n" { (words::bytes(disk.free_bytes)) }
            td class="n" { (words::bytes(disk.bytes)) }
            td class="n" { (words::share(disk.free_bytes, disk.bytes)) }
        }
    }
}

fn false_alarms(view: &View) -> Markup {
    let alarms = &view.false_alarms;
    let facts = [
        fact("Expected a day", words::amount(alarms.expected_per_day)),
        fact("Accepted a day", words::amount(alarms.budget_per_day)),
        fact("Phones", words::count(float(alarms.phones))),
        fact(
            "Tags a phone keeps",
            words::count(float(alarms.tags_per_phone)),
        ),
        fact("Tags that make an alarm", alarms.matched_tags.to_string()),
        fact(
            "Fingerprint bits of new batches",
            alarms.fingerprint_bits.to_string(),
        ),
    ];
    let content = html! {
        (parts::facts(&facts))
        p class="hint" { "By chance, in the whole country, from the batches of the last 24 hours." }
    };
    card("false-alarms", "False alarms", false, &content)
}

fn server(view: &View) -> Markup {
    let server = &view.server;
    let took = server
        .self_check_seconds
        .map_or("none yet".into(), |seconds| {
            format!("{} s", words::amount(seconds))
        });
    let facts = [
        (
            "TLS certificate ends".into(),
            moment(view, server.certificate_ends, "no certificate"),
        ),
        fact("Last self-check took", took),
    ];
    let content = html! {
        (parts::facts(&facts))
        (outcomes("Open connections", &server.connections, words::count))
        (outcomes("Self-checks", &server.self_checks, words::count))
        table {
            thead { tr { th scope="col" { "Signing key" } th scope="col" { "Made" } } }
            tbody {
                @if server.signing_keys.is_empty() { tr { th scope="row" { "unknown" } td { "–" } } }
                @for key in &server.signing_keys { tr {
                    th scope="row" { code { (key.key_id) } }
                    td { (moment(view, Some(key.created), "–")) }
                } }
            }
        }
    };
    card("server", "Server", false, &content)
}

fn fact(name: &str, value: String) -> (String, Markup) {
    (name.into(), html! { (value) })
}

#[expect(clippy::cast_precision_loss, reason = "a number to read")]
fn float(number: u64) -> f64 {
    number as f64
}
