//! The file that the report goes into, opened before the demo runs.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// A file that can be written. What it held before stays until there is a page to put there.
#[derive(Debug)]
pub(crate) struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Names the file if it cannot be written.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("--report {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Replaces what the file holds.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn write(mut self, page: &str) -> anyhow::Result<()> {
        self.replace(page)
            .with_context(|| format!("--report {}", self.path.display()))
    }

    fn replace(&mut self, page: &str) -> std::io::Result<()> {
        // A pipe or terminal has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(page.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_old_report_stays_until_there_is_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        fs::write(&path, "a long old report").unwrap();
        drop(ReportFile::open(&path).unwrap());
        let file = ReportFile::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a long old report");
        file.write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_file_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none").join("report.html");
        let error = format!("{:#}", ReportFile::open(&path).unwrap_err());
        assert!(error.contains("report.html"), "{error}");
    }
}
