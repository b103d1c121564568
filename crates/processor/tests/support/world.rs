//! A store of one record and a gateway that a test can cut off: what tasks run in here.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::currency::Currency;
use domain::event::{EventId, EventKey};
use domain::money::Amount;
use domain::notification::{Attempted, EndpointName, Health, HealthChange, Schedule};
use domain::record::{EventRecord, RecordKey};
use domain::secret::Secret;
use domain::settlement::Settlement;
use domain::signature::StandardSigner;
use domain::source::SourceName;
use domain::task::{TaskCall, TaskOutcome};
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;
use futures_util::FutureExt as _;
use processor::gateway::simulated::{Act, Script, SimulatedGateway, SimulatedSettings};
use processor::gateway::{GatewayFailure, GatewayReceipt, GatewayRequest, PaymentGateway};
use processor::http_client::Target;
use processor::notify::{
    Courier, Endpoint, EndpointBook, Letter, Manner, Notifier, PortFuture, Reply, Wants,
};
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::tasks::Tasks;
use serde_json::Value;

pub(crate) const EXECUTION: &str = "evt-1";
pub(crate) const FUNCTION: &str =
    "arn:aws:lambda:us-east-1:000000000000:function:payment-processor";

/// Everything around the tasks.
pub(crate) struct World {
    pub(crate) record: Mutex<EventRecord>,
    /// Another record of the same payment.
    pub(crate) other: Mutex<Option<EventRecord>>,
    pub(crate) gateway: SimulatedGateway<fn(Millis) -> Ready<()>>,
    /// Attempts so far: each later one is a retry, and no effect may depend on that.
    pub(crate) attempts: AtomicU32,
    /// Outbound calls so far.
    pub(crate) calls: AtomicUsize,
    /// The outbound call whose answer never arrives: the attempt is dead from there on.
    pub(crate) fatal_call: AtomicUsize,
    pub(crate) records_are_down: bool,
    /// What the endpoints say, by host, in turn; 200 when there is nothing left to say.
    pub(crate) answers: Mutex<BTreeMap<String, Vec<Reply>>>,
    /// Every letter that arrived: host, `webhook-id`, body.
    pub(crate) letters: Mutex<Vec<(String, String, String)>>,
    /// How the endpoints fare.
    pub(crate) book: Mutex<BTreeMap<EndpointName, Health>>,
}

impl World {
    pub(crate) fn new(settlement: Settlement, script: Script) -> Self {
        let settings = SimulatedSettings {
            scripts: BTreeMap::from([("pay_1".to_owned(), script)]),
            ..SimulatedSettings::default()
        };
        Self {
            record: Mutex::new(record(settlement)),
            other: Mutex::new(None),
            gateway: SimulatedGateway::new(settings, |_| ready(())),
            attempts: AtomicU32::new(0),
            calls: AtomicUsize::new(0),
            fatal_call: AtomicUsize::new(usize::MAX),
            records_are_down: false,
            answers: Mutex::default(),
            letters: Mutex::default(),
            book: Mutex::default(),
        }
    }

    pub(crate) fn with_steady_gateway(settlement: Settlement) -> Arc<Self> {
        Arc::new(Self::new(settlement, Script::always(Act::Settle)))
    }

    /// One attempt; `None` when it died on the way.
    pub(crate) fn attempt(self: &Arc<Self>, input: Value, now: i64) -> Option<TaskOutcome> {
        let now = Timestamp::from_millis(now);
        let mut call = call(input, now);
        call.retry_count = self.attempts.fetch_add(1, Ordering::Relaxed);
        self.run(call, now)
    }

    pub(crate) fn run(self: &Arc<Self>, call: TaskCall, now: Timestamp) -> Option<TaskOutcome> {
        let tasks = Tasks::new(Arc::clone(self), Arc::clone(self));
        let tasks = tasks.with_notifier(Arc::new(self.notifier(1)));
        tasks.run(call, now).now_or_never()
    }

    /// Two endpoints, `shop` and `crm`, that are tried three times, and this many rounds at once.
    pub(crate) fn notifier(self: &Arc<Self>, rounds_max: usize) -> Notifier {
        let waits = [0, 5, 300].map(Millis::from_secs).to_vec();
        let manner = Manner {
            schedule: Schedule::try_new(waits).unwrap(),
            disable_after: Millis::from_secs(5 * 24 * 60 * 60),
            rounds_max,
        };
        let (courier, book) = (Arc::clone(self), Arc::clone(self));
        let endpoints = ["shop", "crm"].map(|name| (named(name), endpoint(name)));
        Notifier::new(endpoints.into(), manner, courier, book)
    }

    pub(crate) fn effects(&self) -> usize {
        self.gateway.ledger().len()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn next_answer(&self, host: &str) -> Reply {
        match self.answers.lock().unwrap().get_mut(host) {
            Some(said) if !said.is_empty() => said.remove(0),
            Some(_) | None => Reply {
                result: Attempted::Delivered,
                retry_after: None,
            },
        }
    }

    async fn note_call(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.fatal_call.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// The world is the tasks' ports. Every answer passes through `note_call`, so that what was
/// asked has happened even when the answer is lost.
impl PaymentRecords for World {
    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, RecordsUnavailable> {
        let record = self.record.lock().unwrap().clone();
        self.note_call().await;
        if self.records_are_down {
            return Err(RecordsUnavailable);
        }
        Ok((record.key == *key).then_some(record))
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, RecordsUnavailable> {
        let other = self.other.lock().unwrap().clone();
        self.note_call().await;
        if self.records_are_down {
            return Err(RecordsUnavailable);
        }
        Ok(other.filter(|other| {
            other.tells_the_same_as(record)
                && matches!(other.settlement, Settlement::Completed { .. })
        }))
    }
}

impl PaymentGateway for World {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        let answer = self.gateway.settle(request).await;
        self.note_call().await;
        answer
    }
}

impl Courier for World {
    fn carry<'a>(&'a self, letter: Letter<'a>) -> PortFuture<'a, Reply> {
        Box::pin(async move {
            let host = format!("{:?}", letter.target);
            let host = ["shop", "crm"].into_iter().find(|each| host.contains(each));
            let host = host.unwrap().to_owned();
            let reply = self.next_answer(&host);
            let arrived = (host, letter.headers.id, letter.body);
            self.letters.lock().unwrap().push(arrived);
            self.note_call().await;
            reply
        })
    }
}

impl EndpointBook for World {
    fn health(&self, endpoint: &EndpointName) -> Result<Health, RecordsUnavailable> {
        let book = self.book.lock().unwrap();
        Ok(book.get(endpoint).copied().unwrap_or_default())
    }

    fn note<'a>(
        &'a self,
        endpoint: &'a EndpointName,
        result: Attempted,
        disable_after: Millis,
        now: Timestamp,
    ) -> PortFuture<'a, ()> {
        let change = HealthChange::Attempted {
            result,
            disable_after,
        };
        let mut book = self.book.lock().unwrap();
        let health = book.entry(endpoint.clone()).or_default();
        *health = health.after(&change, now);
        Box::pin(ready(()))
    }
}

pub(crate) fn named(name: &str) -> EndpointName {
    EndpointName::try_new(name).unwrap()
}

fn endpoint(name: &str) -> Endpoint {
    let secret = Secret::new("it", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    Endpoint {
        target: Target::try_new(&format!("https://{name}.test/"), Millis::from_secs(1), &[])
            .unwrap(),
        signer: StandardSigner::try_new(vec![secret]).unwrap(),
        wants: Wants::default(),
    }
}

pub(crate) fn record(settlement: Settlement) -> EventRecord {
    EventRecord {
        key: RecordKey {
            payment_id: "pay_1".into(),
            timestamp: Timestamp::from_millis(5),
        },
        event_key: EventKey {
            source: SourceName::generic(),
            id: EventId::Provider("evt_1".into()),
        },
        amount: Amount::parse("99.90").unwrap(),
        currency: Currency::USD,
        provider_status: "pending".into(),
        meaning: None,
        provider: "stripe".into(),
        received_at: Timestamp::from_millis(4),
        raw_payload: "{}".into(),
        shredded_at: None,
        trace: TraceId::from_bytes([1; 16]).into(),
        settlement,
    }
}

pub(crate) fn processing(execution: &str) -> Settlement {
    Settlement::Processing {
        execution: execution.into(),
        updated_at: Timestamp::from_millis(6),
    }
}

pub(crate) fn completed() -> Settlement {
    Settlement::Completed {
        transaction_id: "txn_before".into(),
        processed_at: Timestamp::from_millis(7),
        updated_at: Timestamp::from_millis(8),
    }
}

pub(crate) fn failed() -> Settlement {
    Settlement::Failed {
        error: "GatewayTimeout".into(),
        cause: "before".into(),
        updated_at: Timestamp::from_millis(8),
    }
}

pub(crate) fn call(input: Value, now: Timestamp) -> TaskCall {
    TaskCall {
        resource: FUNCTION.into(),
        input,
        execution: EXECUTION.into(),
        state: "ProcessPayment".into(),
        branch: String::new(),
        retry_count: 0,
        deadline: now.after(Millis::from_secs(60)),
        trace: TraceId::from_bytes([1; 16]),
    }
}
