//! What our addresses speak TLS with: certificate, key, protocols.

use std::{fs, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring::Ticketer,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::NoServerSessionStorage,
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
    resume(&mut config).map_err(|e| key_error(e.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Lets a peer who was here before take its session up again, which spares both the certificate and its signature.
///
/// The server keeps nothing: what it would have to remember is in a ticket that the peer keeps, under a key that lives in
/// memory alone and is replaced every six hours. Whoever presents a ticket says that it was here before, to the server; on
/// the wire a ticket is seen once, since each connection gives one and no more. Phones take no session up again when
/// they upload. No early data: what can be sent twice by somebody else must not change anything.
fn resume(config: &mut ServerConfig) -> Result<(), rustls::Error> {
    config.ticketer = Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    Ok(())
}
