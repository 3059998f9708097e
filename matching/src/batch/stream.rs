//! A batch asked while it arrives, in little memory: nothing of it need ever be stored.
//!
//! Getting the bytes, and going on after an interruption, are left to the app.

use truyvet_crypto::{Tag, sign::TrustedKeys};

use super::{
    BatchError, Chunk, HEADER_BYTES, Header, Matches, TagHasher,
    frame::{Frame, chunk_digest, digests, second_digest},
    scale,
};
use crate::codec::{Piece, Sift};

/// A batch file on its way, and the tags that are searched for in it.
///
/// Takes 4 bytes of memory a tag, the largest section of a chunk (140 KB at R = 40) and about 180 bytes a chunk: 0.6 MB
/// for 100,000 tags in a million, besides the tags themselves. Signature and digests are checked on the way, and nothing
/// is told before all of them are.
///
/// ```
/// # use truyvet_crypto::{Tag, sign::TrustedKeys};
/// # use truyvet_matching::{BatchError, BatchStream, Matches};
/// fn ask(
///     parts: impl Iterator<Item = Vec<u8>>,
///     trusted: &TrustedKeys,
///     tags: &[Tag],
/// ) -> Result<Matches, BatchError> {
///     let mut stream = BatchStream::new(trusted, tags);
///     for part in parts {
///         stream.push(&part)?;
///     }
///     stream.finish()
/// }
/// # assert!(ask([vec![0; 200]].into_iter(), &TrustedKeys::new(vec![]), &[]).is_err());
/// ```
#[derive(Debug)]
pub struct BatchStream<'a> {
    trusted: &'a TrustedKeys,
    tags: &'a [Tag],
    /// Bytes of the part that is arriving.
    part: Vec<u8>,
    part_bytes: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first 128 bytes.
    Header,
    /// From there to the body. The header stands in `part`, and is read once more.
    Head,
    Body(Box<Body>),
    /// What [`BatchStream::push`] refused.
    Refused(BatchError),
}

/// What is known once the signature was checked.
#[derive(Debug)]
struct Body {
    header: Header,
    hasher: TagHasher,
    chunks: Vec<(Chunk, [[u8; 16]; 2])>,
    sift: Sift,
    section: usize,
    /// Next to arrive; their number, when all of both sections have.
    chunk: usize,
    /// Of tags that may still be in the batch, by chunk.
    indices: Vec<u32>,
    /// Where the indices of each chunk start, and where the last ones end.
    starts: Vec<u32>,
    /// Indices before the next chunk's that passed in this section.
    kept: usize,
}

impl<'a> BatchStream<'a> {
    /// Before the first byte.
    ///
    /// - `tags`: any order, repeats allowed; at most 2^32.
    #[must_use]
    pub fn new(trusted: &'a TrustedKeys, tags: &'a [Tag]) -> Self {
        Self {
            trusted,
            tags,
            part: vec![],
            part_bytes: HEADER_BYTES,
            state: State::Header,
        }
    }

    /// Takes the next bytes of the file, as many as there are.
    ///
    /// # Errors
    /// [`BatchError`] says what is wrong with the file, as soon as it can be known; then no more bytes are taken.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), BatchError> {
        if let State::Refused(error) = self.state {
            return Err(error);
        }
        while !bytes.is_empty() {
            if self.part_bytes == 0 {
                let extra = bytes.len() as u64;
                return self.refuse(BatchError::TrailingBytes { extra });
            }
            let missing = self.part_bytes - self.part.len();
            let (here, later) = bytes.split_at(missing.min(bytes.len()));
            self.part.extend_from_slice(here);
            bytes = later;
            if self.part.len() == self.part_bytes
                && let Err(error) = self.complete()
            {
                return self.refuse(error);
            }
        }
        Ok(())
    }

    /// After the last byte: which of the tags are in the batch.
    ///
    /// # Errors
    /// [`BatchError::Truncated`] if bytes are missing; what [`Self::push`] refused.
    pub fn finish(self) -> Result<Matches, BatchError> {
        let missing = (self.part_bytes - self.part.len()) as u64;
        let (expected, found) = match &self.state {
            State::Refused(error) => return Err(*error),
            State::Header => (HEADER_BYTES as u64, self.part.len() as u64),
            State::Head => (self.part_bytes as u64, self.part.len() as u64),
            State::Body(body) if missing > 0 => {
                let before = body.chunks.get(body.chunk).map(|(chunk, _)| chunk);
                let before = before.map_or(0, |chunk| chunk.sections[body.section].start);
                let found = body.header.body_start() + (before + self.part.len()) as u64;
                (body.header.file_bytes(), found)
            }
            State::Body(body) => {
                let mut indices: Vec<usize> = body.indices[..body.kept]
                    .iter()
                    .map(|&index| index as usize)
                    .collect();
                indices.sort_unstable();
                let closed_at = body.header.closed_at;
                return Ok(Matches { indices, closed_at });
            }
        };
        Err(BatchError::Truncated { expected, found })
    }

    /// What the batch says about itself, once its signature was checked.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        match &self.state {
            State::Body(body) => Some(&body.header),
            _ => None,
        }
    }

    /// Memory that it holds now, besides the tags. While a section is looked at, up to 300 KB more.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let body = match &self.state {
            State::Body(body) => body.memory_bytes(),
            _ => 0,
        };
        size_of::<Self>() + self.part.capacity() + body
    }

    fn refuse(&mut self, error: BatchError) -> Result<(), BatchError> {
        self.part = vec![];
        self.part_bytes = 0;
        self.state = State::Refused(error);
        Err(error)
    }

    /// A part is there: looks at it, and finds out how long the next one is.
    fn complete(&mut self) -> Result<(), BatchError> {
        match &mut self.state {
            State::Header => {
                let header = Header::parse(&self.part)?;
                // At most 7 MB, of which memory is taken as it arrives.
                self.part_bytes = usize::try_from(header.body_start()).unwrap_or(usize::MAX);
                self.state = State::Head;
            }
            State::Head => {
                let body = Body::new(&self.part, self.trusted, self.tags)?;
                // Not kept: the directory of a large batch is longer than its sections.
                self.part = vec![];
                self.part_bytes = body.part_bytes();
                self.state = State::Body(Box::new(body));
            }
            State::Body(body) => {
                body.sift(&self.part, self.tags)?;
                self.part.clear();
                self.part_bytes = body.part_bytes();
            }
            State::Refused(error) => return Err(*error),
        }
        Ok(())
    }
}

impl Body {
    /// - `head`: everything before the body.
    fn new(head: &[u8], trusted: &TrustedKeys, tags: &[Tag]) -> Result<Self, BatchError> {
        let frame = Frame::cut(Header::parse(head)?, head);
        frame.check_signature(trusted)?;
        let chunks = frame.chunks()?;
        let sift = Sift::new(frame.prepare(&chunks)?);
        let chunks: Vec<_> = chunks
            .into_iter()
            .zip(frame.entries.iter().map(digests))
            .collect();
        let header = frame.header;
        let hasher = TagHasher::new(&header.salt);
        let (starts, indices) = if sift.is_by_chunk() {
            deal(&hasher, header.chunks, tags)
        } else {
            (vec![], (0..).take(tags.len()).collect())
        };
        let mut body = Self {
            sift,
            kept: 0,
            header,
            hasher,
            chunks,
            section: 0,
            chunk: 0,
            indices,
            starts,
        };
        body.sift_empty(tags)?;
        Ok(body)
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.chunks.capacity() * size_of::<(Chunk, [[u8; 16]; 2])>()
            + (self.indices.capacity() + self.starts.capacity()) * size_of::<u32>()
            + self.sift.memory_bytes()
    }

    /// Bytes of the section that is next; 0 after the last.
    fn part_bytes(&self) -> usize {
        self.chunks
            .get(self.chunk)
            .map_or(0, |(chunk, _)| chunk.sections[self.section].len())
    }

    /// The next section has arrived, and with it those after it that have no bytes.
    fn sift(&mut self, bytes: &[u8], tags: &[Tag]) -> Result<(), BatchError> {
        self.sift_one(bytes, tags)?;
        self.sift_empty(tags)
    }

    fn sift_empty(&mut self, tags: &[Tag]) -> Result<(), BatchError> {
        while self.chunk < self.chunks.len() && self.part_bytes() == 0 {
            self.sift_one(&[], tags)?;
        }
        Ok(())
    }

    fn sift_one(&mut self, bytes: &[u8], tags: &[Tag]) -> Result<(), BatchError> {
        let number = u32::try_from(self.chunk).expect("at most 2^17 chunks");
        let (chunk, digests) = &self.chunks[self.chunk];
        let digest = [chunk_digest, second_digest][self.section];
        if digest(bytes) != digests[self.section] {
            return Err(BatchError::ChunkDigest { chunk: number });
        }
        let piece = Piece {
            header: &self.header,
            hasher: &self.hasher,
            chunk: number,
            fields: chunk.fields,
            section: self.section,
            bytes,
        };
        if self.sift.is_by_chunk() {
            let start = self.starts[self.chunk] as usize;
            let end = self.starts[self.chunk + 1] as usize;
            let passed = self.sift.keep(&piece, tags, &mut self.indices[start..end]);
            // Where the next section finds them.
            self.starts[self.chunk] = u32::try_from(self.kept).expect("an index fits");
            self.indices.copy_within(start..start + passed, self.kept);
            self.kept += passed;
        } else {
            self.kept = self.sift.keep(&piece, tags, &mut self.indices);
            self.indices.truncate(self.kept);
        }
        self.chunk += 1;
        if self.chunk == self.chunks.len() && self.section == 0 {
            if let Some(end) = self.starts.last_mut() {
                *end = u32::try_from(self.kept).expect("an index fits");
            }
            (self.section, self.chunk, self.kept) = (1, 0, 0);
        }
        Ok(())
    }
}

/// Indices of the tags, chunk by chunk, and where each chunk's start.
fn deal(hasher: &TagHasher, chunks: u32, tags: &[Tag]) -> (Vec<u32>, Vec<u32>) {
    assert!(u32::try_from(tags.len()).is_ok(), "at most 2^32 tags");
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below the number of chunks"
    )]
    let chunk_of = |hash| scale(hash, chunks.into()).0 as usize;
    // Counted at the chunk's end, then counted down to its start: hashing twice takes less than remembering.
    let mut starts = vec![0; chunks as usize + 1];
    hasher.hash_each(tags, |hash| starts[chunk_of(hash)] += 1);
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut indices = vec![0; tags.len()];
    let mut index = 0;
    hasher.hash_each(tags, |hash| {
        let start = &mut starts[chunk_of(hash)];
        *start -= 1;
        indices[*start as usize] = index;
        index += 1;
    });
    (starts, indices)
}
