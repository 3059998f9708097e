//! What phones send, made ahead: a code with a blinded nonce, then the upload that its token pays for.
//!
//! Blinding and unblinding cost a phone as much as the server's answer costs the server. They are done before and after a
//! measurement, on all processors, so that they take nothing from it.

use std::{future::Future, thread, time::Duration};

use anyhow::Context as _;
use prost::Message as _;
use rand::{
    Rng as _, SeedableRng as _,
    rngs::{StdRng, SysRng},
};
use tonic::{Code, Request, metadata::AsciiMetadataValue, transport::Channel};
use truyvet_crypto::{
    Day, DisclosedKey, Scheme, SlotSet, Timestamp, UploadCode,
    token::{Blinding, ReportType, Token, TokenMetadata},
};
use truyvet_proto::v1::{self as pb, report_service_client::ReportServiceClient};

use super::{
    drive::{Calls, Failure},
    remote::Remote,
};

/// From first symptoms to the upload; with the two contagious days before them, ten whole days are disclosed.
const DAYS_SINCE_ONSET: u32 = 8;

/// What phones need to know of a deployment. Unverified: nobody stands between.
pub(super) struct Deployment {
    scheme: Scheme,
    upload_bytes: usize,
    token_public_key: [u8; 32],
    pub(super) region: String,
    /// For codes.
    pub(super) onset_day: Day,
}

impl Deployment {
    pub(super) fn new(signed: &pb::Signed) -> anyhow::Result<Self> {
        let config = pb::Config::decode(&*signed.payload)?;
        let today = Timestamp::from_unix_seconds(config.generated_at)
            .context("generated_at")?
            .day();
        Ok(Self {
            scheme: u8::try_from(config.scheme)
                .ok()
                .and_then(Scheme::from_byte)
                .context("an unknown scheme")?,
            upload_bytes: usize::try_from(config.upload_bytes)?,
            token_public_key: (*config.token_public_key).try_into()?,
            region: config.regions.first().context("no region")?.clone(),
            onset_day: today.minus_days(DAYS_SINCE_ONSET.min(config.retention_days)),
        })
    }

    /// The upload of a case that met people on all days that the token covers but today.
    fn upload(&self, token: &Token, rng: &mut StdRng) -> anyhow::Result<pb::UploadRequest> {
        let TokenMetadata {
            first_day,
            last_day,
            ..
        } = token.metadata;
        let keys = (first_day.number()..last_day.number())
            .map(|day| {
                let mut secret = vec![0; self.scheme.day_secret_bytes()];
                rng.fill_bytes(&mut secret);
                let (day, slots) = (Day::from_number(day), SlotSet::full(self.scheme));
                let key = DisclosedKey::disclose(self.scheme, day, &secret, slots)?;
                Ok(pb::DisclosedKey {
                    scheme: key.scheme().byte().into(),
                    day: key.day().number(),
                    secret: key.secret().to_vec(),
                    slots: key.slots().as_bytes().to_vec(),
                })
            })
            .collect::<anyhow::Result<_>>()?;
        self.padded(pb::UploadRequest {
            token: Some(pb::UploadToken {
                nonce: token.nonce.to_vec(),
                metadata: Some(pb::TokenMetadata {
                    report_type: token.metadata.report_type.byte().into(),
                    first_day: first_day.number(),
                    last_day: last_day.number(),
                }),
                output: token.output.to_vec(),
            }),
            region: self.region.clone(),
            keys,
            padding: Vec::new(),
        })
    }

    fn padded(&self, mut request: pb::UploadRequest) -> anyhow::Result<pb::UploadRequest> {
        let bare = request.encoded_len();
        // The field's tag and length take two to four bytes; try which fits.
        for overhead in 2..=4 {
            let padding = self.upload_bytes.saturating_sub(bare + overhead);
            request.padding = vec![0; padding];
            if request.encoded_len() == self.upload_bytes {
                return Ok(request);
            }
        }
        anyhow::bail!(
            "an upload of {bare} bytes cannot be padded to {}",
            self.upload_bytes
        )
    }
}

/// A redeem call that is ready to be made.
pub(super) struct Redeem {
    request: pb::RedeemRequest,
    /// None: a decoy; the code is one that nobody issued.
    blinding: Option<Blinding>,
}

/// Blinds a nonce for each code, and puts decoys among them.
///
/// - `decoys`: which share of all calls, below 1.
pub(super) fn redeems(codes: Vec<String>, decoys: f64) -> anyhow::Result<Vec<Redeem>> {
    let mut presented = Vec::new();
    let mut owed = 0.0;
    for code in codes {
        presented.push(Some(code));
        owed += decoys / (1.0 - decoys);
        while owed >= 1.0 {
            presented.push(None);
            owed -= 1.0;
        }
    }
    on_all_processors(presented, |code, rng| {
        let blinding = Blinding::generate(rng);
        let decoy = code.is_none();
        // Well formed, so that the server has to look it up: one in 10^9 exists.
        let code = code.unwrap_or_else(|| UploadCode::generate(rng).grouped().to_string());
        Ok(Redeem {
            request: pb::RedeemRequest {
                upload_code: code,
                blinded_element: blinding.element().to_vec(),
            },
            blinding: (!decoy).then_some(blinding),
        })
    })
}

/// An upload that is ready to be sent.
pub(super) struct Upload {
    request: pb::UploadRequest,
    /// How long its phone waited for the token.
    pub(super) redeemed_in: Duration,
}

/// A redeem call's number, how long it took and what it gave.
pub(super) type Granted = (usize, Duration, pb::RedeemResponse);

/// Unblinds what was granted and builds an upload of each.
pub(super) fn uploads(
    deployment: &Deployment,
    redeems: &[Redeem],
    granted: Vec<Granted>,
) -> anyhow::Result<Vec<Upload>> {
    on_all_processors(granted, |(number, redeemed_in, answer), rng| {
        let blinding = redeems[number].blinding.as_ref().context("a decoy")?;
        let token = blinding.finish(
            &answer.evaluated_element,
            &answer.proof,
            metadata(answer.metadata)?,
            &deployment.token_public_key,
        )?;
        Ok(Upload {
            request: deployment.upload(&token, rng)?,
            redeemed_in,
        })
    })
}

fn metadata(metadata: Option<pb::TokenMetadata>) -> anyhow::Result<TokenMetadata> {
    let metadata = metadata.context("no metadata")?;
    Ok(TokenMetadata {
        report_type: u8::try_from(metadata.report_type)
            .ok()
            .and_then(ReportType::from_byte)
            .context("an unknown report type")?,
        first_day: Day::from_number(metadata.first_day),
        last_day: Day::from_number(metadata.last_day),
    })
}

/// In the same order, each processor with a generator of its own that the system seeds: a nonce must never come twice,
/// not in another run either.
fn on_all_processors<T: Send, U: Send>(
    items: Vec<T>,
    work: impl Fn(T, &mut StdRng) -> anyhow::Result<U> + Sync,
) -> anyhow::Result<Vec<U>> {
    let processors = thread::available_parallelism()?.get();
    let share = items.len().div_ceil(processors).max(1);
    let mut items = items.into_iter();
    thread::scope(|scope| {
        let mut parts = Vec::new();
        for _ in 0..processors {
            let part: Vec<T> = items.by_ref().take(share).collect();
            let work = &work;
            parts.push(scope.spawn(move || {
                let mut rng = StdRng::try_from_rng(&mut SysRng)?;
                part.into_iter()
                    .map(|item| work(item, &mut rng))
                    .collect::<anyhow::Result<Vec<U>>>()
            }));
        }
        let mut done = Vec::new();
        for part in parts {
            done.extend(part.join().expect("the work does not panic")?);
        }
        Ok(done)
    })
}

/// Who is called: the server, or the echo that takes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// Each message once.
    Server,
    /// From the beginning again when all are sent.
    Echo,
}

impl Whom {
    fn calls(self, messages: usize) -> usize {
        match self {
            Self::Server => messages,
            Self::Echo => usize::MAX,
        }
    }
}

/// Phones that present their codes.
pub(super) struct Redeems {
    pub(super) to: Remote,
    pub(super) whom: Whom,
    pub(super) redeems: Vec<Redeem>,
}

impl Calls for Redeems {
    type Line = ReportServiceClient<Channel>;
    /// `None`: a decoy was turned away.
    type Answer = Option<pb::RedeemResponse>;

    fn count(&self) -> usize {
        self.whom.calls(self.redeems.len())
    }

    fn share(line: &Self::Line) -> Option<Self::Line> {
        Some(line.clone())
    }

    fn connect(&self) -> impl Future<Output = Result<Self::Line, Failure>> + Send {
        report_client(&self.to)
    }

    async fn call(&self, line: &mut Self::Line, number: usize) -> Result<Self::Answer, Failure> {
        let redeem = &self.redeems[number % self.redeems.len()];
        let decoy = redeem.blinding.is_none();
        let mut request = Request::new(redeem.request.clone());
        request
            .metadata_mut()
            .insert("x-forwarded-for", source(number)?);
        match line.redeem(request).await {
            Ok(answer) if !decoy => Ok(Some(answer.into_inner())),
            Ok(_) if self.whom == Whom::Echo => Ok(None),
            Ok(_) => Err(Failure::new("a code was taken that nobody issued")),
            // RESOURCE_EXHAUSTED: a brake on guessing may hold.
            Err(status)
                if decoy
                    && [Code::PermissionDenied, Code::ResourceExhausted]
                        .contains(&status.code()) =>
            {
                Ok(None)
            }
            Err(status) => Err(status.into()),
        }
    }
}

/// An address for each call: phones have one of their own, and a server holds whoever guesses too often.
fn source(number: usize) -> Result<AsciiMetadataValue, Failure> {
    let [.., a, b, c] = number.to_be_bytes();
    let value = format!("10.{a}.{b}.{c}").parse();
    value.map_err(|_| Failure::new("an address is ASCII"))
}

/// Phones that upload.
pub(super) struct Uploads {
    pub(super) to: Remote,
    pub(super) whom: Whom,
    pub(super) uploads: Vec<Upload>,
}

impl Calls for Uploads {
    type Line = ReportServiceClient<Channel>;
    type Answer = ();

    fn count(&self) -> usize {
        self.whom.calls(self.uploads.len())
    }

    fn share(line: &Self::Line) -> Option<Self::Line> {
        Some(line.clone())
    }

    fn connect(&self) -> impl Future<Output = Result<Self::Line, Failure>> + Send {
        report_client(&self.to)
    }

    async fn call(&self, line: &mut Self::Line, number: usize) -> Result<(), Failure> {
        let upload = &self.uploads[number % self.uploads.len()];
        line.upload(upload.request.clone()).await?;
        Ok(())
    }
}

async fn report_client(to: &Remote) -> Result<ReportServiceClient<Channel>, Failure> {
    Ok(ReportServiceClient::new(to.grpc().await?))
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::token::{BlindedNonce, TokenIssuer};

    use super::*;

    const TODAY: u32 = 18_866;

    fn deployment(issuer: &TokenIssuer) -> Deployment {
        Deployment {
            scheme: Scheme::Bluezone,
            upload_bytes: 1_024,
            token_public_key: issuer.public_key(),
            region: "VN".to_owned(),
            onset_day: Day::from_number(TODAY - DAYS_SINCE_ONSET),
        }
    }

    #[test]
    fn decoys_are_spread_among_the_codes_in_their_share() {
        let codes = |count: usize| vec!["2222-222-2222".to_owned(); count];
        assert!(
            redeems(codes(10), 0.0)
                .unwrap()
                .iter()
                .all(|redeem| redeem.blinding.is_some())
        );
        let mixed = redeems(codes(60), 0.25).unwrap();
        let decoys = mixed.iter().filter(|redeem| redeem.blinding.is_none());
        assert!((79..=80).contains(&mixed.len()) && (19..=20).contains(&decoys.clone().count()));
        for decoy in decoys {
            UploadCode::parse(&decoy.request.upload_code).unwrap();
        }
        let first_half = mixed[..40]
            .iter()
            .filter(|redeem| redeem.blinding.is_none());
        assert!((9..=10).contains(&first_half.count()));
    }

    #[test]
    fn a_granted_code_becomes_an_upload_of_the_deployments_size_that_its_token_pays_for() {
        let issuer = TokenIssuer::from_seed(&[1; 32]);
        let deployment = deployment(&issuer);
        let redeems = redeems(vec!["2222-222-2222".to_owned()], 0.0).unwrap();
        let blinded = BlindedNonce::parse(&redeems[0].request.blinded_element).unwrap();
        let granted = TokenMetadata {
            report_type: ReportType::ConfirmedTest,
            first_day: Day::from_number(TODAY - 10),
            last_day: Day::from_number(TODAY),
        };
        let mut rng = StdRng::seed_from_u64(1);
        let evaluation = issuer.evaluate(&blinded, &granted, &mut rng);
        let answer = pb::RedeemResponse {
            evaluated_element: evaluation.element.to_vec(),
            proof: evaluation.proof.to_vec(),
            region: "VN".to_owned(),
            metadata: Some(pb::TokenMetadata {
                report_type: ReportType::ConfirmedTest.byte().into(),
                first_day: TODAY - 10,
                last_day: TODAY,
            }),
        };
        let took = Duration::from_millis(3);
        let uploads = uploads(&deployment, &redeems, vec![(0, took, answer)]).unwrap();
        let [
            Upload {
                request,
                redeemed_in,
            },
        ] = &*uploads
        else {
            panic!("one code, {} uploads", uploads.len());
        };
        assert_eq!((request.encoded_len(), *redeemed_in), (1_024, took));
        let days: Vec<u32> = request.keys.iter().map(|key| key.day).collect();
        assert_eq!(days, (TODAY - 10..TODAY).collect::<Vec<_>>());
        let sent = request.token.as_ref().unwrap();
        let token = Token {
            nonce: (*sent.nonce).try_into().unwrap(),
            metadata: metadata(sent.metadata).unwrap(),
            output: (*sent.output).try_into().unwrap(),
        };
        assert!(issuer.verify(&token));
    }
}
