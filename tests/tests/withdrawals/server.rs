//! What a server takes back, and what not, by a client that says exactly what it is told to.

use tonic::Code;
use truyvet_crypto::{DisclosedKey, Receipt, Scheme, SlotSet, token::ReportType};
use truyvet_matching::{BatchKind, VerifiedBatch};
use truyvet_tests::{
    raw::{RawPhone, tags},
    world::{World, refusal},
};

async fn upload(world: &World, phone: &mut RawPhone, keys: &[DisclosedKey]) {
    let token = phone.redeem(&world.code().await).await.unwrap();
    let request = phone.request(&token, keys);
    phone.upload(request).await.unwrap();
}

async fn withdraw(world: &World, phone: &mut RawPhone, keys: &[DisclosedKey]) {
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    let receipts: Vec<_> = keys.iter().map(Receipt::of).collect();
    let request = phone.withdrawal(&token, &receipts);
    phone.upload(request).await.unwrap();
}

/// Kind of each file, and how many of the keys' tags are in it.
async fn files(world: &World, keys: &[DisclosedKey]) -> Vec<(BatchKind, usize)> {
    let tags = tags(keys);
    let files = world.files().await;
    let verify = |file| VerifiedBatch::verify(file, &world.trusted()).unwrap();
    let batches: Vec<_> = files.into_iter().map(verify).collect();
    for (pair, sequence) in batches.windows(2).zip(2..) {
        assert_eq!(pair[1].header().sequence, sequence);
        assert_eq!(pair[1].header().previous, pair[0].digest());
    }
    let found = |batch: &VerifiedBatch<_>| (batch.header().kind, batch.matches(&tags).len());
    batches.iter().map(found).collect()
}

use BatchKind::{Delta, Withdrawal};

#[tokio::test]
async fn what_was_published_is_taken_back_at_the_next_window() {
    for scheme in Scheme::ALL {
        let world = World::with(|settings| settings.scheme = scheme).await;
        let mut phone = world.raw_phone(1).await;
        let mine: Vec<_> = (1..=3)
            .map(|ago| phone.key(world.today().minus_days(ago)))
            .collect();
        let others = [phone.key(world.today().minus_days(1))];
        upload(&world, &mut phone, &mine).await;
        upload(&world, &mut phone, &others).await;
        world.publish().await;
        withdraw(&world, &mut phone, &mine).await;
        world.clock.advance(14_400);
        world.publish().await;
        let slots = scheme.slots_per_day() as usize;
        let expected = [(Delta, 3 * slots), (Delta, 0), (Withdrawal, 3 * slots)];
        assert_eq!(files(&world, &mine).await, expected, "{scheme}");
        let expected = [(Delta, slots), (Delta, 0), (Withdrawal, 0)];
        assert_eq!(files(&world, &others).await, expected, "{scheme}");
        // Both speak of the same stretch of time.
        let all = world.files().await;
        let header = |file| {
            let batch = VerifiedBatch::verify(file, &world.trusted()).unwrap();
            batch.header().clone()
        };
        let [delta, withdrawal] = [1, 2].map(|i| header(&all[i]));
        assert_eq!(delta.window_start, withdrawal.window_start);
        assert_eq!(delta.window_end, withdrawal.window_end);
        assert_eq!(delta.closed_at, withdrawal.closed_at);
        assert_ne!(delta.salt, withdrawal.salt);
        // Nothing of it is left, and nothing of it comes again.
        assert_eq!(world.rows("withdrawn_key"), 0);
        world.clock.advance(14_400);
        assert_eq!(world.publish().await.sequence, 4);
        assert_eq!(files(&world, &mine).await.last(), Some(&(Delta, 0)));
    }
}

#[tokio::test]
async fn what_was_not_published_yet_never_comes_out() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    // Today's slots up to now (05:02 UTC), of which the last two are not over by the tolerance.
    let mut slots = SlotSet::empty(Scheme::Bluezone);
    (0..=20).for_each(|slot| slots.insert(slot));
    let today = phone.key(world.today());
    let today =
        DisclosedKey::disclose(Scheme::Bluezone, today.day(), today.secret(), slots).unwrap();
    let yesterday = phone.key(world.today().minus_days(1));
    upload(&world, &mut phone, std::slice::from_ref(&today)).await;
    upload(&world, &mut phone, std::slice::from_ref(&yesterday)).await;
    withdraw(&world, &mut phone, std::slice::from_ref(&yesterday)).await;
    // Withdrawn in the window it came in: it leaves no trace, and there is nothing to take back.
    assert_eq!(world.rows("withdrawn_key"), 0);
    world.publish().await;
    assert_eq!(files(&world, &[yesterday]).await, [(Delta, 0)]);
    let keys = [today];
    assert_eq!(files(&world, &keys).await, [(Delta, 19)]);
    withdraw(&world, &mut phone, &keys).await;
    world.clock.advance(14_400);
    world.publish().await;
    world.clock.advance(14_400);
    world.publish().await;
    // The slots that waited are in no file at all.
    assert_eq!(
        files(&world, &keys).await,
        [(Delta, 19), (Delta, 0), (Withdrawal, 19), (Delta, 0)]
    );
    assert_eq!(world.rows("disclosed_key"), 0);
}

#[tokio::test]
async fn a_part_can_be_taken_back_and_another_later() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let key = phone.key(world.today().minus_days(1));
    upload(&world, &mut phone, std::slice::from_ref(&key)).await;
    world.publish().await;
    let part = |slots: std::ops::Range<u32>| {
        let mut set = SlotSet::empty(Scheme::Bluezone);
        slots.for_each(|slot| set.insert(slot));
        DisclosedKey::new(Scheme::Bluezone, key.day(), key.secret().to_vec(), set).unwrap()
    };
    // Overlapping, in one window.
    withdraw(&world, &mut phone, &[part(0..10)]).await;
    withdraw(&world, &mut phone, &[part(5..20)]).await;
    world.clock.advance(60);
    world.publish().await;
    withdraw(&world, &mut phone, &[part(0..96)]).await;
    world.clock.advance(60);
    world.publish().await;
    let expected = [
        (Delta, 96),
        (Delta, 0),
        (Withdrawal, 20),
        (Delta, 0),
        (Withdrawal, 76),
    ];
    assert_eq!(files(&world, &[key]).await, expected);
}

#[tokio::test]
async fn a_true_upload_after_a_withdrawal_is_published_again() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let keys = [phone.key(world.today().minus_days(1))];
    upload(&world, &mut phone, &keys).await;
    world.publish().await;
    withdraw(&world, &mut phone, &keys).await;
    world.clock.advance(60);
    world.publish().await;
    upload(&world, &mut phone, &keys).await;
    world.clock.advance(60);
    world.publish().await;
    let mut expected = vec![(Delta, 96), (Delta, 0), (Withdrawal, 96), (Delta, 96)];
    assert_eq!(files(&world, &keys).await, expected);
    // Taken back and uploaded again before the window closes: phones keep what they have.
    withdraw(&world, &mut phone, &keys).await;
    upload(&world, &mut phone, &keys).await;
    world.clock.advance(60);
    world.publish().await;
    expected.push((Delta, 0));
    assert_eq!(files(&world, &keys).await, expected);
    assert_eq!(world.rows("disclosed_key"), 1);
}

/// Same answer for what is there, what was taken back before and what never was.
#[tokio::test]
async fn a_withdrawal_tells_nothing_of_what_is_there() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let keys = [phone.key(world.today().minus_days(1))];
    let never = [phone.key(world.today().minus_days(1))];
    upload(&world, &mut phone, &keys).await;
    world.publish().await;
    withdraw(&world, &mut phone, &never).await;
    assert_eq!(world.rows("withdrawn_key"), 0);
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    let request = phone.withdrawal(&token, &[Receipt::of(&keys[0])]);
    phone.upload(request.clone()).await.unwrap();
    // The answer was lost: the same again.
    phone.upload(request.clone()).await.unwrap();
    // A second code for the same.
    withdraw(&world, &mut phone, &keys).await;
    assert_eq!(world.rows("withdrawn_key"), 1);
    world.clock.advance(60);
    world.publish().await;
    phone.upload(request).await.unwrap();
    withdraw(&world, &mut phone, &keys).await;
    world.clock.advance(60);
    assert_eq!(world.publish().await.sequence, 4);
    let expected = [(Delta, 96), (Delta, 0), (Withdrawal, 96), (Delta, 0)];
    assert_eq!(files(&world, &keys).await, expected);
    // Another request with the spent token is another matter.
    let other = phone.withdrawal(&token, &[Receipt::of(&never[0])]);
    let refused = refusal(&phone.upload(other).await.unwrap_err());
    assert_eq!(refused.0, Code::PermissionDenied);
    assert_eq!(refused.1, "TOKEN_SPENT");
}

/// A token says what it is for under its signature: neither kind does the other's work.
#[tokio::test]
async fn no_token_does_the_work_of_the_other_kind() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let keys = [phone.key(world.today().minus_days(1))];
    upload(&world, &mut phone, &keys).await;
    world.publish().await;
    for (code, pretended) in [
        (world.code().await, ReportType::Withdrawal),
        (world.withdrawal_code().await, ReportType::ConfirmedTest),
    ] {
        let mut token = phone.redeem(&code).await.unwrap();
        assert_ne!(token.metadata.report_type, pretended);
        token.metadata.report_type = pretended;
        let request = phone.withdrawal(&token, &[Receipt::of(&keys[0])]);
        let refused = refusal(&phone.upload(request).await.unwrap_err());
        assert_eq!(refused.1, "TOKEN_REFUSED");
    }
    // What is sent under a withdrawal's token never comes out, whatever it is.
    let secrets = [phone.key(world.today().minus_days(2))];
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    let request = phone.request(&token, &secrets);
    phone.upload(request).await.unwrap();
    // Receipts under an upload's token take nothing back: they are other people's secrets, at most.
    let token = phone.redeem(&world.code().await).await.unwrap();
    let request = phone.withdrawal(&token, &[Receipt::of(&keys[0])]);
    phone.upload(request).await.unwrap();
    world.clock.advance(60);
    world.publish().await;
    assert_eq!(files(&world, &secrets).await, [(Delta, 0), (Delta, 0)]);
    assert_eq!(files(&world, &keys).await, [(Delta, 96), (Delta, 0)]);
}

/// Who heard a case knows a published tag and the ID behind it, and not the secret.
#[tokio::test]
async fn who_knows_an_id_and_not_the_secret_takes_nothing_back() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let key = phone.key(world.today().minus_days(1));
    upload(&world, &mut phone, std::slice::from_ref(&key)).await;
    world.publish().await;
    let ids = truyvet_crypto::schedule::ids_of_day(key.scheme(), key.day(), key.secret()).unwrap();
    for (id, (_, tag)) in ids.iter().zip(key.tags()).take(3) {
        // Whatever can be made of it, as long as a proof is; and the secret itself is no proof of itself.
        let (id, tag) = (id.as_bytes(), tag.as_bytes());
        let guesses = [
            [tag.as_slice(), tag].concat(),
            [id, id, id].concat()[..32].to_vec(),
            truyvet_crypto::sha256(&[b"truyvet receipt v1", &[1], id]).to_vec(),
            truyvet_crypto::sha256(&[b"truyvet receipt v1", &[1], tag]).to_vec(),
            key.secret().to_vec(),
        ];
        for proof in guesses {
            let guess = Receipt::new(key.scheme(), key.day(), proof, key.slots().clone()).unwrap();
            let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
            let request = phone.withdrawal(&token, &[guess]);
            phone.upload(request).await.unwrap();
        }
    }
    world.clock.advance(60);
    world.publish().await;
    assert_eq!(files(&world, &[key]).await, [(Delta, 96), (Delta, 0)]);
}

/// On the way nobody tells an upload from a withdrawal; from the files nobody tells how many took back.
#[tokio::test]
async fn sizes_tell_nothing() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let people: Vec<Vec<_>> = (0..4)
        .map(|_| {
            (1..=5)
                .map(|ago| phone.key(world.today().minus_days(ago)))
                .collect()
        })
        .collect();
    for keys in &people {
        upload(&world, &mut phone, keys).await;
    }
    world.publish().await;
    for withdrawing in [&people[..1], &people[1..]] {
        for keys in withdrawing {
            withdraw(&world, &mut phone, keys).await;
        }
        world.clock.advance(60);
        world.publish().await;
    }
    let files = world.files().await;
    let [one, three] = [2, 4].map(|i| {
        let batch = VerifiedBatch::verify(&files[i], &world.trusted()).unwrap();
        assert_eq!(batch.header().kind, Withdrawal);
        (batch.header().tags, files[i].len())
    });
    assert_eq!((one.0, three.0), (world.settings.pad_floor_tags, one.0));
    // As many tags take a little more or less by chance, whichever tags they are.
    assert!(one.1.abs_diff(three.1) < one.1 / 20);
}

/// Codes for withdrawals need no onset and reach as far back as anything is kept.
#[tokio::test]
async fn a_withdrawal_reaches_the_oldest_day_kept() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let code = world.code_with_onset(world.today().minus_days(12)).await;
    let token = phone.redeem(&code).await.unwrap();
    let keys = [phone.key(world.today().minus_days(14))];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    world.publish().await;
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    assert_eq!(token.metadata.first_day, world.today().minus_days(14));
    withdraw(&world, &mut phone, &keys).await;
    world.clock.advance(60);
    world.publish().await;
    let expected = [(Delta, 96), (Delta, 0), (Withdrawal, 96)];
    assert_eq!(files(&world, &keys).await, expected);
}

/// What is taken back is gone with the file that says so; if that never comes, as late as any key.
#[tokio::test]
async fn what_is_taken_back_is_forgotten() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let keys = [phone.key(world.today().minus_days(1))];
    upload(&world, &mut phone, &keys).await;
    world.publish().await;
    withdraw(&world, &mut phone, &keys).await;
    let forget = async || {
        let context = world.server.context();
        truyvet_server::retention::run(context).await.unwrap()
    };
    world.clock.advance(20 * 86_400);
    forget().await;
    assert_eq!(world.rows("withdrawn_key"), 1, "not published yet");
    world.clock.advance(8 * 86_400);
    assert_eq!(forget().await.withdrawn_keys, 1);
    assert_eq!(world.rows("withdrawn_key"), 0);
}

/// Not even the files of the running database have the secret any more once its withdrawal is published.
#[tokio::test]
async fn nothing_of_a_false_positive_stays_on_disk() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let keys = [phone.key(world.today().minus_days(1))];
    upload(&world, &mut phone, &keys).await;
    world.publish().await;
    let receipt = Receipt::of(&keys[0]);
    let secrets = [keys[0].secret(), receipt.proof()];
    for secret in secrets {
        assert!(world.on_disk(secret), "the search works");
    }
    withdraw(&world, &mut phone, &keys).await;
    world.clock.advance(60);
    world.publish().await;
    for secret in secrets {
        assert!(!world.on_disk(secret));
    }
}
