//! `truyvet admin`: what an administrator does, from a terminal.
//!
//! One RPC a command; only `create-officer`, since somebody has to be the first, and what has to do with backups, retired
//! keys and a move to another database work in the server's own folders.

mod audit;
mod backup;
mod client_keys;
mod first;
mod migrate;
mod retire;
mod show;
mod top;

use std::{io::Write, path::PathBuf};

use clap::{Subcommand, ValueEnum};
use truyvet_proto::v1::{
    CreateOfficerRequest, CreateUnitRequest, DeactivateOfficerRequest, FirstAccess,
    InviteOfficerRequest, ListOfficersRequest, ListSigningKeysRequest, ListUnitsRequest,
    PublishNowRequest, RotateSigningKeyRequest, Unit,
};
use truyvet_server::{officers::Role, settings::SettingsArgs};

use self::client_keys::ScopeName;
pub(crate) use self::{client_keys::scope_name, show::role as role_name};
use crate::{
    remote::{Staff, StaffArgs, explain},
    words,
};

/// What an administrator does.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Add an officer directly in the database, on the server's machine: how the first administrator is made.
    /// Works while the server runs. The credential is printed this once, and a link to sign in with a browser on stderr
    CreateOfficer {
        /// The settings that the server runs with; --data-dir is enough for most
        #[command(flatten)]
        settings: Box<SettingsArgs>,
        /// What the unit calls the account, for instance "hotline-2"; not a person's name
        #[arg(long, default_value = "administrator")]
        label: String,
        /// Official code of the unit
        #[arg(long, value_name = "CODE", default_value = "VN")]
        unit: String,
        /// What they may do
        #[arg(long, value_enum, default_value = "administrator")]
        role: RoleName,
    },
    /// Add an officer to one's own unit or one below; the credential, or the link, is printed this once
    AddOfficer {
        #[command(flatten)]
        staff: StaffArgs,
        /// What the unit calls the account, for instance "hotline-2"; not a person's name
        #[arg(long)]
        label: String,
        /// Official code of the unit
        #[arg(long, value_name = "CODE")]
        unit: String,
        /// What they may do; not more than oneself
        #[arg(long, value_enum, default_value = "officer")]
        role: RoleName,
        /// A link by which a person sets up their sign-in with a browser, in place of a credential for programs
        #[arg(long)]
        invite: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Invite somebody anew who lost password or second factor; accepting ends all that the account signed in with
    Invite {
        #[command(flatten)]
        staff: StaffArgs,
        /// As `officers` prints it
        officer_id: String,
    },
    /// List the officers of one's own unit and those below
    Officers {
        #[command(flatten)]
        staff: StaffArgs,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make an officer's credential useless at once
    Deactivate {
        #[command(flatten)]
        staff: StaffArgs,
        /// As `officers` prints it
        officer_id: String,
    },
    /// Make a client key for an account, with scopes of its own; the credential is printed this once
    AddClientKey {
        #[command(flatten)]
        staff: StaffArgs,
        /// Whose, as `officers` prints it
        #[arg(long, value_name = "OFFICER_ID")]
        officer: String,
        /// What it is for, for instance "hospital-system"
        #[arg(long)]
        label: String,
        /// What it may do; not more than the account's role and oneself
        #[arg(
            long = "scope",
            value_enum,
            value_delimiter = ',',
            required = true,
            value_name = "LIST"
        )]
        scopes: Vec<ScopeName>,
    },
    /// List an account's client keys, oldest first
    ClientKeys {
        #[command(flatten)]
        staff: StaffArgs,
        /// Whose, as `officers` prints it
        #[arg(long, value_name = "OFFICER_ID")]
        officer: String,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make a client key useless at once
    RevokeClientKey {
        #[command(flatten)]
        staff: StaffArgs,
        /// Whose, as `officers` prints it
        #[arg(long, value_name = "OFFICER_ID")]
        officer: String,
        /// As `client-keys` prints it
        key_id: String,
    },
    /// Read, take out and verify what officers did
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Add a unit that the list of units has not, for instance a commune or a hospital
    AddUnit {
        #[command(flatten)]
        staff: StaffArgs,
        /// Its code, for instance 490-01 for a hospital of district 490
        #[arg(long)]
        code: String,
        /// Its name
        #[arg(long)]
        name: String,
        /// Code of the unit above
        #[arg(long, value_name = "CODE")]
        parent: String,
    },
    /// List one's own unit and those below
    Units {
        #[command(flatten)]
        staff: StaffArgs,
        /// Only those directly below this unit
        #[arg(long, value_name = "CODE", default_value = "")]
        below: String,
        /// Only those whose code or words begin with this; accents do not count
        #[arg(long, value_name = "TEXT", default_value = "")]
        search: String,
        /// Closed ones too
        #[arg(long)]
        closed: bool,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List the keys that sign what phones download, oldest first; the last one signs batches
    Keys {
        #[command(flatten)]
        staff: StaffArgs,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make a new signing key; those before stay in use beside it
    RotateKey {
        #[command(flatten)]
        staff: StaffArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// How a server is: what is wrong, rates, queues, batches, disks; refreshed until q or Ctrl-C
    Top(top::TopArgs),
    /// Delete the secret half of a signing key that a later one has replaced, while no server runs. Refused as long as an
    /// index names a batch that it signed. A phone that was off since before the new key needs a new version of the app
    RetireKey {
        /// The settings that the server runs with; --data-dir is enough for most
        #[command(flatten)]
        settings: Box<SettingsArgs>,
        /// As `keys` prints it
        key_id: String,
    },
    /// Copy database and batches into a new folder, on the server's machine, while the server runs or not
    Backup {
        /// The settings that the server runs with; --data-dir is enough for most
        #[command(flatten)]
        settings: Box<SettingsArgs>,
        /// The folder to make; nothing may be there
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// The secret keys too: whoever reads the backup can then sign in the server's name
        #[arg(long)]
        with_keys: bool,
    },
    /// Read all of a backup and say whether it is as it was made, and when it must be deleted
    VerifyBackup {
        /// The backup
        #[arg(long, value_name = "FOLDER")]
        from: PathBuf,
    },
    /// Make a server's folder from a backup, into an empty one in which no server runs
    Restore {
        /// The settings that the server will run with; --data-dir is enough for most
        #[command(flatten)]
        settings: Box<SettingsArgs>,
        /// The backup
        #[arg(long, value_name = "FOLDER")]
        from: PathBuf,
        /// Copies of the batch files that were published after the backup, so that phones that have seen them go on: the
        /// batches folder that was, or what a mirror or cache still has
        #[arg(long, value_name = "FOLDER")]
        published: Option<PathBuf>,
    },
    /// Move the database from SQLite into an empty PostgreSQL database, on the server's machine, while no server runs. All is
    /// compared before it counts; then the file is renamed to <file>.moved. If anything goes wrong, nothing has changed
    MigrateStore(Box<migrate::MigrateArgs>),
    /// Close a region's open window now and publish it
    Publish {
        #[command(flatten)]
        staff: StaffArgs,
        /// A region of the configuration
        #[arg(long, default_value = "VN")]
        region: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// What an officer may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// Issues codes; sees and revokes their own unit's
    Officer,
    /// Also sees and revokes those of the units below
    Supervisor,
    /// Also keeps officers, units and keys, and publishes
    Administrator,
    /// Looks at figures and states; changes nothing
    Auditor,
}

impl RoleName {
    fn role(self) -> Role {
        match self {
            Self::Officer => Role::Officer,
            Self::Supervisor => Role::Supervisor,
            Self::Administrator => Role::Administrator,
            Self::Auditor => Role::Auditor,
        }
    }
}

/// Runs one command; results go to `out`.
///
/// # Errors
/// What the server or the database refused, in words.
pub(crate) async fn run(command: AdminCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        AdminCommand::CreateOfficer {
            settings,
            label,
            unit,
            role,
        } => first::create(*settings, &label, &unit, role.role(), out).await,
        AdminCommand::AddOfficer {
            staff,
            label,
            unit,
            role,
            invite,
            json,
        } => {
            let request = CreateOfficerRequest {
                label,
                unit_code: unit,
                role: role.role().number().into(),
                first_access: if invite {
                    FirstAccess::Invitation.into()
                } else {
                    FirstAccess::ClientKey.into()
                },
            };
            let answer = staff.connect()?.admin().create_officer(request).await;
            let added = answer.map_err(|status| explain(&status))?.into_inner();
            let officer = added.officer.unwrap_or_default();
            match &added.invitation {
                Some(invitation) => show::invitation(&officer, invitation, json, out),
                None => show::new_officer(&officer, &added.credential, json, out),
            }
        }
        AdminCommand::Invite { staff, officer_id } => {
            let request = InviteOfficerRequest { officer_id };
            let answer = staff.connect()?.admin().invite_officer(request).await;
            let answer = answer.map_err(|status| explain(&status))?.into_inner();
            let link = answer.invitation.unwrap_or_default().link;
            Ok(writeln!(out, "{link}")?)
        }
        AdminCommand::Officers { staff, json } => {
            let answer = staff
                .connect()?
                .admin()
                .list_officers(ListOfficersRequest {})
                .await;
            let officers = answer
                .map_err(|status| explain(&status))?
                .into_inner()
                .officers;
            show::officers(&officers, json, out)
        }
        AdminCommand::Deactivate { staff, officer_id } => {
            let request = DeactivateOfficerRequest {
                officer_id: officer_id.clone(),
            };
            let answer = staff.connect()?.admin().deactivate_officer(request).await;
            answer.map_err(|status| explain(&status))?;
            Ok(writeln!(out, "deactivated: {officer_id}")?)
        }
        AdminCommand::AddClientKey {
            staff,
            officer,
            label,
            scopes,
        } => client_keys::add(&staff, officer, label, &scopes, out).await,
        AdminCommand::ClientKeys {
            staff,
            officer,
            json,
        } => client_keys::list(&staff, officer, json, out).await,
        AdminCommand::RevokeClientKey {
            staff,
            officer,
            key_id,
        } => client_keys::revoke(&staff, officer, key_id, out).await,
        AdminCommand::Audit(command) => audit::run(command, out).await,
        AdminCommand::AddUnit {
            staff,
            code,
            name,
            parent,
        } => {
            let unit = Unit {
                unit_code: code.clone(),
                name,
                parent_code: parent,
                closed: false,
            };
            let request = CreateUnitRequest { unit: Some(unit) };
            let answer = staff.connect()?.admin().create_unit(request).await;
            answer.map_err(|status| explain(&status))?;
            Ok(writeln!(out, "added: {code}")?)
        }
        AdminCommand::Units {
            staff,
            below,
            search,
            closed,
            json,
        } => {
            let request = ListUnitsRequest {
                parent_code: below,
                search,
                include_closed: closed,
                ..ListUnitsRequest::default()
            };
            let answer = staff.connect()?.admin().list_units(request).await;
            let units = answer
                .map_err(|status| explain(&status))?
                .into_inner()
                .units;
            show::units(&units, json, out)
        }
        AdminCommand::Keys { staff, json } => {
            let request = ListSigningKeysRequest {};
            let answer = staff.connect()?.admin().list_signing_keys(request).await;
            let keys = answer.map_err(|status| explain(&status))?.into_inner().keys;
            show::keys(&keys, json, out)
        }
        AdminCommand::RotateKey { staff, json } => {
            let request = RotateSigningKeyRequest {};
            let answer = staff.connect()?.admin().rotate_signing_key(request).await;
            let key = answer.map_err(|status| explain(&status))?.into_inner().key;
            show::keys(&[key.unwrap_or_default()], json, out)
        }
        AdminCommand::Top(args) => top::run(&args, out).await,
        AdminCommand::RetireKey { settings, key_id } => retire::key(*settings, &key_id, out).await,
        AdminCommand::Backup {
            settings,
            to,
            with_keys,
        } => backup::make(*settings, &to, with_keys, out),
        AdminCommand::VerifyBackup { from } => backup::verify(&from, out),
        AdminCommand::Restore {
            settings,
            from,
            published,
        } => backup::restore(*settings, &from, published.as_deref(), out),
        AdminCommand::MigrateStore(args) => migrate::run(*args, out).await,
        AdminCommand::Publish {
            staff,
            region,
            json,
        } => publish(&staff.connect()?, region, json, out).await,
    }
}

async fn publish(
    staff: &Staff,
    region: String,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = PublishNowRequest {
        region: region.clone(),
    };
    let answer = staff.admin().publish_now(request).await;
    let published = answer.map_err(|status| explain(&status))?.into_inner();
    let digest = data_encoding::HEXLOWER.encode(&published.digest);
    if json {
        let object = serde_json::json!({
            "region": region,
            "sequence": published.sequence,
            "digest": digest,
            "tags": published.tags,
            "file_bytes": published.file_bytes,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(
            out,
            "published batch {} of {region}: {} tags (padding included), {} bytes\n{digest}",
            published.sequence,
            words::grouped(published.tags),
            words::grouped(published.file_bytes)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_one_name_and_one_number_everywhere() {
        for name in RoleName::value_variants() {
            let on_the_wire =
                truyvet_proto::v1::Role::try_from(i32::from(name.role().number())).unwrap();
            let typed = name.to_possible_value().unwrap();
            assert_eq!(show::role(on_the_wire), typed.get_name());
        }
    }
}
