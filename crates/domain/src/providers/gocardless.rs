//! GoCardless: many events in one body, each with an id of its own, and no money in any.
//!
//! A refund's event names the refund and not its payment; only GoCardless' API knows both.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{HmacScheme, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "gocardless";

/// GoCardless.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "GoCardless",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::None,
    exponents: &[],
    rules: PaymentRules {
        // The same payment is collected again after a failure (resubmission_requested).
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "Webhook-Signature",
        algorithm: "HMAC-SHA-256 in hex; the key is the endpoint's secret",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "events[].id (EV…)",
        fields: "events[].links.payment or .links.refund; no amount and no currency; resource_type and action",
        retries: "8 times with growing pauses (1, 2, 10 minutes …); 10 s for an answer; redirects are failures",
        sources: &[
            "https://developer.gocardless.com/getting-started/stay-up-to-date-with-webhooks-v2",
            "https://developer.gocardless.com/api-reference/#webhooks-overview",
            "https://support.gocardless.com/hc/en-nz/articles/360000989989-Webhook-retries-failures",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme::plain("webhook-signature")))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let items = body.objects("events");
    let mut events = read::batch(delivery, NAME, &items, |item| event(delivery, item));
    // What is lost among the others is told too.
    if !body.is_list_of_objects("events") {
        let problem = "events is no list of objects";
        events.push(read::unreadable(delivery, NAME, problem));
    }
    Ok(events)
}

fn event(delivery: &RawDelivery, item: &Object<'_>) -> PaymentEvent {
    let resource = item.text("resource_type").unwrap_or_default();
    let action = item.text("action").unwrap_or_default();
    let links = item.object("links");
    let link = |name| links.as_ref().and_then(|links| links.text(name));
    let fact = fact(&resource, &action);
    let own = match &*resource {
        "payments" => link("payment"),
        "refunds" => link("refund"),
        _ => None,
    };
    // A late failure takes back the collection that was told before: the same operation.
    let operation = match fact {
        Fact::Payment { .. } | Fact::CaptureFailed | Fact::Refund { .. } => own.clone(),
        Fact::RefundedTotal | Fact::Dispute { .. } | Fact::Other | Fact::Unreadable { .. } => None,
    };
    let id = item.text("id");
    let reading = Reading::new(delivery, NAME, &format!("{resource}.{action}"))
        .by_content()
        .event_id(id.clone())
        .payment_id(link("payment").or(own))
        .status(Some(action))
        .operation(operation)
        .occurred_at(read::iso(item.text("created_at")))
        .account(link("organisation"))
        .fact(fact);
    // Without one it could not be told from the others in the body.
    if id.is_none() {
        return reading.problem("an event's id is missing").finish();
    }
    reading.finish()
}

fn fact(resource: &str, action: &str) -> Fact {
    use PaymentStatus::{Canceled, Captured, Created, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let dispute = |outcome| Fact::Dispute { outcome };
    let refund = |outcome| Fact::Refund { outcome };
    match (resource, action) {
        ("payments", "created") => payment(Created),
        ("payments", "customer_approval_granted" | "submitted" | "resubmission_requested") => {
            payment(Pending)
        }
        // `paid_out` follows by days and is the same money.
        ("payments", "confirmed") => payment(Captured),
        ("payments", "failed") => payment(Failed),
        ("payments", "cancelled" | "customer_approval_denied") => payment(Canceled),
        // The money had been paid out, and is taken from a later payout.
        ("payments", "late_failure_settled") => Fact::CaptureFailed,
        ("payments", "charged_back") => dispute(DisputeOutcome::Open),
        ("payments", "chargeback_settled") => dispute(DisputeOutcome::Lost),
        ("payments", "chargeback_cancelled") => dispute(DisputeOutcome::Won),
        ("refunds", "created" | "refund_settled") => refund(RefundOutcome::Pending),
        ("refunds", "paid") => refund(RefundOutcome::Succeeded),
        ("refunds", "failed" | "funds_returned") => refund(RefundOutcome::Failed),
        (_, _) => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (resource, action, cause) = match story.occasion {
        Occasion::Created => ("payments", "created", "payment_created"),
        Occasion::Pending => ("payments", "submitted", "payment_submitted"),
        Occasion::Captured => ("payments", "confirmed", "payment_confirmed"),
        Occasion::Failed => ("payments", "failed", "insufficient_funds"),
        Occasion::Canceled => ("payments", "cancelled", "payment_cancelled"),
        Occasion::Refunded => ("refunds", "paid", "refund_paid"),
        Occasion::Disputed => ("payments", "charged_back", "authorisation_disputed"),
        Occasion::DisputeWon => ("payments", "chargeback_cancelled", "other"),
        Occasion::DisputeLost => ("payments", "chargeback_settled", "chargeback_settled"),
        Occasion::RequiresAction | Occasion::Authorized | Occasion::Expired => return None,
    };
    let (kind, prefix) = match resource {
        "refunds" => ("refund", "RF"),
        _ => ("payment", "PM"),
    };
    let id = format!("{prefix}{}", story.payment.to_ascii_uppercase());
    let body: String = format!(
        r#"{{"events":[{{"id":"EV{}","created_at":"{}","resource_type":"{resource}","action":"{action}","links":{{"{kind}":"{id}"}},"details":{{"origin":"gocardless","cause":"{cause}","description":"Made by payhook."}},"metadata":{{}}}}],"meta":{{"webhook_id":"WB{}"}}}}"#,
        story.event.to_ascii_uppercase(),
        story.at.to_iso(),
        story.event.to_ascii_uppercase(),
    );
    Some(Sample::json(body, id, &format!("{resource}.{action}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::event::EventId;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    fn events(body: &'static str) -> Vec<PaymentEvent> {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: Bytes::from_static(body.as_bytes()),
            received_at: Timestamp::from_millis(0),
        };
        read(&delivery, &Settings::default()).unwrap()
    }

    #[test]
    fn each_event_of_a_body_is_one_of_its_own() {
        let events = events(
            r#"{"events":[
            {"id":"EV1","resource_type":"payments","action":"confirmed","links":{"payment":"PM1"}},
            {"id":"EV2","resource_type":"mandates","action":"active","links":{"mandate":"MD1"}},
            {"id":"EV3","resource_type":"refunds","action":"paid","links":{"refund":"RF1"}},
            7]}"#,
        );
        let found: Vec<(&EventId, &str)> = events
            .iter()
            .map(|event| (&event.key.id, event.meaning.as_ref().unwrap().fact.kind()))
            .collect();
        let id = |text: &str| EventId::Provider(text.into());
        assert_eq!(found[0], (&id("EV1"), "payment"));
        assert_eq!(found[1], (&id("EV2"), "other"));
        assert_eq!(found[2], (&id("EV3"), "refund"));
        assert_eq!(found[3].1, "unreadable");
        assert_eq!(events[2].payment_id, "RF1");
    }

    #[test]
    fn a_late_failure_names_the_collection_that_it_takes_back() {
        let events = events(
            r#"{"events":[
            {"id":"EV1","resource_type":"payments","action":"confirmed","links":{"payment":"PM1"}},
            {"id":"EV2","resource_type":"payments","action":"late_failure_settled","links":{"payment":"PM1"}}]}"#,
        );
        let operation = |at: usize| events[at].meaning.as_ref().unwrap().operation.clone();
        assert_eq!(operation(0), operation(1));
    }
}
