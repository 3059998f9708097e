//! Prints officers, units and keys as tables, or as one JSON object a line.

use std::io::Write;

use data_encoding::HEXLOWER;
use serde_json::json;
use truyvet_crypto::{Timestamp, sign::VerifyingKey};
use truyvet_proto::v1::{Invitation, Officer, Role, SigningKeyState, Unit};

use crate::date;

/// A new officer and the credential, which is shown this once: the credential alone on stdout, so that it can go
/// straight into a file, all else on stderr.
pub(super) fn new_officer(
    officer: &Officer,
    credential: &str,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if json {
        let mut object = as_json(officer);
        object["credential"] = credential.into();
        writeln!(out, "{object}")?;
    } else {
        eprintln!(
            "Added {} {:?} of unit {} ({}). The credential is shown this once; keep it in a file that only its owner may \
             read.",
            role(officer.role()),
            officer.label,
            officer.unit_code,
            officer.officer_id,
        );
        writeln!(out, "{credential}")?;
    }
    Ok(())
}

/// Where the new officer signs in with a browser.
pub(super) fn sign_in_link(link: &str) {
    eprintln!(
        "For a browser: {link}\nThe link is good once, for 7 days; whoever has it has the account."
    );
}

/// An invitation: the link alone on stdout, so that it can go straight into a message, all else on stderr.
pub(super) fn invitation(
    officer: &Officer,
    invitation: &Invitation,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if json {
        let mut object = as_json(officer);
        object["link"] = invitation.link.as_str().into();
        object["expires_at"] = invitation.expires_at.into();
        writeln!(out, "{object}")?;
    } else {
        eprintln!(
            "Invited {} {:?} of unit {} ({}). The link is shown this once and good once, for 7 days; whoever has it has \
             the account: send it to one person.",
            role(officer.role()),
            officer.label,
            officer.unit_code,
            officer.officer_id,
        );
        writeln!(out, "{}", invitation.link)?;
    }
    Ok(())
}

/// Officers, one a line.
pub(super) fn officers(
    officers: &[Officer],
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if !json {
        writeln!(
            out,
            "{:<18}{:<10}{:<15}{:<10}label",
            "officer", "unit", "role", "active"
        )?;
    }
    for officer in officers {
        if json {
            writeln!(out, "{}", as_json(officer))?;
        } else {
            let active = if officer.active { "yes" } else { "no" };
            writeln!(
                out,
                "{:<18}{:<10}{:<15}{active:<10}{}",
                officer.officer_id,
                officer.unit_code,
                role(officer.role()),
                officer.label,
            )?;
        }
    }
    Ok(())
}

/// Units, one a line.
pub(super) fn units(units: &[Unit], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if !json {
        writeln!(out, "{:<10}{:<10}name", "unit", "parent")?;
    }
    for Unit {
        unit_code,
        name,
        parent_code,
        closed,
    } in units
    {
        if json {
            let object = json!({
                "unit_code": unit_code,
                "name": name,
                "parent_code": parent_code,
                "closed": closed,
            });
            writeln!(out, "{object}")?;
        } else {
            let closed = if *closed { " (closed)" } else { "" };
            writeln!(out, "{unit_code:<10}{parent_code:<10}{name}{closed}")?;
        }
    }
    Ok(())
}

/// Signing keys, each with the public key file that phones pin.
pub(super) fn keys(
    keys: &[SigningKeyState],
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    for key in keys {
        let id = HEXLOWER.encode(&key.key_id);
        let created = Timestamp::from_unix_seconds(key.created_at)
            .map_or_else(|| "?".to_owned(), date::show_time);
        let pem = <[u8; 32]>::try_from(key.public_key.as_slice())
            .map(|bytes| VerifyingKey::from_bytes(bytes).to_pem())
            .unwrap_or_default();
        if json {
            let object =
                json!({ "key_id": id, "created_at": key.created_at, "public_key_pem": pem });
            writeln!(out, "{object}")?;
        } else {
            writeln!(out, "key {id}, made {created}\n{pem}")?;
        }
    }
    Ok(())
}

fn as_json(officer: &Officer) -> serde_json::Value {
    json!({
        "officer_id": officer.officer_id,
        "label": officer.label,
        "unit_code": officer.unit_code,
        "role": role(officer.role()),
        "active": officer.active,
    })
}

/// What a role is called here.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Unspecified => "unknown",
        Role::Officer => "officer",
        Role::Supervisor => "supervisor",
        Role::Administrator => "administrator",
        Role::Auditor => "auditor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn officers_are_listed_for_people_and_scripts() {
        let officer = Officer {
            officer_id: "00ff".into(),
            label: "hotline-2".into(),
            unit_code: "48".into(),
            role: Role::Supervisor.into(),
            active: true,
        };
        let mut out = Vec::new();
        officers(std::slice::from_ref(&officer), false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("00ff              48        supervisor     yes       hotline-2\n"));
        let mut out = Vec::new();
        new_officer(&officer, "tvo_x", true, &mut out).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&json["role"], &json["credential"]),
            (&"supervisor".into(), &"tvo_x".into())
        );
    }

    #[test]
    fn a_key_is_shown_as_the_file_that_phones_pin() {
        let key = truyvet_crypto::sign::SigningKey::from_seed(&[1; 32]).verifying_key();
        let state = SigningKeyState {
            key_id: key.id().as_bytes().to_vec(),
            public_key: key.as_bytes().to_vec(),
            created_at: 1_596_412_800,
        };
        let mut out = Vec::new();
        keys(&[state], false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(&key.to_pem()) && text.contains("2020-08-03T00:00:00Z"));
    }
}
