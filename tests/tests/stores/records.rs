//! Records as small as they can be.

use truyvet_crypto::{
    CodeHash, Day, DisclosedKey, Receipt, Scheme, SlotSet, Timestamp, sha256, sign::KeyId,
    token::ReportType,
};
use truyvet_matching::{Codec, Digest, Region};
use truyvet_server::{
    audit::{Action, AuditEntry},
    officers::{Officer, Role},
    store::{
        AcceptedKey, Change, ClosedWindow, Closing, ForWithdrawal, IssueLimits, Lease, NewCode,
        NewOfficer, NewUpload, PublishedBatch, Store,
    },
};
use truyvet_tests::world::NOON;

pub(crate) fn region() -> Region {
    "VN".parse().unwrap()
}

pub(crate) fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(NOON).unwrap()
}

pub(crate) fn day() -> Day {
    noon().day().minus_days(1)
}

/// Slots from (included) to (excluded) of somebody's day.
pub(crate) fn key(person: u64, from: u32, to: u32) -> DisclosedKey {
    let mut slots = SlotSet::empty(Scheme::Bluezone);
    (from..to).for_each(|slot| slots.insert(slot));
    let secret = sha256(&[b"somebody", &person.to_be_bytes()]);
    DisclosedKey::disclose(Scheme::Bluezone, day(), &secret, slots).unwrap()
}

/// An upload by the token of that number; `request` tells two requests by one token apart.
pub(crate) fn upload(token: u64, request: u8, change: Change) -> NewUpload {
    NewUpload {
        spend_id: sha256(&[b"token", &token.to_be_bytes()]),
        request_digest: [request; 32],
        token_last_day: day(),
        region: region(),
        change,
    }
}

pub(crate) fn disclosure(token: u64, key: DisclosedKey) -> NewUpload {
    upload(token, 1, Change::Disclose(vec![key]))
}

pub(crate) fn withdrawal(token: u64, key: &DisclosedKey) -> NewUpload {
    upload(token, 1, Change::Withdraw(vec![Receipt::of(key)]))
}

pub(crate) fn closing() -> (Closing, ForWithdrawal) {
    let closing = Closing {
        region: region(),
        closed_at: noon(),
        slots_until: noon(),
        window_start: day().start(),
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
    (closing, for_withdrawal)
}

/// Of a file that was never made.
pub(crate) fn batch(window: &ClosedWindow) -> PublishedBatch {
    PublishedBatch {
        sequence: window.sequence,
        digest: Digest::of(&window.sequence.to_be_bytes()),
        file_bytes: 1,
        tags: 1,
        closed_at: window.closing.closed_at,
    }
}

pub(crate) fn entry() -> AuditEntry {
    AuditEntry {
        at: noon().hour_start(),
        officer_id: Some("a".into()),
        key_id: None,
        action: Action::CodeIssued,
        unit_code: "VN".into(),
        subject: String::new(),
    }
}

pub(crate) fn officer() -> NewOfficer {
    NewOfficer {
        officer: Officer {
            officer_id: "a".into(),
            label: "a".into(),
            unit_code: "VN".into(),
            role: Role::Officer,
            active: true,
        },
        key: None,
        invitation: None,
        entries: Vec::new(),
    }
}

pub(crate) fn code(number: u64) -> NewCode {
    NewCode {
        hash: CodeHash::from_bytes(sha256(&[b"code", &number.to_be_bytes()])),
        serial: format!("{number:06}"),
        officer_id: "a".into(),
        unit_code: "VN".into(),
        report_type: ReportType::ConfirmedTest,
        first_day: day(),
        region: region(),
        issued_at: noon().hour_start(),
        expires_at: noon().hour_start().plus_seconds(86_400),
    }
}

/// As many codes as this, from whomever.
pub(crate) fn limits(codes: u64) -> IssueLimits {
    IssueLimits {
        since: Timestamp::MIN,
        officer: codes,
        unit: codes,
    }
}

/// Closes the open window, unless one waits already.
async fn close_by(store: &dyn Store, lease: &Lease) -> ClosedWindow {
    let (closing, for_withdrawal) = closing();
    let closed = store.close_window(closing, for_withdrawal, lease.clone());
    closed.await.unwrap()
}

/// Closes the open window; its number.
pub(crate) async fn close_window(store: &dyn Store) -> u64 {
    let lease = store.take_lease("a".into(), 3_600).await.unwrap().unwrap();
    let window = close_by(store, &lease).await;
    store.end_lease(lease).await.unwrap();
    window.sequence
}

/// Closes the open window; what its file is made from: all that was published, and what came since.
pub(crate) async fn keys(store: &dyn Store) -> Vec<AcceptedKey> {
    let window = close_window(store).await;
    let keys = store.keys_for_window(region(), window, Day::from_number(0));
    keys.await.unwrap()
}

/// Closes a window and calls it published.
pub(crate) async fn publish(store: &dyn Store) {
    let lease = store.take_lease("a".into(), 3_600).await.unwrap().unwrap();
    close_by(store, &lease).await;
    while let Some(window) = store.closed_window(region()).await.unwrap() {
        let recorded = store.record_publication(region(), batch(&window), lease.clone());
        recorded.await.unwrap();
    }
    store.end_lease(lease).await.unwrap();
}
