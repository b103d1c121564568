//! The states that tell endpoints, and how they are put before any workflow.
//!
//! A payment's own execution ends when the payment does. What is told of it is an execution of its
//! own, which the change to `completed` or `failed` starts: an application that is down for days
//! then neither keeps a payment open, nor a failed one from being redriven, nor later events of
//! the payment from their turn. One state machine is run for both; a first choice tells them
//! apart by the change that it was started for.

use serde_json::{Map, Value, json};

/// What happens to a change to `completed` or `failed`: a whole state machine.
pub const NOTIFY_WORKFLOW: &str = include_str!("../../../../workflows/notify.asl.json");

/// The first choice.
const CHOICE: &str = "IsPaymentAtItsEnd";

/// Why a workflow cannot be extended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotExtended {
    /// It is no state machine.
    #[error("it is no state machine: it needs StartAt and States")]
    NoStateMachine,
    /// It has a state of a name that is needed.
    #[error("it has a state named {0}, as the states that send notifications have; rename it")]
    NameTaken(String),
    /// Its executions end after a time that is shorter than the schedule of attempts may be.
    #[error(
        "it has TimeoutSeconds, which would end the sending of notifications as well, and that takes \
         days; put TimeoutSeconds on its states instead"
    )]
    Timeout,
}

/// A workflow with the states that tell endpoints. What it did before, it does as before, unless
/// it was started for changes to `completed` or `failed` itself.
///
/// # Errors
/// See [`NotExtended`].
pub fn extended(definition: &str) -> Result<String, NotExtended> {
    let mut machine = object(definition)?;
    let notify = object(NOTIFY_WORKFLOW)?;
    let start = start_of(&machine)?;
    let choice = choice(&start_of(&notify)?, &start);
    if machine.contains_key("TimeoutSeconds") {
        return Err(NotExtended::Timeout);
    }
    let states = machine.get_mut("States").and_then(Value::as_object_mut);
    let states = states.ok_or(NotExtended::NoStateMachine)?;
    let more = notify.get("States").and_then(Value::as_object);
    let more = more.into_iter().flatten();
    let all = more.map(|(name, state)| (name.clone(), state.clone()));
    for (name, state) in all.chain([(CHOICE.to_owned(), choice)]) {
        if states.contains_key(&name) {
            return Err(NotExtended::NameTaken(name));
        }
        states.insert(name, state);
    }
    machine.insert("StartAt".to_owned(), json!(CHOICE));
    Ok(format!("{:#}", Value::Object(machine)))
}

/// A filter that lets through what `filter` does, and changes to `completed` and `failed` too.
/// `filter` must be an event pattern.
pub fn extended_filter(filter: &str) -> String {
    let own: Value = serde_json::from_str(filter).unwrap_or_default();
    let ends = json!({
        "eventName": ["MODIFY"],
        "dynamodb": { "NewImage": { "status": { "S": ["completed", "failed"] } } },
    });
    json!({ "$or": [own, ends] }).to_string()
}

fn object(text: &str) -> Result<Map<String, Value>, NotExtended> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(NotExtended::NoStateMachine),
    }
}

fn start_of(machine: &Map<String, Value>) -> Result<String, NotExtended> {
    let start = machine.get("StartAt").and_then(Value::as_str);
    start.map(str::to_owned).ok_or(NotExtended::NoStateMachine)
}

fn choice(at_its_end: &str, otherwise: &str) -> Value {
    let status = |value: &str| json!({ "Variable": "$[0].dynamodb.NewImage.status.S", "StringEquals": value });
    json!({
        "Comment": "A change to completed or failed is told; anything else is processed.",
        "Type": "Choice",
        "Choices": [{
            "And": [
                { "Variable": "$[0].eventName", "StringEquals": "MODIFY" },
                { "Or": [status("completed"), status("failed")] },
            ],
            "Next": at_its_end,
        }],
        "Default": otherwise,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_keeps_its_states_and_begins_with_the_choice() {
        let own = r#"{"Comment":"c","StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;
        let extended: Value = serde_json::from_str(&extended(own).unwrap()).unwrap();
        assert_eq!(extended["StartAt"], CHOICE);
        assert_eq!(extended["States"]["A"], json!({"Type": "Succeed"}));
        assert_eq!(extended["States"][CHOICE]["Default"], "A");
        let start = &extended["States"][CHOICE]["Choices"][0]["Next"];
        assert!(extended["States"].get(start.as_str().unwrap()).is_some());
    }

    #[test]
    fn what_cannot_be_extended_is_refused() {
        let taken = |name: &str| {
            format!(r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Succeed"}}}}}}"#)
        };
        for (text, expected) in [
            (String::from("[]"), NotExtended::NoStateMachine),
            (String::from("{"), NotExtended::NoStateMachine),
            (
                String::from(r#"{"States":{}}"#),
                NotExtended::NoStateMachine,
            ),
            (
                String::from(r#"{"StartAt":"A"}"#),
                NotExtended::NoStateMachine,
            ),
            (
                r#"{"StartAt":"A","TimeoutSeconds":900,"States":{"A":{"Type":"Succeed"}}}"#
                    .to_owned(),
                NotExtended::Timeout,
            ),
            (taken(CHOICE), NotExtended::NameTaken(CHOICE.to_owned())),
            (
                taken("SendNotifications"),
                NotExtended::NameTaken("SendNotifications".to_owned()),
            ),
        ] {
            assert_eq!(extended(&text), Err(expected), "{text}");
        }
    }
}
