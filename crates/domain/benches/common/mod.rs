//! What the benches share: every provider as a source would have it, and its sample as it is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::currency::Currency;
use domain::delivery::RawDelivery;
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, Sample, Settings, Story};
use domain::secret::Secret;
use domain::signature::{Certificate, Draft};
use domain::source::SourceName;
use domain::time::Timestamp;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_000);

/// What Square signs before the body.
pub(crate) const URL: &str = "https://pay.example/webhooks/square";

// Made for the domain's tests; nobody's.
const RSA_PRIVATE_KEY: &str = include_str!("../../src/providers/tests/rsa_private.pem");
const RSA_PUBLIC_KEY: &str = include_str!("../../src/providers/tests/rsa_public.pem");

// RFC 8032, section 7.1, test 1.
const ED25519_PRIVATE_KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const ED25519_PUBLIC_KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// A provider, what its sender signs with, and what its source trusts.
pub(crate) struct Setup {
    pub(crate) name: String,
    pub(crate) provider: Provider,
    pub(crate) signing: Secret,
    pub(crate) trusted: Vec<Secret>,
}

/// Every provider, and Standard Webhooks a second time with a key pair.
pub(crate) fn setups() -> Vec<Setup> {
    let key_pair = Setup {
        name: "standard-webhooks ed25519".into(),
        signing: Secret::new("theirs", ED25519_PRIVATE_KEY),
        trusted: vec![Secret::new("ours", ED25519_PUBLIC_KEY)],
        ..setup(ProviderId::StandardWebhooks)
    };
    let all = ProviderId::ALL.into_iter().map(setup);
    all.chain([key_pair]).collect()
}

fn setup(id: ProviderId) -> Setup {
    let mut certificates = Vec::new();
    if id == ProviderId::Paypal {
        certificates.push(certificate());
    }
    let settings = Settings {
        url: (id == ProviderId::Square).then(|| URL.into()),
        currency: Currency::parse("EUR").ok(),
        certificates,
        ..Settings::default()
    };
    // Digits that are a key in each of the forms that there are.
    let digits = "c5".repeat(32);
    let (signing, trusted) = if id == ProviderId::Wise {
        (RSA_PRIVATE_KEY.to_owned(), RSA_PUBLIC_KEY.to_owned())
    } else if id == ProviderId::Paypal {
        (format!("{digits}\n{RSA_PRIVATE_KEY}"), digits)
    } else {
        (digits.clone(), digits)
    };
    let named = |secret: Secret| {
        // Braintree's secrets have the public key as their name.
        if id == ProviderId::Braintree {
            secret.with_id("public")
        } else {
            secret
        }
    };
    Setup {
        name: id.name().into(),
        provider: Provider::try_new(id, settings).unwrap(),
        signing: named(Secret::new("theirs", signing)),
        trusted: vec![named(Secret::new("ours", trusted))],
    }
}

fn certificate() -> Certificate {
    let inner: String = RSA_PUBLIC_KEY
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    Certificate {
        // Pinned: it counts whatever URL a delivery names.
        url: String::new(),
        public_key: STANDARD.decode(inner).unwrap(),
        names: Vec::new(),
        not_before: NOW,
        not_after: NOW,
    }
}

impl Setup {
    /// The sample of a captured payment, or of whatever comes first.
    pub(crate) fn sample(&self) -> Sample {
        let of = |occasion| {
            (self.provider.spec().sample)(&Story {
                occasion,
                event: "1a2b3c4d5e6f7a8b".into(),
                payment: "9f8e7d6c5b4a3210".into(),
                amount: Amount::parse("12.34").unwrap(),
                currency: Currency::parse("EUR").unwrap(),
                at: NOW,
                live: false,
            })
        };
        [Occasion::Captured]
            .into_iter()
            .chain(Occasion::ALL)
            .find_map(of)
            .unwrap()
    }

    /// The draft as it arrives; unsigned where the provider could not have signed it.
    pub(crate) fn delivery(&self, draft: &Draft) -> RawDelivery {
        let scheme = self.provider.scheme();
        let signed = scheme.sign(draft.clone(), &self.signing, NOW);
        let signed = signed.unwrap_or_else(|_| domain::signature::Signed {
            headers: draft.headers.clone(),
            query: draft.query.clone(),
            body: Bytes::clone(&draft.body),
        });
        signed.delivery(SourceName::generic(), NOW)
    }
}
