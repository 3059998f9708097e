//! `truyvet batch query`: which tags of a list a batch file holds.

use std::{io::Write, path::Path};

use anyhow::{Context as _, anyhow, ensure};
use data_encoding::HEXLOWER;
use truyvet_crypto::{Tag, sign::TrustedKeys};
use truyvet_matching::{VerifiedBatch, query_unsigned};

use crate::{hex::from_hex, lines::Lines};

/// Reads a list of tags, 32 hex digits a line.
///
/// # Errors
/// Names file and line.
pub(super) fn read_tags(file: &Path) -> anyhow::Result<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut lines = Lines::open(file).with_context(|| file.display().to_string())?;
    loop {
        let read = lines.read().map_err(anyhow::Error::from);
        let line = match read.and_then(|line| line.as_deref().map(parse).transpose()) {
            Ok(line) => line,
            Err(error) => {
                let place = format!("{}: line {}", file.display(), lines.number());
                return Err(error.context(place));
            }
        };
        match line {
            Some(tag) => tags.extend(tag),
            None => return Ok(tags),
        }
    }
}

/// One line; `None` if it has no tag.
fn parse(line: &str) -> anyhow::Result<Option<Tag>> {
    let text = line.split('#').next().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let characters = text.chars().count();
    ensure!(
        characters == 32,
        "{characters} characters, a tag has 32 hex digits"
    );
    let bytes = from_hex(text)?;
    let bytes = bytes
        .try_into()
        .map_err(|_| anyhow!("a tag has 32 hex digits"))?;
    Ok(Some(Tag::from_bytes(bytes)))
}

/// Prints the tags that match, one a line, in the order of the list.
pub(super) fn run(
    bytes: Vec<u8>,
    tags: &[Tag],
    trusted: Option<TrustedKeys>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let signed = trusted.is_some();
    let matches = match trusted {
        Some(trusted) => VerifiedBatch::verify(bytes, &trusted)?.matches(tags),
        // Somebody who has no key trusts whoever wrote the file.
        None => query_unsigned(&bytes, tags)?,
    };
    for &index in matches.indices() {
        writeln!(out, "{}", HEXLOWER.encode(tags[index].as_bytes()))?;
    }
    let checked = if signed {
        ""
    } else {
        "; signature not checked"
    };
    eprintln!("{} of {} tags found{checked}", matches.len(), tags.len());
    Ok(())
}
