//! Webhooks of the generic source, made and signed as a genuine sender would.

use bytes::Bytes;
use domain::admit::{self, Admitted};
use domain::currency::Currency;
use domain::delivery::{Headers, RawDelivery};
use domain::event::{EventId, EventKey};
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, Settings, Story};
use domain::secret::Secret;
use domain::signature::Draft;
use domain::source::{Handling, Source, SourceName};
use domain::time::Timestamp;
use domain::trace::{SpanId, TraceContext, TraceId};
use engine::store::{Custody, QuarantineReason, QuarantinedDelivery};
use rand::{Rng, RngExt as _};
use serde_json::{Value, json};

/// The key that every source of [`source`] signs with.
pub const SECRET: &[u8] = b"a secret of the tests";

/// The label of [`SECRET`].
pub const SECRET_LABEL: &str = "testbed";

/// A webhook before it is sent. What is not said otherwise: payment `pay_1`, 10 USD, status
/// `paid`, received at 1000 ms by the source `generic`.
#[derive(Debug, Clone)]
pub struct Webhook {
    source: SourceName,
    event_id: Option<String>,
    payment_id: String,
    amount: String,
    status: String,
    note: Option<String>,
    headers: Vec<(String, Bytes)>,
    received_at: Timestamp,
    trace: TraceContext,
    story: Option<Story>,
}

/// The source of [`random_webhook`]s that are Stripe's.
pub const STRIPE: &str = "stripe";

/// A webhook of Stripe's about the payment `payment`, received at 1000 ms.
pub fn stripe_webhook(event: u32, payment: u32, occasion: Occasion, amount: &str) -> Webhook {
    let story = Story {
        occasion,
        event: format!("{event:016x}"),
        payment: format!("{payment:016x}"),
        amount: Amount::parse(amount).unwrap_or(Amount::ZERO),
        currency: Currency::USD,
        at: Timestamp::from_millis(1_000),
        live: true,
    };
    Webhook {
        story: Some(story),
        ..webhook("").source(STRIPE)
    }
}

/// A webhook about the event `event_id`; an empty id is not sent, and then the body is the id.
pub fn webhook(event_id: &str) -> Webhook {
    Webhook {
        source: SourceName::generic(),
        event_id: (!event_id.is_empty()).then(|| event_id.to_owned()),
        payment_id: "pay_1".to_owned(),
        amount: "10".to_owned(),
        status: "paid".to_owned(),
        note: None,
        headers: Vec::new(),
        received_at: Timestamp::from_millis(1_000),
        trace: TraceId::from_bytes([7; 16]).into(),
        story: None,
    }
}

/// A webhook out of few events, payments and bodies, so that duplicates and conflicts are
/// frequent; received somewhere around `now`.
pub fn random_webhook(rng: &mut impl Rng, now: Timestamp) -> Webhook {
    let event = rng.random_range(0..40_u32);
    if rng.random_ratio(1, 4) {
        let occasion = Occasion::ALL[event as usize % Occasion::ALL.len()];
        let amount = ["10", "12.34"][event as usize % 2];
        return stripe_webhook(event, event % 5, occasion, amount)
            .received_at(now.as_millis() + rng.random_range(-3..=3))
            .trace(rng.random());
    }
    let mut sent = webhook(&format!("evt_{event}"))
        .payment(&format!("pay_{}", event % 7))
        .amount(&format!("{}.{:02}", event, event % 100))
        .status(["paid", "pending", "refunded"][event as usize % 3])
        .received_at(now.as_millis() + rng.random_range(-3..=3))
        .trace(rng.random());
    if rng.random_ratio(1, 8) {
        sent = sent.source("second");
    }
    if rng.random_ratio(1, 6) {
        sent = sent.note(&format!("body {}", rng.random_range(0..3_u32)));
    }
    sent
}

/// The source of this name, with [`SECRET`] as its only secret: Stripe's for [`STRIPE`], and the
/// generic one for every other.
///
/// # Panics
/// When `name` is no name of a source.
pub fn source(name: &str) -> Source {
    let id = if name == STRIPE {
        ProviderId::Stripe
    } else {
        ProviderId::Generic
    };
    Source {
        name: SourceName::try_new(name).expect("a source's name"),
        provider: Provider::try_new(id, Settings::default()).expect("a provider without settings"),
        secrets: vec![Secret::new(SECRET_LABEL, SECRET)],
        when_authenticated: Handling::Accept,
    }
}

impl Webhook {
    /// Sent to this source instead.
    ///
    /// # Panics
    /// When `name` is no name of a source.
    #[must_use]
    pub fn source(mut self, name: &str) -> Self {
        self.source = SourceName::try_new(name).expect("a source's name");
        self
    }

    /// About this payment instead.
    #[must_use]
    pub fn payment(mut self, payment_id: &str) -> Self {
        payment_id.clone_into(&mut self.payment_id);
        self
    }

    /// About this much instead, as a decimal text.
    #[must_use]
    pub fn amount(mut self, amount: &str) -> Self {
        amount.clone_into(&mut self.amount);
        self
    }

    /// With this status in the provider's words instead.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// With a field that nobody reads: other bytes, the same meaning.
    #[must_use]
    pub fn note(mut self, note: &str) -> Self {
        self.note = Some(note.to_owned());
        self
    }

    /// With one more header, before the signature.
    #[must_use]
    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        let value = Bytes::copy_from_slice(value);
        self.headers.push((name.to_owned(), value));
        self
    }

    /// Received at this time instead, in milliseconds since the epoch.
    #[must_use]
    pub fn received_at(mut self, millis: i64) -> Self {
        self.received_at = Timestamp::from_millis(millis);
        self
    }

    /// In this trace instead.
    #[must_use]
    pub fn trace(mut self, bytes: [u8; 16]) -> Self {
        self.trace = TraceId::from_bytes(bytes).into();
        self
    }

    /// Taken in by this span of its trace instead of by none that is recorded.
    #[must_use]
    pub fn span(mut self, bytes: [u8; 8]) -> Self {
        self.trace.span = SpanId::from_bytes(bytes);
        self
    }

    /// The body as it is sent.
    pub fn body(&self) -> Bytes {
        if let Some(sample) = self
            .story
            .as_ref()
            .and_then(|story| (ProviderId::Stripe.spec().sample)(story))
        {
            return sample.draft.body;
        }
        let mut body = json!({
            "paymentId": self.payment_id,
            "amount": self.amount,
            "currency": "USD",
            "status": self.status,
            "provider": "testbed",
        });
        for (field, value) in [("eventId", &self.event_id), ("note", &self.note)] {
            if let Some(value) = value {
                body[field] = Value::from(value.as_str());
            }
        }
        Bytes::from(body.to_string())
    }

    /// The idempotency key of its event.
    pub fn event_key(&self) -> EventKey {
        if self.story.is_some() {
            return self.admitted().events()[0].key.clone();
        }
        let id = match &self.event_id {
            Some(id) => EventId::Provider(id.clone()),
            None => EventId::Body(self.raw().body_hash()),
        };
        EventKey {
            source: self.source.clone(),
            id,
        }
    }

    /// The delivery, with a genuine signature as its last header.
    pub fn raw(&self) -> RawDelivery {
        let source = source(self.source.as_str());
        let draft = Draft {
            body: self.body(),
            ..Draft::default()
        };
        let scheme = source.provider.scheme();
        let signed = scheme
            .sign(draft, &source.secrets[0], self.received_at)
            .expect("a draft of the testbed can be signed");
        let signature = signed
            .headers
            .into_iter()
            .map(|(name, value)| (name, Bytes::from(value)));
        let headers = self.headers.iter().cloned().chain(signature);
        RawDelivery {
            source: self.source.clone(),
            headers: Headers::new(headers),
            body: signed.body,
            received_at: self.received_at,
        }
    }

    /// The delivery as the front door admits it.
    ///
    /// # Panics
    /// When the webhook was built so that it makes no sense.
    pub fn admitted(&self) -> Admitted {
        match admit::admit(self.raw(), &source(self.source.as_str())) {
            Ok(admitted) => admitted,
            Err(refused) => panic!("a genuine webhook is admitted: {}", refused.refusal),
        }
    }

    /// The delivery on its way into custody.
    pub fn custody(&self) -> Custody {
        Custody {
            admitted: self.admitted(),
            trace: self.trace,
            rules: source(self.source.as_str()).provider.rules(),
        }
    }

    /// The delivery on its way into the quarantine.
    pub fn quarantined(&self, reason: QuarantineReason) -> QuarantinedDelivery {
        QuarantinedDelivery {
            delivery: self.raw(),
            reason,
            trace: self.trace.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn what_is_made_is_admitted_and_read_back() {
        let sent = webhook("evt_1").payment("p").amount("0.5").status("new");
        let admitted = sent.admitted();
        let event = &admitted.events()[0];
        assert_eq!(event.key, sent.event_key());
        assert_eq!(
            (event.payment_id.as_str(), event.status.as_str()),
            ("p", "new")
        );
        assert_eq!(event.amount.to_string(), "0.5");
        let by_body = webhook("").note("x");
        assert_eq!(by_body.admitted().events()[0].key, by_body.event_key());
    }

    #[test]
    fn random_webhooks_are_genuine_repeat_themselves_and_follow_from_the_seed() {
        let make = || {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let now = Timestamp::from_millis(1_000_000);
            (0..200)
                .map(|_| random_webhook(&mut rng, now).admitted())
                .collect::<Vec<_>>()
        };
        let made = make();
        assert_eq!(made, make());
        let pairs = || {
            made.iter()
                .enumerate()
                .flat_map(|(index, one)| made[index + 1..].iter().map(move |other| (one, other)))
                .filter(|(one, other)| one.events()[0].key == other.events()[0].key)
        };
        let same_body =
            |(one, other): &(&Admitted, &Admitted)| one.delivery().body == other.delivery().body;
        assert!(pairs().any(|pair| same_body(&pair)));
        assert!(pairs().any(|pair| !same_body(&pair)));
    }
}
