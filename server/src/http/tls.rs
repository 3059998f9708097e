//! What our addresses speak TLS with: protocols, sessions, and who says which certificate.

use std::sync::Arc;

use rustls::{ServerConfig, crypto::ring::Ticketer, server::NoServerSessionStorage};
use tokio_rustls::TlsAcceptor;

use super::Certificate;

/// Presents whatever `certificate` holds when a connection begins.
pub(crate) fn tls_acceptor(certificate: Arc<Certificate>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has what these versions need")
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    resume(&mut config).expect("the system has randomness");
    TlsAcceptor::from(Arc::new(config))
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
