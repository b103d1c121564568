//! Claiming: one execution, and no other, takes the payment on.
//!
//! Result: `{"claimed": true, "status": "processing"}`, or `{"claimed": false, "status": …}`
//! when the payment is settled already or another execution holds it. The recorded change is
//! the claim; two executions that both read the record first are told apart when it is
//! written, and the one that is refused runs again and finds the other's claim.

use domain::settlement::{Applied, SettlementChange};
use domain::task::TaskFailure;
use serde_json::json;

use super::{Done, Job};
use crate::failure;

pub(super) const REACHES_OUTSIDE: bool = false;

pub(super) async fn run<G>(job: Job<'_>, _gateway: &G) -> Result<Done, TaskFailure> {
    if job.execution.is_empty() {
        let cause = "claim_payment needs the name of the execution that claims";
        return Err(failure::failed(failure::INVALID_EVENT, cause));
    }
    let claim = SettlementChange::Claim {
        execution: job.execution.to_owned(),
    };
    Ok(match job.record.settlement.apply(&claim, job.now) {
        Applied::Changed(_) | Applied::AlreadySo => Done {
            output: json!({"claimed": true, "status": "processing"}),
            change: Some(claim),
        },
        Applied::Refused => Done {
            output: json!({"claimed": false, "status": job.record.status()}),
            change: None,
        },
    })
}
