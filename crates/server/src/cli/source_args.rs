//! Whose deliveries: a source of the configuration, or one that is described by flags.
//!
//! A secret is named, not given: what stands on a command line stands in the shell's history
//! and in every listing of processes.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use domain::providers::ProviderId;
use domain::source::Source;

use super::{Context, serve};
use crate::config::Config;
use crate::config::secrets::SecretConfig;
use crate::config::sources::{self, ProviderName, SourceConfig};

/// The source that is meant when none is named: the one behind `POST /webhooks`.
pub(super) const DEFAULT_SOURCE: &str = "generic";

/// Which source, which secret, and how its signatures are written.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SourceArgs {
    /// The source, by its name in the configuration [default: generic].
    #[arg(long, value_name = "NAME")]
    pub(super) source: Option<String>,

    /// Use the secret in this environment variable instead of the configuration's.
    #[arg(long, value_name = "VARIABLE", group = "given_secret")]
    secret_env: Option<String>,

    /// Use the secret in this file; one line break at its end is not part of it.
    #[arg(long, value_name = "FILE", group = "given_secret")]
    secret_file: Option<PathBuf>,

    /// Use this secret. WARNING: it will stand in the shell's history and in the list of
    /// processes; for secrets that guard nothing.
    #[arg(long, value_name = "SECRET", group = "given_secret")]
    secret: Option<String>,

    /// Use the known secret of `payhook serve --dev`.
    #[arg(long, group = "given_secret")]
    dev: bool,

    /// The provider's own name for that secret: a key id, or Braintree's public key.
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,

    /// The URL as it is registered with the provider, where that is signed (Square).
    #[arg(long, value_name = "URL")]
    registered_url: Option<String>,

    /// The provider of a source that is described by flags alone.
    #[arg(long = "of-provider", id = "of_provider", value_name = "NAME")]
    of_provider: Option<ProviderName>,

    /// The header that holds the signature.
    #[arg(long, value_name = "NAME", help_heading = "How signatures are written")]
    signature_header: Option<String>,

    /// The hash under the signature.
    #[arg(long, value_enum, help_heading = "How signatures are written")]
    algorithm: Option<Algorithm>,

    /// How the signature is written.
    #[arg(long, value_enum, help_heading = "How signatures are written")]
    encoding: Option<Encoding>,

    /// A text that may stand before the signature, such as `sha256=`.
    #[arg(long, value_name = "TEXT", help_heading = "How signatures are written")]
    prefix: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Encoding {
    Hex,
    Base64,
}

/// The source that was meant, and the others of the configuration.
#[derive(Debug)]
pub(super) struct Sources {
    /// The one that was meant.
    pub(super) source: Source,
    /// Every other one whose secrets can be read here.
    pub(super) others: Vec<Source>,
    /// The configuration it was found in.
    pub(super) config: Config,
}

impl SourceArgs {
    /// The name of the source that is meant.
    pub(super) fn name(&self) -> &str {
        let of_provider = self.of_provider.map(|provider| provider.0.name());
        self.source
            .as_deref()
            .or(of_provider)
            .unwrap_or(DEFAULT_SOURCE)
    }

    /// The same, of the source called `name`.
    pub(super) fn named(mut self, name: &str) -> Self {
        self.source = Some(name.to_owned());
        self
    }

    /// The same, of a source of this provider that stands in no configuration, under its name.
    pub(super) fn of_provider(mut self, id: ProviderId) -> Self {
        self.of_provider = Some(ProviderName(id));
        self
    }

    /// Finds the source and reads its secrets.
    pub(super) fn resolve(&self, context: &Context) -> anyhow::Result<Sources> {
        let mut config = context.config()?;
        if self.given_secret().is_none() {
            serve::add_default_source(&mut config, self.dev)?;
        }
        let name = self.name();
        let source = self.source_config(&config)?.build(name)?;
        // A secret of another source that cannot be read here takes nothing from the verdict;
        // `payhook config check` reports it.
        let others = config
            .sources
            .iter()
            .filter(|(other, _)| other.as_str() != name)
            .filter_map(|(other, settings)| settings.build(other).ok())
            .collect();
        Ok(Sources {
            source,
            others,
            config,
        })
    }

    fn source_config(&self, config: &Config) -> anyhow::Result<SourceConfig> {
        let name = self.name();
        let given = self.given_secret();
        let mut settings = match config.sources.get(name) {
            Some(settings) => settings.clone(),
            // A typing error must not verify with another provider's rules.
            None if given.is_none() || (self.source.is_some() && !config.sources.is_empty()) => {
                bail!(unknown_source(name, config))
            }
            None => SourceConfig::default(),
        };
        if let Some(provider) = self.of_provider {
            settings.provider = provider;
        }
        settings.url = self.registered_url.clone().or(settings.url);
        if let Some(secret) = given {
            settings.secrets = vec![secret];
        }
        let header = self.signature_header.clone();
        settings.header = header.or(settings.header);
        settings.prefix = self.prefix.clone().or(settings.prefix);
        settings.algorithm = match self.algorithm {
            Some(Algorithm::Sha1) => Some(sources::Algorithm::Sha1),
            Some(Algorithm::Sha256) => Some(sources::Algorithm::Sha256),
            Some(Algorithm::Sha512) => Some(sources::Algorithm::Sha512),
            None => settings.algorithm,
        };
        settings.encoding = match self.encoding {
            Some(Encoding::Hex) => Some(sources::Encoding::Hex),
            Some(Encoding::Base64) => Some(sources::Encoding::Base64),
            None => settings.encoding,
        };
        Ok(settings)
    }

    fn given_secret(&self) -> Option<SecretConfig> {
        let none = SecretConfig {
            key_id: self.key_id.clone(),
            ..SecretConfig::default()
        };
        if let Some(name) = &self.secret_env {
            let (env, label) = (Some(name.clone()), Some(name.clone()));
            return Some(SecretConfig { env, label, ..none });
        }
        if let Some(path) = &self.secret_file {
            let label = Some(path.display().to_string());
            let file = Some(path.clone());
            return Some(SecretConfig {
                file,
                label,
                ..none
            });
        }
        self.secret.as_ref().map(|value| SecretConfig {
            value: Some(value.clone()),
            in_clear: true,
            label: Some("given".to_owned()),
            ..none
        })
    }
}

fn unknown_source(name: &str, config: &Config) -> String {
    if config.sources.is_empty() {
        return "there is no source in the configuration: name the file with --config FILE, or a \
                secret with --secret-env VARIABLE or --secret-file FILE, or take the one of `payhook \
                serve --dev` with --dev"
            .to_owned();
    }
    let names: Vec<&str> = config.sources.keys().map(String::as_str).collect();
    format!(
        "there is no source named {name:?} in the configuration; it has {}",
        names.join(", ")
    )
}

/// Reads `Name: value`, as curl takes a header.
pub(super) fn header(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text
        .split_once(':')
        .with_context(|| format!("{text:?} is not a header; give 'Name: value'"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
