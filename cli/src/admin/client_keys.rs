//! `truyvet admin add-client-key`, `client-keys` and `revoke-client-key`.

use std::io::Write;

use clap::ValueEnum;
use serde_json::json;
use truyvet_crypto::Timestamp;
use truyvet_proto::v1::{
    ClientKey, CreateClientKeyRequest, ListClientKeysRequest, RevokeClientKeyRequest, Scope,
};

use crate::{
    date,
    remote::{StaffArgs, explain},
};

/// One thing that a client key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeName {
    /// Issue upload codes
    IssueCodes,
    /// Tell what became of a code
    LookUpCodes,
    /// Make a code useless
    RevokeCodes,
    /// See and send figures
    SeeFigures,
    /// Keep officers, their client keys and units
    KeepOfficers,
    /// Read and export the audit
    ReadAudit,
}

impl ScopeName {
    fn scope(self) -> Scope {
        match self {
            Self::IssueCodes => Scope::IssueCodes,
            Self::LookUpCodes => Scope::LookUpCodes,
            Self::RevokeCodes => Scope::RevokeCodes,
            Self::SeeFigures => Scope::SeeFigures,
            Self::KeepOfficers => Scope::KeepOfficers,
            Self::ReadAudit => Scope::ReadAudit,
        }
    }
}

/// What it is called here; "unknown" for one that this program does not know.
pub(crate) fn scope_name(scope: i32) -> String {
    ScopeName::value_variants()
        .iter()
        .find(|name| name.scope() as i32 == scope)
        .and_then(ValueEnum::to_possible_value)
        .map_or_else(|| "unknown".into(), |value| value.get_name().to_owned())
}

/// Makes a key. The credential alone goes to stdout, once.
pub(super) async fn add(
    staff: &StaffArgs,
    officer_id: String,
    label: String,
    scopes: &[ScopeName],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = CreateClientKeyRequest {
        officer_id,
        label,
        scopes: scopes.iter().map(|name| name.scope().into()).collect(),
    };
    let answer = staff.connect()?.admin().create_client_key(request).await;
    let made = answer.map_err(|status| explain(&status))?.into_inner();
    let key = made.key.unwrap_or_default();
    eprintln!(
        "Made client key {} {:?}. The credential is shown this once; keep it in a file that only its owner may read.",
        key.key_id, key.label
    );
    Ok(writeln!(out, "{}", made.credential)?)
}

/// An account's keys, oldest first.
pub(super) async fn list(
    staff: &StaffArgs,
    officer_id: String,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = ListClientKeysRequest { officer_id };
    let answer = staff.connect()?.admin().list_client_keys(request).await;
    let keys = answer.map_err(|status| explain(&status))?.into_inner().keys;
    for ClientKey {
        key_id,
        officer_id,
        label,
        scopes,
        created_at,
        active,
    } in keys
    {
        let scopes: Vec<String> = scopes.into_iter().map(scope_name).collect();
        if json {
            let object = json!({
                "key_id": key_id,
                "officer_id": officer_id,
                "label": label,
                "scopes": scopes,
                "created_at": created_at,
                "active": active,
            });
            writeln!(out, "{object}")?;
        } else {
            let created = Timestamp::from_unix_seconds(created_at)
                .map_or_else(|| "?".to_owned(), date::show_time);
            let state = if active { "active" } else { "revoked" };
            let scopes = scopes.join(",");
            writeln!(out, "{key_id}  {created}  {state:<8}  {label}  {scopes}")?;
        }
    }
    Ok(())
}

/// Makes a key useless.
pub(super) async fn revoke(
    staff: &StaffArgs,
    officer_id: String,
    key_id: String,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = RevokeClientKeyRequest {
        officer_id,
        key_id: key_id.clone(),
    };
    let answer = staff.connect()?.admin().revoke_client_key(request).await;
    answer.map_err(|status| explain(&status))?;
    Ok(writeln!(out, "revoked: {key_id}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_one_name_everywhere() {
        for name in ScopeName::value_variants() {
            assert_eq!(format!("{name:?}"), format!("{:?}", name.scope()));
        }
        assert_eq!(scope_name(1), "issue-codes");
        assert_eq!(scope_name(99), "unknown");
    }
}
