//! The payment workflow that payhook grew from runs as it stands.

mod common;

use common::play::Play;
use serde_json::{Value, json};

fn definition() -> Value {
    json!({
        "Comment": "Payment processing workflow with exponential backoff retry logic",
        "StartAt": "ProcessPayment",
        "States": {
            "ProcessPayment": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:us-east-1:111111111111:function:payment-processor",
                "Retry": [
                    {
                        "ErrorEquals": [
                            "States.TaskFailed",
                            "Lambda.ServiceException",
                            "Lambda.TooManyRequestsException",
                        ],
                        "IntervalSeconds": 2,
                        "MaxAttempts": 3,
                        "BackoffRate": 2.0,
                    },
                ],
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "ResultPath": "$.error",
                        "Next": "PaymentFailed",
                    },
                ],
                "Next": "PaymentSucceeded",
            },
            "PaymentSucceeded": {"Type": "Succeed"},
            "PaymentFailed": {
                "Type": "Fail",
                "Error": "PaymentProcessingFailed",
                "Cause": "Payment processing failed after retries",
            },
        },
    })
}

fn payment() -> Value {
    json!({"paymentId": "pay_123456", "amount": 99.99, "currency": "USD"})
}

#[test]
fn a_payment_that_goes_through() {
    let mut play = Play::start(&definition(), payment());
    play.succeed(json!({"success": true, "transactionId": "txn_1"}));
    assert_eq!(play.end(), "SUCCEEDED - -");
    assert_eq!(
        play.output(),
        Some(&json!({"success": true, "transactionId": "txn_1"}))
    );
}

#[test]
fn a_payment_that_never_goes_through() {
    let mut play = Play::start(&definition(), payment());
    let mut waits = vec![0];
    for _ in 0..3 {
        let failed_at = play.clock;
        play.fail("Error");
        waits.push((play.wake() - failed_at) / 1000);
    }
    assert_eq!(waits, [0, 2, 4, 8], "seconds before each attempt");
    assert_eq!(play.clock, 14_000);
    play.fail("Error");
    assert_eq!(
        play.end(),
        "FAILED PaymentProcessingFailed Payment processing failed after retries"
    );
    let entered = play
        .history
        .iter()
        .rev()
        .nth(1)
        .unwrap()
        .to_json(&play.input);
    let input = entered["stateEnteredEventDetails"]["input"]
        .as_str()
        .unwrap();
    let input: Value = serde_json::from_str(input).unwrap();
    assert_eq!(input["paymentId"], "pay_123456");
    assert_eq!(input["error"], json!({"Error": "Error", "Cause": "why"}));
}
