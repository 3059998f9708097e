//! Browsers that an officer has signed in from before: what keeps an outsider's guesses from locking them out.
//!
//! A browser keeps one cookie for up to [`MOST_ACCOUNTS`] accounts, the last one used in front. An entry is a random
//! device id and an HMAC over it, the account and the salt of the account's password: an accepted invitation draws a
//! new salt, so that it ends all trust in earlier devices. The cookie opens nothing; it only gives its owner a throttle
//! of their own.

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;

use super::portal_key::PortalKey;

/// Days for which a browser should keep the cookie.
pub const DEVICE_COOKIE_DAYS: u32 = 180;

/// Accounts on one browser that are remembered.
const MOST_ACCOUNTS: usize = 4;

const ID_BYTES: usize = 16;
const ENTRY_BYTES: usize = ID_BYTES + 32;

/// Names one browser to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceId([u8; ID_BYTES]);

impl DeviceId {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn message(officer_id: &str, password_salt: &[u8; 16], id: &[u8]) -> Vec<u8> {
    [id, password_salt, officer_id.as_bytes()].concat()
}

fn entries(cookie: &str) -> impl Iterator<Item = Vec<u8>> {
    cookie
        .split('.')
        .take(MOST_ACCOUNTS)
        .filter_map(|entry| BASE64URL_NOPAD.decode(entry.as_bytes()).ok())
        .filter(|entry| entry.len() == ENTRY_BYTES)
}

/// The device that the cookie names to this account, if it is one of its own.
pub(super) fn recognise(
    key: &PortalKey,
    officer_id: &str,
    password_salt: &[u8; 16],
    cookie: Option<&str>,
) -> Option<DeviceId> {
    entries(cookie?).find_map(|entry| {
        let (id, tag) = entry.split_at(ID_BYTES);
        key.is_device_tag(&message(officer_id, password_salt, id), tag)
            .then(|| DeviceId(id.try_into().expect("split there")))
    })
}

/// The cookie after a sign-in: this account's entry in front of the others'.
pub(super) fn remember(
    key: &PortalKey,
    officer_id: &str,
    password_salt: &[u8; 16],
    cookie: Option<&str>,
    rng: &mut impl CryptoRng,
) -> String {
    let DeviceId(id) = recognise(key, officer_id, password_salt, cookie).unwrap_or_else(|| {
        let mut id = [0; ID_BYTES];
        rng.fill_bytes(&mut id);
        DeviceId(id)
    });
    let own = [
        &id[..],
        &key.device_tag(&message(officer_id, password_salt, &id)),
    ]
    .concat();
    let others = entries(cookie.unwrap_or_default()).filter(|entry| *entry != own);
    let all: Vec<String> = std::iter::once(own.clone())
        .chain(others)
        .take(MOST_ACCOUNTS)
        .map(|entry| BASE64URL_NOPAD.encode(&entry))
        .collect();
    all.join(".")
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_device_is_known_to_its_accounts_alone() {
        let key = PortalKey::new(&[1; 32]);
        let mut rng = StdRng::seed_from_u64(1);
        let salt = [7; 16];
        let one = remember(&key, "a", &salt, None, &mut rng);
        let known = recognise(&key, "a", &salt, Some(&one)).unwrap();
        assert_eq!(recognise(&key, "b", &salt, Some(&one)), None);
        assert_eq!(recognise(&key, "a", &[8; 16], Some(&one)), None);
        assert_eq!(recognise(&key, "a", &salt, None), None);
        assert_eq!(recognise(&key, "a", &salt, Some("x.y")), None);
        let other_key = PortalKey::new(&[2; 32]);
        assert_eq!(recognise(&other_key, "a", &salt, Some(&one)), None);

        let two = remember(&key, "b", &salt, Some(&one), &mut rng);
        assert_eq!(recognise(&key, "a", &salt, Some(&two)), Some(known));
        assert!(recognise(&key, "b", &salt, Some(&two)).is_some());
        // Signing in again changes nothing but the order.
        let again = remember(&key, "a", &salt, Some(&two), &mut rng);
        assert_eq!(again.split('.').count(), 2);
        assert!(again.starts_with(&one));
    }

    #[test]
    fn a_shared_browser_does_not_grow_without_end() {
        let key = PortalKey::new(&[1; 32]);
        let mut rng = StdRng::seed_from_u64(1);
        let mut cookie = None;
        for account in ["a", "b", "c", "d", "e", "f"] {
            cookie = Some(remember(
                &key,
                account,
                &[7; 16],
                cookie.as_deref(),
                &mut rng,
            ));
        }
        let cookie = cookie.unwrap();
        assert!(cookie.len() < 300);
        assert!(recognise(&key, "f", &[7; 16], Some(&cookie)).is_some());
        assert!(recognise(&key, "a", &[7; 16], Some(&cookie)).is_none());
    }
}
