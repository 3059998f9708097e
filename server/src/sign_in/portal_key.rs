//! What hangs on `keys/portal.key`: a database that got into wrong hands is of little use without that file.
//!
//! One secret, a key of its own for each use. Whoever loses the file invites everybody anew.

use rand::CryptoRng;
use ring::{aead, hmac};
use zeroize::Zeroizing;

/// The keys of sign-in.
pub struct PortalKey {
    /// Goes into Argon2 besides the password.
    pub(super) pepper: Zeroizing<[u8; 32]>,
    recovery: hmac::Key,
    devices: hmac::Key,
    #[cfg(feature = "oidc")]
    identities: hmac::Key,
    sealing: aead::LessSafeKey,
}

impl PortalKey {
    /// From the 32 bytes of the file.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derive = |label: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            key.copy_from_slice(hmac::sign(&master, label).as_ref());
            key
        };
        let keyed = |label| hmac::Key::new(hmac::HMAC_SHA256, &*derive(label));
        let sealing = derive(b"truyvet portal sealing v1");
        let sealing = aead::UnboundKey::new(&aead::AES_256_GCM, &*sealing).expect("32 bytes");
        Self {
            pepper: derive(b"truyvet portal passwords v1"),
            recovery: keyed(b"truyvet portal recovery codes v1"),
            devices: keyed(b"truyvet portal devices v1"),
            #[cfg(feature = "oidc")]
            identities: keyed(b"truyvet portal identities v1"),
            sealing: aead::LessSafeKey::new(sealing),
        }
    }

    /// The keyed hash of an account's recovery code.
    pub(super) fn recovery_hash(&self, officer_id: &str, symbols: &[u8]) -> [u8; 32] {
        let mut message = hmac::Context::with_key(&self.recovery);
        // Codes have one length, so nothing slides from one into the other.
        message.update(symbols);
        message.update(officer_id.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(message.sign().as_ref());
        hash
    }

    /// The keyed hash of somebody's identity at a provider.
    #[cfg(feature = "oidc")]
    pub(super) fn identity_hash(&self, issuer: &str, subject: &str) -> [u8; 32] {
        let mut message = hmac::Context::with_key(&self.identities);
        // The length in front, so that nothing slides from one into the other.
        message.update(&(issuer.len() as u64).to_be_bytes());
        message.update(issuer.as_bytes());
        message.update(subject.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(message.sign().as_ref());
        hash
    }

    /// Vouches for a device of an account.
    pub(crate) fn device_tag(&self, message: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.devices, message).as_ref());
        tag
    }

    /// Whether the tag was made by [`Self::device_tag`].
    pub(super) fn is_device_tag(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.devices, message, tag).is_ok()
    }

    /// Encrypts what must be readable again: nonce (12) ‖ AES-256-GCM of `secret`, tied to purpose and account.
    pub(super) fn seal(
        &self,
        purpose: &str,
        officer_id: &str,
        secret: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        let mut nonce = [0; aead::NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut sealed = Zeroizing::new(secret.to_vec());
        let tag = self
            .sealing
            .seal_in_place_separate_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                associated(purpose, officer_id),
                &mut sealed,
            )
            .expect("a secret of some bytes");
        [&nonce, sealed.as_slice(), tag.as_ref()].concat()
    }

    /// What [`Self::seal`] encrypted for this; `None` by another key, for another purpose or account, or changed.
    pub(super) fn open(
        &self,
        purpose: &str,
        officer_id: &str,
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(aead::NONCE_LEN)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let aad = associated(purpose, officer_id);
        let opened = self.sealing.open_in_place(nonce, aad, &mut rest).ok()?;
        Some(Zeroizing::new(opened.to_vec()))
    }
}

/// Purposes are constants without a colon, so that nothing slides from one part into the other.
fn associated(purpose: &str, officer_id: &str) -> aead::Aad<Vec<u8>> {
    aead::Aad::from(format!("{purpose}:{officer_id}").into_bytes())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_account_and_key_alone() {
        let key = PortalKey::new(&[1; 32]);
        let mut rng = StdRng::seed_from_u64(1);
        let sealed = key.seal("totp", "a", b"secret", &mut rng);
        assert_eq!(sealed.len(), 12 + 6 + 16);
        assert_eq!(&*key.open("totp", "a", &sealed).unwrap(), b"secret");
        assert!(key.open("totp", "b", &sealed).is_none());
        assert!(
            PortalKey::new(&[2; 32])
                .open("totp", "a", &sealed)
                .is_none()
        );
        assert!(key.open("state", "a", &sealed).is_none());
        assert_ne!(key.seal("totp", "a", b"secret", &mut rng), sealed);
        for broken in [&sealed[..5], &sealed[..20], &sealed[1..]] {
            assert!(key.open("totp", "a", broken).is_none());
        }
    }
}
