//! Values that others published or captured, and that the key schedules must reproduce.
//!
//! A few of each stand here. The whole files they come from are read where [`shared_data`] finds them.

use std::{fs, path::Path};

use data_encoding::HEXLOWER_PERMISSIVE;
use truyvet_crypto::{
    Day, Scheme, Timestamp,
    schedule::{bluezone, dp3t, ids_of_day},
};
use truyvet_tests::shared_data::shared_data;

/// Bluezone: a phone's base id, made on this UTC day (`thaidn/bluezone` 2603948).
const BLUEZONE_BASE_ID: &str = "4C5224B397F8AB3896781D5AA0F3119F280513F1B592CA280EBDED6357E21084";
const BLUEZONE_BASE_DAY: u32 = 18_482;

/// Bluezone: Unix seconds, and what that phone broadcast then.
const BLUEZONE_BROADCASTS: [(i64, &str); 5] = [
    (1_596_866_191, "B9A665D754FE65E665D76A45"),
    (1_596_866_588, "3AA8DFC0A15682B27216FC31"),
    (1_596_867_559, "B9A232358A6C89E7A00B673C"),
    (1_596_868_203, "C5DAD2EC90AFFA065D1E0A70"),
    (1_596_869_100, "E376E0B409BCE18ECF5F2ED4"),
];

/// Exposure Notification: a temporary exposure key (`google/exposure-notifications-internals` aaada6c,
/// `TestVectors.java`), and the rolling identifiers of some of its intervals.
const GAEN_KEY: &str = "75c734c6dd1a782de7a965da5eb93125";
const GAEN_IDENTIFIERS: [(u32, &str); 4] = [
    (2_642_976, "8be6cd371c5c891604bfbe49df845096"),
    (2_642_977, "3c9a1de5dd6b02afa7fded7b570b3e56"),
    (2_643_048, "c19a30c39c9c3a089bcadde1c6699447"),
    (2_643_119, "f431b62ecf443102ce4ed0407de54bd4"),
];

/// DP-3T design 2: a seed and its ephemeral ID (tests of `DP-3T/reference_implementation` fa2aafc).
const DP3T_SEED: &str = "eaa2054637009757b9988b28998209d253eede69345f835bb91b3b333108d229";
const DP3T_ID: &str = "b7b1d06cd81686669aeea51e9f4723b5";

#[test]
fn bluezone_ids_are_those_that_went_over_the_air() {
    let reproduced = |(seconds, id): (i64, &str)| {
        let time = Timestamp::from_unix_seconds(seconds).unwrap();
        let base_id = hex(BLUEZONE_BASE_ID).try_into().unwrap();
        let base_day = Day::from_number(BLUEZONE_BASE_DAY);
        let secret = bluezone::day_secret(&base_id, base_day, time.day());
        let ids = ids_of_day(Scheme::Bluezone, time.day(), &*secret).unwrap();
        let slot = Scheme::Bluezone.slot_at(time);
        ids[Scheme::Bluezone.index_in_day(slot) as usize].as_bytes() == hex(id)
    };
    for broadcast in BLUEZONE_BROADCASTS {
        assert!(reproduced(broadcast), "{broadcast:?}");
    }
    let file = "bluezone-capture/phone-a.tsv";
    whole_file(file, 118, |row| {
        let unix_ms: i64 = row[3].parse().unwrap();
        reproduced((unix_ms / 1_000, row[0]))
    });
}

#[test]
fn exposure_notification_identifiers_are_the_published_ones() {
    let reproduced = |(interval, identifier): (u32, &str)| {
        let day = Day::from_number(interval / Scheme::Gaen.slots_per_day());
        let ids = ids_of_day(Scheme::Gaen, day, &hex(GAEN_KEY)).unwrap();
        let index = interval % Scheme::Gaen.slots_per_day();
        ids[index as usize].as_bytes() == hex(identifier)
    };
    for identifier in GAEN_IDENTIFIERS {
        assert!(reproduced(identifier), "{identifier:?}");
    }
    whole_file("interop/gaen-rpi-aem.tsv", 144, |row| {
        reproduced((row[0].parse().unwrap(), row[1]))
    });
}

#[test]
fn dp3t_ephemeral_ids_are_the_published_ones() {
    let reproduced = |seed: &str, ephemeral_id: &str| {
        let seed = hex(seed).try_into().unwrap();
        dp3t::id(&seed).as_bytes() == hex(ephemeral_id)
    };
    assert!(reproduced(DP3T_SEED, DP3T_ID));
    whole_file("interop/dp3t-design2.tsv", 3, |row| {
        reproduced(row[0], row[3])
    });
}

/// Checks every row of a tab-separated file, which must have `expected` of them below its heading.
fn whole_file(file: &str, expected: usize, reproduced: impl Fn(&[&str]) -> bool) {
    let Some(folder) = shared_data() else {
        println!("{file}: not on this machine; checked the values in this test alone");
        return;
    };
    let text = fs::read_to_string(folder.join(Path::new(file))).expect("the folder has the file");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect();
    let passed = rows.iter().filter(|row| reproduced(row)).count();
    println!("{file}: {passed} of {} reproduced", rows.len());
    assert_eq!((passed, rows.len()), (expected, expected), "{file}");
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).expect("hex")
}
