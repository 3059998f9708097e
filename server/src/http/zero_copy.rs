//! A connection without TLS that lets the kernel send batch files from its page cache: no byte is copied by us.
//!
//! Whoever writes to a stream hands over slices. Where one lies within the memory of the file that this connection was
//! told it will send ([`Outgoing`]), its bytes are by definition those of the same place in the copy that the kernel
//! has of that file, and `sendfile` sends them from there. Any other slice is written as it is, so nothing depends
//! on what the HTTP library does in between. A batch costs a third of the processor time that way.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

use crate::download::BatchFile;

/// Below this a copy is as cheap as a system call. Frames of HTTP/2 are shorter.
const LEAST_BYTES: usize = 32 << 10;

/// The file that a connection is sending. An extension of each request on a connection that can make use of it.
#[derive(Clone, Default)]
pub(super) struct Outgoing(Arc<Mutex<Weak<BatchFile>>>);

impl Outgoing {
    /// Tells that slices of this file come next.
    pub(super) fn announce(&self, file: &Arc<BatchFile>) {
        if file.bytes().len() < LEAST_BYTES {
            return;
        }
        *self.lock() = Arc::downgrade(file);
        if file.shared().is_mine_to_make() {
            let file = Arc::clone(file);
            // This answer does not wait for it.
            tokio::task::spawn_blocking(move || file.shared().make(file.bytes()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Weak<BatchFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, if these bytes lie in it and the kernel has a copy of it; and where in it.
    fn place(&self, bytes: &[u8]) -> Option<(Arc<BatchFile>, u64)> {
        if bytes.len() < LEAST_BYTES {
            return None;
        }
        // As long as it is held, its memory is nobody else's.
        let file = self.lock().upgrade()?;
        let (memory, wanted) = (file.bytes().as_ptr_range(), bytes.as_ptr_range());
        let within = memory.start <= wanted.start && wanted.end <= memory.end;
        let at = wanted.start.addr() - memory.start.addr().min(wanted.start.addr());
        (within && file.shared().get().is_some()).then_some((file, at as u64))
    }
}

/// A TCP stream that sends slices of its outgoing file from where the kernel has it.
pub(super) struct ZeroCopy {
    tcp: TcpStream,
    outgoing: Outgoing,
}

impl ZeroCopy {
    pub(super) fn new(tcp: TcpStream, outgoing: Outgoing) -> Self {
        Self { tcp, outgoing }
    }

    /// `None`: these bytes are written like any.
    fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        let (file, at) = self.outgoing.place(bytes)?;
        let shared = file.shared().get()?;
        Some(loop {
            match self.tcp.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                other => break other.map_ok(|()| 0),
            }
            let sent = self.tcp.try_io(Interest::WRITABLE, || {
                let mut offset = at;
                let sent = rustix::fs::sendfile(&self.tcp, shared, Some(&mut offset), bytes.len())?;
                Ok(sent)
            });
            match sent {
                Ok(sent) if sent > 0 => break Poll::Ready(Ok(sent)),
                // Not ready after all: asks to be told.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The disk, or the peer. What was checked is in our memory, and a peer that is gone says so there too.
                _ => return None,
            }
        })
    }
}

impl AsyncRead for ZeroCopy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ZeroCopy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.poll_send_file(cx, bytes) {
            Some(sent) => sent,
            None => Pin::new(&mut self.tcp).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let of_file = |slice: &IoSlice<'_>| self.outgoing.place(slice).is_some();
        match slices.iter().position(of_file) {
            Some(at) if slices[..at].iter().all(|slice| slice.is_empty()) => {
                self.poll_write(cx, &slices[at])
            }
            // Up to the file; the rest by the next call.
            Some(at) => Pin::new(&mut self.tcp).poll_write_vectored(cx, &slices[..at]),
            None => Pin::new(&mut self.tcp).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;
    use object_store::memory::InMemory;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use truyvet_crypto::Timestamp;
    use truyvet_matching::Digest;

    use super::*;
    use crate::{
        download::{Content, Files},
        store::PublishedBatch,
    };

    const FILE_BYTES: usize = 3 * LEAST_BYTES;

    /// A file of sevens of which the kernel has this copy, and what a peer gets of it.
    async fn sent(kernels: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path()).await;
        assert!(file.shared().is_mine_to_make());
        file.shared().make(&Bytes::copy_from_slice(kernels));
        assert!(file.shared().get().is_some());

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let outgoing = Outgoing::default();
        outgoing.announce(&file);
        let mut connection = ZeroCopy::new(accepted.unwrap().0, outgoing);
        let writing = async move {
            connection.write_all(b"head ").await.unwrap();
            connection.write_all(file.bytes()).await.unwrap();
        };
        let (mut peer, mut got) = (peer.unwrap(), Vec::new());
        let ((), read) = tokio::join!(writing, peer.read_to_end(&mut got));
        read.unwrap();
        got
    }

    async fn file(folder: &Path) -> Arc<BatchFile> {
        let bytes = Bytes::from(vec![7; FILE_BYTES]);
        let files = Files::new(FILE_BYTES as u64, folder);
        let batch = PublishedBatch {
            sequence: 1,
            digest: Digest::of(&bytes),
            file_bytes: FILE_BYTES as u64,
            tags: 0,
            closed_at: Timestamp::MIN,
        };
        files.keep(batch.digest, bytes);
        let all = 0..batch.file_bytes;
        match files.open(&InMemory::new(), &batch, all).await.unwrap() {
            Content::Memory(file) => file,
            Content::Store(_) => panic!("it is kept in memory"),
        }
    }

    /// Told apart by bytes that only the kernel's copy has.
    #[tokio::test]
    async fn the_file_goes_out_from_the_kernels_copy() {
        let expected = [b"head ", &*vec![9; FILE_BYTES]].concat();
        assert!(sent(&vec![9; FILE_BYTES]).await == expected);
    }

    /// As when the disk below it fails.
    #[tokio::test]
    async fn what_the_kernel_cannot_give_goes_out_from_memory() {
        let expected = [b"head ", &*vec![7; FILE_BYTES]].concat();
        assert!(sent(&[]).await == expected);
        // Half of it only.
        let half = FILE_BYTES / 2;
        let expected = [b"head ", &*vec![9; half], &*vec![7; FILE_BYTES - half]].concat();
        assert!(sent(&vec![9; half]).await == expected);
    }
}
