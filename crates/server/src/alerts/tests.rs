//! The loops, on a store that can be made to fail and with somebody who listens.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::post;
use engine::clock::{SystemClock, SystemLuck};
use engine::store::memory::{FaultMoment, MemoryStore, WriteFault};
use engine::store::{AlertBook as _, EventLog as _, QuarantineBounds};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use super::*;

/// Somebody who is told, and takes it.
struct Listener {
    address: SocketAddr,
    heard: UnboundedReceiver<String>,
    _serving: JoinSet<()>,
}

impl Listener {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = unbounded_channel();
        let app = Router::new().route(
            "/",
            post(|body: String| async move {
                // Nobody listens any more when the test is over.
                let _ = tell.send(body);
            }),
        );
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            heard,
            _serving: serving,
        }
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        next.expect("told in time").unwrap()
    }
}

fn target(name: &str, address: SocketAddr) -> String {
    format!(
        "[targets.{name}]\nkind = 'slack'\nurl_from = {{ value = 'http://{address}/', in_clear = true }}\ntimeout_ms = 20000\n"
    )
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(QuarantineBounds {
        deliveries_max: 1,
        bytes_max: 1,
    }))
}

fn open(store: &Arc<MemoryStore>, config: &str) -> (Arc<Alerts<MemoryStore>>, Supervisor) {
    let config: AlertsConfig = toml::from_str(config).unwrap();
    let metrics = Arc::<Metrics>::default();
    let group = Supervisor::new(Arc::clone(&metrics));
    let world = World {
        store: Arc::clone(store),
        directory: PathBuf::from("."),
        sources: Vec::new(),
        metrics,
        clock: Arc::new(SystemClock),
        luck: Arc::new(SystemLuck),
    };
    let alerts = Alerts::open(&config, world).unwrap();
    alerts.start(&group);
    (alerts, group)
}

/// Fires at the first look: no disk has as much room.
const ALWAYS: &str = "[rules.disk_space]\nfor_seconds = 0\nfree_bytes_min = 9223372036854775807\n";

const NEVER: &str = "rules.disk_space.enabled = false\n";

const PATIENCE: Duration = Duration::from_secs(60);

/// Lets the others go on until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let looks = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let so = tokio::time::timeout(PATIENCE, looks).await;
    so.expect("waited in vain");
}

#[tokio::test]
async fn the_last_words_of_a_store_that_has_failed_are_sent_and_once() {
    let mut listener = Listener::start().await;
    let store = store();
    let rarely = "evaluate_every_ms = 3600000\n";
    let target = target("ops", listener.address);
    let (alerts, group) = open(&store, &format!("{rarely}{NEVER}{target}"));
    until(|| alerts.view().looked_at.is_some()).await;
    let fault = WriteFault {
        moment: FaultMoment::BeforeEffect,
        error: Unavailable::Failed,
    };
    store.fail_write(1, fault);
    let failed = store.keep_alert_book(String::new()).await;
    assert_eq!(failed, Err(Unavailable::Failed));
    assert_eq!(store.takes_custody(), Err(Unavailable::Failed));
    assert!(group.stop(PATIENCE).await);
    let last_words = listener.next().await;
    assert!(last_words.contains("This process ends now"), "{last_words}");
    assert!(listener.heard.is_empty());
}

#[tokio::test]
async fn an_orderly_end_has_no_last_words() {
    let mut listener = Listener::start().await;
    let target = target("ops", listener.address);
    let (alerts, group) = open(&store(), &format!("{ALWAYS}{target}"));
    assert!(listener.next().await.contains("The disk fills up"));
    assert!(group.stop(PATIENCE).await);
    assert!(listener.heard.is_empty());
    assert_eq!(alerts.view().firing().count(), 1);
}

#[tokio::test]
async fn a_target_that_hangs_keeps_nobody_waiting() {
    // Connections are taken by the kernel, and nobody answers.
    let hangs = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut listener = Listener::start().await;
    let targets = [
        target("a-hangs", hangs.local_addr().unwrap()),
        target("there", listener.address),
    ];
    let (alerts, _group) = open(&store(), &format!("{ALWAYS}{}", targets.concat()));
    assert!(listener.next().await.contains("The disk fills up"));
    let waiting = |name: &str| {
        let view = alerts.view();
        let target = view.targets.into_iter().find(|target| target.name == name);
        target.unwrap().waiting
    };
    until(|| waiting("there") == 0).await;
    assert_eq!(waiting("a-hangs"), 1);
}
