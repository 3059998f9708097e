//! The HTTP edge: index and batches for phones and CDNs, health for operators, and the listeners themselves.

mod bodies;
mod certificate;
mod conditions;
mod date;
mod dial;
mod downloads;
mod guard;
mod listener;
mod ops;
mod tls;
mod zero_copy;

pub(crate) use certificate::Certificate;
pub(crate) use date::dated;
pub(crate) use dial::Dialer;
pub(crate) use downloads::download_routes;
pub(crate) use guard::DRAIN_TIMEOUT;
pub use listener::ListenError;
pub(crate) use listener::{Listener, Peer};
pub(crate) use ops::ops_routes;
pub(crate) use tls::tls_acceptor;
