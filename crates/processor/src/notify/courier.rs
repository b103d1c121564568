//! Letters over HTTP.

use domain::notification::{Attempted, DeliveryFailure};

use super::{Courier, Letter, PortFuture, Reply};
use crate::http_client::{HttpClient, NoAnswer, Post};

/// Longest answer that is read, in bytes, so that its connection can be used again. What it says
/// means nothing.
const RESPONSE_BYTES_MAX: usize = 4096;

impl Courier for HttpClient {
    fn carry<'a>(&'a self, letter: Letter<'a>) -> PortFuture<'a, Reply> {
        Box::pin(async move {
            let [id, timestamp, signature] = letter.headers.pairs();
            let answered = self
                .tell(Post {
                    target: letter.target,
                    headers: &[
                        id,
                        timestamp,
                        signature,
                        ("traceparent", &letter.traceparent),
                    ],
                    body: letter.body.into_bytes(),
                    response_bytes_max: RESPONSE_BYTES_MAX,
                    now: letter.now,
                    deadline: letter.deadline,
                })
                .await;
            match answered {
                Ok((status, retry_after)) => {
                    let result = Attempted::of_status(status.as_u16());
                    Reply {
                        result,
                        retry_after: retry_after.filter(|_| result.heeds_retry_after()),
                    }
                }
                Err(no_answer) => Reply {
                    result: Attempted::Failed(match no_answer {
                        NoAnswer::Timeout => DeliveryFailure::Timeout,
                        NoAnswer::Unreachable => DeliveryFailure::Unreachable,
                    }),
                    retry_after: None,
                },
            }
        })
    }
}
