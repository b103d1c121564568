//! Who may send, and how they prove it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use domain::card::CardPolicy;
use domain::currency::Currency;
use domain::limits;
use domain::providers::{FieldPaths, Provider, ProviderId, SchemeChanges, Settings};
use domain::secret::Secret;
use domain::signature::{HmacAlgorithm, SignatureEncoding, Template, TimeUnit};
use domain::source::{Handling, Source, SourceName};
use domain::time::{Millis, Timestamp};
use engine::ingress::Rules;
use serde::{Deserialize, Serialize};

use super::published;
use super::secrets::SecretConfig;
use super::server::{RateConfig, networks};

/// What stands in `addresses` for those that the provider publishes.
const PUBLISHED: &str = "published";

/// `[sources.<name>]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SourceConfig {
    /// Whose webhooks: a name that `payhook providers` lists.
    pub(crate) provider: ProviderName,
    /// Every secret that may sign now. Two while one is being rotated.
    pub(crate) secrets: Vec<SecretConfig>,
    /// The URL exactly as it is registered with the provider, where that is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// How far off a signed time may be, either way, in seconds; the provider's own otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tolerance_seconds: Option<u64>,
    /// The currency of a provider that names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<String>,
    /// Whether an authorization is captured without another word (Adyen).
    pub(crate) automatic_capture: bool,
    /// Files of certificates that are trusted without being fetched (PayPal).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificate_files: Vec<PathBuf>,
    /// What is done when the sender is known, but no signature covers the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when_authenticated: Option<HandlingName>,
    /// The provider's own API, which tells what is true and what it could not deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<ApiConfig>,
    /// Whether the executions of one payment run one at a time, in order of arrival.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) one_at_a_time: bool,
    /// The addresses and networks from which it is called, or `published` for those that the
    /// provider publishes; anywhere otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) addresses: Vec<String>,
    /// How many proven deliveries it may bring; as many as come otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<RateConfig>,
    /// What is done with a body that holds a card number or a security code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card_data: Option<CardPolicyName>,
    /// The header that holds the signature; the provider's own otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<String>,
    /// The hash under the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) algorithm: Option<Algorithm>,
    /// How the signature is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<Encoding>,
    /// A text that may stand before the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<String>,
    /// What is signed, as a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signed: Option<String>,
    /// The signature's name in a header of pairs such as `t=…,v1=…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pair: Option<String>,
    /// What stands between the pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) separator: Option<char>,
    /// Where the signed time stands: a header, or a name among the pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp: Option<String>,
    /// How the signed time is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp_unit: Option<TimeUnitName>,
    /// Whether the secrets are written in hexadecimal digits.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) secret_is_hex: bool,
    /// Where the body's fields stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<FieldsConfig>,
}

/// A provider by its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProviderName(pub(crate) ProviderId);

impl Default for ProviderName {
    fn default() -> Self {
        Self(ProviderId::Generic)
    }
}

impl Serialize for ProviderName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for ProviderName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for ProviderName {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        ProviderId::parse(name).map(Self).ok_or_else(|| {
            let known = ProviderId::ALL.into_iter().map(ProviderId::name);
            let close = known.max_by(|one, other| {
                let likeness = |known: &str| strsim::jaro_winkler(known, name);
                likeness(one).total_cmp(&likeness(other))
            });
            anyhow!(
                "there is no provider {name:?}; did you mean {:?}? `payhook providers` lists all",
                close.unwrap_or_default()
            )
        })
    }
}

/// `[sources.<name>.api]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ApiConfig {
    /// The API's key or token.
    pub(crate) token: SecretConfig,
    /// Where the API is; the provider's own address otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    /// Longest wait for an answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
}

/// `[sources.<name>.fields]`: names with dots between them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FieldsConfig {
    /// The payment's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<String>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<String>,
    /// In which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<String>,
    /// The status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// Who moved the money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    /// The provider's id of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event_id: Option<String>,
    /// Whether the amount is in minor units.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) amount_is_minor: bool,
}

/// The policies by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HandlingName {
    /// Takes it for true.
    Accept,
    /// Keeps it apart.
    Quarantine,
    /// Asks the provider's API what is so.
    Fetch,
}

/// What is done with card data, by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CardPolicyName {
    /// Digits are written over.
    Mask,
    /// It is set apart.
    Quarantine,
    /// It is kept as it came.
    Keep,
}

/// The hashes by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Algorithm {
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// The encodings by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// Two hexadecimal digits a byte.
    Hex,
    /// Base64.
    Base64,
}

/// The ways of writing a time by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TimeUnitName {
    /// Whole seconds since 1970.
    Seconds,
    /// Whole milliseconds since 1970.
    Millis,
    /// RFC 3339.
    Iso,
}

impl SourceConfig {
    /// The source as the front door needs it, its secrets read.
    pub(crate) fn build(&self, name: &str) -> anyhow::Result<Source> {
        let named = SourceName::try_new(name).with_context(|| format!("[sources.{name}]"))?;
        let provider = self
            .provider()
            .with_context(|| format!("[sources.{name}]"))?;
        let is_unsigned = provider.id() == ProviderId::MollieClassic;
        ensure!(
            !self.secrets.is_empty() || is_unsigned,
            "[sources.{name}] has no secret: nothing could prove who sends. Add one, for example \
             secrets = [{{ env = \"PAYHOOK_SECRET\" }}]"
        );
        ensure!(
            self.secrets.len() <= limits::SECRETS_MAX,
            "[sources.{name}] has more than {} secrets",
            limits::SECRETS_MAX
        );
        let secrets = self
            .secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| {
                build_secret(secret, index, &provider)
                    .with_context(|| format!("[sources.{name}] secret number {}", index + 1))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let when_authenticated = self.handling(name, &provider)?;
        Ok(Source {
            name: named,
            provider,
            secrets,
            when_authenticated,
        })
    }

    /// Who may call it, and how often.
    pub(crate) fn rules(&self, name: &str) -> anyhow::Result<Rules> {
        let about = || format!("[sources.{name}] addresses");
        let (published, own): (Vec<_>, Vec<_>) = self
            .addresses
            .iter()
            .cloned()
            .partition(|text| text == PUBLISHED);
        let mut addresses = networks(&own).with_context(about)?;
        if !published.is_empty() {
            let id = self.provider.0;
            addresses.extend(published::networks(id).with_context(|| {
                format!(
                    "{}: no list of {} is known, only of {}; write the addresses out",
                    about(),
                    id.name(),
                    published::providers()
                )
            })?);
        }
        let rate = self.rate.map(RateConfig::build).transpose();
        Ok(Rules {
            addresses: (!addresses.is_empty()).then_some(addresses),
            rate: rate.with_context(|| format!("[sources.{name}] rate"))?,
        })
    }

    /// What is done with what is only authenticated. Mercado Pago signs no byte of the body, so
    /// that what it tells is fetched unless somebody says otherwise.
    fn handling(&self, name: &str, provider: &Provider) -> anyhow::Result<Handling> {
        let covers_body = provider.scheme().covers_body();
        let must_fetch = provider.id() == ProviderId::MollieClassic;
        let chosen = match self.when_authenticated {
            Some(_) if covers_body => anyhow::bail!(
                "[sources.{name}] when_authenticated would do nothing: {} signs the body",
                provider.spec().title
            ),
            Some(_) if must_fetch => anyhow::bail!(
                "[sources.{name}] when_authenticated would do nothing: {} signs nothing, and what it \
                 tells is always fetched",
                provider.spec().title
            ),
            Some(HandlingName::Accept) => Handling::Accept,
            Some(HandlingName::Quarantine) => Handling::Quarantine,
            Some(HandlingName::Fetch) => Handling::Fetch,
            None if provider.id() == ProviderId::FlutterwaveV3 && self.api.is_some() => {
                anyhow::bail!(
                    "[sources.{name}] needs when_authenticated = \"fetch\" or \"accept\": with a token \
                 the truth could be fetched, and {} signs nothing of what it sends",
                    provider.spec().title
                )
            }
            None if must_fetch || provider.id() == ProviderId::MercadoPago => Handling::Fetch,
            None => Handling::Accept,
        };
        ensure!(
            chosen != Handling::Fetch || covers_body || self.api.is_some(),
            "[sources.{name}] needs [sources.{name}.api] with a token: what {} sends is a hint only, \
             and the truth is fetched from its API",
            provider.spec().title
        );
        Ok(chosen)
    }

    /// How its deliveries are verified and read.
    pub(crate) fn provider(&self) -> anyhow::Result<Provider> {
        let currency = self
            .currency
            .as_deref()
            .map(|code| Currency::parse(code).with_context(|| format!("currency = {code:?}")))
            .transpose()?;
        let certificates = self
            .certificate_files
            .iter()
            .map(|path| certificate(path))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let settings = Settings {
            url: self.url.clone(),
            tolerance: self.tolerance_seconds.map(Millis::from_secs),
            currency,
            automatic_capture: self.automatic_capture,
            card_data: match self.card_data {
                None | Some(CardPolicyName::Mask) => CardPolicy::Mask,
                Some(CardPolicyName::Quarantine) => CardPolicy::Quarantine,
                Some(CardPolicyName::Keep) => CardPolicy::Keep,
            },
            certificates,
            scheme: self.scheme_changes()?,
            fields: self.field_paths(),
        };
        Ok(Provider::try_new(self.provider.0, settings)?)
    }

    fn scheme_changes(&self) -> anyhow::Result<SchemeChanges> {
        let signed = self
            .signed
            .as_deref()
            .map(|text| Template::parse(text).with_context(|| format!("signed = {text:?}")))
            .transpose()?;
        Ok(SchemeChanges {
            header: self.header.clone(),
            algorithm: self.algorithm.map(|algorithm| match algorithm {
                Algorithm::Sha1 => HmacAlgorithm::Sha1,
                Algorithm::Sha256 => HmacAlgorithm::Sha256,
                Algorithm::Sha512 => HmacAlgorithm::Sha512,
            }),
            encoding: self.encoding.map(|encoding| match encoding {
                Encoding::Hex => SignatureEncoding::Hex,
                Encoding::Base64 => SignatureEncoding::Base64,
            }),
            prefix: self.prefix.clone(),
            signed,
            pair: self.pair.clone(),
            separator: self.separator,
            timestamp: self.timestamp.clone(),
            timestamp_unit: self.timestamp_unit.map(|unit| match unit {
                TimeUnitName::Seconds => TimeUnit::Seconds,
                TimeUnitName::Millis => TimeUnit::Millis,
                TimeUnitName::Iso => TimeUnit::Iso,
            }),
            secret_is_hex: self.secret_is_hex,
        })
    }

    fn field_paths(&self) -> FieldPaths {
        let fields = self.fields.clone().unwrap_or_default();
        FieldPaths {
            payment_id: fields.payment_id,
            amount: fields.amount,
            currency: fields.currency,
            status: fields.status,
            provider: fields.provider,
            event_id: fields.event_id,
            amount_is_minor: fields.amount_is_minor,
        }
    }
}

fn certificate(path: &Path) -> anyhow::Result<domain::signature::Certificate> {
    let text = std::fs::read(path)
        .with_context(|| format!("cannot read the certificate {}", path.display()))?;
    upstream::pinned_certificate(&text)
        .with_context(|| format!("{} is no certificate", path.display()))
}

fn build_secret(
    config: &SecretConfig,
    index: usize,
    provider: &Provider,
) -> anyhow::Result<Secret> {
    let label = config
        .label
        .clone()
        .unwrap_or_else(|| format!("{}", index + 1));
    let text = config.read()?;
    if let Some(requirement) = provider.scheme().objection_to(&text) {
        anyhow::bail!(
            "{} cannot use it: it needs {requirement}",
            provider.spec().title
        );
    }
    let mut secret = Secret::new(label, text);
    if let Some(id) = &config.key_id {
        secret = secret.with_id(id);
    }
    if let Some(text) = &config.starts_at {
        secret = secret.starting_at(moment("starts_at", text)?);
    }
    if let Some(text) = &config.retires_at {
        secret = secret.retiring_at(moment("retires_at", text)?);
    }
    Ok(secret)
}

/// The time in a setting.
pub(super) fn moment(name: &str, text: &str) -> anyhow::Result<Timestamp> {
    let when: jiff::Timestamp = text
        .parse()
        .with_context(|| format!("{name} = {text:?} is not a time with its zone"))?;
    Ok(Timestamp::from_millis(when.as_millisecond()))
}
