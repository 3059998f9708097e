//! Standard output that may have lost its reader.
//!
//! `truyvet ... | head` has seen enough: the command goes on to its end, and its own exit code stands.

use std::io::{self, Write};

/// Writes through to `W` until its reader is gone, then to nobody.
pub(crate) struct Output<W> {
    inner: W,
    reader_gone: bool,
}

impl<W: Write> Output<W> {
    /// Writes to `inner`.
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            reader_gone: false,
        }
    }

    fn try_unless_gone<T>(
        &mut self,
        into_the_void: T,
        work: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.reader_gone {
            return Ok(into_the_void);
        }
        match work(&mut self.inner) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_gone = true;
                Ok(into_the_void)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_unless_gone(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.try_unless_gone((), Write::flush)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fails in one way.
    pub(crate) struct Fails(pub(crate) io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_is_gone_stops_nothing() {
        let mut output = Output::new(Fails(io::ErrorKind::BrokenPipe));
        writeln!(output, "to nobody").unwrap();
        output.flush().unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut output = Output::new(Fails(io::ErrorKind::StorageFull));
        writeln!(output, "lost").unwrap_err();
        output.flush().unwrap_err();
    }
}
