//! Which deliveries are sent, and how each is signed.

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use domain::providers::{Occasion, Provider, ProviderId, Sample, Spec, Story};
use domain::secret::Secret;
use domain::signature::{Draft, Scheme};
use engine::clock::{Clock as _, Luck as _, SystemClock, SystemLuck};

use super::{Args, now};
use crate::cli::send::webhook::{Webhook, forged};
use crate::cli::source_args::Sources;

/// Everything that does not change from one delivery to the next.
pub(super) struct Plan {
    provider: Provider,
    secret: Secret,
    occasions: Vec<Occasion>,
    story: Story,
    /// Whether ids were given, so that they are not made anew for each of a burst.
    has_payment: bool,
    event: Option<String>,
    skew_ms: i64,
    /// Whether the body is changed once it is signed. Without the private key a forger can do no
    /// more; and of a private key's text, the last characters may mean nothing.
    alters: bool,
}

impl Plan {
    pub(super) fn new(args: &Args, occasion: Occasion, sources: &Sources) -> anyhow::Result<Self> {
        let provider = sources.source.provider.clone();
        let (scheme, title) = (provider.scheme(), provider.spec().title);
        let signs = *scheme != Scheme::Unsigned;
        ensure!(
            signs || !(args.bad_signature || args.old_secret),
            "{title} signs nothing: --bad-signature and --old-secret would do nothing"
        );
        ensure!(
            args.skew == 0 || scheme.signs_time(),
            "{title} signs no time: --skew would do nothing"
        );
        let secret = secret(args, sources)?;
        let occasions = if args.out_of_order {
            backwards(provider.spec(), occasion)
        } else {
            vec![occasion]
        };
        Ok(Self {
            secret,
            occasions,
            story: Story {
                occasion,
                event: String::new(),
                payment: args.payment.clone().unwrap_or_else(random_word),
                amount: args.amount,
                currency: args.currency,
                at: SystemClock.now(),
                live: args.live,
            },
            has_payment: args.payment.is_some(),
            event: args.event_id.clone(),
            skew_ms: args.skew,
            alters: args.bad_signature && args.signing_key.is_some(),
            provider,
        })
    }

    /// The deliveries of the payment with this number, counted from 0, in the order of sending.
    pub(super) fn deliveries(&self, number: u64) -> anyhow::Result<Vec<Webhook>> {
        let payment = self.payment(number);
        self.occasions
            .iter()
            .enumerate()
            .map(|(index, occasion)| {
                let sample = self.sample(*occasion, &payment, number, index)?;
                self.signed(sample)
            })
            .collect()
    }

    /// The first delivery of the payment with this number.
    pub(super) fn first_of(&self, number: u64) -> anyhow::Result<Webhook> {
        self.deliveries(number)?
            .into_iter()
            .next()
            .context("there is nothing to send")
    }

    /// What the provider's API would say of each payment, by its id.
    pub(super) fn truths(&self) -> anyhow::Result<Vec<(String, Bytes)>> {
        let payment = self.payment(0);
        self.occasions
            .iter()
            .enumerate()
            .map(|(index, occasion)| {
                let sample = self.sample(*occasion, &payment, 0, index)?;
                Ok((sample.payment_id, sample.draft.body))
            })
            .collect()
    }

    fn payment(&self, number: u64) -> String {
        match number {
            0 => self.story.payment.clone(),
            _ if self.has_payment => self.story.payment.clone(),
            _ => random_word(),
        }
    }

    fn sample(
        &self,
        occasion: Occasion,
        payment: &str,
        number: u64,
        index: usize,
    ) -> anyhow::Result<Sample> {
        let event = match (&self.event, number, index) {
            (Some(event), 0, 0) => event.clone(),
            (Some(event), number, index) => format!("{event}{number}x{index}"),
            (None, _, _) => random_word(),
        };
        let story = Story {
            occasion,
            event,
            payment: payment.to_owned(),
            ..self.story.clone()
        };
        let spec = self.provider.spec();
        (spec.sample)(&story).with_context(|| {
            format!(
                "{} cannot say {} {}: the amount has more decimal places than it counts in",
                spec.title, story.amount, story.currency
            )
        })
    }

    fn signed(&self, sample: Sample) -> anyhow::Result<Webhook> {
        let mut draft = sample.draft;
        if draft.id.is_empty() {
            draft.id = format!("msg_{}", random_word());
        }
        let provider = self.provider.id();
        if provider == ProviderId::MollieClassic {
            // What is sent is a hint; the payment itself is what the API answers.
            draft = Draft {
                headers: vec![(
                    "content-type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                )],
                body: Bytes::from(format!("id={}", sample.payment_id)),
                ..draft
            };
        }
        if provider == ProviderId::Braintree {
            for (name, value) in &mut draft.headers {
                if name == "content-type" {
                    "application/x-www-form-urlencoded".clone_into(value);
                }
            }
        }
        let mut signed = self
            .provider
            .scheme()
            .sign(draft, &self.secret, now(self.skew_ms))?;
        if self.alters {
            signed.body = [&signed.body[..], b" "].concat().into();
        }
        Ok(signed.into())
    }
}

fn secret(args: &Args, sources: &Sources) -> anyhow::Result<Secret> {
    let source = &sources.source;
    if source.secrets.is_empty() {
        // Nothing is signed, so any will do.
        return Ok(Secret::new("none", "none"));
    }
    let moment = SystemClock.now();
    let chosen = if args.old_secret {
        source
            .secrets
            .iter()
            .filter(|secret| secret.retires_at().is_some())
            .min_by_key(|secret| secret.retires_at())
            .context("no secret of the source has a retires_at: there is no old one")?
    } else {
        source
            .secrets
            .iter()
            .find(|secret| secret.is_live(moment))
            .context("every secret of the source is retired; see retires_at")?
    };
    let secret = match &args.signing_key {
        None => chosen.clone(),
        Some(path) => {
            let key = std::fs::read(path)
                .with_context(|| format!("cannot read the signing key {}", path.display()))?;
            with_signing_key(chosen, &key, &source.provider)?
        }
    };
    Ok(if args.bad_signature && args.signing_key.is_none() {
        forged(&secret)
    } else {
        secret
    })
}

/// The secret of a provider that signs with a private key, where the source's has the public one.
fn with_signing_key(chosen: &Secret, key: &[u8], provider: &Provider) -> anyhow::Result<Secret> {
    let id = provider.id();
    let text = if id == ProviderId::Paypal {
        // The webhook's id is the secret, and is signed with the private key.
        [chosen.expose(), b"\n", key].concat()
    } else if matches!(id, ProviderId::Wise | ProviderId::StandardWebhooks) {
        key.trim_ascii().to_vec()
    } else {
        bail!(
            "{} signs with the secret itself; --signing-key would do nothing",
            provider.spec().title
        );
    };
    Ok(Secret::new(chosen.label(), text))
}

/// Everything that a provider tells on the way to `last`, the last first.
fn backwards(spec: &'static Spec, last: Occasion) -> Vec<Occasion> {
    const LIFE: [Occasion; 5] = [
        Occasion::Created,
        Occasion::Pending,
        Occasion::Authorized,
        Occasion::Captured,
        Occasion::Refunded,
    ];
    let end = LIFE
        .iter()
        .position(|each| *each == last)
        .unwrap_or(LIFE.len() - 1);
    let before = LIFE.into_iter().take(end).rev();
    let mut all = vec![last];
    all.extend(before.filter(|each| super::occasions(spec).any(|(has, _)| has == *each)));
    all
}

fn random_word() -> String {
    format!("{:016x}", SystemLuck.next_u64())
}
