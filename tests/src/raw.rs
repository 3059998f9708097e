//! A client that says exactly what it is told to, also what no honest phone would.

use prost::Message as _;
use rand::{Rng as _, rngs::StdRng};
use tonic::{IntoRequest, Status, transport::Channel};
use truyvet_crypto::{
    Day, DisclosedKey, Receipt, Scheme, SlotSet, Tag,
    token::{Blinding, ReportType, Token, TokenMetadata},
};
use truyvet_proto::{
    padding::pad,
    v1::{
        self as pb, Config, GetConfigRequest, GrantedToken, RedeemRequest, UploadRequest,
        UploadToken, exposure_service_client::ExposureServiceClient,
        report_service_client::ReportServiceClient,
    },
};

use crate::world::{channel, rng};

/// A client without manners.
pub struct RawPhone {
    /// `ReportService`.
    pub report: ReportServiceClient<Channel>,
    /// `ExposureService`.
    pub exposure: ExposureServiceClient<Channel>,
    /// The deployment's configuration, unverified.
    pub config: Config,
    rng: StdRng,
}

impl RawPhone {
    /// Connects and asks for the configuration.
    pub async fn connect(url: &str, seed: u64) -> Self {
        Self::over(channel(url).await, seed).await
    }

    /// Over a channel that is there; asks for the configuration.
    pub async fn over(channel: Channel, seed: u64) -> Self {
        let mut exposure = ExposureServiceClient::new(channel.clone());
        let answer = exposure.get_config(GetConfigRequest {}).await;
        let signed = answer.expect("a configuration").into_inner().config;
        let payload = signed.expect("signed").payload;
        Self {
            report: ReportServiceClient::new(channel),
            exposure,
            config: Config::decode(payload.as_slice()).expect("a configuration"),
            rng: rng(seed),
        }
    }

    /// The deployment's scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        let byte = u8::try_from(self.config.scheme).expect("a scheme");
        Scheme::from_byte(byte).expect("a scheme")
    }

    /// A blinded nonce.
    pub fn blinding(&mut self) -> Blinding {
        Blinding::generate(&mut self.rng)
    }

    /// Presents a code.
    pub async fn redeem_with(&mut self, code: &str, blinding: &Blinding) -> Result<Token, Status> {
        let request = RedeemRequest::new(code.to_owned(), blinding.element().to_vec());
        let answer = self.send_redeem(request).await?;
        let metadata = answer.metadata.expect("metadata");
        let report_type = u8::try_from(metadata.report_type).expect("a report type");
        let metadata = TokenMetadata {
            report_type: ReportType::from_byte(report_type).expect("a report type"),
            first_day: Day::from_number(metadata.first_day),
            last_day: Day::from_number(metadata.last_day),
        };
        let key = self.config.token_public_key.as_slice().try_into();
        Ok(blinding
            .finish(
                &answer.evaluated_element,
                &answer.proof,
                metadata,
                key.expect("32 bytes"),
            )
            .expect("the proof holds"))
    }

    /// Sends a redeem request as it is.
    pub async fn send_redeem(
        &mut self,
        request: impl IntoRequest<RedeemRequest>,
    ) -> Result<GrantedToken, Status> {
        self.report
            .redeem(request)
            .await?
            .into_inner()
            .into_result()
    }

    /// Turns a code into a token.
    pub async fn redeem(&mut self, code: &str) -> Result<Token, Status> {
        let blinding = self.blinding();
        self.redeem_with(code, &blinding).await
    }

    /// A day's secret and all its slots.
    pub fn key(&mut self, day: Day) -> DisclosedKey {
        let scheme = self.scheme();
        let mut secret = vec![0; scheme.day_secret_bytes()];
        self.rng.fill_bytes(&mut secret);
        DisclosedKey::disclose(scheme, day, &secret, SlotSet::full(scheme)).expect("a whole day")
    }

    /// An upload of these keys, padded to the size that every upload has.
    #[must_use]
    pub fn request(&self, token: &Token, keys: &[DisclosedKey]) -> UploadRequest {
        self.padded(UploadRequest {
            token: Some(upload_token(token)),
            region: "VN".into(),
            keys: keys.iter().map(disclosed_key).collect(),
            ..UploadRequest::default()
        })
    }

    /// A request that takes back what these receipts are for, padded to the size that every upload has.
    #[must_use]
    pub fn withdrawal(&self, token: &Token, receipts: &[Receipt]) -> UploadRequest {
        self.padded(UploadRequest {
            token: Some(upload_token(token)),
            region: "VN".into(),
            keys: receipts.iter().map(receipt).collect(),
            ..UploadRequest::default()
        })
    }

    /// Fills up with padding (or leaves as it is what is too long already).
    #[must_use]
    pub fn padded(&self, mut request: UploadRequest) -> UploadRequest {
        // What is too long is for the server to refuse.
        let _ = pad(&mut request, self.config.upload_bytes as usize);
        request
    }

    /// Sends an upload.
    pub async fn upload(&mut self, request: UploadRequest) -> Result<(), Status> {
        self.report
            .upload(request)
            .await?
            .into_inner()
            .into_result()
    }
}

/// The tags of keys.
#[must_use]
pub fn tags(keys: &[DisclosedKey]) -> Vec<Tag> {
    keys.iter()
        .flat_map(DisclosedKey::tags)
        .map(|(_, tag)| tag)
        .collect()
}

/// A token as it goes over the wire.
#[must_use]
pub fn upload_token(token: &Token) -> UploadToken {
    UploadToken {
        nonce: token.nonce.to_vec(),
        metadata: Some(pb::TokenMetadata {
            report_type: token.metadata.report_type.byte().into(),
            first_day: token.metadata.first_day.number(),
            last_day: token.metadata.last_day.number(),
        }),
        output: token.output.to_vec(),
    }
}

/// A receipt as it goes over the wire: where a key would be.
#[must_use]
pub fn receipt(receipt: &Receipt) -> pb::DisclosedKey {
    pb::DisclosedKey {
        scheme: receipt.scheme().byte().into(),
        day: receipt.day().number(),
        secret: receipt.proof().to_vec(),
        slots: receipt.slots().as_bytes().to_vec(),
    }
}

/// A key as it goes over the wire.
#[must_use]
pub fn disclosed_key(key: &DisclosedKey) -> pb::DisclosedKey {
    pb::DisclosedKey {
        scheme: key.scheme().byte().into(),
        day: key.day().number(),
        secret: key.secret().to_vec(),
        slots: key.slots().as_bytes().to_vec(),
    }
}
