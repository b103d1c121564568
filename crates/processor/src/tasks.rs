//! The one list of tasks, and the door to them.
//!
//! A task is one file under `tasks/` and one line in the list below. It is given its record,
//! may ask the gateway, and says what came of it and what should be recorded; it never
//! records. Every task must be safe to run twice and to be killed anywhere: the task suite
//! (`tests/task_suite.rs`) does both to everything in the list.
//!
//! A call's input names its task: `{"task": "claim_payment", "execution": …, "records": …}`.
//! Without `task` it is `process_payment`, because the seed's workflow passes its raw input.

use std::sync::Arc;

use domain::record::{EventRecord, RecordKey};
use domain::settlement::{Settlement, SettlementChange};
use domain::task::{RecordChange, TaskCall, TaskFailure, TaskOutcome};
use domain::time::Timestamp;
use serde_json::Value;

use crate::failure;
use crate::gateway::PaymentGateway;
use crate::http_tasks::{Endpoint, HttpTasks};
use crate::notify::Notifier;
use crate::records::PaymentRecords;
use crate::resource;
use crate::subject;

/// Makes the list: the modules, the enum, the names and the dispatch all follow from it.
macro_rules! tasks {
    ($($(#[$doc:meta])* $variant:ident = $module:ident,)*) => {
        $(mod $module;)*

        /// What this house can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Task { $($(#[$doc])* $variant,)* }

        impl Task {
            /// Every task, in the order of a payment's life.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that a call's input gives.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($module),)* }
            }

            /// Whether it acts on anything but the record: one that does not is as cheap and
            /// as safe as a `Pass`, and needs neither a slot nor a timeout.
            pub const fn reaches_outside(self) -> bool {
                match self { $(Self::$variant => $module::REACHES_OUTSIDE,)* }
            }

            async fn run<G: PaymentGateway>(
                self,
                job: Job<'_>,
                gateway: &G,
            ) -> Result<Done, TaskFailure> {
                match self { $(Self::$variant => $module::run(job, gateway).await,)* }
            }
        }
    };
}

tasks! {
    /// One execution, and no other, takes the payment on.
    ClaimPayment = claim_payment,
    /// The gateway settles it.
    ProcessPayment = process_payment,
    /// Its attempts are spent; a person has to look.
    RecordFailure = record_failure,
    /// Nothing more is done until the person has.
    AwaitRedrive = await_redrive,
    /// Endpoints are told what became of it.
    SendNotifications = send_notifications,
    /// Some could not be told; a person has to look.
    ReportUndelivered = report_undelivered,
}

/// Everything that runs a workflow's tasks.
#[derive(Debug)]
pub struct Tasks<G, R> {
    gateway: G,
    records: R,
    http: HttpTasks,
    notifier: Option<Arc<Notifier>>,
}

/// What a task is given.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// The record, as it stood when the attempt began.
    pub(crate) record: EventRecord,
    /// How another record about the same change was settled; for tasks that reach outside.
    pub(crate) settled_before: Option<Settlement>,
    /// Who is told what becomes of payments, if anybody is.
    pub(crate) notifier: Option<&'a Notifier>,
    /// The whole input, for words of the task's own.
    pub(crate) input: &'a Value,
    /// The execution that asks; empty when nobody said.
    pub(crate) execution: &'a str,
    /// The attempt, for its trace and its deadline.
    pub(crate) call: &'a TaskCall,
    /// When the attempt began.
    pub(crate) now: Timestamp,
}

/// What came of a task.
#[derive(Debug)]
pub(crate) struct Done {
    /// The result for the workflow.
    pub(crate) output: Value,
    /// What is to become of the job's record.
    pub(crate) change: Option<SettlementChange>,
}

enum Route<'a> {
    Endpoint(&'a Endpoint),
    Function,
    Nobody(&'a str),
}

impl<G: PaymentGateway, R: PaymentRecords> Tasks<G, R> {
    /// The tasks of the list, with this gateway and these records.
    pub fn new(gateway: G, records: R) -> Self {
        Self {
            gateway,
            records,
            http: HttpTasks::default(),
            notifier: None,
        }
    }

    /// The same, with resources that are done by endpoints of the user's own. A resource that
    /// is mapped goes there even when it names the function that this crate is.
    pub fn with_http(self, http: HttpTasks) -> Self {
        Self { http, ..self }
    }

    /// The same, with endpoints that are told what becomes of payments. Without, nobody is.
    pub fn with_notifier(self, notifier: Arc<Notifier>) -> Self {
        Self {
            notifier: Some(notifier),
            ..self
        }
    }

    /// Whether a workflow may name `resource`: it is ours, or mapped to an endpoint. For
    /// [`resource::LAMBDA_INVOKE`], and the same that waits, the function's name is known only at the
    /// call.
    pub fn accepts(&self, resource: &str) -> bool {
        self.http.endpoint(resource).is_some()
            || resource::invokes_by_name(resource)
            || resource::is_our_function(resource)
    }

    /// Whether the call acts on anything but the record. `false` for tasks whose whole effect
    /// is the recorded change, and for calls that fail before they act.
    pub fn reaches_outside(&self, call: &TaskCall) -> bool {
        let (route, input) = self.route(&call.resource, &call.input);
        match route {
            Route::Endpoint(_) => true,
            Route::Function => task_of(input).is_ok_and(Task::reaches_outside),
            Route::Nobody(_) => false,
        }
    }

    /// Runs one attempt as Step Functions would: finds who does the resource, and gives result
    /// and failure the shape that the platform's integration gives them.
    ///
    /// Dropping the future gives the attempt up; whether the gateway acted is then unknown.
    pub async fn run(&self, call: TaskCall, now: Timestamp) -> TaskOutcome {
        let enveloped = resource::invokes_by_name(&call.resource)
            && self.http.endpoint(&call.resource).is_none();
        let (route, input) = self.route(&call.resource, &call.input);
        let outcome = match route {
            Route::Endpoint(endpoint) => self.http.call(endpoint, &call, input, now).await,
            Route::Function => match self.do_task(&call, input, now).await {
                Ok(done) => done,
                Err(failed) => TaskOutcome::Failed(resource::as_function_failure(failed)),
            },
            Route::Nobody(name) => TaskOutcome::Failed(failure::failed(
                failure::FUNCTION_NOT_FOUND,
                format!("Function not found: {name}"),
            )),
        };
        match outcome {
            TaskOutcome::Succeeded { output, change } if enveloped => TaskOutcome::Succeeded {
                output: resource::envelope(output),
                change,
            },
            outcome @ (TaskOutcome::Succeeded { .. } | TaskOutcome::Failed(_)) => outcome,
        }
    }

    /// Runs one attempt as the Lambda function itself: the call's input is the event, whatever
    /// its resource is, and a failure's cause is the plain message.
    pub async fn invoke(&self, call: TaskCall, now: Timestamp) -> TaskOutcome {
        match self.do_task(&call, &call.input, now).await {
            Ok(done) => done,
            Err(failed) => TaskOutcome::Failed(failed),
        }
    }

    fn route<'a>(&'a self, resource: &'a str, input: &'a Value) -> (Route<'a>, &'a Value) {
        if let Some(endpoint) = self.http.endpoint(resource) {
            return (Route::Endpoint(endpoint), input);
        }
        if !resource::invokes_by_name(resource) {
            let route = if resource::is_our_function(resource) {
                Route::Function
            } else {
                Route::Nobody(resource)
            };
            return (route, input);
        }
        let name = input.get("FunctionName").and_then(Value::as_str);
        let name = name.unwrap_or_default();
        let route = if let Some(endpoint) = self.http.endpoint(name) {
            Route::Endpoint(endpoint)
        // Ours hands no token on: nobody could ever answer.
        } else if resource == resource::LAMBDA_INVOKE && resource::names_our_function(name) {
            Route::Function
        } else {
            Route::Nobody(name)
        };
        (route, input.get("Payload").unwrap_or(&Value::Null))
    }

    async fn do_task(
        &self,
        call: &TaskCall,
        input: &Value,
        now: Timestamp,
    ) -> Result<TaskOutcome, TaskFailure> {
        let task = task_of(input)?;
        let key = subject::find(input)
            .map_err(|invalid| failure::failed(failure::INVALID_EVENT, invalid.to_string()))?;
        let record = self.read(&key).await?;
        let settled_before = if task == Task::ProcessPayment {
            self.settled_before(&record).await?
        } else {
            None
        };
        let execution = input.get("execution").and_then(Value::as_str);
        let job = Job {
            record,
            settled_before,
            notifier: self.notifier.as_deref(),
            input,
            execution: execution.unwrap_or(&call.execution),
            call,
            now,
        };
        let done = task.run(job, &self.gateway).await?;
        Ok(TaskOutcome::Succeeded {
            output: done.output,
            change: done.change.map(|change| RecordChange { key, change }),
        })
    }

    /// What was settled for the same change already. Gateways forget their keys after a day or a
    /// week, and some providers tell of a payment again after months.
    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<Settlement>, TaskFailure> {
        if record.change().is_none() {
            return Ok(None);
        }
        let settled = self.records.settled_before(record).await;
        let settled = settled.map_err(|unavailable| failure::records_unavailable(&unavailable))?;
        Ok(settled.map(|other| other.settlement))
    }

    async fn read(&self, key: &RecordKey) -> Result<EventRecord, TaskFailure> {
        match self.records.record(key).await {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(failure::payment_not_found(key)),
            Err(unavailable) => Err(failure::records_unavailable(&unavailable)),
        }
    }
}

fn task_of(input: &Value) -> Result<Task, TaskFailure> {
    let Some(named) = input.get("task") else {
        return Ok(Task::ProcessPayment);
    };
    let found = Task::ALL
        .iter()
        .find(|task| named.as_str() == Some(task.name()));
    found
        .copied()
        .ok_or_else(|| failure::failed(failure::INVALID_EVENT, "the input names no task of ours"))
}
