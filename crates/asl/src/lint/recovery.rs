//! `Retry` and `Catch`: entries that nothing ever comes to, names that are none, and errors that
//! nothing can help against.

use serde_json::Value;

use super::names::nearest;
use super::{Code, Lint, Seen};
use crate::definition::Kind;
use crate::retry::Retrier;

/// The error names of the language.
const STATES_ERRORS: &[&str] = &[
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// What Lambda itself fails with.
const LAMBDA_ERRORS: &[&str] = &[
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ResourceNotFoundException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
];

/// Longest time of an execution, in seconds: a year.
const EXECUTION_SECONDS_MAX: f64 = 31_536_000.0;

impl Lint<'_> {
    pub(super) fn look_at_recovery(&mut self, seen: Seen<'_>) {
        let retriers: Vec<&[String]> = seen.state.retriers.iter().map(|it| &*it.errors).collect();
        let catchers: Vec<&[String]> = seen.state.catchers.iter().map(|it| &*it.errors).collect();
        self.look_at_names("Retry", &retriers, seen);
        self.look_at_names("Catch", &catchers, seen);
        for (at, retrier) in seen.state.retriers.iter().enumerate() {
            self.look_at_length(retrier, &format!("{}/Retry[{at}]", seen.location));
        }
        self.look_at_catchers(seen);
        self.look_at_times(seen);
    }

    fn look_at_names(&mut self, field: &str, entries: &[&[String]], seen: Seen<'_>) {
        let is_task = matches!(seen.state.kind, Kind::Task(_));
        let mut earlier: Vec<&str> = Vec::new();
        for (at, names) in entries.iter().enumerate() {
            let entry = format!("{}/{field}[{at}]", seen.location);
            let covers = |name: &str| covering(&earlier, name, is_task);
            let dead: Vec<bool> = names.iter().map(|name| covers(name).is_some()).collect();
            let all_dead = !names.is_empty() && dead.iter().all(|dead| *dead);
            for (place, name) in names.iter().enumerate() {
                let location = format!("{entry}/ErrorEquals[{place}]");
                self.look_at_name(name, &location);
                let Some(first) = covers(name) else { continue };
                let all = if all_dead {
                    "; this whole entry is never used"
                } else {
                    ""
                };
                let help = format!("\"{first}\" in an earlier entry always comes first{all}");
                let message = format!("'{name}' is never matched here");
                self.note(Code::NeverMatched, &location, message, Some(help));
            }
            for (place, name) in names.iter().enumerate() {
                if names.iter().take(place).any(|other| other == name) {
                    let location = format!("{entry}/ErrorEquals[{place}]");
                    let message = format!("'{name}' stands in this list for the second time");
                    self.note(Code::NeverMatched, &location, message, None);
                }
            }
            earlier.extend(names.iter().map(String::as_str));
        }
    }

    fn look_at_name(&mut self, name: &str, location: &str) {
        if name == "States.Runtime" {
            let message = "States.Runtime is neither retried nor caught, not even by its name";
            let help = "check the data before this state (a Choice with IsPresent), so that its \
                        paths never fail";
            self.note(Code::NeverCaught, location, message, Some(help.to_owned()));
            return;
        }
        let known = || STATES_ERRORS.iter().chain(LAMBDA_ERRORS).copied();
        if known().any(|it| it == name) {
            return;
        }
        let near = nearest(name, known());
        let is_reserved = name.starts_with("States.") || name.starts_with("Lambda.");
        // The name of a service's or a function's own error may look like anything.
        let looks_reserved = near.is_some() && name.contains('.');
        if is_reserved || looks_reserved {
            let message = format!("'{name}' is no error of the language: nothing is called that");
            let help = near.map(|near| format!("did you mean \"{near}\"?"));
            self.note(Code::UnknownErrorName, location, message, help);
        }
    }

    /// An execution lasts a year at most: retries that go on for longer never come to their catcher.
    fn look_at_length(&mut self, retrier: &Retrier, location: &str) {
        let most = retrier.max_delay.map(|delay| delay.0);
        let mut delay = to_seconds(retrier.interval.0);
        let mut total = 0.0;
        for _ in 0..retrier.max_attempts {
            total += most.map_or(delay, |most| delay.min(to_seconds(most)));
            if total > EXECUTION_SECONDS_MAX {
                let message = "these retries go on for more than a year, and an execution does not";
                let help = "give a MaxDelaySeconds, a smaller BackoffRate or fewer MaxAttempts";
                self.note(
                    Code::RetriesOutlast,
                    location,
                    message,
                    Some(help.to_owned()),
                );
                return;
            }
            delay *= retrier.backoff_rate;
        }
    }

    fn look_at_catchers(&mut self, seen: Seen<'_>) {
        for (at, catcher) in seen.state.catchers.iter().enumerate() {
            let location = format!("{}/Catch[{at}]/Next", seen.location);
            let target = seen.examined.states.get(catcher.next);
            let Some(Some(target)) = target else { continue };
            if target.name == seen.state.name {
                let message =
                    "an error leads back into the state it came from, at once and for ever";
                let help = "use Retry, which waits and gives up, or put a Wait between";
                self.note(
                    Code::CatchesItself,
                    &location,
                    message,
                    Some(help.to_owned()),
                );
            }
            if let Kind::Fail(_) = target.kind {
                let message = format!(
                    "a redrive of an execution that ended in the Fail state '{}' fails again there",
                    target.name
                );
                let help = "to be redriven, let the execution fail in the task itself, without \
                            this Catch";
                self.note(
                    Code::RedriveFailsAgain,
                    &location,
                    message,
                    Some(help.to_owned()),
                );
            }
        }
        let catches_all = |names: &[String]| names.iter().any(|name| name == "States.ALL");
        let all = (seen.state.catchers.iter()).position(|it| catches_all(&it.errors));
        if let Some(at) = all
            && has_paths(seen)
        {
            let location = format!("{}/Catch[{at}]/ErrorEquals[0]", seen.location);
            let message = "States.ALL does not catch States.Runtime, with which this state fails \
                           when one of its paths leads to nothing";
            let help = "that the data is there is for an earlier state to see to";
            self.note(
                Code::RuntimeNotCaught,
                &location,
                message,
                Some(help.to_owned()),
            );
        }
    }

    fn look_at_times(&mut self, seen: Seen<'_>) {
        let Kind::Task(task) = &seen.state.kind else {
            return;
        };
        for (field, lists) in [
            (
                "Retry",
                names_of(seen.state.retriers.iter().map(|it| &*it.errors)),
            ),
            (
                "Catch",
                names_of(seen.state.catchers.iter().map(|it| &*it.errors)),
            ),
        ] {
            let place = |wanted: &str| lists.iter().find(|(_, _, name)| *name == wanted);
            if let Some((entry, at, _)) = place("States.HeartbeatTimeout")
                && task.heartbeat.is_none()
            {
                let location = format!("{}/{field}[{entry}]/ErrorEquals[{at}]", seen.location);
                let message = "a heartbeat cannot be missed where none is asked for";
                let help = "add \"HeartbeatSeconds\", or take this name away";
                self.note(Code::NoHeartbeat, &location, message, Some(help.to_owned()));
            }
            if let Some((entry, at, _)) = place("States.TaskFailed")
                && task.timeout.is_some()
                && place("States.Timeout").is_none()
                && place("States.ALL").is_none()
            {
                let location = format!("{}/{field}[{entry}]/ErrorEquals[{at}]", seen.location);
                let message = "States.TaskFailed does not stand for States.Timeout, and this task \
                               has a time-out";
                let help = "name \"States.Timeout\" as well, or use \"States.ALL\"";
                self.note(
                    Code::TimeoutNotCaught,
                    &location,
                    message,
                    Some(help.to_owned()),
                );
            }
        }
    }
}

/// Every name with its entry and its place there.
fn names_of<'a>(lists: impl Iterator<Item = &'a [String]>) -> Vec<(usize, usize, &'a str)> {
    let of_entry = |(entry, names): (usize, &'a [String])| {
        let names = names.iter().enumerate();
        names.map(move |(at, name)| (entry, at, name.as_str()))
    };
    lists.enumerate().flat_map(of_entry).collect()
}

/// The earlier name that stands for a later one as well.
fn covering<'a>(earlier: &[&'a str], name: &str, is_task: bool) -> Option<&'a str> {
    let same = earlier.iter().copied().find(|other| *other == name);
    let is_tasks_own = !name.starts_with("States.");
    let general = (is_task && is_tasks_own)
        .then(|| earlier.iter().copied())
        .and_then(|mut names| names.find(|other| *other == "States.TaskFailed"));
    same.or(general)
}

/// Whether a state has paths that may lead to nothing.
fn has_paths(seen: Seen<'_>) -> bool {
    let leads_somewhere = |text: &str| text.starts_with("$.") || text.starts_with("$[");
    let in_field = |name: &str| {
        let text = seen.json.get(name).and_then(Value::as_str);
        text.is_some_and(leads_somewhere)
    };
    let dynamic = ["Parameters", "ResultSelector"]
        .into_iter()
        .filter_map(|name| seen.json.get(name))
        .any(|template| has_dynamic_path(template, &leads_somewhere));
    ["InputPath", "OutputPath", "ItemsPath"]
        .into_iter()
        .any(in_field)
        || dynamic
}

fn has_dynamic_path(template: &Value, leads: &impl Fn(&str) -> bool) -> bool {
    match template {
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            let own = key.ends_with(".$") && value.as_str().is_some_and(leads);
            own || has_dynamic_path(value, leads)
        }),
        Value::Array(items) => items.iter().any(|item| has_dynamic_path(item, leads)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only compared with a year, far below 2^53 milliseconds"
)]
fn to_seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
