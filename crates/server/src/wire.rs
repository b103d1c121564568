//! The one place where adapters are built and joined: store, gateway, front door, loops.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use domain::providers::ProviderId;
use domain::secret::Secret;
use domain::source::{Source, SourceName};
use domain::stream::Sequence;
use domain::time::{Millis, Timestamp};
use engine::callback::Letters;
use engine::clock::{Clock, Luck, SystemClock, SystemLuck};
use engine::ingress::Doorman;
use engine::metrics::Metrics;
use engine::pipe::Filter;
use engine::store::QuarantineBounds;
use engine::tasks::TaskRunner;
use engine::upstream::{NoUpstream, Upstream};
use engine::workflow::{Workflow, Workflows};
use processor::gateway::AnyGateway;
use processor::gateway::http::{HttpGateway, ReceiptPointers};
use processor::gateway::simulated::{self, Script, SimulatedGateway, SimulatedSettings};
use processor::http_client::{HttpClient, Target};
use processor::http_tasks::{Endpoint, HttpTasks};
use processor::notify::{self, Notifier};
use processor::tasks::Tasks;
use store_sqlite::journal::{self, KnownLink, Tampering};
use store_sqlite::{CommitReport, MasterSource, Options, SqliteStore};
use upstream::{ApiSettings, HttpUpstream};
use vault::checkpoint::{Checkpoint, SignedCheckpoint};

use crate::alerts::{Alerts, World};
use crate::config::Config;
use crate::config::gateway::{Act, GatewayKind};
use crate::config::secrets::SecretConfig;
use crate::desk::{Correspondence, Desk};
use crate::effects::{Effects, RuntimeSleep, StoreBook, StoreRecords};
use crate::lint;

/// The state machine that payhook ships.
pub(crate) const DEFAULT_WORKFLOW: &str = include_str!("../../../workflows/payment.asl.json");

/// The filter that payhook ships.
pub(crate) const DEFAULT_FILTER: &str = include_str!("../../../workflows/filter.json");

/// The store of the one-binary home.
pub(crate) type HomeStore = SqliteStore;

/// Everything that loops share.
pub(crate) struct Commons {
    /// The store.
    pub(crate) store: Arc<HomeStore>,
    /// The state machines.
    pub(crate) workflows: Arc<Workflows>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Luck.
    pub(crate) luck: Arc<dyn Luck>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether a workflow runs on the store.
    pub(crate) has_workflow: bool,
    /// Where answers to tasks that wait reach the runner.
    pub(crate) letters: Letters,
}

/// Opens the store for writing, alone.
pub(crate) fn open(config: &Config) -> anyhow::Result<Commons> {
    let metrics = Arc::new(Metrics::default());
    let observed = Arc::clone(&metrics);
    let options = Options {
        commit_jobs_max: config.store.batch_max,
        queue_jobs_max: config.store.queue_max,
        quarantine: quarantine_bounds(config),
        master: master(config)?,
        now: SystemClock.now(),
        observer: Some(Arc::new(move |report: &CommitReport| {
            observed.observe_commit(report.total, report.sync, report.jobs);
        })),
        ..Options::default()
    };
    let store = SqliteStore::open(&config.store.path, &options)?;
    Ok(commons(store, metrics, config))
}

/// Opens the store for looking, whether or not a server runs on it.
pub(crate) fn open_read_only(config: &Config) -> anyhow::Result<Commons> {
    let master = master(config)?;
    let store = SqliteStore::open_read_only(&config.store.path, &master)?;
    Ok(commons(store, Arc::new(Metrics::default()), config))
}

/// Checks the store in `directory`: each broken rule with its place. `progress` is told how many
/// rules are checked, of how many, and which is next.
pub(crate) fn check(
    directory: &Path,
    progress: impl Fn(usize, usize, &'static str),
) -> anyhow::Result<Vec<(String, String)>> {
    let findings =
        store_sqlite::check::check(directory, |at| progress(at.done, at.total, at.rule))?;
    Ok(findings
        .into_iter()
        .map(|finding| (finding.rule.to_owned(), finding.place))
        .collect())
}

/// Where the master key comes from.
fn master(config: &Config) -> anyhow::Result<MasterSource> {
    let keys = config.encryption.build()?;
    Ok(keys.map_or(MasterSource::Generated, MasterSource::Given))
}

/// What a verification of the journal found.
pub(crate) struct JournalReport {
    /// Entries that were looked at.
    pub(crate) entries: u64,
    /// The newest.
    pub(crate) head: u64,
    /// Entries up to this place are older than the chain.
    pub(crate) chained_after: u64,
    /// What is not as it was written, with its place.
    pub(crate) found: Vec<(u64, String)>,
}

/// How the journal of the store in `directory` stands.
pub(crate) fn checkpoint(directory: &Path, now: Timestamp) -> anyhow::Result<Checkpoint> {
    let head = journal::head(directory)?;
    Ok(Checkpoint {
        sequence: head.sequence.get(),
        link: head.link,
        at: now.as_millis(),
    })
}

/// Follows the journal of the store in `directory`, and holds it against checkpoints.
pub(crate) fn verify_journal(
    directory: &Path,
    checkpoints: &[SignedCheckpoint],
    progress: impl FnMut(u64, u64),
) -> anyhow::Result<JournalReport> {
    let known = checkpoints.iter().map(|signed| KnownLink {
        sequence: Sequence::new(signed.checkpoint.sequence),
        link: signed.checkpoint.link,
    });
    let report = journal::verify(directory, &known.collect::<Vec<_>>(), progress)?;
    let told = |found: &Tampering| (found.sequence.get(), found.kind.to_string());
    Ok(JournalReport {
        entries: report.entries,
        head: report.head.sequence.get(),
        chained_after: report.head.chained_after.get(),
        found: report.found.iter().map(told).collect(),
    })
}

fn commons(store: SqliteStore, metrics: Arc<Metrics>, config: &Config) -> Commons {
    Commons {
        store: Arc::new(store),
        workflows: Arc::new(Workflows::default()),
        clock: Arc::new(SystemClock),
        luck: Arc::new(SystemLuck),
        metrics,
        has_workflow: config.workflow.enabled,
        letters: Letters::default(),
    }
}

fn quarantine_bounds(config: &Config) -> QuarantineBounds {
    QuarantineBounds {
        deliveries_max: config.store.quarantine_deliveries_max,
        bytes_max: config.store.quarantine_bytes_max,
    }
}

/// Who may call which source, and how often.
pub(crate) fn doorman(config: &Config) -> anyhow::Result<Doorman> {
    let rules = config
        .sources
        .iter()
        .map(|(name, source)| Ok((SourceName::try_new(name)?, source.rules(name)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Doorman::new(config.server.failures()?, rules))
}

impl Commons {
    /// The operator's desk on this store.
    pub(crate) fn desk(
        &self,
        sources: Vec<Source>,
        upstream: Arc<dyn Upstream>,
    ) -> Desk<HomeStore> {
        Desk {
            store: Arc::clone(&self.store),
            workflows: Arc::clone(&self.workflows),
            sources,
            upstream,
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            luck: Arc::clone(&self.luck),
            correspondence: Correspondence::default(),
            has_workflow: self.has_workflow,
            letters: self.letters.clone(),
        }
    }

    /// Who tells endpoints what becomes of payments; nobody where none is configured, which then
    /// costs nothing.
    pub(crate) fn notifier(&self, config: &Config) -> anyhow::Result<Option<Arc<Notifier>>> {
        let notify = &config.notify;
        if notify.endpoints.is_empty() {
            return Ok(None);
        }
        let book = StoreBook {
            store: Arc::clone(&self.store),
            metrics: Arc::clone(&self.metrics),
        };
        let courier = Arc::new(http_client()?);
        let notifier = Notifier::new(notify.build()?, notify.manner()?, courier, Arc::new(book));
        Ok(Some(Arc::new(notifier)))
    }

    /// The alerts of this store, and of those who may send.
    pub(crate) fn alerts(
        &self,
        config: &Config,
        sources: Vec<Source>,
    ) -> anyhow::Result<Arc<Alerts<HomeStore>>> {
        let world = World {
            store: Arc::clone(&self.store),
            directory: config.store.path.clone(),
            sources,
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            luck: Arc::clone(&self.luck),
        };
        Alerts::open(&config.alerts, world)
    }

    /// The tasks on this store.
    pub(crate) fn effects(
        &self,
        config: &Config,
        notifier: Option<Arc<Notifier>>,
    ) -> anyhow::Result<Effects<HomeStore>> {
        let records = StoreRecords(Arc::clone(&self.store));
        let mut tasks = Tasks::new(gateway(config)?, records);
        if !config.tasks.is_empty() {
            tasks = tasks.with_http(HttpTasks::new(endpoints(config)?));
        }
        if let Some(notifier) = notifier {
            tasks = tasks.with_notifier(notifier);
        }
        Ok(Effects {
            tasks,
            clock: Arc::clone(&self.clock),
        })
    }
}

/// The sources of the configuration, their secrets read.
pub(crate) fn sources(config: &Config) -> anyhow::Result<Vec<Source>> {
    config
        .sources
        .iter()
        .map(|(name, source)| source.build(name))
        .collect()
}

/// The sources whose payments have their executions run one at a time.
pub(crate) fn one_at_a_time(config: &Config) -> anyhow::Result<HashSet<SourceName>> {
    let chosen = config
        .sources
        .iter()
        .filter(|(_, source)| source.one_at_a_time);
    chosen
        .map(|(name, _)| SourceName::try_new(name).with_context(|| format!("[sources.{name}]")))
        .collect()
}

/// Those of them that can be read here: for explaining, where one that cannot takes nothing away.
pub(crate) fn readable_sources(config: &Config) -> Vec<Source> {
    let sources = config.sources.iter();
    sources
        .filter_map(|(name, source)| source.build(name).ok())
        .collect()
}

/// The providers' own APIs, as far as the configuration has credentials for them.
pub(crate) fn upstream(config: &Config) -> anyhow::Result<Arc<dyn Upstream>> {
    let mut apis = Vec::new();
    for (name, source) in &config.sources {
        let Some(api) = &source.api else { continue };
        let named = SourceName::try_new(name).with_context(|| format!("[sources.{name}]"))?;
        let token = api
            .token
            .read()
            .with_context(|| format!("[sources.{name}.api] token"))?;
        let settings = ApiSettings {
            token: Secret::new("api", token),
            base_url: api.base_url.clone(),
            timeout: Millis::new(api.timeout_ms.unwrap_or(API_TIMEOUT_MS)),
        };
        apis.push((named, settings));
    }
    let uses_certificates = config
        .sources
        .values()
        .any(|source| source.provider.0 == ProviderId::Paypal);
    // A client holds the system's certificates, some megabytes of them: none where nobody is asked.
    if apis.is_empty() && !uses_certificates {
        return Ok(Arc::new(NoUpstream));
    }
    let upstream =
        HttpUpstream::try_new(apis, &upstream::Options::default(), Arc::new(SystemClock));
    Ok(Arc::new(
        upstream.context("the providers' APIs cannot be asked")?,
    ))
}

/// Longest wait for a provider's API while a sender waits for us, in milliseconds: the most
/// impatient one that is fetched for gives up after 15 s.
const API_TIMEOUT_MS: u64 = 5000;

/// The workflow's text and what it says, and the filter before it.
pub(crate) fn workflow(config: &Config) -> anyhow::Result<(String, Workflow, Filter)> {
    let text = match &config.workflow.definition {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read workflow.definition {}", path.display()))?,
        None => DEFAULT_WORKFLOW.to_owned(),
    };
    let name = match &config.workflow.definition {
        Some(path) => path.display().to_string(),
        None => "the shipped payment.asl.json".to_owned(),
    };
    if let Some(refusal) = lint::refusal((&name, &text), config) {
        bail!(refusal);
    }
    let text = with_notifications(config, text)?;
    let workflow = Workflow::parse(&text).map_err(|_| {
        // Only what is put before it can be wrong now.
        let name = format!("{name} with the states that send notifications");
        let refusal = lint::refusal((&name, &text), config);
        anyhow!(refusal.unwrap_or_default())
    })?;
    let filter_text = match &config.workflow.filter {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read workflow.filter {}", path.display()))?,
        None => DEFAULT_FILTER.to_owned(),
    };
    let mut filter = Filter::parse(&filter_text).context("workflow.filter is no event pattern")?;
    if !config.notify.endpoints.is_empty() {
        let extended = notify::workflow::extended_filter(&filter_text);
        filter = Filter::parse(&extended)
            .context("workflow.filter cannot be extended with what notifications need")?;
    }
    Ok((text, workflow, filter))
}

/// A state machine's text with the states that tell endpoints, where there is one to tell.
pub(crate) fn with_notifications(config: &Config, text: String) -> anyhow::Result<String> {
    if config.notify.endpoints.is_empty() {
        return Ok(text);
    }
    notify::workflow::extended(&text)
        .context("the workflow definition cannot be extended with what notifications need")
}

/// Refuses a workflow that names a resource which nothing here does: at start, and not when
/// the first payment reaches it.
pub(crate) fn check_resources(workflow: &Workflow, tasks: &impl TaskRunner) -> anyhow::Result<()> {
    for (state, resource) in workflow.definition.resources() {
        if !tasks.accepts(resource.as_str()) {
            bail!(
                "state {state} of the workflow calls {resource}, which nothing does here; map it \
                 to an endpoint of yours with [tasks.\"{resource}\"] and a url",
                resource = resource.as_str()
            );
        }
    }
    Ok(())
}

fn gateway(config: &Config) -> anyhow::Result<AnyGateway<RuntimeSleep>> {
    match config.gateway.kind {
        GatewayKind::Simulated => {
            let simulated = &config.gateway.simulated;
            let settings = SimulatedSettings {
                latency: Millis::new(simulated.latency_ms),
                failures_per_thousand: u16::from(simulated.failure_percent) * 10,
                seed: simulated.seed,
                scripts: simulated
                    .scripts
                    .iter()
                    .filter_map(|(payment, acts)| Some((payment.clone(), script(acts)?)))
                    .collect(),
                ..SimulatedSettings::default()
            };
            Ok(AnyGateway::Simulated(SimulatedGateway::new(
                settings,
                RuntimeSleep,
            )))
        }
        GatewayKind::Http => {
            let http = &config.gateway.http;
            let target =
                target(&http.url, http.timeout_ms, &http.headers).context("[gateway.http]")?;
            let pointers = ReceiptPointers {
                transaction_id: http.transaction_id.clone(),
                processed_at: http.processed_at.clone(),
            };
            Ok(AnyGateway::Http(HttpGateway::new(
                http_client()?,
                target,
                pointers,
            )))
        }
    }
}

/// A client of its own for each use, and none where nothing is asked over HTTP: it holds the
/// system's certificates, some megabytes of them.
fn http_client() -> anyhow::Result<HttpClient> {
    HttpClient::try_new().context("HTTP calls cannot be made")
}

fn script(acts: &[Act]) -> Option<Script> {
    let acts: Vec<_> = acts
        .iter()
        .map(|act| match act {
            Act::Settle => simulated::Act::Settle,
            Act::LoseAnswer => simulated::Act::LoseAnswer,
            Act::TimeOut => simulated::Act::TimeOut,
            Act::Fail => simulated::Act::Fail,
            Act::RateLimit => simulated::Act::RateLimit { retry_after: None },
            Act::Decline => simulated::Act::Decline,
        })
        .collect();
    let (then, first) = acts.split_last()?;
    Some(Script {
        first: first.to_vec(),
        then: *then,
    })
}

fn endpoints(config: &Config) -> anyhow::Result<BTreeMap<String, Endpoint>> {
    let client = http_client()?;
    config
        .tasks
        .iter()
        .map(|(resource, task)| {
            let target = target(&task.url, task.timeout_ms, &task.headers)
                .with_context(|| format!("[tasks.\"{resource}\"]"))?;
            Ok((
                resource.clone(),
                Endpoint {
                    client: client.clone(),
                    target,
                },
            ))
        })
        .collect()
}

fn target(
    url: &str,
    timeout_ms: u64,
    headers: &BTreeMap<String, SecretConfig>,
) -> anyhow::Result<Target> {
    let headers = headers
        .iter()
        .map(|(name, secret)| {
            let value = secret.read().with_context(|| format!("header {name}"))?;
            Ok((name.clone(), Secret::new(name.clone(), value)))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Target::try_new(url, Millis::new(timeout_ms), &headers)?)
}
