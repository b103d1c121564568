//! Who signs checkpoints of the journal.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use vault::checkpoint::SigningKey;
use zeroize::Zeroizing;

use super::secrets::SecretConfig;

/// `[journal]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct JournalConfig {
    /// The ed25519 seed that checkpoints are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key: Option<SecretConfig>,
}

impl JournalConfig {
    /// The key; `None` where none is configured.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn key(&self) -> anyhow::Result<Option<SigningKey>> {
        let Some(secret) = &self.signing_key else {
            return Ok(None);
        };
        let seed = secret.read().map(Zeroizing::new);
        let seed = seed.context("[journal] signing_key")?;
        let key = SigningKey::parse(&seed).context("[journal] signing_key")?;
        Ok(Some(key))
    }
}
