//! When the TLS certificate ends.

use std::path::Path;

use tracing::warn;

use super::{Metric, Telemetry};

impl Telemetry {
    /// Notes when the certificate ends that is served from now on: to be called whenever one was read.
    ///
    /// - `file`: certificate chain, PEM; the first one in it is the server's own.
    pub fn note_certificate(&self, file: &Path) {
        match std::fs::read(file).ok().and_then(|pem| ends(&pem)) {
            #[expect(clippy::cast_precision_loss, reason = "a time in this millennium")]
            Some(seconds) => self.set(Metric::CertificateEnds, &[], seconds as f64),
            // TLS itself takes certificates that this reader does not know.
            None => warn!("tls_cert: cannot tell when the certificate ends"),
        }
    }
}

/// Unix time after which the first certificate is not valid.
fn ends(pem: &[u8]) -> Option<i64> {
    let (_, first) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let certificate = first.parse_x509().ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for text in [
            "",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(ends(text.as_bytes()), None, "{text}");
        }
    }
}
