//! Where a call came from, as far as the brake needs it: a prefix of the client's address that is never kept, printed or
//! compared with anything outside the brake.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

/// Longest chain of proxies that is looked at: what is further left is the caller's own invention.
const MAX_HOPS: usize = 16;

/// A client's address, cut to what counts as one source. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    bytes: [u8; 7],
}

impl Source {
    /// One IPv4 address, or an IPv6 /48: the reasons stand in `brake`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let mut bytes = [0; 7];
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                bytes[0] = 4;
                bytes[1..5].copy_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                bytes[0] = 6;
                bytes[1..].copy_from_slice(&v6.octets()[..6]);
            }
        }
        Self { bytes }
    }

    /// The source of a call that came through proxies of our own, if it did.
    ///
    /// - `peer`: who is connected.
    /// - `forwarded_for`: the values of `X-Forwarded-For`, in order. Each proxy appends whom it heard; so only what our own
    ///   proxies appended is worth anything, and the rightmost address that is none of theirs is the client's. What
    ///   somebody else wrote is never looked at, so nobody can invent a source for themselves.
    #[must_use]
    pub fn behind_proxies<'a>(
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
        trusted_proxies: &[IpNet],
    ) -> Self {
        let trusted = |address: IpAddr| {
            let address = address.to_canonical();
            trusted_proxies.iter().any(|net| net.contains(&address))
        };
        let mut source = peer;
        let hops = forwarded_for.rev().flat_map(|value| value.rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            if !trusted(source) {
                break;
            }
            // Nothing that our own proxy would write: it stays with the last one that is known.
            let Some(address) = parse_hop(hop.trim()) else {
                break;
            };
            source = address;
        }
        Self::of(source)
    }

    /// What is hashed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}

/// An address, with or without port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| {
        let with_port: std::net::SocketAddr = hop.parse().ok()?;
        Some(with_port.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn source(peer: &str, forwarded_for: &[&str], trusted: &[&str]) -> Source {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        Source::behind_proxies(address(peer), forwarded_for.iter().copied(), &trusted)
    }

    #[test]
    fn an_ipv4_address_and_an_ipv6_48_are_one_source() {
        let same = |a, b| Source::of(address(a)) == Source::of(address(b));
        assert!(same("203.0.113.1", "::ffff:203.0.113.1"));
        assert!(!same("203.0.113.1", "203.0.113.2"));
        assert!(same("2001:db8:1::1", "2001:db8:1:ffff::2"));
        assert!(!same("2001:db8:1::1", "2001:db8:2::1"));
        assert_eq!(format!("{:?}", Source::of(address("::1"))), "Source(..)");
    }

    #[test]
    fn an_invented_header_changes_nothing() {
        for forwarded_for in [&["198.51.100.7"][..], &["10.0.0.1", "::1"], &["x"]] {
            for trusted in [&[][..], &["10.0.0.0/8"]] {
                let source = source("203.0.113.1", forwarded_for, trusted);
                assert_eq!(source, Source::of(address("203.0.113.1")));
            }
        }
    }

    #[test]
    fn behind_our_own_proxies_the_rightmost_stranger_is_the_client() {
        let ours = ["10.0.0.0/8", "2001:db8:f::/48"];
        for (forwarded_for, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            (&["1.1.1.1", "198.51.100.7, 10.0.0.9"], "198.51.100.7"),
            (&["198.51.100.7:4711 ,10.0.0.9"], "198.51.100.7"),
            (&["[2001:db8:1::7]:443"], "2001:db8:1::"),
            (&["198.51.100.7, 2001:db8:f::1"], "198.51.100.7"),
            // Nothing to go by: the proxy itself.
            (&[], "10.0.0.1"),
            (&["unknown"], "10.0.0.1"),
            (&["1.1.1.1, unknown"], "10.0.0.1"),
            (&["10.0.0.5"], "10.0.0.5"),
        ] {
            let source = source("10.0.0.1", forwarded_for, &ours);
            assert_eq!(source, Source::of(address(expected)), "{forwarded_for:?}");
        }
        let long = vec!["10.0.0.2"; 1_000];
        assert_eq!(
            source("10.0.0.1", &long, &ours),
            Source::of(address("10.0.0.2"))
        );
    }
}
