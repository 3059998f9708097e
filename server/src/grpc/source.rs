//! Where a call came from, for the brake on guesses of codes alone.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Once,
};

use tonic::Request;
use tracing::warn;

use crate::{authorize::Source, http::Peer, settings::Settings};

/// The source of a call: who is connected or, behind proxies of our own, whom they name.
pub(super) fn source<T>(settings: &Settings, request: &Request<T>) -> Source {
    // The listener says who is connected. Whoever mounts these services elsewhere has one source for all.
    let peer = request
        .extensions()
        .get()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| *address);
    let values = request.metadata().get_all("x-forwarded-for");
    let values: Vec<&str> = values.iter().filter_map(|v| v.to_str().ok()).collect();
    let proxies = &settings.trusted_proxies;
    if proxies.is_empty() && !values.is_empty() {
        warn_of_unknown_proxy();
    }
    Source::behind_proxies(peer, values.into_iter(), proxies)
}

/// Once: anybody can send that header.
fn warn_of_unknown_proxy() {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        warn!(
            "a call names whom it was forwarded for. If a proxy of yours does that, name it in trusted_proxies: all phones \
             behind it count as one that guesses codes until then"
        );
    });
}
