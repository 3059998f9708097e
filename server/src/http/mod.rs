//! The HTTP edge: index and batches for phones and CDNs, health for operators, and the listeners themselves.

mod date;
mod conditions;
mod dial;
mod downloads;
mod listener;
mod ops;
mod zero_copy;

pub(crate) use date::dated;
pub(crate) use dial::Dialer;
pub(crate) use downloads::download_routes;
pub use listener::ListenError;
pub(crate) use listener::{Listener, Peer, tls_acceptor};
pub(crate) use ops::ops_routes;
