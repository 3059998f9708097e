//! Passwords: Argon2id, keyed by `keys/portal.key`, a bounded number at a time.
//!
//! One check takes 19 MiB and some 20 ms of a core. Two run at a time; browsers that no account knows get one of the
//! two and a short queue, so that a flood of strangers slows down strangers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{Algorithm, Argon2, Params, Version};
use rand::CryptoRng;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{SignInError, password_rules::normalised};
use crate::context::Context;

/// Memory of one hash in KiB, passes and lanes: OWASP's first choice. Changing them needs a new
/// `password.scheme` in the store.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// More than the longest password takes; what is longer is wrong without a look.
const MOST_BYTES: usize = 1_024;

const AT_A_TIME: usize = 2;
const STRANGERS_AT_A_TIME: usize = 1;
const MOST_WAITING: usize = 64;
const MOST_STRANGERS_WAITING: usize = 16;

/// What the store keeps of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRecord {
    /// Random.
    pub salt: [u8; 16],
    /// Argon2id.
    pub hash: [u8; 32],
}

/// Who asks for a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody with a good invitation, session or device.
    Known,
    /// Anybody.
    Stranger,
}

/// Lets a bounded number of hashes be computed at a time.
pub(super) struct Gate {
    running: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    strangers_waiting: Arc<Semaphore>,
    hashes: AtomicU64,
}

impl Default for Gate {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            running: semaphore(AT_A_TIME),
            strangers: semaphore(STRANGERS_AT_A_TIME),
            waiting: semaphore(MOST_WAITING),
            strangers_waiting: semaphore(MOST_STRANGERS_WAITING),
            hashes: AtomicU64::new(0),
        }
    }
}

impl Gate {
    /// How many hashes were computed.
    pub(super) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// Computes a hash off the async threads, when it is its turn.
    async fn hash(
        &self,
        asker: Asker,
        pepper: &Zeroizing<[u8; 32]>,
        password: Zeroizing<String>,
        salt: [u8; 16],
    ) -> Result<Zeroizing<[u8; 32]>, SignInError> {
        let (queue, of_strangers) = match asker {
            Asker::Known => (&self.waiting, None),
            Asker::Stranger => (&self.strangers_waiting, Some(Arc::clone(&self.strangers))),
        };
        let _place = queue.try_acquire().map_err(|_| SignInError::Busy)?;
        let of_strangers = match of_strangers {
            Some(semaphore) => Some(turn(semaphore).await?),
            None => None,
        };
        let running = turn(Arc::clone(&self.running)).await?;
        self.hashes.fetch_add(1, Ordering::Relaxed);
        let pepper = pepper.clone();
        tokio::task::spawn_blocking(move || {
            // Kept until the work is done, also if whoever asked has hung up.
            let _turns = (running, of_strangers);
            argon2id(&pepper, &password, &salt)
        })
        .await
        .map_err(|_| SignInError::Busy)
    }
}

async fn turn(semaphore: Arc<Semaphore>) -> Result<tokio::sync::OwnedSemaphorePermit, SignInError> {
    semaphore
        .acquire_owned()
        .await
        .map_err(|_| SignInError::Busy)
}

fn argon2id(pepper: &[u8; 32], password: &str, salt: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).expect("within Argon2's bounds");
    let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)
        .expect("a key of 32 bytes");
    let mut hash = Zeroizing::new([0; 32]);
    argon2
        .hash_password_into(password.as_bytes(), salt, &mut *hash)
        .expect("lengths within Argon2's bounds");
    hash
}

/// Hashes a password that was checked by the rules.
pub(super) async fn make(
    context: &Context,
    password: Zeroizing<String>,
    rng: &mut impl CryptoRng,
) -> Result<PasswordRecord, SignInError> {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let hash = context
        .sign_in
        .gate
        .hash(Asker::Known, &context.keys.portal.pepper, password, salt)
        .await?;
    Ok(PasswordRecord { salt, hash: *hash })
}

/// Whether it is the password. `None` for the record, where there is no such account, takes as long.
pub(super) async fn is_right(
    context: &Context,
    asker: Asker,
    typed: &str,
    record: Option<&PasswordRecord>,
) -> Result<bool, SignInError> {
    let possible = typed.len() <= MOST_BYTES;
    let password = normalised(if possible { typed } else { "" });
    let salt = record.map_or([0; 16], |record| record.salt);
    let pepper = &context.keys.portal.pepper;
    let gate = &context.sign_in.gate;
    let hash = gate.hash(asker, pepper, password, salt).await?;
    let expected = record.map_or([0; 32], |record| record.hash);
    let same: bool = hash.ct_eq(&expected).into();
    Ok(same & record.is_some() & possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_hangs_on_password_salt_and_key() {
        let one = argon2id(&[1; 32], "mưa rơi đầu hè", &[2; 16]);
        assert_eq!(one, argon2id(&[1; 32], "mưa rơi đầu hè", &[2; 16]));
        assert_ne!(one, argon2id(&[9; 32], "mưa rơi đầu hè", &[2; 16]));
        assert_ne!(one, argon2id(&[1; 32], "mưa rơi đầu hè", &[9; 16]));
        assert_ne!(one, argon2id(&[1; 32], "mưa rơi đầu he", &[2; 16]));
    }

    #[tokio::test]
    async fn strangers_wait_for_each_other_and_nobody_for_them() {
        let gate = Arc::new(Gate::default());
        let pepper = Zeroizing::new([1; 32]);
        let ask = |asker| {
            let (gate, pepper) = (Arc::clone(&gate), pepper.clone());
            let password = Zeroizing::new("p".to_owned());
            async move { gate.hash(asker, &pepper, password, [0; 16]).await }
        };
        // A stranger's hash that takes for ever.
        let held = (
            turn(Arc::clone(&gate.strangers)).await.unwrap(),
            turn(Arc::clone(&gate.running)).await.unwrap(),
        );
        let mut queue = Vec::new();
        let busy = loop {
            let mut stranger = Box::pin(ask(Asker::Stranger));
            match futures_util::poll!(&mut stranger) {
                std::task::Poll::Pending => queue.push(stranger),
                std::task::Poll::Ready(outcome) => break outcome,
            }
        };
        assert!(matches!(busy, Err(SignInError::Busy)));
        assert_eq!(queue.len(), MOST_STRANGERS_WAITING);
        assert!(ask(Asker::Known).await.is_ok());
        drop(held);
        assert!(queue.remove(0).await.is_ok());
    }
}
