//! Which fields a state may have, by its type and its query language.

use super::Language;

/// The types in the order of the service's own list.
pub(super) const TYPES: [&str; 8] = [
    "Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map",
];

/// Every field that such a state may have; none when there is no such type.
pub(super) fn fields(kind: &str, language: Language) -> Option<Vec<&'static str>> {
    let (both, path, query): (&[&str], &[&str], &[&str]) = match kind {
        "Task" => TASK,
        "Wait" => WAIT,
        "Pass" => PASS,
        "Succeed" => (&[], DATA_PATHS, &["Output"]),
        "Fail" => (&["Error", "Cause"], &["ErrorPath", "CausePath"], &[]),
        "Choice" => (&["Choices", "Default", "Assign"], DATA_PATHS, &["Output"]),
        "Parallel" => PARALLEL,
        "Map" => MAP,
        _ => return None,
    };
    let of_language = match language {
        Language::JsonPath => path,
        Language::Jsonata => query,
    };
    Some([EVERY, both, of_language].concat())
}

/// In both languages, in JSONPath only, in JSONata only.
type ByLanguage = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const EVERY: &[&str] = &["Type", "Comment", "QueryLanguage"];

const DATA_PATHS: &[&str] = &["InputPath", "OutputPath"];

const TASK: ByLanguage = (
    &[
        "Next",
        "End",
        "Resource",
        "Retry",
        "Catch",
        "TimeoutSeconds",
        "HeartbeatSeconds",
        "Credentials",
        "Assign",
    ],
    &[
        "InputPath",
        "OutputPath",
        "Parameters",
        "ResultSelector",
        "ResultPath",
        "TimeoutSecondsPath",
        "HeartbeatSecondsPath",
    ],
    &["Arguments", "Output"],
);

const WAIT: ByLanguage = (
    &["Next", "End", "Seconds", "Timestamp", "Assign"],
    &["InputPath", "OutputPath", "SecondsPath", "TimestampPath"],
    &["Output"],
);

const PASS: ByLanguage = (
    &["Next", "End", "Assign"],
    &[
        "InputPath",
        "OutputPath",
        "Parameters",
        "Result",
        "ResultPath",
    ],
    &["Output"],
);

const PARALLEL: ByLanguage = (
    &["Next", "End", "Branches", "Retry", "Catch", "Assign"],
    &[
        "InputPath",
        "OutputPath",
        "Parameters",
        "ResultSelector",
        "ResultPath",
    ],
    &["Arguments", "Output"],
);

const MAP: ByLanguage = (
    &[
        "Next",
        "End",
        "ItemSelector",
        "ItemReader",
        "ItemBatcher",
        "ItemProcessor",
        "ResultWriter",
        "Label",
        "MaxConcurrency",
        "ToleratedFailureCount",
        "ToleratedFailurePercentage",
        "Retry",
        "Catch",
        "Assign",
    ],
    &[
        "InputPath",
        "OutputPath",
        "Parameters",
        "ItemsPath",
        "Iterator",
        "MaxConcurrencyPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
        "ResultSelector",
        "ResultPath",
    ],
    &["Items", "Output"],
);
