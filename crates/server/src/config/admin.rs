//! The listener that operators call: health, metrics, and everything that inspects.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AdminConfig {
    /// Address and port. Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// A file that holds the bearer token. Without one a token is made at the first start and
    /// kept in the data directory, where the command line finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            token_file: None,
        }
    }
}
