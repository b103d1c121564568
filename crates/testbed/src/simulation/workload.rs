//! Who sends what: genuine webhooks, repeats, contradictions, forgeries and nonsense, each with
//! a sender that tries again as providers do.

use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use domain::delivery::BodyHash;
use domain::event::EventKeyDigest;
use domain::providers::{Provider, ProviderId, Settings};
use domain::secret::Secret;
use domain::signature::Draft;
use domain::time::{Millis, Timestamp};

use super::luck::SeededLuck;
use crate::deliveries::{SECRET, Webhook, webhook};

/// A secret that no source has.
pub const FORGERS_SECRET: &[u8] = b"a guess";

/// Longest body that the front door reads, in bytes.
pub const BODY_BYTES_MAX: usize = 4096;

/// What a delivery is, and so how it must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Genuine: custody, sooner or later.
    Genuine {
        /// Its event.
        event: EventKeyDigest,
    },
    /// No sender proved: refused with this status and code.
    Forged(u16, &'static str),
    /// Signed, and no webhook: refused with this status and code.
    Nonsense(u16, &'static str),
    /// It never gets as far as a signature: refused with this status and code.
    Misdirected(u16, &'static str),
}

/// One delivery, to be sent as often as its sender wants.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What it is.
    pub kind: Kind,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The signature header's values.
    pub signatures: Vec<String>,
    /// The body.
    pub body: Bytes,
}

/// Who sends one delivery.
#[derive(Debug, Clone)]
pub struct Sender {
    /// What is sent.
    pub delivery: Delivery,
    /// When it is sent next; `None` while an answer is awaited, and when all is done.
    pub next_at: Option<Timestamp>,
    /// How often it was sent.
    pub attempts: u32,
    /// How often it is still to be sent after it was answered well.
    pub repeats: u32,
}

impl Delivery {
    fn of(kind: Kind, source: &str, body: Bytes, signatures: Vec<String>) -> Self {
        let path = match source {
            "generic" => "/webhooks".to_owned(),
            other => format!("/webhooks/{other}"),
        };
        Self {
            kind,
            method: Method::POST,
            path,
            signatures,
            body,
        }
    }

    /// A genuine delivery of `sent` to the source that is part of its event key.
    pub fn genuine(sent: &Webhook) -> Self {
        let body = sent.body();
        let key = sent.event_key();
        let kind = Kind::Genuine {
            event: key.digest(),
        };
        let signature = sign(SECRET, &body);
        Self::of(kind, key.source.as_str(), body, vec![signature])
    }

    /// The hash of its body.
    pub fn body_hash(&self) -> BodyHash {
        domain::delivery::RawDelivery {
            source: domain::source::SourceName::generic(),
            headers: domain::delivery::Headers::default(),
            body: self.body.clone(),
            received_at: Timestamp::default(),
        }
        .body_hash()
    }

    /// The request.
    ///
    /// # Panics
    /// When it is no HTTP.
    pub fn request(&self) -> Request<Body> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path);
        for signature in &self.signatures {
            request = request.header("x-webhook-signature", signature);
        }
        request
            .body(Body::from(self.body.clone()))
            .expect("a request")
    }
}

impl Sender {
    fn new(delivery: Delivery, first_at: Timestamp, repeats: u32) -> Self {
        Self {
            delivery,
            next_at: Some(first_at),
            attempts: 0,
            repeats,
        }
    }

    /// Makes its next attempt in a while, the longer the more there were.
    pub fn try_again(&mut self, now: Timestamp) {
        let seconds = 1_u64 << self.attempts.min(6);
        self.next_at = Some(now.after(Millis::from_secs(seconds)));
    }
}

/// The header value of the generic source.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let provider = Provider::try_new(ProviderId::Generic, Settings::default());
    let draft = Draft {
        body: Bytes::copy_from_slice(body),
        ..Draft::default()
    };
    let secret = Secret::new("sender", secret);
    let signed = provider
        .expect("a provider without settings")
        .scheme()
        .sign(draft, &secret, Timestamp::default());
    let headers = signed.expect("any body can be signed").headers;
    headers
        .into_iter()
        .map(|(_, value)| value)
        .next()
        .unwrap_or_default()
}

/// Everybody who sends in one world, `events` of them genuinely.
pub fn senders(events: u64, luck: &SeededLuck, beginning: Timestamp) -> Vec<Sender> {
    let mut senders = Vec::new();
    // All within a minute, in any order.
    let soon = || beginning.after(Millis::new(luck.below(60_000)));
    for number in 0..events {
        let sent = some_webhook(number, events, luck);
        let repeats = u32::try_from(luck.below(8).saturating_sub(5)).unwrap_or(0);
        senders.push(Sender::new(Delivery::genuine(&sent), soon(), repeats));
        if luck.chance(1, 6) {
            // The same event from another machine of the provider's, at the same time or later.
            senders.push(Sender::new(Delivery::genuine(&sent), soon(), 0));
        }
        if luck.chance(1, 6) {
            let other = Delivery::genuine(&sent.clone().note("other bytes"));
            senders.push(Sender::new(other, soon(), u32::from(luck.chance(1, 2))));
        }
        if luck.chance(1, 3) {
            senders.push(Sender::new(forged(&sent, luck), soon(), 0));
        }
        if luck.chance(1, 6) {
            senders.push(Sender::new(unfit(&sent, luck), soon(), 0));
        }
    }
    senders
}

fn some_webhook(number: u64, events: u64, luck: &SeededLuck) -> Webhook {
    // One in eight has no id of its own; its body is the id then, so it must be one of a kind.
    let id = if luck.chance(1, 8) {
        String::new()
    } else {
        format!("evt_{number}")
    };
    let mut sent = webhook(&id)
        .payment(&format!("pay_{}", luck.below(events.div_ceil(2).max(1))))
        .amount(&format!("{number}.{:02}", luck.below(100)))
        .status(luck.pick(&["paid", "pending", "completed", "failed", "processing"]));
    if luck.chance(1, 4) {
        sent = sent.source("second");
    }
    sent
}

/// A delivery that wants to pass for `sent`, or to claim its key with other bytes.
fn forged(sent: &Webhook, luck: &SeededLuck) -> Delivery {
    let genuine = Delivery::genuine(sent);
    let richer = Delivery::genuine(&sent.clone().amount("1000000"));
    let wrong = Kind::Forged(401, "signature_invalid");
    let missing = Kind::Forged(400, "signature_missing");
    let (kind, signatures, body) = match luck.below(6) {
        0 => (missing, Vec::new(), genuine.body),
        1 => (wrong, genuine.signatures, richer.body),
        2 => (
            wrong,
            vec![sign(FORGERS_SECRET, &genuine.body)],
            genuine.body,
        ),
        3 => (wrong, vec![sign(FORGERS_SECRET, &richer.body)], richer.body),
        4 => (wrong, vec!["no hex at all".to_owned()], genuine.body),
        _ => {
            let one = genuine.signatures[0].clone();
            (wrong, vec![one.clone(), one], genuine.body)
        }
    };
    Delivery {
        kind,
        signatures,
        body,
        ..Delivery::genuine(sent)
    }
}

/// A delivery that cannot be taken whoever sent it.
fn unfit(sent: &Webhook, luck: &SeededLuck) -> Delivery {
    let genuine = Delivery::genuine(sent);
    let signed = |kind, body: &str| {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let signature = sign(SECRET, &body);
        Delivery::of(kind, "generic", body, vec![signature])
    };
    match luck.below(6) {
        0 => signed(Kind::Nonsense(400, "malformed_json"), "{\"paymentId\":"),
        1 => signed(Kind::Nonsense(400, "missing_field"), "{\"amount\":1}"),
        2 => signed(
            Kind::Nonsense(422, "invalid_value"),
            "{\"paymentId\":\"p\",\"amount\":-1}",
        ),
        3 => Delivery {
            kind: Kind::Misdirected(404, "unknown_source"),
            path: "/webhooks/nobody".to_owned(),
            ..genuine
        },
        4 => Delivery {
            kind: Kind::Misdirected(405, "method_not_allowed"),
            method: Method::PUT,
            ..genuine
        },
        _ => signed(
            Kind::Misdirected(413, "body_too_large"),
            &" ".repeat(BODY_BYTES_MAX + 1),
        ),
    }
}
