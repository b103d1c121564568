//! Keys, from the command line.

use super::{Access, HERE};
use crate::admin::ActRequest;
use crate::desk::{By, RewrapRequest};
use crate::view::{KeysView, RewrappedView, RotatedView};

impl Access {
    /// See [`crate::desk::Desk::keys`].
    pub(crate) async fn keys(&self) -> anyhow::Result<KeysView> {
        match self {
            Self::Server(server) => server.get("keys", &[(); 0]).await,
            Self::Directory(desk) => Ok(desk.keys()?),
        }
    }

    /// See [`crate::desk::Desk::rotate_key`].
    pub(crate) async fn rotate_key(&self, reason: Option<String>) -> anyhow::Result<RotatedView> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(ActRequest { reason })?;
                server.post("keys/rotate", &body).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, reason.as_deref());
                Ok(desk.rotate_key(&by).await?)
            }
        }
    }

    /// See [`crate::desk::Desk::rewrap`].
    pub(crate) async fn rewrap(&self, request: &RewrapRequest) -> anyhow::Result<RewrappedView> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(request)?;
                server.post("keys/rewrap", &body).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, request.reason.as_deref());
                Ok(desk.rewrap(request, &by).await?)
            }
        }
    }
}
