//! Exposure Notification's key schedule (Apple and Google, cryptography specification v1.2).
//!
//! ```text
//! RPIK   = HKDF-SHA-256(key = TEK, salt none, info "EN-RPIK", 16 bytes)
//! RPI(j) = AES-128(RPIK, "EN-RPI" ‖ six zero bytes ‖ j as u32 little-endian)
//! ```
//!
//! j is the interval number: a slot, counted from 1970. A key's rolling start is always the first interval of its UTC
//! day here, and a rolling period below 144 is a slot set that ends early.

use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use ring::hkdf;
use zeroize::Zeroizing;

use crate::{Day, EphemeralId, Scheme, SlotSet};

/// Hands out the IDs of some slots of the day that this temporary exposure key is for, ascending.
pub(super) fn each_id(
    temporary_exposure_key: &[u8; 16],
    day: Day,
    slots: &SlotSet,
    mut take: impl FnMut(u32, EphemeralId),
) {
    let cipher = Aes128::new(&(*rolling_proximity_identifier_key(temporary_exposure_key)).into());
    for index in slots.iter() {
        let interval = Scheme::Gaen.slot(day, index).number();
        let mut block = [0; 16];
        block[..6].copy_from_slice(b"EN-RPI");
        block[12..].copy_from_slice(&interval.to_le_bytes());
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        take(index, EphemeralId::new(&block));
    }
}

fn rolling_proximity_identifier_key(temporary_exposure_key: &[u8; 16]) -> Zeroizing<[u8; 16]> {
    let mut key = Zeroizing::new([0; 16]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(temporary_exposure_key)
        .expand(&[b"EN-RPIK"], SixteenBytes)
        .and_then(|okm| okm.fill(&mut *key))
        .expect("16 bytes are within what HKDF-SHA-256 can give");
    key
}

struct SixteenBytes;

impl hkdf::KeyType for SixteenBytes {
    fn len(&self) -> usize {
        16
    }
}
