//! History events as `GetExecutionHistory` shows them.
//!
//! Events share their data with the execution; texts are only made in [`HistoryEvent::to_json`].

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::datum::Datum;
use crate::definition::{Resource, ResourceKind, StateType};
use crate::time::Millis;

/// One event of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// 1, 2, 3, … without gaps.
    pub id: u32,
    /// The event this one follows in its branch; 0 for the first ones.
    pub previous_event_id: u32,
    /// When it happened.
    pub timestamp: Millis,
    /// What happened.
    pub details: EventDetails,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields carry the names of the API")]
pub enum EventDetails {
    /// The execution began.
    ExecutionStarted { input: Datum, role_arn: String },
    /// The execution ended well.
    ExecutionSucceeded { output: Datum },
    /// The execution ended badly.
    ExecutionFailed {
        error: Option<String>,
        cause: Option<String>,
    },
    /// The machine's time ran out.
    ExecutionTimedOut,
    /// The execution was stopped from outside.
    ExecutionAborted {
        error: Option<String>,
        cause: Option<String>,
    },
    /// The execution goes on after it had ended badly.
    ExecutionRedriven { redrive_count: u32 },
    /// A state began.
    StateEntered {
        kind: StateType,
        name: Arc<str>,
        input: Datum,
    },
    /// A state ended.
    StateExited {
        kind: StateType,
        name: Arc<str>,
        output: Datum,
        assigned: Vec<(String, String)>,
    },
    /// An expression of JSONata has no value, or one that is of no use.
    EvaluationFailed(Box<EvaluationFailed>),
    /// A state was given up because of something beside it.
    StateAborted { kind: StateType },
    /// A Parallel state began its branches.
    ParallelStarted,
    /// A Map state began its iterations.
    MapStarted { length: u32 },
    /// A Parallel or Map state has everything it waited for.
    ForkSucceeded { kind: StateType },
    /// A Parallel or Map state failed because something inside it did.
    ForkFailed { kind: StateType },
    /// An iteration of a Map state began, or ended in one way or another.
    MapIteration {
        name: Arc<str>,
        index: u32,
        what: IterationEvent,
    },
    /// A distributed Map state began its iterations.
    MapRunStarted { arn: String },
    /// They ended well, as far as they had to.
    MapRunSucceeded,
    /// Too many of them failed.
    MapRunFailed {
        error: Option<String>,
        cause: Option<String>,
    },
    /// They go on after the execution had ended badly.
    MapRunRedriven { arn: String, redrive_count: u32 },
    /// A task was handed out.
    TaskScheduled(Box<TaskScheduled>),
    /// A task began.
    TaskStarted { resource: Arc<Resource> },
    /// A task was accepted, and its end is waited for (`.sync`, `.waitForTaskToken`).
    TaskSubmitted {
        resource: Arc<Resource>,
        output: Datum,
    },
    /// A task ended well.
    TaskSucceeded {
        resource: Arc<Resource>,
        output: Datum,
    },
    /// A task ended badly.
    TaskFailed {
        resource: Arc<Resource>,
        error: Option<String>,
        cause: Option<String>,
    },
    /// A task took too long, or gave no sign of life.
    TaskTimedOut {
        resource: Arc<Resource>,
        error: String,
    },
}

/// The details of an expression that failed.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields carry the names of the API")]
pub struct EvaluationFailed {
    pub error: Option<String>,
    pub cause: Option<String>,
    pub location: String,
    pub state: Arc<str>,
}

/// What became of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the API")]
pub enum IterationEvent {
    Started,
    Succeeded,
    Failed,
    Aborted,
}

/// The details of a task that was handed out.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields carry the names of the API")]
pub struct TaskScheduled {
    pub resource: Arc<Resource>,
    pub region: String,
    pub input: Datum,
    pub timeout_seconds: Option<u64>,
    pub heartbeat_seconds: Option<u64>,
    pub role_arn: Option<String>,
}

impl HistoryEvent {
    /// The `type` of the event.
    #[must_use]
    pub fn event_type(&self) -> String {
        self.details.event_type()
    }

    /// The event as `GetExecutionHistory` shows it: data as JSON text.
    #[must_use]
    pub fn to_json(&self, execution_input: &Value) -> Value {
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), self.timestamp.to_rfc3339().into());
        event.insert("type".to_owned(), self.event_type().into());
        event.insert("id".to_owned(), self.id.into());
        event.insert("previousEventId".to_owned(), self.previous_event_id.into());
        if let Some(details) = self.details.shown(execution_input) {
            event.insert(self.details.field(), Value::Object(details));
        }
        Value::Object(event)
    }
}

impl EventDetails {
    fn event_type(&self) -> String {
        match self {
            Self::ExecutionStarted { .. } => "ExecutionStarted".to_owned(),
            Self::ExecutionSucceeded { .. } => "ExecutionSucceeded".to_owned(),
            Self::ExecutionFailed { .. } => "ExecutionFailed".to_owned(),
            Self::ExecutionTimedOut => "ExecutionTimedOut".to_owned(),
            Self::ExecutionAborted { .. } => "ExecutionAborted".to_owned(),
            Self::ExecutionRedriven { .. } => "ExecutionRedriven".to_owned(),
            Self::StateEntered { kind, .. } => format!("{}StateEntered", kind.as_str()),
            Self::StateExited { kind, .. } => format!("{}StateExited", kind.as_str()),
            Self::EvaluationFailed(_) => "EvaluationFailed".to_owned(),
            Self::StateAborted { kind } => format!("{}StateAborted", kind.as_str()),
            Self::ParallelStarted => "ParallelStateStarted".to_owned(),
            Self::MapStarted { .. } => "MapStateStarted".to_owned(),
            Self::ForkSucceeded { kind } => format!("{}StateSucceeded", kind.as_str()),
            Self::ForkFailed { kind } => format!("{}StateFailed", kind.as_str()),
            Self::MapIteration { what, .. } => format!("MapIteration{}", what.as_str()),
            Self::MapRunStarted { .. } => "MapRunStarted".to_owned(),
            Self::MapRunSucceeded => "MapRunSucceeded".to_owned(),
            Self::MapRunFailed { .. } => "MapRunFailed".to_owned(),
            Self::MapRunRedriven { .. } => "MapRunRedriven".to_owned(),
            Self::TaskScheduled(task) => format!("{}Scheduled", family(&task.resource)),
            Self::TaskStarted { resource } => format!("{}Started", family(resource)),
            Self::TaskSubmitted { resource, .. } => format!("{}Submitted", family(resource)),
            Self::TaskSucceeded { resource, .. } => format!("{}Succeeded", family(resource)),
            Self::TaskFailed { resource, .. } => format!("{}Failed", family(resource)),
            Self::TaskTimedOut { resource, .. } => format!("{}TimedOut", family(resource)),
        }
    }

    /// The name of the details field.
    fn field(&self) -> String {
        let event = self.event_type();
        // All states have theirs in common.
        let event = match event.find("StateEntered").or(event.find("StateExited")) {
            Some(at) => &event[at..],
            None => &event,
        };
        let (first, rest) = event.split_at_checked(1).unwrap_or(("", event));
        format!("{}{rest}EventDetails", first.to_ascii_lowercase())
    }

    /// The content of the details field, when the event has one.
    fn shown(&self, input: &Value) -> Option<Map<String, Value>> {
        let mut details = Map::new();
        match self {
            Self::ExecutionStarted {
                input: data,
                role_arn,
            } => {
                put_data(&mut details, "input", data.resolve(input));
                put(&mut details, "roleArn", role_arn.as_str());
            }
            Self::ExecutionSucceeded { output } => {
                put_data(&mut details, "output", output.resolve(input));
            }
            Self::ExecutionFailed { error, cause }
            | Self::ExecutionAborted { error, cause }
            | Self::MapRunFailed { error, cause } => put_error(&mut details, error, cause),
            Self::ExecutionTimedOut => {}
            Self::ExecutionRedriven { redrive_count } => {
                put(&mut details, "redriveCount", *redrive_count);
            }
            Self::StateEntered {
                name,
                input: entered_with,
                ..
            } => put_named(&mut details, name, "input", entered_with.resolve(input)),
            Self::StateExited {
                name,
                output,
                assigned,
                ..
            } => {
                put_named(&mut details, name, "output", output.resolve(input));
                put_assigned(&mut details, assigned);
            }
            Self::EvaluationFailed(failed) => failed.put(&mut details),
            Self::StateAborted { .. }
            | Self::ParallelStarted
            | Self::MapRunSucceeded
            | Self::ForkSucceeded { .. }
            | Self::ForkFailed { .. } => return None,
            Self::MapRunStarted { arn } => put(&mut details, "mapRunArn", arn.as_str()),
            Self::MapRunRedriven { arn, redrive_count } => {
                put(&mut details, "mapRunArn", arn.as_str());
                put(&mut details, "redriveCount", *redrive_count);
            }
            Self::MapStarted { length } => put(&mut details, "length", *length),
            Self::MapIteration { name, index, .. } => {
                put(&mut details, "name", &**name);
                put(&mut details, "index", *index);
            }
            Self::TaskScheduled(task) => task.put(&mut details, input),
            // A function or an activity that started has nothing more to say.
            Self::TaskStarted { resource } if !put_service(&mut details, resource) => return None,
            Self::TaskStarted { .. } => {}
            Self::TaskSubmitted { resource, output } | Self::TaskSucceeded { resource, output } => {
                put_service(&mut details, resource);
                put_data(&mut details, "output", output.resolve(input));
            }
            Self::TaskFailed {
                resource,
                error,
                cause,
            } => {
                put_service(&mut details, resource);
                put_error(&mut details, error, cause);
            }
            Self::TaskTimedOut { resource, error } => {
                put_service(&mut details, resource);
                put_error(&mut details, &Some(error.clone()), &None);
            }
        }
        Some(details)
    }
}

impl EvaluationFailed {
    fn put(&self, details: &mut Map<String, Value>) {
        put_error(details, &self.error, &self.cause);
        put(details, "location", self.location.as_str());
        put(details, "state", &*self.state);
    }
}

impl IterationEvent {
    fn as_str(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
        }
    }
}

impl TaskScheduled {
    fn put(&self, details: &mut Map<String, Value>, execution_input: &Value) {
        let input = self.input.resolve(execution_input);
        if put_service(details, &self.resource) {
            put(details, "region", self.region.as_str());
            put(details, "parameters", input.to_string());
        } else {
            details.insert("resource".to_owned(), self.resource.to_value());
            put_data(details, "input", input);
        }
        if let Some(seconds) = self.timeout_seconds {
            put(details, "timeoutInSeconds", seconds);
        }
        if let Some(seconds) = self.heartbeat_seconds {
            put(details, "heartbeatInSeconds", seconds);
        }
        if let Some(role) = &self.role_arn {
            let mut credentials = Map::new();
            credentials.insert("roleArn".to_owned(), role.as_str().into());
            details.insert("taskCredentials".to_owned(), Value::Object(credentials));
        }
    }
}

fn family(resource: &Resource) -> &'static str {
    match resource.kind() {
        ResourceKind::Lambda => "LambdaFunction",
        ResourceKind::Activity => "Activity",
        ResourceKind::Service { .. } => "Task",
    }
}

fn put(details: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    details.insert(name.to_owned(), value.into());
}

fn put_service(details: &mut Map<String, Value>, resource: &Resource) -> bool {
    let ResourceKind::Service { service, action } = resource.kind() else {
        return false;
    };
    put(details, "resourceType", service.as_str());
    put(details, "resource", action.as_str());
    true
}

fn put_data(details: &mut Map<String, Value>, name: &str, value: &Value) {
    details.insert(name.to_owned(), value.to_string().into());
    details.insert(format!("{name}Details"), not_truncated());
}

fn put_named(details: &mut Map<String, Value>, name: &str, kind: &str, value: &Value) {
    put(details, "name", name);
    put_data(details, kind, value);
}

fn put_assigned(details: &mut Map<String, Value>, assigned: &[(String, String)]) {
    if assigned.is_empty() {
        return;
    }
    let variables = assigned
        .iter()
        .map(|(name, text)| (name.clone(), text.as_str().into()))
        .collect();
    details.insert("assignedVariables".to_owned(), Value::Object(variables));
    details.insert("assignedVariablesDetails".to_owned(), not_truncated());
}

fn put_error(details: &mut Map<String, Value>, error: &Option<String>, cause: &Option<String>) {
    if let Some(error) = error {
        put(details, "error", error.as_str());
    }
    if let Some(cause) = cause {
        put(details, "cause", cause.as_str());
    }
}

fn not_truncated() -> Value {
    let mut details = Map::new();
    put(&mut details, "truncated", false);
    Value::Object(details)
}
