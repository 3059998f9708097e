//! Each table's promise in the schema: a row of each kind is gone when its life is over, and its bytes with it.

use std::time::Duration;

use rusqlite::{Connection, params};
use truyvet_server::retention;
use truyvet_tests::world::World;

const DAY: i64 = 86_400;

/// A kind of row, and after how many days it must still be there and must be gone.
struct Kind {
    table: &'static str,
    /// ?1: 32 bytes found nowhere else; ?2: an officer; ?3: now; ?4: today.
    insert: &'static str,
    there_after: u32,
    gone_after: u32,
}

const fn kind(
    table: &'static str,
    insert: &'static str,
    there_after: u32,
    gone_after: u32,
) -> Kind {
    Kind {
        table,
        insert,
        there_after,
        gone_after,
    }
}

/// All tables whose rows have an end; `retention_days` is 14.
const KINDS: &[Kind] = &[
    kind("invitation", "INSERT INTO invitation VALUES (?2, ?1, ?3 + ?4 * 0)", 0, 1),
    kind(
        "enrolment",
        "INSERT INTO enrolment VALUES (?2, zeroblob(32), ?1, x'', x'', x'', NULL, ?3 + ?4 * 0)",
        0,
        1,
    ),
    kind("pending_sign_in", "INSERT INTO pending_sign_in VALUES (?1, ?2, NULL, 0, 5, ?3 + ?4 * 0)", 0, 1),
    kind("session", "INSERT INTO session VALUES (?1, 's', ?2, ?3, ?3 + ?4 * 0)", 0, 1),
    kind(
        "upload_code",
        "INSERT INTO upload_code (code_hash, serial, officer_id, unit_code, report_type, first_day, region, issued_at, expires_at)
         VALUES (?1, 'x', ?2, 'VN', 1, ?4, 'VN', ?3, ?3)",
        13,
        15,
    ),
    kind("code_import", "INSERT INTO code_import VALUES (hex(?1), ?2, 'VN', ?3, ?3 + ?4 * 0)", 13, 15),
    kind("spent_token", "INSERT INTO spent_token SELECT ?1, x'', ?4 WHERE ?2 <> '' AND ?3 > 0", 1, 3),
    kind(
        "settled_key",
        "INSERT INTO settled_key SELECT zeroblob(32), ?1, 'VN', 1, ?4, 1, x'ffffffffffffffffffffffff' WHERE ?2 <> '' AND ?3 > 0",
        13,
        15,
    ),
    // Never published, both: their region is none of this server's.
    kind(
        "fresh_key",
        "INSERT INTO fresh_key SELECT zeroblob(32), ?1, 'XX', 1, ?4, 1, x'ffffffffffffffffffffffff' WHERE ?2 <> '' AND ?3 > 0",
        27,
        29,
    ),
    kind(
        "withdrawn_key",
        "INSERT INTO withdrawn_key SELECT zeroblob(32), ?1, 'XX', 1, ?4, 1, 1, zeroblob(12) WHERE ?2 <> '' AND ?3 > 0",
        27,
        29,
    ),
];

#[tokio::test]
async fn every_row_is_gone_when_its_life_is_over_and_its_bytes_with_it() {
    let world = World::new().await;
    let database = Connection::open(world.database()).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    let officer: String = database
        .query_row("SELECT officer_id FROM officer LIMIT 1", [], |row| {
            row.get(0)
        })
        .unwrap();
    // What creating officers left open.
    database.execute_batch("DELETE FROM invitation").unwrap();
    let marker = |position: usize| [0xa0 + u8::try_from(position).unwrap(); 32];
    let (now, today) = (world.now().unix_seconds(), world.today().number());
    for (position, kind) in KINDS.iter().enumerate() {
        let values = params![marker(position), officer, now, today];
        assert_eq!(
            database.execute(kind.insert, values).unwrap(),
            1,
            "{}",
            kind.table
        );
    }
    world.publish().await;
    let on_disk = |position: usize| {
        let marker = marker(position);
        let hexadecimal = data_encoding::HEXUPPER.encode(&marker);
        world.on_disk(&marker) || world.on_disk(hexadecimal.as_bytes())
    };
    for (position, kind) in KINDS.iter().enumerate() {
        assert!(on_disk(position), "{}", kind.table);
    }
    let last = KINDS.iter().map(|kind| kind.gone_after).max().unwrap();
    for day in 0..=last {
        retention::run(world.server.context()).await.unwrap();
        for (position, kind) in KINDS.iter().enumerate() {
            let rows = world.rows(kind.table);
            if day <= kind.there_after {
                assert_eq!(rows, 1, "{} after {day} days", kind.table);
            }
            if day == kind.gone_after {
                assert_eq!(rows, 0, "{} after {day} days", kind.table);
                assert!(!on_disk(position), "bytes of {}", kind.table);
            }
        }
        world.clock.advance(DAY);
    }
}
