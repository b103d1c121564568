//! What is done with an event.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[workflow]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkflowConfig {
    /// A state machine in Amazon States Language; the one that payhook ships otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) definition: Option<PathBuf>,
    /// An EventBridge event pattern that chooses which changes start it; inserts otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<PathBuf>,
    /// Whether changes start executions and executions run. `false` takes custody only, which
    /// is what one wants while a gateway is down for the day.
    pub(crate) enabled: bool,
    /// Most changes that one pass of the pipe reads.
    pub(crate) batch_max: usize,
}

impl Default for WorkflowConfig {
    fn default() -> Self {
        Self {
            definition: None,
            filter: None,
            enabled: true,
            batch_max: 512,
        }
    }
}
