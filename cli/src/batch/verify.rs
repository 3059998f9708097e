//! `truyvet batch verify`: signature and every byte, as a phone checks them.

use std::io::Write;

use truyvet_crypto::sign::TrustedKeys;
use truyvet_matching::VerifiedBatch;

use crate::words;

/// Prints one line if the file is good.
pub(super) fn run(
    bytes: Vec<u8>,
    trusted: &TrustedKeys,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let batch = VerifiedBatch::verify(bytes, trusted)?;
    let header = batch.header();
    writeln!(
        out,
        "good: {} for {}, number {}, {} tags, {} bytes, signed by {}",
        header.kind,
        header.region,
        header.sequence,
        words::grouped(header.tags),
        words::grouped(batch.bytes().len()),
        header.key_id,
    )?;
    Ok(())
}
