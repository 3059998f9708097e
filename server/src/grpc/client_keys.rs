//! Client keys and scopes as the wire has them, for `AdminService` and `OfficerService`.

use tonic::Status;
use truyvet_proto::v1::{
    self as pb, CreateClientKeyRequest, CreateClientKeyResponse, ListClientKeysRequest,
    ListClientKeysResponse, RevokeClientKeyRequest, RevokeClientKeyResponse,
};

use super::status;
use crate::{
    context::Context,
    officers::{self, Actor, ClientKey, Permission, Permissions},
};

fn parse_scopes(scopes: &[i32]) -> Result<Permissions, Status> {
    let permissions: Vec<Permission> = scopes
        .iter()
        .map(|scope| {
            u8::try_from(*scope)
                .ok()
                .and_then(Permission::from_number)
                .ok_or_else(|| status::bad_field("SCOPES", "scopes", &"scopes: unknown"))
        })
        .collect::<Result<_, _>>()?;
    Ok(Permissions::of(&permissions))
}

pub(super) fn pb_scopes(permissions: Permissions) -> Vec<i32> {
    permissions.iter().map(|p| p.number().into()).collect()
}

fn pb_client_key(key: ClientKey) -> pb::ClientKey {
    pb::ClientKey {
        key_id: key.key_id,
        officer_id: key.officer_id,
        label: key.label,
        scopes: pb_scopes(key.scopes),
        created_at: key.created_at.unix_seconds(),
        active: key.active,
    }
}

pub(super) async fn create(
    context: &Context,
    actor: &Actor,
    message: CreateClientKeyRequest,
) -> Result<CreateClientKeyResponse, Status> {
    let CreateClientKeyRequest {
        officer_id,
        label,
        scopes,
    } = message;
    let scopes = parse_scopes(&scopes)?;
    let (key, credential) =
        officers::create_client_key(context, actor, &officer_id, &label, scopes)
            .await
            .map_err(|error| status::of_officer(&error))?;
    Ok(CreateClientKeyResponse {
        key: Some(pb_client_key(key)),
        credential: credential.reveal().to_owned(),
    })
}

pub(super) async fn list(
    context: &Context,
    actor: &Actor,
    message: ListClientKeysRequest,
) -> Result<ListClientKeysResponse, Status> {
    let ListClientKeysRequest { officer_id } = message;
    let keys = officers::client_keys(context, actor, &officer_id)
        .await
        .map_err(|error| status::of_officer(&error))?;
    Ok(ListClientKeysResponse {
        keys: keys.into_iter().map(pb_client_key).collect(),
    })
}

pub(super) async fn revoke(
    context: &Context,
    actor: &Actor,
    message: RevokeClientKeyRequest,
) -> Result<RevokeClientKeyResponse, Status> {
    let RevokeClientKeyRequest { officer_id, key_id } = message;
    officers::revoke_client_key(context, actor, &officer_id, &key_id)
        .await
        .map(|()| RevokeClientKeyResponse {})
        .map_err(|error| status::of_officer(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_the_permissions() {
        for permission in Permission::ALL {
            let number = i32::from(permission.number());
            let scope = pb::Scope::try_from(number).unwrap();
            let name = format!("{permission:?}");
            assert_eq!(format!("{scope:?}"), name, "one word for one thing");
        }
        let all = pb_scopes(Permissions::ALL);
        assert_eq!(parse_scopes(&all).unwrap(), Permissions::ALL);
        assert!(parse_scopes(&[0]).is_err() && parse_scopes(&[7]).is_err());
    }
}
