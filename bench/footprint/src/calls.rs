//! Batch bytes in, matches and days out.
//!
//! Every call returns how many results there are, or -1 after it told why not.

use std::ffi::c_void;

use truyvet_crypto::{
    Tag,
    sign::{TrustedKeys, VerifyingKey},
};
use truyvet_matching::{
    BatchStream, ExposureRule, LocalDay, Sighting, VerifiedBatch, encounters, exposures, join,
    risk::{Circumstances, Risk, RiskParameters, assess, windows},
};

use crate::memory::{Day, Heard, Room, Slice};

/// Takes the text of an error, UTF-8.
pub(crate) type Tell = extern "C" fn(text: Slice<u8>);

/// Writes the next bytes of a download and returns how many; 0 at the end.
pub(crate) type Read =
    extern "C" fn(download: *mut c_void, buffer: *mut u8, length: usize) -> usize;

/// Which tags are in a batch: their positions.
///
/// # Safety
/// All memory is there, and `found` nobody else's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn truyvet_match(
    batch: Slice<u8>,
    key: &[u8; 32],
    tags: Slice<[u8; 16]>,
    found: Room<u64>,
    tell: Tell,
) -> i64 {
    // SAFETY: the caller promises.
    let (batch, tags) = unsafe { (batch.get(), tags.get()) };
    let tags: Vec<Tag> = tags.iter().copied().map(Tag::from_bytes).collect();
    match VerifiedBatch::verify(batch, &trusted(key)) {
        Ok(batch) => {
            let matches = batch.matches(&tags);
            // SAFETY: the caller promises.
            unsafe { found.fill(matches.indices().iter().map(|&i| i as u64)) }
        }
        Err(error) => refuse(&error.to_string(), tell),
    }
}

/// The same while the batch arrives.
///
/// # Safety
/// All memory is there, and `found` nobody else's; `read` writes no more than its buffer holds.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn truyvet_match_download(
    read: Read,
    download: *mut c_void,
    key: &[u8; 32],
    tags: Slice<[u8; 16]>,
    found: Room<u64>,
    tell: Tell,
) -> i64 {
    // SAFETY: the caller promises.
    let tags = unsafe { tags.get() };
    let tags: Vec<Tag> = tags.iter().copied().map(Tag::from_bytes).collect();
    let trusted = trusted(key);
    let mut stream = BatchStream::new(&trusted, &tags);
    let mut buffer = [0; 4_096];
    loop {
        let length = read(download, buffer.as_mut_ptr(), buffer.len()).min(buffer.len());
        if length == 0 {
            break;
        }
        if let Err(error) = stream.push(&buffer[..length]) {
            return refuse(&error.to_string(), tell);
        }
    }
    match stream.finish() {
        // SAFETY: the caller promises.
        Ok(matches) => unsafe { found.fill(matches.indices().iter().map(|&i| i as u64)) },
        Err(error) => refuse(&error.to_string(), tell),
    }
}

/// The days on which somebody was near cases for long enough.
///
/// # Safety
/// All memory is there, and `days` nobody else's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn truyvet_exposures(
    batches: Slice<Slice<u8>>,
    key: &[u8; 32],
    heard: Slice<Heard>,
    minutes: u32,
    rssi_dbm: i16,
    utc_offset_seconds: i32,
    days: Room<Day>,
    tell: Tell,
) -> i64 {
    // SAFETY: the caller promises.
    let matched = match unsafe { matched(batches, key, heard) } {
        Ok(matched) => matched,
        Err(text) => return refuse(&text, tell),
    };
    let rule = ExposureRule {
        minutes,
        rssi_dbm,
        utc_offset_seconds,
    };
    let exposures = exposures(&encounters(&matched), &rule);
    let told = exposures.iter().map(|exposure| Day {
        number: exposure.day.number(),
        minutes: exposure.minutes.into(),
        risk: 2,
    });
    // SAFETY: the caller promises.
    unsafe { days.fill(told) }
}

/// What the days amount to by weights and thresholds.
///
/// - `parameters`: their text.
///
/// # Safety
/// All memory is there, and `days` nobody else's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn truyvet_risk(
    batches: Slice<Slice<u8>>,
    key: &[u8; 32],
    heard: Slice<Heard>,
    parameters: Slice<u8>,
    utc_offset_seconds: i32,
    today: i64,
    days: Room<Day>,
    tell: Tell,
) -> i64 {
    // SAFETY: the caller promises.
    let (matched, parameters) = unsafe { (matched(batches, key, heard), parameters.get()) };
    let assessed = || {
        let matched = matched?;
        let text = std::str::from_utf8(parameters).map_err(|error| error.to_string())?;
        let parameters = RiskParameters::parse(text).map_err(|error| error.to_string())?;
        let circumstances = Circumstances {
            utc_offset_seconds,
            ..Circumstances::default()
        };
        let windows = windows(&encounters(&matched), &circumstances, &parameters);
        Ok::<_, String>(assess(&windows, &parameters, LocalDay::from_number(today)))
    };
    match assessed() {
        Ok(summaries) => {
            let told = summaries.iter().map(|day| Day {
                number: day.day.number(),
                minutes: day.score.whole_minutes(),
                risk: match day.risk {
                    None => 0,
                    Some(Risk::Low) => 1,
                    Some(Risk::High) => 2,
                },
            });
            // SAFETY: the caller promises.
            unsafe { days.fill(told) }
        }
        Err(text) => refuse(&text, tell),
    }
}

/// What was heard of the cases of all batches together, or why one is refused.
///
/// # Safety
/// All memory is there.
unsafe fn matched(
    batches: Slice<Slice<u8>>,
    key: &[u8; 32],
    heard: Slice<Heard>,
) -> Result<Vec<Sighting>, String> {
    // SAFETY: the caller promises.
    let (batches, heard) = unsafe { (batches.get(), heard.get()) };
    let sightings: Vec<Sighting> = heard.iter().filter_map(Heard::sighting).collect();
    let tags: Vec<Tag> = sightings.iter().map(|sighting| sighting.tag).collect();
    let trusted = trusted(key);
    let mut matched = vec![];
    for batch in batches {
        // SAFETY: the caller promises.
        let batch = VerifiedBatch::verify(unsafe { batch.get() }, &trusted);
        let batch = batch.map_err(|error| error.to_string())?;
        matched.extend(join(&batch.matches(&tags), &sightings));
    }
    Ok(matched)
}

fn trusted(key: &[u8; 32]) -> TrustedKeys {
    TrustedKeys::new(vec![VerifyingKey::from_bytes(*key)])
}

fn refuse(text: &str, tell: Tell) -> i64 {
    tell(Slice {
        at: text.as_ptr(),
        length: text.len(),
    });
    -1
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::{Timestamp, sign::SigningKey};
    use truyvet_matching::{
        BatchKind, Codec, Digest,
        build::{BatchParameters, TagSet, build},
    };

    use super::*;

    const NOON: i64 = 1_754_049_600;
    const TAG: [u8; 16] = [7; 16];

    fn key() -> SigningKey {
        SigningKey::from_seed(&[7; 32])
    }

    fn batch() -> Vec<u8> {
        let noon = Timestamp::from_unix_seconds(NOON).unwrap();
        let parameters = BatchParameters {
            codec: Codec::SplitRibbon,
            kind: BatchKind::Delta,
            region: "VN".parse().unwrap(),
            sequence: 1,
            window_start: noon,
            window_end: noon.plus_seconds(14_400),
            closed_at: noon.plus_seconds(14_400),
            salt: [1; 16],
            fingerprint_bits: 40,
            previous: Digest::ZERO,
            replaces: vec![],
        };
        let tags = TagSet::new(vec![Tag::from_bytes(TAG)]);
        build(&parameters, &tags).unwrap().sign(&key()).into_bytes()
    }

    /// A quarter of an hour.
    fn heard() -> [Heard; 3] {
        [0, 300, 600].map(|later| Heard {
            unix_seconds: NOON + later,
            seconds: 300,
            rssi_dbm: -60,
            tag: TAG,
        })
    }

    fn slice<T>(values: &[T]) -> Slice<T> {
        Slice {
            at: values.as_ptr(),
            length: values.len(),
        }
    }

    fn room<T>(values: &mut [T]) -> Room<T> {
        Room {
            at: values.as_mut_ptr(),
            length: values.len(),
        }
    }

    extern "C" fn never(_: Slice<u8>) {
        panic!("nothing to refuse");
    }

    extern "C" fn truncated(text: Slice<u8>) {
        // SAFETY: the text of an error.
        let text = str::from_utf8(unsafe { text.get() }).unwrap();
        assert!(text.contains("bytes"), "{text}");
    }

    /// A few bytes of a slice at a time.
    extern "C" fn read(download: *mut c_void, buffer: *mut u8, length: usize) -> usize {
        // SAFETY: the tests hand in such a slice, and a buffer of that length.
        let (rest, buffer) = unsafe {
            (
                &mut *download.cast::<&[u8]>(),
                std::slice::from_raw_parts_mut(buffer, length),
            )
        };
        let (part, later) = rest.split_at(rest.len().min(length).min(50));
        buffer[..part.len()].copy_from_slice(part);
        *rest = later;
        part.len()
    }

    #[test]
    fn a_tag_is_found_in_bytes_and_in_a_download() {
        let (batch, key) = (batch(), key().verifying_key());
        let tags = [[1; 16], TAG];
        let mut found = [0; 2];
        // SAFETY: slices, all of them.
        let count = unsafe {
            truyvet_match(
                slice(&batch),
                key.as_bytes(),
                slice(&tags),
                room(&mut found),
                never,
            )
        };
        assert_eq!((count, found[0]), (1, 1));

        for (length, expected, tell) in [
            (batch.len(), 1, never as Tell),
            (batch.len() - 1, -1, truncated),
        ] {
            let mut rest = &batch[..length];
            // SAFETY: slices, all of them.
            let count = unsafe {
                truyvet_match_download(
                    read,
                    (&raw mut rest).cast(),
                    key.as_bytes(),
                    slice(&tags),
                    room(&mut found),
                    tell,
                )
            };
            assert_eq!(count, expected);
        }
    }

    #[test]
    fn a_quarter_of_an_hour_is_an_exposure_and_a_risk() {
        let (batch, key) = (batch(), key().verifying_key());
        let batches = [slice(&batch)];
        let mut days = [Day::default()];
        let expected = Day {
            number: NOON / 86_400,
            minutes: 15,
            risk: 2,
        };
        // SAFETY: slices, all of them.
        let count = unsafe {
            truyvet_exposures(
                slice(&batches),
                key.as_bytes(),
                slice(&heard()),
                15,
                -80,
                25_200,
                room(&mut days),
                never,
            )
        };
        assert_eq!((count, days), (1, [expected]));

        days = [Day::default()];
        let parameters = include_str!("../../../matching/parameters/bluezone.toml");
        // SAFETY: slices, all of them.
        let count = unsafe {
            truyvet_risk(
                slice(&batches),
                key.as_bytes(),
                slice(&heard()),
                slice(parameters.as_bytes()),
                25_200,
                expected.number,
                room(&mut days),
                never,
            )
        };
        assert_eq!((count, days), (1, [expected]));
    }
}
