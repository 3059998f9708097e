//! Climbing: every call of the staff services, by every role, from one's own unit and from others, with every scope of a
//! client key. Who may is a table; a call that is not in it fails the test.

use std::collections::BTreeSet;

use prost::{Message, bytes::Bytes};
use prost_types::FileDescriptorSet;
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};
use truyvet_proto::v1 as pb;
use truyvet_server::officers::{
    self, Access, Actor, Credential, FirstAccess, Officer,
    Permission::{self, IssueCodes, KeepOfficers, LookUpCodes, ReadAudit, RevokeCodes, SeeFigures},
    Permissions, Role,
};
use truyvet_tests::world::{World, bearer, channel, refusal};

/// Who is reached by a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The caller's own unit, or what they see of it: everybody has one.
    Own,
    /// The same, for those who do more than look.
    OwnButAuditors,
    /// Something of unit 48: for its own people, and for those above whose role reaches below.
    Unit48,
    /// A list that somebody else of unit 48 made: for those who supervise it.
    ListOf48,
    /// The deployment: for administrators of the country.
    Deployment,
}

/// A call: service, method, what it needs, whom it reaches, what is sent.
struct Call {
    service: &'static str,
    method: &'static str,
    needs: &'static [Permission],
    reach: Reach,
    message: fn(&Scene) -> Vec<u8>,
}

/// What the calls are about: things of unit 48.
struct Scene {
    serial: String,
    import_id: String,
    officer_id: String,
    key_id: String,
    today: u32,
}

/// Whoever makes an officer holds all that the new one may do.
const OF_AN_OFFICER: &[Permission] = &[
    KeepOfficers,
    IssueCodes,
    LookUpCodes,
    RevokeCodes,
    SeeFigures,
];

const OFFICER: &str = "OfficerService";
const ADMIN: &str = "AdminService";
const AUDIT: &str = "AuditService";

fn call(
    service: &'static str,
    method: &'static str,
    needs: &'static [Permission],
    reach: Reach,
    message: fn(&Scene) -> Vec<u8>,
) -> Call {
    Call {
        service,
        method,
        needs,
        reach,
        message,
    }
}

fn order(scene: &Scene) -> pb::CodeOrder {
    pb::CodeOrder {
        report_type: 1,
        onset_day: scene.today,
        region: String::new(),
    }
}

fn create_officer(role: pb::Role) -> Vec<u8> {
    let request = pb::CreateOfficerRequest {
        label: format!("made as {role:?}"),
        unit_code: "48".into(),
        role: role.into(),
        first_access: pb::FirstAccess::ClientKey.into(),
    };
    request.encode_to_vec()
}

#[rustfmt::skip]
fn calls() -> Vec<Call> {
    vec![
        call(OFFICER, "IssueCode", &[IssueCodes], Reach::Own, |s| pb::IssueCodeRequest { order: Some(order(s)) }.encode_to_vec()),
        call(OFFICER, "IssueCodes", &[IssueCodes], Reach::Own, |s| pb::IssueCodesRequest { orders: vec![order(s)] }.encode_to_vec()),
        call(OFFICER, "ImportCodes", &[IssueCodes], Reach::Own, |_| pb::ImportCodesRequest { csv: b"report_type,onset_day\nx,x".to_vec() }.encode_to_vec()),
        call(OFFICER, "IssueSheet", &[IssueCodes], Reach::ListOf48, |s| pb::IssueSheetRequest { import_id: s.import_id.clone(), sheet: 1 }.encode_to_vec()),
        call(OFFICER, "ReissueSheet", &[IssueCodes], Reach::ListOf48, |s| pb::ReissueSheetRequest { import_id: s.import_id.clone(), sheet: 1 }.encode_to_vec()),
        call(OFFICER, "GetImport", &[IssueCodes], Reach::ListOf48, |s| pb::GetImportRequest { import_id: s.import_id.clone() }.encode_to_vec()),
        call(OFFICER, "ListImports", &[IssueCodes], Reach::Own, |_| pb::ListImportsRequest {}.encode_to_vec()),
        call(OFFICER, "GetCode", &[LookUpCodes], Reach::Unit48, |s| pb::GetCodeRequest { serial: s.serial.clone() }.encode_to_vec()),
        call(OFFICER, "ListCodes", &[LookUpCodes], Reach::Unit48, |_| pb::ListCodesRequest { unit_code: "48".into(), ..Default::default() }.encode_to_vec()),
        call(OFFICER, "ListCodes", &[LookUpCodes], Reach::Own, |_| pb::ListCodesRequest::default().encode_to_vec()),
        call(OFFICER, "RevokeCode", &[RevokeCodes], Reach::Unit48, |s| pb::RevokeCodeRequest { serial: s.serial.clone() }.encode_to_vec()),
        call(OFFICER, "ListAlerts", &[SeeFigures], Reach::Own, |_| pb::ListAlertsRequest {}.encode_to_vec()),
        call(OFFICER, "GetFigures", &[SeeFigures], Reach::Own, |s| pb::GetFiguresRequest { first_day: s.today, last_day: s.today, ..Default::default() }.encode_to_vec()),
        call(OFFICER, "GetFigures", &[SeeFigures], Reach::Unit48, |s| pb::GetFiguresRequest { first_day: s.today, last_day: s.today, unit_code: "48".into(), by_unit: true }.encode_to_vec()),
        call(OFFICER, "ExportFigures", &[SeeFigures], Reach::Unit48, |s| pb::ExportFiguresRequest { figures: Some(pb::GetFiguresRequest { first_day: s.today, last_day: s.today, unit_code: "48".into(), by_unit: true }) }.encode_to_vec()),
        call(OFFICER, "ListMissingReports", &[SeeFigures], Reach::Own, |_| pb::ListMissingReportsRequest { kind: 1, ..Default::default() }.encode_to_vec()),
        // An auditor only looks.
        call(OFFICER, "SendReport", &[SeeFigures], Reach::OwnButAuditors, |_| pb::SendReportRequest { kind: 1, day: None }.encode_to_vec()),
        call(OFFICER, "GetSelf", &[], Reach::Own, |_| pb::GetSelfRequest {}.encode_to_vec()),
        call(ADMIN, "CreateOfficer", OF_AN_OFFICER, Reach::Unit48, |_| create_officer(pb::Role::Officer)),
        call(ADMIN, "CreateOfficer", OF_AN_OFFICER, Reach::Unit48, |_| create_officer(pb::Role::Supervisor)),
        // With less than everything nobody makes an administrator.
        call(ADMIN, "CreateOfficer", &Permission::ALL, Reach::Unit48, |_| create_officer(pb::Role::Administrator)),
        call(ADMIN, "ListOfficers", &[KeepOfficers], Reach::Own, |_| pb::ListOfficersRequest {}.encode_to_vec()),
        // Whoever lets somebody into an account holds all that the account may do.
        call(ADMIN, "InviteOfficer", OF_AN_OFFICER, Reach::Unit48, |s| pb::InviteOfficerRequest { officer_id: s.officer_id.clone() }.encode_to_vec()),
        call(ADMIN, "CreateClientKey", &[KeepOfficers, IssueCodes], Reach::Unit48, |s| pb::CreateClientKeyRequest { officer_id: s.officer_id.clone(), label: "x".into(), scopes: vec![pb::Scope::IssueCodes.into()] }.encode_to_vec()),
        call(ADMIN, "ListClientKeys", &[KeepOfficers], Reach::Unit48, |s| pb::ListClientKeysRequest { officer_id: s.officer_id.clone() }.encode_to_vec()),
        call(ADMIN, "RevokeClientKey", &[KeepOfficers], Reach::Unit48, |s| pb::RevokeClientKeyRequest { officer_id: s.officer_id.clone(), key_id: s.key_id.clone() }.encode_to_vec()),
        call(ADMIN, "DeactivateOfficer", &[KeepOfficers], Reach::Unit48, |s| pb::DeactivateOfficerRequest { officer_id: s.officer_id.clone() }.encode_to_vec()),
        call(ADMIN, "CreateUnit", &[KeepOfficers], Reach::Unit48, |_| pb::CreateUnitRequest { unit: Some(pb::Unit { unit_code: "48-1".into(), name: "Bệnh viện".into(), parent_code: "48".into(), closed: false }) }.encode_to_vec()),
        // What units there are is in the official list.
        call(ADMIN, "ListUnits", &[], Reach::Own, |_| pb::ListUnitsRequest::default().encode_to_vec()),
        call(ADMIN, "ListSigningKeys", &[KeepOfficers], Reach::Deployment, |_| pb::ListSigningKeysRequest {}.encode_to_vec()),
        call(ADMIN, "RotateSigningKey", &[KeepOfficers], Reach::Deployment, |_| pb::RotateSigningKeyRequest {}.encode_to_vec()),
        call(AUDIT, "ListAudit", &[ReadAudit], Reach::Own, |_| pb::ListAuditRequest::default().encode_to_vec()),
        call(AUDIT, "ListAudit", &[ReadAudit], Reach::Unit48, |_| pb::ListAuditRequest { filter: Some(pb::AuditFilter { unit_code: "48".into(), ..Default::default() }), ..Default::default() }.encode_to_vec()),
        call(AUDIT, "ExportAudit", &[ReadAudit], Reach::Own, |_| pb::ExportAuditRequest::default().encode_to_vec()),
        call(AUDIT, "VerifyAudit", &[ReadAudit], Reach::Own, |_| pb::VerifyAuditRequest::default().encode_to_vec()),
        call(ADMIN, "PublishNow", &[KeepOfficers], Reach::Deployment, |_| pb::PublishNowRequest { region: "VN".into() }.encode_to_vec()),
    ]
}

/// Reasons that say "not you" or "not there for you".
const REFUSALS: &[&str] = &[
    "NOT_ALLOWED",
    "NO_SUCH_SERIAL",
    "NO_SUCH_UNIT",
    "NO_SUCH_OFFICER",
    "NO_SUCH_IMPORT",
    // Scopes that the caller does not hold.
    "SCOPES",
];

/// Somebody who calls.
struct Caller {
    role: Role,
    unit_code: &'static str,
    scopes: Permissions,
    credential: String,
}

impl Caller {
    /// What the table says.
    fn may(&self, call: &Call) -> bool {
        let held = self.role.permissions().and(self.scopes);
        let reaches = match call.reach {
            Reach::Own => true,
            Reach::OwnButAuditors => self.role != Role::Auditor,
            Reach::Unit48 => match self.unit_code {
                "48" => true,
                "VN" => self.role.reaches_below(),
                _ => false,
            },
            Reach::ListOf48 => self.role.reaches_below() && self.unit_code != "79",
            Reach::Deployment => self.unit_code == "VN",
        };
        Permissions::of(call.needs).within(held) && reaches
    }
}

/// Bytes as they are: calls by name.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        use prost::bytes::BufMut as _;
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        use prost::bytes::Buf as _;
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

async fn send(channel: &Channel, call: &Call, request: Request<Vec<u8>>) -> Result<(), Status> {
    let path = format!("/truyvet.v1.{}/{}", call.service, call.method);
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::try_from(path).unwrap();
    client.unary(request, path, Raw).await.map(drop)
}

#[test]
fn every_call_is_in_the_table() {
    let files = FileDescriptorSet::decode(truyvet_proto::FILE_DESCRIPTOR_SET).unwrap();
    let services = files.file.iter().flat_map(|file| &file.service);
    let there: BTreeSet<(String, String)> = services
        .filter(|service| [OFFICER, ADMIN, AUDIT].contains(&service.name()))
        .flat_map(|service| {
            let methods = service.method.iter();
            methods.map(|method| (service.name().to_owned(), method.name().to_owned()))
        })
        .collect();
    let in_table = calls()
        .iter()
        .map(|call| (call.service.to_owned(), call.method.to_owned()))
        .collect();
    assert_eq!(
        there, in_table,
        "a call is new or gone: say in calls() what it needs and whom it reaches"
    );
}

#[tokio::test]
async fn nobody_gets_more_than_the_table_says() {
    let world = World::with(|settings| {
        // The same people issue a code again and again.
        settings.officer_codes_per_day = 10_000;
        settings.unit_codes_per_day = 10_000;
    })
    .await;
    let (callers, scene) = (callers(&world).await, scene(&world).await);
    let staff = channel(&format!("http://{}", world.server.staff_addr())).await;
    let (mut allowed, mut refused) = (0, 0);
    for call in calls() {
        for caller in &callers {
            let request = bearer(&caller.credential, (call.message)(&scene));
            let answer = send(&staff, &call, request).await;
            let got_through = match &answer {
                Ok(()) => true,
                Err(status) => {
                    let (code, reason, _) = refusal(status);
                    // What got through may still be refused for what it asks: a label that is taken by now, for one.
                    assert_ne!(code, Code::Unauthenticated);
                    assert_ne!(code, Code::Internal, "{}", call.method);
                    assert_ne!(code, Code::Unimplemented, "{}", call.method);
                    !REFUSALS.contains(&reason.as_str())
                }
            };
            assert_eq!(
                got_through,
                caller.may(&call),
                "{} by {:?} of unit {} with scopes {:?}: {answer:?}",
                call.method,
                caller.role,
                caller.unit_code,
                caller.scopes.iter().collect::<Vec<_>>(),
            );
            match got_through {
                true => allowed += 1,
                false => refused += 1,
            }
        }
        // Nobody at all.
        for credential in ["", "tvo_", "x"] {
            let request = bearer(credential, (call.message)(&scene));
            let status = send(&staff, &call, request).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{}", call.method);
        }
    }
    println!("{allowed} calls allowed, {refused} refused, as the table says");
    assert!(allowed > 100 && refused > 500);
}

/// Everybody: each role in the country, in Đà Nẵng (48) and in Hồ Chí Minh City (79), with a key that may do everything
/// and with one for each single thing.
async fn callers(world: &World) -> Vec<Caller> {
    let context = world.server.context();
    let root = root(world).await;
    let mut callers = Vec::new();
    for role in Role::ALL {
        for unit_code in ["VN", "48", "79"] {
            let label = format!("caller {role:?}");
            let (officer, credential) = made(world, &root, &label, unit_code, role).await;
            callers.push(Caller {
                role,
                unit_code,
                scopes: Permissions::ALL,
                credential: credential.reveal().to_owned(),
            });
            for permission in role.permissions().iter() {
                let scopes = Permissions::of(&[permission]);
                let id = &officer.officer_id;
                let made = officers::create_client_key(context, &root, id, "one", scopes).await;
                let (_, credential) = made.unwrap();
                callers.push(Caller {
                    role,
                    unit_code,
                    scopes,
                    credential: credential.reveal().to_owned(),
                });
            }
        }
    }
    callers
}

/// An officer with a client key that may do all that the role may.
async fn made(
    world: &World,
    root: &Actor,
    label: &str,
    unit_code: &str,
    role: Role,
) -> (Officer, Credential) {
    let context = world.server.context();
    let access = FirstAccess::ClientKey;
    let made = officers::create(context, root, label, unit_code, role, access).await;
    match made.unwrap() {
        (officer, Access::Credential(credential)) => (officer, credential),
        (_, Access::Invitation(_)) => panic!("a client key was asked for"),
    }
}

async fn root(world: &World) -> Actor {
    let found = officers::identify(world.server.context(), &world.administrator).await;
    found.unwrap().unwrap()
}

async fn scene(world: &World) -> Scene {
    let context = world.server.context();
    let root = root(world).await;
    let (_, maker) = made(world, &root, "maker", "48", Role::Officer).await;
    let (victim, _) = made(world, &root, "victim", "48", Role::Officer).await;
    let keys = officers::client_keys(context, &root, &victim.officer_id).await;
    let today = world.today().number();
    let mut officers = world.officers().await;
    let order = pb::CodeOrder {
        report_type: 1,
        onset_day: today,
        region: String::new(),
    };
    let request = pb::IssueCodeRequest { order: Some(order) };
    let issued = officers.issue_code(bearer(maker.reveal(), request)).await;
    let csv = b"report_type,onset_day\nconfirmed,2021-08-27\n".to_vec();
    let request = bearer(maker.reveal(), pb::ImportCodesRequest { csv });
    let imported = officers.import_codes(request).await;
    Scene {
        serial: issued.unwrap().into_inner().code.unwrap().serial,
        import_id: imported.unwrap().into_inner().import.unwrap().import_id,
        officer_id: victim.officer_id,
        key_id: keys.unwrap().remove(0).key_id,
        today,
    }
}
