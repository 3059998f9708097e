//! Traces: [`SPANS`] to a collector, by OpenTelemetry's gRPC protocol.
//!
//! A span says which call or which step of a publication it is, when, and how long it took: no peer, no message, no outcome
//! of a phone's call. What a caller says of a trace of its own is not read, so that no phone can be followed by it.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Subscriber, warn};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    registry::LookupSpan,
};
use url::Url;

use super::SPANS;

/// For sending what waits, also when the program stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
#[error("otlp_endpoint: {0}")]
pub struct TracesError(String);

/// Sends traces until stopped. What a collector does not take is dropped; nothing waits for it.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Call it within a tokio runtime. A collector that is not there yet is tried again.
    ///
    /// # Errors
    /// [`TracesError`] if the endpoint cannot be used.
    pub fn start(endpoint: &Url) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint.as_str())
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| TracesError(error.to_string()))?;
        // From nothing: the default one reads whatever the environment says of the machine.
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "truyvet"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// What turns spans into traces: to be put into the subscriber.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("truyvet"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::INFO))
    }

    /// Sends what waits. Blocks: for a thread that may.
    pub fn stop(self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            warn!(%error, "the last traces were not sent");
        }
    }
}
