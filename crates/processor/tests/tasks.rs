//! What each task answers, and who is asked at all.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::limits;
use domain::meaning::{Fact, Meaning};
use domain::money::Amount;
use domain::settlement::{Settlement, SettlementChange};
use domain::status::PaymentStatus;
use domain::task::{TaskCall, TaskFailure, TaskOutcome};
use domain::time::{Millis, Timestamp};
use futures_util::FutureExt as _;
use processor::failure;
use processor::gateway::simulated::{Act, Script};
use processor::http_client::{HttpClient, Target};
use processor::http_tasks::{Endpoint, HttpTasks};
use processor::resource::{LAMBDA_INVOKE, LAMBDA_INVOKE_AND_WAIT};
use processor::tasks::{Task, Tasks};
use serde_json::{Value, json};
use world::{EXECUTION, FUNCTION, World};

const NOW: Timestamp = Timestamp::from_millis(10);

fn subject(mut words: Value) -> Value {
    words["records"] = json!({"paymentId": "pay_1", "timestamp": 5});
    words
}

fn steady(settlement: Settlement) -> Arc<World> {
    World::with_steady_gateway(settlement)
}

fn done(world: &Arc<World>, input: Value) -> (Value, Option<SettlementChange>) {
    match world.attempt(input, 10) {
        Some(TaskOutcome::Succeeded { output, change }) => {
            (output, change.map(|change| change.change))
        }
        other => panic!("{other:?}"),
    }
}

fn refused(world: &Arc<World>, call: TaskCall) -> TaskFailure {
    match world.run(call, NOW) {
        Some(TaskOutcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_is_claimed_by_one_execution() {
    let claim = Some(SettlementChange::Claim {
        execution: EXECUTION.into(),
    });
    let yes = json!({"claimed": true, "status": "processing"});
    for (start, output, change) in [
        (Settlement::Received, yes.clone(), claim.clone()),
        (world::processing(EXECUTION), yes.clone(), claim.clone()),
        (world::failed(), yes, claim),
        (
            world::processing("another"),
            json!({"claimed": false, "status": "processing"}),
            None,
        ),
        (
            world::completed(),
            json!({"claimed": false, "status": "completed"}),
            None,
        ),
    ] {
        let input = subject(json!({"task": "claim_payment"}));
        assert_eq!(done(&steady(start), input), (output, change));
    }
}

#[test]
fn the_input_may_name_the_execution_that_claims() {
    let input = subject(json!({"task": "claim_payment", "execution": "other"}));
    let (_, change) = done(&steady(Settlement::Received), input);
    let execution = "other".to_owned();
    assert_eq!(change, Some(SettlementChange::Claim { execution }));

    let mut call = world::call(subject(json!({"task": "claim_payment"})), NOW);
    call.execution = String::new();
    let failure = refused(&steady(Settlement::Received), call);
    assert_eq!(failure.error, "InvalidEvent");
}

#[test]
fn the_gateway_settles_and_the_result_is_the_seeds() {
    let world = steady(Settlement::Received);
    let (output, change) = done(&world, json!({"paymentId": "pay_1", "timestamp": 5}));
    let Some(SettlementChange::Complete {
        transaction_id,
        processed_at,
    }) = change
    else {
        panic!("{change:?}");
    };
    assert_eq!(processed_at, NOW.after(Millis::new(100)));
    assert_eq!(
        output,
        json!({
            "success": true, "paymentId": "pay_1",
            "transactionId": transaction_id, "status": "completed",
        })
    );
}

#[test]
fn a_settled_payment_gives_the_recorded_result_and_asks_nobody() {
    let world = steady(world::completed());
    let (output, change) = done(&world, subject(json!({"task": "process_payment"})));
    assert_eq!(output["transactionId"], "txn_before");
    assert_eq!((change, world.calls()), (None, 1));
}

/// Gateways forget their keys, and some providers tell of a payment again after months.
#[test]
fn what_another_event_about_the_same_has_settled_is_taken_over_and_nobody_is_asked() {
    let captured = |operation: Option<&str>| Meaning {
        event_type: "captured".into(),
        fact: Fact::Payment {
            status: PaymentStatus::Captured,
        },
        operation: operation.map(str::to_owned),
        money: None,
        occurred_at: None,
        live: None,
        account: None,
        by_content: false,
    };
    for (operation, amount, is_taken_over) in [
        (None, "99.90", true),
        (Some("part"), "99.90", false),
        (None, "99.91", false),
    ] {
        let world = steady(Settlement::Received);
        world.record.lock().unwrap().meaning = Some(captured(None));
        let mut other = world::record(world::completed());
        other.key.timestamp = other.key.timestamp.after(Millis::new(1));
        other.meaning = Some(captured(operation));
        other.amount = Amount::parse(amount).unwrap();
        *world.other.lock().unwrap() = Some(other);
        let (output, change) = done(&world, subject(json!({"task": "process_payment"})));
        let Some(SettlementChange::Complete { transaction_id, .. }) = change else {
            panic!("{output}: {change:?}");
        };
        assert_eq!(output["transactionId"], transaction_id.as_str());
        assert_eq!(transaction_id == "txn_before", is_taken_over);
        assert_eq!(world.effects(), usize::from(!is_taken_over));
    }
}

#[test]
fn a_gateways_failure_keeps_its_name_and_its_wait() {
    let retry_after = Some(Millis::from_secs(7));
    for (act, error, wait) in [
        (Act::Decline, "PaymentDeclined", None),
        (Act::TimeOut, "GatewayTimeout", None),
        (Act::LoseAnswer, "GatewayTimeout", None),
        (Act::Fail, "GatewayUnavailable", None),
        (
            Act::RateLimit { retry_after },
            "GatewayRateLimited",
            retry_after,
        ),
    ] {
        let world = Arc::new(World::new(Settlement::Received, Script::always(act)));
        let failure = refused(&world, world::call(subject(json!({})), NOW));
        assert_eq!((&*failure.error, failure.retry_after), (error, wait));
        // The cause has the shape that a Lambda function's failure has for Step Functions.
        let cause: Value = serde_json::from_str(&failure.cause).unwrap();
        assert_eq!(cause["errorType"], error);
        assert!(!cause["errorMessage"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_function_itself_gives_the_plain_cause() {
    let world = Arc::new(World::new(
        Settlement::Received,
        Script::always(Act::Decline),
    ));
    let tasks = Tasks::new(Arc::clone(&world), Arc::clone(&world));
    let mut call = world::call(subject(json!({})), NOW);
    call.resource = String::new();
    let Some(TaskOutcome::Failed(failure)) = tasks.invoke(call, NOW).now_or_never() else {
        panic!("it is declined");
    };
    assert_eq!(failure.cause, "the gateway declined the payment");
}

#[test]
fn what_is_no_event_of_ours_is_refused_by_name() {
    let unknown = json!({"paymentId": "pay_2", "timestamp": 5});
    let cases = [
        (json!({}), "InvalidEvent"),
        (json!([]), "InvalidEvent"),
        (subject(json!({"task": "refund_payment"})), "InvalidEvent"),
        (subject(json!({"task": 7})), "InvalidEvent"),
        (unknown.clone(), "PaymentNotFound"),
        (
            json!({"task": "claim_payment", "records": unknown}),
            "PaymentNotFound",
        ),
    ];
    for (input, error) in cases {
        let world = steady(Settlement::Received);
        let failure = refused(&world, world::call(input.clone(), NOW));
        assert_eq!(failure.error, error, "{input}");
        assert_eq!(world.effects(), 0);
    }
    let mut down = World::new(Settlement::Received, Script::always(Act::Settle));
    down.records_are_down = true;
    let failure = refused(&Arc::new(down), world::call(subject(json!({})), NOW));
    assert_eq!(failure.error, "RecordsUnavailable");
}

#[test]
fn a_failure_is_recorded_unless_the_payment_is_settled_or_in_other_hands() {
    let words = json!({
        "task": "record_failure",
        "error": {"Error": "E", "Cause": "why"},
        "redriveCount": 2,
    });
    let fail = Some(SettlementChange::Fail {
        error: "E".into(),
        cause: "why".into(),
    });
    let yes = json!({"recorded": true, "status": "failed", "redriveCount": 2});
    for (start, output, change) in [
        (Settlement::Received, yes.clone(), fail.clone()),
        (world::processing(EXECUTION), yes.clone(), fail.clone()),
        (world::failed(), yes, fail),
        (
            world::processing("another"),
            json!({"recorded": false, "status": "processing", "redriveCount": 2}),
            None,
        ),
        (
            world::completed(),
            json!({"recorded": false, "status": "completed", "redriveCount": 2}),
            None,
        ),
    ] {
        assert_eq!(
            done(&steady(start), subject(words.clone())),
            (output, change)
        );
    }
}

#[test]
fn what_is_recorded_of_a_failure_is_bounded() {
    for (error_bytes, cause_bytes) in [
        (limits::ERROR_BYTES_MAX, limits::CAUSE_BYTES_MAX),
        (limits::ERROR_BYTES_MAX + 1, limits::CAUSE_BYTES_MAX + 1),
    ] {
        let output = json!({"Error": "e".repeat(error_bytes), "Cause": "c".repeat(cause_bytes)});
        let input = subject(json!({"task": "record_failure", "error": output}));
        let Some(SettlementChange::Fail { error, cause }) =
            done(&steady(Settlement::Received), input).1
        else {
            panic!("it is recorded");
        };
        assert_eq!(error.len(), limits::ERROR_BYTES_MAX);
        assert_eq!(cause.len(), limits::CAUSE_BYTES_MAX);
    }
}

#[test]
fn the_optimised_integration_puts_an_envelope_around_the_result() {
    let world = steady(world::completed());
    let payload = subject(json!({}));
    let mut call = world::call(
        json!({"FunctionName": "payment-processor-dev", "Payload": payload}),
        NOW,
    );
    call.resource = LAMBDA_INVOKE.into();
    let Some(TaskOutcome::Succeeded { output, .. }) = world.run(call.clone(), NOW) else {
        panic!("it is settled already");
    };
    assert_eq!(output["Payload"]["transactionId"], "txn_before");
    assert_eq!(output["StatusCode"], 200);
    assert_eq!(output["ExecutedVersion"], "$LATEST");

    call.input = json!({"FunctionName": "other", "Payload": {}});
    let failure = refused(&world, call.clone());
    assert_eq!(failure.error, "Lambda.ResourceNotFoundException");
    assert_eq!(failure.cause, "Function not found: other");
    call.input = json!({"FunctionName": "payment-processor"});
    assert_eq!(refused(&world, call).error, "InvalidEvent");
}

#[test]
fn only_known_resources_are_accepted_and_only_effects_reach_outside() {
    let target = Target::try_new("http://127.0.0.1:1/", Millis::from_secs(1), &[]).unwrap();
    let endpoint = Endpoint {
        client: HttpClient::try_new().unwrap(),
        target,
    };
    let world = steady(Settlement::Received);
    let mapped = BTreeMap::from([("mine".to_owned(), endpoint)]);
    let tasks = Tasks::new(Arc::clone(&world), world).with_http(HttpTasks::new(mapped));
    let invoke = |name: &str, task: &str| json!({"FunctionName": name, "Payload": {"task": task}});
    for (resource, input, accepted, outside) in [
        (FUNCTION, json!([]), true, true),
        (FUNCTION, json!({"task": "process_payment"}), true, true),
        (FUNCTION, json!({"task": "claim_payment"}), true, false),
        (FUNCTION, json!({"task": "record_failure"}), true, false),
        (FUNCTION, json!({"task": "unknown"}), true, false),
        (
            LAMBDA_INVOKE,
            invoke("payment-processor", "claim_payment"),
            true,
            false,
        ),
        (
            LAMBDA_INVOKE,
            invoke("payment-processor", "process_payment"),
            true,
            true,
        ),
        (LAMBDA_INVOKE, invoke("mine", "claim_payment"), true, true),
        (
            LAMBDA_INVOKE,
            invoke("other", "process_payment"),
            true,
            false,
        ),
        ("mine", json!({"task": "claim_payment"}), true, true),
        ("other", json!([]), false, false),
        (
            LAMBDA_INVOKE_AND_WAIT,
            invoke("mine", "claim_payment"),
            true,
            true,
        ),
        // Ours hands no token on, and nobody would ever answer.
        (
            LAMBDA_INVOKE_AND_WAIT,
            invoke("payment-processor", "process_payment"),
            true,
            false,
        ),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            json!([]),
            false,
            false,
        ),
    ] {
        let mut call = world::call(input, NOW);
        call.resource = resource.into();
        assert_eq!(tasks.accepts(resource), accepted, "{resource}");
        assert_eq!(tasks.reaches_outside(&call), outside, "{call:?}");
    }
}

#[test]
fn the_shipped_workflow_with_notifications_asks_only_for_what_is_here() {
    let text = include_str!("../../../workflows/payment.asl.json");
    let text = processor::notify::workflow::extended(text).unwrap();
    let workflow: Value = serde_json::from_str(&text).unwrap();
    let world = steady(Settlement::Received);
    let tasks = Tasks::new(Arc::clone(&world), world);
    let mut named = Vec::new();
    for state in workflow["States"].as_object().unwrap().values() {
        if state["Type"] == "Task" {
            assert!(tasks.accepts(state["Resource"].as_str().unwrap()));
            named.push(state["Parameters"]["task"].as_str().unwrap());
        }
    }
    let known: Vec<_> = Task::ALL.iter().map(|task| task.name()).collect();
    assert_eq!(named, known);
    assert_eq!(
        workflow["States"]["NotificationsFailed"]["Retry"][0]["ErrorEquals"][0],
        failure::NOTIFICATION_FAILED
    );
    // A name with a slip in it would match nothing, and a declined payment be tried again.
    assert_eq!(
        workflow["States"]["ProcessPayment"]["Retry"][0],
        json!({
            "ErrorEquals": [
                failure::PAYMENT_DECLINED, failure::GATEWAY_REJECTED, failure::EVENT_UNREADABLE,
                failure::INVALID_EVENT, failure::PAYMENT_NOT_FOUND,
            ],
            "MaxAttempts": 0,
        })
    );
}

/// Whoever runs tasks does so on several threads.
#[test]
fn an_attempt_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let world = steady(Settlement::Received);
    let tasks = Tasks::new(Arc::clone(&world), world);
    is_send(&tasks.run(world::call(json!([]), NOW), NOW));
}

#[test]
fn an_execution_rests_until_it_is_redriven_after_its_failure() {
    for (redrives, failed_at, expected) in [
        (0, 0, Err("PaymentProcessingFailed")),
        (1, 0, Ok(true)),
        (1, 1, Err("PaymentProcessingFailed")),
        (3, 1, Ok(true)),
    ] {
        let words = json!({
            "task": "await_redrive", "redriveCount": redrives, "failedAtRedrive": failed_at,
        });
        let found = match steady(world::failed()).attempt(subject(words), 10) {
            Some(TaskOutcome::Succeeded {
                output,
                change: None,
            }) => Ok(output["redriven"] == true),
            Some(TaskOutcome::Failed(failure)) => Err(failure.error),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            found,
            expected.map_err(str::to_owned),
            "{redrives} {failed_at}"
        );
    }
}
