//! Standard Webhooks, and Svix whose scheme it is: the message's id and its time are signed with
//! the body, and the body is whatever the sender likes.
//!
//! A secret that begins with `whsec_` is shared; one that begins with `whpk_` is the public half of
//! the sender's ed25519 pair.

use alloc::format;
use alloc::vec::Vec;

use super::common_shape;
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::payment::PaymentRules;
use crate::signature::{STANDARD_TOLERANCE, Scheme, standard_id};

const NAME: &str = "standard-webhooks";

/// Standard Webhooks.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Standard Webhooks",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "webhook-id, webhook-timestamp, webhook-signature: v1,… [v1a,…]; or the same as svix-…",
        algorithm: "v1: HMAC-SHA-256 in base64, the key is the base64 after whsec_; v1a: ed25519, the public key after whpk_",
        signed: "{webhook-id}.{webhook-timestamp}.{body}",
        tolerance: "300 s either way",
        dedupe: "webhook-id, which is signed",
        fields: common_shape::FIELDS,
        retries: "as the sender does; the specification recommends several over days, with growing pauses",
        sources: &[
            "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
            "https://docs.svix.com/receiving/verifying-payloads/how-manual",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "the body: senders are free, and this is what most of them do",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::StandardWebhooks {
        tolerance: Some(STANDARD_TOLERANCE),
    })
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let event_id = standard_id(&delivery.headers);
    Ok(common_shape::read(delivery, NAME, event_id))
}

fn sample(story: &Story) -> Option<Sample> {
    let mut sample = common_shape::sample(story)?;
    sample.draft.id = format!("msg_{}", story.event);
    Some(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::event::EventId;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    #[test]
    fn only_the_id_that_is_signed_tells_events_apart() {
        let svix = [
            ("svix-id", "msg_1"),
            ("svix-timestamp", "1"),
            ("svix-signature", "v1,a"),
        ];
        let spoofed = ("webhook-id", "msg_2");
        for (headers, id) in [
            (svix.to_vec(), Some("msg_1")),
            // Whoever repeats a captured delivery adds what nobody has signed.
            ([svix.as_slice(), &[spoofed]].concat(), Some("msg_1")),
            ([spoofed].to_vec(), None),
        ] {
            let headers = headers
                .iter()
                .map(|(name, value)| (name, Bytes::from(*value)));
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::new(headers),
                body: Bytes::from_static(b"{\"type\":\"ping\"}"),
                received_at: Timestamp::from_millis(0),
            };
            let events = read(&delivery, &Settings::default()).unwrap();
            let expected = id.map_or(EventId::Body(delivery.body_hash()), |id| {
                EventId::Provider(id.into())
            });
            assert_eq!(events[0].key.id, expected);
        }
    }
}
