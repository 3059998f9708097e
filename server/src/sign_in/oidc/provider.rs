//! The provider: what it says of itself, where it wants browsers sent, and whom its ID tokens vouch for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use openidconnect::{
    AuthenticationContextClass, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError,
    ClientId, ClientSecret, CsrfToken, DiscoveryError, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, TokenResponse as _,
    core::{
        CoreClient, CoreErrorResponseType, CoreJwsSigningAlgorithm, CoreProviderMetadata,
        CoreResponseType,
    },
};
use tokio::sync::Semaphore;
use tracing::warn;
use truyvet_crypto::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use super::{
    flow::{Flow, NotUsed, Used},
    http::{Http, HttpError},
};
use crate::{
    keys::{KeysError, read_secret},
    settings::{OidcSettings, Settings},
};

/// Where the provider sends browsers back to, on the portal's origin.
const CALLBACK: &str = "portal/oidc/callback";

/// How long what the provider says of itself and its keys is believed without asking again.
const METADATA_SECONDS: i64 = 300;

/// Requests to the provider at a time: anybody can make us send one.
const MOST_TALKS: usize = 16;

/// Signatures that are taken: those whose key is not the client's secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why the provider is of no use this time. The log says more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Too many are at it.
    Busy,
    /// It does not answer, or not as a provider.
    Unavailable,
    /// It does not vouch for anybody, or not as it must.
    Refused,
}

/// The provider that the settings name.
pub(in crate::sign_in) struct Provider {
    settings: OidcSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    secret: ClientSecret,
    http: Http,
    metadata: Mutex<Option<(Timestamp, Arc<CoreProviderMetadata>)>>,
    talks: Semaphore,
    used: Used,
}

impl Provider {
    /// Asks the provider nothing yet: it may be down while this server starts.
    pub(in crate::sign_in) fn of(settings: &Settings) -> Result<Option<Self>, KeysError> {
        let Some(oidc) = settings.oidc.clone() else {
            return Ok(None);
        };
        let secret = read_secret(&oidc.client_secret_file)?;
        let secret = Zeroizing::new(secret.trim().to_owned());
        if secret.is_empty() {
            return Err(KeysError::Malformed(oidc.client_secret_file));
        }
        let redirect = settings.portal_origin.join(CALLBACK);
        let redirect = RedirectUrl::from_url(redirect.expect("a path fits any origin"));
        let issuer = IssuerUrl::new(oidc.issuer.clone()).expect("settings are checked");
        Ok(Some(Self {
            http: Http::new(issuer.url()),
            settings: oidc,
            issuer,
            redirect,
            secret: ClientSecret::new(secret.to_string()),
            metadata: Mutex::default(),
            talks: Semaphore::new(MOST_TALKS),
            used: Used::default(),
        }))
    }

    /// What the provider calls itself.
    pub(super) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Uses a flow up.
    pub(super) fn use_up(&self, flow: &Flow, now: Timestamp) -> Result<(), super::OidcError> {
        self.used.add(flow, now).map_err(|why| match why {
            NotUsed::Again => super::OidcError::Expired,
            NotUsed::Full => super::OidcError::Busy,
        })
    }

    /// Where to send a browser.
    pub(super) async fn authorization(&self, flow: &Flow, now: Timestamp) -> Result<Url, Failure> {
        let metadata = self.metadata(now).await?;
        if !self.http.may_reach(metadata.authorization_endpoint().url()) {
            warn!("the provider wants browsers sent to an address that is not https");
            return Err(Failure::Unavailable);
        }
        let client = CoreClient::from_provider_metadata(
            (*metadata).clone(),
            self.client_id(),
            Some(self.secret.clone()),
        )
        .set_redirect_uri(self.redirect.clone());
        let verifier = PkceCodeVerifier::new(flow.verifier.to_string());
        let state = CsrfToken::new(flow.state.to_string());
        let nonce = Nonce::new(flow.nonce.to_string());
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if let Some(acr) = &self.settings.acr {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        Ok(request.url().0)
    }

    /// Whom the provider vouches for: the subject of the ID token that it gives for the code.
    pub(super) async fn subject(
        &self,
        code: &str,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<Zeroizing<String>, Failure> {
        let metadata = self.metadata(now).await?;
        let client = CoreClient::from_provider_metadata(
            (*metadata).clone(),
            self.client_id(),
            Some(self.secret.clone()),
        )
        .set_redirect_uri(self.redirect.clone());
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| unavailable("it names no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.to_string()));
        let talk = self.talks.try_acquire().map_err(|_| Failure::Busy)?;
        let answer = request.request_async(&self.http).await;
        drop(talk);
        let answer = answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal) => match refusal.error() {
                CoreErrorResponseType::InvalidGrant => refused("it does not know the code"),
                CoreErrorResponseType::InvalidClient => {
                    unavailable("it does not know the portal by this id and secret")
                }
                _ => unavailable("it refuses to exchange the code"),
            },
            RequestTokenError::Request(error) => unavailable(&error.chain()),
            _ => unavailable("its answer to a code cannot be read"),
        })?;
        let token = answer
            .id_token()
            .ok_or_else(|| unavailable("it gave no ID token"))?;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || system_time(now).into())
            .set_auth_context_verifier_fn(|acr| self.is_enough(acr));
        let nonce = Nonce::new(flow.nonce.to_string());
        let claims = token.claims(&verifier, &nonce).map_err(|error| {
            // Perhaps it has other keys since.
            *self.cached() = None;
            refused(fault(&error))
        })?;
        Ok(claims.subject().to_string().into())
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.settings.client_id.clone())
    }

    fn is_enough(&self, acr: Option<&AuthenticationContextClass>) -> Result<(), String> {
        match &self.settings.acr {
            Some(wanted) if acr.is_none_or(|acr| **acr != *wanted) => Err(String::new()),
            _ => Ok(()),
        }
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Option<(Timestamp, Arc<CoreProviderMetadata>)>> {
        // A panic elsewhere cannot leave it half-changed.
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<CoreProviderMetadata>, Failure> {
        if let Some((at, metadata)) = &*self.cached()
            && (0..METADATA_SECONDS).contains(&now.seconds_since(*at))
        {
            return Ok(Arc::clone(metadata));
        }
        let _talk = self.talks.try_acquire().map_err(|_| Failure::Busy)?;
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let found = Arc::new(found.map_err(|error| match error {
            DiscoveryError::Request(error) => unavailable(&HttpError::chain(&error)),
            DiscoveryError::Response(status, ..) => {
                unavailable(&format!("it answers its configuration with {status}"))
            }
            DiscoveryError::Validation(_) => unavailable("it says that it is another issuer"),
            _ => unavailable("its configuration or keys cannot be read"),
        })?);
        *self.cached() = Some((now, Arc::clone(&found)));
        Ok(found)
    }
}

fn system_time(now: Timestamp) -> SystemTime {
    let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The library's own text may hold what stands in the token.
fn fault(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "its ID token has run out: do the clocks agree?",
        ClaimsVerificationError::InvalidAudience(_) => "its ID token is for somebody else",
        ClaimsVerificationError::InvalidAuthContext(_) => "its ID token lacks the acr of oidc_acr",
        ClaimsVerificationError::InvalidIssuer(_) => "its ID token is another issuer's",
        ClaimsVerificationError::InvalidNonce(_) => "its ID token has another nonce",
        ClaimsVerificationError::SignatureVerification(_) => "its ID token's signature is not good",
        _ => "its ID token cannot be used",
    }
}

fn unavailable(reason: &str) -> Failure {
    warn!(reason, "the provider cannot be used");
    Failure::Unavailable
}

fn refused(reason: &str) -> Failure {
    warn!(reason, "the provider did not vouch for anybody");
    Failure::Refused
}
