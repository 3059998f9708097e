//! Makes the client of a bucket out of the environment.

use std::{env, time::Duration};

use object_store::{
    BackoffConfig, ClientConfigKey, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut},
};

/// How long one request may take, and how long the connection to it, unless the environment says otherwise: a bucket
/// that is away must not hold up a publication, which is tried again every quarter of a minute.
const TIME_LIMITS: [(&str, ClientConfigKey, &str); 2] = [
    ("AWS_TIMEOUT", ClientConfigKey::Timeout, "20s"),
    ("AWS_CONNECT_TIMEOUT", ClientConfigKey::ConnectTimeout, "3s"),
];

/// After this no request is sent again.
const RETRY_LIMIT: Duration = Duration::from_secs(10);

const MAX_RETRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// - `bucket`: its name. Who may write there, and where it is, `AWS_*` says; plain HTTP only with `AWS_ALLOW_HTTP=true`.
pub(super) fn open(bucket: &str) -> Result<AmazonS3, object_store::Error> {
    // Fails if somebody else has named ring already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = AmazonS3Builder::from_env();
    for (variable, key, limit) in TIME_LIMITS {
        if env::var_os(variable).is_none() {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), limit);
        }
    }
    builder
        .with_bucket_name(bucket)
        // Whatever the environment says: without it the last of two servers would win, not the later index.
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: FIRST_PAUSE,
                max_backoff: LONGEST_PAUSE,
                base: 2.0,
            },
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_LIMIT,
        })
        .build()
}

#[cfg(test)]
mod tests {
    use std::{error::Error, iter::successors};

    use object_store::{ObjectStoreExt as _, path::Path};

    use super::*;

    fn builder() -> AmazonS3Builder {
        drop(rustls::crypto::ring::default_provider().install_default());
        AmazonS3Builder::new().with_bucket_name("bucket")
    }

    #[test]
    fn time_limits_have_the_names_and_the_form_that_are_read() {
        for (variable, key, limit) in TIME_LIMITS {
            let read: AmazonS3ConfigKey = variable.to_ascii_lowercase().parse().unwrap();
            assert_eq!(read, AmazonS3ConfigKey::Client(key));
            let built = builder().with_config(read, limit).build();
            assert!(built.is_ok(), "{variable}={limit}");
        }
    }

    #[tokio::test]
    async fn plain_http_is_not_spoken_unless_it_is_allowed() {
        let client = builder()
            .with_access_key_id("key")
            .with_secret_access_key("secret")
            .with_endpoint("http://127.0.0.1:9")
            .build()
            .unwrap();
        let refused = client.get(&Path::from("any")).await.unwrap_err();
        let causes = successors(Some(&refused as &dyn Error), |error: &&dyn Error| {
            (*error).source()
        });
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        assert!(
            causes
                .iter()
                .any(|cause| cause.contains("scheme is not allowed")),
            "{causes:?}"
        );
    }
}
