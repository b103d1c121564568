//! Keys of requests: a map.

use domain::time::Timestamp;

use super::MemoryStore;
use crate::store::{
    KeptAnswer, KeyedRequest, REQUEST_KEYS_KEPT, RequestClaim, RequestKey, RequestLog, Unavailable,
};

/// A key that is taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    fingerprint: [u8; 32],
    at: Timestamp,
    answer: Option<KeptAnswer>,
}

impl RequestLog for MemoryStore {
    async fn claim_request(&self, request: KeyedRequest) -> Result<RequestClaim, Unavailable> {
        let KeyedRequest {
            key,
            fingerprint,
            at,
        } = request;
        self.write(|running| {
            let requests = &mut running.disk.requests;
            requests.retain(|_, taken| taken.at.after(REQUEST_KEYS_KEPT) > at);
            if let Some(taken) = requests.get(&key).cloned() {
                return RequestClaim::Known {
                    fingerprint: taken.fingerprint,
                    at: taken.at,
                    answer: taken.answer,
                };
            }
            let answer = None;
            requests.insert(
                key,
                Taken {
                    fingerprint,
                    at,
                    answer,
                },
            );
            RequestClaim::New
        })
    }

    async fn keep_answer(&self, key: RequestKey, answer: KeptAnswer) -> Result<bool, Unavailable> {
        self.write(|running| match running.disk.requests.get_mut(&key) {
            Some(taken) if taken.answer.is_none() => {
                taken.answer = Some(answer);
                true
            }
            Some(_) | None => false,
        })
    }

    async fn free_request(&self, key: RequestKey) -> Result<bool, Unavailable> {
        self.write(|running| {
            let requests = &mut running.disk.requests;
            let is_open = requests
                .get(&key)
                .is_some_and(|taken| taken.answer.is_none());
            is_open && requests.remove(&key).is_some()
        })
    }
}
