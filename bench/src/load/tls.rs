//! A certificate for one run: made when it starts, gone when it ends.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files of a certificate for 127.0.0.1 and its key, PEM.
pub(super) struct Certificate {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
    pub(super) cert_pem: String,
}

impl Certificate {
    pub(super) fn make(folder: &Path) -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let cert_pem = made.cert.pem();
        fs::write(&cert, &cert_pem)?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        Ok(Self {
            cert,
            key,
            cert_pem,
        })
    }
}
