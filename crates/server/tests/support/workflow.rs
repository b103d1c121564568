//! Workflows that tests configure.

use serde_json::{Value, json};

/// The shipped workflow with one second between attempts.
pub(crate) fn impatient() -> Value {
    let mut workflow: Value =
        serde_json::from_str(include_str!("../../../../workflows/payment.asl.json")).unwrap();
    for state in workflow["States"].as_object_mut().unwrap().values_mut() {
        let retriers = state.get_mut("Retry").and_then(Value::as_array_mut);
        for retrier in retriers.into_iter().flatten() {
            if retrier.get("IntervalSeconds").is_some() {
                retrier["IntervalSeconds"] = 1.into();
                retrier["BackoffRate"] = 1.0.into();
            }
        }
    }
    workflow
}

/// The definition that payhook's ancestor deployed, as it stood.
pub(crate) fn seed() -> Value {
    json!({
        "Comment": "Payment processing workflow with exponential backoff retry logic",
        "StartAt": "ProcessPayment",
        "States": {
            "ProcessPayment": {
                "Type": "Task",
                "Resource": PROCESSOR,
                "Retry": [{
                    "ErrorEquals": [
                        "States.TaskFailed",
                        "Lambda.ServiceException",
                        "Lambda.TooManyRequestsException",
                    ],
                    "IntervalSeconds": 2,
                    "MaxAttempts": 3,
                    "BackoffRate": 2.0,
                }],
                "Catch": [{
                    "ErrorEquals": ["States.ALL"],
                    "ResultPath": "$.error",
                    "Next": "PaymentFailed",
                }],
                "Next": "PaymentSucceeded",
            },
            "PaymentSucceeded": { "Type": "Succeed" },
            "PaymentFailed": {
                "Type": "Fail",
                "Error": "PaymentProcessingFailed",
                "Cause": "Payment processing failed after retries",
            },
        },
    })
}

/// One wait, then the payment.
pub(crate) fn waiting(seconds: u64) -> Value {
    json!({
        "StartAt": "Wait",
        "States": {
            "Wait": { "Type": "Wait", "Seconds": seconds, "Next": "Process" },
            "Process": { "Type": "Task", "Resource": PROCESSOR, "End": true },
        },
    })
}

/// One task of this resource, then the end.
pub(crate) fn single(resource: &str) -> Value {
    json!({
        "StartAt": "Only",
        "States": { "Only": { "Type": "Task", "Resource": resource, "End": true } },
    })
}

/// The built-in tasks' function.
pub(crate) const PROCESSOR: &str =
    "arn:aws:lambda:us-east-1:111111111111:function:payment-processor";
