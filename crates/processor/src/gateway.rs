//! The port to a payment gateway: the only way that money moves.
//!
//! A gateway is asked with an idempotency key that belongs to the event and to what is asked,
//! never to the attempt. Every failure whose outcome is unknown is therefore safe to repeat
//! with the same key, and a gateway that has acted says so again.

pub mod http;
pub mod simulated;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use domain::currency::Currency;
use domain::event::EventKey;
use domain::money::Amount;
use domain::source::SourceName;
use domain::status::PaymentStatus;
use domain::task::TaskFailure;
use domain::time::{Millis, Timestamp};

use self::http::HttpGateway;
use self::simulated::{SimulatedGateway, Sleep};
use crate::digest;
use crate::failure;

/// Where money moves.
pub trait PaymentGateway: Send + Sync {
    /// Settles the payment, once for each idempotency key: asked again with a key that it has
    /// settled, the gateway answers with the same receipt and moves nothing.
    ///
    /// # Errors
    /// See [`GatewayFailure`]; only [`GatewayFailure::is_final`] ones are known to have moved
    /// nothing.
    fn settle(
        &self,
        request: &GatewayRequest,
    ) -> impl Future<Output = Result<GatewayReceipt, GatewayFailure>> + Send;
}

/// What a gateway is asked to settle.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayRequest {
    /// The same for every attempt.
    pub idempotency_key: IdempotencyKey,
    /// The payment, in the provider's words.
    pub payment_id: String,
    /// How much, exactly.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who sent the event, in the sender's words.
    pub provider: String,
    /// The event that is being settled.
    pub event_key: EventKey,
    /// The W3C `traceparent` of this call.
    pub traceparent: String,
    /// When the attempt began.
    pub now: Timestamp,
    /// When the answer stops being waited for.
    pub deadline: Timestamp,
}

/// What a gateway says it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayReceipt {
    /// Its id of what it did.
    pub transaction_id: String,
    /// When it did it; when it was asked, where the gateway does not say.
    pub processed_at: Timestamp,
}

/// Why there is no receipt. The text is the cause that people see: no body, no secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GatewayFailure {
    /// It says no to this payment, and will say so again.
    #[error("the gateway declined the payment{}", said(*status))]
    Declined {
        /// The HTTP status, where there is one.
        status: Option<u16>,
    },
    /// It says no to the request itself: wrong credentials, wrong URL, a form it cannot read.
    #[error("the gateway rejected the request{}", said(Some(*status)))]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// It asks for fewer calls.
    #[error("the gateway asks for fewer calls")]
    RateLimited {
        /// How long it asks to be left alone.
        retry_after: Option<Millis>,
    },
    /// It was not reached, or says that it cannot now. It may have acted all the same.
    #[error("the gateway is unavailable{}", said(*status))]
    Unavailable {
        /// The HTTP status; none when there was no answer at all.
        status: Option<u16>,
        /// How long it asks to be left alone.
        retry_after: Option<Millis>,
    },
    /// No answer in time. Whether it acted is unknown.
    #[error("the payment gateway timed out; whether it acted is unknown")]
    Timeout,
    /// It answered something that is no receipt. Whether it acted is unknown.
    #[error("the gateway's answer cannot be read: {0}")]
    Protocol(ProtocolFault),
}

/// What is wrong with a gateway's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolFault {
    /// A redirection (or another status that is no answer); none is followed, because the
    /// request carries credentials and money.
    #[error("unexpected HTTP status {0}")]
    Status(u16),
    /// Longer than any receipt.
    #[error("too large")]
    TooLarge,
    /// No JSON.
    #[error("not JSON")]
    NotJson,
    /// JSON without a transaction id where the configuration says it is.
    #[error("no transaction id")]
    NoTransactionId,
}

/// What makes a repeated request a repeat, for the gateway.
///
/// 40 characters of `[0-9a-z-]`: the tightest published limit is 45 (Square).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

/// Which try at a payment a key stands for. It rises only when a *final* failure is to be tried
/// anew on a person's word: gateways such as Stripe keep a final failure under its key for a
/// day and repeat it. A retry keeps its generation, whatever went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyGeneration(pub u32);

impl IdempotencyKey {
    /// The key for one `operation` on one event.
    pub fn derive(event: &EventKey, operation: &str, generation: KeyGeneration) -> Self {
        let digest = digest::of(&[
            b"payhook/idempotency-key/1",
            event.digest().as_bytes(),
            operation.as_bytes(),
            &generation.0.to_be_bytes(),
        ]);
        Self(format!("payhook-{}", digest::short_hex(digest, 16)))
    }

    /// The key for one `operation` on a payment in a state that any of several events may tell, such
    /// as a PaymentIntent and its charge: whoever tells it first has it done, and the others find it
    /// done. `part` is the capture that it is about, where a payment is taken in parts.
    pub fn derive_for_state(
        source: &SourceName,
        payment_id: &str,
        (state, part): (PaymentStatus, Option<&str>),
        operation: &str,
        generation: KeyGeneration,
    ) -> Self {
        let digest = digest::of(&[
            b"payhook/idempotency-key/state/1",
            source.as_str().as_bytes(),
            payment_id.as_bytes(),
            state.as_str().as_bytes(),
            part.unwrap_or_default().as_bytes(),
            operation.as_bytes(),
            &generation.0.to_be_bytes(),
        ]);
        Self(format!("payhook-{}", digest::short_hex(digest, 16)))
    }

    /// The key as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl GatewayFailure {
    /// The name that a workflow matches; see [`failure`].
    pub const fn error_name(&self) -> &'static str {
        match self {
            Self::Declined { .. } => failure::PAYMENT_DECLINED,
            Self::Rejected { .. } => failure::GATEWAY_REJECTED,
            Self::RateLimited { .. } => failure::GATEWAY_RATE_LIMITED,
            Self::Unavailable { .. } => failure::GATEWAY_UNAVAILABLE,
            Self::Timeout => failure::GATEWAY_TIMEOUT,
            Self::Protocol(_) => failure::GATEWAY_PROTOCOL_ERROR,
        }
    }

    /// Whether the gateway is known not to have acted, and asking again cannot change that.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Declined { .. } | Self::Rejected { .. } => true,
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Timeout
            | Self::Protocol(_) => false,
        }
    }

    /// How long the gateway asked to be left alone.
    pub const fn retry_after(&self) -> Option<Millis> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Declined { .. } | Self::Rejected { .. } | Self::Timeout | Self::Protocol(_) => {
                None
            }
        }
    }
}

impl From<GatewayFailure> for TaskFailure {
    fn from(failure: GatewayFailure) -> Self {
        failure::failed_until(
            failure.error_name(),
            failure.to_string(),
            failure.retry_after(),
        )
    }
}

/// The gateway that a configuration chose.
#[derive(Debug)]
pub enum AnyGateway<S> {
    /// Moves no money.
    Simulated(SimulatedGateway<S>),
    /// Asks an endpoint.
    Http(HttpGateway),
}

impl<S: Sleep> PaymentGateway for AnyGateway<S> {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        match self {
            Self::Simulated(gateway) => gateway.settle(request).await,
            Self::Http(gateway) => gateway.settle(request).await,
        }
    }
}

impl<G: PaymentGateway> PaymentGateway for Arc<G> {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        G::settle(self, request).await
    }
}

fn said(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| format!(" (HTTP {status})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::event::EventId;

    fn event(id: &str) -> EventKey {
        EventKey {
            source: SourceName::generic(),
            id: EventId::Provider(id.into()),
        }
    }

    #[test]
    fn keys_differ_by_event_operation_and_generation_only() {
        let first = KeyGeneration::default();
        let key = IdempotencyKey::derive(&event("a"), "settle", first);
        assert_eq!(key, IdempotencyKey::derive(&event("a"), "settle", first));
        for other in [
            IdempotencyKey::derive(&event("b"), "settle", first),
            IdempotencyKey::derive(&event("a"), "refund", first),
            IdempotencyKey::derive(&event("a"), "settle", KeyGeneration(1)),
        ] {
            assert_ne!(key, other);
        }
        assert_eq!(key.as_str().len(), 40);
    }

    #[test]
    fn keys_of_a_state_differ_by_source_payment_state_and_part_only() {
        let source = SourceName::generic();
        let first = KeyGeneration::default();
        let key = |payment: &str, state, part| {
            IdempotencyKey::derive_for_state(&source, payment, (state, part), "settle", first)
        };
        let captured = key("p", PaymentStatus::Captured, None);
        assert_eq!(captured, key("p", PaymentStatus::Captured, None));
        for other in [
            key("q", PaymentStatus::Captured, None),
            key("p", PaymentStatus::Authorized, None),
            key("p", PaymentStatus::Captured, Some("c1")),
        ] {
            assert_ne!(captured, other);
        }
        // As below: never change it.
        assert_eq!(
            captured.as_str(),
            "payhook-6b7844fc02df9aa3ce4faa2ba1d8f7a7"
        );
    }

    #[test]
    fn the_key_of_an_event_never_changes() {
        // A release that made other keys would move money twice for every payment that is
        // being retried while it is installed.
        let key = IdempotencyKey::derive(&event("evt_1"), "settle", KeyGeneration::default());
        assert_eq!(key.as_str(), "payhook-ee682d92f781cca07fbec677b0814786");
    }

    #[test]
    fn every_failure_has_its_name_its_finality_and_its_wait() {
        let wait = Some(Millis::new(5));
        for (failure, name, is_final, retry_after) in [
            (
                GatewayFailure::Declined { status: None },
                "PaymentDeclined",
                true,
                None,
            ),
            (
                GatewayFailure::Rejected { status: 401 },
                "GatewayRejected",
                true,
                None,
            ),
            (
                GatewayFailure::RateLimited { retry_after: wait },
                "GatewayRateLimited",
                false,
                wait,
            ),
            (
                GatewayFailure::Unavailable {
                    status: Some(503),
                    retry_after: wait,
                },
                "GatewayUnavailable",
                false,
                wait,
            ),
            (GatewayFailure::Timeout, "GatewayTimeout", false, None),
            (
                GatewayFailure::Protocol(ProtocolFault::NotJson),
                "GatewayProtocolError",
                false,
                None,
            ),
        ] {
            assert_eq!(failure.is_final(), is_final, "{name}");
            let failed = TaskFailure::from(failure);
            assert_eq!((&*failed.error, failed.retry_after), (name, retry_after));
            assert!(!failed.cause.is_empty());
        }
    }
}
