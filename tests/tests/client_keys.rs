//! Client keys: a hospital's system may do what its scopes say, and no more.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use tonic::Code;
use truyvet_proto::v1::{
    CodeOrder, CreateClientKeyRequest, CreateClientKeyResponse, CreateOfficerRequest, FirstAccess,
    GetFiguresRequest, GetSelfRequest, GetSelfResponse, IssueCodeRequest, ListAuditRequest,
    ListClientKeysRequest, ListOfficersRequest, ReportType, RevokeClientKeyRequest, Role, Scope,
};
use truyvet_tests::world::{World, bearer, refusal};

async fn officer(world: &World, unit_code: &str, role: Role) -> (String, String) {
    let request = CreateOfficerRequest {
        label: format!("{role:?}"),
        unit_code: unit_code.into(),
        role: role.into(),
        first_access: FirstAccess::ClientKey.into(),
    };
    let mut admin = world.admin().await;
    let request = bearer(&world.administrator, request);
    let created = admin.create_officer(request).await.unwrap().into_inner();
    (created.officer.unwrap().officer_id, created.credential)
}

async fn create(
    world: &World,
    credential: &str,
    officer_id: &str,
    scopes: &[Scope],
) -> Result<CreateClientKeyResponse, tonic::Status> {
    let request = CreateClientKeyRequest {
        officer_id: officer_id.into(),
        label: "hospital-system".into(),
        scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
    };
    let mut admin = world.admin().await;
    let answer = admin.create_client_key(bearer(credential, request)).await?;
    Ok(answer.into_inner())
}

async fn who(world: &World, credential: &str) -> GetSelfResponse {
    let mut officers = world.officers().await;
    let request = bearer(credential, GetSelfRequest {});
    officers.get_self(request).await.unwrap().into_inner()
}

fn issue(world: &World) -> IssueCodeRequest {
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: world.today().number(),
        region: String::new(),
    };
    IssueCodeRequest { order: Some(order) }
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    let world = World::new().await;
    let (officer_id, credential) = officer(&world, "490", Role::Officer).await;
    let made = create(
        &world,
        &world.administrator,
        &officer_id,
        &[Scope::IssueCodes],
    )
    .await
    .unwrap();
    let key = made.key.unwrap();
    let me = who(&world, &made.credential).await;
    assert_eq!(me.scopes, [i32::from(Scope::IssueCodes)]);
    assert_eq!(me.key_id, key.key_id);
    assert_eq!(me.unit.unwrap().name, "Quận Liên Chiểu");
    assert_eq!(me.officer.unwrap().officer_id, officer_id);
    assert_eq!(who(&world, &credential).await.scopes.len(), 4);

    let mut officers = world.officers().await;
    officers
        .issue_code(bearer(&made.credential, issue(&world)))
        .await
        .unwrap();
    let figures = bearer(&made.credential, GetFiguresRequest::default());
    let status = officers.get_figures(figures).await.unwrap_err();
    assert_eq!(refusal(&status).1, "NOT_ALLOWED");
    // A key without the scope for officers keeps none, whatever its account's role.
    let (admin_id, _) = officer(&world, "VN", Role::Auditor).await;
    let reads = create(&world, &world.administrator, &admin_id, &[Scope::ReadAudit])
        .await
        .unwrap();
    let mut admin = world.admin().await;
    let listed = admin
        .list_officers(bearer(&reads.credential, ListOfficersRequest {}))
        .await;
    assert_eq!(listed.unwrap_err().code(), Code::PermissionDenied);
    let mut audit = world.audit().await;
    audit
        .list_audit(bearer(&reads.credential, ListAuditRequest::default()))
        .await
        .unwrap();

    let request = RevokeClientKeyRequest {
        officer_id: officer_id.clone(),
        key_id: key.key_id.clone(),
    };
    admin
        .revoke_client_key(bearer(&world.administrator, request))
        .await
        .unwrap();
    let status = officers
        .issue_code(bearer(&made.credential, issue(&world)))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    officers
        .issue_code(bearer(&credential, issue(&world)))
        .await
        .expect("the account's other key is as good as before");
    let request = ListClientKeysRequest { officer_id };
    let keys = admin
        .list_client_keys(bearer(&world.administrator, request))
        .await
        .unwrap()
        .into_inner()
        .keys;
    let states: Vec<_> = keys.iter().map(|key| (&*key.label, key.active)).collect();
    assert!(states.contains(&("first", true)) && states.contains(&("hospital-system", false)));
}

#[tokio::test]
async fn nobody_grants_more_than_they_or_the_account_hold_nor_beyond_their_reach() {
    let world = World::new().await;
    let (officer_id, credential) = officer(&world, "490", Role::Officer).await;
    let (_, da_nang) = officer(&world, "48", Role::Administrator).await;
    let (_, hue) = officer(&world, "46", Role::Administrator).await;
    for scopes in [
        &[][..],
        &[Scope::KeepOfficers],
        &[Scope::IssueCodes, Scope::ReadAudit],
    ] {
        let status = create(&world, &da_nang, &officer_id, scopes)
            .await
            .unwrap_err();
        assert_eq!(refusal(&status).2, ["scopes"]);
    }
    let status = create(&world, &hue, &officer_id, &[Scope::IssueCodes])
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_OFFICER");
    let status = create(&world, &credential, &officer_id, &[Scope::IssueCodes])
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NOT_ALLOWED");
    let made = create(&world, &da_nang, &officer_id, &[Scope::IssueCodes])
        .await
        .unwrap();
    let mut admin = world.admin().await;
    let request = RevokeClientKeyRequest {
        officer_id: officer_id.clone(),
        key_id: made.key.unwrap().key_id,
    };
    let status = admin
        .revoke_client_key(bearer(&hue, request.clone()))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_OFFICER");
    let other = RevokeClientKeyRequest {
        key_id: "00".into(),
        ..request
    };
    let status = admin
        .revoke_client_key(bearer(&da_nang, other))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_CLIENT_KEY");
}
