//! Giving up telling until a person says otherwise: the failing task that an execution rests in
//! when an endpoint does not have what it was to be told.
//!
//! As in `await_redrive`, a `Fail` state would only fail again when it is redriven. Input:
//! `progress`, what the last round has said, and `redriveCount`, from the context object as it is
//! now. It fails with `NotificationFailed`, which names the endpoints, until the execution has
//! been redriven since; then it succeeds, and the next round takes up those that were given up.
//! Result: `{"redriven": true}`.

use domain::task::TaskFailure;
use serde_json::{Value, json};

use super::{Done, Job};
use crate::failure;
use crate::notify::progress::Progress;

pub(super) const REACHES_OUTSIDE: bool = false;

pub(super) async fn run<G>(job: Job<'_>, _gateway: &G) -> Result<Done, TaskFailure> {
    let count = job.input.get("redriveCount").and_then(Value::as_u64);
    let progress = job.input.get("progress").cloned().unwrap_or_default();
    let progress: Progress = serde_json::from_value(progress).map_err(|_| {
        let cause = "the progress is not what send_notifications has said";
        failure::failed(failure::INVALID_EVENT, cause)
    })?;
    if count.unwrap_or_default() > progress.redrive_count {
        return Ok(Done {
            output: json!({"redriven": true}),
            change: None,
        });
    }
    Err(failure::failed(
        failure::NOTIFICATION_FAILED,
        progress.undelivered(),
    ))
}
