//! Recording a failure: the attempts are spent, and a person has to look.
//!
//! Input: `{"error": {"Error": …, "Cause": …}}` beside the record, as a workflow's `Catch`
//! gives it, and `redriveCount` from the context object, which the result repeats so that
//! `await_redrive` can tell a redrive that came later. What is kept is what the person needs:
//! the failure's own words, not the JSON that a Lambda function wraps them in. Result:
//! `{"recorded": true, "status": "failed", "redriveCount": …}`, or `{"recorded": false,
//! "status": …}` when the payment was settled after all or another execution is at work on it.

use domain::limits;
use domain::settlement::{Applied, Settlement, SettlementChange};
use domain::task::TaskFailure;
use serde_json::{Value, json};

use super::{Done, Job};
use crate::failure;

pub(super) const REACHES_OUTSIDE: bool = false;

pub(super) async fn run<G>(job: Job<'_>, _gateway: &G) -> Result<Done, TaskFailure> {
    let (error, cause) = told(job.input.get("error").unwrap_or(&Value::Null));
    let fail = SettlementChange::Fail {
        error: failure::cut(&error, limits::ERROR_BYTES_MAX).to_owned(),
        cause: failure::cut(&cause, limits::CAUSE_BYTES_MAX).to_owned(),
    };
    let redrive_count = job.input.get("redriveCount").and_then(Value::as_u64).unwrap_or_default();
    let refused = job.record.settlement.apply(&fail, job.now) == Applied::Refused;
    if refused || held_by_another(&job) {
        return Ok(Done {
            output: json!({
                "recorded": false,
                "status": job.record.status(),
                "redriveCount": redrive_count,
            }),
            change: None,
        });
    }
    Ok(Done {
        output: json!({"recorded": true, "status": "failed", "redriveCount": redrive_count}),
        change: Some(fail),
    })
}

fn held_by_another(job: &Job<'_>) -> bool {
    match &job.record.settlement {
        Settlement::Processing { execution, .. } => {
            !job.execution.is_empty() && execution != job.execution
        }
        Settlement::Received | Settlement::Completed { .. } | Settlement::Failed { .. } => false,
    }
}

/// Error and cause of an Error Output, in the failing side's own words.
fn told(output: &Value) -> (String, String) {
    let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
    let (error, cause) = (text("Error"), text("Cause"));
    let function_error = serde_json::from_str::<Value>(cause).ok();
    let word = |name: &str| function_error.as_ref()?.get(name)?.as_str();
    let told_cause = word("errorMessage").unwrap_or(cause);
    let told_error = match (error, word("errorType")) {
        ("", Some(kind)) => kind,
        ("", None) => "Unknown",
        (error, _) => error,
    };
    let told_cause = match (told_error, told_cause) {
        // The platform gives no cause with its own timeout.
        ("States.Timeout", "") => "no answer in time; whether the task acted is unknown",
        (_, cause) => cause,
    };
    (told_error.to_owned(), told_cause.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failing_side_is_heard_in_its_own_words() {
        let function = r#"{"errorType":"PaymentDeclined","errorMessage":"no","stackTrace":["x"]}"#;
        for (output, error, cause) in [
            (
                json!({"Error": "PaymentDeclined", "Cause": function}),
                "PaymentDeclined",
                "no",
            ),
            (
                json!({"Error": null, "Cause": function}),
                "PaymentDeclined",
                "no",
            ),
            (json!({"Error": "E", "Cause": "plain"}), "E", "plain"),
            (
                json!({"Error": "E", "Cause": "{\"other\":1}"}),
                "E",
                "{\"other\":1}",
            ),
            (json!({"Error": null, "Cause": null}), "Unknown", ""),
            (json!(null), "Unknown", ""),
            (
                json!({"Error": "States.Timeout", "Cause": ""}),
                "States.Timeout",
                "no answer in time; whether the task acted is unknown",
            ),
        ] {
            assert_eq!(told(&output), (error.into(), cause.into()), "{output}");
        }
    }
}
