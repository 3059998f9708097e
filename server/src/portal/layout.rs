//! The frame of every page: head, navigation, notices, and the languages to choose from.

use maud::{DOCTYPE, Markup, html};

use super::{
    forms, parts,
    parts::Tone,
    paths,
    texts::{Language, Texts},
};
use crate::officers::{Permission, Role};

/// What surrounds a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chrome {
    /// Who is signed in.
    pub(crate) officer: Option<SignedIn>,
    /// Goes into every POST form.
    pub(crate) csrf: String,
    /// Which link of the navigation leads here.
    pub(crate) section: Option<Section>,
    /// This page's own address, where a change of language comes back to. `None` on pages that cannot be shown again
    /// (a code, a secret): they offer no other language.
    pub(crate) here: Option<String>,
    /// What the officer should know now.
    pub(crate) alerts: Vec<Alert>,
    /// What the officer has just done.
    pub(crate) done: Option<Done>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// `hotline-1@48`.
    pub(crate) sign_in_name: String,
    /// The unit's name.
    pub(crate) unit: String,
    /// What they may do.
    pub(crate) role: Role,
}

/// A part of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Issue form.
    Home,
    /// Find a code.
    Code,
    /// Many codes.
    Bulk,
    /// Figures.
    Figures,
    /// Daily and weekly report.
    Reports,
    /// Accounts.
    Officers,
    /// Administrative units.
    Units,
    /// Who did what.
    Audit,
    /// Own sign-in.
    Account,
    /// How to.
    Help,
}

impl Section {
    /// What a role finds in the navigation.
    fn of(role: Role) -> impl Iterator<Item = Self> {
        let all = [
            (Self::Home, role.permissions().has(Permission::IssueCodes)),
            (Self::Code, true),
            (Self::Bulk, role.permissions().has(Permission::IssueCodes)),
            (Self::Figures, true),
            (Self::Reports, true),
            (
                Self::Officers,
                role.permissions().has(Permission::KeepOfficers),
            ),
            (Self::Units, role.reaches_below()),
            (Self::Audit, role.permissions().has(Permission::ReadAudit)),
            (Self::Help, true),
        ];
        all.into_iter()
            .filter_map(|(section, shown)| shown.then_some(section))
    }

    fn path(self) -> &'static str {
        match self {
            Self::Home => paths::HOME,
            Self::Code => paths::CODE,
            Self::Bulk => paths::BULK,
            Self::Figures => paths::FIGURES,
            Self::Reports => paths::DAILY_REPORT,
            Self::Officers => paths::OFFICERS,
            Self::Units => paths::UNITS,
            Self::Audit => paths::AUDIT,
            Self::Account => paths::ACCOUNT,
            Self::Help => paths::HELP,
        }
    }

    fn name(self, texts: &Texts) -> String {
        match self {
            Self::Home => texts.say("nav-home"),
            Self::Code => texts.say("nav-code"),
            Self::Bulk => texts.say("nav-bulk"),
            Self::Figures => texts.say("nav-figures"),
            Self::Reports => texts.say("nav-reports"),
            Self::Officers => texts.say("nav-officers"),
            Self::Units => texts.say("nav-units"),
            Self::Audit => texts.say("nav-audit"),
            Self::Account => texts.say("nav-account"),
            Self::Help => texts.say("nav-help"),
        }
    }
}

/// Something that cannot wait until it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alert {
    /// 80 % of the day's codes are issued.
    QuotaNear {
        /// Issued today.
        used: u64,
        /// May be issued today.
        limit: u64,
    },
    /// All of the day's codes are issued.
    QuotaUsedUp {
        /// May be issued today.
        limit: u64,
    },
    /// Yesterday's report has not been sent and is due at 15:00.
    DailyReportDue {
        /// It was.
        late: bool,
    },
    /// Last week's report has not been sent and is due on Tuesday at 14:00.
    WeeklyReportDue {
        /// It was.
        late: bool,
    },
    /// So many wrong codes came that redeeming is slowed down.
    GuessBrake,
}

impl Alert {
    fn show(self, texts: &Texts) -> Markup {
        match self {
            Self::QuotaNear { used, limit } => parts::notice(
                Tone::Warning,
                &texts.say("alert-quota-near"),
                html! { p {
                    (texts.say_with("alert-quota-near-body", &[("used", used.into()), ("limit", limit.into())]))
                } },
            ),
            Self::QuotaUsedUp { limit } => parts::notice(
                Tone::Problem,
                &texts.say("alert-quota-used-up"),
                html! { p {
                    (texts.say_with("alert-quota-used-up-body", &[("limit", limit.into())]))
                } },
            ),
            Self::DailyReportDue { late } => parts::notice(
                Tone::Warning,
                &if late {
                    texts.say("alert-daily-report-late")
                } else {
                    texts.say("alert-daily-report")
                },
                html! { p { a href=(paths::DAILY_REPORT) { (texts.say("alert-report-link")) } } },
            ),
            Self::WeeklyReportDue { late } => parts::notice(
                Tone::Warning,
                &if late {
                    texts.say("alert-weekly-report-late")
                } else {
                    texts.say("alert-weekly-report")
                },
                html! { p { a href=(paths::WEEKLY_REPORT) { (texts.say("alert-report-link")) } } },
            ),
            Self::GuessBrake => parts::notice(
                Tone::Warning,
                &texts.say("alert-guess-brake"),
                html! { p { (texts.say("alert-guess-brake-body")) } },
            ),
        }
    }
}

/// What an officer has just done. A tag in the query brings it over a redirect, so that nobody can put words there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// A code is useless now.
    CodeRevoked,
    /// A report went out.
    ReportSent,
    /// An account is closed.
    OfficerDeactivated,
    /// A client key is useless now.
    KeyRevoked,
    /// One or more of one's own sessions ended.
    SessionsEnded,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// The authenticator app was changed.
    TotpChanged,
    /// The password was changed.
    PasswordChanged,
    /// Signed out, on the sign-in page.
    SignedOut,
    /// The sign-in is set up, on the home page.
    Welcome,
}

impl Done {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::CodeRevoked,
        Self::ReportSent,
        Self::OfficerDeactivated,
        Self::KeyRevoked,
        Self::SessionsEnded,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::TotpChanged,
        Self::PasswordChanged,
        Self::SignedOut,
        Self::Welcome,
    ];

    /// What stands in `?done=`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::CodeRevoked => "revoked",
            Self::ReportSent => "report-sent",
            Self::OfficerDeactivated => "deactivated",
            Self::KeyRevoked => "key-revoked",
            Self::SessionsEnded => "sessions-ended",
            Self::PasskeyAdded => "passkey-added",
            Self::PasskeyRemoved => "passkey-removed",
            Self::TotpChanged => "totp-changed",
            Self::PasswordChanged => "password-changed",
            Self::SignedOut => "signed-out",
            Self::Welcome => "welcome",
        }
    }

    /// What that tag means.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.tag() == tag)
    }

    fn say(self, texts: &Texts) -> String {
        match self {
            Self::CodeRevoked => texts.say("done-revoked"),
            Self::ReportSent => texts.say("done-report-sent"),
            Self::OfficerDeactivated => texts.say("done-deactivated"),
            Self::KeyRevoked => texts.say("done-key-revoked"),
            Self::SessionsEnded => texts.say("done-sessions-ended"),
            Self::PasskeyAdded => texts.say("done-passkey-added"),
            Self::PasskeyRemoved => texts.say("done-passkey-removed"),
            Self::TotpChanged => texts.say("done-totp-changed"),
            Self::PasswordChanged => texts.say("done-password-changed"),
            Self::SignedOut => texts.say("done-signed-out"),
            Self::Welcome => texts.say("done-welcome"),
        }
    }
}

/// A page for who is inside.
pub(crate) fn desk(texts: &Texts, chrome: &Chrome, title: &str, content: &Markup) -> Markup {
    document(texts, chrome, "desk", title, content)
}

/// A page for who is not signed in yet, or is shown one thing alone: narrow, in the middle.
pub(crate) fn door(texts: &Texts, chrome: &Chrome, title: &str, content: &Markup) -> Markup {
    document(texts, chrome, "door", title, content)
}

fn document(texts: &Texts, chrome: &Chrome, shape: &str, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(texts.language().tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) " · Truyvet" }
                link rel="icon" type="image/svg+xml" href=(paths::ICON);
                link rel="stylesheet" href=(paths::STYLE);
                script src=(paths::SCRIPT) defer {}
            }
            body class=(shape) {
                a class="skip" href="#main" { (texts.say("skip-link")) }
                (header(texts, chrome))
                main id="main" tabindex="-1" {
                    @if chrome.done.is_some() || !chrome.alerts.is_empty() {
                        div class="notices" {
                            @if let Some(done) = chrome.done {
                                (parts::notice(Tone::Good, &done.say(texts), html! {}))
                            }
                            @for alert in &chrome.alerts { (alert.show(texts)) }
                        }
                    }
                    (content)
                }
                (footer(texts, chrome))
            }
        }
    }
}

fn header(texts: &Texts, chrome: &Chrome) -> Markup {
    html! {
        header class="top" {
            div class="bar" {
                a class="brand" href=(home(chrome)) {
                    svg viewBox="0 0 32 32" aria-hidden="true" focusable="false" {
                        rect width="32" height="32" rx="8" {}
                        path d="M10.6 21.4a7.6 7.6 0 0 1 0-10.8M21.4 10.6a7.6 7.6 0 0 1 0 10.8" {}
                        circle cx="16" cy="16" r="2.6" {}
                    }
                    "Truyvet"
                }
                @if let Some(officer) = &chrome.officer {
                    div class="who" {
                        a href=(paths::ACCOUNT) aria-current=[current(chrome, Section::Account)] {
                            strong { (officer.sign_in_name) }
                            span { (officer.unit) " · " (parts::role(texts, officer.role)) }
                        }
                        (forms::post(paths::SIGN_OUT, &chrome.csrf, "inline", &html! {
                            button class="plain" { (texts.say("sign-out")) }
                        }))
                    }
                }
            }
            @if let Some(officer) = &chrome.officer {
                nav aria-label=(texts.say("nav-label")) {
                    ul {
                        @for section in Section::of(officer.role) {
                            li {
                                a href=(section.path()) aria-current=[current(chrome, section)] {
                                    (section.name(texts))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The first page that the officer may use: an auditor issues nothing.
fn home(chrome: &Chrome) -> &'static str {
    let officer = chrome.officer.as_ref();
    officer
        .and_then(|officer| Section::of(officer.role).next())
        .map_or(paths::HOME, Section::path)
}

fn current(chrome: &Chrome, section: Section) -> Option<&'static str> {
    (chrome.section == Some(section)).then_some("page")
}

fn footer(texts: &Texts, chrome: &Chrome) -> Markup {
    html! {
        footer class="foot" {
            p { (texts.say("footer-privacy")) }
            @if let Some(here) = &chrome.here {
                (forms::post(paths::LANGUAGE, &chrome.csrf, "languages", &html! {
                    input type="hidden" name="back" value=(here);
                    @for language in Language::ALL {
                        @let chosen = language == texts.language();
                        button class="plain" name="language" value=(language.tag()) lang=(language.tag())
                            aria-pressed=(chosen.to_string()) { (language.own_name()) }
                    }
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_survives_a_redirect() {
        for done in Done::ALL {
            assert_eq!(Done::from_tag(done.tag()), Some(done));
        }
        assert_eq!(Done::from_tag("<script>"), None);
    }

    #[test]
    fn an_auditor_is_offered_nothing_that_changes() {
        let offered: Vec<Section> = Section::of(Role::Auditor).collect();
        for section in [Section::Home, Section::Bulk, Section::Officers] {
            assert!(!offered.contains(&section), "{section:?}");
        }
        assert!(offered.contains(&Section::Audit));
    }
}
