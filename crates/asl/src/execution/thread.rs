//! One line of control of an execution, and what it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TaskId;
use crate::datum::Datum;
use crate::expression::Variables;
use crate::limits::TIMEOUT_SECONDS_MAX;
use crate::time::Millis;

/// A thread of one execution. The outermost one has the lowest; one that is inside another has a
/// higher one than that.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct ThreadId(pub(crate) u32);

/// One line of control: the state it is in, and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) state: Arc<str>,
    pub(crate) input: Datum,
    #[serde(rename = "at")]
    pub(crate) entered_at: Millis,
    #[serde(rename = "entered")]
    pub(crate) entered_event: u32,
    #[serde(rename = "prev")]
    pub(crate) previous_event: u32,
    /// How often each retrier of the state was used in this visit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) retries: Vec<u32>,
    /// Which branch of what it is; none for the outermost thread.
    #[serde(rename = "of", default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Place>,
    /// The variables of its own scope. Those of the outermost scope are kept with the execution,
    /// because they outlive the thread.
    #[serde(rename = "vars", default, skip_serializing_if = "Variables::is_empty")]
    pub(crate) variables: Variables,
    /// What it has for itself as the execution that an iteration of a distributed Map is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) child: Option<Box<Child>>,
    pub(crate) doing: Doing,
}

/// An execution inside an execution: it sees nothing of what is around it, and its events are
/// counted and kept nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) input: Datum,
    /// Id of its last event.
    #[serde(rename = "event")]
    pub(crate) last_event: u32,
}

/// Which branch or iteration a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The thread that is in the Parallel or Map state.
    #[serde(rename = "in")]
    pub(crate) parent: ThreadId,
    /// The branch or item, counted from 0.
    #[serde(rename = "i")]
    pub(crate) index: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Doing {
    #[serde(rename = "task")]
    Task(Outstanding),
    #[serde(rename = "wait")]
    Wait { until: Millis },
    #[serde(rename = "retry")]
    Backoff { until: Millis },
    /// It waits for the threads inside it.
    #[serde(rename = "fork")]
    Fork(Box<Fork>),
    /// Nothing: it has ended here.
    #[serde(rename = "rest")]
    Rest,
}

/// A Parallel or Map state at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// What every branch begins with, or the list whose items they are for.
    pub(crate) data: Datum,
    /// How many branches or items there are.
    #[serde(rename = "of")]
    pub(crate) count: u32,
    /// How many may run at once; 0 for any number.
    #[serde(rename = "limit", default, skip_serializing_if = "super::is_zero")]
    pub(crate) at_once: u32,
    /// The name of the run, if its iterations are executions of their own.
    #[serde(rename = "run", default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
    /// How many may fail; none when the first failure is the whole state's.
    #[serde(rename = "tol", default, skip_serializing_if = "Option::is_none")]
    pub(crate) tolerated: Option<u32>,
    /// How many were begun.
    pub(crate) begun: u32,
    /// How many failed and were tolerated.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub(crate) failed: u32,
    /// What those that ended well came to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) results: BTreeMap<u32, Datum>,
}

/// A task that was handed out and has not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outstanding {
    pub(crate) id: TaskId,
    pub(crate) input: Datum,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<Datum>,
    #[serde(rename = "started")]
    pub(crate) started_at: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat: Option<Millis>,
    /// Whether it was accepted, and only its end is waited for: it is not to be called again.
    #[serde(rename = "sub", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) submitted: bool,
    /// The last sign of life, when the task promised heartbeats.
    #[serde(rename = "seen")]
    pub(crate) seen_at: Millis,
}

impl Thread {
    /// A thread that has entered no state yet.
    pub(crate) fn new(place: Option<Place>, now: Millis, previous_event: u32) -> Self {
        Self {
            state: Arc::from(""),
            input: Datum::ExecutionInput,
            entered_at: now,
            entered_event: 0,
            previous_event,
            retries: Vec::new(),
            place,
            variables: Variables::new(),
            child: None,
            doing: Doing::Rest,
        }
    }

    pub(crate) fn retry_count(&self) -> u32 {
        self.retries.iter().sum()
    }

    pub(crate) fn is_inside(&self, parent: ThreadId) -> bool {
        self.place.is_some_and(|place| place.parent == parent)
    }

    /// The task it waits for.
    pub(crate) fn task(&self) -> Option<&Outstanding> {
        match &self.doing {
            Doing::Task(task) => Some(task),
            Doing::Wait { .. } | Doing::Backoff { .. } | Doing::Fork(_) | Doing::Rest => None,
        }
    }

    pub(crate) fn fork(&self) -> Option<&Fork> {
        match &self.doing {
            Doing::Fork(fork) => Some(fork),
            Doing::Task(_) | Doing::Wait { .. } | Doing::Backoff { .. } | Doing::Rest => None,
        }
    }

    pub(crate) fn fork_mut(&mut self) -> Option<&mut Fork> {
        match &mut self.doing {
            Doing::Fork(fork) => Some(fork),
            Doing::Task(_) | Doing::Wait { .. } | Doing::Backoff { .. } | Doing::Rest => None,
        }
    }

    /// Lets it do nothing more. A fork stays one, so that a redrive finds what is done.
    pub(crate) fn rest(&mut self) {
        if self.fork().is_none() {
            self.doing = Doing::Rest;
        }
    }
}

impl Doing {
    pub(crate) fn due_at(&self) -> Option<Millis> {
        match self {
            Self::Task(task) => [Some(task.timeout_at()), task.heartbeat_at()]
                .into_iter()
                .flatten()
                .min(),
            Self::Wait { until } | Self::Backoff { until } => Some(*until),
            Self::Fork(_) | Self::Rest => None,
        }
    }
}

impl Fork {
    /// Whether another branch may begin now.
    pub(crate) fn may_begin(&self) -> bool {
        let ended = self.results.len() + self.failed as usize;
        let running = (self.begun as usize).saturating_sub(ended);
        self.begun < self.count && (self.at_once == 0 || running < self.at_once as usize)
    }

    /// Whether every branch has ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.results.len() + self.failed as usize >= self.count as usize
    }
}

impl Outstanding {
    /// A task that says nothing has the longest time that there is.
    pub(crate) fn timeout_at(&self) -> Millis {
        let longest = Millis::from_secs(TIMEOUT_SECONDS_MAX);
        self.started_at.after(self.timeout.unwrap_or(longest))
    }

    pub(crate) fn heartbeat_at(&self) -> Option<Millis> {
        self.heartbeat
            .map(|heartbeat| self.seen_at.after(heartbeat))
    }
}
