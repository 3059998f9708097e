//! A country moves from SQLite to PostgreSQL: it goes on where it stood, and whatever is in the way is refused.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{fs, sync::Arc};

use prost::Message as _;
use tonic::Code;
use truyvet_crypto::{DisclosedKey, Receipt};
use truyvet_matching::{BatchKind, VerifiedBatch};
use truyvet_proto::v1::{ImportCodesRequest, Index, IssueSheetRequest, ListBatchesRequest};
use truyvet_server::{
    Effects, Entropy, Server, StartError, WalkOn,
    migrate::{MoveError, migrate_store},
    officers::Role,
    settings::{Batches, Database, PostgresPlace, Settings},
    sign_in,
    store::{
        self,
        migrate::{MigrateError, migrate},
    },
};
use truyvet_services::Postgres;
use truyvet_tests::{
    portal::Person,
    raw::{RawPhone, tags},
    world::{ManualClock, World, bearer, place, query},
};

/// Tables of which this country has rows.
const FILLED: &[&str] = &[
    "unit",
    "unit_list",
    "officer",
    "client_key",
    "invitation",
    "password",
    "totp",
    "recovery_code",
    "session",
    "audit",
    "upload_code",
    "code_import",
    "code_import_line",
    "spent_token",
    "fresh_key",
    "settled_key",
    "withdrawn_key",
    "publication",
    "upload_count",
];

async fn on_sqlite() -> World {
    World::with(|settings| {
        settings.database = Database::Sqlite(settings.data_dir.join("truyvet.db"));
    })
    .await
}

/// An empty database; `None` where there is no PostgreSQL.
fn empty_database() -> Option<PostgresPlace> {
    match place(Postgres::shared()?.create_database()) {
        Database::Postgres(place) => Some(place),
        Database::Sqlite(_) => unreachable!("a URL of PostgreSQL's"),
    }
}

async fn started(settings: &Settings, clock: &Arc<ManualClock>) -> Server {
    let effects = Effects {
        clock: Arc::<ManualClock>::clone(clock),
        entropy: Arc::new(Entropy::from_seed([9; 32])),
        steps: Arc::new(WalkOn),
    };
    truyvet_server::start(settings.clone(), effects)
        .await
        .unwrap()
}

async fn upload(world: &World, phone: &mut RawPhone, key: &DisclosedKey) {
    let token = phone.redeem(&world.code().await).await.unwrap();
    let request = phone.request(&token, std::slice::from_ref(key));
    phone.upload(request).await.unwrap();
}

async fn withdraw(world: &World, phone: &mut RawPhone, key: &DisclosedKey) {
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    let request = phone.withdrawal(&token, &[Receipt::of(key)]);
    phone.upload(request).await.unwrap();
}

/// A list of two codes, of which a sheet is issued.
async fn import(world: &World) {
    let mut officers = world.officers().await;
    let csv = "report_type,onset_day\nconfirmed,2021-08-27\nclinical,2021-08-26\n";
    let csv = csv.as_bytes().to_vec();
    let request = bearer(&world.officer, ImportCodesRequest { csv });
    let answer = officers.import_codes(request).await.unwrap().into_inner();
    let import_id = answer.import.unwrap().import_id;
    let sheet = IssueSheetRequest {
        import_id,
        sheet: 1,
    };
    let request = bearer(&world.officer, sheet);
    officers.issue_sheet(request).await.unwrap();
}

/// The index as phones take it.
async fn index(phone: &mut RawPhone) -> Index {
    let region = "VN".to_owned();
    let answer = phone.exposure.list_batches(ListBatchesRequest { region });
    let signed = answer.await.unwrap().into_inner().index.unwrap();
    Index::decode(&*signed.payload).unwrap()
}

/// Kind of each published file, and which of these keys it has.
async fn files(world: &World, keys: &[&DisclosedKey]) -> Vec<(BatchKind, Vec<bool>)> {
    let files = world.files().await.into_iter();
    let found = |file: Vec<u8>| {
        let batch = VerifiedBatch::verify(file, &world.trusted()).unwrap();
        let has = |key: &&DisclosedKey| !batch.matches(&tags(&[(*key).clone()])).is_empty();
        (batch.header().kind, keys.iter().map(has).collect())
    };
    files.map(found).collect()
}

#[tokio::test]
async fn a_country_goes_on_where_it_stood() {
    let Some(target) = empty_database() else {
        return;
    };
    let mut world = on_sqlite().await;
    let mut phone = world.raw_phone(1).await;
    let yesterday = world.today().minus_days(1);
    let [kept, taken_back, waiting, late] = [(); 4].map(|()| phone.key(yesterday));
    upload(&world, &mut phone, &kept).await;
    upload(&world, &mut phone, &taken_back).await;
    world.publish().await;
    // All of that waits for the next window.
    upload(&world, &mut phone, &waiting).await;
    withdraw(&world, &mut phone, &taken_back).await;
    let open_code = world.code().await;
    let redeemed_code = world.code().await;
    let token = phone.redeem(&redeemed_code).await.unwrap();
    import(&world).await;
    let person = Person::new(&world, "hotline-1", "48", Role::Officer).await;
    let index_before = index(&mut phone).await;
    let audit_before = world.audit_rows().await;
    let files_before = world.files().await;

    let database = world.database().to_owned();
    world.server.stop().await;
    let moved = migrate_store(&world.settings, &target, None).await.unwrap();
    let aside = moved.set_aside.unwrap();
    assert!(aside.is_file() && !database.exists());
    for (table, rows) in &moved.rows {
        let counted = query(&target.url, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(counted, rows.to_string(), "{table}");
        assert_eq!(*rows > 0, FILLED.contains(table), "{table}: {rows}");
    }
    let again = migrate(&aside, &target).await.unwrap_err();
    assert!(
        matches!(again, MigrateError::TargetNotEmpty { table: "unit" }),
        "{again}"
    );

    world.settings.database = Database::Postgres(target);
    world.server = started(&world.settings, &world.clock).await;
    assert_eq!(world.audit_rows().await, audit_before);
    assert_eq!(world.files().await, files_before);
    let mut phone = world.raw_phone(2).await;
    assert_eq!(index(&mut phone).await.batches, index_before.batches);
    let context = world.server.context();
    let session = sign_in::actor_of_session(context, &person.session).await;
    let (actor, _) = session.unwrap().unwrap();
    assert_eq!(actor.officer.officer_id, person.officer.officer_id);
    // What was good once is good still, and what was spent is spent.
    phone.redeem(&open_code).await.unwrap();
    let refused = phone.redeem(&redeemed_code).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let request = phone.request(&token, std::slice::from_ref(&late));
    phone.upload(request).await.unwrap();
    let other = phone.key(yesterday);
    let request = phone.request(&token, &[other]);
    let refused = phone.upload(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    // The next window follows, with what came before and after the move.
    world.clock.advance(14_400);
    world.publish().await;
    let keys = [&kept, &taken_back, &waiting, &late];
    assert_eq!(
        files(&world, &keys).await,
        [
            (BatchKind::Delta, vec![true, true, false, false]),
            (BatchKind::Delta, vec![false, false, true, true]),
            (BatchKind::Withdrawal, vec![false, true, false, false]),
        ]
    );
    // The chain goes on.
    world.code().await;
    let audit = world.audit_rows().await;
    assert!(audit.len() > audit_before.len());
    assert_eq!(audit[..audit_before.len()], audit_before);
}

#[tokio::test]
async fn what_is_in_the_way_is_refused_and_nothing_changes() {
    let Some(target) = empty_database() else {
        return;
    };
    let world = on_sqlite().await;
    let database = world.database().to_owned();
    let refused = migrate_store(&world.settings, &target, None).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, MoveError::Start(StartError::InUse(_))),
        "{refused}"
    );
    world.server.stop().await;

    // Somebody has one row there.
    let there = Database::Postgres(target.clone());
    let opened = store::open(&there, Arc::new(WalkOn), Arc::default()).await;
    opened.unwrap().close().await;
    let insert = "INSERT INTO upload_count VALUES ('VN', 1, 'somebody', 7)";
    let _said = query(&target.url, insert);
    let refused = migrate_store(&world.settings, &target, None).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused,
            MoveError::Rows(MigrateError::TargetNotEmpty {
                table: "upload_count"
            })
        ),
        "{refused}"
    );
    let look = "SELECT (SELECT uploads FROM upload_count), (SELECT count(*) FROM unit)";
    assert_eq!(query(&target.url, look), "7|1");

    // An older move's file would be lost.
    let aside = database.with_extension("db.moved");
    fs::write(&aside, b"older").unwrap();
    let refused = migrate_store(&world.settings, &target, None).await;
    assert!(matches!(refused.unwrap_err(), MoveError::InTheWay(path) if path == aside));
    fs::remove_file(&aside).unwrap();

    // With all that out of the way, it goes.
    let _said = query(&target.url, "DELETE FROM upload_count");
    assert!(database.is_file());
    let moved = migrate_store(&world.settings, &target, None).await;
    assert_eq!(moved.unwrap().set_aside.unwrap(), aside);
    // Once.
    let again = migrate_store(&world.settings, &target, None).await;
    assert!(matches!(
        again.unwrap_err(),
        MoveError::InTheWay(_) | MoveError::Rows(MigrateError::NoSource(_))
    ));
}

#[tokio::test]
async fn batch_files_are_there_before_the_rows_that_name_them() {
    let Some(target) = empty_database() else {
        return;
    };
    let world = on_sqlite().await;
    world.publish().await;
    let region = "VN".parse().unwrap();
    let published = world.server.context().store.published(region).await;
    let name = format!("{}.tvb", published.unwrap()[0].digest);
    let from = world.batches().join(&name);
    let file = fs::read(&from).unwrap();
    let folder = world.folder().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    let elsewhere = Batches::Folder(folder.clone());
    let to = Some(&elsewhere);
    world.server.stop().await;

    fs::remove_file(&from).unwrap();
    let refused = migrate_store(&world.settings, &target, to).await;
    let refused = refused.unwrap_err();
    assert!(name.starts_with(&named(&refused)), "{refused}");
    fs::write(&from, b"another").unwrap();
    let refused = migrate_store(&world.settings, &target, to).await;
    let refused = refused.unwrap_err();
    assert!(name.starts_with(&named(&refused)), "{refused}");
    assert_eq!(query(&target.url, "SELECT count(*) FROM unit"), "1");

    fs::write(&from, &file).unwrap();
    let moved = migrate_store(&world.settings, &target, to).await.unwrap();
    assert_eq!(moved.files, Some(1));
    assert_eq!(fs::read(folder.join(&name)).unwrap(), file);
}

/// The digest in a refusal.
fn named(error: &MoveError) -> String {
    match error {
        MoveError::File { digest, .. } | MoveError::WrongFile { digest, .. } => digest.to_string(),
        other => panic!("{other}"),
    }
}
