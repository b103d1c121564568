//! State machines by the hash of their text, and the run of one execution through one of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use asl::advance::{AdvanceError, Run, advance};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::execution::{Execution, Status};
use asl::history::HistoryEvent;
use asl::problem::Problem;
use asl::time::Millis;
use domain::stream::Change;
use domain::time::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::callback::token_prefix;
use crate::journal::Step;
use crate::store::{DefinitionId, ExecutionStatus, Executions, Unavailable};

/// A state machine that was parsed once.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The hash of its text.
    pub id: DefinitionId,
    /// What it says.
    pub definition: Arc<Definition>,
}

/// Every state machine that a running execution may still need, parsed once each.
#[derive(Debug, Default)]
pub struct Workflows {
    parsed: RwLock<HashMap<DefinitionId, Arc<Definition>>>,
}

/// What stays the same through one execution.
#[derive(Debug, Clone)]
pub struct Course {
    /// Its state machine.
    pub definition: Arc<Definition>,
    /// What it was started with: an array with one stream record, as a pipe with a batch size
    /// of 1 hands it over.
    pub input: Value,
    context: Context,
}

/// Why an execution's state machine cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionMissing {
    /// The store cannot be asked now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The store has no text under that hash, or one that no longer parses.
    #[error("the execution's workflow definition is not in the store, or cannot be read")]
    Lost,
}

/// The account and region that local executions name as theirs: those of nobody, which
/// emulators use as well.
const ARN_PREFIX: &str = "arn:aws:states:us-east-1:000000000000";

/// The name of the one state machine.
const MACHINE_NAME: &str = "payment";

impl Workflow {
    /// Parses and checks a state machine.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let definition = Arc::new(Definition::parse(text)?);
        Ok(Self {
            id: definition_id(text),
            definition,
        })
    }
}

/// The name under which a definition's text is kept.
pub fn definition_id(text: &str) -> DefinitionId {
    Sha256::digest(text).into()
}

impl Workflows {
    /// The state machine with this id, from memory or from the store.
    pub fn find(
        &self,
        id: &DefinitionId,
        store: &impl Executions,
    ) -> Result<Arc<Definition>, DefinitionMissing> {
        if let Some(known) = self
            .parsed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
        {
            return Ok(Arc::clone(known));
        }
        let text = store.definition(id)?.ok_or(DefinitionMissing::Lost)?;
        let definition = Arc::new(Definition::parse(&text).map_err(|_| DefinitionMissing::Lost)?);
        let mut parsed = self.parsed.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(parsed.entry(*id).or_insert(definition)))
    }
}

impl Course {
    /// The course of the execution that was started at `started_at` for `change`.
    pub fn new(definition: Arc<Definition>, change: Change, started_at: Timestamp) -> Self {
        let (name, sequence) = (change.execution_name(), change.sequence);
        Self {
            definition,
            input: Value::Array(vec![change.into_stream_record()]),
            context: Context {
                execution_id: format!("{ARN_PREFIX}:execution:{MACHINE_NAME}:{name}"),
                execution_name: name,
                start_time: to_asl_time(started_at),
                role_arn: "arn:aws:iam::000000000000:role/payhook".to_owned(),
                state_machine_id: format!("{ARN_PREFIX}:stateMachine:{MACHINE_NAME}"),
                state_machine_name: MACHINE_NAME.to_owned(),
                token_prefix: token_prefix(sequence),
                machine_type: MachineType::Standard,
            },
        }
    }

    /// What the interpreter is handed at every step.
    pub fn run(&self) -> Run<'_> {
        Run {
            definition: &self.definition,
            context: &self.context,
            input: &self.input,
        }
    }

    /// The execution's name.
    pub fn execution_name(&self) -> &str {
        &self.context.execution_name
    }

    /// The execution's ARN, in the account of nobody.
    pub fn execution_arn(&self) -> &str {
        &self.context.execution_id
    }

    /// Everything that happened, derived again from the steps.
    ///
    /// # Errors
    /// When a step does not fit the state machine: the steps or the definition are not the
    /// ones that belong together.
    pub fn history(&self, steps: &[Step]) -> Result<(Execution, Vec<HistoryEvent>), AdvanceError> {
        let mut execution = Execution::new();
        let mut history = Vec::new();
        for step in steps {
            let transition = advance(self.run(), &execution, step.signal.clone(), &step.moment)?;
            execution = transition.execution;
            history.extend(transition.history);
        }
        Ok((execution, history))
    }
}

/// A point in time as the interpreter has it. Times before 1970 are the epoch there.
pub fn to_asl_time(time: Timestamp) -> Millis {
    Millis(u64::try_from(time.as_millis()).unwrap_or(0))
}

/// A point in time of the interpreter's.
pub fn from_asl_time(time: Millis) -> Timestamp {
    Timestamp::from_millis(i64::try_from(time.0).unwrap_or(i64::MAX))
}

impl From<Status> for ExecutionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::TimedOut => Self::TimedOut,
            Status::Aborted => Self::Aborted,
        }
    }
}
