//! The pages that show.

pub(super) mod alerts;
pub(super) mod audit;
pub(super) mod bulk;
pub(super) mod endpoints;
pub(super) mod event;
pub(super) mod events;
pub(super) mod executions;
pub(super) mod find;
pub(super) mod overview;
pub(super) mod payments;
pub(super) mod quarantine;
pub(super) mod settings;
pub(super) mod sources;

use serde::Deserialize;

/// Where a page of a listing begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Before {
    before: Option<u64>,
}
