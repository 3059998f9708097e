//! The self-check's phone: redeems, uploads and downloads over a socket, as any phone does.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use rand::CryptoRng;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;
use truyvet_crypto::{
    Day, DisclosedKey,
    token::{Blinding, ReportType, Token, TokenMetadata},
};
use truyvet_matching::Region;
use truyvet_proto::{
    padding::pad,
    v1::{self as pb, report_service_client::ReportServiceClient},
};

use crate::{http::Dialer, settings::TlsFiles};

/// On one connection. Errors are texts for operators, without code, token or key.
pub(crate) struct OwnPhone(Channel);

impl OwnPhone {
    /// - `public`: where the public listener is bound.
    pub(crate) async fn connect(
        public: SocketAddr,
        tls: Option<&TlsFiles>,
    ) -> Result<Self, String> {
        let dialer = Dialer::new(public, tls)?;
        // The name is for the request's head alone; the dialer decides where to go, and whether by TLS.
        let channel = Endpoint::from_static("http://localhost")
            .connect_with_connector(tower::service_fn(move |_| dialer.clone().dial()))
            .await;
        channel.map(Self).map_err(|error| with_causes(&error))
    }

    /// Turns a code into a token.
    pub(crate) async fn redeem(
        &self,
        upload_code: &str,
        public_key: &[u8; 32],
        rng: &mut impl CryptoRng,
    ) -> Result<Token, String> {
        let blinding = Blinding::generate(rng);
        let element = blinding.element().to_vec();
        let request = pb::RedeemRequest::new(upload_code.to_owned(), element);
        let mut client = ReportServiceClient::new(self.0.clone());
        let answer = client.redeem(request).await;
        let granted = answer.and_then(|answer| answer.into_inner().into_result());
        let granted = granted.map_err(|status| of_status(&status))?;
        let metadata = granted.metadata.ok_or("no metadata")?;
        let report_type = u8::try_from(metadata.report_type).ok();
        let metadata = TokenMetadata {
            report_type: report_type
                .and_then(ReportType::from_byte)
                .ok_or("no report type")?,
            first_day: Day::from_number(metadata.first_day),
            last_day: Day::from_number(metadata.last_day),
        };
        blinding
            .finish(
                &granted.evaluated_element,
                &granted.proof,
                metadata,
                public_key,
            )
            .map_err(|error| error.to_string())
    }

    /// Uploads one key.
    ///
    /// - `size`: that every upload has, in bytes.
    pub(crate) async fn upload(
        &self,
        token: &Token,
        region: Region,
        key: &DisclosedKey,
        size: usize,
    ) -> Result<(), String> {
        let mut request = pb::UploadRequest {
            token: Some(pb::UploadToken {
                nonce: token.nonce.to_vec(),
                metadata: Some(pb::TokenMetadata {
                    report_type: token.metadata.report_type.byte().into(),
                    first_day: token.metadata.first_day.number(),
                    last_day: token.metadata.last_day.number(),
                }),
                output: token.output.to_vec(),
            }),
            region: region.to_string(),
            keys: vec![pb::DisclosedKey {
                scheme: key.scheme().byte().into(),
                day: key.day().number(),
                secret: key.secret().to_vec(),
                slots: key.slots().as_bytes().to_vec(),
            }],
            padding: Vec::new(),
            decoy: false,
        };
        pad(&mut request, size).map_err(|_| "an upload of another size")?;
        let mut client = ReportServiceClient::new(self.0.clone());
        let answer = client.upload(request).await;
        let taken = answer.and_then(|answer| answer.into_inner().into_result());
        taken.map_err(|status| of_status(&status))
    }

    /// What stands at a path.
    pub(crate) async fn get(&self, path: String, max_bytes: usize) -> Result<Bytes, String> {
        let request = axum::http::Request::get(path)
            .body(tonic::body::Body::empty())
            .map_err(|error| error.to_string())?;
        let answer = self.0.clone().oneshot(request).await;
        let answer = answer.map_err(|error| with_causes(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("HTTP status {status}"));
        }
        let body = to_bytes(Body::new(answer.into_body()), max_bytes).await;
        body.map_err(|error| with_causes(&error))
    }
}

fn of_status(status: &tonic::Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// The library's own text says only that something failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
