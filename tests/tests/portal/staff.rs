//! Accounts that work over gRPC: what they do is what the browser is shown.

use truyvet_proto::v1::{
    CodeOrder, CreateOfficerRequest, FirstAccess, IssueCodesRequest, ReportType, Role,
};
use truyvet_tests::world::{World, bearer};

/// Adds an officer of that unit; gives their credential.
pub(crate) async fn officer(world: &World, label: &str, unit_code: &str) -> String {
    let request = CreateOfficerRequest {
        label: label.into(),
        unit_code: unit_code.into(),
        role: Role::Officer.into(),
        first_access: FirstAccess::ClientKey.into(),
    };
    let mut admin = world.admin().await;
    let created = admin
        .create_officer(bearer(&world.administrator, request))
        .await;
    created.unwrap().into_inner().credential
}

/// Issues codes; phones redeem the first ones. Gives the serials.
pub(crate) async fn codes(
    world: &World,
    credential: &str,
    issued: usize,
    redeemed: usize,
) -> Vec<String> {
    codes_after(world, credential, issued, redeemed, 0).await
}

/// The same, with so many hours between.
pub(crate) async fn codes_after(
    world: &World,
    credential: &str,
    issued: usize,
    redeemed: usize,
    hours: i64,
) -> Vec<String> {
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: world.today().number(),
        region: String::new(),
    };
    let request = IssueCodesRequest {
        orders: vec![order; issued],
    };
    let mut officers = world.officers().await;
    let answer = officers.issue_codes(bearer(credential, request)).await;
    let codes = answer.unwrap().into_inner().codes;
    world.clock.advance(hours * 3_600);
    let mut phone = world.raw_phone(9).await;
    for code in &codes[..redeemed] {
        phone.redeem(&code.upload_code).await.unwrap();
    }
    codes.into_iter().map(|code| code.serial).collect()
}
