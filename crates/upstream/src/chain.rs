//! A certificate with its chain: read, and judged by the public roots.

use domain::signature::Certificate;
use domain::time::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, SubjectAltName};

use crate::settings::InvalidUpstream;

/// Most certificates of one chain: the leaf, and more intermediate ones than any public root has.
const CHAIN_MAX: usize = 8;

/// Where a certificate says that its issuer's is (RFC 5280, section 4.2.2.1).
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// The roots that a chain may lead to.
pub(crate) struct Roots(Vec<TrustAnchor<'static>>);

/// A leaf and whatever intermediate certificates are known. Nothing of it has been believed yet.
pub(crate) struct Chain(Vec<CertificateDer<'static>>);

/// Why there is no certificate to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotHeld {
    /// It leads to no root, as far as its certificates are known.
    Open,
    /// It does not hold.
    Untrusted,
    /// It is none.
    Unreadable,
}

/// A certificate that somebody here has chosen to trust, as PEM: its chain is nobody's question,
/// and it counts whatever URL a delivery names. The first of several counts.
///
/// # Errors
/// [`NoCertificate`] for a text without a certificate in it that can be read.
pub fn pinned_certificate(pem: &[u8]) -> Result<Certificate, NoCertificate> {
    let chain = Chain::parse(pem).ok_or(NoCertificate)?;
    let leaf = chain.0.first().ok_or(NoCertificate)?;
    read("", leaf).ok_or(NoCertificate)
}

/// A text that holds no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no certificate in PEM")]
pub struct NoCertificate;

impl Chain {
    /// The certificates of a PEM text, the leaf first. `None` when there are none, or too many.
    pub(crate) fn parse(pem: &[u8]) -> Option<Self> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
            .take(CHAIN_MAX + 1)
            .collect();
        let chain = chain.ok()?;
        (1..=CHAIN_MAX)
            .contains(&chain.len())
            .then_some(Self(chain))
    }

    /// The chain with one more certificate (DER) at its end.
    pub(crate) fn push(&mut self, der: Vec<u8>) {
        self.0.push(CertificateDer::from(der));
    }

    /// Where the last certificate says that its issuer's is.
    pub(crate) fn issuer_url(&self) -> Option<String> {
        let last = x509_cert::Certificate::from_der(self.0.last()?).ok()?;
        let access = last.tbs_certificate().get_extension();
        let (_, AuthorityInfoAccessSyntax(access)) = access.ok()??;
        for each in access {
            if let GeneralName::UniformResourceIdentifier(url) = each.access_location
                && each.access_method == CA_ISSUERS
            {
                return Some(url.to_string());
            }
        }
        None
    }
}

impl Roots {
    /// Mozilla's public roots, and these (DER).
    pub(crate) fn try_new(extra: &[Vec<u8>]) -> Result<Self, InvalidUpstream> {
        let mut roots = Vec::new();
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            // One that cannot be read is trusted by nobody.
            if let Ok(anchor) = webpki::anchor_from_trusted_cert(root) {
                roots.push(anchor.to_owned());
            }
        }
        for root in extra {
            let root = CertificateDer::from(root.as_slice());
            let anchor = webpki::anchor_from_trusted_cert(&root);
            roots.push(anchor.map_err(|_| InvalidUpstream::Root)?.to_owned());
        }
        Ok(Self(roots))
    }

    /// The leaf of a chain that leads to a root at `now`, as what is at `url`.
    pub(crate) fn judge(
        &self,
        url: &str,
        Chain(chain): &Chain,
        now: Timestamp,
    ) -> Result<Certificate, NotHeld> {
        let (leaf, intermediates) = chain.split_first().ok_or(NotHeld::Unreadable)?;
        let now = UnixTime::since_unix_epoch(now.since(Timestamp::from_millis(0)).to_duration());
        let held = EndEntityCert::try_from(leaf)
            .map_err(|_| NotHeld::Unreadable)?
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &self.0,
                intermediates,
                now,
                // PayPal signs with a web server's certificate.
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map(drop);
        match held {
            Ok(()) => read(url, leaf).ok_or(NotHeld::Unreadable),
            Err(webpki::Error::UnknownIssuer) => Err(NotHeld::Open),
            Err(_) => Err(NotHeld::Untrusted),
        }
    }
}

/// What is needed of a certificate whose chain holds.
fn read(url: &str, leaf: &[u8]) -> Option<Certificate> {
    let leaf = x509_cert::Certificate::from_der(leaf).ok()?;
    let leaf = leaf.tbs_certificate();
    let common_name = leaf.subject().common_name().ok().flatten();
    let mut names: Vec<String> = common_name
        .map(|name| name.value().into_owned())
        .into_iter()
        .collect();
    let alternative = leaf.get_extension::<SubjectAltName>().ok()?;
    for name in alternative.into_iter().flat_map(|(_, names)| names.0) {
        if let GeneralName::DnsName(name) = name {
            let name = name.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let time = |time: x509_cert::time::Time| {
        let millis = time.to_unix_duration().as_millis();
        Some(Timestamp::from_millis(i64::try_from(millis).ok()?))
    };
    Some(Certificate {
        url: url.to_owned(),
        public_key: leaf.subject_public_key_info().to_der().ok()?,
        names,
        not_before: time(leaf.validity().not_before)?,
        not_after: time(leaf.validity().not_after)?,
    })
}
