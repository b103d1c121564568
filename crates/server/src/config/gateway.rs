//! Who settles payments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secrets::SecretConfig;

/// `[gateway]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GatewayConfig {
    /// Which one.
    pub(crate) kind: GatewayKind,
    /// `[gateway.simulated]`
    pub(crate) simulated: SimulatedConfig,
    /// `[gateway.http]`
    pub(crate) http: HttpConfig,
}

/// The gateways by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GatewayKind {
    /// Moves no money: the seed's stand-in.
    #[default]
    Simulated,
    /// Posts to a URL.
    Http,
}

/// The stand-in's temper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SimulatedConfig {
    /// How long it takes, in milliseconds.
    pub(crate) latency_ms: u64,
    /// How many of a hundred attempts fail.
    pub(crate) failure_percent: u8,
    /// What its luck is made from; the same seed gives the same failures.
    pub(crate) seed: u64,
    /// What happens to particular payments instead of luck, by `paymentId`: one act a call, the
    /// last one for every call after it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) scripts: BTreeMap<String, Vec<Act>>,
}

/// The acts of a script by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Act {
    /// It settles and answers.
    Settle,
    /// It settles, and the answer is lost.
    LoseAnswer,
    /// It neither settles nor answers.
    TimeOut,
    /// It says that it cannot now.
    Fail,
    /// It asks for fewer calls.
    RateLimit,
    /// It says no.
    Decline,
}

/// A gateway behind a URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HttpConfig {
    /// Where payments are posted to.
    pub(crate) url: String,
    /// Longest time for one request, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// Headers to send, such as `Authorization`; a value is a secret and comes from where
    /// secrets come from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, SecretConfig>,
    /// JSON Pointer to the transaction's id in the answer.
    pub(crate) transaction_id: String,
    /// JSON Pointer to the time of processing in the answer; the time of the answer when that
    /// is not there.
    pub(crate) processed_at: String,
}

impl Default for SimulatedConfig {
    fn default() -> Self {
        Self {
            latency_ms: 100,
            failure_percent: 10,
            seed: 0,
            scripts: BTreeMap::new(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            timeout_ms: 30_000,
            headers: BTreeMap::new(),
            transaction_id: "/transactionId".to_owned(),
            processed_at: "/processedAt".to_owned(),
        }
    }
}
