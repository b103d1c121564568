//! Reads the configuration: file, then environment over it, then a hunt for unknown keys.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::Config;
use super::origins::Origins;

/// What every variable that is read as configuration begins with.
const PREFIX: &str = "PAYHOOK_";

/// Variables with the prefix that mean something else than a configuration key.
const OTHER_VARIABLES: [&str; 5] = [
    "PAYHOOK_CONFIG",
    "PAYHOOK_SECRET",
    "PAYHOOK_CASES",
    "PAYHOOK_ADMIN_TOKEN",
    "PAYHOOK_MASTER_KEY",
];

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{path} is not valid TOML:\n{message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// A value is of the wrong kind.
    #[error("{key}: {message}")]
    Value {
        /// The key's path.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// Nothing reads these keys.
    #[error("{}", unknown_keys_text(.0))]
    UnknownKeys(Vec<UnknownKey>),
}

/// A key that nothing reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownKey {
    /// Its path.
    pub(crate) path: String,
    /// The path that was probably meant.
    pub(crate) meant: Option<String>,
}

/// Loads the configuration from `path`, or the defaults where there is none, with the
/// environment's overrides on top.
pub(crate) fn load(
    path: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table = match path {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    let mut origins = Origins::of_file(&table);
    for (name, value) in environment {
        if let Some(key) = configuration_key(&name) {
            set(&mut table, &key, parse_value(&value));
            origins.add(&key, &name);
        }
    }
    Ok(Config {
        origins,
        ..from_table(table)?
    })
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    text.parse()
        .map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            message: error.to_string(),
        })
}

fn from_table(table: Table) -> Result<Config, ConfigError> {
    let mut ignored = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(Value::Table(table), &mut track);
    let mut note = |path: serde_ignored::Path<'_>| ignored.push(path.to_string());
    let config = Config::deserialize(serde_ignored::Deserializer::new(deserializer, &mut note));
    match config {
        Err(error) => Err(ConfigError::Value {
            key: track.path().to_string(),
            message: error.message().trim_end().to_owned(),
        }),
        Ok(_) if !ignored.is_empty() => Err(ConfigError::UnknownKeys(
            ignored
                .into_iter()
                .map(|path| UnknownKey {
                    meant: closest(&path),
                    path,
                })
                .collect(),
        )),
        Ok(config) => Ok(config),
    }
}

/// `PAYHOOK_SERVER__LISTEN` → `["server", "listen"]`.
fn configuration_key(variable: &str) -> Option<Vec<String>> {
    let rest = variable.strip_prefix(PREFIX)?;
    // A variable without a section is some secret of the operator's own naming.
    if OTHER_VARIABLES.contains(&variable) || !rest.contains("__") {
        return None;
    }
    Some(rest.split("__").map(str::to_ascii_lowercase).collect())
}

/// A variable's text as the TOML value it reads as, or as the text it is.
fn parse_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let entry = table
                .entry(key.clone())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = entry {
                set(inner, rest, value);
            }
        }
    }
}

/// The known key most like `path`, compared section by section's end.
fn closest(path: &str) -> Option<String> {
    let candidates = known_keys();
    let normal = path.replace(".?", "");
    candidates
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&normal, &known), known))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

/// Every key of the commented default file, commented out or not: the one list of them.
fn known_keys() -> Vec<String> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in super::DEFAULT_FILE.lines() {
        let line = line.trim_start_matches(['#', ' ']);
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.to_owned();
            keys.push(section.clone());
        } else if let Some((key, _)) = line.split_once(" = ")
            && !key.contains(' ')
        {
            keys.push(if section.is_empty() {
                key.to_owned()
            } else {
                format!("{section}.{key}")
            });
        }
    }
    keys
}

fn unknown_keys_text(keys: &[UnknownKey]) -> String {
    let lines: Vec<String> = keys
        .iter()
        .map(|key| match &key.meant {
            Some(meant) => format!("unknown key `{}`; did you mean `{meant}`?", key.path),
            None => format!(
                "unknown key `{}`; `payhook config default` lists every key",
                key.path
            ),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut table: Table = text.parse().unwrap();
        for (name, value) in environment {
            if let Some(key) = configuration_key(name) {
                set(&mut table, &key, parse_value(value));
            }
        }
        from_table(table)
    }

    #[test]
    fn nothing_at_all_is_the_defaults() {
        assert_eq!(from_text("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_commented_file_says_the_defaults_and_no_key_is_missing_from_it() {
        assert_eq!(
            from_text(super::super::DEFAULT_FILE, &[]).unwrap(),
            Config::default()
        );
        let every_line: String = super::super::DEFAULT_FILE
            .lines()
            .map(|line| {
                line.strip_prefix("# ")
                    .filter(|rest| is_setting(rest))
                    .unwrap_or(line)
            })
            .fold(String::new(), |text, line| text + line + "\n");
        let config = from_text(&every_line, &[]).unwrap();
        assert!(!config.sources.is_empty() && !config.tasks.is_empty());
        let shown = toml::to_string(&Config::default()).unwrap();
        for line in shown.lines().filter(|line| line.contains(" = ")) {
            assert!(
                super::super::DEFAULT_FILE.contains(line),
                "{line} is not in default.toml"
            );
        }
    }

    fn is_setting(line: &str) -> bool {
        line.starts_with('[')
            || line
                .split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = from_text(
            "[server]\nlisten = \"127.0.0.1:1\"\n[processor]\nconcurrency = 2\n",
            &[
                ("PAYHOOK_SERVER__LISTEN", "127.0.0.1:2"),
                ("PAYHOOK_GATEWAY__SIMULATED__LATENCY_MS", "5"),
                ("PAYHOOK_SECRET", "not a key"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.server.listen.port(), 2);
        assert_eq!(config.processor.concurrency, 2);
        assert_eq!(config.gateway.simulated.latency_ms, 5);
    }

    #[test]
    fn every_value_in_force_says_where_it_came_from_and_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("payhook.toml");
        let text = "[server]\nlisten = \"127.0.0.1:1\"\nrequests_max = 7\n[sources.shop]\n\
                    secrets = [{ value = \"hunter2\", in_clear = true }]\n";
        std::fs::write(&file, text).unwrap();
        let variable = (
            "PAYHOOK_SERVER__LISTEN".to_owned(),
            "127.0.0.1:2".to_owned(),
        );
        let config = load(Some(&file), [variable].into_iter()).unwrap();
        let settings = config.settings();
        for (key, value, origin) in [
            ("server.listen", "\"127.0.0.1:2\"", "PAYHOOK_SERVER__LISTEN"),
            ("server.requests_max", "7", "file"),
            ("server.connections_max", "4096", "default"),
            ("gateway.simulated.latency_ms", "100", "default"),
        ] {
            let found = settings.iter().find(|setting| setting.key == key).unwrap();
            assert_eq!(
                (found.value.as_str(), found.origin.to_string().as_str()),
                (value, origin)
            );
        }
        assert!(
            settings
                .iter()
                .any(|setting| setting.key == "sources.shop.secrets")
        );
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
        for (text, expected) in [
            (
                "[server]\nlitsen = 1\n",
                "unknown key `server.litsen`; did you mean `server.listen`?",
            ),
            (
                "[srever]\nlisten = 1\n",
                "unknown key `srever`; did you mean `server`?",
            ),
            (
                "[gateway.simulated]\nlatency = 1\n",
                "unknown key `gateway.simulated.latency`; did you mean `gateway.simulated.latency_ms`?",
            ),
            (
                "zzz = 1\n",
                "unknown key `zzz`; `payhook config default` lists every key",
            ),
        ] {
            assert_eq!(from_text(text, &[]).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_path() {
        let error = from_text("[server]\nlisten = 5\n", &[])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("server.listen: "), "{error}");
        let error = from_text("[processor]\nconcurrency = -1\n", &[])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("processor.concurrency: "), "{error}");
    }
}
