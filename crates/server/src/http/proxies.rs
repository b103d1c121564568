//! Whose call a request is, when proxies stand before us.
//!
//! A proxy adds at the end of a header the address that it was called from; what stands before that
//! the caller may have written. So the list is walked from its right end, and only as long as the
//! last address known is one of a proxy that is trusted: one lie ends the walk where it was told.
//!
//! Pure. Only an address is taken from these headers: no provider's URL is derived from what a
//! request says of itself, it stands in the configuration.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use engine::ingress::Network;
use serde::{Deserialize, Serialize};

/// The header in which proxies tell whom they were called by. One only: who could choose another
/// would choose what is believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardedHeader {
    /// `X-Forwarded-For: 192.0.2.1, 198.51.100.1`
    #[default]
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1, for="[2001:db8::1]:1234"` (RFC 7239)
    Forwarded,
}

/// The proxies before us.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    /// Whose word is taken.
    pub(crate) trusted: Vec<Network>,
    /// Where they say it.
    pub(crate) header: ForwardedHeader,
}

impl Proxies {
    /// The address that a request from `peer` with these headers is from.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_trusted = |address| self.trusted.iter().any(|one| one.contains(address));
        let mut client = peer.to_canonical();
        if !is_trusted(client) {
            return client;
        }
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        // Lines of the same name are one list, in their order (RFC 9110, section 5.3).
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        for line in lines.into_iter().rev() {
            let Ok(line) = line.to_str() else {
                return client;
            };
            for hop in line.rsplit(',') {
                let address = match self.header {
                    ForwardedHeader::XForwardedFor => address(hop.trim()),
                    ForwardedHeader::Forwarded => forwarded_for(hop),
                };
                let Some(address) = address else {
                    return client;
                };
                client = address;
                if !is_trusted(client) {
                    return client;
                }
            }
        }
        client
    }
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|whole| whole.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// The address of one element's `for`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then_some(value.trim())
    })?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    address(quoted.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(header: ForwardedHeader, peer: &str, lines: &[&str], expected: &str) {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap());
        let proxies = Proxies {
            trusted: trusted.to_vec(),
            header,
        };
        let mut headers = HeaderMap::new();
        let name = match header {
            ForwardedHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            ForwardedHeader::Forwarded => HeaderName::from_static("forwarded"),
        };
        for line in lines {
            headers.append(&name, HeaderValue::from_str(line).unwrap());
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(client.to_string(), expected, "{peer} {lines:?}");
    }

    #[test]
    fn a_list_is_believed_from_its_end_as_far_as_trust_goes() {
        let check = |peer, lines: &[_], expected| {
            check(ForwardedHeader::XForwardedFor, peer, lines, expected);
        };
        // Whoever is no proxy of ours is who they are, whatever they say.
        check("192.0.2.1", &["198.51.100.1"], "192.0.2.1");
        check("192.0.2.1", &[], "192.0.2.1");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1");
        check("2001:db8::1", &["[2001:db9::2]:443"], "2001:db9::2");
        check("10.0.0.1", &["198.51.100.1:4711, 10.0.0.2"], "198.51.100.1");
        // What the caller put there before is not reached.
        check("10.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1");
        check(
            "10.0.0.1",
            &["203.0.113.9", "198.51.100.1, 10.0.0.2"],
            "198.51.100.1",
        );
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
        // What is no address ends it.
        check("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &["198.51.100.1,"], "10.0.0.1");
        check("10.0.0.1", &[""], "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_as_it_is_written() {
        let check = |lines: &[_], expected| {
            check(ForwardedHeader::Forwarded, "10.0.0.1", lines, expected);
        };
        check(&["for=198.51.100.1"], "198.51.100.1");
        check(
            &["for=203.0.113.9, For=\"198.51.100.1:80\";proto=https;by=10.0.0.1"],
            "198.51.100.1",
        );
        check(&["proto=https;for=\"[2001:db9::1]:4711\""], "2001:db9::1");
        check(&["for=198.51.100.1", "for=10.0.0.2"], "198.51.100.1");
        check(&["for=198.51.100.1, for=_hidden"], "10.0.0.1");
        check(&["for=198.51.100.1, for=unknown, for=10.0.0.2"], "10.0.0.2");
        check(&["for=198.51.100.1, proto=https"], "10.0.0.1");
        check(&["198.51.100.1"], "10.0.0.1");
        // A quote that is not closed is nobody's address.
        check(&["for=198.51.100.1, for=\"203.0.113.9"], "10.0.0.1");
    }
}
