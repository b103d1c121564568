//! Items that the seed's own functions wrote, before payhook took their table over.
//!
//! They hold `paymentId`, `timestamp`, `amount`, `currency`, `status`, `provider`, `receivedAt`
//! and `rawPayload`, and once processed `transactionId`, `processedAt` and `updatedAt`. There is
//! no event key and no trace; both follow from what there is, the same at every reading.

use bytes::Bytes;
use domain::currency::{Currency, UnknownCurrency};
use domain::delivery::BodyHash;
use domain::event::{EventId, EventKey};
use domain::source::SourceName;
use domain::trace::TraceId;
use sha2::{Digest as _, Sha256};

use crate::attributes::{Item, optional_text};

/// The seed's default for a status that was not sent.
pub(crate) const STATUS: &str = "pending";

/// The seed's default for a provider that was not sent.
pub(crate) const PROVIDER: &str = "unknown";

/// The seed knew one source, without a name, and no event ids: the body is the id, so that two
/// items from one webhook that came twice are settled once at the gateway.
pub(crate) fn event_key(raw_payload: &Bytes) -> EventKey {
    let hash = Sha256::digest(raw_payload);
    EventKey {
        source: SourceName::generic(),
        id: EventId::Body(BodyHash::from_bytes(hash.into())),
    }
}

/// The seed took any text for a currency; lower case is meant as the code in upper case.
pub(crate) fn currency(code: &str) -> Result<Currency, UnknownCurrency> {
    Currency::parse(&code.to_ascii_uppercase())
}

/// A trace of its own for an item that has none.
pub(crate) fn trace(item: &Item) -> TraceId {
    let mut digest = Sha256::new();
    for name in ["paymentId", "receivedAt"] {
        digest.update(optional_text(item, name).unwrap_or_default());
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    TraceId::from_bytes(id)
}
