//! What taking back, and disclosing again, does to the rows of a key: the same in every backend.

use truyvet_crypto::{Receipt, SlotSet, Timestamp};

use crate::publish::taken_before;

/// A row of `disclosed_key` or of `withdrawn_key`, found by a receipt.
pub(super) struct KeyRow {
    pub(super) secret: Vec<u8>,
    /// Sequence number of the window that was open when the key came.
    pub(super) accepted_window: u64,
    pub(super) slots: SlotSet,
}

/// What a row's slots in either table are to be; empty: no row.
pub(super) struct Moved {
    pub(super) row: KeyRow,
    pub(super) disclosed: SlotSet,
    pub(super) withdrawn: SlotSet,
}

impl KeyRow {
    /// Splits the row's slots into those that the receipt names and the others.
    fn split(&self, receipt: &Receipt) -> (SlotSet, SlotSet) {
        let (mut named, mut others) = (self.slots.clone(), self.slots.clone());
        named.keep_only(receipt.slots());
        others.remove_all(receipt.slots());
        (named, others)
    }
}

/// Takes back those of the receipt's slots that are there. What is not there changes nothing.
///
/// Only slots that a window had taken become withdrawn: those have been published, or will be in a file that is fixed
/// already, so a withdrawal must follow. The others just go.
///
/// - `withdrawn`: the key's rows of this window.
/// - `slots_until`: until when the region's last closed window took slots.
pub(super) fn withdraw(
    disclosed: Vec<KeyRow>,
    withdrawn: &[KeyRow],
    receipt: &Receipt,
    open_window: u64,
    slots_until: Option<Timestamp>,
) -> Vec<Moved> {
    let moved = |row: KeyRow| {
        let (named, others) = row.split(receipt);
        let mut taken = slots_of(withdrawn, row.accepted_window, receipt);
        for slot in named.iter() {
            let slot_number = receipt.scheme().slot(receipt.day(), slot);
            let end = receipt.scheme().slot_end(slot_number);
            if taken_before(open_window, slots_until, row.accepted_window, end) {
                taken.insert(slot);
            }
        }
        (!named.is_empty()).then_some(Moved {
            row,
            disclosed: others,
            withdrawn: taken,
        })
    };
    disclosed.into_iter().filter_map(moved).collect()
}

/// What is uploaded again before its withdrawal is fixed is not withdrawn at all: it stays as it was published. So a
/// window's delta and withdrawal never name the same tag.
///
/// - `withdrawn`: the key's rows of this window.
pub(super) fn undo(withdrawn: Vec<KeyRow>, disclosed: &[KeyRow], receipt: &Receipt) -> Vec<Moved> {
    let moved = |row: KeyRow| {
        let (named, others) = row.split(receipt);
        let mut slots = slots_of(disclosed, row.accepted_window, receipt);
        slots.insert_all(&named);
        (!named.is_empty()).then_some(Moved {
            row,
            disclosed: slots,
            withdrawn: others,
        })
    };
    withdrawn.into_iter().filter_map(moved).collect()
}

fn slots_of(rows: &[KeyRow], accepted_window: u64, receipt: &Receipt) -> SlotSet {
    rows.iter()
        .find(|row| row.accepted_window == accepted_window)
        .map_or_else(|| SlotSet::empty(receipt.scheme()), |row| row.slots.clone())
}
