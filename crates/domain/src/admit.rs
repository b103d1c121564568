//! The front door's decision: raw → verified → read, or refused, in the documented order.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::card::{self, CardPolicy};
use crate::delivery::{Headers, PING, RawDelivery};
use crate::event::PaymentEvent;
use crate::providers::ReadRefusal;
use crate::signature::{Proof, SignatureRefusal};
use crate::source::{Handling, Source};

/// A delivery that we may take custody of: its sender is known, its meaning is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    delivery: RawDelivery,
    secret_label: String,
    vouched: Vouched,
    events: Vec<PaymentEvent>,
    is_masked: bool,
}

/// Who says that what a delivery tells is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vouched {
    /// Its signature covers its bytes.
    Verified,
    /// Its sender is known by a token, or by a signature that covers a part of it.
    Authenticated,
    /// The provider's own API was asked, and the body is its answer.
    Fetched,
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
    /// The sender is known, but nothing says that the body is as it was sent, and this source
    /// wants more.
    #[error("the sender is known, but the body is not signed")]
    NotVerified,
    /// What it says must be asked of the provider's API before it counts. No refusal yet: whoever
    /// can should fetch, and [`admit_fetched`].
    #[error("the truth must be fetched from the provider")]
    MustFetch,
    /// The provider's API knows nothing of what it tells.
    #[error("the provider knows nothing of it")]
    UnknownToProvider,
    /// It holds a card number or a security code, and the source's policy is to set that apart. The
    /// delivery that comes back holds it no more.
    #[error("it holds card data")]
    CardData,
    /// The sender is known, but the body says nothing that can be read.
    #[error(transparent)]
    Unreadable(#[from] ReadRefusal),
}

/// Decides whether a delivery is taken in.
///
/// The signature is judged first, over the exact bytes and at the time they were received;
/// the body is parsed only for a sender that is known.
///
/// # Errors
/// See [`Refusal`]. The delivery comes back with it.
pub fn admit(delivery: RawDelivery, source: &Source) -> Result<Admitted, Refused> {
    let proof = match source.provider.verify(delivery, &source.secrets) {
        Ok(proof) => proof,
        Err((SignatureRefusal::Unsigned, delivery)) => {
            return Err(Refused {
                refusal: Refusal::MustFetch,
                delivery,
            });
        }
        Err((refusal, delivery)) => {
            return Err(Refused {
                refusal: refusal.into(),
                delivery,
            });
        }
    };
    let vouched = match (&proof, source.when_authenticated) {
        (Proof::Verified(_), _) => Vouched::Verified,
        (Proof::Authenticated(_), Handling::Accept) => Vouched::Authenticated,
        (Proof::Authenticated(_), Handling::Quarantine) => {
            return Err(Refused {
                refusal: Refusal::NotVerified,
                delivery: proof.into_inner(),
            });
        }
        (Proof::Authenticated(_), Handling::Fetch) => {
            return Err(Refused {
                refusal: Refusal::MustFetch,
                delivery: proof.into_inner(),
            });
        }
    };
    match source.provider.read(&proof) {
        Ok(events) => Admitted {
            secret_label: proof.secret_label().to_owned(),
            delivery: proof.into_inner(),
            vouched,
            events,
            is_masked: false,
        }
        .under(source.provider.settings().card_data),
        Err(refusal) => Err(Refused {
            refusal: refusal.into(),
            delivery: proof.into_inner(),
        }),
    }
}

/// Takes in what the provider's own API has answered about `hint`, which may be as wrong as it
/// likes. The caller vouches that `truth` came from that API, over TLS and with our credentials.
/// The answer is the body from here on; the hint's own is kept beside it.
///
/// # Errors
/// See [`Refusal::Unreadable`]; only the generic source's.
pub fn admit_fetched(
    hint: RawDelivery,
    truth: Bytes,
    source: &Source,
) -> Result<Admitted, Refused> {
    let own = hint
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value)));
    let headers = Headers::new(own.chain([(PING.to_owned(), hint.body.clone())]));
    let delivery = RawDelivery {
        source: hint.source,
        headers,
        body: truth,
        received_at: hint.received_at,
    };
    match source.provider.read_fetched(&delivery) {
        Ok(mut events) => {
            for meaning in events.iter_mut().filter_map(|event| event.meaning.as_mut()) {
                // An API writes the same event with other bytes than the webhook does.
                meaning.by_content = true;
            }
            Admitted {
                delivery,
                secret_label: "fetched".to_owned(),
                vouched: Vouched::Fetched,
                events,
                is_masked: false,
            }
            .under(source.provider.settings().card_data)
        }
        Err(refusal) => Err(Refused {
            refusal: refusal.into(),
            delivery,
        }),
    }
}

impl Refused {
    /// The delivery as it may be kept: without card data, unless the source's policy is to keep them.
    #[must_use]
    pub fn without_card_data(mut self, source: &Source) -> Self {
        match source.provider.settings().card_data {
            CardPolicy::Keep => {}
            CardPolicy::Mask | CardPolicy::Quarantine => {
                if let Some(body) = card::masked(&self.delivery.body) {
                    self.delivery.body = body;
                }
            }
        }
        self
    }
}

impl Admitted {
    /// What the source's policy makes of it: its events were read, so that only what is kept changes.
    fn under(mut self, policy: CardPolicy) -> Result<Self, Refused> {
        let masked = match policy {
            CardPolicy::Keep => None,
            CardPolicy::Mask | CardPolicy::Quarantine => card::masked(&self.delivery.body),
        };
        let Some(body) = masked else {
            return Ok(self);
        };
        self.delivery.body = body;
        self.is_masked = true;
        match policy {
            CardPolicy::Mask | CardPolicy::Keep => Ok(self),
            CardPolicy::Quarantine => Err(Refused {
                refusal: Refusal::CardData,
                delivery: self.delivery,
            }),
        }
    }

    /// Whether card data were written over in its body.
    pub fn is_masked(&self) -> bool {
        self.is_masked
    }

    /// The delivery.
    pub fn delivery(&self) -> &RawDelivery {
        &self.delivery
    }

    /// The label of the secret that proved it.
    pub fn secret_label(&self) -> &str {
        &self.secret_label
    }

    /// Who says that it is so.
    pub fn vouched(&self) -> Vouched {
        self.vouched
    }

    /// The events it carries, at least one, in the order of the body.
    pub fn events(&self) -> &[PaymentEvent] {
        &self.events
    }
}

impl Vouched {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Authenticated => "authenticated",
            Self::Fetched => "fetched",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::limits;
    use crate::providers::Provider;
    use crate::providers::{ProviderId, Settings};
    use crate::secret::Secret;
    use crate::signature::Draft;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use alloc::format;
    use alloc::string::{String, ToString};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn source() -> Source {
        Source {
            name: SourceName::generic(),
            provider: Provider::try_new(ProviderId::Generic, Settings::default()).unwrap(),
            secrets: alloc::vec![Secret::new("only", "s3cret")],
            when_authenticated: Handling::Accept,
        }
    }

    fn signed(body: &[u8]) -> RawDelivery {
        let draft = Draft {
            body: Bytes::copy_from_slice(body),
            ..Draft::default()
        };
        let (source, now) = (source(), Timestamp::from_millis(0));
        let signed = source
            .provider
            .scheme()
            .sign(draft, &source.secrets[0], now);
        signed.unwrap().delivery(SourceName::generic(), now)
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
