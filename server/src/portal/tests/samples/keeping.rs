//! Samples of what administrators and auditors look at, and of one's own account.

use super::{PASSKEY, Sample, TODAY, date, inside, moment};
use crate::{
    audit::Action,
    officers::{Permissions, Role},
    portal::{
        layout::{Chrome, Done, Section},
        pages::{
            account::{self, OwnAccount, Passkey, Session},
            audit::{self, Audit, Chain, Entry, Filter, FilterProblem},
            client_keys::{self, ClientKey, ClientKeys, KeyProblem, NewKey},
            confirm::{self, Confirm},
            invitation::PasswordProblem,
            invite::{self, InvitationLink, Invite, InviteProblem},
            officers::{self, Account, AccountState, OfficerView, Officers},
            passkey::{self, NewPasskey},
            sign_in::Refusal,
            step_up::{self, Change, StepUp},
            units::{self, UnitEntry, UnitLink, Units},
        },
        texts::Texts,
    },
};

pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    [
        accounts(texts),
        invitations(texts),
        keys(texts),
        units(texts),
        audit(texts),
        own_account(texts),
    ]
    .concat()
}

fn account(role: Role, state: AccountState) -> Account {
    Account {
        officer: "o-7f3a".into(),
        sign_in_name: "hotline-2@490".into(),
        unit: "Quận Liên Chiểu".into(),
        role,
        state,
        last_seen: (state == AccountState::Active).then(|| date(TODAY - 1)),
    }
}

fn accounts(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Administrator, Some(Section::Officers));
    let closed = Chrome {
        done: Some(Done::OfficerDeactivated),
        ..chrome.clone()
    };
    let invited = AccountState::Invited {
        until: moment(TODAY + 3, 9),
    };
    let list = Officers {
        query: "hotline".into(),
        accounts: vec![
            account(Role::Officer, AccountState::Active),
            account(Role::Supervisor, invited),
            account(Role::Auditor, AccountState::Deactivated),
            account(Role::Officer, AccountState::NotSetUp),
            account(
                Role::Officer,
                AccountState::Reset {
                    until: moment(TODAY + 3, 9),
                },
            ),
        ],
    };
    let officer = |state, own, keys, problems| OfficerView {
        account: account(Role::Officer, state),
        own,
        keys: ClientKeys {
            keys,
            grantable: Role::Officer.permissions(),
            problems,
            ..ClientKeys::default()
        },
    };
    let key = |label: &str, revoked: bool| ClientKey {
        key: "k1".into(),
        label: label.into(),
        scopes: Permissions::ALL,
        created_on: date(TODAY - 40),
        revoked,
    };
    let keys = vec![key("HIS Bệnh viện C", false), key("HIS cũ", true)];
    let active = officer(AccountState::Active, false, keys, vec![]);
    let own = officer(
        AccountState::Active,
        true,
        vec![],
        vec![KeyProblem::Label, KeyProblem::NoScope],
    );
    let gone = officer(AccountState::Deactivated, false, vec![], vec![]);
    vec![
        ("officers", officers::list_page(texts, &closed, &list)),
        (
            "officers-none",
            officers::list_page(texts, &chrome, &Officers::default()),
        ),
        ("officer", officers::officer_page(texts, &chrome, &active)),
        ("officer-own", officers::officer_page(texts, &chrome, &own)),
        (
            "officer-closed",
            officers::officer_page(texts, &chrome, &gone),
        ),
    ]
}

fn invitations(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Administrator, Some(Section::Officers));
    let blank = Invite {
        label: String::new(),
        unit_code: "48".into(),
        role: Role::Officer,
        units: vec![
            ("48".into(), "Thành phố Đà Nẵng".into()),
            ("490".into(), "Quận Liên Chiểu".into()),
        ],
        problems: vec![],
    };
    let wrong = Invite {
        units: vec![],
        role: Role::Administrator,
        problems: vec![
            InviteProblem::Label,
            InviteProblem::LabelTaken,
            InviteProblem::Unit,
            InviteProblem::Role,
        ],
        ..blank.clone()
    };
    let link = InvitationLink {
        sign_in_name: "hotline-2@490".into(),
        link: "https://portal.example.vn/portal/invitation?invitation=Zk3vQ0m2c1YxN8uJ5rT7wA"
            .to_owned()
            .into(),
        expires_at: moment(TODAY + 3, 9),
    };
    let once = Chrome {
        here: None,
        ..chrome.clone()
    };
    vec![
        ("invite", invite::page(texts, &chrome, &blank)),
        ("invite-wrong", invite::page(texts, &chrome, &wrong)),
        ("invited", invite::link_page(texts, &once, &link)),
    ]
}

fn keys(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Administrator, Some(Section::Officers));
    let key = NewKey {
        officer: "o-7f3a".into(),
        label: "HIS Bệnh viện C".into(),
        scopes: Role::Auditor.permissions(),
        credential: "tvk_5zvQ0m2c1YxN8uJ5rT7wAZk3vQ0m2c1YxN8uJ5rT7wA"
            .to_owned()
            .into(),
    };
    let officer = String::from("o-7f3a");
    let sign_in_name = String::from("hotline-2@490");
    let questions = [
        (
            "confirm-deactivate",
            Confirm::Deactivate {
                officer: officer.clone(),
                sign_in_name: sign_in_name.clone(),
            },
        ),
        (
            "confirm-reset",
            Confirm::ResetSignIn {
                officer: officer.clone(),
                sign_in_name,
            },
        ),
        (
            "confirm-key",
            Confirm::RevokeKey {
                officer,
                key: "k1".into(),
                label: "HIS Bệnh viện C".into(),
            },
        ),
    ];
    let mut samples = vec![("new-key", client_keys::new_key_page(texts, &chrome, &key))];
    samples.extend(questions.map(|(name, view)| (name, confirm::page(texts, &chrome, &view))));
    samples
}

fn units(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Supervisor, Some(Section::Units));
    let link = |code: &str, name: &str| UnitLink {
        unit_code: code.into(),
        name: name.into(),
    };
    let entry = |code: &str, name: &str| UnitEntry {
        unit: link(code, name),
        below: 0,
        accounts: (code != "492").then_some(4),
    };
    let tree = Units {
        query: String::new(),
        way: vec![link("VN", "Việt Nam"), link("48", "Thành phố Đà Nẵng")],
        units: vec![
            entry("490", "Quận Liên Chiểu"),
            entry("492", "Quận Hải Châu"),
        ],
        more: 0,
    };
    let found = Units {
        query: "quận".into(),
        way: vec![],
        more: 46,
        ..tree.clone()
    };
    let none = Units {
        query: "xyz".into(),
        ..Units::default()
    };
    vec![
        ("units", units::page(texts, &chrome, &tree)),
        ("units-found", units::page(texts, &chrome, &found)),
        ("units-none", units::page(texts, &chrome, &none)),
        ("units-leaf", units::page(texts, &chrome, &Units::default())),
    ]
}

fn audit(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Auditor, Some(Section::Audit));
    let entry = |(number, action): (u64, &Action)| Entry {
        number,
        at: Some(moment(TODAY, 9)),
        who: (number > 2).then(|| "hotline-1@48".into()),
        by_key: number.is_multiple_of(5),
        action: Ok(*action),
        unit_code: "48".into(),
        about: "4821-0937-5516".into(),
    };
    let full = Audit {
        filter: Filter::default(),
        problem: None,
        today: date(TODAY),
        entries: (1..).zip(Action::ALL).map(entry).collect(),
        has_newer: true,
        older: Some(1),
        chain: Chain::Verified {
            entries: 12_345,
            head: format!("12345:{}", "9f2c".repeat(16)),
            known: true,
        },
    };
    let broken = Audit {
        entries: vec![Entry {
            action: Err("made.up".into()),
            ..full.entries[0].clone()
        }],
        chain: Chain::Broken { entry: 1 },
        ..full.clone()
    };
    let wrong = |problem, chain| Audit {
        filter: Filter {
            first: Some(date(TODAY - 7)),
            last: Some(date(TODAY)),
            action: Some(Action::CodeRevoked),
            officer: "hotline-1@48".into(),
            unit: "999".into(),
        },
        problem: Some(problem),
        entries: vec![],
        chain,
        ..full.clone()
    };
    let unit = wrong(FilterProblem::Unit, Chain::NotAsked { entries: 98_765 });
    let order = wrong(FilterProblem::Order, Chain::HeadUnreadable);
    vec![
        ("audit", audit::page(texts, &chrome, &full)),
        ("audit-broken", audit::page(texts, &chrome, &broken)),
        ("audit-unit", audit::page(texts, &chrome, &unit)),
        ("audit-order", audit::page(texts, &chrome, &order)),
    ]
}

fn own_account(texts: &Texts) -> Vec<Sample> {
    let chrome = inside(Role::Officer, Some(Section::Account));
    let session = |name: &str, current| Session {
        session: name.into(),
        started_at: moment(TODAY, 7),
        last_used_at: moment(TODAY, 9),
        current,
    };
    let full = OwnAccount {
        sign_in_name: "hotline-1@48".into(),
        unit: "Thành phố Đà Nẵng".into(),
        role: Role::Officer,
        sessions: vec![session("s1", true), session("s2", false)],
        totp: true,
        passkeys: vec![Passkey {
            passkey: "p1".into(),
            label: "Máy bàn phòng trực".into(),
            added_on: date(TODAY - 3),
            removable: true,
        }],
        recovery_codes_left: 9,
        minimum: 12,
        problems: vec![],
    };
    let bare = OwnAccount {
        sessions: vec![session("s1", true)],
        totp: false,
        passkeys: vec![],
        recovery_codes_left: 1,
        problems: vec![
            PasswordProblem::OldWrong,
            PasswordProblem::TooManyTries { minutes: 2 },
        ],
        ..full.clone()
    };
    let mut samples = vec![
        ("account", account::page(texts, &chrome, &full)),
        ("account-bare", account::page(texts, &chrome, &bare)),
    ];
    samples.extend(step_up(texts, &chrome));
    for done in Done::ALL {
        let chrome = Chrome {
            done: Some(done),
            ..chrome.clone()
        };
        samples.push((done.tag(), account::page(texts, &chrome, &full)));
    }
    samples
}

fn step_up(texts: &Texts, chrome: &Chrome) -> Vec<Sample> {
    let asked = |change, refusal| StepUp {
        change,
        sign_in_name: "hotline-1@48".into(),
        refusal,
    };
    let gone = Change::RemovePasskey {
        passkey: "p1".into(),
        label: "Máy bàn phòng trực".into(),
    };
    let too_many = Some(Refusal::TooManyTries { minutes: 1 });
    let new = NewPasskey {
        options: PASSKEY.into(),
        state: "sealed".into(),
    };
    let mut samples = vec![("new-passkey", passkey::page(texts, chrome, &new))];
    for (name, view) in [
        ("step-up-totp", asked(Change::Totp { replaces: true }, None)),
        (
            "step-up-first-totp",
            asked(Change::Totp { replaces: false }, too_many),
        ),
        ("step-up-passkey", asked(Change::AddPasskey, None)),
        ("step-up-no-passkey", asked(gone, Some(Refusal::Wrong))),
        ("step-up-codes", asked(Change::RecoveryCodes, None)),
    ] {
        samples.push((name, step_up::page(texts, chrome, &view)));
    }
    samples
}
