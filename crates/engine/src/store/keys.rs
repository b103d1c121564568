//! Keys: under which what was received is sealed.
//!
//! Of those stores alone that seal by themselves; on AWS the platform does.

use std::future::Future;

use domain::time::Timestamp;

use super::Unavailable;

/// A wrapping key: it wraps the keys under which deliveries are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappingKeySummary {
    /// Its number.
    pub id: u64,
    /// The name of the master key that it is wrapped by. It tells nothing of that key.
    pub master: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// How many keys it wraps.
    pub wraps: u64,
}

/// How a store's keys stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysSummary {
    /// The wrapping keys, newest first: the first wraps what is new.
    pub wrapping: Vec<WrappingKeySummary>,
    /// Deliveries that came before there were keys and are not sealed yet.
    pub unsealed: u64,
    /// Deliveries whose key was destroyed.
    pub shredded: u64,
}

/// What one round of wrapping anew has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that were wrapped anew, and deliveries that were sealed.
    pub done: u64,
    /// Where the next round begins; `None` when nothing is left.
    pub next: Option<u64>,
}

/// The role that keeps keys.
pub trait KeyKeeper {
    /// How the keys stand. Counts everything: for people, not for loops.
    fn keys(&self) -> Result<KeysSummary, Unavailable>;

    /// Makes a new wrapping key, which wraps everything that comes from then on. Its number.
    fn rotate_key(&self, now: Timestamp) -> impl Future<Output = Result<u64, Unavailable>> + Send;

    /// Wraps up to `limit` keys anew that an older wrapping key has wrapped, and seals deliveries that
    /// are not sealed yet, from `after` on (0 begins); each round is one durable transaction. The
    /// last round destroys the wrapping keys that wrap nothing any more. Whoever breaks off has lost
    /// nothing, and goes on by beginning again.
    fn rewrap(
        &self,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Rewrapped, Unavailable>> + Send;
}
