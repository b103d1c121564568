//! The listener that providers call.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServerConfig {
    /// Address and port. Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// A path before `/webhooks`, such as `/prod`.
    pub(crate) base_path: String,
    /// Longest body, in bytes.
    pub(crate) body_bytes_max: usize,
    /// Longest time for a request's head, in milliseconds.
    pub(crate) head_timeout_ms: u64,
    /// Longest time for a request's body, in milliseconds.
    pub(crate) body_timeout_ms: u64,
    /// Longest time in which a sender takes nothing of its answer, in milliseconds.
    pub(crate) answer_timeout_ms: u64,
    /// Longest wait for custody before a sender is told to try again, in milliseconds.
    pub(crate) custody_timeout_ms: u64,
    /// Most requests whose bodies are in memory at once.
    pub(crate) requests_max: usize,
    /// Most open connections.
    pub(crate) connections_max: usize,
    /// Longest time for finishing what was begun when asked to stop, in milliseconds.
    pub(crate) stop_timeout_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            base_path: String::new(),
            body_bytes_max: domain::limits::BODY_BYTES_MAX,
            head_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            answer_timeout_ms: 10_000,
            custody_timeout_ms: 4_000,
            requests_max: 1024,
            connections_max: 4096,
            stop_timeout_ms: 20_000,
        }
    }
}
