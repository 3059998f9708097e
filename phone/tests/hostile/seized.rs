//! What somebody finds who takes the phone's file.

use std::{fs, path::Path, sync::Arc};

use truyvet_crypto::{Scheme, Timestamp};
use truyvet_phone::{ConnectOptions, Connection, Heard, Phone};

use crate::{meet, noon, phone, rng, trusted};

/// All bytes of all files in a folder.
fn bytes_in(folder: &Path) -> Vec<u8> {
    fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

fn open(folder: &Path, scheme: Scheme, now: Timestamp) -> Phone {
    Phone::open(folder, scheme, trusted(), now, &mut rng(1)).unwrap()
}

#[test]
fn no_id_that_was_heard_is_in_the_file() {
    for scheme in Scheme::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mine = open(folder.path(), scheme, noon());
        let theirs = phone(scheme, 2);
        meet(&mine, &theirs, noon());
        let id = theirs.broadcast_id(noon(), &mut rng(0)).unwrap();
        assert!(mine.sightings().unwrap() >= 3);
        let tag = truyvet_crypto::Tag::new(scheme, scheme.slot_at(noon()), &id);
        // While it runs (log included), and after.
        for running in [Some(mine), None] {
            let bytes = bytes_in(folder.path());
            assert!(contains(&bytes, tag.as_bytes()), "the search works");
            assert!(!contains(&bytes, id.as_bytes()));
            // Nor a part of it.
            assert!(!contains(&bytes, &id.as_bytes()[..8]));
            drop(running);
        }
    }
}

#[test]
fn what_was_purged_is_gone_from_the_file() {
    for scheme in Scheme::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mine = open(folder.path(), scheme, noon());
        let theirs = phone(scheme, 2);
        meet(&mine, &theirs, noon());
        let id = theirs.broadcast_id(noon(), &mut rng(0)).unwrap();
        let tag = truyvet_crypto::Tag::new(scheme, scheme.slot_at(noon()), &id);
        let own = mine.ids_of_day(noon().day(), &mut rng(3)).unwrap();
        assert!(contains(&bytes_in(folder.path()), tag.as_bytes()));

        let later = noon().plus_seconds(15 * 86_400);
        let tomorrow = mine.ids_of_day(later.day(), &mut rng(3)).unwrap();
        mine.purge(later).unwrap();
        assert_eq!(mine.sightings().unwrap(), 0);
        assert!(!contains(&bytes_in(folder.path()), tag.as_bytes()));
        // Own IDs: those of old days cannot be had again, those of today are the same as before.
        assert_eq!(mine.ids_of_day(later.day(), &mut rng(4)).unwrap(), tomorrow);
        assert_ne!(mine.ids_of_day(noon().day(), &mut rng(4)).unwrap(), own);
    }
}

#[test]
fn five_hundred_phones_fit_in_one_process() {
    let phones: Vec<_> = (0..500).map(|seed| phone(Scheme::Bluezone, seed)).collect();
    let ids: Vec<_> = phones
        .iter()
        .map(|phone| phone.broadcast_id(noon(), &mut rng(0)).unwrap())
        .collect();
    let heard = ids.iter().map(|id| Heard {
        id: id.as_bytes(),
        time: noon(),
        rssi_dbm: -70,
    });
    for phone in &phones[..20] {
        assert_eq!(phone.hear_all(heard.clone(), noon()).unwrap().kept, 500);
    }
}

#[tokio::test]
async fn a_phone_can_be_shared_by_tasks() {
    let phone = Arc::new(phone(Scheme::Bluezone, 1));
    let nobody = Connection::open("http://127.0.0.1:1", &ConnectOptions::default()).unwrap();
    let region = "VN".parse().unwrap();
    let sync = {
        let (phone, nobody) = (Arc::clone(&phone), nobody.clone());
        tokio::spawn(async move { phone.sync(&nobody, region, noon()).await.is_err() })
    };
    let resume = {
        let (phone, mut rng) = (Arc::clone(&phone), rng(1));
        tokio::spawn(async move { phone.resume_upload(&nobody, noon(), &mut rng).await.is_ok() })
    };
    assert!(sync.await.unwrap() && resume.await.unwrap());
}
