//! The certificate that our addresses present; read anew from its files while connections go on.
//!
//! Files that do not fit together keep the pair before in use: whoever renews may replace one a moment before the other.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tracing::{error, info};

use super::ListenError;
use crate::{
    settings::TlsFiles,
    telemetry::{Metric, Telemetry},
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often a pair that does not fit is read again before it counts as broken, and how long after.
const TRIES: u32 = 3;
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What tells a file from the one that was there before: device, inode, length, and both times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp([i128; 5]);

/// The pair in use and the files that it came from.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
    /// Of the files when they were last read, whatever they held.
    seen: Mutex<Option<[Stamp; 2]>>,
}

impl Certificate {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`ListenError::Tls`], naming setting and file.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, ListenError> {
        // Before the files are read: what changes meanwhile is then seen as changed.
        let seen = stamps(files);
        Ok(Self {
            current: RwLock::new(Arc::new(read_pair(files)?)),
            seen: Mutex::new(seen.ok()),
            files: files.clone(),
        })
    }

    /// Looks at the files every minute and reads them when they have changed. Runs until dropped.
    pub(crate) async fn keep_reading(self: Arc<Self>, telemetry: Arc<Telemetry>) {
        // It was read just now.
        let first = tokio::time::Instant::now() + LOOK_EVERY;
        let mut tick = tokio::time::interval_at(first, LOOK_EVERY);
        loop {
            tick.tick().await;
            let changed = self.has_changed();
            if changed {
                self.reload(&telemetry).await;
            }
        }
    }

    /// Reads the files now and presents what they hold to new connections. Says how that went: true, they are in use.
    pub(crate) async fn reload(self: &Arc<Self>, telemetry: &Telemetry) -> bool {
        let mut tries = 1;
        let outcome = loop {
            let here = Arc::clone(self);
            let outcome = tokio::task::spawn_blocking(move || here.read_again()).await;
            match outcome {
                Ok(Err(_)) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                }
                Ok(outcome) => break outcome.map_err(|error| error.to_string()),
                Err(error) => break Err(error.to_string()),
            }
        };
        match outcome {
            Ok(()) => {
                info!("the TLS certificate was read anew");
                telemetry.note_certificate(&self.files.cert);
                telemetry.count(Metric::CertificateReloads, &["ok"]);
                true
            }
            Err(error) => {
                error!(%error, "the TLS certificate before stays in use");
                telemetry.count(Metric::CertificateReloads, &["failed"]);
                false
            }
        }
    }

    /// Whether the files are others than when they were last read. Files that are gone for a moment have not changed yet.
    fn has_changed(&self) -> bool {
        let now = stamps(&self.files);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        now.is_ok_and(|now| seen.as_ref() != Some(&now))
    }

    fn read_again(&self) -> Result<(), ListenError> {
        let stamps = stamps(&self.files).ok();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamps;
        let pair = Arc::new(read_pair(&self.files)?);
        // Replaced whole: a panic cannot leave it half-changed.
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// Certificate chain and key, which belong together.
fn read_pair(files: &TlsFiles) -> Result<CertifiedKey, ListenError> {
    let cert_error = |reason: String| at("tls_cert", &files.cert, reason);
    let key_error = |reason: String| at("tls_key", &files.key, reason);
    let pem = fs::read(&files.cert).map_err(|e| cert_error(e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| cert_error(e.to_string()))?;
    let pem = zeroize::Zeroizing::new(fs::read(&files.key).map_err(|e| key_error(e.to_string()))?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| key_error(e.to_string()))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|e| cert_error(e.to_string()))
}

fn at(setting: &'static str, path: &Path, reason: String) -> ListenError {
    let path = PathBuf::from(path);
    ListenError::Tls {
        setting,
        path,
        reason,
    }
}

fn stamps(files: &TlsFiles) -> io::Result<[Stamp; 2]> {
    let stamp = |path: &Path| {
        let file = fs::metadata(path)?;
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Ok::<_, io::Error>(Stamp([
            file.dev().into(),
            file.ino().into(),
            file.len().into(),
            nanoseconds(file.mtime(), file.mtime_nsec()),
            nanoseconds(file.ctime(), file.ctime_nsec()),
        ]))
    };
    Ok([stamp(&files.cert)?, stamp(&files.key)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(files: &TlsFiles, which: [bool; 2]) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        if which[0] {
            fs::write(&files.cert, made.cert.pem()).unwrap();
        }
        if which[1] {
            fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        }
        made.cert.der().to_vec()
    }

    fn presented(certificate: &Certificate) -> Vec<u8> {
        certificate.current.read().unwrap().cert[0].to_vec()
    }

    #[tokio::test]
    async fn a_pair_that_does_not_fit_keeps_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        let first = write_pair(&files, [true, true]);
        let certificate = Arc::new(Certificate::read(&files).unwrap());
        let telemetry = Telemetry::new();
        assert!(!certificate.has_changed());

        // The certificate of one pair, the key of another.
        write_pair(&files, [true, false]);
        assert!(certificate.has_changed());
        assert!(!certificate.reload(&telemetry).await);
        assert_eq!(presented(&certificate), first);
        // Read once; until it changes again there is nothing to be said.
        assert!(!certificate.has_changed());

        fs::remove_file(&files.key).unwrap();
        assert!(!certificate.has_changed());
        assert!(!certificate.reload(&telemetry).await);
        assert_eq!(presented(&certificate), first);

        let second = write_pair(&files, [true, true]);
        assert!(certificate.has_changed());
        assert!(certificate.reload(&telemetry).await);
        assert_eq!(presented(&certificate), second);
        for (outcome, times) in [("ok", 1.0), ("failed", 2.0)] {
            let counted = telemetry.value(Metric::CertificateReloads, &[outcome]);
            assert!((counted - times).abs() < 1e-9, "{outcome}: {counted}");
        }
    }

    #[tokio::test]
    async fn the_second_file_may_come_a_moment_after_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        write_pair(&files, [true, true]);
        let certificate = Arc::new(Certificate::read(&files).unwrap());
        let telemetry = Telemetry::new();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(&files.cert, made.cert.pem()).unwrap();
        let replaced = async {
            tokio::time::sleep(TRY_AGAIN_AFTER / 2).await;
            fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        };
        let (in_use, ()) = tokio::join!(certificate.reload(&telemetry), replaced);
        assert!(in_use);
        assert_eq!(presented(&certificate), made.cert.der().to_vec());
    }
}
