//! What a finding is called, how grave it is, and what is behind it.

use crate::problem::ProblemCode;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// It is taken, and then does what hardly anybody means.
    Warning,
    /// It is taken, and worth knowing.
    Note,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is no JSON.
    Syntax,
    /// What the service refuses, under the service's own code.
    Refused(ProblemCode),
    /// Nobody here does what a task calls. Only who runs the tasks can say so.
    ResourceNotServed,
    /// A key stands twice in one object; the last one counts.
    DuplicateKey,
    /// A task may take for ever.
    NoTimeout,
    /// The machine's time is over before a state's own.
    TimeoutTooLate,
    /// An error is named that nothing retries or catches.
    NeverCaught,
    /// An error name that is nearly one of the language's own.
    UnknownErrorName,
    /// An entry of `Retry` or `Catch` that another one always comes before.
    NeverMatched,
    /// `States.TaskFailed` leaves time-outs out.
    TimeoutNotCaught,
    /// A heartbeat is handled that is never missed.
    NoHeartbeat,
    /// Retries go on for longer than an execution may.
    RetriesOutlast,
    /// A state catches its own errors by being entered again, at once and without end.
    CatchesItself,
    /// An error in a path is not caught, whatever is caught.
    RuntimeNotCaught,
    /// A Choice may find no rule that holds.
    NoDefault,
    /// A rule of a Choice that an earlier one always comes before.
    RuleNeverUsed,
    /// A state that only rules lead to which are never used.
    NeverChosen,
    /// A path or function stands where it is only text.
    NotEvaluated,
    /// A result is shaped and then dropped.
    ResultDropped,
    /// A result is put under a name into what is a list.
    ResultIntoList,
    /// A number of seconds that looks like milliseconds.
    UnitDoubtful,
    /// A fixed time lets only the executions before it wait.
    FixedTimestamp,
    /// A task waits for a token that it gives to nobody.
    TokenNotPassed,
    /// A failure without a name cannot be told from others.
    FailWithoutError,
    /// A redrive would only fail again.
    RedriveFailsAgain,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Code {
    /// Every code that is not the service's own, in the order of the documentation.
    pub const OWN: &[Self] = &[
        Self::Syntax,
        Self::ResourceNotServed,
        Self::DuplicateKey,
        Self::NoTimeout,
        Self::TimeoutTooLate,
        Self::NeverCaught,
        Self::UnknownErrorName,
        Self::NeverMatched,
        Self::TimeoutNotCaught,
        Self::NoHeartbeat,
        Self::RetriesOutlast,
        Self::CatchesItself,
        Self::RuntimeNotCaught,
        Self::NoDefault,
        Self::RuleNeverUsed,
        Self::NeverChosen,
        Self::NotEvaluated,
        Self::ResultDropped,
        Self::ResultIntoList,
        Self::UnitDoubtful,
        Self::FixedTimestamp,
        Self::TokenNotPassed,
        Self::FailWithoutError,
        Self::RedriveFailsAgain,
    ];

    /// The code as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "SYNTAX",
            Self::Refused(code) => code.as_str(),
            Self::ResourceNotServed => "RESOURCE_NOT_SERVED",
            Self::DuplicateKey => "DUPLICATE_KEY",
            Self::NoTimeout => "NO_TIMEOUT",
            Self::TimeoutTooLate => "TIMEOUT_TOO_LATE",
            Self::NeverCaught => "NEVER_CAUGHT",
            Self::UnknownErrorName => "UNKNOWN_ERROR_NAME",
            Self::NeverMatched => "NEVER_MATCHED",
            Self::TimeoutNotCaught => "TIMEOUT_NOT_CAUGHT",
            Self::NoHeartbeat => "NO_HEARTBEAT",
            Self::RetriesOutlast => "RETRIES_OUTLAST",
            Self::CatchesItself => "CATCHES_ITSELF",
            Self::RuntimeNotCaught => "RUNTIME_NOT_CAUGHT",
            Self::NoDefault => "NO_DEFAULT",
            Self::RuleNeverUsed => "RULE_NEVER_USED",
            Self::NeverChosen => "NEVER_CHOSEN",
            Self::NotEvaluated => "NOT_EVALUATED",
            Self::ResultDropped => "RESULT_DROPPED",
            Self::ResultIntoList => "RESULT_INTO_LIST",
            Self::UnitDoubtful => "UNIT_DOUBTFUL",
            Self::FixedTimestamp => "FIXED_TIMESTAMP",
            Self::TokenNotPassed => "TOKEN_NOT_PASSED",
            Self::FailWithoutError => "FAIL_WITHOUT_ERROR",
            Self::RedriveFailsAgain => "REDRIVE_FAILS_AGAIN",
        }
    }

    /// How grave it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Syntax | Self::Refused(_) | Self::ResourceNotServed => Severity::Error,
            Self::DuplicateKey
            | Self::NoTimeout
            | Self::TimeoutTooLate
            | Self::NeverCaught
            | Self::UnknownErrorName
            | Self::NeverMatched
            | Self::TimeoutNotCaught
            | Self::NoHeartbeat
            | Self::RetriesOutlast
            | Self::CatchesItself
            | Self::NoDefault
            | Self::RuleNeverUsed
            | Self::NeverChosen
            | Self::NotEvaluated
            | Self::ResultDropped
            | Self::ResultIntoList
            | Self::UnitDoubtful
            | Self::TokenNotPassed => Severity::Warning,
            Self::RuntimeNotCaught
            | Self::FixedTimestamp
            | Self::FailWithoutError
            | Self::RedriveFailsAgain => Severity::Note,
        }
    }
}
