//! Builds the upload request: which days and slots, in exactly the deployment's size.
//!
//! Pure but for reading own secrets.

use std::ops::RangeInclusive;

use prost::Message;
use rusqlite::Connection;
use truyvet_crypto::{Day, DisclosedKey, Receipt, Scheme, SlotSet, Timestamp, token::Token};
use truyvet_matching::Region;
use truyvet_proto::{
    padding::{PaddingError, pad},
    v1 as pb,
};
use zeroize::Zeroizing;

use super::{UploadError, UploadOptions, pending::token_to_wire, silence::Hearing};
use crate::{database::StoreError, identity, sightings};

/// The days that both the token and the retention cover, up to today.
pub(super) fn days_covered(token: &Token, today: Day, retention_days: u32) -> RangeInclusive<Day> {
    token
        .metadata
        .first_day
        .max(today.minus_days(retention_days))..=token.metadata.last_day.min(today)
}

/// One key for each of `days` of which anything is to be disclosed, oldest first.
///
/// # Errors
/// [`UploadError::NothingToDisclose`] if that is none.
pub(super) fn disclosed_keys(
    connection: &Connection,
    scheme: Scheme,
    days: RangeInclusive<Day>,
    options: &UploadOptions,
    now: Timestamp,
) -> Result<Vec<DisclosedKey>, UploadError> {
    let heard = sightings::slots_heard(connection, scheme)?;
    let hearing = Hearing::new(scheme, heard, scheme.slot_at(now));
    let mut keys = vec![];
    for day in (days.start().number()..=days.end().number()).map(Day::from_number) {
        let mut slots = hearing.slots_of_day(day);
        slots.remove_all(&left_out_of(options, scheme, day));
        let secret = identity::day_secret(connection, scheme, day)?;
        if let Some(secret) = secret.filter(|_| !slots.is_empty()) {
            let key = DisclosedKey::disclose(scheme, day, &secret, slots)
                .map_err(|_| StoreError::Damaged("day_secret.secret"))?;
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(UploadError::NothingToDisclose);
    }
    Ok(keys)
}

/// The request of exactly `upload_bytes`.
///
/// - `keys`: as [`key_to_wire`] or [`receipt_to_wire`] makes them, oldest first.
///
/// Of the few sizes that padding cannot fill, the oldest day is left out: it matters least, and what is
/// not taken back now keeps its receipt.
///
/// # Errors
/// [`UploadError::Size`] if the keys do not fit.
pub(super) fn build(
    token: &Token,
    region: Region,
    keys: Vec<pb::DisclosedKey>,
    upload_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, UploadError> {
    let mut request = pb::UploadRequest {
        token: Some(token_to_wire(token)),
        region: region.to_string(),
        keys,
        padding: vec![],
        decoy: false,
    };
    loop {
        match pad(&mut request, upload_bytes) {
            Ok(()) => return Ok(Zeroizing::new(request.encode_to_vec())),
            Err(PaddingError::Gap) if request.keys.len() > 1 => {
                request.keys.remove(0);
            }
            Err(PaddingError::Gap | PaddingError::TooLarge { .. }) => {
                return Err(UploadError::Size {
                    found: request.encoded_len(),
                    upload_bytes,
                });
            }
        }
    }
}

/// Slots of a day that the options leave out, even in part.
fn left_out_of(options: &UploadOptions, scheme: Scheme, day: Day) -> SlotSet {
    let mut left_out = SlotSet::empty(scheme);
    for index in 0..scheme.slots_per_day() {
        let slot = scheme.slot(day, index);
        let (start, end) = (scheme.slot_start(slot), scheme.slot_end(slot));
        if options
            .left_out
            .iter()
            .any(|&(from, until)| start < until && from < end)
        {
            left_out.insert(index);
        }
    }
    left_out
}

/// A key that is disclosed.
pub(super) fn key_to_wire(key: &DisclosedKey) -> pb::DisclosedKey {
    pb::DisclosedKey {
        scheme: key.scheme().byte().into(),
        day: key.day().number(),
        secret: key.secret().to_vec(),
        slots: key.slots().as_bytes().to_vec(),
    }
}

/// A key that is taken back: it looks like one that is disclosed.
pub(super) fn receipt_to_wire(receipt: &Receipt) -> pb::DisclosedKey {
    pb::DisclosedKey {
        scheme: receipt.scheme().byte().into(),
        day: receipt.day().number(),
        secret: receipt.proof().to_vec(),
        slots: receipt.slots().as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};
    use truyvet_crypto::token::{ReportType, TokenMetadata};

    use super::*;
    use crate::{
        database::Database,
        sightings::{Heard, SightingRules},
    };

    fn today() -> Day {
        Day::from_number(20_454)
    }

    fn token() -> Token {
        Token {
            nonce: [1; 32],
            metadata: TokenMetadata {
                report_type: ReportType::ConfirmedTest,
                first_day: today().minus_days(5),
                last_day: today(),
            },
            output: [2; 64],
        }
    }

    /// A phone that has heard somebody at noon of each of the last `days` days, now at 13:00.
    fn phone(scheme: Scheme, days: u32) -> Database {
        let database = Database::in_memory(scheme).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let rules = SightingRules {
            scheme,
            retention_days: 14,
            clock_tolerance_seconds: 300,
            max_sightings: 1_000,
        };
        for day in (0..days).rev().map(|ago| today().minus_days(ago)) {
            identity::ids_of_day(&database, scheme, day, &mut rng).unwrap();
            let id = vec![1; scheme.id_bytes()];
            let heard = Heard {
                id: &id,
                time: day.start().plus_seconds(12 * 3_600),
                rssi_dbm: -60,
            };
            let report = database
                .write(|transaction| sightings::store(transaction, &rules, [heard], None, now()))
                .unwrap();
            assert_eq!(report.kept, 1);
        }
        database
    }

    fn now() -> Timestamp {
        today().start().plus_seconds(13 * 3_600)
    }

    fn keys(
        database: &Database,
        scheme: Scheme,
        options: &UploadOptions,
    ) -> Result<Vec<DisclosedKey>, UploadError> {
        let days = days_covered(&token(), today(), 14);
        database.read(|connection| disclosed_keys(connection, scheme, days, options, now()))
    }

    fn to_wire(keys: &[DisclosedKey]) -> Vec<pb::DisclosedKey> {
        keys.iter().map(key_to_wire).collect()
    }

    #[test]
    fn days_are_bounded_by_token_retention_and_today() {
        let mut token = token();
        let range = |token: &Token, retention_days| {
            let days = days_covered(token, today(), retention_days);
            (
                today().number() - days.start().number(),
                today().number() - days.end().number(),
            )
        };
        assert_eq!(range(&token, 14), (5, 0));
        assert_eq!(range(&token, 3), (3, 0));
        token.metadata.last_day = today().plus_days(1);
        assert_eq!(range(&token, 3), (3, 0));
        token.metadata.last_day = today().minus_days(2);
        assert_eq!(range(&token, 14), (5, 2));
    }

    #[test]
    fn every_day_with_company_is_disclosed_and_no_other() {
        for scheme in Scheme::ALL {
            let database = phone(scheme, 3);
            let keys = keys(&database, scheme, &UploadOptions::default()).unwrap();
            let ago: Vec<_> = keys
                .iter()
                .map(|key| today().number() - key.day().number())
                .collect();
            assert_eq!(ago, [2, 1, 0]);
            // Noon's slot and one on each side: the phone heard nobody for hours before and nearly an hour after.
            let noon = 12 * 3_600 / scheme.slot_seconds();
            let slots: Vec<Vec<u32>> = keys
                .iter()
                .map(|key| key.slots().iter().collect())
                .collect();
            assert_eq!(slots, [[noon - 1, noon, noon + 1]; 3]);
        }
    }

    #[test]
    fn hours_that_the_person_leaves_out_are_not_disclosed() {
        let scheme = Scheme::Dp3t;
        let database = phone(scheme, 3);
        let noon_ago = |days| today().minus_days(days).start().plus_seconds(12 * 3_600);
        let options = UploadOptions::default()
            .leave_out(noon_ago(1).plus_seconds(899), noon_ago(1).plus_seconds(900))
            .leave_out(
                noon_ago(2).plus_seconds(900),
                noon_ago(2).plus_seconds(1_800),
            );
        let keys = keys(&database, scheme, &options).unwrap();
        let slots: Vec<Vec<u32>> = keys
            .iter()
            .map(|key| key.slots().iter().collect())
            .collect();
        assert_eq!(slots, [vec![47, 48], vec![47, 49], vec![47, 48, 49]]);
        let all_of_it = options.leave_out(noon_ago(1).plus_seconds(-900), noon_ago(1));
        let all_of_it = all_of_it.leave_out(noon_ago(1), noon_ago(1).plus_seconds(1_800));
        let keys = self::keys(&database, scheme, &all_of_it).unwrap();
        assert!(keys.iter().all(|key| key.day() != today().minus_days(1)));
    }

    #[test]
    fn who_was_alone_has_nothing_to_disclose() {
        let scheme = Scheme::Gaen;
        let alone = phone(scheme, 0);
        let refused = keys(&alone, scheme, &UploadOptions::default()).unwrap_err();
        assert!(matches!(refused, UploadError::NothingToDisclose));
        let all = UploadOptions::default().leave_out(Timestamp::MIN, Timestamp::MAX);
        let refused = keys(&phone(scheme, 3), scheme, &all).unwrap_err();
        assert!(matches!(refused, UploadError::NothingToDisclose));
    }

    #[test]
    fn a_request_has_exactly_the_deployments_size() {
        for scheme in Scheme::ALL {
            let database = phone(scheme, 5);
            let keys = keys(&database, scheme, &UploadOptions::default()).unwrap();
            let region = Region::parse("VN").unwrap();
            for upload_bytes in [1_024, 4_096, 20_000] {
                let request = build(&token(), region, to_wire(&keys), upload_bytes).unwrap();
                assert_eq!(request.len(), upload_bytes);
                let decoded = pb::UploadRequest::decode(&**request).unwrap();
                assert_eq!(
                    (decoded.keys.len(), decoded.encoded_len()),
                    (5, upload_bytes)
                );
            }
            let refused = build(&token(), region, to_wire(&keys), 256).unwrap_err();
            assert!(matches!(refused, UploadError::Size { .. }));
        }
    }

    #[test]
    fn where_padding_does_not_fit_the_oldest_day_gives_way() {
        let scheme = Scheme::Bluezone;
        let database = phone(scheme, 3);
        let keys = keys(&database, scheme, &UploadOptions::default()).unwrap();
        let region = Region::parse("VN").unwrap();
        let bare = pb::UploadRequest {
            token: Some(token_to_wire(&token())),
            region: region.to_string(),
            keys: to_wire(&keys),
            padding: vec![],
            decoy: false,
        };
        for gap in [1, 2, 130] {
            let upload_bytes = bare.encoded_len() + gap;
            let request = build(&token(), region, to_wire(&keys), upload_bytes).unwrap();
            assert_eq!(request.len(), upload_bytes);
            let days: Vec<_> = pb::UploadRequest::decode(&**request)
                .unwrap()
                .keys
                .iter()
                .map(|key| key.day)
                .collect();
            assert_eq!(days, [today().number() - 1, today().number()]);
        }
    }
}
