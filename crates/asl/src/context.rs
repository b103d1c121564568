//! The context object, what `$$` names.

use serde_json::{Map, Value};

use crate::time::Millis;

/// Who is running: handed in with every call, never stored with the execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// ARN of the execution; its region appears in history events.
    pub execution_id: String,
    /// Name of the execution.
    pub execution_name: String,
    /// When the execution was first started.
    pub start_time: Millis,
    /// The role the execution runs under.
    pub role_arn: String,
    /// ARN of the state machine.
    pub state_machine_id: String,
    /// Name of the state machine.
    pub state_machine_name: String,
    /// What every task token of the execution begins with: whoever keeps many executions finds the
    /// one that a token is for. It may be empty; a token is unique without it.
    pub token_prefix: String,
    /// Standard or Express; an Express execution cannot be redriven, and its context says
    /// nothing of redrives.
    pub machine_type: MachineType,
}

/// The two kinds of state machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MachineType {
    /// Durable, at most a year.
    #[default]
    Standard,
    /// Short; some service integrations are not allowed.
    Express,
}

impl Context {
    /// The ARN of something that belongs to the execution's machine: `mapRun:payments/Each`.
    pub(crate) fn arn_inside(&self, kind: &str, label: &str, name: &str) -> String {
        let mut parts = self.execution_id.splitn(7, ':');
        let prefix: Vec<&str> = parts.by_ref().take(5).collect();
        let machine = self.state_machine_name.as_str();
        format!("{}:{kind}:{machine}/{label}:{name}", prefix.join(":"))
    }

    /// The region named in the execution's ARN, or `us-east-1` when there is none.
    pub(crate) fn region(&self) -> &str {
        self.execution_id
            .split(':')
            .nth(3)
            .filter(|part| !part.is_empty())
            .unwrap_or("us-east-1")
    }
}

/// The context object at one moment of one state, as a view: a value is only built when an
/// expression asks for it.
pub(crate) struct ContextView<'a> {
    pub(crate) context: &'a Context,
    pub(crate) input: &'a Value,
    pub(crate) redrive_count: u32,
    pub(crate) redriven_at: Option<Millis>,
    pub(crate) state: StateView<'a>,
    /// Index and value of the item that an iteration is for.
    pub(crate) item: Option<(u32, &'a Value)>,
    /// The execution that an iteration of a distributed Map is.
    pub(crate) child: Option<ChildView<'a>>,
}

pub(crate) struct ChildView<'a> {
    pub(crate) label: &'a str,
    pub(crate) name: &'a str,
}

pub(crate) struct StateView<'a> {
    pub(crate) name: &'a str,
    pub(crate) entered_at: Millis,
    /// Only states that can be retried count.
    pub(crate) retry_count: Option<u32>,
    /// Only a task that waits for a callback has a token.
    pub(crate) token: Option<&'a str>,
}

impl<'a> ContextView<'a> {
    pub(crate) fn execution_input(&self) -> &'a Value {
        self.input
    }

    /// The context object, or the part of it that a path starting with these names needs.
    pub(crate) fn to_value(&self, names: (Option<&str>, Option<&str>)) -> Value {
        let mut object = Map::new();
        if matches!(names.0, None | Some("Execution")) {
            let with_input = matches!(names.1, None | Some("Input"));
            object.insert("Execution".to_owned(), self.execution(with_input));
        }
        object.insert("StateMachine".to_owned(), self.state_machine());
        object.insert("State".to_owned(), self.state());
        if let Some(token) = self.state.token {
            object.insert("Task".to_owned(), fields([("Token", token.into())]));
        }
        if let Some((index, value)) = self.item {
            let item = fields([("Index", index.into()), ("Value", value.clone())]);
            object.insert("Map".to_owned(), fields([("Item", item)]));
        }
        Value::Object(object)
    }

    fn execution(&self, with_input: bool) -> Value {
        let context = self.context;
        let input = if with_input {
            self.input.clone()
        } else {
            Value::Null
        };
        let (id, name) = match &self.child {
            None => (
                context.execution_id.clone(),
                context.execution_name.as_str(),
            ),
            Some(child) => {
                let id = context.arn_inside("execution", child.label, child.name);
                (id, child.name)
            }
        };
        let mut execution = fields([
            ("Id", id.into()),
            ("Input", input),
            ("StartTime", context.start_time.to_rfc3339().into()),
            ("Name", name.into()),
            ("RoleArn", context.role_arn.as_str().into()),
        ]);
        if let (Value::Object(map), MachineType::Standard) = (&mut execution, context.machine_type)
        {
            map.insert("RedriveCount".to_owned(), self.redrive_count.into());
            if let Some(at) = self.redriven_at {
                map.insert("RedriveTime".to_owned(), at.to_rfc3339().into());
            }
        }
        execution
    }

    fn state_machine(&self) -> Value {
        fields([
            ("Id", self.context.state_machine_id.as_str().into()),
            ("Name", self.context.state_machine_name.as_str().into()),
        ])
    }

    fn state(&self) -> Value {
        let mut state = fields([
            ("Name", self.state.name.into()),
            ("EnteredTime", self.state.entered_at.to_rfc3339().into()),
        ]);
        if let (Value::Object(map), Some(count)) = (&mut state, self.state.retry_count) {
            map.insert("RetryCount".to_owned(), count.into());
        }
        state
    }
}

fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Object(
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}
