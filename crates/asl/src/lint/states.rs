//! One state: how long it may take, whom it waits for, how it fails.

use serde_json::Value;

use super::{Code, Lint, Seen};
use crate::definition::{Amount, Fail, Kind, Language, Task, WaitFor};

const SECONDS_OF_HOUR: u64 = 3600;
const SECONDS_OF_DAY: u64 = 24 * SECONDS_OF_HOUR;

impl Lint<'_> {
    pub(super) fn look_at_state(&mut self, seen: Seen<'_>) {
        match &seen.state.kind {
            Kind::Task(task) => self.look_at_task(task, seen),
            Kind::Wait(wait) => self.look_at_wait(wait, seen),
            Kind::Fail(Fail { error: None, .. }) => {
                let message = "this failure has no name: a Catch cannot tell it from others, and \
                               neither can a person";
                let help = "add \"Error\": \"<its name>\"";
                self.note(
                    Code::FailWithoutError,
                    seen.location,
                    message,
                    Some(help.to_owned()),
                );
            }
            Kind::Fail(_)
            | Kind::Pass(_)
            | Kind::Choice(_)
            | Kind::Succeed
            | Kind::Parallel(_)
            | Kind::Map(_) => {}
        }
    }

    fn look_at_task(&mut self, task: &Task, seen: Seen<'_>) {
        let resource = format!("{}/Resource", seen.location);
        match &task.timeout {
            None if seen.examined.timeout.is_none() => {
                let message = "without TimeoutSeconds a task that never answers is waited for \
                               99999999 seconds, which is three years";
                let help = "add \"TimeoutSeconds\": 60, or as long as the task may take";
                self.note(Code::NoTimeout, &resource, message, Some(help.to_owned()));
            }
            Some(Amount::Fixed(seconds)) => {
                let field = format!("{}/TimeoutSeconds", seen.location);
                self.look_at_unit(*seconds, &field);
                self.look_at_end(*seconds, &field, seen);
            }
            Some(Amount::Computed(_)) | None => {}
        }
        if task.resource.waits_for_token() && !gives_token(seen) {
            let (field, path) = match seen.state.language {
                Language::JsonPath => ("Parameters", "\"token.$\": \"$$.Task.Token\""),
                Language::Jsonata => (
                    "Arguments",
                    "\"token\": \"{% $states.context.Task.Token %}\"",
                ),
            };
            let message = "the task waits for its token to come back, and hands it to nobody";
            let help = format!("put {path} into {field}");
            self.note(Code::TokenNotPassed, &resource, message, Some(help));
        }
    }

    fn look_at_wait(&mut self, wait: &WaitFor, seen: Seen<'_>) {
        match wait {
            WaitFor::Seconds(seconds) => {
                let field = format!("{}/Seconds", seen.location);
                self.look_at_unit(*seconds, &field);
                self.look_at_end(*seconds, &field, seen);
            }
            WaitFor::Until(_) => {
                let message = "this time comes once: executions after it do not wait here";
                let help = "for a time that depends on the input use TimestampPath";
                let field = format!("{}/Timestamp", seen.location);
                self.note(Code::FixedTimestamp, &field, message, Some(help.to_owned()));
            }
            WaitFor::SecondsAt(_) | WaitFor::UntilAt(_) => {}
        }
    }

    /// Seconds that would be a round number of seconds if they were milliseconds, and are no round
    /// number of hours or days as they are.
    fn look_at_unit(&mut self, seconds: u64, location: &str) {
        let is_round = match seconds {
            0..SECONDS_OF_DAY => seconds.is_multiple_of(SECONDS_OF_HOUR),
            _ => seconds.is_multiple_of(SECONDS_OF_DAY),
        };
        if seconds < 1000 || !seconds.is_multiple_of(1000) || is_round {
            return;
        }
        let message = format!("{seconds} seconds are {}", in_words(seconds));
        let help = format!("if milliseconds were meant, write {}", seconds / 1000);
        self.note(Code::UnitDoubtful, location, message, Some(help));
    }

    fn look_at_end(&mut self, seconds: u64, location: &str, seen: Seen<'_>) {
        if let Some(limit) = seen.examined.timeout
            && limit.0 / 1000 <= seconds
        {
            let message = format!(
                "the machine's own TimeoutSeconds, {}, ends the execution first",
                limit.0 / 1000
            );
            let help = "an execution that timed out is not caught by any state".to_owned();
            self.note(Code::TimeoutTooLate, location, message, Some(help));
        }
    }
}

fn gives_token(seen: Seen<'_>) -> bool {
    let fields = ["Parameters", "Arguments"].into_iter();
    let mut given = fields.filter_map(|name| seen.json.get(name));
    let whole = |path: &str| seen.json.get(path).and_then(Value::as_str) == Some("$$");
    given.any(names_token) || whole("InputPath")
}

fn names_token(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            compact.contains("Task.Token") || compact.contains("['Token']") || compact == "$$"
        }
        Value::Array(items) => items.iter().any(names_token),
        Value::Object(fields) => fields.values().any(names_token),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// `41 d 16 h`, `16 h 40 min`: the two biggest units.
fn in_words(seconds: u64) -> String {
    let units = [
        (SECONDS_OF_DAY, "d"),
        (SECONDS_OF_HOUR, "h"),
        (60, "min"),
        (1, "s"),
    ];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, unit) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            words.push(format!("{count} {unit}"));
        }
    }
    words.truncate(2);
    words.join(" ")
}
