//! Turns at publishing: one at a time in this server, and one server at a time.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{CryptoRng, RngExt as _};
use tokio::{
    sync::{Mutex, MutexGuard},
    task::AbortHandle,
};
use tracing::warn;

use super::PublishError;
use crate::{
    context::Context,
    store::{Lease, Store, StoreError},
};

/// In the data folder: by what name this server takes the lease. The same after a start, so that a server that was killed
/// goes on at once, and does not wait until its own lease runs out.
const HOLDER_FILE: &str = "lease-holder";

/// How long a lease lasts: after that, others take up what a server left that fell silent.
const LEASE_SECONDS: u32 = 15;

/// Several times within its life: one answer may be late.
const RENEW_EVERY: Duration = Duration::from_secs(4);

const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Who waits for a turn of this server's.
pub struct Turns {
    alone: Mutex<()>,
    holder: String,
}

/// The right to publish. Ends when it is dropped; [`Self::end`] lets other servers have it at once.
pub(crate) struct Turn<'a> {
    _alone: MutexGuard<'a, ()>,
    lease: Lease,
    store: Arc<dyn Store>,
    renewing: AbortHandle,
}

impl Turns {
    /// Reads this server's name in the data folder, or gives it one.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn open(data_dir: &Path, rng: &mut impl CryptoRng) -> io::Result<Self> {
        let path = data_dir.join(HOLDER_FILE);
        let holder = match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {
                let holder = data_encoding::HEXLOWER.encode(&rng.random::<[u8; 16]>());
                let file = fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&path)?;
                io::Write::write_all(&mut &file, format!("{holder}\n").as_bytes())?;
                holder
            }
        };
        Ok(Self {
            alone: Mutex::default(),
            holder,
        })
    }

    /// Waits until nobody in this server publishes.
    pub(crate) async fn idle(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }

    /// Takes a turn.
    ///
    /// - `patience`: how long to wait for another server.
    ///
    /// # Errors
    /// [`PublishError::Elsewhere`] while another server publishes, [`PublishError::Store`] if the store could not look.
    pub(crate) async fn take(
        &self,
        context: &Context,
        patience: Duration,
    ) -> Result<Turn<'_>, PublishError> {
        let alone = self.alone.lock().await;
        let asked = Instant::now();
        let lease = loop {
            let holder = self.holder.clone();
            if let Some(lease) = context.store.take_lease(holder, LEASE_SECONDS).await? {
                break lease;
            }
            if asked.elapsed() >= patience {
                return Err(PublishError::Elsewhere);
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        };
        let store = Arc::clone(&context.store);
        let renewing = tokio::spawn(keep(Arc::clone(&store), lease.clone()));
        Ok(Turn {
            _alone: alone,
            lease,
            store,
            renewing: renewing.abort_handle(),
        })
    }
}

impl Turn<'_> {
    /// By what the store knows it.
    pub(super) fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Lets other servers publish at once. Without it they wait until the lease runs out.
    pub(crate) async fn end(self) {
        self.renewing.abort();
        if let Err(error) = self.store.end_lease(self.lease.clone()).await {
            warn!(%error, "the lease was not given back; it runs out within {LEASE_SECONDS} s");
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Renews a lease until it is lost. Who publishes finds that out from the store, in time.
async fn keep(store: Arc<dyn Store>, lease: Lease) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match store.renew_lease(lease.clone(), LEASE_SECONDS).await {
            Ok(true) | Err(StoreError::Busy) => {}
            Ok(false) => {
                warn!("another server has taken over publishing");
                return;
            }
            Err(error) => warn!(%error, "the lease was not renewed"),
        }
    }
}
