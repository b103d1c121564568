//! Authorize.Net: HMAC-SHA-512 under the Signature Key as text, although that text is hexadecimal.
//!
//! No event names a currency: amounts count only where the source's settings name one, and without
//! it a refund goes to a person. A refund is a transaction of its own, and its event does not say of
//! which payment.

use alloc::format;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story, number};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{HeaderForm, HmacAlgorithm, HmacScheme, Prefix, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "authorize-net";

/// Authorize.Net.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Authorize.Net",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "X-ANET-Signature: sha512=…",
        algorithm: "HMAC-SHA-512 in hex, upper case; the key is the Signature Key's text, not what its hex spells",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "notificationId",
        fields: "payload.id; payload.authAmount (major); no currency, the source's `currency` counts; eventType and payload.responseCode",
        retries: "the schedule is not documented where we could read it",
        sources: &[
            "https://developer.authorize.net/api/reference/features/webhooks.html",
            "https://support.authorize.net/knowledgebase/Knowledgearticle/?code=000001542",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "Which payment a refund belongs to: its event is not known to name it.",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        algorithm: HmacAlgorithm::Sha512,
        form: HeaderForm::Plain(Some(Prefix {
            ignores_case: true,
            ..Prefix::required("sha512=")
        })),
        ..HmacScheme::plain("x-anet-signature")
    }))
}

fn read(delivery: &RawDelivery, settings: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("eventType").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("notificationId"))
        .occurred_at(read::iso(body.text("eventDate")));
    let reading = match body.object("payload") {
        Some(payload) => about(reading, &event_type, &payload, settings),
        None => reading.problem("payload is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(
    reading: Reading<'a>,
    event_type: &str,
    payload: &Object<'a>,
    settings: &Settings,
) -> Reading<'a> {
    let code = payload.scalar("responseCode");
    let fact = fact(event_type, code.as_deref());
    let currency = settings.currency.as_ref().map(|currency| currency.code());
    let money = read::major(
        payload.scalar("authAmount").as_deref(),
        currency,
        SPEC.exponents,
    );
    let operation = match fact {
        Fact::Refund { .. } => payload.scalar("id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Dispute { .. }
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    reading
        .payment_id(payload.scalar("id"))
        .status(code.map(|code| format!("responseCode {code}")))
        .operation(operation)
        .tells(fact, money)
}

/// How the provider has answered: approved, declined or in error, held for a review. A test
/// notification has zero.
fn fact(event_type: &str, code: Option<&str>) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Failed, Pending};
    let answered = |approved| match code {
        Some("1") => Fact::Payment { status: approved },
        Some("2" | "3") => Fact::Payment { status: Failed },
        Some("4") => Fact::Payment { status: Pending },
        Some(_) | None => Fact::Other,
    };
    match event_type {
        "net.authorize.payment.authorization.created" => answered(Authorized),
        "net.authorize.payment.authcapture.created" => answered(Captured),
        // A capture that was declined leaves the authorization as it is.
        "net.authorize.payment.capture.created"
        | "net.authorize.payment.priorAuthCapture.created"
            if code == Some("1") =>
        {
            answered(Captured)
        }
        "net.authorize.payment.void.created" if code == Some("1") => answered(Canceled),
        "net.authorize.payment.refund.created" => Fact::Refund {
            outcome: match code {
                Some("1") => RefundOutcome::Succeeded,
                Some("2" | "3") => RefundOutcome::Failed,
                Some(_) | None => RefundOutcome::Pending,
            },
        },
        "net.authorize.payment.fraud.held" => Fact::Payment { status: Pending },
        // It does not say whether the money was to be captured at once: the lesser claim.
        "net.authorize.payment.fraud.approved" => Fact::Payment { status: Authorized },
        "net.authorize.payment.fraud.declined" => Fact::Payment { status: Failed },
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, code) = match story.occasion {
        Occasion::Pending => ("net.authorize.payment.fraud.held", 4),
        Occasion::Authorized => ("net.authorize.payment.authorization.created", 1),
        Occasion::Captured => ("net.authorize.payment.authcapture.created", 1),
        Occasion::Failed => ("net.authorize.payment.authcapture.created", 2),
        Occasion::Canceled => ("net.authorize.payment.void.created", 1),
        Occasion::Refunded => ("net.authorize.payment.refund.created", 1),
        Occasion::Created
        | Occasion::RequiresAction
        | Occasion::Expired
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let id = format!("{}", number(&story.payment));
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let body = format!(
        r#"{{"notificationId":"{}","eventType":"{event_type}","eventDate":"{}","webhookId":"a585ea29-a370-495a-bd83-f9be7160f260","payload":{{"responseCode":{code},"authCode":"Z3PV5H","avsResponse":"P","authAmount":{amount},"merchantReferenceId":"{}","entityName":"transaction","id":"{id}"}}}}"#,
        story.event,
        story.at.to_iso(),
        story.payment,
    );
    Some(Sample::json(body, id, event_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    #[test]
    fn money_counts_only_in_the_currency_that_the_settings_name() {
        let body = r#"{"notificationId":"n","eventType":"net.authorize.payment.authcapture.created","payload":{"responseCode":1,"authAmount":1.10,"id":"7"}}"#;
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: Bytes::from_static(body.as_bytes()),
            received_at: Timestamp::from_millis(0),
        };
        for (currency, units) in [(None, None), (Some(Currency::USD), Some(110))] {
            let settings = Settings {
                currency,
                ..Settings::default()
            };
            let events = read(&delivery, &settings).unwrap();
            let meaning = events[0].meaning.as_ref().unwrap();
            assert_eq!(meaning.money.map(|money| money.units), units);
            let status = PaymentStatus::Captured;
            assert_eq!(meaning.fact, Fact::Payment { status });
        }
    }
}
