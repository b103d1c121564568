//! Who may send, and how they prove it.

use anyhow::{Context as _, ensure};
use domain::limits;
use domain::providers::Provider;
use domain::providers::generic::{Generic, SchemeChanges};
use domain::secret::Secret;
use domain::signature::{HmacAlgorithm, SignatureEncoding};
use domain::source::{Source, SourceName};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::secrets::SecretConfig;

/// `[sources.<name>]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SourceConfig {
    /// How its deliveries are written.
    pub(crate) provider: ProviderName,
    /// Every secret that may sign now. Two while one is being rotated.
    pub(crate) secrets: Vec<SecretConfig>,
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
}

/// The providers by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProviderName {
    /// A MAC over the body in one header, a flat JSON object.
    #[default]
    Generic,
}

/// The hashes by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Algorithm {
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

impl SourceConfig {
    /// The source as the front door needs it, its secrets read.
    pub(crate) fn build(&self, name: &str) -> anyhow::Result<Source> {
        let named = SourceName::try_new(name).with_context(|| format!("[sources.{name}]"))?;
        ensure!(
            !self.secrets.is_empty(),
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
                build_secret(secret, index)
                    .with_context(|| format!("[sources.{name}] secret number {}", index + 1))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Source {
            name: named,
            provider: self.provider(),
            secrets,
        })
    }

    /// How its deliveries are verified and read.
    pub(crate) fn provider(&self) -> Provider {
        let ProviderName::Generic = self.provider;
        let algorithm = |algorithm| match algorithm {
            Algorithm::Sha256 => HmacAlgorithm::Sha256,
            Algorithm::Sha512 => HmacAlgorithm::Sha512,
        };
        let encoding = |encoding| match encoding {
            Encoding::Hex => SignatureEncoding::Hex,
            Encoding::Base64 => SignatureEncoding::Base64,
        };
        Provider::Generic(Generic::with(SchemeChanges {
            header: self.header.clone(),
            algorithm: self.algorithm.map(algorithm),
            encoding: self.encoding.map(encoding),
            prefix: self.prefix.clone(),
        }))
    }
}

fn build_secret(config: &SecretConfig, index: usize) -> anyhow::Result<Secret> {
    let label = config
        .label
        .clone()
        .unwrap_or_else(|| format!("{}", index + 1));
    let secret = Secret::new(label, config.read()?);
    match &config.retires_at {
        None => Ok(secret),
        Some(text) => {
            let when: jiff::Timestamp = text
                .parse()
                .with_context(|| format!("retires_at = {text:?} is not a time with its zone"))?;
            Ok(secret.retiring_at(Timestamp::from_millis(when.as_millisecond())))
        }
    }
}
