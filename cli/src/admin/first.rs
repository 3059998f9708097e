//! `truyvet admin create-officer`: an officer straight into the database.

use std::io::Write;

use truyvet_proto::v1 as pb;
use truyvet_server::{create_first_officer, officers::Role, settings::SettingsArgs};

use super::show;
use crate::effects;

/// Adds an officer for whoever owns the database file; prints the credential on stdout, all else on stderr, the link
/// of an invitation among it.
pub(super) async fn create(
    settings: SettingsArgs,
    label: &str,
    unit: &str,
    role: Role,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let mut rng = effects::rng()?;
    let (officer, credential, invitation) =
        create_first_officer(&settings, label, unit, role, effects::now(), &mut rng).await??;
    let officer = pb::Officer {
        officer_id: officer.officer_id,
        label: officer.label,
        unit_code: officer.unit_code,
        role: i32::from(officer.role.number()),
        active: officer.active,
    };
    show::new_officer(&officer, credential.reveal(), false, out)?;
    show::sign_in_link(&invitation.link(&settings.portal_origin));
    Ok(())
}
