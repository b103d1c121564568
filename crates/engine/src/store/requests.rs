//! Requests that name a key of their own, so that one which is sent again is not carried out again
//! (draft-ietf-httpapi-idempotency-key-header).

use std::future::Future;

use bytes::Bytes;
use domain::time::{Millis, Timestamp};

use super::Unavailable;

/// How long a key is remembered: a day, as payment providers do.
pub const REQUEST_KEYS_KEPT: Millis = Millis::from_secs(24 * 60 * 60);

/// A request's key, in its sender's words. Two operators may mean different requests by one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKey {
    /// Who sent it.
    pub operator: String,
    /// What they call it.
    pub key: String,
}

/// A request that is about to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Its key.
    pub key: RequestKey,
    /// The hash of what it asks for.
    pub fingerprint: [u8; 32],
    /// Now.
    pub at: Timestamp,
}

/// Whether a key is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestClaim {
    /// It is, and is taken now.
    New,
    /// It is not. Nothing was written.
    Known {
        /// The hash of what was asked for under it.
        fingerprint: [u8; 32],
        /// When.
        at: Timestamp,
        /// What was answered; `None` while it is under way, or when the process died before it
        /// knew.
        answer: Option<KeptAnswer>,
    },
}

/// What was answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status code.
    pub status: u16,
    /// The body; `None` for one that is too long to be kept.
    pub body: Option<Bytes>,
}

/// The role that remembers keys of requests.
pub trait RequestLog {
    /// Takes a key, durably before anything is done under it. Of many that take one key at once
    /// one is told that it is new. Keys that were taken longer than [`REQUEST_KEYS_KEPT`] before
    /// `request.at` are forgotten.
    fn claim_request(
        &self,
        request: KeyedRequest,
    ) -> impl Future<Output = Result<RequestClaim, Unavailable>> + Send;

    /// Keeps what was answered; only the first answer counts. Whether the key is taken and had no
    /// answer.
    fn keep_answer(
        &self,
        key: RequestKey,
        answer: KeptAnswer,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// Frees a key under which nothing was done. Whether it was taken and had no answer.
    fn free_request(
        &self,
        key: RequestKey,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}
