//! What is shown of keys: never a key.

use engine::store::{KeysSummary, Rewrapped, WrappingKeySummary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the keys stand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct KeysView {
    /// The wrapping keys, newest first: the first wraps what is new.
    pub(crate) keys: Vec<KeyView>,
    /// Keys of deliveries that an older wrapping key wraps, which `rewrap` wraps anew.
    pub(crate) stale: u64,
    /// Deliveries that came before there were keys, which `rewrap` seals.
    pub(crate) unsealed: u64,
    /// Deliveries whose key was destroyed.
    pub(crate) shredded: u64,
}

/// A wrapping key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView {
    /// Its number.
    pub(crate) id: u64,
    /// The name of the master key that it is wrapped by.
    pub(crate) master: String,
    /// When it was made.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) made_at: String,
    /// How many keys of deliveries it wraps.
    pub(crate) wraps: u64,
}

/// A new wrapping key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RotatedView {
    /// Its number.
    pub(crate) id: u64,
}

/// What a round of wrapping anew has done.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RewrappedView {
    /// Keys that were wrapped anew, and deliveries that were sealed.
    pub(crate) done: u64,
    /// Where the next round begins; absent when nothing is left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) next: Option<u64>,
}

impl KeysView {
    /// The view of a store's keys.
    pub(crate) fn new(keys: &KeysSummary) -> Self {
        let older = keys.wrapping.iter().skip(1);
        Self {
            keys: keys.wrapping.iter().map(KeyView::new).collect(),
            stale: older.map(|key| key.wraps).sum(),
            unsealed: keys.unsealed,
            shredded: keys.shredded,
        }
    }

    /// What is left for `rewrap`.
    pub(crate) fn left(&self) -> u64 {
        self.stale.saturating_add(self.unsealed)
    }
}

impl KeyView {
    fn new(key: &WrappingKeySummary) -> Self {
        Self {
            id: key.id,
            master: key.master.clone(),
            made_at: key.made_at.to_iso(),
            wraps: key.wraps,
        }
    }
}

impl From<Rewrapped> for RewrappedView {
    fn from(rewrapped: Rewrapped) -> Self {
        Self {
            done: rewrapped.done,
            next: rewrapped.next,
        }
    }
}
