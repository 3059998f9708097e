//! A batch file where the kernel can send it from without a copy through this process: an unnamed file of our own.
//!
//! Made when the first plain connection asks for the batch, beside the bytes that TLS and HTTP/2 need, which are those
//! that were checked. No path leads to it, and it is gone with the process. On a disk rather than in anonymous memory,
//! where the kernel keeps and finds single pages: sending from ext4 is half as fast again, and what is not asked for any
//! more takes no memory.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    path::Path,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use rustix::fs::{Mode, OFlags, open};

use crate::disk::Room;

/// What is left to the database of their common disk, at least: downloads must not fill it.
const RESERVE_BYTES: u64 = 256 << 20;

/// The unnamed file, once it is there.
pub(crate) struct SharedFile {
    made: OnceLock<Option<File>>,
    begun: OnceLock<()>,
    folder: Arc<Path>,
}

impl SharedFile {
    /// - `folder`: on whose disk it will be.
    pub(super) fn new(folder: Arc<Path>) -> Self {
        Self {
            made: OnceLock::new(),
            begun: OnceLock::new(),
            folder,
        }
    }

    /// The file; `None` until [`Self::make`] has made it, and if it could not.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        Some(self.made.get()?.as_ref()?.as_fd())
    }

    /// Whether the caller is the first to want it, and so has to [`Self::make`] it.
    pub(crate) fn is_mine_to_make(&self) -> bool {
        self.begun.set(()).is_ok()
    }

    /// Makes it, if the disk allows. Blocks: writes the whole file.
    pub(crate) fn make(&self, bytes: &Bytes) {
        // Without it, bytes are copied as everywhere else.
        let made = unnamed(&self.folder, bytes);
        let made = made.inspect_err(|error| tracing::debug!(%error, "no file to send from"));
        let _ = self.made.set(made.ok());
    }
}

fn unnamed(folder: &Path, bytes: &[u8]) -> io::Result<File> {
    if !Room::of(folder)?.takes(bytes.len() as u64 + RESERVE_BYTES) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    // EXCL: it never gets a name.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(open(folder, flags, Mode::RUSR)?);
    file.write_all(bytes)?;
    // Else a disk that fails later would give back zeros.
    file.sync_data()?;
    // Through this one nothing can be written.
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
