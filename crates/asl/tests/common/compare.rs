//! Comparing what we say with what was recorded, by the recording's own rules.

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

/// Compares with placeholders: a token stands for any text that is not empty, and the same
/// token for the same text, but for those of times.
#[derive(Default)]
pub(crate) struct Comparison {
    tokens: Vec<String>,
    /// Some value of the case differs from run to run, and is blanked as `<Name>`.
    is_by_luck: bool,
    /// The recording is older than redrive (15 November 2023): no `RedriveCount` in it.
    is_before_redrive: bool,
    bound: HashMap<String, String>,
}

impl Comparison {
    pub(crate) fn new(case: &Value) -> Self {
        let tokens = match case["placeholders"].as_array() {
            Some(list) => list
                .iter()
                .filter_map(|token| token.as_str().map(str::to_owned))
                .collect(),
            None => tokens_in(&case["expect"].to_string()),
        };
        let is_by_luck = case["nondeterministic"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        let is_before_redrive = is_before(case, ("2023", "11", "15"));
        Self {
            tokens,
            is_by_luck,
            is_before_redrive,
            bound: HashMap::new(),
        }
    }

    pub(crate) fn equal(
        &mut self,
        expected: &Value,
        found: &Value,
        at: &str,
    ) -> Result<(), String> {
        match (expected, found) {
            (Value::String(blank), _) if self.is_by_luck && is_token(blank) => Ok(()),
            // A list is shown as it was sent, with the sender's spaces in it.
            (Value::String(expected), Value::String(found)) => {
                match (parse_data(expected), parse_data(found)) {
                    (Some(expected), Some(found)) => self.equal(&expected, &found, at),
                    _ => self.text(expected, found, at),
                }
            }
            // The recorder parsed what starts with a brace, and since November 2024 all data.
            (_, Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(parsed) if !parsed.is_string() => self.equal(expected, &parsed, at),
                _ => Err(format!("{at}: expected {expected}, found text {text}")),
            },
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.equal(expected, found, &format!("{at}[{index}]"))?;
                }
                Ok(())
            }
            (Value::Object(expected), Value::Object(found)) => self.fields(expected, found, at),
            (expected, found) if expected == found => Ok(()),
            _ => Err(format!("{at}: expected {expected}, found {found}")),
        }
    }

    fn fields(
        &mut self,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
        at: &str,
    ) -> Result<(), String> {
        // Whose role it was is the recorder's own.
        let is_role = |key: &str| key == "RoleArn" && at.ends_with(".Execution");
        for (key, value) in expected {
            match found.get(key) {
                Some(_) if is_role(key) => {}
                Some(other) => self.equal(value, other, &format!("{at}.{key}"))?,
                None => return Err(format!("{at}.{key}: expected {value}, found nothing")),
            }
        }
        let is_extra = |key: &&String| {
            let is_known = self.is_before_redrive && *key == "RedriveCount";
            !expected.contains_key(*key) && !is_known
        };
        match found.keys().find(is_extra) {
            Some(key) => Err(format!(
                "{at}.{key}: found {}, expected nothing",
                found[key]
            )),
            None => Ok(()),
        }
    }

    fn text(&mut self, expected: &str, found: &str, at: &str) -> Result<(), String> {
        let is_blanked = is_blanked_time(expected) && is_time(found)
            || expected == "map_run_arn" && found.contains(":mapRun:");
        if expected == found || is_blanked {
            return Ok(());
        }
        let mut pattern = regex::escape(expected);
        let mut captured = Vec::new();
        for token in &self.tokens {
            let escaped = regex::escape(token);
            if !pattern.contains(&escaped) {
                continue;
            }
            match self.bound.get(token) {
                Some(text) => pattern = pattern.replace(&escaped, &regex::escape(text)),
                None => {
                    captured.push(token.clone());
                    pattern = pattern
                        .replacen(&escaped, "(.+)", 1)
                        .replace(&escaped, ".+");
                }
            }
        }
        let regex = Regex::new(&format!("(?s)^{pattern}$")).expect("an escaped text is a pattern");
        let Some(found) = regex.captures(found) else {
            return Err(format!("{at}: expected {expected:?}, found {found:?}"));
        };
        if let [token] = &captured[..]
            && !token.contains("time")
            && !token.contains("date")
        {
            self.bound.insert(token.clone(), found[1].to_owned());
        }
        Ok(())
    }
}

/// The event without what is the recorder's own: role, times, truncation.
pub(crate) fn essential(event: &Value) -> Value {
    let mut event = event.clone();
    if let Value::Object(fields) = &mut event {
        fields.remove("timestamp");
        for details in fields.values_mut() {
            if let Value::Object(details) = details {
                details.remove("roleArn");
                details.retain(|key, _| !key.ends_with("Details"));
            }
        }
    }
    event
}

/// The object or the list that a text holds.
fn parse_data(text: &str) -> Option<Value> {
    let is_data = text.starts_with(['{', '[']);
    is_data.then(|| serde_json::from_str(text).ok()).flatten()
}

fn is_token(text: &str) -> bool {
    text.len() > 2 && text.starts_with('<') && text.find('>') == Some(text.len() - 1)
}

/// The recorder wrote these words where a time stood.
fn is_blanked_time(text: &str) -> bool {
    matches!(
        text.trim_matches('"'),
        "date" | "start-time" | "entered-time" | "redrive-time"
    )
}

fn is_time(text: &str) -> bool {
    let text = text.trim_matches('"');
    text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && text.ends_with('Z')
}

/// Whether a case was recorded before this day. The date is written day first:
/// `23-11-2023, 21:56:22`.
pub(crate) fn is_before(case: &Value, day: (&str, &str, &str)) -> bool {
    let recorded = case["source"]["recorded_date"].as_str().unwrap_or("");
    let mut parts = recorded.split([',', '-']).map(str::trim);
    let limit = day;
    let (day, month, year) = (parts.next(), parts.next(), parts.next());
    matches!((year, month, day), (Some(year), Some(month), Some(day))
        if (year, month, day) < limit)
}

/// The tokens of a case that does not list them.
fn tokens_in(text: &str) -> Vec<String> {
    let pattern = Regex::new("<[A-Za-z][A-Za-z0-9_:.-]*>").expect("a pattern");
    let mut tokens: Vec<String> = pattern
        .find_iter(text)
        .map(|t| t.as_str().to_owned())
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}
