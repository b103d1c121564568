//! Klarna: the signing key is named in a header of its own, and an account may have fifty.
//!
//! Requests and disputes name different things: a request its own id, a dispute the transaction
//! that came of a request later. No event holds both, so they are two payments here.

use alloc::format;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact};
use crate::payment::PaymentRules;
use crate::signature::{HmacScheme, Scheme, SignatureEncoding};
use crate::status::PaymentStatus;

const NAME: &str = "klarna";

/// Klarna.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Klarna",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "Klarna-Signature; Klarna-Signing-Key-Id",
        algorithm: "HMAC-SHA-256 in hex or base64 (not documented which; both are taken); the key is the signing key as text",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "metadata.event_id",
        fields: "payload.payment_request_id, or .payment_transaction_id of a dispute; payload.dispute_details.dispute_amount or payload.amount (minor); .currency; metadata.event_type, payload.state and .dispute_outcome",
        retries: "after 10 s, 2 min, 15 min, 3 h, 6 h and 12 h; the endpoint must be on port 443 or 8443",
        sources: &[
            "https://docs.klarna.com/acquirer/klarna-network/setup-your-integration/connection-configuration/setup-your-webhooks/",
            "https://docs.klarna.com/klarna-network-distribution/payments/one-time-payments/hosted-checkout-pages-and-embedded-elements/monitor-the-payment-request-state",
            "https://docs.klarna.com/klarna-network-distribution/after-payments/disputes/integrate-disputes-management",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "the signature's encoding and the key's bytes; payload.amount of a payment request",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        encoding: SignatureEncoding::HexOrBase64,
        key_id_header: Some("klarna-signing-key-id"),
        ..HmacScheme::plain("klarna-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let Some(metadata) = body.object("metadata") else {
        let reading = Reading::new(delivery, NAME, "");
        return Ok(alloc::vec![reading.problem("metadata is missing").finish()]);
    };
    let event_type = metadata.text("event_type").unwrap_or_default();
    let account = metadata.text("subject_account_id");
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(metadata.text("event_id"))
        .occurred_at(read::iso(metadata.text("occurred_at")))
        .live(metadata.flag("live"))
        .account(account.or_else(|| metadata.text("merchant_id")));
    let reading = match body.object("payload") {
        Some(payload) => about(reading, &event_type, &payload),
        None => reading.problem("payload is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, payload: &Object<'a>) -> Reading<'a> {
    let fact = fact(event_type, payload.text("dispute_outcome").as_deref());
    let details = payload.object("dispute_details");
    let (amount, currency) = match &details {
        Some(details) => (details.scalar("dispute_amount"), details.text("currency")),
        None => (payload.scalar("amount"), payload.text("currency")),
    };
    let money = read::minor(amount.as_deref(), currency.as_deref(), SPEC.exponents);
    let payment_id = if matches!(fact, Fact::Dispute { .. }) {
        payload.text("payment_transaction_id")
    } else {
        payload.text("payment_request_id")
    };
    reading
        .payment_id(payment_id)
        .status(payload.text("state"))
        .operation(payload.text("payment_dispute_id"))
        .tells(fact, money)
}

fn fact(event_type: &str, outcome: Option<&str>) -> Fact {
    let payment = |status| Fact::Payment { status };
    if event_type.starts_with("payment.dispute.") {
        let outcome = match outcome {
            Some("WON") => DisputeOutcome::Won,
            Some("LOST") => DisputeOutcome::Lost,
            Some(_) | None => DisputeOutcome::Open,
        };
        return Fact::Dispute { outcome };
    }
    match event_type.strip_prefix("payment.request.state-change.") {
        Some("submitted" | "prepared") => payment(PaymentStatus::Created),
        // Completed: the customer has agreed, and there is a token. Money is reserved by the call
        // that the merchant makes with it, of which no event tells.
        Some("in-progress" | "pending-confirmation" | "completed") => {
            payment(PaymentStatus::Pending)
        }
        Some("authorized") => payment(PaymentStatus::Authorized),
        Some("declined") => payment(PaymentStatus::Failed),
        Some("canceled") => payment(PaymentStatus::Canceled),
        Some("expired") => payment(PaymentStatus::Expired),
        Some(_) | None => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event, state) = match story.occasion {
        Occasion::Created => ("request.state-change.submitted", "SUBMITTED"),
        Occasion::Pending => ("request.state-change.completed", "COMPLETED"),
        Occasion::Authorized => ("request.state-change.authorized", "AUTHORIZED"),
        Occasion::Failed => ("request.state-change.declined", "DECLINED"),
        Occasion::Canceled => ("request.state-change.canceled", "CANCELED"),
        Occasion::Expired => ("request.state-change.expired", "EXPIRED"),
        Occasion::Disputed => ("dispute.state-change.initiated", "INITIATED"),
        Occasion::DisputeWon | Occasion::DisputeLost => ("dispute.state-change.closed", "CLOSED"),
        Occasion::RequiresAction | Occasion::Captured | Occasion::Refunded => return None,
    };
    let outcome = if story.occasion == Occasion::DisputeWon {
        r#","dispute_outcome":"WON""#
    } else if story.occasion == Occasion::DisputeLost {
        r#","dispute_outcome":"LOST""#
    } else {
        ""
    };
    let event_type = format!("payment.{event}");
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let (payment, currency) = (&story.payment, story.currency);
    let at = story.at.to_iso();
    let (payment_id, payload) = if event.starts_with("request.") {
        let id = format!("krn:payment:eu1:request:{payment}");
        let payload = format!(
            r#""payment_request_id":"{id}","payment_request_reference":"order-{payment}","state":"{state}""#
        );
        (id, payload)
    } else {
        let id = format!("krn:payment:eu1:transaction:{payment}");
        let payload = format!(
            r#""payment_dispute_id":"krn:network:eu1:test:payment:dispute:{payment}","payment_transaction_id":"{id}","payment_transaction_reference":"order-{payment}","state":"{state}","dispute_reason":"REFUND_NOT_PROCESSED","dispute_details":{{"dispute_amount":{units},"currency":"{currency}","created_by":"CUSTOMER"}}{outcome},"updated_at":"{at}""#
        );
        (id, payload)
    };
    let body = format!(
        r#"{{"metadata":{{"event_type":"{event_type}","event_id":"{}","event_version":"v2","occurred_at":"{at}","subject_account_id":"krn:partner:global:account:test:PAYHOOK1","recipient_account_id":"krn:partner:global:account:test:PAYHOOK1","product_instance_id":"krn:partner:product:payment:1","webhook_id":"krn:partner:global:notification:webhook:1","live":{}}},"payload":{{{payload}}}}}"#,
        story.event, story.live,
    );
    Some(Sample::json(body, payment_id, &event_type))
}
