//! What an execution lived through, as stores keep it: the signals and their moments.
//!
//! The interpreter is deterministic, so these and the definition give back the whole history
//! in Step Functions' shape; it is derived when somebody looks and stored nowhere.

use asl::advance::{Moment, Signal};
use asl::execution::Execution;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One signal and the moment it was given at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When, and with what luck.
    #[serde(rename = "at")]
    pub moment: Moment,
    /// What happened.
    #[serde(rename = "s")]
    pub signal: Signal,
}

/// What a store gave back is not what a runner wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a kept step or snapshot cannot be read; it is from a newer payhook, or damaged")]
pub struct Unreadable;

impl Step {
    /// The text that a store keeps.
    pub fn encode(&self) -> Result<Bytes, Unreadable> {
        serde_json::to_vec(self)
            .map(Bytes::from)
            .map_err(|_| Unreadable)
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(text: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(text).map_err(|_| Unreadable)
    }
}

/// The text that a store keeps of an execution's present state.
pub fn encode_snapshot(execution: &Execution) -> Result<Bytes, Unreadable> {
    serde_json::to_vec(execution)
        .map(Bytes::from)
        .map_err(|_| Unreadable)
}

/// Reads what [`encode_snapshot`] wrote.
pub fn decode_snapshot(text: &[u8]) -> Result<Execution, Unreadable> {
    serde_json::from_slice(text).map_err(|_| Unreadable)
}
