//! One kind of call to several servers: each connection goes to the next of them.

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
};

use tonic::transport::Channel;
use truyvet_proto::v1::report_service_client::ReportServiceClient;

use crate::load::{
    drive::{Calls, Failure},
    phones,
    remote::Remote,
};

/// Calls of phones, dealt out.
pub(super) struct Dealt<C> {
    pub(super) of: C,
    /// Never empty.
    to: Vec<Remote>,
    next: AtomicUsize,
}

impl<C> Dealt<C> {
    /// - `to`: one server or more.
    pub(super) fn new(of: C, to: Vec<Remote>) -> Self {
        Self {
            of,
            to,
            next: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> &Remote {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        &self.to[number % self.to.len()]
    }
}

impl<C: Calls<Line = ReportServiceClient<Channel>>> Calls for Dealt<C> {
    type Line = ReportServiceClient<Channel>;
    type Answer = C::Answer;

    fn count(&self) -> usize {
        self.of.count()
    }

    fn share(line: &Self::Line) -> Option<Self::Line> {
        C::share(line)
    }

    fn connect(&self) -> impl Future<Output = Result<Self::Line, Failure>> + Send {
        phones::report_client(self.next())
    }

    fn call(
        &self,
        line: &mut Self::Line,
        number: usize,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send {
        self.of.call(line, number)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[test]
    fn connections_are_dealt_out_evenly() {
        let to: Vec<Remote> = [1, 2, 3]
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .iter()
            .map(|&address| Remote::new(address, None).unwrap())
            .collect();
        let dealt = Dealt::new((), to);
        let hosts: Vec<String> = (0..6).map(|_| dealt.next().host()).collect();
        assert_eq!(hosts[..3], hosts[3..]);
        assert_eq!(hosts[0], "127.0.0.1:1");
        assert_eq!(hosts[2], "127.0.0.1:3");
    }
}
