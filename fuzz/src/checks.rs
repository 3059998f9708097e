//! Bytes in, no panic out, and every way to ask gives one answer.

use truyvet_crypto::{
    Tag, Timestamp, sha256,
    sign::{Purpose, SigningKey, TrustedKeys},
};
use truyvet_matching::{
    BatchError, BatchStream, Codec, HEADER_BYTES, Header, LocalDay, Matches, Sighting,
    VerifiedBatch, encounters, inspect,
    risk::{Circumstances, MAX_TEXT_BYTES, Overview, RiskParameters, assess, windows},
};

/// Larger files only make the search slow: every structure is there in less.
const MOST_BYTES: u64 = 1 << 16;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn trusted() -> TrustedKeys {
    TrustedKeys::new(vec![key().verifying_key()])
}

/// Reads a header, and looks into a file that nobody signed.
pub fn parse(data: &[u8]) {
    if let Ok(header) = Header::parse(data) {
        assert_eq!(&header.encode()[..], &data[..HEADER_BYTES]);
        assert!(header.file_bytes() >= header.body_start());
    }
    if let Ok(summary) = inspect(data) {
        assert_eq!(summary.file_bytes, data.len() as u64);
        assert!(summary.fewest_tags_of_a_chunk <= summary.most_tags_of_a_chunk);
    }
}

/// Verifies a file as it is: at once, and while it arrives.
pub fn verify(data: &[u8]) {
    let trusted = trusted();
    let at_once = VerifiedBatch::verify(data, &trusted).map(|batch| batch.matches(&tags()));
    let streamed = stream(data, &trusted, &tags());
    assert_eq!(
        at_once.is_ok(),
        streamed.is_ok(),
        "{at_once:?} {streamed:?}"
    );
    if let (Ok(at_once), Ok(streamed)) = (at_once, streamed) {
        assert_eq!(at_once, streamed);
    }
}

/// Asks a file whose numbers and bytes are anything, as if a trusted key had signed them.
pub fn query(data: &[u8]) {
    let Some(file) = signed(data) else {
        return;
    };
    verify(&file);
    if let Ok(batch) = VerifiedBatch::verify(&file, &trusted()) {
        let matches = batch.matches(&tags());
        for (index, tag) in tags().iter().enumerate() {
            let found = matches.indices().binary_search(&index).is_ok();
            assert_eq!(batch.contains(tag), found);
        }
    }
}

/// Reads risk parameters, and judges an hour by them.
pub fn parameters(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let parameters = match RiskParameters::parse(text) {
        Ok(parameters) => parameters,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(parameters.check(), Ok(()));
    let commented = format!("# \n\n{text}");
    if commented.len() <= MAX_TEXT_BYTES {
        assert_eq!(
            RiskParameters::parse(&commented).as_ref(),
            Ok(&parameters),
            "a comment says nothing"
        );
    }
    judge(&parameters);
}

/// What they make of one encounter, with and without a day of onset.
fn judge(parameters: &RiskParameters) {
    let noon = Timestamp::from_unix_seconds(1_754_049_600).expect("a time of ours");
    let today = LocalDay::of(noon, 0);
    let heard: Vec<Sighting> = (0..12_u8)
        .map(|i| Sighting {
            tag: Tag::from_bytes([i / 3; 16]),
            time: noon.plus_seconds(i64::from(i) * 300),
            seconds: 300,
            rssi_dbm: -50 - 4 * i16::from(i),
        })
        .collect();
    for onset in [None, Some(today)] {
        let circumstances = Circumstances {
            onset,
            ..Circumstances::default()
        };
        let windows = windows(&encounters(&heard), &circumstances, parameters);
        let days = assess(&windows, parameters, today);
        for day in &days {
            assert_eq!(day.day, today);
            assert!(day.windows <= windows.len() && day.seconds <= 3_600);
            assert_eq!(day.risk, parameters.day_thresholds.risk_at(day.score));
        }
        let risk = days.iter().filter_map(|day| day.risk).max();
        assert_eq!(Overview::of(&days).risk, risk);
    }
}

/// Those of the corpus, and others.
fn tags() -> Vec<Tag> {
    (0..150_u128)
        .map(|i| Tag::from_bytes(i.to_le_bytes()))
        .collect()
}

fn stream(data: &[u8], trusted: &TrustedKeys, tags: &[Tag]) -> Result<Matches, BatchError> {
    let mut stream = BatchStream::new(trusted, tags);
    for part in data.chunks(97) {
        stream.push(part)?;
    }
    stream.finish()
}

/// The file with digests, key and signature made to fit; `None` if its lengths do not.
fn signed(data: &[u8]) -> Option<Vec<u8>> {
    let header = Header::parse(data).ok()?;
    if header.file_bytes() != data.len() as u64 || header.file_bytes() > MOST_BYTES {
        return None;
    }
    let mut file = data.to_vec();
    let chunks = header.chunks as usize;
    let body = usize::try_from(header.body_start()).ok()?;
    let mut at = body;
    for section in [0, 1] {
        for chunk in 0..chunks {
            let entry = HEADER_BYTES + 48 * chunk;
            let length = section_bytes(&header, file[entry..].first_chunk()?)?[section];
            let bytes = file.get(at..at.checked_add(length)?)?;
            at += length;
            let digest = match (section, length) {
                (1, 0) => [0; 32],
                _ => sha256(&[bytes]),
            };
            file[entry + 16 * (1 + section)..][..16].copy_from_slice(&digest[..16]);
        }
    }
    let key_id = key().verifying_key().id();
    file[112..120].copy_from_slice(key_id.as_bytes());
    let signature = key().sign(Purpose::Batch, &file[..body - 64]);
    file[body - 64..body].copy_from_slice(&signature);
    Some(file)
}

/// From the page that describes the format, not from the code.
fn section_bytes(header: &Header, fields: &[u8; 16]) -> Option<[usize; 2]> {
    let (fields, _) = fields.as_chunks::<4>();
    let [_, first, second, third] = [0, 1, 2, 3].map(|i| u32::from_le_bytes(fields[i]) as usize);
    match header.codec {
        Codec::CompressedBloom | Codec::PlainBloom => Some([second, 0]),
        Codec::SplitRibbon => {
            let slots = first.checked_add(second)?.checked_mul(64)?;
            let codes = first.div_ceil(8) + second.div_ceil(8);
            let columns = usize::from(header.fingerprint_bits) - 8;
            let rest = (slots / 8).checked_mul(columns)?;
            Some([
                codes.checked_add(slots)?,
                rest.checked_add(third.checked_mul(8)?)?,
            ])
        }
    }
}
