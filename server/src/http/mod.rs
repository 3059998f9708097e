//! The HTTP edge: index and batches for phones and CDNs, health for operators, and the listeners themselves.

mod bodies;
mod downloads;
mod guard;
mod listener;
mod ops;
mod tls;

pub(crate) use downloads::download_routes;
pub use listener::ListenError;
pub(crate) use listener::{Listener, Peer};
pub(crate) use ops::ops_routes;
pub(crate) use tls::tls_acceptor;
