//! Batch files in memory: those asked for last, as many as the setting `batch_cache_mb` has room for.
//!
//! What comes in is checked against its digest first, so that nothing corrupt goes out under a name that says it never
//! changes. A file is read once, however large the crowd that asks for it; what there is no room for is checked once and
//! then read from the batch store piece by piece. A file that is being sent is never put out to make room: that would
//! free nothing.

mod shared;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tracing::error;
use truyvet_matching::Digest;

use super::batch_path;
use crate::store::PublishedBatch;

pub(crate) use shared::SharedFile;

/// What room is counted in.
const UNIT_BYTES: u64 = 1 << 10;

/// A file that could not be read is tried again after this, by whoever asks then: a crowd is not to read it once each.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Why a published file cannot be handed out. Safe to print.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unreadable {
    /// The bytes in the batch store are not those that were published.
    #[error("{0}.tvb in the batch store is not the file that was published")]
    Corrupt(Digest),
    /// The batch store could not.
    #[error("batch store: {0}")]
    Objects(Arc<object_store::Error>),
}

impl From<object_store::Error> for Unreadable {
    fn from(error: object_store::Error) -> Self {
        Self::Objects(Arc::new(error))
    }
}

/// A batch file in memory.
pub struct BatchFile {
    bytes: Bytes,
    shared: SharedFile,
    _room: OwnedSemaphorePermit,
}

impl BatchFile {
    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The same where the kernel can send it from; `None` until it is there.
    pub(crate) fn shared(&self) -> &SharedFile {
        &self.shared
    }
}

/// Where the bytes of a file come from. What is there was checked.
pub enum Content {
    /// Memory.
    Memory(Arc<BatchFile>),
    /// The batch store: the part that was asked for.
    Store(BoxStream<'static, object_store::Result<Bytes>>),
}

/// The files in memory.
pub struct Files {
    shelf: Mutex<Shelf>,
    /// Files that were found to be what they are called, and for which there is no room.
    checked: Mutex<HashMap<Digest, Cell<()>>>,
    room: Arc<Semaphore>,
    capacity_units: u64,
    folder: Arc<Path>,
}

#[derive(Default)]
struct Shelf {
    slots: HashMap<Digest, Slot>,
    uses: u64,
}

struct Slot {
    file: Cell<Option<Arc<BatchFile>>>,
    last_use: u64,
}

/// Filled once, by one of those who wait for it; with what went wrong and when, if it did.
type Cell<T> = Arc<OnceCell<Result<T, (Unreadable, Instant)>>>;

impl Slot {
    /// In memory, and nobody is sending or waiting for it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.file) == 1
            && match self.file.get() {
                Some(Ok(Some(file))) => Arc::strong_count(file) == 1,
                _ => false,
            }
    }
}

impl Files {
    /// None yet.
    ///
    /// - `capacity_bytes`: of all files together; with 0 everything is read from the batch store.
    /// - `folder`: of this server alone. On its disk are as many bytes again, in files without a name.
    #[must_use]
    pub fn new(capacity_bytes: u64, folder: &Path) -> Self {
        let capacity_units = (capacity_bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS as u64);
        Self {
            shelf: Mutex::default(),
            checked: Mutex::default(),
            room: Arc::new(Semaphore::new(
                usize::try_from(capacity_units).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            capacity_units,
            folder: folder.into(),
        }
    }

    /// Opens a published file.
    ///
    /// - `range`: within the file; only what comes from the store is cut to it.
    ///
    /// # Errors
    /// [`Unreadable`]; it is logged once for all who ask at that time.
    pub async fn open(
        &self,
        objects: &dyn ObjectStore,
        batch: &PublishedBatch,
        range: Range<u64>,
    ) -> Result<Content, Unreadable> {
        if units(batch.file_bytes) <= self.capacity_units
            && let Some(file) = self.in_memory(objects, batch).await?
        {
            return Ok(Content::Memory(file));
        }
        let cell = {
            let mut checked = lock(&self.checked);
            let cell = checked.entry(batch.digest).or_default();
            anew_if_failed(cell);
            Arc::clone(cell)
        };
        let checked = cell.get_or_init(|| async { noted(check(objects, batch).await) });
        if let Err((error, _)) = checked.await {
            return Err(error.clone());
        }
        let options = GetOptions::new().with_range(Some(range));
        let found = objects.get_opts(&batch_path(batch.digest), options).await?;
        Ok(Content::Store(found.into_stream()))
    }

    /// Keeps a file that was just built, if there is room: nobody has to read it.
    pub fn keep(&self, digest: Digest, bytes: Bytes) {
        let Some(room) = self.reserve(bytes.len() as u64) else {
            return;
        };
        let file = self.file(bytes, room);
        let mut shelf = lock(&self.shelf);
        let last_use = shelf.next_use();
        let file = Arc::new(OnceCell::new_with(Some(Ok(Some(file)))));
        shelf.slots.insert(digest, Slot { file, last_use });
    }

    /// Puts out all but these: nobody can ask for the others any more.
    pub fn keep_only(&self, published: &HashSet<Digest>) {
        let gone = |digest: &Digest, _: &mut Slot| !published.contains(digest);
        // Freed when the shelf is free again: that of a large file takes its time.
        let others: Vec<_> = lock(&self.shelf).slots.extract_if(gone).collect();
        drop(others);
        lock(&self.checked).retain(|digest, _| published.contains(digest));
    }

    async fn in_memory(
        &self,
        objects: &dyn ObjectStore,
        batch: &PublishedBatch,
    ) -> Result<Option<Arc<BatchFile>>, Unreadable> {
        let cell = {
            let mut shelf = lock(&self.shelf);
            let last_use = shelf.next_use();
            let slot = shelf.slots.entry(batch.digest).or_insert_with(|| Slot {
                file: Cell::default(),
                last_use,
            });
            slot.last_use = last_use;
            anew_if_failed(&mut slot.file);
            Arc::clone(&slot.file)
        };
        let loaded = cell
            .get_or_init(|| async { noted(self.load(objects, batch).await) })
            .await;
        match loaded {
            Ok(Some(file)) => Ok(Some(Arc::clone(file))),
            Ok(None) => {
                // There may be room the next time.
                let mut shelf = lock(&self.shelf);
                if shelf
                    .slots
                    .get(&batch.digest)
                    .is_some_and(|slot| Arc::ptr_eq(&slot.file, &cell))
                {
                    shelf.slots.remove(&batch.digest);
                }
                Ok(None)
            }
            Err((error, _)) => Err(error.clone()),
        }
    }

    /// `None`: no room.
    async fn load(
        &self,
        objects: &dyn ObjectStore,
        batch: &PublishedBatch,
    ) -> Result<Option<Arc<BatchFile>>, Unreadable> {
        let Some(room) = self.reserve(batch.file_bytes) else {
            return Ok(None);
        };
        let found = objects.get(&batch_path(batch.digest)).await?;
        // Before it is read: room was made for so many bytes.
        if found.meta.size != batch.file_bytes {
            return Err(Unreadable::Corrupt(batch.digest));
        }
        let bytes = found.bytes().await?;
        let hashed = bytes.clone();
        let digest = tokio::task::spawn_blocking(move || Digest::of(&hashed)).await;
        if digest.ok() != Some(batch.digest) {
            return Err(Unreadable::Corrupt(batch.digest));
        }
        Ok(Some(self.file(bytes, room)))
    }

    fn file(&self, bytes: Bytes, room: OwnedSemaphorePermit) -> Arc<BatchFile> {
        Arc::new(BatchFile {
            shared: SharedFile::new(Arc::clone(&self.folder)),
            bytes,
            _room: room,
        })
    }

    /// Makes room by putting out what was not asked for the longest; `None` if all that is left is being sent.
    fn reserve(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(units(bytes)).ok()?;
        loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(units) {
                return Some(room);
            }
            let mut shelf = lock(&self.shelf);
            let idle = shelf.slots.iter().filter(|(_, slot)| slot.is_idle());
            let (&digest, _) = idle.min_by_key(|(_, slot)| slot.last_use)?;
            let oldest = shelf.slots.remove(&digest);
            drop(shelf);
            drop(oldest);
        }
    }
}

impl Shelf {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}

fn units(bytes: u64) -> u64 {
    bytes.div_ceil(UNIT_BYTES)
}

/// Gives the next who asks another try, if the last was long enough ago.
fn anew_if_failed<T>(cell: &mut Cell<T>) {
    if let Some(Err((_, failed_at))) = cell.get()
        && failed_at.elapsed() >= TRY_AGAIN_AFTER
    {
        *cell = Cell::default();
    }
}

/// Says what went wrong, once for all who wait for it.
fn noted<T>(outcome: Result<T, Unreadable>) -> Result<T, (Unreadable, Instant)> {
    outcome.map_err(|error| {
        error!(%error, "a published batch cannot be handed out");
        (error, Instant::now())
    })
}

/// Reads a file through, in little memory.
async fn check(objects: &dyn ObjectStore, batch: &PublishedBatch) -> Result<(), Unreadable> {
    let found = objects.get(&batch_path(batch.digest)).await?;
    let mut pieces = found.into_stream().boxed();
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    while let Some(piece) = pieces.try_next().await? {
        hash.update(&piece);
    }
    if hash.finish().as_ref() == batch.digest.as_bytes() {
        Ok(())
    } else {
        Err(Unreadable::Corrupt(batch.digest))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Entries are put in and taken out whole: a panic cannot leave one half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
