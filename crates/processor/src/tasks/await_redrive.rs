//! Giving up until a person says otherwise: the failing task that an execution rests in.
//!
//! A redrive goes on from the state that failed. A `Fail` state would only fail again, so the
//! workflow ends in this task instead: it fails with `PaymentProcessingFailed`, the seed's own
//! error, until the execution has been redriven since the failure was recorded; then it
//! succeeds, and the workflow begins again with the claim.
//!
//! Input: `redriveCount`, from the context object as it is now, and `failedAtRedrive`, the same
//! count as it was when `record_failure` ran. Result: `{"redriven": true}`.

use domain::task::TaskFailure;
use serde_json::{Value, json};

use super::{Done, Job};
use crate::failure;

pub(super) const REACHES_OUTSIDE: bool = false;

pub(super) async fn run<G>(job: Job<'_>, _gateway: &G) -> Result<Done, TaskFailure> {
    let count = |name: &str| job.input.get(name).and_then(Value::as_u64).unwrap_or_default();
    if count("redriveCount") > count("failedAtRedrive") {
        return Ok(Done { output: json!({"redriven": true}), change: None });
    }
    let cause = "Payment processing failed after retries";
    Err(failure::failed(failure::PAYMENT_PROCESSING_FAILED, cause))
}
