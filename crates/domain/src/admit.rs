//! The front door's decision: raw → verified → read, or refused, in the documented order.

use alloc::vec::Vec;

use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::providers::ReadRefusal;
use crate::signature::{SignatureRefusal, Verified};
use crate::source::Source;

/// A delivery that we may take custody of: its sender is known, its meaning is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    delivery: Verified<RawDelivery>,
    events: Vec<PaymentEvent>,
}

/// A delivery that we do not take custody of, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The delivery, for the quarantine.
    pub delivery: RawDelivery,
}

/// Why a delivery was refused. All of it is the sender's doing: the same bytes with the same
/// signature will be refused again, as long as our secrets stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Nothing proves who sent it. Judged before a byte of the body is parsed.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// The sender is known, but the body says nothing that can be read.
    #[error(transparent)]
    Unreadable(#[from] ReadRefusal),
}

/// Decides whether a delivery is taken in.
///
/// The signature is judged first, over the exact bytes and at the time they were received;
/// the body is parsed only for a sender that is known.
pub fn admit(delivery: RawDelivery, source: &Source) -> Result<Admitted, Refused> {
    let verified =
        source
            .provider
            .verify(delivery, &source.secrets)
            .map_err(|(refusal, delivery)| Refused {
                refusal: refusal.into(),
                delivery,
            })?;
    match source.provider.read(&verified) {
        Ok(events) => Ok(Admitted {
            delivery: verified,
            events,
        }),
        Err(refusal) => Err(Refused {
            refusal: refusal.into(),
            delivery: verified.into_inner(),
        }),
    }
}

impl Admitted {
    /// The delivery and the proof of its sender.
    pub fn delivery(&self) -> &Verified<RawDelivery> {
        &self.delivery
    }

    /// The events it carries, at least one, in the order of the body.
    pub fn events(&self) -> &[PaymentEvent] {
        &self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::limits;
    use crate::providers::Provider;
    use crate::providers::generic::Generic;
    use crate::secret::Secret;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use alloc::format;
    use alloc::string::{String, ToString};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn source() -> Source {
        Source {
            name: SourceName::generic(),
            provider: Provider::Generic(Generic::default()),
            secrets: alloc::vec![Secret::new("only", "s3cret")],
        }
    }

    fn signed(body: &[u8]) -> RawDelivery {
        let signature = Generic::default().scheme.sign(b"s3cret", body);
        RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new([("x-webhook-signature", Bytes::from(signature))]),
            body: Bytes::copy_from_slice(body),
            received_at: Timestamp::from_millis(0),
        }
    }

    fn check(body: &str, expected: &str) {
        let found = match admit(signed(body.as_bytes()), &source()) {
            Ok(admitted) => {
                let event = &admitted.events()[0];
                format!(
                    "{} {} {} {} {} {}",
                    event.payment_id,
                    event.amount,
                    event.currency,
                    event.status,
                    event.provider,
                    match &event.key.id {
                        crate::event::EventId::Provider(id) => id.clone(),
                        crate::event::EventId::Body(_) => "by-body".to_string(),
                    }
                )
            }
            Err(refused) => refused.refusal.to_string(),
        };
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn a_generic_body_is_read_as_the_seed_read_it() {
        check(r#"{"paymentId":"p"}"#, "p 0 USD pending unknown by-body");
        check(
            r#"{"paymentId":"p","amount":99.99,"currency":"EUR","status":"paid","provider":"stripe","eventId":"e1"}"#,
            "p 99.99 EUR paid stripe e1",
        );
        check(
            r#"{"paymentId":"p","amount":null,"currency":null,"status":null,"provider":null,"eventId":null}"#,
            "p 0 USD pending unknown by-body",
        );
        check(
            r#"{"paymentId":"p","amount":"","currency":"","status":"","provider":"","eventId":""}"#,
            "p 0 USD pending unknown by-body",
        );
        check(
            r#"{"paymentId":"p","amount":"12.50","extra":{"a":[1]}}"#,
            "p 12.5 USD pending unknown by-body",
        );
        check(
            r#"{"paymentId":"\u00e9\"p"}"#,
            "é\"p 0 USD pending unknown by-body",
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_the_first_field_that_is_wrong() {
        for body in [
            "",
            "nonsense",
            "[]",
            r#"["p", 1, "USD", "pending", "stripe", "e1"]"#,
            "1",
            "null",
            r#"{"paymentId":"p""#,
            r#"{"paymentId":"p"} x"#,
            r#"{"paymentId":"p","amount":1,"amount":2}"#,
        ] {
            check(body, "Malformed JSON");
        }
        check("{}", "Missing required field: paymentId");
        check(r#"{"paymentId":null}"#, "Missing required field: paymentId");
        check(
            r#"{"paymentId":"","amount":-1}"#,
            "Missing required field: paymentId",
        );
        check(
            r#"{"paymentId":7}"#,
            "Invalid value for paymentId: not a string",
        );
        check(
            r#"{"paymentId":"a\nb"}"#,
            "Invalid value for paymentId: contains control characters",
        );
        check(
            r#"{"paymentId":"p","amount":-1,"currency":"X"}"#,
            "Invalid value for amount: negative",
        );
        check(
            r#"{"paymentId":"p","amount":"ten"}"#,
            "Invalid value for amount: not a number",
        );
        check(
            r#"{"paymentId":"p","amount":true}"#,
            "Invalid value for amount: not a number",
        );
        check(
            r#"{"paymentId":"p","amount":[1]}"#,
            "Invalid value for amount: not a number",
        );
        check(
            r#"{"paymentId":"p","amount":1e300}"#,
            "Invalid value for amount: out of range",
        );
        check(
            r#"{"paymentId":"p","currency":"usd"}"#,
            "Invalid value for currency: not an ISO 4217 currency code",
        );
        check(
            r#"{"paymentId":"p","currency":1}"#,
            "Invalid value for currency: not a string",
        );
        check(
            r#"{"paymentId":"p","eventId":1}"#,
            "Invalid value for eventId: not a string",
        );
        let longest = "p".repeat(limits::PAYMENT_ID_BYTES_MAX);
        check(
            &format!(r#"{{"paymentId":"{longest}"}}"#),
            &format!("{longest} 0 USD pending unknown by-body"),
        );
        check(
            &format!(r#"{{"paymentId":"{longest}p"}}"#),
            "Invalid value for paymentId: too long",
        );
    }

    #[test]
    fn the_signature_is_judged_before_the_body_is_parsed() {
        let mut delivery = signed(b"not json");
        delivery.headers = Headers::new([("x-webhook-signature", Bytes::from_static(b"00"))]);
        let refused = admit(delivery.clone(), &source()).unwrap_err();
        assert_eq!(
            refused.refusal,
            Refusal::Signature(SignatureRefusal::HeaderMalformed)
        );
        assert_eq!(refused.delivery, delivery);
    }

    proptest! {
        #[test]
        fn no_signed_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = admit(signed(&body), &source());
        }

        #[test]
        fn no_signed_object_panics(name in "[a-zA-Z]{1,10}", value in "\\PC{0,30}", number: f64) {
            for field in ["paymentId", "amount", "currency", "eventId", &name] {
                let body = serde_json::json!({"paymentId": "p", field: value}).to_string();
                let _ = admit(signed(body.as_bytes()), &source());
                let body: String = format!(r#"{{"paymentId":"p","{field}":{number:e}}}"#);
                let _ = admit(signed(body.as_bytes()), &source());
            }
        }
    }
}
