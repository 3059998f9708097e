//! What is kept of an upload, so that a false positive can be taken back. Table `receipt`.
//!
//! Holds no secret: a receipt proves that this phone knew what it disclosed, and derives no ID ([`Receipt`]).

use rusqlite::{Connection, Transaction, params};
use truyvet_crypto::{Day, DisclosedKey, Receipt, Scheme, SlotSet};
use truyvet_matching::Region;
use truyvet_proto::v1 as pb;

use crate::database::StoreError;

/// The receipt of one upload.
pub(super) struct Kept {
    pub(super) region: Region,
    /// One for each day that is still within the retention.
    pub(super) days: Vec<Receipt>,
}

/// Keeps the receipt of a request that the server took.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    scheme: Scheme,
    request: &pb::UploadRequest,
) -> Result<(), StoreError> {
    let upload: i64 = transaction.query_row(
        "SELECT coalesce(max(upload), 0) + 1 FROM receipt",
        [],
        |row| row.get(0),
    )?;
    for key in &request.keys {
        let damaged = || StoreError::Damaged("pending_upload.request");
        let slots = SlotSet::parse(scheme, &key.slots).map_err(|_| damaged())?;
        let day = Day::from_number(key.day);
        let key =
            DisclosedKey::new(scheme, day, key.secret.clone(), slots).map_err(|_| damaged())?;
        let receipt = Receipt::of(&key);
        transaction.execute(
            "INSERT INTO receipt (upload, day, region, proof, slots) VALUES (?, ?, ?, ?, ?)",
            params![
                upload,
                day.number(),
                request.region,
                receipt.proof(),
                receipt.slots().as_bytes(),
            ],
        )?;
    }
    Ok(())
}

/// The receipt of the last upload that was not taken back; `None` if there is none.
pub(super) fn newest(connection: &Connection, scheme: Scheme) -> Result<Option<Kept>, StoreError> {
    type ReceiptRow = (String, u32, Vec<u8>, Vec<u8>);
    let rows: Vec<ReceiptRow> = connection
        .prepare_cached(
            "SELECT region, day, proof, slots FROM receipt
             WHERE upload = (SELECT max(upload) FROM receipt) ORDER BY day",
        )?
        .query_map([], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    let Some((region, ..)) = rows.first() else {
        return Ok(None);
    };
    let region = Region::parse(region).map_err(|_| StoreError::Damaged("receipt.region"))?;
    let days = rows
        .into_iter()
        .map(|(_, day, proof, slots)| {
            let slots =
                SlotSet::parse(scheme, &slots).map_err(|_| StoreError::Damaged("receipt.slots"))?;
            Receipt::new(scheme, Day::from_number(day), proof, slots)
                .map_err(|_| StoreError::Damaged("receipt.proof"))
        })
        .collect::<Result<_, _>>()?;
    Ok(Some(Kept { region, days }))
}

/// Forgets what a request has taken back.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    request: &pb::UploadRequest,
) -> Result<(), StoreError> {
    for receipt in &request.keys {
        transaction.execute(
            "DELETE FROM receipt WHERE day = ? AND proof = ?",
            params![receipt.day, receipt.secret],
        )?;
    }
    Ok(())
}

/// Forgets what is older than the retention: the server has nothing of it any more.
pub(crate) fn purge(transaction: &Transaction<'_>, oldest: Day) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM receipt WHERE day < ?", [oldest.number()])?;
    Ok(())
}

/// How many uploads can be taken back.
pub(crate) fn count(connection: &Connection) -> Result<usize, StoreError> {
    let uploads: i64 = connection
        .prepare_cached("SELECT count(DISTINCT upload) FROM receipt")?
        .query_row([], |row| row.get(0))?;
    usize::try_from(uploads).map_err(|_| StoreError::Damaged("receipt"))
}
