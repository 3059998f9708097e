//! `AdminService`: officers, units, signing keys, publish now.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};
use tracing::warn;
use truyvet_matching::Region;
use truyvet_proto::v1::{
    self as pb, CreateClientKeyRequest, CreateClientKeyResponse, CreateOfficerRequest,
    CreateOfficerResponse, CreateUnitRequest, CreateUnitResponse, DeactivateOfficerRequest,
    DeactivateOfficerResponse, InviteOfficerRequest, InviteOfficerResponse, ListClientKeysRequest,
    ListClientKeysResponse, ListOfficersRequest, ListOfficersResponse, ListSigningKeysRequest,
    ListSigningKeysResponse, ListUnitsRequest, ListUnitsResponse, PublishNowRequest,
    PublishNowResponse, RevokeClientKeyRequest, RevokeClientKeyResponse, RotateSigningKeyRequest,
    RotateSigningKeyResponse, SigningKeyState, admin_service_server::AdminService,
};

use super::{auth, client_keys, status};
use crate::{
    audit::Action,
    context::Context,
    keys::DatedSigningKey,
    officers::{self, Access, Actor, FirstAccess, Officer, Role, Unit, UnitQuery},
    publish::{self, PublishError},
    sign_in,
};

pub(super) struct Admin(Arc<Context>);

impl Admin {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }

    /// The message, if the caller may act for the whole deployment.
    async fn of_deployment<T>(&self, request: Request<T>) -> Result<(Actor, T), Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        officers::may_run_the_deployment(&self.0, &actor)
            .await
            .map_err(|error| status::of_officer(&error))?;
        Ok((actor, message))
    }

    fn pb_invitation(&self, invitation: &sign_in::Invitation) -> pb::Invitation {
        pb::Invitation {
            link: invitation.link(&self.0.settings.portal_origin).to_string(),
            expires_at: invitation.expires_at.unix_seconds(),
        }
    }

    /// Writes down what is about to be done elsewhere than in the store: what cannot be written is not done.
    async fn write_down(&self, actor: &Actor, action: Action, subject: &str) -> Result<(), Status> {
        let unit_code = &actor.officer.unit_code;
        let entry = actor.entry(self.0.now(), action, unit_code, subject);
        let written = self.0.store.append_audit(entry).await;
        written.map_err(|error| status::of_store(&error))
    }
}

fn pb_role(role: Role) -> pb::Role {
    match role {
        Role::Officer => pb::Role::Officer,
        Role::Supervisor => pb::Role::Supervisor,
        Role::Administrator => pb::Role::Administrator,
        Role::Auditor => pb::Role::Auditor,
    }
}

pub(super) fn pb_officer(officer: Officer) -> pb::Officer {
    pb::Officer {
        officer_id: officer.officer_id,
        label: officer.label,
        unit_code: officer.unit_code,
        role: pb_role(officer.role).into(),
        active: officer.active,
    }
}

pub(super) fn pb_unit(unit: Unit) -> pb::Unit {
    pb::Unit {
        unit_code: unit.unit_code,
        name: unit.name,
        parent_code: unit.parent_code.unwrap_or_default(),
        closed: unit.closed,
    }
}

fn pb_key(dated: &DatedSigningKey) -> SigningKeyState {
    let key = dated.key.verifying_key();
    SigningKeyState {
        key_id: key.id().as_bytes().to_vec(),
        public_key: key.as_bytes().to_vec(),
        created_at: dated.created_at.unix_seconds(),
    }
}

#[async_trait]
impl AdminService for Admin {
    async fn create_officer(
        &self,
        request: Request<CreateOfficerRequest>,
    ) -> Result<Response<CreateOfficerResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let CreateOfficerRequest {
            label,
            unit_code,
            role,
            first_access,
        } = message;
        let role = u8::try_from(role)
            .ok()
            .and_then(Role::from_number)
            .ok_or_else(|| status::bad_field("ROLE", "role", &"role: unknown"))?;
        let first_access = match pb::FirstAccess::try_from(first_access) {
            Ok(pb::FirstAccess::Unspecified | pb::FirstAccess::ClientKey) => FirstAccess::ClientKey,
            Ok(pb::FirstAccess::Invitation) => FirstAccess::Invitation,
            Err(_) => {
                let unknown = &"first_access: unknown";
                return Err(status::bad_field("FIRST_ACCESS", "first_access", unknown));
            }
        };
        let (officer, access) =
            officers::create(&self.0, &actor, &label, &unit_code, role, first_access)
                .await
                .map_err(|error| status::of_officer(&error))?;
        let mut response = CreateOfficerResponse {
            officer: Some(pb_officer(officer)),
            ..CreateOfficerResponse::default()
        };
        match access {
            Access::Credential(credential) => response.credential = credential.reveal().to_owned(),
            Access::Invitation(invitation) => {
                response.invitation = Some(self.pb_invitation(&invitation));
            }
        }
        Ok(Response::new(response))
    }

    async fn invite_officer(
        &self,
        request: Request<InviteOfficerRequest>,
    ) -> Result<Response<InviteOfficerResponse>, Status> {
        let (actor, InviteOfficerRequest { officer_id }) = auth::actor(&self.0, request).await?;
        let invitation = sign_in::invite(&self.0, &actor, &officer_id)
            .await
            .map_err(|error| status::of_officer(&error))?;
        Ok(Response::new(InviteOfficerResponse {
            invitation: Some(self.pb_invitation(&invitation)),
        }))
    }

    async fn list_officers(
        &self,
        request: Request<ListOfficersRequest>,
    ) -> Result<Response<ListOfficersResponse>, Status> {
        let (actor, ListOfficersRequest {}) = auth::actor(&self.0, request).await?;
        let officers = officers::visible_officers(&self.0, &actor)
            .await
            .map_err(|error| status::of_officer(&error))?;
        Ok(Response::new(ListOfficersResponse {
            officers: officers.into_iter().map(pb_officer).collect(),
        }))
    }

    async fn deactivate_officer(
        &self,
        request: Request<DeactivateOfficerRequest>,
    ) -> Result<Response<DeactivateOfficerResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let DeactivateOfficerRequest { officer_id } = message;
        officers::deactivate(&self.0, &actor, &officer_id)
            .await
            .map(|()| Response::new(DeactivateOfficerResponse {}))
            .map_err(|error| status::of_officer(&error))
    }

    async fn create_client_key(
        &self,
        request: Request<CreateClientKeyRequest>,
    ) -> Result<Response<CreateClientKeyResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let made = client_keys::create(&self.0, &actor, message).await?;
        Ok(Response::new(made))
    }

    async fn list_client_keys(
        &self,
        request: Request<ListClientKeysRequest>,
    ) -> Result<Response<ListClientKeysResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let keys = client_keys::list(&self.0, &actor, message).await?;
        Ok(Response::new(keys))
    }

    async fn revoke_client_key(
        &self,
        request: Request<RevokeClientKeyRequest>,
    ) -> Result<Response<RevokeClientKeyResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let revoked = client_keys::revoke(&self.0, &actor, message).await?;
        Ok(Response::new(revoked))
    }

    async fn create_unit(
        &self,
        request: Request<CreateUnitRequest>,
    ) -> Result<Response<CreateUnitResponse>, Status> {
        let (actor, CreateUnitRequest { unit }) = auth::actor(&self.0, request).await?;
        let pb::Unit {
            unit_code,
            name,
            parent_code,
            closed: _,
        } = unit.ok_or_else(|| status::bad_field("UNIT_MISSING", "unit", &"unit: missing"))?;
        let unit = Unit {
            unit_code,
            name,
            parent_code: Some(parent_code),
            closed: false,
        };
        officers::add_unit(&self.0, &actor, unit)
            .await
            .map(|()| Response::new(CreateUnitResponse {}))
            .map_err(|error| status::of_officer(&error))
    }

    async fn list_units(
        &self,
        request: Request<ListUnitsRequest>,
    ) -> Result<Response<ListUnitsResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let ListUnitsRequest {
            parent_code,
            search,
            include_closed,
            after_code,
            limit,
        } = message;
        let query = UnitQuery {
            parent_code: (!parent_code.is_empty()).then_some(parent_code),
            search,
            closed: include_closed,
            after: after_code,
            limit: usize::try_from(limit).ok().filter(|limit| *limit > 0),
        };
        let units = officers::find_units(&self.0, &actor, &query)
            .await
            .map_err(|error| status::of_store(&error))?;
        Ok(Response::new(ListUnitsResponse {
            units: units.into_iter().map(pb_unit).collect(),
        }))
    }

    async fn list_signing_keys(
        &self,
        request: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        self.of_deployment(request).await?;
        let keys = self
            .0
            .keys
            .signing()
            .iter()
            .map(|key| pb_key(key))
            .collect();
        Ok(Response::new(ListSigningKeysResponse { keys }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        let (actor, RotateSigningKeyRequest {}) = self.of_deployment(request).await?;
        self.write_down(&actor, Action::SigningKeyRotated, "")
            .await?;
        let made = self
            .0
            .keys
            .rotate(self.0.now(), &mut self.0.rng())
            .map_err(|error| status::of_keys(&error))?;
        // The indexes are signed by every active key, so by the new one too. The key is made whether or not that works
        // right now: they are signed again before long in any case.
        for &region in &self.0.settings.regions {
            if let Err(error) = self.0.catalog.refresh(&self.0, region).await {
                warn!(%region, %error, "the index is not signed by the new key yet");
            }
        }
        Ok(Response::new(RotateSigningKeyResponse {
            key: Some(pb_key(&made)),
        }))
    }

    async fn publish_now(
        &self,
        request: Request<PublishNowRequest>,
    ) -> Result<Response<PublishNowResponse>, Status> {
        let (actor, PublishNowRequest { region }) = self.of_deployment(request).await?;
        let region: Region = region
            .parse()
            .map_err(|_| status::of_publish(&PublishError::UnknownRegion))?;
        self.write_down(&actor, Action::WindowPublished, region.as_str())
            .await?;
        // On a task of its own: a caller who hangs up does not stop a publication half-way.
        let context = Arc::clone(&self.0);
        let published = tokio::spawn(async move { publish::publish(&context, region).await })
            .await
            .map_err(|error| status::internal(&error))?
            .map_err(|error| status::of_publish(&error))?;
        Ok(Response::new(PublishNowResponse {
            sequence: published.sequence,
            digest: published.digest.as_bytes().to_vec(),
            tags: published.tags,
            file_bytes: published.file_bytes,
        }))
    }
}
