//! A certificate as somebody else has fetched it and checked its chain.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::time::Timestamp;

/// A provider's certificate. Whoever makes one vouches for its chain to a public root: this crate
/// has neither the roots nor a network.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Where it was fetched: what a delivery must name to have it used. Empty for one that the
    /// operator has pinned, which counts whatever a delivery names.
    pub url: String,
    /// The SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// The names it is for: the common name and the alternative ones.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
}

/// Where PayPal's certificates are, and nobody else's.
const PAYPAL_HOSTS: [&str; 4] = [
    "api.paypal.com",
    "api-m.paypal.com",
    "api.sandbox.paypal.com",
    "api-m.sandbox.paypal.com",
];

/// Whether `url` is one of PayPal's own for certificates. Whoever fetches a certificate asks this
/// first: the URL comes from the sender.
pub fn is_paypal_certificate_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let Some((host, path)) = rest.split_once('/') else {
        return false;
    };
    let Some(name) = path.strip_prefix("v1/notifications/certs/") else {
        return false;
    };
    // No user, port, query, fragment or way up: exactly one name in exactly that folder.
    PAYPAL_HOSTS.contains(&host)
        && (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl Certificate {
    /// Whether it is PayPal's and was valid at `when`.
    pub(super) fn is_paypals(&self, when: Timestamp) -> bool {
        let is_paypals = |name: &String| {
            let name = name.to_ascii_lowercase();
            name == "paypal.com" || name.ends_with(".paypal.com")
        };
        self.names.iter().any(is_paypals) && self.not_before <= when && when <= self.not_after
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("url", &self.url)
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paypals_own_folder_is_where_certificates_come_from() {
        let good = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594";
        assert!(is_paypal_certificate_url(good));
        for bad in [
            "http://api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
            "https://evil.example/v1/notifications/certs/CERT-1",
            "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
            "https://user@api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
            "https://api.paypal.com/v1/notifications/certs/../../x",
            "https://api.paypal.com/v1/notifications/certs/",
            "https://api.paypal.com/v1/notifications/certs/CERT-1?x",
            "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
            "https://api.paypal.com/v1/notifications/certs/a/b",
            "https://www.paypal.com/v1/notifications/certs/CERT-1",
            "HTTPS://api.paypal.com/v1/notifications/certs/CERT-1",
            "",
        ] {
            assert!(!is_paypal_certificate_url(bad), "{bad}");
        }
    }
}
