//! What phones send, made ahead: a code with a blinded nonce, then the upload that its token pays for.
//!
//! Blinding and unblinding cost a phone as much as the server's answer costs the server. They are done before and after a
//! measurement, on all processors, so that they take nothing from it.

use std::{future::Future, thread, time::Duration};

use anyhow::{Context as _, anyhow};
use prost::Message as _;
use rand::{
    Rng as _, SeedableRng as _,
    rngs::{StdRng, SysRng},
};
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};
use truyvet_crypto::{
    Day, DisclosedKey, Scheme, SlotSet, Timestamp,
    token::{Blinding, ReportType, Token, TokenMetadata},
};
use truyvet_proto::{
    padding::pad,
    v1::{self as pb, report_service_client::ReportServiceClient},
};

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
            ..pb::UploadRequest::default()
        })
    }

    fn padded(&self, mut request: pb::UploadRequest) -> anyhow::Result<pb::UploadRequest> {
        pad(&mut request, self.upload_bytes)
            .map_err(|error| anyhow!("an upload of {} bytes: {error:?}", self.upload_bytes))?;
        Ok(request)
    }
}

/// A redeem call that is ready to be made.
pub(super) struct Redeem {
    request: pb::RedeemRequest,
    /// None: a decoy.
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
        Ok(match code {
            Some(code) => Redeem {
                request: pb::RedeemRequest::new(code, blinding.element().to_vec()),
                blinding: Some(blinding),
            },
            None => Redeem {
                request: pb::RedeemRequest::decoy(),
                blinding: None,
            },
        })
    })
}

/// An upload that is ready to be sent.
pub(super) struct Upload {
    request: pb::UploadRequest,
    /// How long its phone waited for the token, or for what a decoy got.
    pub(super) redeemed_in: Duration,
    pub(super) decoy: bool,
}

/// A redeem call's number, how long it took and what it gave.
///
/// Nothing: a decoy.
pub(super) type Granted = (usize, Duration, Option<pb::GrantedToken>);

/// Unblinds what was granted and builds an upload of each; a decoy's redemption is followed by its upload.
pub(super) fn uploads(
    deployment: &Deployment,
    redeems: &[Redeem],
    granted: Vec<Granted>,
) -> anyhow::Result<Vec<Upload>> {
    on_all_processors(granted, |(number, redeemed_in, answer), rng| {
        let Some(answer) = answer else {
            let request = pb::UploadRequest::decoy(deployment.upload_bytes)
                .map_err(|error| anyhow!("a decoy: {error:?}"))?;
            return Ok(Upload {
                request,
                redeemed_in,
                decoy: true,
            });
        };
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
            decoy: false,
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
    /// `None`: of a decoy.
    type Answer = Option<pb::GrantedToken>;

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
        let answer = line.redeem(request).await?.into_inner();
        let granted = answer.into_result()?;
        Ok((!decoy).then_some(granted))
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
        let answer = line.upload(upload.request.clone()).await?.into_inner();
        Ok(answer.into_result()?)
    }
}

/// A new connection of a phone.
pub(super) async fn report_client(to: &Remote) -> Result<ReportServiceClient<Channel>, Failure> {
    Ok(ReportServiceClient::new(to.grpc().await?))
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::token::{BlindedNonce, TokenIssuer};
    use truyvet_proto::uniform::REDEEM_REQUEST_BYTES;

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
        for redeem in &mixed {
            assert_eq!(redeem.request.decoy, redeem.blinding.is_none());
            assert_eq!(redeem.request.encoded_len(), REDEEM_REQUEST_BYTES);
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
        let answer = pb::GrantedToken {
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
        let uploads = uploads(
            &deployment,
            &redeems,
            vec![(0, took, Some(answer)), (0, took, None)],
        )
        .unwrap();
        let [
            Upload {
                request,
                redeemed_in,
                decoy: false,
            },
            decoy,
        ] = &*uploads
        else {
            panic!("one code, one decoy, {} uploads", uploads.len());
        };
        assert!(decoy.decoy && decoy.request.decoy);
        assert_eq!(decoy.request.encoded_len(), 1_024);
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
