//! What is wrong with a definition, in the words of Step Functions.

use std::fmt;

/// Why a definition is refused: what, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of problem.
    pub code: ProblemCode,
    /// What is wrong, for a person.
    pub message: String,
    /// Where, as a path into the document such as `/States/Pay/Next`; none when the whole
    /// document is at fault.
    pub location: Option<String>,
    pub(crate) about: About,
}

/// What exactly a problem is about, for whoever explains it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum About {
    /// The whole of what is at its location.
    #[default]
    Place,
    /// A field of the object there, which may only have the known ones.
    Field {
        name: String,
        known: Vec<&'static str>,
    },
    /// Fields that the object there lacks.
    Missing(Vec<String>),
    /// A word that should be one of a few.
    Word(Vec<String>),
    /// The name of a state that the machine does not have, and those that it has.
    Target { name: String, known: Vec<String> },
    /// A state that nothing leads to.
    Unreachable(String),
}

/// The kinds of problems, with the codes of `ValidateStateMachineDefinition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// The document does not have the shape the language asks for.
    SchemaValidationFailed,
    /// A state is named that does not exist, or a state cannot be reached.
    MissingTransitionTarget,
    /// No state ends the execution.
    MissingEndState,
    /// Legal in the language, but not run by this interpreter. Not a code of AWS.
    NotSupportedYet,
}

impl ProblemCode {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Self::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Self::MissingEndState => "MISSING_END_STATE",
            Self::NotSupportedYet => "NOT_SUPPORTED_YET",
        }
    }
}

impl Problem {
    pub(crate) fn schema(message: impl Into<String>, location: impl Into<String>) -> Self {
        let code = ProblemCode::SchemaValidationFailed;
        Self {
            code,
            message: message.into(),
            location: Some(location.into()),
            about: About::Place,
        }
    }

    pub(crate) fn target(message: impl Into<String>, location: impl Into<String>) -> Self {
        let code = ProblemCode::MissingTransitionTarget;
        Self {
            code,
            message: message.into(),
            location: Some(location.into()),
            about: About::Place,
        }
    }

    pub(crate) fn not_yet(message: impl Into<String>, location: impl Into<String>) -> Self {
        let code = ProblemCode::NotSupportedYet;
        Self {
            code,
            message: message.into(),
            location: Some(location.into()),
            about: About::Place,
        }
    }

    pub(crate) fn everywhere(code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            location: None,
            about: About::Place,
        }
    }

    /// The same, about something more exact than its place.
    pub(crate) fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("null");
        write!(f, "{}: {} at {location}", self.code.as_str(), self.message)
    }
}

/// The text of the `InvalidDefinition` error that `CreateStateMachine` answers with.
#[must_use]
pub fn invalid_definition_text(problems: &[Problem]) -> String {
    let list: Vec<String> = problems.iter().map(Problem::to_string).collect();
    format!("Invalid State Machine Definition: '{}'", list.join(", "))
}
