//! SIGHUP: new connections get the certificate that lies there now, or the one before if it is broken.

use std::{fs, net::SocketAddr, path::Path};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::{DEADLINE, Serving, get, text};

/// Writes a certificate and its key and gives the certificate.
fn renew(cert: &Path, key: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(cert, made.cert.pem()).unwrap();
    fs::write(key, made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

/// Whether a client that trusts this certificate alone gets through.
async fn presents(address: SocketAddr, cert: &str) -> bool {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(cert))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.is_ok()
}

/// Waits until that many reloads came to this.
async fn reloads(server: &Serving, outcome: &str, count: u32) {
    let line = format!("truyvet_certificate_reloads_total{{outcome=\"{outcome}\"}} {count}\n");
    tokio::time::timeout(DEADLINE, async {
        while !get(server.ops, "/metrics").unwrap().contains(&line) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{line}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let first = renew(&cert, &key);
    let tls = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    let server = Serving::start(&folder.path().join("country"), &tls, &[]);
    assert!(presents(server.public, &first).await);

    let second = renew(&cert, &key);
    assert!(!presents(server.public, &second).await);
    server.signal("HUP");
    reloads(&server, "ok", 1).await;
    for address in [server.public, server.staff] {
        assert!(presents(address, &second).await);
        assert!(!presents(address, &first).await);
    }

    fs::write(&cert, "no certificate").unwrap();
    server.signal("HUP");
    reloads(&server, "failed", 1).await;
    assert!(presents(server.public, &second).await);
    let third = renew(&cert, &key);
    server.signal("HUP");
    reloads(&server, "ok", 2).await;
    assert!(presents(server.public, &third).await);
}
