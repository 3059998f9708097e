//! `truyvet batch inspect`: what a batch file says about itself.

use std::io::Write;

use serde::Serialize;
use truyvet_matching::{Codec, Digest, Header, Summary, inspect};

use crate::{date, words};

/// The summary as JSON: times in Unix seconds, bytes and digests in lower-case hex.
#[derive(Serialize)]
struct Facts {
    digest: String,
    kind: String,
    region: String,
    sequence: u64,
    window_start: i64,
    window_end: i64,
    closed_at: i64,
    codec: u8,
    fingerprint_bits: u8,
    tags: u64,
    chunks: u32,
    fewest_tags_of_a_chunk: u32,
    most_tags_of_a_chunk: u32,
    largest_chunk_bytes: u64,
    file_bytes: u64,
    bits_per_tag: Option<f64>,
    over_bound: Option<f64>,
    bytes_by_codec: [(u8, u64); Codec::ALL.len()],
    previous: Option<String>,
    replaces: Vec<String>,
    key_id: String,
    salt: String,
}

impl Facts {
    fn of(summary: &Summary) -> Self {
        // No `..` here: what the library tells is shown.
        let Summary {
            header,
            digest,
            replaced,
            file_bytes,
            fewest_tags_of_a_chunk,
            most_tags_of_a_chunk,
            largest_chunk_bytes,
        } = summary;
        let Header {
            codec,
            kind,
            fingerprint_bits,
            region,
            sequence,
            tags,
            chunks,
            replaces: _,
            window_start,
            window_end,
            closed_at,
            salt,
            previous,
            key_id,
            body_bytes: _,
        } = header;
        Self {
            digest: digest.to_string(),
            kind: kind.to_string(),
            region: region.to_string(),
            sequence: *sequence,
            window_start: window_start.unix_seconds(),
            window_end: window_end.unix_seconds(),
            closed_at: closed_at.unix_seconds(),
            codec: codec.number(),
            fingerprint_bits: *fingerprint_bits,
            tags: *tags,
            chunks: *chunks,
            fewest_tags_of_a_chunk: *fewest_tags_of_a_chunk,
            most_tags_of_a_chunk: *most_tags_of_a_chunk,
            largest_chunk_bytes: *largest_chunk_bytes,
            file_bytes: *file_bytes,
            bits_per_tag: summary.bits_per_tag(),
            over_bound: summary.over_bound(),
            bytes_by_codec: Codec::ALL.map(|codec| {
                let bytes = codec.expected_file_bytes(*tags, *fingerprint_bits);
                (codec.number(), bytes)
            }),
            previous: (*previous != Digest::ZERO).then(|| previous.to_string()),
            replaces: replaced.iter().map(Digest::to_string).collect(),
            key_id: key_id.to_string(),
            salt: data_encoding::HEXLOWER.encode(salt),
        }
    }
}

/// Prints the summary for people, or as one JSON object.
pub(super) fn run(bytes: &[u8], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let summary = inspect(bytes)?;
    let facts = Facts::of(&summary);
    if json {
        serde_json::to_writer(&mut *out, &facts)?;
        writeln!(out)?;
        return Ok(());
    }
    let header = &summary.header;
    let mut row = |name: &str, value: String| writeln!(out, "{name:<16}{value}");
    row(
        "batch",
        format!(
            "{} for {}, number {}",
            facts.kind, facts.region, facts.sequence
        ),
    )?;
    row("window from", date::show_time(header.window_start))?;
    row("window to", date::show_time(header.window_end))?;
    row("closed at", date::show_time(header.closed_at))?;
    row(
        "tags",
        format!("{}, padding included", words::grouped(facts.tags)),
    )?;
    row(
        "chunks",
        format!(
            "{} with {} to {} tags, the largest of {} bytes",
            words::grouped(facts.chunks),
            words::grouped(facts.fewest_tags_of_a_chunk),
            words::grouped(facts.most_tags_of_a_chunk),
            words::grouped(facts.largest_chunk_bytes),
        ),
    )?;
    row("codec", format!("{} ({})", facts.codec, header.codec))?;
    row(
        "false alarms",
        format!(
            "an absent tag matches with chance 2^-{}",
            facts.fingerprint_bits
        ),
    )?;
    let bits = facts.bits_per_tag.zip(facts.over_bound);
    let bits = bits.map(|(bits, over)| {
        format!(", {bits:.2} bits a tag, {over:.4} times what any filter needs")
    });
    row(
        "file",
        format!(
            "{} bytes{}",
            words::grouped(facts.file_bytes),
            bits.unwrap_or_default()
        ),
    )?;
    for codec in Codec::ALL
        .into_iter()
        .filter(|codec| *codec != header.codec)
    {
        let bytes = codec.expected_file_bytes(facts.tags, facts.fingerprint_bits);
        let bytes = words::grouped(bytes);
        row(
            "",
            format!("about {bytes} with codec {} ({codec})", codec.number()),
        )?;
    }
    row("digest", facts.digest)?;
    row("previous", facts.previous.unwrap_or_else(|| "none".into()))?;
    for replaced in facts.replaces {
        row("replaces", replaced)?;
    }
    row(
        "signed by key",
        format!(
            "{} (signature not checked; see `truyvet batch verify`)",
            facts.key_id
        ),
    )?;
    row(
        "bytes",
        "whole: every chunk has the digest in the directory".into(),
    )?;
    Ok(())
}
