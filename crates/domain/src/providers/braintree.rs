//! Braintree: a form with base64 in it, and in that XML.
//!
//! The XML is read by hand, because a handful of its elements is all that is needed: elements by
//! their path, with tags that must match. Entities, CDATA and the like stand in none of them; a
//! text that has them is not read.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{Draft, Scheme, base64_lenient};
use crate::status::PaymentStatus;

const NAME: &str = "braintree";

/// Braintree.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Braintree",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "none: the form fields bt_signature (public key|hex, joined by &) and bt_payload",
        algorithm: "HMAC-SHA-1 in hex; the key is the SHA-1 of the private key; the secret's key_id is the public key",
        signed: "bt_payload, with or without a last line break",
        tolerance: "none: the timestamp is in the payload, and Braintree names no bound",
        dedupe: "kind, timestamp and the subject's id; bt_payload's SHA-256 where one of them is missing",
        fields: "subject/transaction/id (of a refund refunded-transaction-id), subject/dispute/transaction/id; amount (major); currency-iso-code; kind, type and status",
        retries: "every hour for 24 hours, in the sandbox for 3; 30 s for an answer",
        sources: &[
            "https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
            "https://developer.paypal.com/braintree/docs/reference/general/webhooks/transaction",
            "https://developer.paypal.com/braintree/docs/reference/general/webhooks/dispute",
            "https://developer.paypal.com/braintree/docs/reference/general/webhooks/local-payment-methods",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "The published signature is the answer to a challenge; those of notifications are worked out as the SDKs do it.",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Braintree)
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let by_payload = payload_key(&delivery.body);
    let xml = match xml(&delivery.body) {
        Ok(xml) => xml,
        Err(problem) => {
            let unreadable = Reading::new(delivery, NAME, "unreadable").event_id(by_payload);
            return Ok(alloc::vec![unreadable.problem(problem).finish()]);
        }
    };
    let notification = child(&xml, "notification").unwrap_or_default();
    let kind = text(notification, &["kind"]).unwrap_or_default();
    let time = text(notification, &["timestamp"]);
    let reading = Reading::new(delivery, NAME, kind)
        .event_id(by_payload)
        .account(text(notification, &["source-merchant-id"]))
        .occurred_at(read::iso(time.map(Cow::Borrowed)));
    let subject = child(notification, "subject");
    let reading = match subject.and_then(|subject| at(subject, path(kind))) {
        Some(object) => about(reading, kind, time, object),
        None if kind.is_empty() => reading.problem("notification/kind is missing"),
        None if fact(kind, false) == Fact::Other => reading,
        None => reading.problem("notification/subject does not hold what the kind is about"),
    };
    Ok(alloc::vec![reading.finish()])
}

/// The key of a notification that names nothing better: the hash of what is signed of the form.
/// Whatever else stands in the form is not, and could make a new event of an old one.
fn payload_key(body: &[u8]) -> Option<String> {
    let (_, payload) = form_urlencoded::parse(body).find(|(name, _)| name == "bt_payload")?;
    let hash = Sha256::digest(payload.trim_end().as_bytes());
    Some(format!("payload:{}", hex::encode(hash)))
}

/// The XML in a form.
fn xml(body: &[u8]) -> Result<String, &'static str> {
    let mut payloads = form_urlencoded::parse(body).filter(|(name, _)| name == "bt_payload");
    let (Some((_, payload)), None) = (payloads.next(), payloads.next()) else {
        return Err("bt_payload is not there once");
    };
    // It is broken into lines.
    let digits: String = payload.split_ascii_whitespace().collect();
    base64_lenient(digits.as_bytes())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or("bt_payload is no base64 of a text")
}

/// Where in the subject the object of this kind stands.
fn path(kind: &str) -> &'static [&'static str] {
    match kind {
        "refund_failed" => &["transaction"],
        _ if kind.starts_with("transaction_") => &["transaction"],
        _ if kind.starts_with("dispute_") => &["dispute"],
        // The newest comes first.
        _ if kind.starts_with("subscription_charged_") => {
            &["subscription", "transactions", "transaction"]
        }
        "local_payment_completed" => &["local-payment"],
        "local_payment_funded" => &["local-payment-funded"],
        "local_payment_expired" => &["local-payment-expired"],
        "local_payment_reversed" => &["local-payment-reversed"],
        _ => &["subscription"],
    }
}

fn about<'a>(reading: Reading<'a>, kind: &str, time: Option<&str>, object: &str) -> Reading<'a> {
    let is_refund = text(object, &["type"]) == Some("credit");
    let fact = fact(kind, is_refund);
    let id = text(object, &["id"]).or_else(|| text(object, &["payment-id"]));
    let payment_id = match fact {
        Fact::Refund { .. } => text(object, &["refunded-transaction-id"]).or(id),
        // The transaction of a dispute, or of a local payment that has become one.
        Fact::Dispute { .. }
        | Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => text(object, &["transaction", "id"]).or(id),
    };
    // The same money is told under a local payment's id, and under its transaction's.
    let operation = match fact {
        Fact::Payment { .. } | Fact::CaptureFailed => payment_id,
        Fact::Refund { .. }
        | Fact::RefundedTotal
        | Fact::Dispute { .. }
        | Fact::Other
        | Fact::Unreadable { .. } => id,
    };
    let key = match (time, id) {
        (Some(time), Some(id)) => Some(format!("{kind}:{time}:{id}")),
        (_, _) => None,
    };
    let first = |paths: [&[&str]; 3]| paths.into_iter().find_map(|path| text(object, path));
    let amount = first([
        &["amount-disputed"],
        &["amount"],
        &["transaction", "amount"],
    ]);
    let currency = first([
        &["currency-iso-code"],
        &["transaction", "currency-iso-code"],
        &["transaction", "currency"],
    ]);
    let money = read::major(amount, currency, SPEC.exponents);
    let reading = match key {
        Some(key) => reading.event_id(Some(key)),
        None => reading,
    };
    reading
        .payment_id(payment_id)
        .status(text(object, &["status"]))
        .operation(operation)
        .tells(fact, money)
}

fn fact(kind: &str, is_refund: bool) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Failed};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let dispute = |outcome| Fact::Dispute { outcome };
    match kind {
        "transaction_settled" | "transaction_disbursed" if is_refund => {
            refund(RefundOutcome::Succeeded)
        }
        "transaction_settled" | "transaction_disbursed" => payment(Captured),
        "transaction_settlement_declined" if is_refund => refund(RefundOutcome::Failed),
        // The bank may send it back after it was told as settled.
        "transaction_settlement_declined" => Fact::CaptureFailed,
        "refund_failed" => refund(RefundOutcome::Failed),
        "subscription_charged_successfully" => payment(Captured),
        "subscription_charged_unsuccessfully" => payment(Failed),
        // The customer has paid; the merchant has three hours to take it.
        "local_payment_completed" => payment(Authorized),
        "local_payment_funded" => payment(Captured),
        "local_payment_expired" => payment(Expired),
        "local_payment_reversed" => payment(Canceled),
        "dispute_opened" | "dispute_under_review" | "dispute_disputed" => {
            dispute(DisputeOutcome::Open)
        }
        "dispute_won" => dispute(DisputeOutcome::Won),
        // Accepted, or not answered in time: the money is the customer's.
        "dispute_lost" | "dispute_accepted" | "dispute_auto_accepted" | "dispute_expired" => {
            dispute(DisputeOutcome::Lost)
        }
        _ => Fact::Other,
    }
}

/// The text at the end of a path of elements; `None` where it is not there, or is more than text.
fn text<'a>(content: &'a str, path: &[&str]) -> Option<&'a str> {
    let text = at(content, path)?.trim();
    (!text.is_empty() && !text.contains(['<', '&'])).then_some(text)
}

fn at<'a>(content: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter()
        .try_fold(content, |content, name| child(content, name))
}

/// What stands in the first element of this name that is directly in `content`.
fn child<'a>(content: &'a str, name: &str) -> Option<&'a str> {
    let mut open: Vec<&str> = Vec::new();
    let mut inside: Option<&'a str> = None;
    let mut rest = content;
    loop {
        let (_, tag) = rest.split_once('<')?;
        let before = rest.len().checked_sub(tag.len())?.checked_sub(1)?;
        let from = rest.get(before..)?;
        let (tag, after) = end_of_tag(tag)?;
        rest = after;
        if let Some(closed) = tag.strip_prefix('/') {
            if open.pop()? != closed.trim_end() {
                return None;
            }
            if open.is_empty()
                && let Some(start) = inside
            {
                return start.get(..start.len().checked_sub(from.len())?);
            }
        } else if !tag.starts_with(['!', '?']) {
            let own = tag.split([' ', '\t', '\r', '\n', '/']).next()?;
            let is_wanted = open.is_empty() && own == name;
            match (tag.ends_with('/'), is_wanted) {
                (true, true) => return Some(""),
                (true, false) => {}
                (false, _) => {
                    inside = if is_wanted { Some(after) } else { inside };
                    open.push(own);
                }
            }
        }
    }
}

/// A tag without its `<` and `>`, and what comes after it.
fn end_of_tag(text: &str) -> Option<(&str, &str)> {
    if text.starts_with("!--") {
        return text.split_once("-->");
    }
    if text.starts_with("![CDATA[") {
        return text.split_once("]]>");
    }
    let mut quote = None;
    let end = text.find(|character| match quote {
        Some(open) => {
            if character == open {
                quote = None;
            }
            false
        }
        None => {
            quote = Some(character).filter(|each| matches!(each, '"' | '\''));
            character == '>'
        }
    })?;
    let (tag, after) = text.split_at_checked(end)?;
    Some((tag, after.strip_prefix('>')?))
}

fn sample(story: &Story) -> Option<Sample> {
    let (kind, status) = match story.occasion {
        Occasion::Captured | Occasion::Refunded => ("transaction_settled", "settled"),
        Occasion::Failed => ("subscription_charged_unsuccessfully", "processor_declined"),
        Occasion::Disputed => ("dispute_opened", "open"),
        Occasion::DisputeWon => ("dispute_won", "won"),
        Occasion::DisputeLost => ("dispute_lost", "lost"),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Expired => return None,
    };
    let (payment, event) = (&story.payment, &story.event);
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let money = format!(
        "<amount>{amount}</amount><currency-iso-code>{}</currency-iso-code>",
        story.currency
    );
    let transaction = |id: &str, more: &str| {
        format!(
            "<transaction><id>{id}</id><status>{status}</status>{more}{money}<merchant-account-id>payhook</merchant-account-id></transaction>"
        )
    };
    let subject = match (story.occasion, kind.split_once('_')) {
        (Occasion::Refunded, _) => transaction(
            event,
            &format!(
                "<type>credit</type><refunded-transaction-id>{payment}</refunded-transaction-id>"
            ),
        ),
        (_, Some(("dispute", _))) => format!(
            r#"<dispute><id>{event}</id>{money}<kind>chargeback</kind><status>{status}</status><reason>fraud</reason><received-date type="date">2026-11-23</received-date><transaction><id>{payment}</id><amount>{amount}</amount></transaction></dispute>"#
        ),
        (_, Some(("subscription", _))) => format!(
            r#"<subscription><id>s{event}</id><transactions type="array">{}</transactions><add-ons type="array"/></subscription>"#,
            transaction(payment, "<type>sale</type>")
        ),
        (_, _) => transaction(payment, "<type>sale</type>"),
    };
    let time: String = story.at.to_iso().chars().take(19).collect();
    let xml = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<notification><kind>{kind}</kind><timestamp type="datetime">{time}Z</timestamp><subject>{subject}</subject></notification>
"#
    );
    Some(Sample {
        draft: Draft {
            headers: alloc::vec![(
                "content-type".into(),
                "application/x-www-form-urlencoded".into()
            )],
            body: xml.into(),
            ..Draft::default()
        },
        payment_id: payment.clone(),
        event_type: kind.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_found_by_their_path_and_broken_ones_are_not() {
        let xml = r#"<?xml version="1.0"?><!-- <a>no</a> --><a x="1 > 0">
            <b><c>deep</c></b> <c nil="true"/> <d>one &amp; two</d><d>second</d><e> text </e></a>"#;
        for (path, expected) in [
            (&["a", "e"][..], Some("text")),
            (&["a", "b", "c"], Some("deep")),
            // An element in another is not one beside it.
            (&["a", "c"], None),
            (&["a", "d"], None),
            (&["a", "b"], None),
            (&["a", "f"], None),
            (&["e"], None),
        ] {
            assert_eq!(text(xml, path), expected, "{path:?}");
        }
        for broken in [
            "<a><b>1</a></b>",
            "<a>1",
            "<a>1</b>",
            "</a>",
            "<a",
            "a",
            "<a b='>1</a>",
        ] {
            assert_eq!(child(broken, "a"), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(xml in "([<>/a\"' !?é-]|<a>|</a>|<!--|-->){0,30}") {
            let _ = child(&xml, "a");
        }
    }
}
