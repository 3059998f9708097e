//! What is remembered of uploads: nothing that ties one to a code, or its keys to each other.

use truyvet_crypto::{Day, DisclosedKey, Receipt, Scheme, SlotSet};
use truyvet_matching::Region;

use super::{Result, StoreError};

/// A valid upload on its way in. It has no time of arrival and nothing that ties its keys to a code.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// What is remembered of the token.
    pub spend_id: [u8; 32],
    /// Keyed digest of the whole request: the same one may come again.
    pub request_digest: [u8; 32],
    /// From the token: when its spend id may be forgotten.
    pub token_last_day: Day,
    /// Where to publish, or where it was.
    pub region: Region,
    /// What the token pays for.
    pub change: Change,
}

/// What an upload does to what is disclosed.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds keys; at least one.
    Disclose(Vec<DisclosedKey>),
    /// Takes back those of the slots that are there, and says nothing of the others; at least one receipt.
    Withdraw(Vec<Receipt>),
}

/// An upload with all that can be computed before its turn in a backend.
pub(super) struct Prepared {
    pub(super) upload: NewUpload,
    pub(super) change: PreparedChange,
}

/// Split, so that a secret stands for the same slots in every upload.
pub(super) enum PreparedChange {
    Disclose(Vec<(DisclosedKey, Receipt)>),
    Withdraw(Vec<Receipt>),
}

impl Prepared {
    pub(super) fn new(upload: NewUpload) -> Self {
        let change = match &upload.change {
            Change::Disclose(keys) => {
                let keys = keys.iter().flat_map(DisclosedKey::split);
                PreparedChange::Disclose(
                    keys.map(|key| {
                        let receipt = Receipt::of(&key);
                        (key, receipt)
                    })
                    .collect(),
                )
            }
            Change::Withdraw(receipts) => {
                PreparedChange::Withdraw(receipts.iter().flat_map(Receipt::split).collect())
            }
        };
        Self { upload, change }
    }
}

/// Answer to an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Durable now, in the window that is open.
    Stored,
    /// The same request was stored before; nothing changed.
    Again,
    /// The token paid for another upload already; nothing changed.
    TokenSpent,
}

/// A disclosed key with the window it was accepted in.
#[derive(Clone, Debug)]
pub struct AcceptedKey {
    /// The key.
    pub key: DisclosedKey,
    /// Sequence number of the window that was open.
    pub accepted_window: u64,
}

/// What a window's withdrawal does not share with its delta: with the same padding, the two files would tell which of
/// their tags are padding.
#[derive(Clone, Debug)]
pub struct ForWithdrawal {
    /// As [`super::Closing::salt`].
    pub salt: [u8; 16],
    /// As [`super::Closing::padding_seed`].
    pub padding_seed: [u8; 32],
}

impl Stored {
    /// Of a token that paid before.
    ///
    /// - `spent_on`: digest of the request that it paid for.
    pub(super) fn before(spent_on: &[u8; 32], upload: &NewUpload) -> Self {
        if *spent_on == upload.request_digest {
            Self::Again
        } else {
            Self::TokenSpent
        }
    }
}

/// The slots that the open window's row of a secret is to have: what was asked and what came in this window before, but for
/// what earlier windows have. So each slot is published once, unless it is taken back.
///
/// - `known`: window and slots of each row that is there.
pub(super) fn slots_to_keep(
    asked: &SlotSet,
    known: &[(u64, SlotSet)],
    open_window: u64,
) -> SlotSet {
    let mut slots = asked.clone();
    let (here, earlier) = known
        .iter()
        .partition::<Vec<_>, _>(|(window, _)| *window == open_window);
    here.iter().for_each(|(_, known)| slots.insert_all(known));
    earlier
        .iter()
        .for_each(|(_, known)| slots.remove_all(known));
    slots
}

pub(super) fn parse_key(
    scheme: u8,
    day: Day,
    secret: Vec<u8>,
    slots: &[u8],
) -> Result<DisclosedKey> {
    let inconsistent = |column: &str| StoreError::Inconsistent(column.into());
    let scheme = Scheme::from_byte(scheme).ok_or_else(|| inconsistent("disclosed_key.scheme"))?;
    let slots = parse_slots(scheme, slots)?;
    DisclosedKey::new(scheme, day, secret, slots).map_err(|_| inconsistent("disclosed_key.secret"))
}

pub(super) fn parse_slots(scheme: Scheme, slots: &[u8]) -> Result<SlotSet> {
    SlotSet::parse(scheme, slots)
        .map_err(|_| StoreError::Inconsistent("disclosed_key.slots".into()))
}
