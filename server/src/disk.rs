//! What room a disk has.

use std::{io, path::Path};

/// Room of the disk that a file or folder is on, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// As df counts: what is kept for root alone is not free for us.
    pub(crate) free: u64,
    /// 0 where there is no limit, as in memory.
    pub(crate) all: u64,
}

impl Room {
    /// Blocks while the disk answers.
    ///
    /// # Errors
    /// As the system says, if there is no such file or folder.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Self {
            free: bytes(disk.f_bavail),
            all: bytes(disk.f_blocks),
        })
    }

    /// Whether it takes so many bytes more.
    pub(crate) fn takes(self, bytes: u64) -> bool {
        self.all == 0 || self.free >= bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_takes_what_is_free_and_one_without_limit_all() {
        let room = |free, all| Room { free, all };
        assert!(room(5, 10).takes(5) && !room(5, 10).takes(6));
        assert!(room(0, 0).takes(u64::MAX) && !room(0, 10).takes(1));
        let here = Room::of(Path::new(".")).unwrap();
        assert!(here.takes(1) && !here.takes(u64::MAX));
        Room::of(Path::new("no/such/folder")).unwrap_err();
    }
}
