//! Reads text files line by line, numbered from 1, so that an error can name the line.
//!
//! Plain or gzip, told by the magic bytes. What the lines mean is for the callers.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;

/// No line of ours comes near; a file without line ends must not fill the memory.
const MAX_LINE_BYTES: u64 = 4_096;

/// Why a line could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    /// The compressed stream stops before its end.
    #[error("the gzip data ends in the middle: the file was cut off")]
    TruncatedGzip,
    /// The compressed stream is damaged.
    #[error("the gzip data is damaged: {0}")]
    DamagedGzip(io::Error),
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("not text (UTF-8)")]
    NotText,
    /// The file system said no.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

/// The lines of one file.
pub(crate) struct Lines {
    reader: Box<dyn BufRead>,
    gzip: bool,
    number: u64,
}

impl Lines {
    /// Opens a file.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// The lines of any bytes.
    pub(crate) fn new(mut bytes: impl Read + 'static) -> io::Result<Self> {
        let mut magic = Vec::new();
        bytes.by_ref().take(2).read_to_end(&mut magic)?;
        let gzip = magic == [0x1f, 0x8b];
        let whole = Cursor::new(magic).chain(bytes);
        let reader: Box<dyn BufRead> = if gzip {
            Box::new(BufReader::new(MultiGzDecoder::new(whole)))
        } else {
            Box::new(BufReader::new(whole))
        };
        Ok(Self {
            reader,
            gzip,
            number: 0,
        })
    }

    /// Number of the line that [`Self::read`] last tried to read; counts from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` after the last.
    pub(crate) fn read(&mut self) -> Result<Option<String>, ReadFault> {
        self.number += 1;
        let mut line = Vec::new();
        (&mut self.reader)
            .take(MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| self.fault(error))?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(ReadFault::TooLong);
        }
        let line = String::from_utf8(line).map_err(|_| ReadFault::NotText)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }

    fn fault(&self, error: io::Error) -> ReadFault {
        match (self.gzip, error.kind()) {
            (true, io::ErrorKind::UnexpectedEof) => ReadFault::TruncatedGzip,
            (true, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                ReadFault::DamagedGzip(error)
            }
            _ => ReadFault::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<String>, (u64, ReadFault)> {
        let mut lines = Lines::new(Cursor::new(bytes.to_vec())).unwrap();
        let mut read = Vec::new();
        loop {
            match lines.read() {
                Ok(Some(line)) => read.push(line),
                Ok(None) => return Ok(read),
                Err(fault) => return Err((lines.number(), fault)),
            }
        }
    }

    pub(crate) fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_gzip_give_the_same_lines() {
        let expected = ["a", "", "b"].map(str::to_owned);
        for text in ["a\n\nb\n", "a\r\n\r\nb\r\n", "a\n\nb"] {
            assert_eq!(all(text.as_bytes()).unwrap(), expected);
            assert_eq!(all(&gzip(text)).unwrap(), expected);
        }
        assert_eq!(all(b"").unwrap(), [""; 0]);
        assert_eq!(all(b"x").unwrap(), ["x"]);
    }

    #[test]
    fn a_gzip_cut_off_anywhere_says_so() {
        let whole = gzip(&"some line\n".repeat(1_000));
        for len in [3, 12, whole.len() / 2, whole.len() - 1] {
            let (_, fault) = all(&whole[..len]).unwrap_err();
            assert!(
                matches!(fault, ReadFault::TruncatedGzip),
                "{len}: {fault:?}"
            );
        }
    }

    #[test]
    fn a_damaged_gzip_says_so() {
        let mut damaged = gzip(&"some line\n".repeat(1_000));
        let checksum = damaged.len() - 6;
        damaged[checksum] ^= 1;
        let (_, fault) = all(&damaged).unwrap_err();
        assert!(matches!(fault, ReadFault::DamagedGzip(_)), "{fault:?}");
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_named() {
        let (number, fault) = all(format!("a\n{}\n", "x".repeat(5_000)).as_bytes()).unwrap_err();
        assert!(number == 2 && matches!(fault, ReadFault::TooLong));
        let (number, fault) = all(b"a\nb\n\xff\n").unwrap_err();
        assert!(number == 3 && matches!(fault, ReadFault::NotText));
    }
}
