//! Answers for tasks that wait.

use super::{Access, HERE};
use crate::desk::{Answered, By, FailureRequest, HeartbeatRequest, SuccessRequest};

impl Access {
    /// See [`crate::desk::Desk::task_succeeded`].
    pub(crate) async fn task_succeeded(&self, request: SuccessRequest) -> anyhow::Result<Answered> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(request)?;
                server.post("task-tokens/success", &body).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, request.reason.as_deref());
                Ok(desk.task_succeeded(request, &by).await?)
            }
        }
    }

    /// See [`crate::desk::Desk::task_failed`].
    pub(crate) async fn task_failed(&self, request: FailureRequest) -> anyhow::Result<Answered> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(request)?;
                server.post("task-tokens/failure", &body).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, request.reason.as_deref());
                Ok(desk.task_failed(request, &by).await?)
            }
        }
    }

    /// See [`crate::desk::Desk::task_goes_on`].
    pub(crate) async fn task_goes_on(&self, request: HeartbeatRequest) -> anyhow::Result<Answered> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(request)?;
                server.post("task-tokens/heartbeat", &body).await
            }
            Self::Directory(desk) => Ok(desk.task_goes_on(request).await?),
        }
    }
}
