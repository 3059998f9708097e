//! `truyvet admin create-officer`: an officer straight into the database.

use std::io::Write;

use anyhow::Context as _;
use truyvet_server::{authorize::Role, create_first_officer, settings::SettingsArgs};

use super::RoleName;
use crate::effects;

/// Adds an officer for whoever owns the database file; prints the credential on stdout, all else on stderr.
pub(super) async fn create(
    settings: SettingsArgs,
    label: &str,
    unit: &str,
    role: RoleName,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let role = match role {
        RoleName::Officer => Role::Officer,
        RoleName::Supervisor => Role::Supervisor,
        RoleName::Administrator => Role::Administrator,
        RoleName::Auditor => Role::Auditor,
    };
    let mut rng = effects::rng()?;
    let (officer, credential) = create_first_officer(&settings, label, unit, role, &mut rng)
        .await?
        .with_context(|| settings.database.display().to_string())?;
    eprintln!(
        "Added {} {:?} of unit {} ({}). The credential below is shown this once; keep it in a file that only its \
         owner may read.",
        format!("{:?}", officer.role).to_lowercase(),
        officer.label,
        officer.unit_code,
        officer.officer_id,
    );
    writeln!(out, "{}", credential.reveal())?;
    Ok(())
}
