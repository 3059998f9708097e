//! What is absent by design (README): in a published file, and in the database of whoever runs the server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::collections::BTreeSet;

use rusqlite::{Connection, types::Value};
use truyvet_crypto::{DisclosedKey, Receipt};
use truyvet_matching::VerifiedBatch;
use truyvet_tests::{
    raw::{RawPhone, tags},
    world::{World, rng},
};

/// Two cases' uploads, sent one after the other.
async fn two_cases(world: &World) -> [Vec<DisclosedKey>; 2] {
    let mut phone = world.raw_phone(1).await;
    let mut cases = [Vec::new(), Vec::new()];
    for keys in &mut cases {
        let token = phone.redeem(&world.code().await).await.unwrap();
        keys.extend((1..=8).map(|ago| phone.key(world.today().minus_days(ago))));
        let request = phone.request(&token, keys);
        phone.upload(request).await.unwrap();
    }
    cases
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Nothing that a case's phone made is in the file: what is there are positions under a salted hash.
#[tokio::test]
async fn a_published_file_holds_neither_secrets_nor_ids_nor_tags() {
    let world = World::new().await;
    let cases = two_cases(&world).await;
    world.publish().await;
    let file = world.files().await.remove(0);
    let verified = VerifiedBatch::verify(&file, &world.trusted()).unwrap();
    for key in cases.iter().flatten() {
        assert!(!contains(&file, &key.secret()[..8]));
        let ids = truyvet_crypto::schedule::ids_of_day(key.scheme(), key.day(), key.secret());
        for (id, (_, tag)) in ids.unwrap().iter().zip(key.tags()) {
            assert!(verified.contains(&tag), "it is published");
            assert!(!contains(&file, &id.as_bytes()[..8]));
            assert!(!contains(&file, &tag.as_bytes()[..8]));
        }
    }
}

/// The same people under another salt give a file that shares nothing with the first: two files cannot be compared to
/// see who is in both, and where a tag ends up says nothing of its neighbours.
#[test]
fn files_of_the_same_tags_share_no_bytes_beyond_chance() {
    use truyvet_crypto::{Tag, Timestamp, sign::SigningKey};
    use truyvet_matching::{
        BatchKind, Codec, Digest, HEADER_BYTES,
        build::{BatchParameters, TagSet, build},
    };
    let mut generator = rng(5);
    let all: Vec<Tag> = (0..4_096)
        .map(|_| Tag::from_bytes(rand::RngExt::random(&mut generator)))
        .collect();
    let file = |salt: [u8; 16]| {
        let parameters = BatchParameters {
            codec: Codec::DEFAULT,
            kind: BatchKind::Delta,
            region: "VN".parse().unwrap(),
            sequence: 1,
            window_start: Timestamp::MIN,
            window_end: Timestamp::MIN,
            closed_at: Timestamp::MIN,
            salt,
            fingerprint_bits: 40,
            previous: Digest::ZERO,
            replaces: Vec::new(),
        };
        let batch = build(&parameters, &TagSet::new(all.clone())).unwrap();
        batch.sign(&SigningKey::from_seed(&[1; 32])).into_bytes()
    };
    let (one, other) = (file([1; 16]), file([2; 16]));
    let parts = |file: &[u8]| -> BTreeSet<[u8; 8]> {
        file[HEADER_BYTES..]
            .windows(8)
            .map(|part| part.try_into().unwrap())
            .collect()
    };
    // The directory's small numbers stand in both; 20,000 windows of random bytes share none.
    let shared = parts(&one).intersection(&parts(&other)).count();
    assert!(shared < 16, "{shared}");
}

fn database(world: &World) -> Connection {
    Connection::open(world.database()).unwrap()
}

/// No time but the window, no number that counts up, no order but that of random bytes.
#[tokio::test]
async fn stored_keys_tell_neither_when_they_came_nor_which_came_together() {
    let world = World::new().await;
    let cases = two_cases(&world).await;
    let database = database(&world);
    let of_both = [
        "proof",
        "secret",
        "region",
        "scheme",
        "day",
        "accepted_window",
        "slots",
    ];
    assert_eq!(columns(&database, "disclosed_key"), of_both);
    let mut of_withdrawn = of_both.to_vec();
    of_withdrawn.insert(6, "withdrawn_window");
    assert_eq!(columns(&database, "withdrawn_key"), of_withdrawn);
    let expected = ["spend_id", "request_digest", "last_day"];
    assert_eq!(columns(&database, "spent_token"), expected);
    for table in ["fresh_key", "settled_key"] {
        assert_eq!(columns(&database, table), of_both);
    }
    for table in [
        "fresh_key",
        "settled_key",
        "withdrawn_key",
        "spent_token",
        "upload_code",
    ] {
        let by_arrival = database.prepare(&format!("SELECT rowid FROM {table}"));
        assert!(by_arrival.is_err(), "{table} keeps the order of arrival");
    }
    let stored = |table: &str| -> Vec<Vec<u8>> {
        database
            .prepare(&format!("SELECT proof, slots FROM {table}"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let sorted = |keys: &[DisclosedKey]| {
        let mut proofs: Vec<_> = keys
            .iter()
            .map(|key| Receipt::of(key).proof().to_vec())
            .collect();
        proofs.sort();
        proofs
    };
    let all = sorted(&cases.concat());
    assert_eq!(
        stored("disclosed_key"),
        all,
        "in the order of the random proofs"
    );
    // Both take back what was published: the same holds of what waits to be taken back.
    world.publish().await;
    let mut phone = world.raw_phone(2).await;
    for keys in &cases {
        withdraw(&world, &mut phone, keys).await;
    }
    assert_eq!(stored("disclosed_key"), Vec::<Vec<u8>>::new());
    assert_eq!(stored("withdrawn_key"), all);
}

fn columns(database: &Connection, table: &str) -> Vec<String> {
    database
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .unwrap()
        .query_map([table], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

async fn withdraw(world: &World, phone: &mut RawPhone, keys: &[DisclosedKey]) {
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    let receipts: Vec<_> = keys.iter().map(Receipt::of).collect();
    let request = phone.withdrawal(&token, &receipts);
    phone.upload(request).await.unwrap();
}

/// No value that is stored with a code is stored with a token or a key: the two cannot be joined.
#[tokio::test]
async fn codes_and_uploads_cannot_be_joined() {
    let world = World::new().await;
    let [withdrawn, _] = two_cases(&world).await;
    world.publish().await;
    withdraw(&world, &mut world.raw_phone(2).await, &withdrawn).await;
    let database = database(&world);
    let long_values = |table: &str| -> BTreeSet<Vec<u8>> {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut values = BTreeSet::new();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get(column).unwrap() {
                    Value::Blob(bytes) if bytes.len() >= 16 => values.insert(bytes),
                    Value::Text(text) if text.len() >= 8 => values.insert(text.into_bytes()),
                    _ => false,
                };
            }
        }
        assert!(!values.is_empty(), "{table}");
        values
    };
    let of_codes = long_values("upload_code");
    for table in ["spent_token", "disclosed_key", "withdrawn_key"] {
        assert_eq!(
            of_codes.intersection(&long_values(table)).count(),
            0,
            "{table}"
        );
    }
}

/// Whoever has the database cannot try out which keys came in one request: what is kept of a request is keyed with the
/// token, and the token is not kept.
#[tokio::test]
async fn what_is_kept_of_a_request_confirms_no_guess() {
    let world = World::new().await;
    let cases = two_cases(&world).await;
    let database = database(&world);
    let spent: Vec<(Vec<u8>, Vec<u8>)> = database
        .prepare("SELECT spend_id, request_digest FROM spent_token")
        .unwrap()
        .query_map([], |row| row.try_into())
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for keys in &cases {
        let mut content = vec![2];
        content.extend_from_slice(b"VN");
        for key in keys {
            content.push(key.scheme().byte());
            content.extend_from_slice(&key.day().number().to_be_bytes());
            content.extend_from_slice(key.slots().as_bytes());
            content.extend_from_slice(key.secret());
        }
        for (spend_id, request_digest) in &spent {
            // All of it is in the database, and still it is not enough.
            let parts: [&[u8]; 3] = [b"truyvet upload v1", spend_id, &content];
            for guess in [&parts[..], &parts[1..], &[parts[0], &content]] {
                assert_ne!(
                    &truyvet_crypto::sha256(guess)[..],
                    request_digest.as_slice()
                );
            }
        }
    }
}

/// The one thing that an ID leads to is whoever heard it: its tag in another slot is another one.
#[tokio::test]
async fn a_replayed_id_matches_nothing() {
    let world = World::new().await;
    let [keys, _] = two_cases(&world).await;
    world.publish().await;
    let file = world.files().await.remove(0);
    let verified = VerifiedBatch::verify(file, &world.trusted()).unwrap();
    assert_eq!(verified.matches(&tags(&keys)).len(), 8 * 96);
    let scheme = keys[0].scheme();
    let ids =
        truyvet_crypto::schedule::ids_of_day(scheme, keys[0].day(), keys[0].secret()).unwrap();
    let replayed: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(index, id)| {
            let elsewhere = (u32::try_from(index).unwrap() + 5) % scheme.slots_per_day();
            truyvet_crypto::Tag::new(scheme, scheme.slot(keys[0].day(), elsewhere), id)
        })
        .collect();
    assert!(verified.matches(&replayed).is_empty());
}
