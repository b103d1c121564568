//! Answers for tasks that wait for somebody: their token comes back, with what became of them.

use domain::limits::WORKFLOW_PAYLOAD_BYTES_MAX;
use engine::callback::{self, TaskAnswer};
use engine::operator::NotDone;
use engine::store::{Action, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{By, Desk};

/// Longest error's name, in characters. Source: API reference, `SendTaskFailure`.
const ERROR_CHARS_MAX: usize = 256;

/// Longest cause, in characters. Source: the same.
const CAUSE_CHARS_MAX: usize = 32_768;

/// A task ended well.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessRequest {
    /// The task's token, from the context object's `$$.Task.Token`.
    pub(crate) token: String,
    /// The task's result, any JSON; 256 KiB of text at most.
    #[serde(default)]
    pub(crate) output: Value,
    /// Why, for whoever reads the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A task ended badly.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailureRequest {
    /// The task's token.
    pub(crate) token: String,
    /// The error's name, which the state's `Retry` and `Catch` look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub(crate) error: Option<String>,
    /// Why it ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    pub(crate) cause: Option<String>,
    /// Why, for whoever reads the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A task goes on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatRequest {
    /// The task's token.
    pub(crate) token: String,
}

/// What an answer did.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answered {
    /// The execution that goes on.
    pub(crate) execution: u64,
}

impl<S: Store> Desk<S> {
    /// Lets a task end well.
    pub(crate) async fn task_succeeded(
        &self,
        request: SuccessRequest,
        by: &By,
    ) -> Result<Answered, NotDone> {
        let SuccessRequest { token, output, .. } = request;
        if output.to_string().len() > WORKFLOW_PAYLOAD_BYTES_MAX {
            let why = format!("the output is longer than {WORKFLOW_PAYLOAD_BYTES_MAX} bytes");
            return Err(NotDone::Nonsense(why));
        }
        self.answer_on_record(&token, TaskAnswer::Succeeded { output }, by)
            .await
    }

    /// Lets a task end badly.
    pub(crate) async fn task_failed(
        &self,
        request: FailureRequest,
        by: &By,
    ) -> Result<Answered, NotDone> {
        let FailureRequest {
            token,
            error,
            cause,
            ..
        } = request;
        for (name, text, most) in [
            ("error", &error, ERROR_CHARS_MAX),
            ("cause", &cause, CAUSE_CHARS_MAX),
        ] {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > most)
            {
                let why = format!("the {name} has more than {most} characters");
                return Err(NotDone::Nonsense(why));
            }
        }
        self.answer_on_record(&token, TaskAnswer::Failed { error, cause }, by)
            .await
    }

    /// Lets a task go on. That is not in the audit log: it decides nothing, and comes often.
    pub(crate) async fn task_goes_on(
        &self,
        request: HeartbeatRequest,
    ) -> Result<Answered, NotDone> {
        self.answer(&request.token, TaskAnswer::Heartbeat).await
    }

    async fn answer_on_record(
        &self,
        token: &str,
        answer: TaskAnswer,
        by: &By,
    ) -> Result<Answered, NotDone> {
        // The token is a right to answer, and stays out of the log.
        let execution = self.asked_by(token)?;
        let done = self.answer(token, answer);
        let act = (Action::AnswerTask, execution.to_string());
        self.on_record(by, act, done).await
    }

    async fn answer(&self, token: &str, answer: TaskAnswer) -> Result<Answered, NotDone> {
        let execution = self.asked_by(token)?;
        callback::answer(
            token,
            answer,
            (&*self.store, &self.workflows),
            &self.letters,
            (&*self.clock, &*self.luck),
        )
        .await?;
        Ok(Answered { execution })
    }

    /// The execution that a token is for.
    fn asked_by(&self, token: &str) -> Result<u64, NotDone> {
        let sequence = callback::execution_of(token);
        let sequence = sequence.ok_or_else(unknown)?;
        let found = self.store.execution(sequence)?;
        found.map(|_| sequence.get()).ok_or_else(unknown)
    }
}

fn unknown() -> NotDone {
    NotDone::NoSuch("this is the token of no task; it is what $$.Task.Token was".to_owned())
}
