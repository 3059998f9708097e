//! One's own sign-in: password, second factor, recovery codes, and where one is signed in.

use maud::{Markup, html};

use super::invitation::{self, PasswordProblem};
use crate::{
    officers::Role,
    portal::{
        calendar::{Date, Moment},
        forms::{self, Input},
        icons::Icon,
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::{Language, Texts},
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct OwnAccount {
    /// What one types to sign in.
    pub(crate) sign_in_name: String,
    /// The unit's name.
    pub(crate) unit: String,
    /// What one may do.
    pub(crate) role: Role,
    /// Where one is signed in, this session first. Neither addresses nor browsers are kept.
    pub(crate) sessions: Vec<Session>,
    /// Whether there is an authenticator app.
    pub(crate) totp: bool,
    /// Passkeys, oldest first.
    pub(crate) passkeys: Vec<Passkey>,
    /// Recovery codes that were not used yet.
    pub(crate) recovery_codes_left: u64,
    /// Fewest characters of a password.
    pub(crate) minimum: u32,
    /// What was wrong with a new password.
    pub(crate) problems: Vec<PasswordProblem>,
}

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Names it in forms; not its secret.
    pub(crate) session: String,
    /// When it began.
    pub(crate) started_at: Moment,
    /// When it was last used.
    pub(crate) last_used_at: Moment,
    /// Whether it is this one.
    pub(crate) current: bool,
}

/// A passkey.
#[derive(Clone, Debug)]
pub(crate) struct Passkey {
    /// Names it in forms.
    pub(crate) passkey: String,
    /// What it is called.
    pub(crate) label: String,
    /// When it was added.
    pub(crate) added_on: Date,
    /// Whether it can be removed: not the last second factor.
    pub(crate) removable: bool,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &OwnAccount) -> Markup {
    let title = texts.say("nav-account");
    let problems = invitation::password_problems(texts, &view.problems, view.minimum);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, None))
            (problems.summary(texts))
            div class="stack medium" {
                section class="card" {
                    (parts::facts(&[
                        (texts.say("sign-in-name"), html! { (view.sign_in_name) }),
                        (texts.say("unit"), html! { (view.unit) }),
                        (texts.say("role"), html! { (parts::role(texts, view.role)) }),
                    ]))
                }
                (language(texts, chrome))
                (second_factor(texts, view))
                (recovery(texts, view))
                section class="card" {
                    h2 { (texts.say("account-password")) }
                    (forms::post(paths::CHANGE_PASSWORD, &chrome.csrf, "", &html! {
                        (invitation::username(&view.sign_in_name))
                        (Input::password("old_password", texts.say("old-password"), "current-password").show(&problems))
                        (invitation::new_password(texts, view.minimum, &problems))
                        button class="secondary" { (texts.say("account-password-button")) }
                    }))
                }
                (sessions(texts, chrome, view))
            }
        },
    )
}

fn language(texts: &Texts, chrome: &Chrome) -> Markup {
    html! {
        section class="card" {
            h2 { (texts.say("account-language")) }
            (forms::post(paths::LANGUAGE, &chrome.csrf, "row-buttons", &html! {
                input type="hidden" name="back" value=(paths::ACCOUNT);
                @for language in Language::ALL {
                    button class="secondary" name="language" value=(language.tag()) lang=(language.tag())
                        aria-pressed=((language == texts.language()).to_string()) { (language.own_name()) }
                }
            }))
        }
    }
}

fn second_factor(texts: &Texts, view: &OwnAccount) -> Markup {
    html! {
        section class="card" {
            h2 { (texts.say("second-factor")) }
            h3 { (texts.say("authenticator")) }
            p {
                @if view.totp { (parts::badge(Tone::Good, Icon::Good, &texts.say("authenticator-on"))) }
                @else { (parts::badge(Tone::Note, Icon::Note, &texts.say("authenticator-off"))) }
            }
            p class="actions" {
                a class="button secondary" href=(paths::ADD_TOTP) { (authenticator(texts, view.totp)) }
            }
            h3 { (texts.say("passkeys")) }
            @if view.passkeys.is_empty() { p class="soft" { (texts.say("passkeys-none")) } }
            @else {
                ul class="rows" { @for passkey in &view.passkeys { (passkey_row(texts, passkey)) } }
            }
            p class="actions" { a class="button secondary" href=(paths::ADD_PASSKEY) { (texts.say("passkey-add")) } }
        }
    }
}

/// What is done about the authenticator app, here and as the title of the page that asks for the password.
pub(crate) fn authenticator(texts: &Texts, replaces: bool) -> String {
    if replaces {
        texts.say("authenticator-change")
    } else {
        texts.say("authenticator-add")
    }
}

fn passkey_row(texts: &Texts, passkey: &Passkey) -> Markup {
    let query = [("passkey_id", passkey.passkey.as_str())];
    html! {
        li {
            span {
                strong { (passkey.label) } " "
                span class="soft" { (texts.say_with("passkey-added", &[("day", passkey.added_on.show(texts).into())])) }
            }
            @if passkey.removable {
                a href=(paths::with_query(paths::REMOVE_PASSKEY, &query)) {
                    (texts.say("passkey-remove")) span class="unseen" { " " (passkey.label) }
                }
            }
        }
    }
}

fn recovery(texts: &Texts, view: &OwnAccount) -> Markup {
    let left = texts.say_with(
        "recovery-codes-left",
        &[("codes", view.recovery_codes_left.into())],
    );
    html! {
        section class="card" {
            h2 { (texts.say("recovery-codes")) }
            @if view.recovery_codes_left < 3 { (parts::notice(Tone::Warning, &left, html! {})) } @else { p { (left) } }
            p class="actions" {
                a class="button secondary" href=(paths::NEW_RECOVERY_CODES) { (texts.say("recovery-codes-new")) }
            }
            p class="hint gap" { (texts.say("recovery-codes-new-hint")) }
        }
    }
}

fn sessions(texts: &Texts, chrome: &Chrome, view: &OwnAccount) -> Markup {
    html! {
        section class="card" {
            h2 { (texts.say("sessions")) }
            ul class="rows" {
                @for (number, session) in (1..).zip(&view.sessions) {
                    li {
                        span {
                            strong { (texts.say_with("session-started", &[("time", session.started_at.show(texts).into())])) }
                            br;
                            span class="soft" {
                                (texts.say_with("session-used", &[("time", session.last_used_at.show(texts).into())]))
                            }
                        }
                        @if session.current {
                            (parts::badge(Tone::Good, Icon::Good, &texts.say("session-current")))
                        } @else {
                            (forms::post(paths::END_SESSIONS, &chrome.csrf, "inline", &html! {
                                input type="hidden" name="session" value=(session.session);
                                button class="plain" { (texts.say("session-end")) span class="unseen" { " " (number) } }
                            }))
                        }
                    }
                }
            }
            @if view.sessions.len() > 1 {
                (forms::post(paths::END_SESSIONS, &chrome.csrf, "gap", &html! {
                    button class="secondary" { (texts.say("sessions-end-others")) }
                }))
            }
        }
    }
}
