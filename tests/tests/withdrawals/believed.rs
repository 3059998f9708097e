//! After whatever sequence of uploads, withdrawals and windows a phone that took every file believes what is disclosed and
//! not taken back; also if windows wait closed while more comes in.
//!
//! The store and the selection alone, held against a set of (key, slot) pairs.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use proptest::{collection::vec, prelude::*};
use truyvet_crypto::{
    Day, DisclosedKey, Receipt, Scheme, SlotSet, Tag, Timestamp, sha256, sign::KeyId,
};
use truyvet_matching::{BatchKind, Codec, Digest, Region, build::TagSet};
use truyvet_server::{
    publish::{select, taken_back},
    store::{
        Change, ClosedWindow, Closing, ForWithdrawal, Lease, NewUpload, PublishedBatch, Store,
    },
};
use truyvet_tests::world::store;

/// Two people on each of two days: keys of the same and of other days.
const KEYS: usize = 4;

#[derive(Clone, Debug)]
enum Act {
    /// Slots from (included) to (excluded) of a key.
    Upload(usize, u32, u32),
    Withdraw(usize, u32, u32),
    /// Closes the open window after so many slots' time, unless one waits.
    Close(u32),
    /// Publishes what waits.
    Publish,
}

fn acts(slots: u32) -> impl Strategy<Value = Vec<Act>> {
    let range = move || (0..KEYS, 0..slots, 1..slots / 2);
    let act = prop_oneof![
        4 => range().prop_map(|(key, from, length)| Act::Upload(key, from, from + length)),
        4 => range().prop_map(|(key, from, length)| Act::Withdraw(key, from, from + length)),
        3 => (1..slots).prop_map(Act::Close),
        2 => Just(Act::Publish),
    ];
    vec(act, 1..30)
}

fn first_day() -> Day {
    Day::from_number(18_500)
}

struct World {
    store: Arc<dyn Store>,
    lease: Lease,
    scheme: Scheme,
    now: Timestamp,
    uploads: u64,
    /// By the model: key and slot.
    disclosed: BTreeSet<(usize, u32)>,
    /// What the waiting window is to make phones believe, and what its delta was when it closed.
    closed: Option<(HashSet<Tag>, TagSet)>,
    /// By a phone that takes every file.
    believed: HashSet<Tag>,
}

impl World {
    async fn new(scheme: Scheme, folder: &std::path::Path) -> Self {
        let store = store(folder).await;
        let lease = store.take_lease("a".into(), 3_600).await.unwrap();
        Self {
            store,
            lease: lease.expect("nobody else is here"),
            scheme,
            now: first_day().start(),
            uploads: 0,
            disclosed: BTreeSet::new(),
            closed: None,
            believed: HashSet::new(),
        }
    }

    fn region() -> Region {
        "VN".parse().unwrap()
    }

    fn key(&self, key: usize, from: u32, to: u32) -> DisclosedKey {
        let mut slots = SlotSet::empty(self.scheme);
        (from..to.min(self.scheme.slots_per_day())).for_each(|slot| slots.insert(slot));
        let secret: Vec<u8> = (0..self.scheme.day_secret_bytes().div_ceil(32))
            .flat_map(|i| sha256(&[&[u8::try_from(key).unwrap()], &i.to_be_bytes()]))
            .take(self.scheme.day_secret_bytes())
            .collect();
        let day = first_day().plus_days(u32::try_from(key % 2).unwrap());
        DisclosedKey::disclose(self.scheme, day, &secret, slots).unwrap()
    }

    async fn send(&mut self, change: Change) {
        self.uploads += 1;
        let upload = NewUpload {
            spend_id: sha256(&[&self.uploads.to_be_bytes()]),
            request_digest: [0; 32],
            token_last_day: first_day(),
            region: Self::region(),
            change,
        };
        self.store.store_upload(upload).await.unwrap();
    }

    /// The tags of what is disclosed now whose slots ended in time.
    fn ended(&self, slots_until: Timestamp) -> HashSet<Tag> {
        self.disclosed
            .iter()
            .flat_map(|&(key, slot)| {
                let key = self.key(key, slot, slot + 1);
                key.tags().collect::<Vec<_>>()
            })
            .filter(|(slot, _)| self.scheme.slot_end(*slot) <= slots_until)
            .map(|(_, tag)| tag)
            .collect()
    }

    async fn act(&mut self, act: &Act) {
        match *act {
            Act::Upload(key, from, to) => {
                let disclosed = self.key(key, from, to);
                let slots = disclosed.slots().clone();
                self.send(Change::Disclose(vec![disclosed])).await;
                self.disclosed.extend(slots.iter().map(|slot| (key, slot)));
            }
            Act::Withdraw(key, from, to) => {
                let disclosed = self.key(key, from, to);
                self.send(Change::Withdraw(vec![Receipt::of(&disclosed)]))
                    .await;
                self.disclosed
                    .retain(|&(k, slot)| k != key || !disclosed.slots().contains(slot));
            }
            Act::Close(slots) if self.closed.is_none() => self.close(slots).await,
            Act::Close(_) => {}
            Act::Publish => self.publish().await,
        }
    }

    async fn close(&mut self, slots: u32) {
        let seconds = slots * self.scheme.slot_seconds();
        self.now = self.now.plus_seconds(seconds.into());
        let closing = Closing {
            region: Self::region(),
            closed_at: self.now,
            slots_until: self.now,
            window_start: first_day().start(),
            salt: [0; 16],
            padding_seed: [0; 32],
            key_id: KeyId::from_bytes([0; 8]),
            codec: Codec::DEFAULT,
            fingerprint_bits: 40,
            pad_floor_tags: 0,
            pad_step_tags: 1,
        };
        let for_withdrawal = ForWithdrawal {
            salt: [1; 16],
            padding_seed: [1; 32],
        };
        let window = self
            .store
            .close_window(closing, for_withdrawal, self.lease.clone())
            .await
            .unwrap();
        assert_eq!(window.kind, BatchKind::Delta);
        let delta = self.tags(&window).await;
        self.closed = Some((self.ended(self.now), delta));
    }

    async fn tags(&self, window: &ClosedWindow) -> TagSet {
        let region = Self::region();
        if window.kind == BatchKind::Withdrawal {
            let keys = self
                .store
                .withdrawn_in_window(region, window.sequence - 1)
                .await;
            return taken_back(&keys.unwrap());
        }
        let since = first_day();
        let keys = self
            .store
            .keys_for_window(region, window.sequence, since)
            .await;
        select(window, &keys.unwrap())
    }

    async fn publish(&mut self) {
        let Some((expected, when_closed)) = self.closed.take() else {
            return;
        };
        let mut added = HashSet::new();
        while let Some(window) = self.store.closed_window(Self::region()).await.unwrap() {
            let tags = self.tags(&window).await;
            for tag in tags.iter() {
                if window.kind == BatchKind::Delta {
                    assert!(self.believed.insert(*tag), "published twice");
                    added.insert(*tag);
                } else {
                    assert!(self.believed.remove(tag), "taken back without need");
                    assert!(!added.contains(tag), "the order of the two files matters");
                }
            }
            if window.kind == BatchKind::Delta {
                assert_eq!(tags, when_closed, "what came in since changed a fixed file");
            } else {
                assert!(!tags.is_empty(), "a withdrawal of nothing");
            }
            let batch = PublishedBatch {
                sequence: window.sequence,
                digest: Digest::of(&window.sequence.to_be_bytes()),
                file_bytes: 1,
                tags: tags.len() as u64,
                closed_at: window.closing.closed_at,
            };
            let lease = self.lease.clone();
            let recorded = self.store.record_publication(Self::region(), batch, lease);
            recorded.await.unwrap();
        }
        assert_eq!(self.believed, expected);
    }
}

fn check(scheme: Scheme, acts: &[Act]) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(scheme, folder.path()).await;
        for act in acts {
            world.act(act).await;
        }
        // Once all has ended and is published, it is exactly what is disclosed.
        for _ in 0..2 {
            world.act(&Act::Publish).await;
            world.act(&Act::Close(2 * scheme.slots_per_day())).await;
        }
        world.act(&Act::Publish).await;
        assert_eq!(world.believed, world.ended(Timestamp::MAX));
        let left = world.store.withdrawn_in_window(World::region(), 1).await;
        assert!(left.unwrap().is_empty(), "forgotten once published");
        world.store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn phones_believe_what_is_disclosed_and_not_taken_back(acts in acts(96)) {
        check(Scheme::Bluezone, &acts);
    }
}

proptest! {
    // A row for each slot.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_same_where_every_slot_has_its_own_secret(acts in acts(12)) {
        check(Scheme::Dp3t, &acts);
    }
}
