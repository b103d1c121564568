//! Endpoints, and what they were told, by either way in.

use super::{Access, HERE, segment};
use crate::admin::{ActRequest, ReplayRequest};
use crate::desk::By;
use crate::view::{EndpointView, NotificationView, RepliesView};

impl Access {
    /// See [`Desk::endpoints`](crate::desk::Desk::endpoints).
    pub(crate) async fn endpoints(&self) -> anyhow::Result<Vec<EndpointView>> {
        match self {
            Self::Server(server) => server.get("endpoints", &[(); 0]).await,
            Self::Directory(desk) => Ok(desk.endpoints()?),
        }
    }

    /// See [`Desk::enable_endpoint`](crate::desk::Desk::enable_endpoint).
    pub(crate) async fn enable_endpoint(
        &self,
        name: &str,
        reason: Option<String>,
    ) -> anyhow::Result<EndpointView> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(ActRequest { reason })?;
                server
                    .post(&format!("endpoints/{}/enable", segment(name)), &body)
                    .await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, reason.as_deref());
                Ok(desk.enable_endpoint(name, &by).await?)
            }
        }
    }

    /// See [`Desk::disable_endpoint`](crate::desk::Desk::disable_endpoint).
    pub(crate) async fn disable_endpoint(
        &self,
        name: &str,
        reason: Option<String>,
    ) -> anyhow::Result<EndpointView> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(ActRequest { reason })?;
                server
                    .post(&format!("endpoints/{}/disable", segment(name)), &body)
                    .await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, reason.as_deref());
                Ok(desk.disable_endpoint(name, &by).await?)
            }
        }
    }

    /// See [`Desk::notifications`](crate::desk::Desk::notifications).
    pub(crate) async fn notifications(&self, id: &str) -> anyhow::Result<Vec<NotificationView>> {
        match self {
            Self::Server(server) => {
                let path = format!("notifications/{}", segment(id));
                server.get(&path, &[(); 0]).await
            }
            Self::Directory(desk) => Ok(desk.notifications(id)?),
        }
    }

    /// See [`Desk::replay`](crate::desk::Desk::replay).
    pub(crate) async fn replay(
        &self,
        id: &str,
        request: &ReplayRequest,
    ) -> anyhow::Result<RepliesView> {
        match self {
            Self::Server(server) => {
                let path = format!("notifications/{}", segment(id));
                server.post(&path, &serde_json::to_value(request)?).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, request.reason.as_deref());
                Ok(desk.replay(id, request.endpoint.as_deref(), &by).await?)
            }
        }
    }
}
