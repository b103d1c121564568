//! Drawings, and what a history says happened.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::advance::Run;
use asl::context::MachineType;
use asl::definition::Definition;
use asl::graph::{Graph, Iterations, Look, Trail, Visits, Way, mermaid, svg};
use asl::mock::{Answer, Mocks, Thrown, run};
use common::drive::context;
use common::{cases, section};
use serde_json::{Value, json};

const CALL: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// A task that is retried and caught, and a Map with a tolerated failure in it.
fn machine() -> Definition {
    let text = json!({"Comment": "a <b> & \"c\"", "StartAt": "Try", "States": {
        "Try": {"Type": "Task", "Resource": CALL,
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Each"}], "Next": "Each"},
        "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"item.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"StartAt": "Is <odd>", "States": {
                "Is <odd>": {"Type": "Choice", "Choices": [
                    {"Variable": "$.item", "NumericEquals": 1, "Next": "Odd"}], "Default": "Even"},
                "Odd": {"Type": "Pass", "End": true}, "Even": {"Type": "Pass", "End": true}}},
            "End": true},
    }});
    Definition::parse(&text.to_string()).unwrap()
}

fn trail(answers: &[Answer]) -> Trail {
    let definition = machine();
    let mut mocks = Mocks::default();
    for (at, answer) in (0..).zip(answers) {
        mocks.add("Try", (at, at), answer.clone());
    }
    let context = context(MachineType::Standard);
    let input = json!({});
    let ended = run(
        Run {
            definition: &definition,
            context: &context,
            input: &input,
        },
        &mocks,
        0,
    )
    .unwrap();
    let events: Vec<Value> = ended.history.iter().map(|it| it.to_json(&input)).collect();
    Trail::of(&events)
}

fn busy() -> Answer {
    let (error, cause) = (Some("Busy".to_owned()), None);
    Answer::Throw(Thrown { error, cause })
}

#[test]
fn a_history_tells_what_was_entered_tried_again_caught_and_done_for_each_item() {
    let trail = trail(&[busy(), Answer::Return(json!({"items": [1, 2, 4]}))]);
    let visits = |entered, attempts| Visits {
        entered,
        left: entered,
        attempts,
        ..Visits::default()
    };
    assert_eq!(trail.visits("Try"), visits(1, 2));
    assert_eq!(trail.visits("Is <odd>"), visits(3, 0));
    assert_eq!(trail.visits("Even"), visits(2, 0));
    assert!(trail.has_retried("Try") && !trail.has_retried("Each"));
    assert_eq!(trail.way("Try", "Each", Way::Next), 1);
    assert_eq!(trail.way("Try", "Each", Way::Catch), 0);
    assert_eq!(trail.way("Is <odd>", "Even", Way::Next), 2);
    let items = Iterations {
        length: 3,
        started: 3,
        succeeded: 3,
        ..Iterations::default()
    };
    assert_eq!(trail.iterations("Each"), Some(items));
}

#[test]
fn what_was_caught_is_another_way_than_what_follows() {
    let trail = trail(&[busy(), busy()]);
    assert_eq!(trail.way("Try", "Each", Way::Catch), 1);
    assert_eq!(trail.way("Try", "Each", Way::Next), 0);
    // The items are not there: the Map fails, and nothing inside it was entered.
    assert_eq!(trail.visits("Each").left, 0);
    let drawn = svg(&Graph::of(&machine()), Some(&trail), Look::Alone);
    assert!(drawn.contains("class=\"state map failed\""), "{drawn}");
    assert!(drawn.contains("edge catch taken"), "{drawn}");
    assert!(
        drawn.contains("Try: caught, 2 attempts. Each: failed"),
        "{drawn}"
    );
}

#[test]
fn a_task_that_fails_in_a_branch_has_failed_and_those_beside_it_were_aborted() {
    let event = |id: u32, previous: u32, kind: &str, name: &str| {
        let details = json!({"name": name});
        let field = format!(
            "{}EventDetails",
            if kind.ends_with("Exited") {
                "stateExited"
            } else {
                "stateEntered"
            }
        );
        let mut event = json!({"id": id, "previousEventId": previous, "type": kind});
        if !name.is_empty() {
            event[field] = details;
        }
        event
    };
    // Recorded so: after a failed task in a branch comes TaskStateAborted.
    let trail = Trail::of(&[
        event(1, 0, "ExecutionStarted", ""),
        event(2, 0, "ParallelStateEntered", "Fan"),
        event(3, 2, "ParallelStateStarted", ""),
        event(4, 3, "TaskStateEntered", "Mail"),
        event(5, 3, "TaskStateEntered", "Ship"),
        event(6, 4, "LambdaFunctionFailed", ""),
        event(7, 6, "TaskStateAborted", ""),
        event(8, 5, "TaskStateAborted", ""),
        event(9, 7, "ParallelStateFailed", ""),
    ]);
    let (mail, ship) = (trail.visits("Mail"), trail.visits("Ship"));
    assert_eq!((mail.failed, mail.aborted), (1, 0));
    assert_eq!((ship.failed, ship.aborted), (0, 1));
}

/// Tags that open and close in order: what a reader of XML asks for first.
fn is_well_formed(text: &str) -> bool {
    let mut open = Vec::new();
    for piece in text.split('<').skip(1) {
        let Some((tag, _)) = piece.split_once('>') else {
            return false;
        };
        let name = |tag: &str| tag.split([' ', '/']).next().map(str::to_owned);
        if let Some(closed) = tag.strip_prefix('/') {
            if open.pop() != name(closed) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.extend(name(tag));
        }
    }
    open.is_empty()
}

#[test]
fn names_are_only_text_wherever_they_are_drawn() {
    let graph = Graph::of(&machine());
    let drawn = svg(&graph, None, Look::InPage);
    assert!(is_well_formed(&drawn), "{drawn}");
    assert!(drawn.contains("Is &lt;odd&gt;</text>"), "{drawn}");
    assert!(!drawn.contains("<style>"), "{drawn}");
    let text = mermaid(&graph, None);
    assert!(text.contains("\"Is #60;odd#62;<br>Choice\""), "{text}");
    assert!(text.contains("-->|\"$.item = 1\"|"), "{text}");
}

#[test]
fn mermaid_marks_what_was_taken() {
    let trail = trail(&[busy(), Answer::Return(json!({"items": []}))]);
    let text = mermaid(&Graph::of(&machine()), Some(&trail));
    assert_eq!(
        text.lines().take(4).collect::<Vec<_>>(),
        [
            "flowchart TD",
            "  start((\" \"))",
            "  s0[\"Try<br>done, 2 attempts\"]:::passed",
            "  s0 -.->|\"retry 1 × from 1 s: Busy\"| s0",
        ]
    );
    // The retry and what follows; in between are the links of the Map and the Catch.
    assert!(text.contains("linkStyle 0,3 "), "{text}");
}

#[test]
fn every_recorded_execution_can_be_drawn() {
    let Some(cases) = cases() else { return };
    let mut count = 0;
    for case in section(&cases, "executions") {
        let Ok(definition) = Definition::parse(&case["definition"].to_string()) else {
            continue;
        };
        let events = case["events"].as_array();
        let trail = Trail::of(events.map_or(&[][..], Vec::as_slice));
        let drawn = svg(&Graph::of(&definition), Some(&trail), Look::Alone);
        assert!(is_well_formed(&drawn), "{}", case["name"]);
        count += 1;
    }
    assert!(count > 100, "{count}");
}
