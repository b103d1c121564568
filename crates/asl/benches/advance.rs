//! How long `advance` takes by itself: no store, no clock, no I/O.
//!
//! `cargo bench -p payhook-asl`. Numbers are of one core; take the ratio, not the digit.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use asl::advance::{Command, Moment, Run, Signal, advance, start};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::time::Millis;
use serde_json::{Value, json};

fn main() {
    let context = Context {
        execution_id: "arn:aws:states:us-east-1:111111111111:execution:m:e".into(),
        execution_name: "e".into(),
        start_time: Millis(1_800_000_000_000),
        role_arn: "arn:aws:iam::111111111111:role/r".into(),
        state_machine_id: "arn:aws:states:us-east-1:111111111111:stateMachine:m".into(),
        state_machine_name: "m".into(),
        token_prefix: String::new(),
        machine_type: MachineType::Standard,
    };
    let input = payment();
    println!("input: {} bytes", input.to_string().len());

    let definition = three_states();
    let run = Run {
        definition: &definition,
        context: &context,
        input: &input,
    };
    let moment = Moment {
        now: context.start_time,
        seed: 1,
    };
    measure("start: choice, then task", || {
        black_box(start(run, &moment).unwrap());
    });
    let waiting = start(run, &moment).unwrap();
    let Command::RunTask { task, .. } = waiting.commands[0];
    let output = json!({"transactionId": "txn_1"});
    measure("task succeeded, then succeed", || {
        let signal = Signal::TaskSucceeded {
            task,
            output: output.clone(),
        };
        black_box(advance(run, &waiting.execution, signal, &moment).unwrap());
    });
    let text = serde_json::to_string(&waiting.execution).unwrap();
    println!("execution waiting for its task: {} bytes", text.len());
    measure("write the execution down", || {
        black_box(serde_json::to_string(&waiting.execution).unwrap());
    });

    let definition = passes(1000);
    let run = Run {
        definition: &definition,
        context: &context,
        input: &input,
    };
    let each = measure("1000 pass states", || {
        black_box(start(run, &moment).unwrap());
    });
    println!("{:.0} transitions/s", 1000.0 / each.as_secs_f64());
}

fn measure(name: &str, mut work: impl FnMut()) -> Duration {
    for _ in 0..200 {
        work();
    }
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        let mut rounds = 0u32;
        while began.elapsed() < Duration::from_millis(50) {
            work();
            rounds += 1;
        }
        best = best.min(began.elapsed() / rounds);
    }
    println!("{name}: {:.2} µs", best.as_secs_f64() * 1e6);
    best
}

/// What a pipe hands over for one stored payment: a list with one change record.
fn payment() -> Value {
    let raw = json!({"paymentId": "pay_123456", "amount": 99.99, "currency": "USD"}).to_string();
    json!([{
        "eventID": "c4ca4238a0b923820dcc509a6f75849b", "eventName": "INSERT", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_700_000_000, "SequenceNumber": "111", "SizeBytes": 400,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            "Keys": {"paymentId": {"S": "pay_123456"}, "timestamp": {"N": "1700000000000"}},
            "NewImage": {
                "paymentId": {"S": "pay_123456"}, "timestamp": {"N": "1700000000000"},
                "amount": {"N": "99.99"}, "currency": {"S": "USD"}, "status": {"S": "pending"},
                "provider": {"S": "stripe"}, "receivedAt": {"S": "2023-11-14T22:13:20.000Z"},
                "rawPayload": {"S": raw},
            },
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:111111111111:table/payments/stream/2023",
    }])
}

fn three_states() -> Definition {
    let definition = json!({"StartAt": "Check", "States": {
        "Check": {"Type": "Choice", "Choices": [
            {"Variable": "$[0].eventName", "StringEquals": "INSERT", "Next": "Pay"}], "Default": "Done"},
        "Pay": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:pay",
            "InputPath": "$[0]",
            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 2}],
            "TimeoutSeconds": 60, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    }});
    Definition::parse(&definition.to_string()).unwrap()
}

fn passes(count: usize) -> Definition {
    let mut states = serde_json::Map::new();
    for at in 0..count {
        let next = format!("S{}", at + 1);
        states.insert(format!("S{at}"), json!({"Type": "Pass", "Next": next}));
    }
    states.insert(format!("S{count}"), json!({"Type": "Succeed"}));
    let definition = json!({"StartAt": "S0", "States": states});
    Definition::parse(&definition.to_string()).unwrap()
}
