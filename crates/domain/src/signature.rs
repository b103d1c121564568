//! Proof that a delivery was sent by who holds the secret.
//!
//! A check leaves a proof: [`Verified`] has a private field and one constructor, called only in
//! this module, after a comparison that succeeded. Whatever must not happen to an unproven
//! delivery asks for a proof, and then forgetting the check does not compile. What proves less is
//! another type: [`Authenticated`] for a sender who shows a token that covers no byte of the body.
//!
//! A [`Scheme`] is how one provider signs. Most are an [`HmacScheme`], which is data; those that
//! are like no other have a file each.

mod adyen_items;
mod bearer;
mod braintree;
mod certificate;
mod encoding;
mod hmac;
mod hook0;
mod keyed;
mod mac;
mod paypal;
mod proof;
mod rsa_body;
mod scheme;
mod standard;
mod standard_signer;
mod template;
mod timestamp;

pub use adyen_items::{item_text, signed_text};
pub use bearer::TokenScheme;
pub use braintree::challenge_answer;
pub use certificate::{Certificate, is_paypal_certificate_url};
pub use encoding::SignatureEncoding;
pub use hmac::{HeaderForm, HmacScheme, KeyForm, Prefix};
pub use mac::HmacAlgorithm;
pub use proof::{Authenticated, Proof, ProofKind, Verified};
pub use scheme::{Draft, NotSignable, Scheme, Signed};
pub use standard_signer::{InvalidSigningKey, StandardHeaders, StandardSigner};
pub use template::{InvalidTemplate, Template};
pub use timestamp::{TimeSource, TimeUnit, TimestampRule};

pub(crate) use encoding::{base64_lenient, decode as decode_signature};
pub(crate) use keyed::KeyedOnce;
pub(crate) use mac::{Keyed, Mac};
pub(crate) use scheme::Claims;
pub(crate) use standard::{TOLERANCE as STANDARD_TOLERANCE, signed_id as standard_id};
pub(crate) use template::Filling;

use crate::time::Millis;

/// Why a delivery proves nothing. In order of precedence: the first that applies is given.
///
/// It carries no byte of the delivery and may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureRefusal {
    /// The signature header is absent or empty. The sender is not configured to sign.
    #[error("the signature header is missing")]
    HeaderMissing,
    /// The header stands there more than once; choosing one would let a proxy choose for us.
    #[error("the signature header is repeated")]
    HeaderRepeated,
    /// The signature is not in the scheme's form, encoding or length.
    #[error("the signature header is malformed")]
    HeaderMalformed,
    /// Something else that the signature covers is not there: another header, a part of the URL.
    #[error("a signed part of the request is missing")]
    SignedPartMissing,
    /// The signed time is absent or no time.
    #[error("the signed timestamp is missing or malformed")]
    TimestampMalformed,
    /// The signed time lies further in the past than the source allows: a replay, a retry that
    /// took too long, or a wrong clock.
    #[error("the signed timestamp is {} s old", .age.get() / 1000)]
    TimestampTooOld {
        /// How old it was when it was received.
        age: Millis,
    },
    /// The signed time lies further in the future than the source allows: a wrong clock.
    #[error("the signed timestamp is {} s ahead", .ahead.get() / 1000)]
    TimestampInFuture {
        /// How far ahead of our clock it was.
        ahead: Millis,
    },
    /// The certificate is not from where the provider's certificates are, is not the provider's,
    /// or was not valid then.
    #[error("the signing certificate cannot be trusted")]
    CertificateUntrusted,
    /// The certificate is not known here yet. Whoever can should fetch it and ask again.
    #[error("the signing certificate is not known")]
    CertificateUnknown,
    /// No live secret of the source gives this signature over these bytes.
    #[error("no live secret of this source matches the signature")]
    NoSecretMatches,
    /// The provider signs nothing: only its API can tell whether it is true.
    #[error("the provider does not sign; the truth must be fetched")]
    Unsigned,
}
