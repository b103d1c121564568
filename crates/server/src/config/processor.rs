//! How tasks are run, and which of them are HTTP endpoints of the operator's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secrets::SecretConfig;

/// `[processor]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ProcessorConfig {
    /// Most tasks at once: the reserved concurrency of the seed's Lambda.
    pub(crate) concurrency: usize,
    /// Longest time for one attempt of a task, in milliseconds, unless the workflow's own
    /// `TimeoutSeconds` is shorter.
    pub(crate) timeout_ms: u64,
}

/// `[tasks."<resource>"]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HttpTaskConfig {
    /// Where the task's input is posted to.
    pub(crate) url: String,
    /// Longest time for one attempt, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// Headers to send; a value is a secret and comes from where secrets come from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, SecretConfig>,
}

impl Default for ProcessorConfig {
    fn default() -> Self {
        Self {
            concurrency: 10,
            timeout_ms: 60_000,
        }
    }
}

impl Default for HttpTaskConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            timeout_ms: 30_000,
            headers: BTreeMap::new(),
        }
    }
}
