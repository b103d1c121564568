//! The providers: how each one's deliveries are verified and read. One variant, one file.

pub mod generic;

use alloc::vec::Vec;

use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::secret::Secret;
use crate::signature::{SignatureRefusal, Verified};

/// A way of signing and of writing payment events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// The seed's wire contract: a MAC over the body in one header, a flat JSON object.
    Generic(generic::Generic),
}

/// Why a verified delivery cannot be read. In order of precedence.
///
/// Names fields, never values: it is answered to the sender and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReadRefusal {
    /// The body is no JSON, or no JSON object.
    #[error("Malformed JSON")]
    MalformedJson,
    /// A field without which the event is about nothing.
    #[error("Missing required field: {field}")]
    MissingField {
        /// Its name on the wire.
        field: &'static str,
    },
    /// A field whose value makes no sense.
    #[error("Invalid value for {field}: {problem}")]
    InvalidValue {
        /// Its name on the wire.
        field: &'static str,
        /// What is wrong with it, without the value.
        problem: &'static str,
    },
}

impl Provider {
    /// Proves who sent the delivery, at the time it was received; gives it back when it
    /// proves nothing.
    pub fn verify(
        &self,
        delivery: RawDelivery,
        secrets: &[Secret],
    ) -> Result<Verified<RawDelivery>, (SignatureRefusal, RawDelivery)> {
        match self {
            Self::Generic(generic) => generic.verify(delivery, secrets),
        }
    }

    /// Reads the events out of a delivery whose sender is known. At least one on success.
    pub fn read(&self, delivery: &Verified<RawDelivery>) -> Result<Vec<PaymentEvent>, ReadRefusal> {
        match self {
            Self::Generic(generic) => generic.read(delivery),
        }
    }
}
