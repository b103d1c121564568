//! The life of a task: scheduled, answered or timed out, tried again, caught.

use std::sync::Arc;

use serde_json::Value;

use super::Command;
use super::machine::{Flow, Machine, data_limit};
use crate::datum::{Datum, json_len};
use crate::definition::{Amount, Kind, Resource, State, Task};
use crate::execution::{Doing, Outstanding, TaskId};
use crate::flow;
use crate::history::{EventDetails, TaskScheduled};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::retry::{Failure, Origin};
use crate::time::Millis;

impl<'a> Machine<'a> {
    pub(super) fn heartbeat(&mut self) {
        if let Doing::Task(task) = &mut self.thread.doing {
            task.seen_at = self.now;
        }
    }

    pub(super) fn task_submitted(&mut self, output: Value) {
        if let Doing::Task(task) = &mut self.thread.doing {
            task.submitted = true;
        }
        // Functions and activities have no such event.
        if let Some(task) = self.declared().filter(|task| task.resource.is_service()) {
            let resource = Arc::clone(&task.resource);
            self.record(EventDetails::TaskSubmitted {
                resource,
                output: Datum::new(output),
            });
        }
    }

    pub(super) fn task_succeeded(&mut self, output: Value) {
        let cursor = self.resume(|machine, state| machine.result(state, output));
        self.go(cursor);
    }

    pub(super) fn task_failed(
        &mut self,
        error: Option<String>,
        cause: Option<String>,
        retry_after: Option<Millis>,
    ) {
        let cursor = self.resume(|machine, _| {
            machine.failed(Failure {
                error,
                cause,
                origin: Origin::Task,
                patience: retry_after.unwrap_or_default(),
                evaluation: None,
            })
        });
        self.go(cursor);
    }

    pub(super) fn task_timed_out(&mut self, _: &'a State) -> Result<Flow, Failure> {
        let times = self.thread.task();
        let times = times.map(|task| (task.timeout_at(), task.heartbeat_at()));
        let origin = match times {
            Some((timeout, Some(heartbeat))) if heartbeat < timeout => Origin::Heartbeat,
            _ => Origin::Timeout,
        };
        let error = "States.Timeout".to_owned();
        if let Some(task) = self.declared() {
            let resource = Arc::clone(&task.resource);
            self.record(EventDetails::TaskTimedOut {
                resource,
                error: error.clone(),
            });
        }
        Err(Failure {
            error: Some(error),
            cause: None,
            origin,
            patience: Millis(0),
            evaluation: None,
        })
    }

    /// Hands out the state's task.
    pub(super) fn schedule(&mut self, state: &'a State, task: &Task) -> Result<Flow, Failure> {
        if let Some(failure) = self.full() {
            return Err(failure);
        }
        let token = task
            .resource
            .waits_for_token()
            .then(|| self.run.context.token_prefix.clone() + &self.luck.token())
            .map(Arc::from);
        self.token = token.clone();
        let data = self.state_data(state)?;
        let timeout = self.seconds(task.timeout.as_ref(), &data)?;
        let heartbeat = self.seconds(task.heartbeat.as_ref(), &data)?;
        let credentials = match &task.credentials {
            None => None,
            Some(template) => {
                Some(self.checked(&data, |scope| flow::shape(Some(template), &data, scope))?)
            }
        };
        let input = self.checked(&data, |scope| {
            flow::shape(state.parameters.as_ref(), &data, scope)
        })?;
        if state.parameters.is_some() && input.json_len() > PAYLOAD_BYTES_MAX {
            return Err(data_limit(&state.name, Origin::Interpreter));
        }
        self.note_parameters(state, &input);
        self.execution.last_task += 1;
        let outstanding = Outstanding {
            id: TaskId(self.execution.last_task),
            input,
            token,
            credentials,
            started_at: self.now,
            timeout,
            heartbeat,
            submitted: false,
            seen_at: self.now,
        };
        self.record_scheduled(&task.resource, &outstanding);
        self.thread.doing = Doing::Task(outstanding);
        let command = self.execution.command(&self.thread, self.run.definition);
        self.commands.extend::<Option<Command>>(command);
        Ok(Flow::Pause)
    }

    fn record_scheduled(&mut self, resource: &Arc<Resource>, task: &Outstanding) {
        let role_arn = task.credentials.as_ref().and_then(|credentials| {
            let found = credentials.resolve(self.run.input).get("RoleArn")?;
            found.as_str().map(str::to_owned)
        });
        let scheduled = TaskScheduled {
            resource: Arc::clone(resource),
            region: self.run.context.region().to_owned(),
            input: task.input.clone(),
            timeout_seconds: task.timeout.map(|timeout| timeout.0 / 1000),
            heartbeat_seconds: task.heartbeat.map(|heartbeat| heartbeat.0 / 1000),
            role_arn,
        };
        self.record(EventDetails::TaskScheduled(Box::new(scheduled)));
        self.record(EventDetails::TaskStarted {
            resource: Arc::clone(resource),
        });
    }

    fn result(&mut self, state: &'a State, output: Value) -> Result<Flow, Failure> {
        let Kind::Task(task) = &state.kind else {
            return Ok(Flow::Ended);
        };
        if json_len(&output) > PAYLOAD_BYTES_MAX {
            return self.failed(data_limit(task.resource.limit_subject(), Origin::Task));
        }
        let output = Datum::new(output);
        let resource = Arc::clone(&task.resource);
        self.record(EventDetails::TaskSucceeded {
            resource,
            output: output.clone(),
        });
        self.thread.doing = Doing::Rest;
        self.note(|seen| seen.result = Some(output.clone()));
        self.result = Some(output.clone());
        let selector = state.result_selector.as_ref();
        let result = self.checked(&output, |scope| flow::shape(selector, &output, scope))?;
        self.leave_result(state, result)
    }

    fn failed(&mut self, failure: Failure) -> Result<Flow, Failure> {
        if let Some(task) = self.declared() {
            let resource = Arc::clone(&task.resource);
            let (error, cause) = (failure.error.clone(), failure.cause.clone());
            self.record(EventDetails::TaskFailed {
                resource,
                error,
                cause,
            });
        }
        Err(failure)
    }

    fn seconds(&self, field: Option<&Amount>, data: &Datum) -> Result<Option<Millis>, Failure> {
        let seconds = field.map(|field| self.checked(data, |scope| flow::amount(field, 1, scope)));
        Ok(seconds.transpose()?.map(Millis::from_secs))
    }
}
