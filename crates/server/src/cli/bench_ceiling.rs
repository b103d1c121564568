//! `payhook bench-ceiling`: the front door with every check and no store behind it. It loses
//! everything that it accepts, and exists to say how fast the rest could be at most
//! (`cargo xtask bench` runs both and quotes the ratio). Hidden, because it serves nobody.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use domain::event::EventKeyDigest;
use domain::record::{EventRecord, RecordKey};
use engine::clock::{SystemClock, SystemLuck};
use engine::ingress::{self, FixedSources, Ingress, IngressOptions};
use engine::metrics::Metrics;
use engine::store::{
    Appended, Custody, EventLog, NotKept, Outcome, Quarantine, QuarantinedDelivery, Unavailable,
};
use engine::supervisor::Supervisor;
use engine::upstream::NoUpstream;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, serve};
use crate::http::{self, Bounds, Counters, Door};
use crate::{telemetry, wire};

/// Nothing to choose: it is configured as `serve` is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Keeps nothing.
struct NoStore;

impl EventLog for NoStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        let at = custody.admitted.delivery().received_at;
        let key = |payment_id: &String| RecordKey {
            payment_id: payment_id.clone(),
            timestamp: at,
        };
        let events = custody.admitted.events().iter();
        let stored = events
            .map(|event| (Outcome::Stored, key(&event.payment_id)))
            .collect();
        Ok(Appended {
            events: stored,
            anomalies: Vec::new(),
        })
    }

    fn takes_custody(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn record(&self, _: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        Ok(None)
    }

    async fn settled_before(&self, _: &EventRecord) -> Result<Option<EventRecord>, Unavailable> {
        Ok(None)
    }

    async fn find_event(&self, _: &EventKeyDigest) -> Result<Option<RecordKey>, Unavailable> {
        Ok(None)
    }
}

impl Quarantine for NoStore {
    async fn quarantine(&self, _: QuarantinedDelivery) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// Serves until told to stop.
pub(super) fn run(_: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut config = context.config()?;
    serve::add_default_source(&mut config, false)?;
    let _observer = telemetry::start(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let metrics = Arc::new(Metrics::default());
        let server = &config.server;
        let options = IngressOptions {
            base_path: server.base_path.clone(),
            body_bytes_max: server.body_bytes_max,
            body_timeout: Duration::from_millis(server.body_timeout_ms),
            custody_timeout: Duration::from_millis(server.custody_timeout_ms),
            requests_max: server.requests_max,
            explainer: None,
            doorman: Arc::default(),
        };
        let ingress = Ingress::new(
            (
                Arc::new(FixedSources::from(wire::sources(&config)?)),
                Arc::new(NoUpstream),
            ),
            Arc::new(NoStore),
            (Arc::new(SystemClock), Arc::new(SystemLuck)),
            Arc::clone(&metrics),
            options,
        );
        let bounds = Bounds {
            proxies: Arc::default(),
            certificate: None,
            connections_max: server.connections_max,
            head_timeout: Duration::from_millis(server.head_timeout_ms),
            stall_timeout: Duration::from_millis(server.answer_timeout_ms),
            stop_timeout: Duration::from_millis(server.stop_timeout_ms),
        };
        let group = Supervisor::new(Arc::clone(&metrics));
        let ready = Router::new().route("/readyz", get(|| async { "ready" }));
        for (address, app) in [
            (server.listen, ingress::router(ingress)),
            (config.admin.listen, ready),
        ] {
            let door = Door::new(TcpListener::bind(address).await?);
            let counters = Counters {
                listener: "ceiling",
                metrics: Arc::clone(&metrics),
            };
            let about = (bounds.clone(), counters);
            group.start("ceiling", move |stop| {
                http::serve(Arc::clone(&door), app.clone(), about.clone(), stop)
            });
        }
        terminate.recv().await;
        group.stop(bounds.stop_timeout).await;
        Ok(ExitCode::SUCCESS)
    })
}
