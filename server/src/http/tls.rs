//! What our addresses speak TLS with: certificate, key, protocols.

use std::{fs, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use super::ListenError;
use crate::settings::TlsFiles;

/// Reads certificate and key.
pub(crate) fn tls_acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ListenError> {
    let cert_error = |reason: String| ListenError::Tls {
        setting: "tls_cert",
        path: files.cert.clone(),
        reason,
    };
    let key_error = |reason: String| ListenError::Tls {
        setting: "tls_key",
        path: files.key.clone(),
        reason,
    };
    let pem = fs::read(&files.cert).map_err(|e| cert_error(e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| cert_error(e.to_string()))?;
    let pem = zeroize::Zeroizing::new(fs::read(&files.key).map_err(|e| key_error(e.to_string()))?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| key_error(e.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| cert_error(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| cert_error(e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
