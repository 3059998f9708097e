//! Home: the form that issues a code, today's counts, and a slip to look for.

use maud::{Markup, html};
use truyvet_crypto::token::ReportType;

use crate::portal::{
    calendar::Date,
    forms::{self, Choice, Input, Pick, Problems},
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// The form.
    pub(crate) form: IssueForm,
    /// What was wrong with it.
    pub(crate) problems: Vec<IssueProblem>,
    /// Counts of the officer's unit.
    pub(crate) today: Today,
    /// The unit's codes a day, if they are limited.
    pub(crate) quota: Option<Quota>,
}

/// The form, as offered or as sent.
#[derive(Clone, Debug)]
pub(crate) struct IssueForm {
    /// Chosen so far.
    pub(crate) report_type: ReportType,
    /// Chosen so far.
    pub(crate) day: DayChoice,
    /// Today, of the local calendar.
    pub(crate) today: Date,
    /// The first day that may be chosen.
    pub(crate) oldest: Date,
    /// Where codes can be for. The choice is offered if there are several.
    pub(crate) regions: Vec<Region>,
    /// Code of the region chosen so far.
    pub(crate) region: String,
    /// The number that makes the form work once.
    pub(crate) once: String,
}

/// A day out of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DayChoice {
    /// One that has a button of its own.
    Quick(Date),
    /// Another, as typed.
    Other(String),
}

/// Where a code can be for.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// What is sent.
    pub(crate) code: String,
    /// What is read.
    pub(crate) name: String,
}

/// What can be wrong with the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IssueProblem {
    /// No kind of report was chosen.
    NoReportType,
    /// No date, or none that can be read.
    NoDay,
    /// A day that has not come.
    DayInFuture,
    /// A day whose contacts are not kept any more.
    DayTooOld,
    /// No region that the officer may issue for.
    NoRegion,
    /// The day's codes are used up.
    QuotaUsedUp,
    /// The officer's unit is closed.
    UnitClosed,
    /// The page was open for too long: what it says may not be meant any more.
    TooOld,
}

/// Counts of the day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Today {
    /// Codes issued.
    pub(crate) issued: u64,
    /// Of these, redeemed.
    pub(crate) redeemed: u64,
    /// Of these, still good.
    pub(crate) open: u64,
}

/// How many codes may be issued a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// Issued today.
    pub(crate) used: u64,
    /// May be.
    pub(crate) limit: u64,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Home) -> Markup {
    let title = texts.say("home-title");
    let problems = problems(texts, &view.problems);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("home-lead"))))
            (problems.summary(texts))
            div class="columns" {
                div class="card main-card" { (form(texts, chrome, &view.form, &problems)) }
                div class="rail" {
                    section class="card" {
                        h2 { (texts.say("home-today")) }
                        (parts::tiles(&[
                            (texts.say("count-issued"), texts.number(view.today.issued)),
                            (texts.say("count-redeemed"), texts.number(view.today.redeemed)),
                            (texts.say("count-open"), texts.number(view.today.open)),
                        ]))
                        @if let Some(quota) = view.quota { (quota_bar(texts, quota)) }
                    }
                    section class="card" {
                        h2 { (texts.say("find-title")) }
                        (find_form(texts, "", &Problems::default()))
                    }
                    section class="card" {
                        h2 { (texts.say("home-more")) }
                        ul class="links" {
                            li { a href=(paths::BULK) { (texts.say("home-link-bulk")) } }
                            li { a href=(paths::WITHDRAWAL) { (texts.say("home-link-withdrawal")) } }
                            li { a href=(paths::FIGURES) { (texts.say("home-link-figures")) } }
                            li { a href=(paths::HELP) { (texts.say("home-link-help")) } }
                        }
                    }
                }
            }
        },
    )
}

/// The field that finds a code by its serial, here and on the page of a code.
///
/// - `serial`: as typed.
pub(crate) fn find_form(texts: &Texts, serial: &str, problems: &Problems) -> Markup {
    let field = Input::text("serial", texts.say("serial"))
        .hint(texts.say("serial-hint"))
        .value(serial)
        .numeric()
        .longest(20)
        .class("number");
    forms::get(
        paths::CODE,
        "row",
        &html! { (field.show(problems)) button class="secondary" { (texts.say("find-button")) } },
    )
}

/// What a kind of report is called.
pub(crate) fn report_type(texts: &Texts, report_type: ReportType) -> String {
    match report_type {
        ReportType::ConfirmedTest => texts.say("report-type-confirmed"),
        ReportType::Clinical => texts.say("report-type-clinical"),
        ReportType::SelfTest => texts.say("report-type-self-test"),
        ReportType::Withdrawal => texts.say("report-type-withdrawal"),
    }
}

/// What stands for a kind of report in forms and in bulk files.
pub(crate) fn report_type_value(report_type: ReportType) -> &'static str {
    match report_type {
        ReportType::ConfirmedTest => "confirmed",
        ReportType::Clinical => "clinical",
        ReportType::SelfTest => "self-test",
        ReportType::Withdrawal => "withdrawal",
    }
}

fn form(texts: &Texts, chrome: &Chrome, form: &IssueForm, problems: &Problems) -> Markup {
    // A withdrawal has a page of its own.
    let kinds = [
        (ReportType::ConfirmedTest, "report-type-confirmed-hint"),
        (ReportType::Clinical, "report-type-clinical-hint"),
        (ReportType::SelfTest, "report-type-self-test-hint"),
    ]
    .map(|(kind, hint)| {
        Choice::with_hint(
            report_type_value(kind),
            report_type(texts, kind),
            texts.say(hint),
        )
    });
    forms::post(
        paths::ISSUE,
        &chrome.csrf,
        "issue",
        &html! {
            (forms::once(&form.once))
            (forms::choices(
                Pick::One, "report_type", &texts.say("report-type"), &kinds,
                &[report_type_value(form.report_type)], problems,
            ))
            (day(texts, form, problems))
            @if let [_, _, ..] = form.regions.as_slice() {
                @let regions: Vec<Choice> = form.regions.iter().map(|r| Choice::new(&r.code, &r.name)).collect();
                (forms::select("region", &texts.say("region"), &regions, &form.region, problems))
            } @else {
                input type="hidden" name="region" value=(form.region);
            }
            button class="wide big" { (texts.say("issue-button")) }
            p class="hint centred" { (texts.say("issue-once")) }
        },
    )
}

/// Today and yesterday by one press, any other day by its date. All of it works without scripts.
fn day(texts: &Texts, form: &IssueForm, problems: &Problems) -> Markup {
    let yesterday = form.today.days_before(1);
    let quick = [
        (form.today, texts.say("today")),
        (yesterday, texts.say("yesterday")),
    ];
    let other = match &form.day {
        DayChoice::Other(typed) => Some(typed.as_str()),
        DayChoice::Quick(_) => None,
    };
    let date = Input::date("other_day", texts.say("other-day-date"), form.today.iso())
        .earliest(form.oldest.iso())
        .value(other.unwrap_or_default())
        .optional()
        .chooses("day-other");
    html! {
        fieldset class="field" {
            legend { (texts.say("onset-day")) }
            p class="hint" { (texts.say("onset-day-hint")) }
            div class="choices quick" {
                @for (i, (date, name)) in quick.iter().enumerate() {
                    @let id = if i == 0 { "day" } else { "day-yesterday" };
                    div class="choice" {
                        input type="radio" id=(id) name="day" value=(date.iso())
                            checked[form.day == DayChoice::Quick(*date)] required;
                        label for=(id) { (name) " " span class="soft" { (date.short(texts)) } }
                    }
                }
                div class="choice" {
                    input type="radio" id="day-other" name="day" value="other" checked[other.is_some()] required;
                    label for="day-other" { (texts.say("other-day")) }
                }
            }
            div class="other-day" { (date.show(problems)) }
        }
    }
}

fn quota_bar(texts: &Texts, quota: Quota) -> Markup {
    let text = texts.say_with(
        "quota",
        &[("used", quota.used.into()), ("limit", quota.limit.into())],
    );
    html! {
        div class="quota" {
            label for="quota" { (text) }
            progress id="quota" class=[(quota.used * 5 >= quota.limit * 4).then_some("near")]
                max=(quota.limit) value=(quota.used.min(quota.limit)) { (text) }
        }
    }
}

fn problems(texts: &Texts, found: &[IssueProblem]) -> Problems {
    let mut problems = Problems::default();
    for problem in found {
        let (field, text) = match problem {
            IssueProblem::NoReportType => ("report_type", texts.say("problem-report-type")),
            IssueProblem::NoDay => ("other_day", texts.say("problem-day")),
            IssueProblem::DayInFuture => ("other_day", texts.say("problem-day-future")),
            IssueProblem::DayTooOld => ("other_day", texts.say("problem-day-old")),
            IssueProblem::NoRegion => ("region", texts.say("problem-region")),
            IssueProblem::QuotaUsedUp => ("report_type", texts.say("problem-quota")),
            IssueProblem::UnitClosed => ("report_type", texts.say("problem-unit-closed")),
            IssueProblem::TooOld => ("report_type", texts.say("problem-form-old")),
        };
        problems.add(field, text);
    }
    problems
}
