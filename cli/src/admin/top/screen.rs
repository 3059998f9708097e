//! The view as lines of text: what is wrong first, then numbers, then charts of one line each.

use truyvet_server::console::{
    view::{Chart, Finding, Line as Curve, Span, Unit, Urgency, View},
    words,
};

/// Bars from nothing to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Columns of a chart's name and of its numbers.
const NAME_WIDTH: usize = 30;
const NUMBERS_WIDTH: usize = 34;
/// Fewest columns of a chart that say something.
const LEAST_CHART_WIDTH: usize = 12;

/// How a line stands out. What it says is in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Good,
    Warning,
    Problem,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// For a terminal: says how to leave, and what is wrong with the connection.
pub(super) fn on_terminal(view: &View, trouble: Option<&str>, width: usize) -> Vec<Line> {
    let mut all = vec![line(Tone::Plain, "q leaves · refreshed every 2 s".into())];
    if let Some(trouble) = trouble {
        let at = words::moment(view.at, view.utc_offset_seconds);
        let text = format!("No answer; what stands below is of {at}. {trouble}");
        all.extend(
            wrapped(&text, width, 0)
                .into_iter()
                .map(|text| line(Tone::Problem, text)),
        );
    }
    all.extend(lines(view, width));
    all
}

/// All of it, in lines of about `width` columns.
pub(super) fn lines(view: &View, width: usize) -> Vec<Line> {
    let mut all = vec![line(
        Tone::Plain,
        format!(
            "Truyvet {} · up {} · {} {}",
            view.version,
            words::duration(i64::try_from(view.up_seconds).unwrap_or(i64::MAX)),
            words::moment(view.at, view.utc_offset_seconds),
            words::zone(view.utc_offset_seconds)
        ),
    )];
    all.push(verdict(view));
    for finding in &view.findings {
        all.extend(said(view, finding, width));
    }
    all.push(line(Tone::Plain, String::new()));
    for (name, value) in numbers(view) {
        all.push(line(Tone::Plain, format!("{name:<24}{value}")));
    }
    all.push(line(Tone::Plain, String::new()));
    all.push(line(Tone::Strong, format!("The last {}", span(view.span))));
    for chart in &view.charts {
        for curve in &chart.lines {
            all.push(line(Tone::Plain, drawn(chart, curve, width)));
        }
    }
    all
}

fn line(tone: Tone, text: String) -> Line {
    Line { tone, text }
}

fn verdict(view: &View) -> Line {
    let urgent = view
        .findings
        .iter()
        .any(|finding| finding.urgency == Urgency::Page);
    let tone = match (view.ready, urgent, view.findings.is_empty()) {
        (false, ..) | (_, true, _) => Tone::Problem,
        (true, false, false) => Tone::Warning,
        (true, false, true) => Tone::Good,
    };
    line(tone, view.verdict.clone())
}

fn said(view: &View, finding: &Finding, width: usize) -> Vec<Line> {
    let (tone, mark) = match finding.urgency {
        Urgency::Page => (Tone::Problem, "!!"),
        Urgency::Ticket => (Tone::Warning, "! "),
    };
    let since = words::duration(view.at - finding.since);
    let text = format!("{mark} {}: {} For {since}.", finding.title, finding.text);
    let rows = wrapped(&text, width, 3);
    rows.into_iter().map(|text| line(tone, text)).collect()
}

/// Names and values.
fn numbers(view: &View) -> Vec<(String, String)> {
    let (taking_in, handing_out, keeping) = (&view.taking_in, &view.handing_out, &view.keeping);
    let alarms = &view.false_alarms;
    let mut all = vec![
        row(
            "uploads",
            format!(
                "{} a second · {} since start",
                words::amount(taking_in.uploads_per_second),
                words::count(taking_in.uploads)
            ),
        ),
        row(
            "redemptions",
            format!(
                "{} a second · {} since start",
                words::amount(taking_in.redemptions_per_second),
                words::count(taking_in.redemptions)
            ),
        ),
        row(
            "downloads",
            format!(
                "{} index, {} batches, {} a second",
                words::amount(handing_out.index_per_second),
                words::amount(handing_out.batches_per_second),
                words::bytes(handing_out.bytes_per_second)
            ),
        ),
        row(
            "database queue",
            format!(
                "{} · {} turned away",
                words::count(taking_in.writer_queue),
                words::count(taking_in.writer_busy)
            ),
        ),
    ];
    for region in &view.publishing {
        all.push((
            format!("region {}", region.region),
            format!(
                "closed {} · last batch {}, {} tags · a phone {} a day",
                ago(view, region.last_window_closed, "never"),
                words::bytes(region.batch_bytes),
                words::count(region.batch_tags),
                words::bytes(region.phone_bytes_per_day)
            ),
        ));
    }
    all.push(row(
        "false alarms a day",
        format!(
            "{} expected · {} accepted",
            words::amount(alarms.expected_per_day),
            words::amount(alarms.budget_per_day)
        ),
    ));
    for disk in &keeping.disks {
        all.push((
            format!("disk of the {}", disk.folder),
            format!(
                "{} free of {} ({})",
                words::bytes(disk.free_bytes),
                words::bytes(disk.bytes),
                words::share(disk.free_bytes, disk.bytes)
            ),
        ));
    }
    all.push(row("database", words::bytes(keeping.database_bytes)));
    all.push(row(
        "last backup",
        ago(view, keeping.last_backup, "none known"),
    ));
    let newest = view.server.signing_keys.iter().map(|key| key.created).max();
    all.push(row("newest signing key", ago(view, newest, "unknown")));
    if let Some(ends) = view.server.certificate_ends {
        all.push(row(
            "TLS certificate",
            format!("ends in {}", words::duration(ends - view.at)),
        ));
    }
    all
}

fn row(name: &str, value: String) -> (String, String) {
    (name.into(), value)
}

fn ago(view: &View, unix_seconds: Option<i64>, none: &str) -> String {
    unix_seconds.map_or(none.into(), |at| {
        format!("{} ago", words::duration(view.at - at))
    })
}

fn span(span: Span) -> &'static str {
    match span {
        Span::Hour => "hour",
        Span::SixHours => "6 hours",
        Span::Day => "day",
    }
}

/// Name, bars, what it says now and at most.
fn drawn(chart: &Chart, curve: &Curve, width: usize) -> String {
    let name = if chart.lines.len() > 1 {
        &curve.name
    } else {
        &chart.title
    };
    let now = shown(chart.unit, curve.now);
    let numbers = match curve.highest() {
        Some(highest) => format!("now {now}, highest {}", shown(chart.unit, highest)),
        None => format!("now {now}"),
    };
    let room = width.saturating_sub(NAME_WIDTH + NUMBERS_WIDTH);
    if room < LEAST_CHART_WIDTH {
        return format!("{name:<NAME_WIDTH$}{numbers}");
    }
    format!(
        "{name:<NAME_WIDTH$}{} {numbers}",
        bars(&curve.points, room - 1)
    )
}

fn shown(unit: Unit, number: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", words::amount(number)),
        Unit::BytesPerSecond => format!("{}/s", words::bytes(number)),
        Unit::Pieces => words::count(number),
        Unit::Bytes => words::bytes(number),
        Unit::AlarmsPerDay => words::amount(number),
    }
}

/// `▁▂█ ▄`: the highest of the points that fall into a column; a space where nothing is known.
fn bars(points: &[Option<f64>], width: usize) -> String {
    let width = width.min(points.len()).max(1);
    let columns: Vec<Option<f64>> = (0..width)
        .map(|column| {
            let of = column * points.len() / width..(column + 1) * points.len() / width;
            points[of].iter().flatten().copied().reduce(f64::max)
        })
        .collect();
    let highest = columns.iter().flatten().copied().fold(0.0, f64::max);
    columns
        .iter()
        .map(|column| match column {
            None => ' ',
            Some(value) if highest <= 0.0 || *value <= 0.0 => BARS[0],
            Some(value) => BARS[step(*value / highest)],
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of seven steps"
)]
fn step(share: f64) -> usize {
    ((share * 7.0).ceil() as usize).min(7)
}

/// In lines of at most `width` columns, where words are not longer; all but the first begin with so many spaces.
fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    for word in text.split(' ') {
        let is_empty = row.trim().is_empty();
        if !is_empty && row.chars().count() + 1 + word.chars().count() > width {
            rows.push(std::mem::replace(&mut row, " ".repeat(indent)));
        } else if !is_empty {
            row.push(' ');
        }
        row.push_str(word);
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_what_they_stand_for() {
        let points = [Some(0.0), Some(1.0), None, Some(4.0), Some(7.0), Some(0.1)];
        assert_eq!(bars(&points, 6), "▁▂ ▅█▂");
        assert_eq!(bars(&points, 3), "▂▅█");
        assert_eq!(bars(&points, 90), "▁▂ ▅█▂");
        assert_eq!(bars(&[Some(0.0), Some(0.0)], 2), "▁▁");
        assert_eq!(bars(&[None; 4], 4), "    ");
    }

    #[test]
    fn long_sentences_go_on_below() {
        assert_eq!(
            wrapped("!! a window is overdue", 12, 3),
            ["!! a window", "   is", "   overdue"]
        );
        assert_eq!(wrapped("short", 12, 3), ["short"]);
        assert_eq!(wrapped("", 12, 3), [""]);
    }
}
