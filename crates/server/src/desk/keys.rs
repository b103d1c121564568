//! Keys, at the desk.

use engine::operator::NotDone;
use engine::store::{Action, KeyKeeper, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{By, Desk};
use crate::view::{KeysView, RewrappedView, RotatedView};

/// Keys of one round when nobody says: some milliseconds of the writer.
const ROUND: usize = 200;

/// Where a round of wrapping anew begins, and why it is done.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RewrapRequest {
    /// Where it begins; the last round's `next`, and nothing for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = u64::MAX))]
    pub(crate) after: Option<u64>,
    /// Why, for whoever reads the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl<S: Store + KeyKeeper> Desk<S> {
    /// How the keys stand.
    pub(crate) fn keys(&self) -> Result<KeysView, NotDone> {
        Ok(KeysView::new(&self.store.keys()?))
    }

    /// Makes a new wrapping key.
    pub(crate) async fn rotate_key(&self, by: &By) -> Result<RotatedView, NotDone> {
        let now = self.clock.now();
        let done = async { Ok(self.store.rotate_key(now).await?) };
        let id = self
            .on_record(by, (Action::RotateKey, "keys".to_owned()), done)
            .await?;
        Ok(RotatedView { id })
    }

    /// Wraps some keys anew, and seals some deliveries that are not sealed.
    pub(crate) async fn rewrap(
        &self,
        request: &RewrapRequest,
        by: &By,
    ) -> Result<RewrappedView, NotDone> {
        let after = request.after.unwrap_or(0);
        let done = async { Ok(self.store.rewrap(after, ROUND).await?) };
        // All rounds of one are one act.
        let rewrapped = if request.after.is_some() {
            done.await?
        } else {
            self.on_record(by, (Action::RewrapKeys, "keys".to_owned()), done)
                .await?
        };
        Ok(rewrapped.into())
    }
}
