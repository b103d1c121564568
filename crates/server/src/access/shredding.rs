//! Shredding, from the command line.

use super::{Access, HERE};
use crate::desk::{By, ShredRequest};
use crate::view::ShreddedView;

impl Access {
    /// See [`crate::desk::Desk::shred`].
    pub(crate) async fn shred(&self, request: &ShredRequest) -> anyhow::Result<ShreddedView> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(request)?;
                server.post("shred", &body).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, request.reason.as_deref());
                Ok(desk.shred(request, &by).await?)
            }
        }
    }
}
