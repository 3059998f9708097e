//! Forms that work once: a second click, or a page loaded again, does nothing a second time and is told what the first
//! one did.
//!
//! A form brings back a number that was given out with it. Numbers are signed by a key of this process, so that nothing is
//! kept for pages that are only looked at, and one from before a restart is refused, as what it did is forgotten. What
//! was done is kept in memory for as long as the number is good: as many serials as quotas allow, and an empty place for
//! each form that failed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use data_encoding::BASE64URL_NOPAD;
use rand::Rng as _;
use ring::hmac;
use truyvet_crypto::Timestamp;

use crate::{context::Context, sign_in::Session};

/// How long a number is good: longer than anybody leaves a form open, shorter than a shift.
const FORM_SECONDS: i64 = 3_600;

/// 8 bytes of time, 16 of chance.
const NUMBER_BYTES: usize = 24;

/// What was done by each number. `None` while it is being done, and if it failed.
type Slot = Arc<tokio::sync::Mutex<Option<String>>>;

/// The numbers of one kind of form.
pub(super) struct Once {
    key: hmac::Key,
    slots: Mutex<HashMap<[u8; NUMBER_BYTES], (Timestamp, Slot)>>,
}

/// What became of a form.
#[derive(Debug)]
pub(super) enum Sent<T> {
    /// It was the first.
    First(T),
    /// It was done before. Names what was made then.
    Before(String),
    /// The number is too old, from before a restart, or of another session: nothing was done.
    Stale,
}

impl Once {
    pub(super) fn new(context: &Context) -> Self {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        context.rng().fill_bytes(&mut *key);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
            slots: Mutex::default(),
        }
    }

    /// A number for a form of this session.
    pub(super) fn number(&self, context: &Context, session: &Session) -> String {
        let mut number = [0; NUMBER_BYTES];
        number[..8].copy_from_slice(&context.now().unix_seconds().to_be_bytes());
        context.rng().fill_bytes(&mut number[8..]);
        let tag = hmac::sign(&self.key, &signed(&number, session));
        BASE64URL_NOPAD.encode(&[&number, tag.as_ref()].concat())
    }

    /// Does the work of a form unless it was done before.
    ///
    /// - `work`: gives what is shown, and a name of it for whoever comes a second time.
    ///
    /// # Errors
    /// The work's own: it may be tried again then.
    pub(super) async fn run<T, E>(
        &self,
        context: &Context,
        session: &Session,
        number: &str,
        work: impl Future<Output = Result<(T, String), E>> + Send + 'static,
    ) -> Result<Sent<T>, E>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let now = context.now();
        let Some(slot) = self.slot(session, number, now) else {
            return Ok(Sent::Stale);
        };
        // A task of its own: a browser that sends a form twice hangs up on the first, and a request whose sender hung up
        // is dropped wherever it stands, also between a code that is stored and this note of it.
        let done = tokio::spawn(async move {
            let mut slot = slot.lock().await;
            if let Some(before) = &*slot {
                return Ok(Sent::Before(before.clone()));
            }
            let (made, name) = work.await?;
            *slot = Some(name);
            Ok(Sent::First(made))
        });
        done.await
            .expect("the work does not panic, and nobody ends it")
    }

    fn slot(&self, session: &Session, number: &str, now: Timestamp) -> Option<Slot> {
        let bytes = BASE64URL_NOPAD.decode(number.as_bytes()).ok()?;
        let (number, tag) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        hmac::verify(&self.key, &signed(number, session), tag).ok()?;
        let (made_at, _) = number.split_first_chunk().expect("24 bytes");
        let made_at = Timestamp::from_unix_seconds(i64::from_be_bytes(*made_at))?;
        let good = |made_at| now.seconds_since(made_at) < FORM_SECONDS;
        if !good(made_at) {
            return None;
        }
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, (made_at, _)| good(*made_at));
        let (_, slot) = slots
            .entry(*number)
            .or_insert_with(|| (made_at, Slot::default()));
        Some(Arc::clone(slot))
    }
}

fn signed(number: &[u8], session: &Session) -> Vec<u8> {
    [number, session.session_id.as_bytes()].concat()
}
