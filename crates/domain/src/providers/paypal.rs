//! PayPal: a certificate's signature, over the webhook's id that is the source's secret.
//!
//! The payment is the capture (the sale, in the first version of the API): refunds and disputes
//! name it. An authorization and an order have ids of their own, and are not the payment.

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
use crate::signature::Scheme;
use crate::status::PaymentStatus;
use crate::time::Millis;

const NAME: &str = "paypal";

/// PayPal.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "PayPal",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    // PayPal takes no decimals in these.
    exponents: &[("HUF", 0), ("TWD", 0)],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "PAYPAL-TRANSMISSION-ID, -TIME and -SIG, PAYPAL-CERT-URL, PAYPAL-AUTH-ALGO",
        algorithm: "RSA with SHA-256 (PKCS #1 v1.5) in base64, under the certificate at PAYPAL-CERT-URL, which must be PayPal's; the secret is the webhook's id",
        signed: "{transmission id}|{transmission time}|{webhook id}|{CRC-32 of the body, decimal}; events of PayPal's simulator do not verify",
        tolerance: "5 days either way, our own bound: PayPal names none and tries for 3 days",
        dedupe: "id (WH-…)",
        fields: "the capture: resource.id, of a refund the link `up`, of a dispute disputed_transactions[].seller_transaction_id; amount.value or .total (major); currency_code or currency; event_type and status",
        retries: "25 times over 3 days",
        sources: &[
            "https://developer.paypal.com/api/rest/webhooks/rest/",
            "https://developer.paypal.com/api/rest/webhooks/event-names/",
            "https://developer.paypal.com/api/rest/reference/currency-codes/",
            "https://developer.paypal.com/docs/api/customer-disputes/v1/",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "PayPal signs a CRC-32 of the body: whoever sees one genuine delivery can make another body under its signature for as long as its time is accepted. That the transmission time stays as it is when a delivery is tried again; the bound is wide enough either way.",
    },
};

const TOLERANCE: Millis = Millis::from_secs(432_000);

fn scheme(settings: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Paypal {
        tolerance: Some(TOLERANCE),
        certificates: settings.certificates.clone(),
    })
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("event_type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("id"))
        .occurred_at(read::iso(body.text("create_time")))
        .live(live(&body));
    let reading = match body.object("resource") {
        Some(resource) => {
            // An order that is completed tells of its capture, when it has one.
            let capture = only_capture(&resource).filter(|_| event_type.starts_with("CHECKOUT."));
            about(reading, &event_type, &capture.unwrap_or(resource))
        }
        None => reading.problem("resource is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

/// The links of an event lead to the API that it is from.
fn live(body: &Object<'_>) -> Option<bool> {
    let links = body.objects("links");
    let href = links.first()?.text("href")?;
    let (_, rest) = href.split_once("://")?;
    match rest.split('/').next()? {
        "api.paypal.com" | "api-m.paypal.com" => Some(true),
        "api.sandbox.paypal.com" | "api-m.sandbox.paypal.com" => Some(false),
        _ => None,
    }
}

fn only_capture<'a>(order: &Object<'a>) -> Option<Object<'a>> {
    let mut captures = order
        .objects("purchase_units")
        .into_iter()
        .filter_map(|unit| unit.object("payments"))
        .flat_map(|payments| payments.objects("captures"));
    let capture = captures.next()?;
    captures.next().is_none().then_some(capture)
}

fn about<'a>(reading: Reading<'a>, event_type: &str, resource: &Object<'a>) -> Reading<'a> {
    let status = resource.text("status").or_else(|| resource.text("state"));
    let fact = fact(event_type, status.as_deref(), resource);
    let operation = match fact {
        Fact::Refund { .. } => resource.text("id"),
        Fact::Dispute { .. } => resource.text("dispute_id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    let account = resource
        .object("payee")
        .and_then(|payee| payee.text("merchant_id"));
    reading
        .payment_id(payment_id(resource))
        .status(status)
        .operation(operation)
        .account(account)
        .tells(fact, money(resource))
}

/// The capture or sale that a refund, a reversal or a dispute is about; else the resource itself.
fn payment_id<'a>(resource: &Object<'a>) -> Option<Cow<'a, str>> {
    let of_link = || {
        let links = resource.objects("links");
        let mut ups = links
            .iter()
            .filter(|link| link.text("rel").as_deref() == Some("up"))
            .filter_map(|link| link.text("href"));
        // A capture's own link leads up to its order or authorization.
        ups.find_map(|href| {
            let (before, id) = href.rsplit_once('/')?;
            let is_payment = before.ends_with("/captures")
                || before.ends_with("/capture")
                || before.ends_with("/sale");
            (is_payment && !id.is_empty()).then(|| Cow::Owned(String::from(id)))
        })
    };
    let of_dispute = || {
        let disputed = resource.objects("disputed_transactions");
        disputed.first()?.text("seller_transaction_id")
    };
    resource
        .text("sale_id")
        .or_else(|| resource.text("capture_id"))
        .or_else(|| {
            let related = resource.object_at(&["supplementary_data", "related_ids"])?;
            related.text("capture_id")
        })
        .or_else(of_link)
        .or_else(of_dispute)
        .or_else(|| resource.text("id"))
        .or_else(|| resource.text("dispute_id"))
}

fn money(resource: &Object<'_>) -> Result<Option<Money>, &'static str> {
    let amount = resource
        .object("amount")
        .or_else(|| resource.object("dispute_amount"));
    let text = |name| amount.as_ref().and_then(|amount| amount.scalar(name));
    let value = text("value").or_else(|| text("total"));
    // What a reversal takes is written below zero.
    let value = value
        .as_deref()
        .map(|value| value.strip_prefix('-').unwrap_or(value));
    let currency = text("currency_code").or_else(|| text("currency"));
    read::major(value, currency.as_deref(), SPEC.exponents)
}

fn fact(event_type: &str, status: Option<&str>, resource: &Object<'_>) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    match event_type {
        "PAYMENT.AUTHORIZATION.CREATED" => payment(Authorized),
        "PAYMENT.AUTHORIZATION.VOIDED" => payment(Canceled),
        "PAYMENT.CAPTURE.PENDING" | "PAYMENT.SALE.PENDING" => payment(Pending),
        "PAYMENT.CAPTURE.COMPLETED" | "PAYMENT.SALE.COMPLETED" => payment(Captured),
        "PAYMENT.CAPTURE.DENIED" | "PAYMENT.CAPTURE.DECLINED" | "PAYMENT.SALE.DENIED" => {
            payment(Failed)
        }
        // The order itself has no amount: without its one capture it moves no payment.
        "CHECKOUT.ORDER.COMPLETED" if resource.object("amount").is_some() => match status {
            Some("COMPLETED") => payment(Captured),
            Some("PENDING") => payment(Pending),
            Some("DECLINED" | "FAILED") => payment(Failed),
            Some(_) | None => Fact::Other,
        },
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.SALE.REFUNDED" => match status {
            Some("PENDING" | "pending") => refund(RefundOutcome::Pending),
            Some("FAILED" | "failed" | "CANCELLED" | "cancelled") => refund(RefundOutcome::Failed),
            Some(_) | None => refund(RefundOutcome::Succeeded),
        },
        // PayPal itself takes the money back.
        "PAYMENT.CAPTURE.REVERSED" | "PAYMENT.SALE.REVERSED" => refund(RefundOutcome::Succeeded),
        "PAYMENT.REFUND.PENDING" => refund(RefundOutcome::Pending),
        "PAYMENT.REFUND.FAILED" => refund(RefundOutcome::Failed),
        "CUSTOMER.DISPUTE.CREATED" | "CUSTOMER.DISPUTE.UPDATED" => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        "CUSTOMER.DISPUTE.RESOLVED" => {
            let outcome = resource
                .object("dispute_outcome")
                .and_then(|outcome| outcome.text("outcome_code"));
            let outcome = match outcome.as_deref() {
                Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => DisputeOutcome::Lost,
                // With a payout PayPal pays the customer, and the merchant keeps the money.
                Some(
                    "RESOLVED_SELLER_FAVOUR"
                    | "RESOLVED_WITH_PAYOUT"
                    | "CANCELED_BY_BUYER"
                    | "DENIED",
                ) => DisputeOutcome::Won,
                Some(_) | None => DisputeOutcome::Open,
            };
            Fact::Dispute { outcome }
        }
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, kind, status) = match story.occasion {
        Occasion::Pending => ("PAYMENT.CAPTURE.PENDING", "capture", "PENDING"),
        Occasion::Authorized => ("PAYMENT.AUTHORIZATION.CREATED", "authorization", "CREATED"),
        Occasion::Captured => ("PAYMENT.CAPTURE.COMPLETED", "capture", "COMPLETED"),
        Occasion::Failed => ("PAYMENT.CAPTURE.DENIED", "capture", "DECLINED"),
        Occasion::Canceled => ("PAYMENT.AUTHORIZATION.VOIDED", "authorization", "VOIDED"),
        Occasion::Refunded => ("PAYMENT.CAPTURE.REFUNDED", "refund", "COMPLETED"),
        Occasion::Disputed => ("CUSTOMER.DISPUTE.CREATED", "dispute", "OPEN"),
        Occasion::DisputeWon => (
            "CUSTOMER.DISPUTE.RESOLVED",
            "dispute",
            "RESOLVED_SELLER_FAVOUR",
        ),
        Occasion::DisputeLost => (
            "CUSTOMER.DISPUTE.RESOLVED",
            "dispute",
            "RESOLVED_BUYER_FAVOUR",
        ),
        Occasion::Created | Occasion::RequiresAction | Occasion::Expired => return None,
    };
    let host = if story.live {
        "https://api.paypal.com"
    } else {
        "https://api.sandbox.paypal.com"
    };
    let payment_id = story.payment.to_ascii_uppercase();
    let event = story.event.to_ascii_uppercase();
    let resource = resource(story, kind, status, host)?;
    let body = format!(
        r#"{{"id":"WH-{event}","event_version":"1.0","create_time":"{}","resource_type":"{kind}","resource_version":"2.0","event_type":"{event_type}","summary":"Made by payhook","resource":{resource},"links":[{{"href":"{host}/v1/notifications/webhooks-events/WH-{event}","rel":"self","method":"GET"}}]}}"#,
        story.at.to_iso(),
    );
    let certificate = format!("{host}/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77");
    let mut sample =
        Sample::json(body, payment_id, event_type).header("paypal-cert-url", &certificate);
    sample.draft.id = format!("{}-transmission", story.event);
    Some(sample)
}

fn resource(story: &Story, kind: &str, status: &str, host: &str) -> Option<String> {
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let money = format!(
        r#"{{"currency_code":"{}","value":"{amount}"}}"#,
        story.currency
    );
    let payment = story.payment.to_ascii_uppercase();
    let event = story.event.to_ascii_uppercase();
    let time = story.at.to_iso();
    Some(match kind {
        "refund" => format!(
            r#"{{"id":"{event}R","amount":{money},"seller_payable_breakdown":{{"gross_amount":{money},"total_refunded_amount":{money}}},"status":"{status}","create_time":"{time}","update_time":"{time}","links":[{{"href":"{host}/v2/payments/refunds/{event}R","rel":"self","method":"GET"}},{{"href":"{host}/v2/payments/captures/{payment}","rel":"up","method":"GET"}}]}}"#
        ),
        "dispute" => {
            let (state, outcome) = match status {
                "OPEN" => (status, String::new()),
                code => (
                    "RESOLVED",
                    format!(
                        r#""dispute_outcome":{{"outcome_code":"{code}","amount_refunded":{money}}},"#
                    ),
                ),
            };
            format!(
                r#"{{"dispute_id":"PP-D-{payment}","create_time":"{time}","update_time":"{time}","disputed_transactions":[{{"seller_transaction_id":"{payment}","transaction_status":"COMPLETED"}}],"reason":"MERCHANDISE_OR_SERVICE_NOT_RECEIVED","status":"{state}","dispute_amount":{money},{outcome}"dispute_life_cycle_stage":"CHARGEBACK","dispute_channel":"INTERNAL"}}"#
            )
        }
        _ => format!(
            r#"{{"id":"{payment}","amount":{money},"final_capture":true,"supplementary_data":{{"related_ids":{{"order_id":"O{payment}"}}}},"status":"{status}","create_time":"{time}","update_time":"{time}","links":[{{"href":"{host}/v2/payments/{kind}s/{payment}","rel":"self","method":"GET"}},{{"href":"{host}/v2/checkout/orders/O{payment}","rel":"up","method":"GET"}}]}}"#
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::providers::tests::{RSA_PRIVATE_KEY, RSA_PUBLIC_KEY, story};
    use crate::providers::{Provider, ProviderId};
    use crate::secret::Secret;
    use crate::signature::{Certificate, SignatureRefusal, base64_lenient};
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    fn certificate(story: &Story) -> Certificate {
        let digits: String = RSA_PUBLIC_KEY
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        Certificate {
            url: "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77".into(),
            public_key: base64_lenient(digits.as_bytes()).unwrap(),
            names: alloc::vec!["messageverificationcerts.sandbox.paypal.com".into()],
            not_before: Timestamp::from_millis(0),
            not_after: story.at.after(TOLERANCE),
        }
    }

    #[test]
    fn a_certificate_proves_its_own_webhook_for_as_long_as_paypal_tries() {
        use SignatureRefusal::{CertificateUnknown, NoSecretMatches, TimestampTooOld};
        let story = story(Occasion::Captured);
        let unknowing = Provider::try_new(ProviderId::Paypal, Settings::default()).unwrap();
        let provider = unknowing.clone().with_certificate(certificate(&story));
        let theirs = Secret::new("theirs", format!("WEBHOOK1\n{RSA_PRIVATE_KEY}"));
        let draft = sample(&story).unwrap().draft;
        let signed = provider.scheme().sign(draft, &theirs, story.at).unwrap();
        let verdict = |provider: &Provider, webhook: &str, late: u64| {
            let at = story.at.after(Millis::from_secs(late));
            let delivery = signed.delivery(SourceName::generic(), at);
            let found = provider.verify(delivery, &[Secret::new("ours", webhook)]);
            found.map(|_| ()).map_err(|(refusal, _)| refusal)
        };
        assert_eq!(verdict(&provider, "WEBHOOK1", 0), Ok(()));
        assert_eq!(verdict(&provider, "WEBHOOK1", 431_999), Ok(()));
        let old = verdict(&provider, "WEBHOOK1", 432_002).unwrap_err();
        assert!(matches!(old, TimestampTooOld { .. }), "{old}");
        assert_eq!(verdict(&provider, "WEBHOOK2", 0), Err(NoSecretMatches));
        assert_eq!(verdict(&unknowing, "WEBHOOK1", 0), Err(CertificateUnknown));
    }

    fn event(event_type: &str, resource: &str) -> PaymentEvent {
        let body = format!(r#"{{"id":"WH-1","event_type":"{event_type}","resource":{resource}}}"#);
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: Bytes::from(body),
            received_at: Timestamp::from_millis(0),
        };
        read(&delivery, &Settings::default()).unwrap().remove(0)
    }

    #[test]
    fn everything_that_happens_to_a_capture_names_the_capture() {
        let up = |path: &str| {
            format!(
                r#"{{"id":"R1","amount":{{"total":"-3.67","currency":"USD"}},"links":[{{"rel":"up","href":"https://api.paypal.com{path}"}}]}}"#
            )
        };
        for (event_type, resource, payment) in [
            ("PAYMENT.CAPTURE.REFUNDED", up("/v2/payments/captures/C1"), "C1"),
            ("PAYMENT.CAPTURE.COMPLETED", up("/v2/checkout/orders/O1"), "R1"),
            ("PAYMENT.CAPTURE.COMPLETED", up("/v2/payments/authorizations/A1"), "R1"),
            ("PAYMENT.CAPTURE.REVERSED", up("/v2/payments/captures/C1"), "C1"),
            ("PAYMENT.SALE.REFUNDED", r#"{"id":"R1","sale_id":"S1","amount":{"total":"3.67","currency":"USD"}}"#.into(), "S1"),
            (
                "CHECKOUT.ORDER.COMPLETED",
                r#"{"id":"O1","purchase_units":[{"payments":{"captures":[{"id":"C1","status":"COMPLETED","amount":{"value":"3.67","currency_code":"USD"}}]}}]}"#.into(),
                "C1",
            ),
        ] {
            let event = event(event_type, &resource);
            assert_eq!(event.payment_id, payment, "{event_type} {resource}");
            let meaning = event.meaning.unwrap();
            assert!(!matches!(meaning.fact, Fact::Other | Fact::Unreadable { .. }), "{resource}");
            assert!(meaning.money.is_none_or(|money| money.units == 367));
        }
    }

    #[test]
    fn an_order_of_several_captures_moves_none_of_them() {
        let captures = r#"{"captures":[{"id":"C1","amount":{}},{"id":"C2","amount":{}}]}"#;
        let order = format!(r#"{{"id":"O1","purchase_units":[{{"payments":{captures}}}]}}"#);
        let event = event("CHECKOUT.ORDER.COMPLETED", &order);
        assert_eq!(
            (&*event.payment_id, event.meaning.unwrap().fact),
            ("O1", Fact::Other)
        );
    }
}
