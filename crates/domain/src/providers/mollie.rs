//! Mollie's next-gen webhooks: events of a subscription, signed, with the entity in them or not.
//!
//! The older ones, which name a payment and prove nothing, are
//! [`mollie_classic`](super::mollie_classic). A payment that went through a payment link is told of
//! under its own id (`tr_…`); what is told of the link (`pl_…`) moves nothing.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{self, Money, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{HeaderForm, HmacScheme, Prefix, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "mollie";

/// Mollie's next-gen webhooks.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Mollie (next-gen)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "X-Mollie-Signature: sha256=…",
        algorithm: "HMAC-SHA-256 in hex, `sha256=` before it or not; the key is the subscription's signing secret",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "id (event_…)",
        fields: "_embedded.entity.paymentId, or entityId; amount.value (major); amount.currency; type and the entity's status. payment-link.paid moves nothing: subscribe to payment.paid",
        retries: "several times with growing pauses for about a day",
        sources: &[
            "https://docs.mollie.com/reference/webhooks-new",
            "https://docs.mollie.com/reference/payments-api-webhooks",
            "https://docs.mollie.com/changelog/add-payment-and-refund-webhook-events-to-the-webhooks-api",
            "https://docs.mollie.com/changelog/add-chargeback-and-capture-webhook-event-types",
            "https://github.com/mollie/mollie-api-php/blob/master/docs/webhooks.md",
        ],
        evidence: Evidence::SdkCrossCheck,
        unconfirmed: "the exact schedule of the retries; the payloads of dispute events, which are kept and move nothing",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::Plain(Some(Prefix::optional("sha256="))),
        ..HmacScheme::plain("x-mollie-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event = match body.text("type") {
        Some(event_type) => event(delivery, &body, &event_type),
        None => snapshot(delivery, &body),
    };
    Ok(alloc::vec![event])
}

/// An event around its entity, or around its id only where the subscription asks for no more.
fn event(delivery: &RawDelivery, body: &Object<'_>, event_type: &str) -> PaymentEvent {
    let entity = body.object_at(&["_embedded", "entity"]);
    let entity_id = body
        .text("entityId")
        .or_else(|| entity.as_ref()?.text("id"));
    let reading = Reading::new(delivery, NAME, event_type)
        .event_id(body.text("id"))
        .occurred_at(read::iso(body.text("createdAt")));
    about(reading, event_type, entity_id, entity.as_ref())
}

/// The entity alone: the pages of the single APIs show it without an event around it.
fn snapshot(delivery: &RawDelivery, entity: &Object<'_>) -> PaymentEvent {
    let id = entity.text("id");
    // A chargeback has no status.
    let status = match (entity.text("status"), entity.text("reversedAt")) {
        (Some(status), _) => status,
        (None, Some(_)) => Cow::Borrowed("reversed"),
        (None, None) => Cow::Borrowed("received"),
    };
    let Some(resource) = entity.text("resource") else {
        let unreadable = Reading::new(delivery, NAME, "unreadable");
        return unreadable.problem("type is missing").finish();
    };
    let event_type = format!("{resource}.{status}");
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(id.as_ref().map(|id| format!("{id}:{status}")))
        .occurred_at(read::iso(entity.text("createdAt")));
    about(reading, &event_type, id, Some(entity))
}

fn about(
    reading: Reading<'_>,
    event_type: &str,
    entity_id: Option<Cow<'_, str>>,
    entity: Option<&Object<'_>>,
) -> PaymentEvent {
    let fact = fact(event_type);
    let of_entity = |name: &str| entity?.text(name);
    let is_operation = matches!(
        event_type.split('.').next(),
        Some("refund" | "chargeback" | "capture")
    );
    let (payment_id, operation) = if is_operation {
        // Its own id names no payment: without the entity it is for a person.
        (of_entity("paymentId"), entity_id)
    } else {
        (entity_id, None)
    };
    let money = match (entity, &fact) {
        (None, _) => Ok(None),
        (Some(entity), Fact::Payment { status }) => payment_sum(entity, *status),
        (Some(entity), _) => sum(entity, "amount"),
    };
    reading
        .payment_id(payment_id)
        .operation(operation)
        .status(of_entity("status"))
        .live(of_entity("mode").map(|mode| mode == "live"))
        .account(of_entity("profileId"))
        .tells(fact, money)
        .finish()
}

/// A sum of an entity: `{"value": "10.00", "currency": "EUR"}`.
pub(super) fn sum(entity: &Object<'_>, name: &str) -> Result<Option<Money>, &'static str> {
    let Some(sum) = entity.object(name) else {
        return Ok(None);
    };
    read::major(
        sum.scalar("value").as_deref(),
        sum.text("currency").as_deref(),
        SPEC.exponents,
    )
}

/// How much a payment is about: what was captured where it was captured in part.
pub(super) fn payment_sum(
    payment: &Object<'_>,
    status: PaymentStatus,
) -> Result<Option<Money>, &'static str> {
    match (status, sum(payment, "amountCaptured")) {
        (PaymentStatus::Captured, Ok(Some(captured))) if captured.minor.units > 0 => {
            Ok(Some(captured))
        }
        (_, _) => sum(payment, "amount"),
    }
}

/// What a payment's status says.
pub(super) fn status(word: &str) -> Option<PaymentStatus> {
    match word {
        "open" => Some(PaymentStatus::Created),
        "pending" => Some(PaymentStatus::Pending),
        "authorized" => Some(PaymentStatus::Authorized),
        "paid" => Some(PaymentStatus::Captured),
        "failed" => Some(PaymentStatus::Failed),
        "canceled" => Some(PaymentStatus::Canceled),
        "expired" => Some(PaymentStatus::Expired),
        _ => None,
    }
}

fn fact(event_type: &str) -> Fact {
    let refund = |outcome| Fact::Refund { outcome };
    match event_type.split_once('.') {
        Some(("payment", word)) => match status(word) {
            Some(status) => Fact::Payment { status },
            None => Fact::Other,
        },
        // A capture that succeeded makes the payment paid, and that is told.
        Some(("capture", "failed")) => Fact::CaptureFailed,
        Some(("refund", "queued" | "pending" | "processing")) => refund(RefundOutcome::Pending),
        Some(("refund", "refunded")) => refund(RefundOutcome::Succeeded),
        Some(("refund", "failed" | "canceled")) => refund(RefundOutcome::Failed),
        Some(("chargeback", "received")) => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        Some(("chargeback", "reversed")) => Fact::Dispute {
            outcome: DisputeOutcome::Won,
        },
        Some(_) | None => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let event_type = match story.occasion {
        Occasion::Pending => "payment.pending",
        Occasion::Authorized => "payment.authorized",
        Occasion::Captured => "payment.paid",
        Occasion::Failed => "payment.failed",
        Occasion::Canceled => "payment.canceled",
        Occasion::Expired => "payment.expired",
        Occasion::Refunded => "refund.refunded",
        Occasion::Disputed => "chargeback.received",
        Occasion::DisputeWon => "chargeback.reversed",
        Occasion::Created | Occasion::RequiresAction | Occasion::DisputeLost => return None,
    };
    let payment_id = format!("tr_{}", story.payment);
    let (entity_id, entity) = entity(story, event_type, &payment_id)?;
    let at = story.at.to_iso();
    let body = format!(
        r#"{{
  "resource": "event",
  "id": "event_{}",
  "type": "{event_type}",
  "entityId": "{entity_id}",
  "createdAt": "{at}",
  "_embedded": {{
    "entity": {entity}
  }},
  "_links": {{
    "self": {{"href": "https://api.mollie.com/v2/events/event_{}", "type": "application/hal+json"}}
  }}
}}"#,
        story.event, story.event,
    );
    Some(Sample::json(body, payment_id, event_type))
}

fn entity(story: &Story, event_type: &str, payment_id: &str) -> Option<(String, String)> {
    let value = story.major(story.currency.exponent())?;
    let amount = format!(
        r#"{{"currency": "{}", "value": "{value}"}}"#,
        story.currency
    );
    let mode = if story.live { "live" } else { "test" };
    let at = story.at.to_iso();
    let (resource, word) = event_type.split_once('.')?;
    Some(match resource {
        "refund" => {
            let id = format!("re_{}", story.event);
            let entity = format!(
                r#"{{"resource": "refund", "id": "{id}", "mode": "{mode}", "description": "Order {}", "amount": {amount}, "status": "{word}", "paymentId": "{payment_id}", "createdAt": "{at}"}}"#,
                story.payment,
            );
            (id, entity)
        }
        "chargeback" => {
            let id = format!("chb_{}", story.payment);
            let reversed_at = match word {
                "reversed" => format!("\"{at}\""),
                _ => "null".into(),
            };
            let entity = format!(
                r#"{{"resource": "chargeback", "id": "{id}", "amount": {amount}, "paymentId": "{payment_id}", "createdAt": "{at}", "reversedAt": {reversed_at}}}"#
            );
            (id, entity)
        }
        _ => {
            let entity = format!(
                r#"{{"resource": "payment", "id": "{payment_id}", "mode": "{mode}", "amount": {amount}, "description": "Order {}", "method": "creditcard", "profileId": "pfl_QkEhN94Ba", "sequenceType": "oneoff", "status": "{word}", "createdAt": "{at}"}}"#,
                story.payment,
            );
            (payment_id.into(), entity)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Provider, ProviderId};
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;

    fn the_one(body: &'static str) -> PaymentEvent {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: body.into(),
            received_at: Timestamp::from_millis(0),
        };
        let provider = Provider::try_new(ProviderId::Mollie, Settings::default()).unwrap();
        let mut events = provider.read_fetched(&delivery).unwrap();
        assert_eq!(events.len(), 1);
        events.remove(0)
    }

    #[test]
    fn an_event_without_its_entity_and_an_entity_without_its_event_are_read() {
        let simple = the_one(
            r#"{"resource":"event","id":"event_1","type":"payment.paid","entityId":"tr_1","createdAt":"2024-06-10T14:23:45+00:00"}"#,
        );
        let bare = the_one(
            r#"{"resource":"payment","id":"tr_1","status":"paid","amount":{"currency":"EUR","value":"10.00"},"amountCaptured":{"currency":"EUR","value":"4.00"}}"#,
        );
        for event in [&simple, &bare] {
            let meaning = event.meaning.as_ref().unwrap();
            assert_eq!(
                (event.payment_id.as_str(), meaning.fact.state()),
                ("tr_1", Some("captured"))
            );
        }
        assert_eq!(format!("{}", simple.key), "generic/event_1");
        assert_eq!(format!("{}", bare.key), "generic/tr_1:paid");
        // What was captured in part is what was taken.
        assert_eq!(format!("{}", bare.amount), "4");
        // A chargeback's own id is no payment's.
        let nameless = the_one(
            r#"{"resource":"event","id":"event_2","type":"chargeback.received","entityId":"chb_1"}"#,
        );
        assert!(matches!(
            nameless.meaning.unwrap().fact,
            Fact::Unreadable { .. }
        ));
        let chargeback = the_one(
            r#"{"resource":"chargeback","id":"chb_1","paymentId":"tr_1","amount":{"currency":"EUR","value":"10.00"},"reversedAt":null}"#,
        );
        assert_eq!(
            chargeback.meaning.unwrap().event_type,
            "chargeback.received"
        );
    }
}
