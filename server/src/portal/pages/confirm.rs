//! Asks once more before something that cannot be taken back.

use maud::{Markup, html};

use crate::portal::{
    forms,
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// What is about to happen.
#[derive(Clone, Debug)]
pub(crate) enum Confirm {
    /// A code becomes useless.
    RevokeCode {
        /// From the slip.
        serial: String,
    },
    /// A lost sheet's codes become useless, and new ones are issued.
    ReissueSheet {
        /// Names the import.
        import: String,
        /// Counted from 1.
        sheet: u64,
        /// Of the sheet's codes, those that nobody redeemed.
        open: u64,
        /// The number that makes the form work once.
        once: String,
    },
    /// An account is closed.
    Deactivate {
        /// Names the account.
        officer: String,
        /// What the officer types to sign in.
        sign_in_name: String,
    },
    /// An account's password and second factor go, and a new invitation is made.
    ResetSignIn {
        /// Names the account.
        officer: String,
        /// What the officer types to sign in.
        sign_in_name: String,
    },
    /// A hospital system's key becomes useless.
    RevokeKey {
        /// Names the account.
        officer: String,
        /// Names the key.
        key: String,
        /// What it is called.
        label: String,
    },
}

/// The words, and where yes and no lead.
struct Question {
    title: String,
    consequence: String,
    yes: String,
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    back: String,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Confirm) -> Markup {
    let question = question(texts, view);
    layout::desk(
        texts,
        chrome,
        &question.title,
        &html! {
            div class="medium" {
                (parts::heading(&question.title, Some(&question.consequence)))
                (forms::post(question.action, &chrome.csrf, "actions", &html! {
                    @for (name, value) in &question.fields { input type="hidden" name=(name) value=(value); }
                    button class="danger" { (question.yes) }
                    a class="button secondary" href=(question.back) { (texts.say("cancel")) }
                }))
            }
        },
    )
}

fn question(texts: &Texts, view: &Confirm) -> Question {
    match view {
        Confirm::RevokeCode { serial } => Question {
            title: texts.say_with("confirm-revoke", &[("serial", serial.as_str().into())]),
            consequence: texts.say("confirm-revoke-body"),
            yes: texts.say("confirm-revoke-yes"),
            action: paths::REVOKE,
            fields: vec![("serial", serial.clone())],
            back: paths::with_query(paths::CODE, &[("serial", serial)]),
        },
        Confirm::ReissueSheet {
            import,
            sheet,
            open,
            once,
        } => Question {
            title: texts.say_with("confirm-reissue", &[("sheet", (*sheet).into())]),
            consequence: texts.say_with("confirm-reissue-body", &[("open", (*open).into())]),
            yes: texts.say("confirm-reissue-yes"),
            action: paths::REISSUE,
            fields: vec![
                ("import", import.clone()),
                ("sheet", sheet.to_string()),
                (paths::ONCE_FIELD, once.clone()),
            ],
            back: paths::with_query(paths::IMPORT, &[("import", import)]),
        },
        Confirm::Deactivate {
            officer,
            sign_in_name,
        } => Question {
            title: texts.say_with(
                "confirm-deactivate",
                &[("account", sign_in_name.as_str().into())],
            ),
            consequence: texts.say("confirm-deactivate-body"),
            yes: texts.say("confirm-deactivate-yes"),
            action: paths::DEACTIVATE,
            fields: vec![("officer", officer.clone())],
            back: paths::with_query(paths::OFFICER, &[("officer", officer)]),
        },
        Confirm::ResetSignIn {
            officer,
            sign_in_name,
        } => Question {
            title: texts.say_with(
                "confirm-reset",
                &[("account", sign_in_name.as_str().into())],
            ),
            consequence: texts.say("confirm-reset-body"),
            yes: texts.say("confirm-reset-yes"),
            action: paths::RESET_SIGN_IN,
            fields: vec![("officer", officer.clone())],
            back: paths::with_query(paths::OFFICER, &[("officer", officer)]),
        },
        Confirm::RevokeKey {
            officer,
            key,
            label,
        } => Question {
            title: texts.say_with("confirm-key", &[("label", label.as_str().into())]),
            consequence: texts.say("confirm-key-body"),
            yes: texts.say("confirm-key-yes"),
            action: paths::REVOKE_KEY,
            fields: vec![("officer", officer.clone()), ("key", key.clone())],
            back: paths::with_query(paths::OFFICER, &[("officer", officer)]),
        },
    }
}
