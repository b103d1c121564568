//! A running payhook: started in order, stopped in order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Extension;
use domain::secret::Secret;
use domain::source::Source;
use domain::time::Millis;
use engine::ingress::{self, Explainer, FixedSources, Ingress, IngressOptions};
use engine::metrics::{Metrics, SourceLabel};
use engine::pipe::Pipe;
use engine::runner::{Runner, RunnerOptions};
use engine::store::{EventLog as _, Executions as _, Unavailable};
use engine::supervisor::Supervisor;
use engine::upstream::Upstream;
use processor::notify::Notifier;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use crate::ack_log;
use crate::admin::keyring::{ADMIN, Keyring, Operator, Role};
use crate::admin::{self, Admin, Health};
use crate::bulk::Board;
use crate::config::Config;
use crate::dashboard::{LIVE_SEATS_MAX, Stopping};
use crate::desk::{Correspondence, Desk};
use crate::http::tls::Certificate;
use crate::http::{self, Bounds, Counters, Door};
use crate::pulse::Pulse;
use crate::runtime_file::{self, RuntimeFile};
use crate::side_runtime::SideRuntime;
use crate::wire::{self, Commons, HomeStore};

/// Connections of the admin listener: a few people and a metrics collector.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Longest time in which somebody takes nothing of an answer of the admin listener.
const ADMIN_STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the store is asked whether it has failed.
const HEALTH_PAUSE: Duration = Duration::from_secs(1);

/// A running payhook.
pub(crate) struct Service {
    store: Arc<HomeStore>,
    directory: PathBuf,
    // In the order in which they are stopped.
    groups: [Supervisor; 3],
    patience: Duration,
    _side: SideRuntime,
}

/// Who may send, and who can be asked what is true of it.
#[derive(Clone)]
struct Senders {
    sources: Vec<Source>,
    upstream: Arc<dyn Upstream>,
}

impl Service {
    /// Starts everything: the store first, the front door last.
    pub(crate) async fn start(config: &Config, sources: Vec<Source>) -> anyhow::Result<Self> {
        let commons = wire::open(config)?;
        let certificate = config.server.certificate(&commons.metrics)?;
        let listen = bind(config.server.listen, "server.listen").await?;
        let admin = bind(config.admin.listen, "admin.listen").await?;
        let side = SideRuntime::start("payhook-admin")?;
        let metrics = || Arc::clone(&commons.metrics);
        let groups = [
            Supervisor::new(metrics()),
            Supervisor::new(metrics()),
            Supervisor::on(side.handle().clone(), metrics()),
        ];
        let [front, back, desk] = &groups;
        let pulse = start_pulse(back);
        let notifier = commons.notifier(config)?;
        if config.workflow.enabled {
            start_workflow(config, &commons, notifier.clone(), back).await?;
        }
        let correspondence = Correspondence::new(config, notifier);
        let (listen_at, admin_at) = (listen.local_addr()?, admin.local_addr()?);
        let upstream = wire::upstream(config)?;
        let senders = Senders { sources, upstream };
        let admin = side.adopt(admin)?;
        let health = Health {
            pulse,
            certificate: certificate.clone(),
        };
        let behind = (senders.clone(), health, correspondence);
        start_admin(config, &commons, behind, (desk, admin))?;
        start_front(config, &commons, (senders, certificate), (front, listen))?;
        let runtime = RuntimeFile {
            pid: std::process::id(),
            listen: listen_at,
            admin: admin_at,
        };
        runtime.write(&config.store.path)?;
        info!(listen = %listen_at, admin = %admin_at, "payhook is ready");
        Ok(Self {
            store: commons.store,
            directory: config.store.path.clone(),
            groups,
            _side: side,
            patience: Duration::from_millis(config.server.stop_timeout_ms),
        })
    }

    /// Returns when the store has failed: it takes nothing more, and a new process must open it.
    pub(crate) async fn failure(&self) -> Unavailable {
        loop {
            match self.store.takes_custody() {
                Err(unavailable @ Unavailable::Failed) => return unavailable,
                Ok(()) | Err(_) => tokio::time::sleep(HEALTH_PAUSE).await,
            }
        }
    }

    /// Stops everything: the front door first, so that what was taken in is seen through as far
    /// as patience goes; then the workflow, the admin listener, the store. Says whether all of
    /// it ended in order; what did not is taken up at the next start.
    pub(crate) async fn stop(self) -> bool {
        let mut in_order = true;
        for group in &self.groups {
            in_order &= group.stop(self.patience).await;
        }
        RuntimeFile::remove(&self.directory);
        let store = self.store;
        let closed = tokio::task::spawn_blocking(move || store.close()).await;
        match closed {
            Ok(Ok(())) => in_order,
            Ok(Err(unavailable)) => {
                error!(%unavailable, "the store could not be closed in order");
                false
            }
            Err(_panicked) => false,
        }
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} ({key}); is another server running there?")
    })
}

async fn start_workflow(
    config: &Config,
    commons: &Commons,
    notifier: Option<Arc<Notifier>>,
    group: &Supervisor,
) -> anyhow::Result<()> {
    let (text, workflow, filter) = wire::workflow(config)?;
    let effects = commons.effects(config, notifier)?;
    wire::check_resources(&workflow, &effects)?;
    commons.store.keep_definition(workflow.id, text).await?;
    let clock = || Arc::clone(&commons.clock);
    let metrics = || Arc::<Metrics>::clone(&commons.metrics);
    let pipe = Arc::new(Pipe::new(
        Arc::clone(&commons.store),
        (filter, workflow.id),
        clock(),
        metrics(),
        config.workflow.batch_max,
    ));
    group.start("pipe", move |stop| {
        let pipe = Arc::clone(&pipe);
        async move { pipe.run(stop).await }
    });
    let options = RunnerOptions {
        concurrency: config.processor.concurrency,
        task_timeout: Millis::new(config.processor.timeout_ms),
        one_at_a_time: wire::one_at_a_time(config)?,
        letters: commons.letters.clone(),
    };
    let runner = Runner::new(
        (Arc::clone(&commons.store), effects),
        Arc::clone(&commons.workflows),
        (clock(), Arc::clone(&commons.luck)),
        metrics(),
        options,
    );
    group.start("runner", move |stop| {
        let runner = Arc::clone(&runner);
        async move { runner.run(stop).await }
    });
    Ok(())
}

fn start_pulse(group: &Supervisor) -> Arc<Pulse> {
    let pulse = Arc::new(Pulse::new());
    let beating = Arc::clone(&pulse);
    group.start("pulse", move |stop| {
        let pulse = Arc::clone(&beating);
        async move { pulse.beat(stop).await }
    });
    pulse
}

fn start_admin(
    config: &Config,
    commons: &Commons,
    (senders, health, correspondence): (Senders, Health, Correspondence),
    (group, listener): (&Supervisor, TcpListener),
) -> anyhow::Result<()> {
    let keyring = keyring(config, commons)?;
    let alerts = commons.alerts(config, senders.sources.clone())?;
    alerts.start(group);
    let desk = Desk {
        correspondence,
        ..commons.desk(senders.sources, senders.upstream)
    };
    let metrics = Arc::clone(&commons.metrics);
    let admin = Arc::new(Admin {
        desk,
        bulk: Board::default(),
        metrics,
        health,
        alerts,
        keyring,
        settings: config.settings(),
        deeds: TaskTracker::new(),
        live_seats: Arc::new(Semaphore::new(LIVE_SEATS_MAX)),
    });
    start_beside(&admin, group);
    let app = admin::router(admin);
    let bounds = Bounds {
        proxies: Arc::default(),
        certificate: None,
        connections_max: ADMIN_CONNECTIONS_MAX,
        head_timeout: Duration::from_millis(config.server.head_timeout_ms),
        // People's networks pause, and their exports are long.
        stall_timeout: ADMIN_STALL_TIMEOUT,
        stop_timeout: Duration::from_millis(config.server.stop_timeout_ms),
    };
    let about = (bounds, counters("admin", commons));
    let door = Door::new(listener);
    group.start("admin", move |stop| {
        let stopping = Extension(Stopping(stop.clone()));
        let app = app.clone().layer(stopping);
        http::serve(Arc::clone(&door), app, about.clone(), stop)
    });
    Ok(())
}

/// Who may call the admin listener.
fn keyring(config: &Config, commons: &Commons) -> anyhow::Result<Keyring> {
    let token = match &config.admin.token_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read admin.token_file {}", path.display()))?
            .trim()
            .to_owned(),
        None => runtime_file::token(&config.store.path, &*commons.luck)?,
    };
    anyhow::ensure!(!token.is_empty(), "the admin token is empty");
    let mut operators = config.admin.operators()?;
    operators.push(Operator {
        name: ADMIN.to_owned(),
        role: Role::Operate,
        token: Secret::new(ADMIN, token),
    });
    Ok(Keyring::new(operators))
}

/// What goes on beside the admin listener: runs over many, deeds that are seen through, and the
/// minutes that are written down.
fn start_beside(admin: &Arc<Admin<HomeStore>>, group: &Supervisor) {
    let minutes = Arc::clone(admin);
    group.start("ack-log", move |stop| {
        let admin = Arc::clone(&minutes);
        async move {
            let Desk { store, clock, .. } = &admin.desk;
            ack_log::keep(&**store, &admin.metrics, &**clock, stop).await;
        }
    });
    let busy = admin.deeds.clone();
    group.start("deeds", move |stop| {
        let deeds = busy.clone();
        async move {
            stop.cancelled().await;
            deeds.close();
            deeds.wait().await;
        }
    });
    let runs = Arc::clone(admin);
    group.start("bulk", move |stop| {
        let admin = Arc::clone(&runs);
        async move { admin.bulk.serve(&admin.desk, stop).await }
    });
}

fn start_front(
    config: &Config,
    commons: &Commons,
    (senders, certificate): (Senders, Option<Arc<Certificate>>),
    (group, listener): (&Supervisor, TcpListener),
) -> anyhow::Result<()> {
    let server = &config.server;
    let sources = senders.sources.iter();
    let names: Vec<String> = sources.map(|source| source.name.to_string()).collect();
    let explainer = Explainer::start().context("cannot start a thread")?;
    let options = IngressOptions {
        base_path: server.base_path.clone(),
        body_bytes_max: server.body_bytes_max,
        body_timeout: Duration::from_millis(server.body_timeout_ms),
        custody_timeout: Duration::from_millis(server.custody_timeout_ms),
        requests_max: server.requests_max,
        explainer: Some(explainer),
        doorman: Arc::new(wire::doorman(config)?),
    };
    let ingress = Ingress::new(
        (
            Arc::new(FixedSources::from(senders.sources)),
            senders.upstream,
        ),
        Arc::clone(&commons.store),
        (Arc::clone(&commons.clock), Arc::clone(&commons.luck)),
        Arc::clone(&commons.metrics),
        options,
    );
    for name in names {
        // A source from which nothing has come is seen to be silent.
        let silent = SourceLabel { source: name };
        commons.metrics.accepted.get_or_create(&silent).inc_by(0);
    }
    let app = ingress::router(ingress);
    if let Some(certificate) = certificate.clone() {
        group.start("certificate", move |stop| {
            Arc::clone(&certificate).follow(stop)
        });
    }
    let bounds = Bounds {
        proxies: Arc::new(server.proxies()?),
        certificate,
        connections_max: server.connections_max,
        head_timeout: Duration::from_millis(server.head_timeout_ms),
        stall_timeout: Duration::from_millis(server.answer_timeout_ms),
        stop_timeout: Duration::from_millis(server.stop_timeout_ms),
    };
    let about = (bounds, counters("front", commons));
    let door = Door::new(listener);
    group.start("front", move |stop| {
        http::serve(Arc::clone(&door), app.clone(), about.clone(), stop)
    });
    Ok(())
}

fn counters(listener: &'static str, commons: &Commons) -> Counters {
    let metrics = Arc::clone(&commons.metrics);
    Counters { listener, metrics }
}
