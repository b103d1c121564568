//! The quarantine: deliveries that were refused, kept apart and bounded.
//!
//! What stands here has claimed no event key and means nothing. It is kept because the fault
//! may be ours — a wrong secret, a reader that is too strict — and then it can be judged again.

use std::future::Future;

use domain::admit::Refusal;
use domain::delivery::{BodyHash, RawDelivery};
use domain::source::SourceName;
use domain::time::Timestamp;
use domain::trace::TraceId;
use serde::{Deserialize, Serialize};

use super::{Page, Unavailable};

/// A delivery on its way into the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedDelivery {
    /// The delivery.
    pub delivery: RawDelivery,
    /// Why it is here.
    pub reason: QuarantineReason,
    /// The trace of the request that brought it.
    pub trace: TraceId,
}

/// Why a delivery was refused, as a stable word for listings, metrics and scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineReason {
    /// The signature header is absent or empty.
    SignatureMissing,
    /// The signature header is repeated.
    SignatureRepeated,
    /// The signature is not in the scheme's form.
    SignatureMalformed,
    /// No live secret matches.
    SignatureMismatch,
    /// The signed time is too far from ours, or none.
    SignatureExpired,
    /// The certificate that it is signed with cannot be trusted, or was not to be had.
    CertificateUntrusted,
    /// The sender is known, but the body is not signed, and the source's policy wants that.
    NotVerified,
    /// The provider signs nothing, or too little, and its API could not be asked.
    MustFetch,
    /// The provider's API knows nothing of what it tells.
    UnknownToProvider,
    /// It holds card data, and the source's policy is to set that apart.
    CardData,
    /// Signed, but no JSON.
    MalformedJson,
    /// Signed, but a required field is missing.
    MissingField,
    /// Signed, but a value makes no sense.
    InvalidValue,
}

/// How much the quarantine may hold. The oldest make room for the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineBounds {
    /// Most deliveries.
    pub deliveries_max: u64,
    /// Most bytes of bodies and headers together.
    pub bytes_max: u64,
}

/// A quarantined delivery in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedSummary {
    /// Its place in the quarantine; never used again.
    pub id: u64,
    /// The source whose URL was called.
    pub source: SourceName,
    /// The hash of its body: with the source, what makes it one.
    pub body_hash: BodyHash,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// Why it is here: the reason of its latest arrival.
    pub reason: QuarantineReason,
    /// When it first came.
    pub first_received_at: Timestamp,
    /// When it last came.
    pub last_received_at: Timestamp,
    /// How often it came.
    pub count: u64,
    /// The trace of its latest arrival.
    pub trace: TraceId,
}

/// The role that keeps refused deliveries: the front door's part.
pub trait Quarantine {
    /// Keeps a refused delivery. One with the same source and body counts up, and its headers,
    /// reason and time become the newer ones. When `bounds` are passed the oldest go.
    fn quarantine(
        &self,
        refused: QuarantinedDelivery,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// The role that shows them and lets them go: the operator's part.
pub trait QuarantineWard: Quarantine {
    /// Forgets a delivery that was judged again and taken into custody.
    fn discharge(&self, id: u64) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// What is in quarantine, newest first by id, below `before` where it is given.
    fn list_quarantined(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<QuarantinedSummary>, Unavailable>;

    /// One of them with its bytes. `received_at` is its latest arrival.
    fn quarantined(
        &self,
        id: u64,
    ) -> Result<Option<(QuarantinedSummary, RawDelivery)>, Unavailable>;
}

impl QuarantineReason {
    /// Every reason, in the order of precedence.
    pub const ALL: [Self; 13] = [
        Self::SignatureMissing,
        Self::SignatureRepeated,
        Self::SignatureMalformed,
        Self::SignatureExpired,
        Self::CertificateUntrusted,
        Self::SignatureMismatch,
        Self::NotVerified,
        Self::MustFetch,
        Self::UnknownToProvider,
        Self::CardData,
        Self::MalformedJson,
        Self::MissingField,
        Self::InvalidValue,
    ];

    /// The stable word, on the wire and on disk.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::SignatureRepeated => "signature_repeated",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureMismatch => "signature_mismatch",
            Self::SignatureExpired => "signature_expired",
            Self::CertificateUntrusted => "certificate_untrusted",
            Self::NotVerified => "not_verified",
            Self::MustFetch => "must_fetch",
            Self::UnknownToProvider => "unknown_to_provider",
            Self::CardData => "card_data",
            Self::MalformedJson => "malformed_json",
            Self::MissingField => "missing_field",
            Self::InvalidValue => "invalid_value",
        }
    }
}

impl From<Refusal> for QuarantineReason {
    fn from(refusal: Refusal) -> Self {
        use domain::providers::ReadRefusal;
        use domain::signature::SignatureRefusal;
        match refusal {
            Refusal::Signature(
                SignatureRefusal::HeaderMissing | SignatureRefusal::SignedPartMissing,
            ) => Self::SignatureMissing,
            Refusal::Signature(
                SignatureRefusal::TimestampMalformed
                | SignatureRefusal::TimestampTooOld { .. }
                | SignatureRefusal::TimestampInFuture { .. },
            ) => Self::SignatureExpired,
            Refusal::Signature(
                SignatureRefusal::CertificateUntrusted | SignatureRefusal::CertificateUnknown,
            ) => Self::CertificateUntrusted,
            Refusal::Signature(SignatureRefusal::Unsigned) | Refusal::MustFetch => Self::MustFetch,
            Refusal::NotVerified => Self::NotVerified,
            Refusal::UnknownToProvider => Self::UnknownToProvider,
            Refusal::CardData => Self::CardData,
            Refusal::Signature(SignatureRefusal::HeaderRepeated) => Self::SignatureRepeated,
            Refusal::Signature(SignatureRefusal::HeaderMalformed) => Self::SignatureMalformed,
            Refusal::Signature(SignatureRefusal::NoSecretMatches) => Self::SignatureMismatch,
            Refusal::Unreadable(ReadRefusal::MalformedJson) => Self::MalformedJson,
            Refusal::Unreadable(ReadRefusal::MissingField { .. }) => Self::MissingField,
            Refusal::Unreadable(ReadRefusal::InvalidValue { .. }) => Self::InvalidValue,
        }
    }
}
