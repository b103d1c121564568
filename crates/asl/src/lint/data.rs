//! Data: paths and expressions that are only text where they stand, and results that nobody sees.

use serde_json::Value;

use super::{Code, Lint, Seen};
use crate::definition::{Kind, Language, ResultPath};
use crate::query::looks_like_query;

/// The fields of a state that are templates.
const TEMPLATES: &[&str] = &[
    "Parameters",
    "Arguments",
    "ResultSelector",
    "ItemSelector",
    "Output",
    "Assign",
    "Items",
];

impl Lint<'_> {
    pub(super) fn look_at_data(&mut self, seen: Seen<'_>) {
        for name in TEMPLATES {
            if let Some(template) = seen.json.get(*name) {
                let location = format!("{}/{name}", seen.location);
                self.look_for_text(template, &location, seen.state.language);
            }
        }
        if let (Kind::Pass(_), Some(result)) = (&seen.state.kind, seen.json.get("Result")) {
            self.look_for_keys(result, &format!("{}/Result", seen.location));
        }
        if seen.state.result_selector.is_some()
            && matches!(seen.state.result_path, ResultPath::Discard)
        {
            let location = format!("{}/ResultSelector", seen.location);
            let message = "the result that this shapes is dropped by \"ResultPath\": null";
            let help = "take one of the two away";
            self.note(
                Code::ResultDropped,
                &location,
                message,
                Some(help.to_owned()),
            );
        }
    }

    /// Texts that look as if they were to be evaluated, and are not.
    fn look_for_text(&mut self, template: &Value, location: &str, language: Language) {
        match template {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let location = format!("{location}/{key}");
                    // Right or wrong, a field that ends so is evaluated.
                    if language == Language::Jsonata || !key.ends_with(".$") {
                        self.look_for_text(value, &location, language);
                    }
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.look_for_text(item, &format!("{location}[{at}]"), language);
                }
            }
            Value::String(text) => self.look_at_text(text, location, language),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn look_at_text(&mut self, text: &str, location: &str, language: Language) {
        let is_path = text.starts_with("$.") || text.starts_with("$$.") || text.starts_with("$[");
        let is_call = text.starts_with("States.") && text.contains('(') && text.ends_with(')');
        let name = location.rsplit('/').next().unwrap_or_default();
        let (message, help) = match language {
            Language::JsonPath if is_path || is_call => (
                format!("{text:?} is only text here: the task gets it as it stands"),
                format!("to evaluate it, call the field \"{name}.$\""),
            ),
            Language::Jsonata if looks_like_query(text) => return,
            Language::Jsonata if text.contains("{%") || text.contains("%}") => (
                "this is only text: an expression begins with {% and ends with %}, with nothing \
                 around them"
                    .to_owned(),
                "for a text with values in it write one expression: {% 'paid ' & $amount %}"
                    .to_owned(),
            ),
            Language::Jsonata if text.starts_with("$states.") || is_path || is_call => (
                format!("{text:?} is only text here: this state is written in JSONata"),
                "to evaluate it, write it in JSONata between {% and %}".to_owned(),
            ),
            Language::JsonPath | Language::Jsonata => return,
        };
        self.note(Code::NotEvaluated, location, message, Some(help));
    }

    /// Keys that end in `.$` where nothing is evaluated.
    fn look_for_keys(&mut self, value: &Value, location: &str) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let location = format!("{location}/{key}");
                    if key.ends_with(".$") {
                        let message = format!(
                            "Result is taken as it stands: the field is called '{key}', and its \
                             path is only text"
                        );
                        let help = "use Parameters instead of Result".to_owned();
                        self.note(Code::NotEvaluated, &location, message, Some(help));
                    }
                    self.look_for_keys(value, &location);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.look_for_keys(item, &format!("{location}[{at}]"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
