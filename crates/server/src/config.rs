//! What an operator decides. One struct per concern, every field with its default and the
//! reason for it; a key that nothing reads is refused, with the key that was probably meant.
//!
//! Order of precedence: environment, then file, then defaults. `PAYHOOK_SERVER__LISTEN` is
//! `listen` in `[server]`: two underscores stand for a dot.

pub(crate) mod admin;
pub(crate) mod alert_targets;
pub(crate) mod alerts;
pub(crate) mod encryption;
pub(crate) mod gateway;
pub(crate) mod journal;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod notify;
pub(crate) mod origins;
pub(crate) mod outbound_url;
pub(crate) mod processor;
pub(crate) mod published;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod sources;
pub(crate) mod store;
pub(crate) mod telemetry;
pub(crate) mod workflow;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use load::{ConfigError, load};

/// The commented file that `payhook config default` prints. A test holds it to the defaults.
pub(crate) const DEFAULT_FILE: &str = include_str!("config/default.toml");

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// The listener that providers call.
    pub(crate) server: server::ServerConfig,
    /// The listener that operators call.
    pub(crate) admin: admin::AdminConfig,
    /// Where everything is kept.
    pub(crate) store: store::StoreConfig,
    /// What everything received is sealed under.
    pub(crate) encryption: encryption::EncryptionConfig,
    /// Who signs what is written down of the journal.
    pub(crate) journal: journal::JournalConfig,
    /// Who may send, and how they prove it.
    pub(crate) sources: BTreeMap<String, sources::SourceConfig>,
    /// What is done with an event.
    pub(crate) workflow: workflow::WorkflowConfig,
    /// How tasks are run.
    pub(crate) processor: processor::ProcessorConfig,
    /// Who settles payments.
    pub(crate) gateway: gateway::GatewayConfig,
    /// Task resources that are HTTP endpoints of the operator's own.
    pub(crate) tasks: BTreeMap<String, processor::HttpTaskConfig>,
    /// Who is told what becomes of payments.
    pub(crate) notify: notify::NotifyConfig,
    /// What is said while running.
    pub(crate) log: log::LogConfig,
    /// What somebody is told of, and how.
    pub(crate) alerts: alerts::AlertsConfig,
    /// Where spans go.
    pub(crate) telemetry: telemetry::TelemetryConfig,
    /// Where each value came from.
    #[serde(skip)]
    pub(crate) origins: origins::Origins,
}

impl Config {
    /// Everything that would keep `payhook serve` from starting, each with what to do about it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.impossible_values();
        problems.extend(self.broken_sources());
        problems.extend(self.broken_references());
        problems.extend(self.alerts.problems(self.sources.keys()));
        problems
    }

    fn impossible_values(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut note = |bad: bool, text: &str| {
            if bad {
                problems.push(text.to_owned());
            }
        };
        let ceiling = domain::limits::BODY_BYTES_CEILING;
        note(
            self.server.body_bytes_max > ceiling,
            &format!(
                "server.body_bytes_max is over {ceiling}: an event of that size could not be processed"
            ),
        );
        note(
            self.server.body_bytes_max == 0,
            "server.body_bytes_max is 0: every webhook would be refused",
        );
        note(
            self.server.requests_max == 0,
            "server.requests_max is 0: every webhook would be refused",
        );
        note(
            self.server.connections_max == 0,
            "server.connections_max is 0: nobody could connect",
        );
        note(
            !self.server.base_path.is_empty() && !self.server.base_path.starts_with('/'),
            "server.base_path must begin with '/'",
        );
        note(
            self.processor.concurrency == 0,
            "processor.concurrency is 0: nothing would be processed",
        );
        note(
            self.workflow.batch_max == 0,
            "workflow.batch_max is 0: nothing would be processed",
        );
        note(
            self.store.queue_max == 0 || self.store.batch_max == 0,
            "store.queue_max and store.batch_max must be at least 1",
        );
        note(
            self.gateway.simulated.failure_percent > 100,
            "gateway.simulated.failure_percent is over 100",
        );
        note(
            self.gateway.kind == gateway::GatewayKind::Http && self.gateway.http.url.is_empty(),
            "gateway.kind is \"http\" but gateway.http.url is empty",
        );
        note(
            !(0.0..=1.0).contains(&self.telemetry.sample_ratio),
            "telemetry.sample_ratio must be from 0 to 1",
        );
        for (resource, task) in &self.tasks {
            note(
                task.url.is_empty(),
                &format!("[tasks.\"{resource}\"] has no url"),
            );
        }
        problems
    }

    fn broken_sources(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.sources.is_empty() {
            problems.push(
                "no source: nobody could send. Add [sources.generic] with a secret, or start with \
                 `payhook serve --dev`"
                    .to_owned(),
            );
        }
        for (name, source) in &self.sources {
            let rules = source.rules(name).map(drop);
            for built in [source.build(name).map(drop), rules] {
                if let Err(error) = built {
                    problems.push(format!("{error:#}"));
                }
            }
        }
        problems
    }

    /// Headers whose secrets cannot be read, and workflow files that cannot be used.
    fn broken_references(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let gateway_headers = (self.gateway.kind == gateway::GatewayKind::Http)
            .then_some(("gateway.http".to_owned(), &self.gateway.http.headers));
        let task_headers = self
            .tasks
            .iter()
            .map(|(resource, task)| (format!("tasks.\"{resource}\""), &task.headers));
        for (section, headers) in gateway_headers.into_iter().chain(task_headers) {
            for (header, secret) in headers {
                if let Err(error) = secret.read() {
                    problems.push(format!("[{section}] header {header}: {error:#}"));
                }
            }
        }
        if let Some(error) = self.encryption.problem() {
            problems.push(format!("{error:#}"));
        }
        for built in [
            self.admin.operators().map(drop),
            self.journal.key().map(drop),
            self.server.proxies().map(drop),
            self.server.failures().map(drop),
            self.server.check_certificate(),
        ] {
            if let Err(error) = built {
                problems.push(format!("{error:#}"));
            }
        }
        problems.extend(self.notify.problems(self));
        if let Err(error) = crate::wire::upstream(self) {
            problems.push(format!("{error:#}"));
        }
        if let Err(error) = crate::wire::workflow(self) {
            problems.push(format!("{error:#}"));
        }
        problems
    }
}
