//! The load generator: HTTP/1.1 over loopback, one thread, requests made beforehand.
//!
//! *Closed*: every connection sends as soon as it was answered; shows what can be carried.
//! *Open*: requests are due at fixed times, whatever the server does, and latency counts from
//! the time when a request was due, so that a stall is charged with everyone it kept waiting
//! (no coordinated omission).

mod connection;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinSet, LocalSet};

use self::connection::Connection;
use super::request::Requests;

/// Longest latency that is told from longer ones, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;

/// What came of a load.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Answers by status; 0 stands for a connection that broke.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// From the first request to the last answer.
    pub(super) took: Duration,
    /// Of answers with status 200, in microseconds.
    latency: Histogram<u64>,
}

impl Outcome {
    /// Answers with status 200.
    pub(super) fn accepted(&self) -> u64 {
        self.statuses.get(&200).copied().unwrap_or_default()
    }

    /// Accepted webhooks in a second.
    pub(super) fn rate(&self) -> f64 {
        self.accepted() as f64 / self.took.as_secs_f64()
    }

    /// For the results.
    pub(super) fn json(&self) -> Value {
        let others: BTreeMap<_, _> = self
            .statuses
            .iter()
            .filter(|(status, _)| **status != 200)
            .map(|(status, count)| (status.to_string(), *count))
            .collect();
        json!({
            "accepted": self.accepted(),
            "other_answers": others,
            "seconds": self.took.as_secs_f64(),
            "per_second": self.rate(),
            "latency_ms": quantiles(&self.latency),
        })
    }
}

/// A histogram for microseconds.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).context("a histogram")
}

/// The usual quantiles of a histogram of microseconds, in milliseconds.
pub(super) fn quantiles(histogram: &Histogram<u64>) -> Value {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99_9": at(0.999),
           "max": histogram.max() as f64 / 1000.0})
}

/// What all connections of a load share.
struct Shared {
    address: SocketAddr,
    requests: Rc<Requests>,
    latency: RefCell<Histogram<u64>>,
    statuses: RefCell<BTreeMap<u16, u64>>,
}

impl Shared {
    fn new(address: SocketAddr, requests: &Rc<Requests>) -> Result<Rc<Self>> {
        Ok(Rc::new(Self {
            address,
            requests: Rc::clone(requests),
            latency: RefCell::new(histogram()?),
            statuses: RefCell::default(),
        }))
    }

    /// Sends one request; a broken connection is counted and replaced.
    async fn send(&self, connection: &mut Connection, index: usize, due: Instant) -> Result<()> {
        let status = match connection.exchange(self.requests.get(index)).await {
            Ok(status) => status,
            Err(_) => {
                *connection = Connection::open(self.address).await?;
                0
            }
        };
        *self.statuses.borrow_mut().entry(status).or_default() += 1;
        if status == 200 {
            let latency = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latency.borrow_mut().saturating_record(latency.max(1));
        }
        Ok(())
    }

    fn outcome(&self, took: Duration) -> Outcome {
        let latency = self.latency.borrow().clone();
        Outcome {
            statuses: self.statuses.borrow().clone(),
            took,
            latency,
        }
    }
}

/// Sends as fast as `connections` are answered, until `requests` are used up or `limit` passes.
pub(super) fn closed(
    address: SocketAddr,
    connections: usize,
    requests: &Rc<Requests>,
    limit: Duration,
) -> Result<Outcome> {
    let shared = Shared::new(address, requests)?;
    let next = Rc::new(Cell::new(0_usize));
    on_one_thread(async move {
        let opened = open_all(address, connections).await?;
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for mut connection in opened {
            let (shared, next) = (Rc::clone(&shared), Rc::clone(&next));
            clients.spawn_local(async move {
                while next.get() < shared.requests.count && start.elapsed() < limit {
                    let index = next.replace(next.get() + 1);
                    shared.send(&mut connection, index, Instant::now()).await?;
                }
                anyhow::Ok(())
            });
        }
        finish(clients).await?;
        Ok(shared.outcome(start.elapsed()))
    })
}

/// Sends all of `requests`, one every `1 / rate` seconds, over at most `connections` at a time.
pub(super) fn open(
    address: SocketAddr,
    connections: usize,
    requests: &Rc<Requests>,
    rate: u32,
) -> Result<Outcome> {
    let shared = Shared::new(address, requests)?;
    let count = requests.count;
    on_one_thread(async move {
        let opened = open_all(address, connections).await?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let receiver = Rc::new(Mutex::new(receiver));
        let start = Instant::now();
        // A thread sleeps to a tenth of a millisecond, the runtime's timer to a whole one.
        let pacer = std::thread::spawn(move || pace(start, count, rate, &sender));
        let mut clients = JoinSet::new();
        for mut connection in opened {
            let (shared, receiver) = (Rc::clone(&shared), Rc::clone(&receiver));
            clients.spawn_local(async move {
                loop {
                    let due = receiver.lock().await.recv().await;
                    let Some((index, due)) = due else {
                        return anyhow::Ok(());
                    };
                    shared.send(&mut connection, index, due).await?;
                }
            });
        }
        finish(clients).await?;
        let paced = pacer.join();
        anyhow::ensure!(paced.is_ok(), "the pacer died");
        Ok(shared.outcome(start.elapsed()))
    })
}

fn pace(start: Instant, count: usize, rate: u32, to: &mpsc::UnboundedSender<(usize, Instant)>) {
    for index in 0..count {
        let due = start + Duration::from_secs_f64(index as f64 / f64::from(rate));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.send((index, due)).is_err() {
            return;
        }
    }
}

async fn open_all(address: SocketAddr, connections: usize) -> Result<Vec<Connection>> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    Ok(opened)
}

async fn finish(mut clients: JoinSet<Result<()>>) -> Result<()> {
    while let Some(client) = clients.join_next().await {
        client.context("a client died")??;
    }
    Ok(())
}

fn on_one_thread<T>(load: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, load)
}

#[cfg(test)]
mod tests;
