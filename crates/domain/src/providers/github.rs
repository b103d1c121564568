//! The signature that GitHub made common: hexadecimal after `sha256=`, over the body alone.
//!
//! The delivery's id and the event's name stand in headers that are not signed, so neither is
//! believed. The body is whatever the sender likes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;

use super::common_shape;
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::payment::PaymentRules;
use crate::signature::{HeaderForm, HmacScheme, Prefix, Scheme};

const NAME: &str = "github";

/// GitHub, and whoever signs as it does.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "GitHub-style",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "X-Hub-Signature-256: sha256=…",
        algorithm: "HMAC-SHA-256 in hex; the key is the secret as text; the older X-Hub-Signature (SHA-1) never counts",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "the body's SHA-256; X-GitHub-Delivery is not signed",
        fields: common_shape::FIELDS,
        retries: "as the sender does; GitHub itself never tries again on its own",
        sources: &[
            "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
            "https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "the body: senders are free, and this is what most of them do",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::Plain(Some(Prefix::required("sha256="))),
        ..HmacScheme::plain("x-hub-signature-256")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    Ok(common_shape::read(delivery, NAME, None))
}

fn sample(story: &Story) -> Option<Sample> {
    let sample = common_shape::sample(story)?;
    let name = sample
        .event_type
        .split('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    Some(
        sample
            .header("x-github-event", &name)
            .header("x-github-delivery", &format!("delivery-{}", story.event)),
    )
}
