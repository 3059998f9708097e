//! The signed index of a region: fetching it, and refusing one that is forged, replayed, turned back or has holes.

use std::time::SystemTime;

use headers::HeaderMapExt as _;
use reqwest::{StatusCode, header};
use truyvet_crypto::{
    Timestamp,
    sign::{Purpose, TrustedKeys},
};
use truyvet_matching::{Digest, Region};
use truyvet_proto::v1 as pb;

use super::progress::Progress;
use crate::{
    clock::{ClockOff, check_not_behind},
    connection::{Connection, HttpError, read_body},
    signed::{self, SignedError},
};

/// Room for what a server's settings allow: 30 days of one batch a minute, 43,200 entries of up to 60 bytes.
const MAX_INDEX_BYTES: u64 = 3 << 20;

/// Why an index is refused. Safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not to be had.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The body is no `Signed` message.
    #[error("does not decode")]
    Decode,
    /// Not signed as it must be.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// Signed in this phone's future.
    #[error(transparent)]
    Clock(#[from] ClockOff),
    /// Of another region than was asked for.
    #[error("of another region")]
    Region,
    /// Its time has run out: held back by somebody, or this phone's clock is ahead.
    #[error("stale or replayed index: it was valid until {seconds} s ago")]
    Stale {
        /// For how long.
        seconds: i64,
    },
    /// This phone has seen a newer one.
    #[error("older than one seen before, by {seconds} s")]
    RolledBack {
        /// By how much.
        seconds: i64,
    },
    /// An entry whose numbers are out of bounds or order.
    #[error("entry {position}: {field} is out of bounds or order")]
    Entry {
        /// Position in the index, from 0.
        position: usize,
        /// Which number.
        field: &'static str,
    },
    /// A batch that retention cannot have taken yet: somebody hides it, or the server lost it. Refused until it is there.
    #[error("batch {sequence} is missing")]
    Missing {
        /// The first one missing.
        sequence: u64,
    },
    /// It ends before the batch that this phone matched last, or names another file for it: the server lost data, or
    /// shows this phone another history than before. There is no way round it on the phone: the region is refused until
    /// the index names that batch and file again (restored from a backup), or, once retention has taken the batch, is
    /// empty or begins after it.
    #[error(
        "forked: batch {last_sequence}, which this phone has matched, is not in it as it was; the server must restore it"
    )]
    Forked {
        /// Last batch that this phone matched.
        last_sequence: u64,
    },
}

/// One batch file, every number within its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) digest: Digest,
    pub(super) file_bytes: u64,
    pub(super) closed_at: Timestamp,
}

/// An index that a trusted key signed and that is neither stale nor turned back.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) generated_at: Timestamp,
    pub(super) valid_until: Timestamp,
    /// By sequence number, without holes.
    pub(super) entries: Vec<Entry>,
}

impl Index {
    /// The batch before `sequence`, if the index or what was matched last tells.
    pub(super) fn before(&self, sequence: u64, progress: &Progress) -> Option<Digest> {
        let before = sequence.checked_sub(1)?;
        if before == 0 {
            return Some(Digest::ZERO);
        }
        find(&self.entries, before)
            .map(|entry| entry.digest)
            .or(progress
                .last_digest
                .filter(|_| progress.last_sequence == before))
    }
}

/// An answer to the question for an index.
pub(super) struct Answer {
    pub(super) fetched: Fetched,
    /// The server's clock as the answer's head tells it, unsigned.
    pub(super) server_time: Option<Timestamp>,
}

/// What an answer brought.
pub(super) enum Fetched {
    /// Still the one whose ETag was sent.
    Unchanged,
    /// Not verified yet.
    Signed {
        signed: pb::Signed,
        etag: Option<String>,
    },
}

/// Asks for the index, unless it is the one of `progress`, if that is still valid.
pub(super) async fn fetch(
    connection: &Connection,
    region: Region,
    progress: &Progress,
    now: Timestamp,
) -> Result<Answer, IndexError> {
    let mut headers = header::HeaderMap::new();
    // A "304" can be replayed for ever: only an index within its time may be confirmed so.
    let known = progress
        .etag
        .as_ref()
        .filter(|_| now <= progress.valid_until);
    if let Some(etag) = known.and_then(|etag| header::HeaderValue::from_str(etag).ok()) {
        headers.insert(header::IF_NONE_MATCH, etag);
    }
    let response = connection
        .get(&format!("v1/{region}/index"), headers, 1)
        .await?;
    let server_time = server_time(response.headers());
    let fetched = match response.status() {
        StatusCode::NOT_MODIFIED if known.is_some() => Fetched::Unchanged,
        StatusCode::OK => {
            let etag = response.headers().get(header::ETAG).cloned();
            let body = read_body(response, MAX_INDEX_BYTES).await?;
            let signed = prost::Message::decode(&*body).map_err(|_| IndexError::Decode)?;
            // Only the one that follows from the content is sent back: any other could be this phone's own number.
            let expected = format!("\"{}\"", Digest::of(&body));
            let etag = etag
                .is_some_and(|etag| etag == expected)
                .then_some(expected);
            Fetched::Signed { signed, etag }
        }
        status => return Err(HttpError::Status(status.as_u16()).into()),
    };
    Ok(Answer {
        fetched,
        server_time,
    })
}

/// `Date`, which an answer from a cache keeps, and `Age`, the seconds it spent there.
fn server_time(headers: &header::HeaderMap) -> Option<Timestamp> {
    let date: SystemTime = headers.typed_get::<headers::Date>()?.into();
    let seconds = date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let age = headers
        .get(header::AGE)
        .and_then(|age| age.to_str().ok()?.parse::<u32>().ok())
        .unwrap_or(0);
    let date = Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?)?;
    Some(date.plus_seconds(age.into()))
}

/// Verifies an index and holds it against what was seen before.
///
/// - `retention_days`: how long the server keeps batches.
pub(super) fn open(
    signed: &pb::Signed,
    trusted: &TrustedKeys,
    region: Region,
    progress: &Progress,
    retention_days: u32,
    now: Timestamp,
) -> Result<Index, IndexError> {
    // No `..` here: a field added to the proto must be handled before this compiles again.
    let pb::Index {
        region: named,
        generated_at,
        valid_until,
        batches,
    } = signed::open(signed, Purpose::Index, trusted)?;
    if named != region.as_str() {
        return Err(IndexError::Region);
    }
    let time = |seconds| Timestamp::from_unix_seconds(seconds).ok_or(IndexError::Decode);
    let (generated_at, valid_until) = (time(generated_at)?, time(valid_until)?);
    check_not_behind(generated_at, now)?;
    if valid_until < now {
        let seconds = now.seconds_since(valid_until);
        return Err(IndexError::Stale { seconds });
    }
    if generated_at < progress.generated_at {
        let seconds = progress.generated_at.seconds_since(generated_at);
        return Err(IndexError::RolledBack { seconds });
    }
    let entries = parse_entries(&batches)?;
    refuse_fork(&entries, progress)?;
    let retention_start = generated_at.plus_seconds(-86_400 * i64::from(retention_days));
    refuse_hole_before(&entries, progress, retention_start)?;
    Ok(Index {
        generated_at,
        valid_until,
        entries,
    })
}

fn parse_entries(batches: &[pb::BatchEntry]) -> Result<Vec<Entry>, IndexError> {
    let mut last_sequence = 0;
    let parse = |(position, batch): (usize, &pb::BatchEntry)| {
        let refused = |field| IndexError::Entry { position, field };
        if batch.sequence <= last_sequence || i64::try_from(batch.sequence).is_err() {
            return Err(refused("sequence"));
        }
        // The first may have any number: retention has taken those before it.
        if position > 0 && batch.sequence > last_sequence + 1 {
            let sequence = last_sequence + 1;
            return Err(IndexError::Missing { sequence });
        }
        last_sequence = batch.sequence;
        let digest = batch.digest.as_slice().try_into();
        Ok(Entry {
            sequence: batch.sequence,
            digest: Digest::from_bytes(digest.map_err(|_| refused("digest"))?),
            file_bytes: batch.file_bytes,
            closed_at: Timestamp::from_unix_seconds(batch.closed_at).ok_or(refused("closed_at"))?,
        })
    };
    batches.iter().enumerate().map(parse).collect()
}

/// What was matched last must still be there, unless retention has taken it.
fn refuse_fork(entries: &[Entry], progress: &Progress) -> Result<(), IndexError> {
    let Some(last) = entries.last() else {
        // Nothing was published for a whole retention.
        return Ok(());
    };
    let last_sequence = progress.last_sequence;
    let same =
        find(entries, last_sequence).is_none_or(|entry| Some(entry.digest) == progress.last_digest);
    if last.sequence < last_sequence || !same {
        return Err(IndexError::Forked { last_sequence });
    }
    Ok(())
}

/// The batch after the one matched last must be there too: retention takes the oldest first, so it cannot have taken
/// that one while the one before it is within its time.
fn refuse_hole_before(
    entries: &[Entry],
    progress: &Progress,
    retention_start: Timestamp,
) -> Result<(), IndexError> {
    let due = progress.last_sequence + 1;
    let hole = entries.first().is_some_and(|first| first.sequence > due);
    let within_retention = progress
        .last_closed_at
        .is_some_and(|closed_at| closed_at >= retention_start);
    if hole && within_retention {
        return Err(IndexError::Missing { sequence: due });
    }
    Ok(())
}

/// The entry with this number, if it is there.
fn find(entries: &[Entry], sequence: u64) -> Option<&Entry> {
    let position = sequence.checked_sub(entries.first()?.sequence)?;
    entries.get(usize::try_from(position).ok()?)
}
