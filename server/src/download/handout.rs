//! The bytes of a batch on their way to whoever asked, in pieces; counts what is handed over.

use std::{
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context as Waker, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use tracing::error;

use super::{BatchFile, Content, Unreadable};
use crate::{context::Context, store::PublishedBatch, telemetry::Metric};

/// A part of a batch, or the whole, as a stream of pieces. From memory none is copied.
pub struct Handout {
    context: Arc<Context>,
    batch: PublishedBatch,
    source: Source,
    /// Bytes to come.
    left: u64,
    whole: bool,
    piece_bytes: usize,
}

enum Source {
    Memory {
        file: Arc<BatchFile>,
        left: Bytes,
    },
    Store {
        stream: BoxStream<'static, object_store::Result<Bytes>>,
        read: Bytes,
    },
}

impl Handout {
    /// Opens a batch.
    ///
    /// - `range`: within the file.
    /// - `piece_bytes`: length of the longest piece, above 0.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub async fn open(
        context: &Arc<Context>,
        batch: PublishedBatch,
        range: Range<u64>,
        piece_bytes: usize,
    ) -> Result<Self, Unreadable> {
        let whole = range == (0..batch.file_bytes);
        let left = range.end - range.start;
        let (files, objects) = (&context.catalog.files, context.batch_store.files());
        let opened = files.open(objects, &batch, range.clone()).await;
        let answer = match (&opened, whole) {
            (Err(_), _) => "failed",
            (Ok(_), true) => "full",
            (Ok(_), false) => "part",
        };
        context
            .telemetry
            .count(Metric::Downloads, &["batch", answer]);
        let source = match opened? {
            Content::Memory(file) => {
                let at = |place: u64| usize::try_from(place).expect("a file that is in memory");
                let left = file.bytes().slice(at(range.start)..at(range.end));
                Source::Memory { file, left }
            }
            Content::Store(stream) => Source::Store {
                stream,
                read: Bytes::new(),
            },
        };
        Ok(Self {
            context: Arc::clone(context),
            batch,
            source,
            left,
            whole,
            piece_bytes,
        })
    }

    /// The file, if it is in memory: its bytes are those that the pieces point at.
    #[must_use]
    pub fn file(&self) -> Option<&Arc<BatchFile>> {
        match &self.source {
            Source::Memory { file, .. } => Some(file),
            Source::Store { .. } => None,
        }
    }

    fn handed_over(&mut self, piece: &Bytes) {
        let (context, bytes) = (&self.context, piece.len() as u64);
        context
            .telemetry
            .add(Metric::DownloadBytes, &["batch"], bytes);
        self.left = self.left.saturating_sub(bytes);
        if self.whole && self.left == 0 {
            context.progress.handed_out(self.batch.digest);
        }
    }
}

impl Stream for Handout {
    type Item = object_store::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let from = match &mut this.source {
            Source::Memory { left, .. } => left,
            Source::Store { stream, read } => {
                while read.is_empty() {
                    match ready!(stream.poll_next_unpin(cx)) {
                        Some(Ok(bytes)) => *read = bytes,
                        Some(Err(error)) => {
                            let digest = this.batch.digest;
                            error!(%digest, %error, "a published batch broke off");
                            let labels = ["batch", "failed"];
                            this.context.telemetry.count(Metric::Downloads, &labels);
                            this.left = 0;
                            return Poll::Ready(Some(Err(error)));
                        }
                        None => return Poll::Ready(None),
                    }
                }
                read
            }
        };
        let piece = from.split_to(from.len().min(this.piece_bytes));
        this.handed_over(&piece);
        Poll::Ready(Some(Ok(piece)))
    }
}
