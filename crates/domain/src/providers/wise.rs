//! Wise: how transfers stand, under one public key that Wise publishes.
//!
//! A transfer pays somebody out. That it was sent is no money that came in, and must start nothing.
//! Only a refund names money.

use alloc::format;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story, number};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::Scheme;
use crate::status::PaymentStatus;

const NAME: &str = "wise";

/// Wise.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Wise",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "X-Signature-SHA256; X-Delivery-Id is not signed",
        algorithm: "RSA with SHA-256 (PKCS #1 v1.5) in base64; the secret is Wise's public key in PEM, another one for the sandbox",
        signed: "{body}",
        tolerance: "none: sent_at is in the body, and Wise names no bound",
        dedupe: "event_type, data.resource.id, data.current_state and data.occurred_at; the body's SHA-256 for other events",
        fields: "data.resource.id; data.current_state (outgoing_payment_sent moves nothing); of transfers#refund also refund_amount (major) and refund_currency",
        retries: "25 times in two weeks with growing pauses; 5 s for an answer",
        sources: &[
            "https://docs.wise.com/guides/developer/webhooks/event-handling",
            "https://docs.wise.com/api-docs/features/webhooks-notifications/event-types",
            "https://docs.wise.com/guides/product/send-money/tracking/transfer-statuses",
            "https://docs.wise.com/api-reference/transfer/eventtransfersrefund",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "Whether sent_at changes when a delivery is tried again. The number and the span of the retries are from a public description that cites Wise.",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Rsa {
        header: "x-signature-sha256",
    })
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("event_type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type);
    let reading = match body.object("data") {
        Some(data) => about(reading, &event_type, &data),
        None => reading.problem("data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, data: &Object<'a>) -> Reading<'a> {
    let resource = data.object("resource");
    let of_resource = |name| resource.as_ref().and_then(|resource| resource.scalar(name));
    let id = of_resource("id").or_else(|| data.scalar("transfer_id"));
    let state = data.text("current_state");
    let fact = fact(event_type, state.as_deref());
    let when = data.text("occurred_at");
    // Two subscriptions tell the same, and a retry may be written anew.
    let key = match (&id, &state, &when) {
        (Some(id), Some(state), Some(when)) => Some(format!("{event_type}:{id}:{state}:{when}")),
        (_, _, _) => None,
    };
    let operation = match fact {
        Fact::Payment { .. } | Fact::CaptureFailed | Fact::Refund { .. } | Fact::Dispute { .. } => {
            id.clone()
        }
        Fact::RefundedTotal | Fact::Other | Fact::Unreadable { .. } => None,
    };
    let money = match fact {
        Fact::Refund { .. } => read::major(
            of_resource("refund_amount").as_deref(),
            of_resource("refund_currency").as_deref(),
            SPEC.exponents,
        ),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Dispute { .. }
        | Fact::Other
        | Fact::Unreadable { .. } => Ok(None),
    };
    // The same event has another body when it was sent at another time.
    let reading = if key.is_some() {
        reading.by_content()
    } else {
        reading
    };
    reading
        .event_id(key)
        .payment_id(id)
        .status(state)
        .operation(operation)
        .occurred_at(read::iso(when))
        .account(of_resource("profile_id"))
        .tells(fact, money)
}

fn fact(event_type: &str, state: Option<&str>) -> Fact {
    use PaymentStatus::{Canceled, Created, Pending, Refunded};
    let payment = |status| Fact::Payment { status };
    match (event_type, state) {
        ("transfers#state-change", Some(state)) => match state {
            "incoming_payment_waiting" => payment(Created),
            "incoming_payment_initiated" | "processing" | "funds_converted" => payment(Pending),
            // The money came back from the recipient's bank, and is on its way to the sender.
            "bounced_back" => Fact::CaptureFailed,
            "cancelled" => payment(Canceled),
            // A transfer is refunded as a whole; how much, another event says.
            "funds_refunded" => payment(Refunded),
            // The sender's own bank has taken its money back from Wise.
            "charged_back" => Fact::Dispute {
                outcome: DisputeOutcome::Lost,
            },
            _ => Fact::Other,
        },
        ("transfers#refund", _) => Fact::Refund {
            outcome: RefundOutcome::Succeeded,
        },
        // A payout that failed bounces back, and its state says so.
        (_, _) => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, state) = match story.occasion {
        Occasion::Created => ("transfers#state-change", "incoming_payment_waiting"),
        Occasion::Pending => ("transfers#state-change", "processing"),
        Occasion::Canceled => ("transfers#state-change", "cancelled"),
        Occasion::Refunded => ("transfers#refund", "funds_refunded"),
        Occasion::DisputeLost => ("transfers#state-change", "charged_back"),
        Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Captured
        | Occasion::Failed
        | Occasion::Expired
        | Occasion::Disputed
        | Occasion::DisputeWon => return None,
    };
    let id = format!("{}", number(&story.payment));
    let time = story.at.to_iso();
    let ids = format!(r#""id":{id},"profile_id":16055450,"account_id":14124090,"type":"transfer""#);
    let data = if event_type == "transfers#refund" {
        let amount = story.major(story.exponent(SPEC.exponents))?;
        format!(
            r#"{{"resource":{{{ids},"refund_amount":{amount},"refund_currency":"{}"}},"occurred_at":"{time}"}}"#,
            story.currency
        )
    } else {
        format!(
            r#"{{"resource":{{{ids}}},"current_state":"{state}","previous_state":null,"occurred_at":"{time}"}}"#
        )
    };
    // The subscription is the source's, and the same for all of its events.
    let body = format!(
        r#"{{"data":{data},"subscription_id":"90aa8e14-4ef1-4a56-861c-f3c9cde097ea","event_type":"{event_type}","schema_version":"2.0.0","sent_at":"{time}"}}"#
    );
    Some(Sample::json(body, id, event_type).header("x-delivery-id", &story.event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::tests::{RSA_PRIVATE_KEY, RSA_PUBLIC_KEY, story};
    use crate::providers::{Provider, ProviderId};
    use crate::secret::Secret;
    use crate::signature::SignatureRefusal;
    use crate::source::SourceName;
    use bytes::Bytes;

    #[test]
    fn what_the_private_key_signs_the_public_one_verifies_and_nothing_else() {
        let provider = Provider::try_new(ProviderId::Wise, Settings::default()).unwrap();
        let story = story(Occasion::Pending);
        let (private, public) = (
            Secret::new("theirs", RSA_PRIVATE_KEY),
            Secret::new("ours", RSA_PUBLIC_KEY),
        );
        let draft = sample(&story).unwrap().draft;
        let signed = provider.scheme().sign(draft, &private, story.at).unwrap();
        let genuine = signed.delivery(SourceName::generic(), story.at);
        let verdict = |delivery: &RawDelivery, secret: &Secret| {
            let found = provider.verify(delivery.clone(), core::slice::from_ref(secret));
            found.map(|_| ()).map_err(|(refusal, _)| refusal)
        };
        assert_eq!(verdict(&genuine, &public), Ok(()));
        let other = Err(SignatureRefusal::NoSecretMatches);
        assert_eq!(verdict(&genuine, &private), other);
        assert_eq!(verdict(&genuine, &Secret::new("empty", "")), other);
        let mut body = genuine.body.to_vec();
        body[7] ^= 1;
        let changed = RawDelivery {
            body: Bytes::from(body),
            ..genuine
        };
        assert_eq!(verdict(&changed, &public), other);
    }
}
