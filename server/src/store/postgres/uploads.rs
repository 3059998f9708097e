//! SQL of spent tokens and disclosed keys.
//!
//! Uploads that wait together are stored together ([`store_together`]), with a handful of statements for all of them. The rare
//! ones that take something back, or disclose again what was taken back, are stored alone ([`store_alone`]), with all gates
//! held.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use truyvet_crypto::{Day, DisclosedKey, Receipt, SlotSet, Timestamp};
use truyvet_matching::Region;

use super::{
    failure::{Failure, Result},
    gate, publications,
    sql::{Sql, values},
    withdrawals,
};
use crate::{
    context::{Step, Steps},
    store::{
        AcceptedKey, NewUpload, Stored,
        uploads::{Prepared, PreparedChange, parse_key, parse_slots, slots_to_keep},
    },
};

/// What became of an upload among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// It is stored, or was refused.
    Done(Stored),
    /// Nothing was done: it must be stored alone.
    Alone,
}

/// Stores uploads in one transaction, READ COMMITTED. The answers are in the order of the uploads.
///
/// - `writer`: whoever counts on its own.
pub(super) async fn store_together(
    sql: &Sql<'_>,
    uploads: &[Prepared],
    writer: &str,
    steps: &dyn Steps,
) -> Result<Vec<Together>> {
    let regions: BTreeSet<Region> = uploads.iter().map(|upload| upload.upload.region).collect();
    let mut open = BTreeMap::new();
    for region in regions {
        open.insert(region, gate::pass(sql, region).await?);
    }
    let withdrawn = withdrawals::of_open_windows(sql, uploads, &open).await?;
    let plain = |upload: &Prepared| match &upload.change {
        PreparedChange::Withdraw(_) => false,
        PreparedChange::Disclose(keys) => !keys
            .iter()
            .any(|(_, receipt)| withdrawn.contains(receipt.proof())),
    };
    let plain: Vec<bool> = uploads.iter().map(plain).collect();
    let together = || uploads.iter().zip(&plain).filter(|(_, plain)| **plain);

    // The first upload by each token, in the tokens' order: two servers that spend the same ones wait for, not on, each other.
    let mut first = BTreeMap::new();
    for (upload, _) in together() {
        first.entry(upload.upload.spend_id).or_insert(upload);
    }
    let before = spend(sql, &first).await?;
    let mut keys = Keys::default();
    let mut counts: BTreeMap<Region, u64> = BTreeMap::new();
    let mut outcome = Vec::with_capacity(uploads.len());
    for (upload, plain) in uploads.iter().zip(&plain) {
        let NewUpload {
            spend_id, region, ..
        } = &upload.upload;
        if !plain {
            outcome.push(Together::Alone);
            continue;
        }
        let spender = first[spend_id];
        let spent_on = match before.get(spend_id) {
            Some(digest) => Some(digest),
            None if std::ptr::eq(spender, upload) => None,
            None => Some(&spender.upload.request_digest),
        };
        if let Some(digest) = spent_on {
            outcome.push(Together::Done(Stored::before(digest, &upload.upload)));
            continue;
        }
        if let PreparedChange::Disclose(disclosed) = &upload.change {
            for (key, receipt) in disclosed {
                keys.add(*region, key, receipt);
            }
        }
        *counts.entry(*region).or_default() += 1;
        outcome.push(Together::Done(Stored::Stored));
    }
    keys.store(sql, &open).await?;
    for (region, uploads) in counts {
        count(sql, region, open[&region], writer, uploads).await?;
    }
    for _ in outcome
        .iter()
        .filter(|done| **done == Together::Done(Stored::Stored))
    {
        steps.reached(Step::UploadWritten);
    }
    Ok(outcome)
}

/// Spends tokens; returns those that were spent before, and on what.
async fn spend(
    sql: &Sql<'_>,
    uploads: &BTreeMap<[u8; 32], &Prepared>,
) -> Result<HashMap<[u8; 32], [u8; 32]>> {
    let spend_ids: Vec<&[u8]> = uploads.keys().map(<[u8; 32]>::as_slice).collect();
    let digests: Vec<&[u8]> = uploads
        .values()
        .map(|upload| upload.upload.request_digest.as_slice())
        .collect();
    let last_days: Vec<i64> = uploads
        .values()
        .map(|upload| upload.upload.token_last_day.number().into())
        .collect();
    let spent: Vec<([u8; 32],)> = sql
        .rows(
            "INSERT INTO spent_token (spend_id, request_digest, last_day, fresh)
             SELECT *, TRUE FROM unnest($1, $2, $3)
             ON CONFLICT (spend_id) DO NOTHING RETURNING spend_id",
            &values![&spend_ids, &digests, &last_days],
        )
        .await?;
    if spent.len() == uploads.len() {
        return Ok(HashMap::new());
    }
    let spent: HashSet<_> = spent
        .iter()
        .map(|(spend_id,)| spend_id.as_slice())
        .collect();
    let others: Vec<&[u8]> = spend_ids
        .into_iter()
        .filter(|id| !spent.contains(id))
        .collect();
    let before: Vec<([u8; 32], [u8; 32])> = sql
        .rows(
            "SELECT spend_id, request_digest FROM spent_token WHERE spend_id = ANY($1)",
            &values![&others],
        )
        .await?;
    if before.len() == others.len() {
        Ok(before.into_iter().collect())
    } else {
        // Forgotten since.
        Err(Failure::Overtaken)
    }
}

/// What names a row of `fresh_key` besides its window.
type KeyName<'a> = (&'a [u8], Region, u8, Day);

/// A row that is there: what names it, its window, its slots.
type KnownKey = (Vec<u8>, Region, u8, Day, u64, Vec<u8>);

/// Keys to be stored: the slots of each, from one upload or several.
#[derive(Default)]
struct Keys<'a>(BTreeMap<KeyName<'a>, (&'a DisclosedKey, SlotSet)>);

impl<'a> Keys<'a> {
    fn add(&mut self, region: Region, key: &'a DisclosedKey, receipt: &'a Receipt) {
        let name = (receipt.proof(), region, key.scheme().byte(), key.day());
        let entry = self.0.entry(name);
        let (_, slots) = entry.or_insert_with(|| (key, SlotSet::empty(key.scheme())));
        slots.insert_all(key.slots());
    }

    /// Adds the slots that no row of the same secret has yet.
    async fn store(mut self, sql: &Sql<'_>, open: &BTreeMap<Region, u64>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let known = self.known(sql).await?;
        let mut rows: BTreeMap<KeyName<'_>, Vec<(u64, SlotSet)>> = BTreeMap::new();
        for (proof, region, scheme, day, window, slots) in &known {
            let name = (proof.as_slice(), *region, *scheme, *day);
            if let Some((key, _)) = self.0.get(&name) {
                let slots = parse_slots(key.scheme(), slots)?;
                rows.entry(name).or_default().push((*window, slots));
            }
        }
        let mut merged = BTreeSet::new();
        for (name, (_, slots)) in &mut self.0 {
            let Some(known) = rows.get(name) else {
                continue;
            };
            let window = open[&name.1];
            *slots = slots_to_keep(slots, known, window);
            if known.iter().any(|(known, _)| *known == window) {
                merged.insert(*name);
            }
        }
        self.0.retain(|_, (_, slots)| !slots.is_empty());
        self.write(sql, open, |name| merged.contains(name), UPDATE)
            .await?;
        self.write(sql, open, |name| !merged.contains(name), INSERT)
            .await
    }

    /// All rows of these secrets. Fresh ones first, and locked: what is settled between the two statements is found there,
    /// and what is found here stays.
    async fn known(&self, sql: &Sql<'_>) -> Result<Vec<KnownKey>> {
        let Columns {
            proofs,
            regions,
            schemes,
            days,
            ..
        } = self.columns(|_| true);
        let mut known = Vec::new();
        for (table, lock) in [("fresh_key", "FOR UPDATE"), ("settled_key", "")] {
            // OFFSET 0: one look into the index for each key, however many. Left to itself, the planner reads the whole table
            // from some thousand on.
            let statement = format!(
                "SELECT asked.proof, asked.region, asked.scheme, asked.day, known.accepted_window, known.slots
                 FROM unnest($1, $2, $3, $4) AS asked (proof, region, scheme, day)
                 CROSS JOIN LATERAL (
                     SELECT accepted_window, slots FROM {table} AS known
                     WHERE (known.proof, known.region, known.scheme, known.day)
                         = (asked.proof, asked.region, asked.scheme, asked.day)
                     OFFSET 0 {lock}) AS known"
            );
            let values = values![&proofs, regions.clone(), &schemes, &days];
            known.extend(sql.rows(&statement, &values).await?);
        }
        Ok(known)
    }

    async fn write(
        &self,
        sql: &Sql<'_>,
        open: &BTreeMap<Region, u64>,
        which: impl Fn(&KeyName<'_>) -> bool,
        statement: &str,
    ) -> Result<()> {
        let Columns {
            proofs,
            regions,
            schemes,
            days,
            secrets,
            slots,
        } = self.columns(which);
        if proofs.is_empty() {
            return Ok(());
        }
        let windows: Vec<i64> = regions
            .iter()
            .map(|region| open.iter().find(|(open, _)| open.as_str() == *region))
            .map(|found| found.map_or(0, |(_, window)| i64::try_from(*window).unwrap_or(i64::MAX)))
            .collect();
        let written = sql
            .execute(
                statement,
                &values![
                    &proofs, regions, &schemes, &days, &windows, &secrets, &slots
                ],
            )
            .await?;
        if written == proofs.len() as u64 {
            Ok(())
        } else {
            // Another server stored the same secret since it was looked for: now it will be found.
            Err(Failure::Overtaken)
        }
    }

    fn columns(&self, which: impl Fn(&KeyName<'_>) -> bool) -> Columns<'_> {
        let mut columns = Columns::default();
        for (name, (key, slots)) in self.0.iter().filter(|(name, _)| which(name)) {
            columns.proofs.push(name.0);
            columns.regions.push(name.1.as_str());
            columns.schemes.push(name.2.into());
            columns.days.push(name.3.number().into());
            columns.secrets.push(key.secret());
            columns.slots.push(slots.as_bytes());
        }
        columns
    }
}

#[derive(Default)]
struct Columns<'a> {
    proofs: Vec<&'a [u8]>,
    regions: Vec<&'a str>,
    schemes: Vec<i64>,
    days: Vec<i64>,
    secrets: Vec<&'a [u8]>,
    slots: Vec<&'a [u8]>,
}

const INSERT: &str =
    "INSERT INTO fresh_key (proof, region, scheme, day, accepted_window, secret, slots)
     SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (proof, region, scheme, day, accepted_window) DO NOTHING";

const UPDATE: &str = "UPDATE fresh_key SET slots = new.slots
     FROM unnest($1, $2, $3, $4, $5, $6, $7) AS new (proof, region, scheme, day, accepted_window, secret, slots)
     WHERE (fresh_key.proof, fresh_key.region, fresh_key.scheme, fresh_key.day, fresh_key.accepted_window)
         = (new.proof, new.region, new.scheme, new.day, new.accepted_window)";

/// Counts uploads for the figures: the window is all that is known of their time anyway.
async fn count(
    sql: &Sql<'_>,
    region: Region,
    window: u64,
    writer: &str,
    uploads: u64,
) -> Result<()> {
    sql.execute(
        "INSERT INTO upload_count (region, sequence, writer, uploads) VALUES ($1, $2, $3, $4)
         ON CONFLICT (region, sequence, writer) DO UPDATE SET uploads = upload_count.uploads + excluded.uploads",
        &values![&region, window, writer, uploads],
    )
    .await
    .map(drop)
}

/// Stores one upload in a transaction of its own, READ COMMITTED, with nobody else storing in its region.
pub(super) async fn store_alone(
    sql: &Sql<'_>,
    upload: &Prepared,
    writer: &str,
    steps: &dyn Steps,
) -> Result<Stored> {
    let NewUpload {
        spend_id, region, ..
    } = &upload.upload;
    let region = *region;
    let window = gate::hold_all(sql, region).await?;
    // All uploads of the region wait meanwhile. A key that is on its way to the published ones is waited for without them.
    sql.wait_at_most("200ms").await?;
    let open = BTreeMap::from([(region, window)]);
    let before = spend(sql, &BTreeMap::from([(*spend_id, upload)])).await?;
    if let Some(digest) = before.get(spend_id) {
        return Ok(Stored::before(digest, &upload.upload));
    }
    match &upload.change {
        PreparedChange::Disclose(disclosed) => {
            let mut keys = Keys::default();
            for (key, receipt) in disclosed {
                withdrawals::undo(sql, region, receipt, window).await?;
                keys.add(region, key, receipt);
            }
            keys.store(sql, &open).await?;
            count(sql, region, window, writer, 1).await?;
        }
        PreparedChange::Withdraw(receipts) => {
            for receipt in receipts {
                withdrawals::withdraw(sql, region, receipt, window).await?;
            }
        }
    }
    steps.reached(Step::UploadWritten);
    Ok(Stored::Stored)
}

pub(super) async fn counts(sql: &Sql<'_>, region: Region) -> Result<Vec<(Option<Timestamp>, u64)>> {
    sql.rows(
        "SELECT closed_at, uploads
         FROM (SELECT sequence, sum(uploads)::int8 AS uploads FROM upload_count
               WHERE region = $1 GROUP BY sequence) AS counted
         LEFT JOIN publication ON publication.region = $1 AND publication.sequence = counted.sequence
         ORDER BY counted.sequence",
        &values![&region],
    )
    .await
}

pub(super) async fn keys_for_window(
    sql: &Sql<'_>,
    region: Region,
    sequence: u64,
    since: Day,
) -> Result<Vec<AcceptedKey>> {
    type KeyRow = (u8, Day, Vec<u8>, Vec<u8>, u64);
    publications::must_know(sql, region, sequence).await?;
    let rows: Vec<KeyRow> = sql
        .rows(
            "SELECT scheme, day, secret, slots, accepted_window FROM fresh_key
             WHERE region = $1 AND accepted_window = $2
             UNION ALL
             SELECT scheme, day, secret, slots, accepted_window FROM disclosed_key
             WHERE region = $1 AND accepted_window < $2 AND day >= $3
             UNION ALL
             SELECT scheme, day, secret, slots, accepted_window FROM withdrawn_key
             WHERE region = $1 AND accepted_window <= $2 AND withdrawn_window > $2",
            &values![&region, sequence, since],
        )
        .await?;
    rows.into_iter()
        .map(|(scheme, day, secret, slots, accepted_window)| {
            Ok(AcceptedKey {
                key: parse_key(scheme, day, secret, &slots)?,
                accepted_window,
            })
        })
        .collect()
}
