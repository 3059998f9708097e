//! A batch file where the kernel can send it from without a copy through this process: an anonymous file in memory.
//!
//! Made when the first plain connection asks for the batch, beside the bytes that TLS and HTTP/2 need, and counted like
//! them. Sealed, so that its bytes stay those that were checked.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The anonymous file, once it is there.
pub(crate) struct SharedFile {
    made: OnceLock<Option<(OwnedFd, OwnedSemaphorePermit)>>,
    begun: OnceLock<()>,
    room: Arc<Semaphore>,
    units: u64,
}

impl SharedFile {
    pub(super) fn new(room: Arc<Semaphore>, units: u64) -> Self {
        Self {
            made: OnceLock::new(),
            begun: OnceLock::new(),
            room,
            units,
        }
    }

    /// The file; `None` until [`Self::make`] has made it, and if there was no room.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        let (file, _) = self.made.get()?.as_ref()?;
        Some(file.as_fd())
    }

    /// Whether the caller is the first to want it, and so has to [`Self::make`] it.
    pub(crate) fn is_mine_to_make(&self) -> bool {
        self.begun.set(()).is_ok()
    }

    /// Makes it, unless there is no room. Blocks: copies the whole file.
    pub(crate) fn make(&self, bytes: &Bytes) {
        let room = u32::try_from(self.units)
            .ok()
            .and_then(|units| Arc::clone(&self.room).try_acquire_many_owned(units).ok());
        // Without it, bytes are copied as everywhere else.
        let made = room.and_then(|room| Some((sealed(bytes).ok()?, room)));
        let _ = self.made.set(made);
    }
}

fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = memfd_create("batch", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut left = bytes;
    while !left.is_empty() {
        let written = rustix::io::write(&file, left)?;
        left = &left[written..];
    }
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file)
}
