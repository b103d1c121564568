//! Where a secret comes from: an environment variable, a file, or — only when the file says so
//! in so many words — the configuration itself.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

/// One entry of a list of secrets. Exactly one of `env`, `file` and `value` is given.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SecretConfig {
    /// The environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// The file that holds it; one line break at its end is not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The secret itself, in clear. Refused without `in_clear = true`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "redact")]
    pub(crate) value: Option<String>,
    /// Says that `value` stands in clear on purpose.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) in_clear: bool,
    /// What to call it in logs and metrics; its position in the list otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// The provider's own name for it: Worldpay's and Klarna's key id, Braintree's public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    /// When it begins to be accepted, as `2026-12-01T00:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starts_at: Option<String>,
    /// When it stops being accepted, as `2026-12-01T00:00:00Z`: the end of a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retires_at: Option<String>,
}

impl SecretConfig {
    /// Reads the secret's bytes.
    #[expect(
        clippy::disallowed_methods,
        reason = "secrets come from the environment"
    )]
    pub(crate) fn read(&self) -> anyhow::Result<Vec<u8>> {
        let secret = match (&self.env, &self.file, &self.value) {
            (Some(name), None, None) => std::env::var(name)
                .with_context(|| format!("environment variable {name} is not set"))?
                .into_bytes(),
            (None, Some(path), None) => read_file(path)?,
            (None, None, Some(value)) => {
                ensure!(
                    self.in_clear,
                    "a secret stands in clear in the configuration; use `env` or `file`, or say \
                     `in_clear = true` beside it if that is meant"
                );
                value.clone().into_bytes()
            }
            _ => bail!("a secret needs exactly one of `env`, `file` and `value`"),
        };
        ensure!(!secret.is_empty(), "the secret is empty");
        Ok(secret)
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut secret = std::fs::read(path)
        .with_context(|| format!("cannot read the secret in {}", path.display()))?;
    if secret.last() == Some(&b'\n') {
        secret.pop();
        if secret.last() == Some(&b'\r') {
            secret.pop();
        }
    }
    Ok(secret)
}

fn redact<S: serde::Serializer>(_: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("(not shown)")
}

fn is_false(value: &bool) -> bool {
    !value
}

impl fmt::Debug for SecretConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SecretConfig")
            .field("env", &self.env)
            .field("file", &self.file)
            .field("value", &self.value.as_ref().map(|_| "(not shown)"))
            .field("label", &self.label)
            .field("key_id", &self.key_id)
            .field("starts_at", &self.starts_at)
            .field("retires_at", &self.retires_at)
            .finish_non_exhaustive()
    }
}
