//! Where everything is kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[store]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoreConfig {
    /// The data directory. One process at a time may have it open.
    pub(crate) path: PathBuf,
    /// Most writes that may wait for the disk before new webhooks are answered 503.
    pub(crate) queue_max: usize,
    /// Most writes in one commit.
    pub(crate) batch_max: usize,
    /// Most deliveries in quarantine; the oldest make room.
    pub(crate) quarantine_deliveries_max: u64,
    /// Most bytes in quarantine; the oldest make room.
    pub(crate) quarantine_bytes_max: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::from("payhook-data"),
            queue_max: 4096,
            batch_max: 1024,
            quarantine_deliveries_max: 10_000,
            quarantine_bytes_max: 64 * 1024 * 1024,
        }
    }
}
