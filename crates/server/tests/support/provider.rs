//! Sources of every provider, each with a secret of the form that it wants, and what they send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::currency::Currency;
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, Sample, Settings, Story};
use domain::secret::Secret;
use domain::signature::Draft;
use domain::time::Timestamp;
use engine::clock::{Clock as _, SystemClock};

use super::home::SECRET;
use super::webhook::Webhook;

/// The URL that Square's webhooks are signed over.
const REGISTERED_URL: &str = "https://pay.example/webhooks/square";

/// The providers' own name of every secret: Braintree's public key, Worldpay's and Klarna's key id.
const KEY_ID: &str = "key-1";

/// The secret of the source that is named as its provider; each has its own.
pub(crate) fn secret(id: ProviderId) -> String {
    let bytes: Vec<u8> = id.name().bytes().cycle().take(32).collect();
    if id == ProviderId::Generic {
        SECRET.to_owned()
    } else if id == ProviderId::StandardWebhooks {
        format!("whsec_{}", STANDARD.encode(bytes))
    } else {
        hex::encode(bytes)
    }
}

/// `[sources.<name>]` of a provider, named as the provider, with [`secret`].
pub(crate) fn source(id: ProviderId) -> String {
    let (name, secret) = (id.name(), secret(id));
    let settings = [
        (ProviderId::Square, format!("url = '{REGISTERED_URL}'")),
        (ProviderId::AuthorizeNet, "currency = 'EUR'".to_owned()),
        (
            ProviderId::MercadoPago,
            "when_authenticated = 'accept'".to_owned(),
        ),
    ];
    let more = settings.into_iter().find(|(each, _)| *each == id);
    let more = more.map(|(_, setting)| setting).unwrap_or_default();
    format!(
        "[sources.{name}]
         provider = '{name}'
         secrets = [{{ value = '{secret}', in_clear = true, label = 'main', key_id = '{KEY_ID}' }}]
         {more}\n"
    )
}

/// One thing that happened to a payment of 10 euro.
pub(crate) fn story(occasion: Occasion, payment: &str, event: &str) -> Story {
    Story {
        occasion,
        event: event.to_owned(),
        payment: payment.to_owned(),
        amount: Amount::parse("10.00").unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        at: SystemClock.now(),
        live: false,
    }
}

/// What a provider sends of it, before it is signed.
pub(crate) fn sample(id: ProviderId, story: &Story) -> Sample {
    (id.spec().sample)(story).unwrap_or_else(|| panic!("{} has no {story:?}", id.name()))
}

/// A draft to the source of [`source`], signed now with [`secret`].
pub(crate) fn signed(id: ProviderId, draft: Draft) -> Webhook {
    signed_at(id, draft, SystemClock.now())
}

/// The same, signed at another time.
pub(crate) fn signed_at(id: ProviderId, draft: Draft, at: Timestamp) -> Webhook {
    let settings = Settings {
        url: (id == ProviderId::Square).then(|| REGISTERED_URL.to_owned()),
        ..Settings::default()
    };
    let provider = Provider::try_new(id, settings).unwrap();
    let secret = Secret::new("main", secret(id)).with_id(KEY_ID);
    let signed = provider.scheme().sign(draft, &secret, at).unwrap();
    let query = signed.query.map(|query| format!("?{query}"));
    Webhook {
        path: format!("/webhooks/{}{}", id.name(), query.unwrap_or_default()),
        headers: signed.headers,
        body: signed.body.to_vec(),
    }
}

/// A JSON body to the source of [`source`], signed now.
pub(crate) fn signed_body(id: ProviderId, body: impl Into<Vec<u8>>) -> Webhook {
    let draft = Draft {
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.into().into(),
        id: "msg_1".to_owned(),
        ..Draft::default()
    };
    signed(id, draft)
}
