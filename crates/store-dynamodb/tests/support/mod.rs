//! How the suite gets at the store: tables of its own for each case, and what an outsider reads
//! in them.

mod seen;

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use aws_sdk_dynamodb::{Client, Config};
use domain::event::EventKeyDigest;
use domain::record::{EventRecord, RecordKey};
use domain::task::RecordChange;
use domain::time::Timestamp;
use engine::store::{
    Appended, Custody, EventLog, NotKept, Quarantine, QuarantineBounds, QuarantinedDelivery,
    Settled, Settlements, Unavailable,
};
use store_dynamodb::{DynamoStore, Retention, Tables};
use testbed::store_suite::{Ending, Opener};
use tokio::runtime::Runtime;

/// Three tables of one case.
pub(crate) struct Place {
    tables: Tables,
}

/// The store of one case, whose calls run on the process's one runtime: connections belong to the
/// runtime that opened them, and the cases come with many short ones.
pub(crate) struct RoutedStore {
    inner: DynamoStore,
    pub(crate) tables: Tables,
}

/// The one runtime.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

/// Runs a future there, from wherever.
pub(crate) fn on_runtime<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    runtime().spawn(async move {
        // The receiver is gone only when its thread has panicked.
        let _ = sender.send(future.await);
    });
    receiver.recv().expect("an answer")
}

async fn routed<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    runtime().spawn(future).await.expect("no panic")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told where its emulator is"
)]
fn address() -> String {
    std::env::var("PAYHOOK_DYNAMODB").expect(
        "PAYHOOK_DYNAMODB is not set: run `cargo xtask test --suite aws-store`, which starts the \
         emulators",
    )
}

/// A client for the emulator.
pub(crate) fn endpoint() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .endpoint_url(address());
        Client::from_conf(config.build())
    })
}

/// A client for its streams.
pub(crate) fn streams() -> &'static aws_sdk_dynamodbstreams::Client {
    static CLIENT: OnceLock<aws_sdk_dynamodbstreams::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .endpoint_url(address());
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    })
}

impl Place {
    /// The payments table's name.
    pub(crate) fn payments(&self) -> &str {
        &self.tables.payments
    }
}

impl Opener for Place {
    type Store = RoutedStore;

    /// The bounds of a quarantine are other stores' business: here it is bounded by time.
    fn new(_bounds: QuarantineBounds) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |what| format!("{what}-{}-{number}", std::process::id());
        let tables = Tables {
            payments: name("payments"),
            event_keys: name("event-keys"),
            quarantine: name("quarantine"),
        };
        let (text, digits) = (ScalarAttributeType::S, ScalarAttributeType::N);
        create(
            &tables.payments,
            &[("paymentId", text.clone()), ("timestamp", digits)],
            true,
        );
        let keys = [("eventKey", text.clone()), ("entry", text.clone())];
        create(&tables.event_keys, &keys, false);
        create(&tables.quarantine, &[("delivery", text)], false);
        Self { tables }
    }

    async fn open(&mut self) -> RoutedStore {
        let inner = DynamoStore::new(
            endpoint().clone(),
            self.tables.clone(),
            Retention::default(),
        );
        RoutedStore {
            inner,
            tables: self.tables.clone(),
        }
    }

    // What a process leaves behind is in the tables either way.
    async fn end(&mut self, _store: RoutedStore, _ending: Ending) {}
}

impl Drop for Place {
    fn drop(&mut self) {
        for table in [
            &self.tables.payments,
            &self.tables.event_keys,
            &self.tables.quarantine,
        ] {
            // A table that stays behind disturbs nobody: its name is this process's own.
            let _ = on_runtime(endpoint().delete_table().table_name(table).send());
        }
    }
}

fn create(table: &str, keys: &[(&str, ScalarAttributeType)], with_stream: bool) {
    let mut asked = endpoint()
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest);
    for ((name, kind), key_type) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let attribute = AttributeDefinition::builder()
            .attribute_name(*name)
            .attribute_type(kind.clone());
        let key = KeySchemaElement::builder()
            .attribute_name(*name)
            .key_type(key_type);
        asked = asked
            .attribute_definitions(attribute.build().expect("an attribute"))
            .key_schema(key.build().expect("a key"));
    }
    if with_stream {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewAndOldImages);
        asked = asked.stream_specification(stream.build().expect("a stream"));
    }
    on_runtime(asked.send()).expect("a table");
}

impl EventLog for RoutedStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        let inner = self.inner.clone();
        routed(async move { inner.append_once(custody).await }).await
    }

    fn takes_custody(&self) -> Result<(), Unavailable> {
        self.inner.takes_custody()
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        let (inner, key) = (self.inner.clone(), key.clone());
        routed(async move { inner.record(&key).await }).await
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, Unavailable> {
        let (inner, record) = (self.inner.clone(), record.clone());
        routed(async move { inner.settled_before(&record).await }).await
    }

    async fn find_event(&self, event: &EventKeyDigest) -> Result<Option<RecordKey>, Unavailable> {
        let (inner, event) = (self.inner.clone(), *event);
        routed(async move { inner.find_event(&event).await }).await
    }
}

impl Settlements for RoutedStore {
    async fn settle(&self, change: &RecordChange, now: Timestamp) -> Result<Settled, Unavailable> {
        let (inner, change) = (self.inner.clone(), change.clone());
        routed(async move { inner.settle(&change, now).await }).await
    }
}

impl Quarantine for RoutedStore {
    async fn quarantine(&self, refused: QuarantinedDelivery) -> Result<(), Unavailable> {
        let inner = self.inner.clone();
        routed(async move { inner.quarantine(refused).await }).await
    }
}
