//! Where each value came from.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use super::Config;

/// Who said a value; whatever is not in here is a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

/// Who said a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody.
    Default,
    /// The file.
    File,
    /// A variable of the environment, by its name.
    Environment(String),
}

/// A value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its key, with dots.
    pub(crate) key: String,
    /// It, as TOML; secrets are not shown.
    pub(crate) value: String,
    /// Who said so.
    pub(crate) origin: Origin,
}

impl Origins {
    /// Everything that this table says comes from the file.
    pub(super) fn of_file(table: &Table) -> Self {
        let mut leaves = Vec::new();
        collect(table, "", &mut leaves);
        let keys = leaves.into_iter().map(|(key, _)| (key, Origin::File));
        Self(keys.collect())
    }

    /// This key comes from this variable.
    pub(super) fn add(&mut self, key: &[String], variable: &str) {
        let origin = Origin::Environment(variable.to_owned());
        self.0.insert(key.join("."), origin);
    }

    fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or(Origin::Default)
    }
}

impl Config {
    /// Every value in force, by its key.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let setting = |(key, value): (String, &Value)| Setting {
            origin: self.origins.of(&key),
            value: value.to_string(),
            key,
        };
        let mut settings: Vec<Setting> = Vec::new();
        // What was read from a table makes a table again.
        if let Ok(Value::Table(table)) = Value::try_from(self) {
            let mut leaves = Vec::new();
            collect(&table, "", &mut leaves);
            settings.extend(leaves.into_iter().map(setting));
        }
        settings
    }
}

/// Every value that is no table itself. A list is one value, whatever is in it.
fn collect<'a>(table: &'a Table, before: &str, leaves: &mut Vec<(String, &'a Value)>) {
    for (name, value) in table {
        let key = if before.is_empty() {
            name.clone()
        } else {
            format!("{before}.{name}")
        };
        match value {
            Value::Table(inner) => collect(inner, &key, leaves),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => leaves.push((key, value)),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File => formatter.write_str("file"),
            Self::Environment(variable) => formatter.write_str(variable),
        }
    }
}
