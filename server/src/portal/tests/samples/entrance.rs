//! Samples of what is before the sign-in, of help and of trouble.

use super::{PASSKEY, Sample, inside, outside};
use crate::{
    officers::Role,
    portal::{
        layout::{Chrome, Done, Section},
        pages::{
            errors::{self, Trouble},
            help, invitation, recovery_codes, sign_in, totp,
        },
        texts::Texts,
    },
};

pub(super) fn all(texts: &Texts) -> Vec<Sample> {
    let chrome = outside();
    let refused = sign_in::SignIn {
        sign_in_name: "hotline-1@48".into(),
        refusal: Some(sign_in::Refusal::Wrong),
        session_ended: true,
        provider: Some("Cổng định danh".into()),
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
    let no_app = sign_in::SecondFactor {
        totp: false,
        refusal: Some(sign_in::Refusal::Passkey),
        ..factor.clone()
    };
    let recovery = sign_in::Recovery {
        refusal: Some(sign_in::Refusal::Wrong),
    };
    let gone = Chrome {
        done: Some(Done::SignedOut),
        ..chrome.clone()
    };
    let mut samples = vec![
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
            "second-factor-passkey",
            sign_in::second_factor_page(texts, &chrome, &no_app),
        ),
        (
            "recovery",
            sign_in::recovery_page(texts, &chrome, &recovery),
        ),
    ];
    samples.extend(joining(texts));
    #[cfg(feature = "oidc")]
    samples.extend(by_provider(texts));
    samples.extend(trouble(texts));
    samples
}

#[cfg(feature = "oidc")]
fn by_provider(texts: &Texts) -> Vec<Sample> {
    use crate::portal::pages::oidc::{Refusal, arrival_page, refusal_page};

    let chrome = Chrome {
        here: None,
        ..outside()
    };
    let refusals = [
        ("oidc-unknown", Refusal::Unknown),
        ("oidc-taken", Refusal::Taken),
        ("oidc-refused", Refusal::NotCompleted),
        ("oidc-over", Refusal::Over),
        ("oidc-unavailable", Refusal::Unavailable),
    ];
    let mut samples: Vec<Sample> = refusals
        .map(|(name, refusal)| (name, refusal_page(texts, &chrome, refusal)))
        .into();
    let next = "/portal/oidc/finish?state=x&code=y";
    samples.push(("oidc-arrival", arrival_page(texts, &chrome, next)));
    samples
}

fn joining(texts: &Texts) -> Vec<Sample> {
    let chrome = Chrome {
        here: None,
        ..outside()
    };
    let welcome = invitation::Invitation {
        invitation: "sample-invitation".to_owned().into(),
        sign_in_name: "hotline-1@48".into(),
        unit: "Thành phố Đà Nẵng".into(),
        role: Role::Officer,
        minimum: 12,
        problems: vec![],
        provider: None,
    };
    let refused = invitation::Invitation {
        problems: vec![
            invitation::PasswordProblem::Length,
            invitation::PasswordProblem::TooCommon,
            invitation::PasswordProblem::Different,
        ],
        provider: Some("Cổng định danh".into()),
        ..welcome.clone()
    };
    let setup = |place, state: &str, wrong: Option<totp::Wrong>| {
        totp::Setup {
        place,
        otpauth_uri: "otpauth://totp/Truyvet:hotline-1@48?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Truyvet"
            .to_owned()
            .into(),
        secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".to_owned().into(),
        passkey_options: (place == totp::Place::Invitation).then(|| PASSKEY.into()),
        state: state.into(),
        wrong,
    }
    };
    let invited = totp::Place::Invitation;
    let desk = inside(Role::Officer, Some(Section::Account));
    let codes = recovery_codes::RecoveryCodes {
        place: invited,
        sign_in_name: "hotline-1@48".into(),
        codes: (0..10)
            .map(|i| format!("K7MX-4R{i}P-9WTA").into())
            .collect(),
    };
    vec![
        ("invitation", invitation::page(texts, &chrome, &welcome)),
        (
            "invitation-wrong",
            invitation::page(texts, &chrome, &refused),
        ),
        (
            "totp",
            totp::page(texts, &chrome, &setup(invited, "", None)),
        ),
        (
            "totp-wrong",
            totp::page(
                texts,
                &desk,
                &setup(totp::Place::Account, "sealed", Some(totp::Wrong::Totp)),
            ),
        ),
        (
            "totp-passkey",
            totp::page(
                texts,
                &chrome,
                &setup(invited, "", Some(totp::Wrong::Passkey)),
            ),
        ),
        (
            "recovery-codes",
            recovery_codes::page(texts, &chrome, &codes),
        ),
    ]
}

fn trouble(texts: &Texts) -> Vec<Sample> {
    let officer = inside(Role::Officer, Some(Section::Help));
    let mut samples = vec![("help", help::page(texts, &officer))];
    for (name, trouble) in [
        ("error-forbidden", Trouble::Forbidden),
        ("error-not-found", Trouble::NotFound),
        ("error-form", Trouble::FormRefused),
        ("error-tries", Trouble::TooManyTries { minutes: 1 }),
        ("error-large", Trouble::TooLarge),
        (
            "error-server",
            Trouble::Server {
                reference: "7f3a-21c9".into(),
            },
        ),
        ("error-unavailable", Trouble::Unavailable),
    ] {
        samples.push((name, errors::page(texts, &officer, &trouble)));
    }
    for (name, trouble) in [
        ("error-invitation", Trouble::InvitationGone),
        ("error-enrolment", Trouble::EnrolmentGone),
    ] {
        samples.push((name, errors::page(texts, &outside(), &trouble)));
    }
    samples
}
