//! Keys of a Google/Apple key export: a zip file with `export.bin`, 16 bytes and one protobuf message.
//!
//! Reads what such exports have and nothing more; signatures are not looked at.

use std::{fs, io::Read, path::Path};

use anyhow::{Context as _, ensure};
use flate2::read::DeflateDecoder;
use truyvet_crypto::{Day, DisclosedKey, Scheme, SlotSet, Tag};

/// A zip entry's header, and where its fields are.
const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const LOCAL_HEADER_BYTES: usize = 30;
const DEFLATED: u16 = 8;

/// No export is larger: what would unpack to more is cut off, and then no protobuf.
const MOST_BYTES: u64 = 64 << 20;

/// Tags of all keys, for the whole day that each started on.
///
/// # Errors
/// If the file is no such export.
pub(super) fn tags(path: &Path) -> anyhow::Result<Vec<Tag>> {
    let zip = fs::read(path).with_context(|| path.display().to_string())?;
    let export = entry(&zip, b"export.bin").context("no export.bin in the zip file")?;
    let message = export
        .strip_prefix(b"EK Export v1    ")
        .context("not an export of version 1")?;
    let mut tags = vec![];
    for field in fields(message) {
        // TemporaryExposureKeyExport.keys
        if let Field::Bytes(7, key) = field? {
            let (mut secret, mut start) = (&[][..], 0);
            for field in fields(key) {
                match field? {
                    Field::Bytes(1, bytes) => secret = bytes,
                    Field::Number(3, interval) => start = interval,
                    _ => {}
                }
            }
            let day = Day::from_number(u32::try_from(start / 144)?);
            let slots = SlotSet::full(Scheme::Gaen);
            let key = DisclosedKey::disclose(Scheme::Gaen, day, secret, slots)?;
            tags.extend(key.tags().map(|(_, tag)| tag));
        }
    }
    ensure!(!tags.is_empty(), "an export without keys");
    Ok(tags)
}

/// The bytes of a file in a zip file: entry after entry from the start, which is how exports are written.
fn entry(mut zip: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    loop {
        let (header, rest) = zip.split_at_checked(LOCAL_HEADER_BYTES)?;
        if header[..4] != LOCAL_HEADER {
            return None;
        }
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let (found, rest) = rest.split_at_checked(short(26).into())?;
        let (_, rest) = rest.split_at_checked(short(28).into())?;
        let mut unpacked = vec![];
        if found == name {
            if short(8) == DEFLATED {
                DeflateDecoder::new(rest)
                    .take(MOST_BYTES)
                    .read_to_end(&mut unpacked)
                    .ok()?;
                return Some(unpacked);
            }
            return None;
        }
        let length = u32::from_le_bytes(*header[18..].first_chunk()?);
        zip = rest.get(length as usize..)?;
    }
}

/// A protobuf field: its number, and what it holds.
enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
    Other,
}

fn fields(mut message: &[u8]) -> impl Iterator<Item = anyhow::Result<Field<'_>>> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let field = field(&mut message).context("not a protobuf message");
        if field.is_err() {
            message = &[];
        }
        Some(field)
    })
}

fn field<'a>(message: &mut &'a [u8]) -> Option<Field<'a>> {
    let tag = varint(message)?;
    let mut skip = |length: usize| {
        let (bytes, rest) = message.split_at_checked(length)?;
        *message = rest;
        Some(bytes)
    };
    Some(match tag & 7 {
        0 => Field::Number(tag >> 3, varint(message)?),
        1 => skip(8).map(|_| Field::Other)?,
        2 => {
            let length = usize::try_from(varint(message)?).ok()?;
            let (bytes, rest) = message.split_at_checked(length)?;
            *message = rest;
            Field::Bytes(tag >> 3, bytes)
        }
        5 => skip(4).map(|_| Field::Other)?,
        _ => return None,
    })
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_field_by_field() {
        // 3: 150 (two bytes), 7: "ab", 1: eight bytes.
        let message = [
            0x18, 0x96, 0x01, 0x3a, 2, b'a', b'b', 0x09, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let read: Vec<Field<'_>> = fields(&message).map(Result::unwrap).collect();
        assert!(matches!(
            read[..],
            [Field::Number(3, 150), Field::Bytes(7, b"ab"), Field::Other]
        ));
        assert!(fields(&message[..5]).last().unwrap().is_err());
    }
}
