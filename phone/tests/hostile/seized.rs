//! What somebody finds who takes the phone's file.

use std::{fs, path::Path, sync::Arc};

use rand::Rng as _;
use tonic::Code;
use truyvet_crypto::{Scheme, Timestamp};
use truyvet_phone::{ConnectOptions, Connection, Heard, Phone, UploadStage};

use crate::{
    grpc::Trouble,
    meet, noon, phone,
    publisher::signed_config,
    rng, trusted,
    upload::{World, code, refusal},
};

/// All bytes of all files in a folder.
pub(crate) fn bytes_in(folder: &Path) -> Vec<u8> {
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

/// Whether any eight bytes of `secret` are there: SQLite spreads long values over pages.
pub(crate) fn contains_any_of(haystack: &[u8], secret: &[u8]) -> bool {
    let (pieces, _) = secret.as_chunks::<8>();
    pieces.iter().any(|piece| contains(haystack, piece))
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
        let config = signed_config(scheme, later, [0; 32]);
        mine.accept_config(&config, later).unwrap();
        mine.purge(later).unwrap();
        assert_eq!(mine.sightings().unwrap(), 0);
        assert!(!contains(&bytes_in(folder.path()), tag.as_bytes()));
        // Own IDs: those of old days cannot be had again, those of today are the same as before.
        assert_eq!(mine.ids_of_day(later.day(), &mut rng(4)).unwrap(), tomorrow);
        assert_ne!(mine.ids_of_day(noon().day(), &mut rng(4)).unwrap(), own);
    }
}

/// What must not be found once an upload is over, and is found while it is on its way.
fn secrets_of(world: &World, scheme: Scheme) -> Vec<(&'static str, Vec<u8>)> {
    let mut secrets = vec![("code", code(1).into_bytes())];
    let state = world.server.state.lock().unwrap();
    for request in &state.uploaded {
        let token = request.token.clone().unwrap();
        secrets.extend([("nonce", token.nonce), ("token", token.output)]);
        secrets.extend(request.keys.iter().map(|key| ("key", key.secret.clone())));
    }
    if scheme == Scheme::Bluezone {
        // The first that the phone of this seed drew.
        let mut base = vec![0; 32];
        rng(1).fill_bytes(&mut base);
        secrets.push(("base", base));
    }
    secrets
}

#[tokio::test]
async fn after_an_upload_neither_code_nor_token_nor_old_secrets_are_in_the_file() {
    for scheme in Scheme::ALL {
        let mut world = World::new(scheme).await;
        world.server.trouble(Trouble::LostUploadAnswer);
        world.upload().await.unwrap_err();
        let bytes = bytes_in(world.folder.path());
        let secrets = secrets_of(&world, scheme);
        for (what, secret) in &secrets {
            assert!(
                contains_any_of(&bytes, secret),
                "{scheme}: {what}: the search works"
            );
        }
        world.resume().await.unwrap().unwrap();
        let bytes = bytes_in(world.folder.path());
        for (what, secret) in &secrets {
            assert!(!contains_any_of(&bytes, secret), "{scheme}: {what}");
        }
    }
}

#[tokio::test]
async fn a_refused_code_or_token_is_not_in_the_file() {
    let refused = || refusal(Code::PermissionDenied, "REFUSED");
    for trouble in [
        Trouble::Refusal(refused()),
        Trouble::UploadRefusal(refused()),
    ] {
        let mut world = World::new(Scheme::Bluezone).await;
        // Once without an answer, so that there is something to find.
        world.server.trouble(Trouble::LostRedeemAnswer);
        world.upload().await.unwrap_err();
        assert_eq!(world.stage(), Some(UploadStage::Begun));
        let blinded = world.server.state.lock().unwrap().redeemed[0]
            .blinded_element
            .clone();
        let bytes = bytes_in(world.folder.path());
        assert!(contains(&bytes, code(1).as_bytes()) && contains(&bytes, &blinded));
        world.server.trouble(trouble);
        world.resume().await.unwrap_err();
        assert_eq!(world.stage(), None);
        let bytes = bytes_in(world.folder.path());
        assert!(!contains(&bytes, code(1).as_bytes()));
        assert!(!contains(&bytes, &blinded));
    }
}

#[tokio::test]
async fn an_upload_that_was_given_up_is_not_in_the_file() {
    let mut world = World::new(Scheme::Gaen).await;
    world.server.trouble(Trouble::LostUploadAnswer);
    world.upload().await.unwrap_err();
    let mut secrets = secrets_of(&world, Scheme::Gaen);
    // Own secrets stay: another code can disclose them.
    secrets.retain(|(what, _)| *what != "key");
    world.case().abandon_upload().await.unwrap();
    let bytes = bytes_in(world.folder.path());
    for (what, secret) in secrets {
        assert!(!contains_any_of(&bytes, &secret), "{what}");
    }
}

#[cfg(unix)]
#[test]
fn what_a_phone_keeps_is_for_its_owner_alone_whatever_the_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let allow_all = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow_all(folder.path(), 0o777);
    let modes = || {
        let mut modes: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                (entry.file_name().into_string().unwrap(), mode)
            })
            .collect();
        modes.sort();
        modes
    };
    let expected = ["phone.sqlite", "phone.sqlite-wal"].map(|name| (name.to_owned(), 0o600));
    let mine = open(folder.path(), Scheme::Bluezone, noon());
    assert_eq!(modes(), expected);
    drop(mine);
    // One that an older version made for all.
    allow_all(&folder.path().join("phone.sqlite"), 0o644);
    let _mine = open(folder.path(), Scheme::Bluezone, noon());
    assert_eq!(modes(), expected);
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
