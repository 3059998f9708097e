//! Requests to the provider: no redirections, ten seconds, a bounded size, TLS unless it is on this machine.

use std::{error::Error as StdError, pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

use crate::settings::is_this_machine;

/// For one request, from the look-up of the name to the last byte.
const TIME: Duration = Duration::from_secs(10);

/// Most bytes of an answer: what a provider says of itself and its keys are some kilobytes.
const MOST_BYTES: usize = 256 << 10;

/// Why there is no answer. Names no part of the request.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// Secrets would travel in plain text.
    #[error("an address of the provider is not https")]
    Plain,
    /// Nobody needs as much.
    #[error("the answer is too large")]
    TooLarge,
    /// No answer, or a broken one.
    #[error("{0}")]
    Request(reqwest::Error),
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error.without_url())
    }
}

impl HttpError {
    /// With what is beneath it: "connection refused" stands three levels down.
    pub(super) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.deepest();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    fn deepest(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Request(error) => error.source(),
            _ => None,
        }
    }
}

/// Sends requests to one provider.
pub(super) struct Http {
    client: reqwest::Client,
    plain: bool,
}

impl Http {
    /// - `issuer`: what speaks https there does so everywhere.
    pub(super) fn new(issuer: &Url) -> Self {
        // Fails if somebody else has named ring already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let plain = issuer.scheme() == "http";
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIME)
            .https_only(!plain);
        if plain {
            // What is on this machine is not reached through another one.
            client = client.no_proxy();
        }
        let client = client.build().expect("there is a TLS to use");
        Self { client, plain }
    }

    /// Whether a browser or we may be sent there.
    pub(super) fn may_reach(&self, url: &Url) -> bool {
        url.scheme() == "https" || (self.plain && url.scheme() == "http" && is_this_machine(url))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        if !self.may_reach(request.url()) {
            return Err(HttpError::Plain);
        }
        let mut answer = self.client.execute(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine() {
        let url = |text| Url::parse(text).unwrap();
        let far = Http::new(&url("https://id.vn"));
        let near = Http::new(&url("http://localhost:1"));
        for (to, by_far, by_near) in [
            ("https://id.vn/token", true, true),
            ("http://id.vn/token", false, false),
            ("http://localhost:2/token", false, true),
            ("file:///etc/passwd", false, false),
        ] {
            assert_eq!(far.may_reach(&url(to)), by_far, "{to}");
            assert_eq!(near.may_reach(&url(to)), by_near, "{to}");
        }
    }
}
