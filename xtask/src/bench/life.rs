//! The whole life of an event: from its webhook to its settlement.

use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::load::{self, histogram, quantiles};
use super::request::Requests;
use super::target::Target;

/// Connections that send, unless a scenario says otherwise.
const CONNECTIONS: usize = 64;

/// Pause between two looks at how many are settled.
const LOOK: Duration = Duration::from_millis(20);

/// Longest time in which nothing is settled before the scenario is given up.
const STALL: Duration = Duration::from_secs(30);

/// How a batch of events fared.
#[derive(Debug)]
pub(super) struct Lived {
    /// Webhooks answered 200 in a second while they were sent.
    pub(super) accepted_per_second: f64,
    /// Events settled in a second, from the first webhook to the last settlement.
    pub(super) settled_per_second: f64,
}

/// Sends `requests` and waits until all of them are settled. `before` executions had succeeded
/// already.
pub(super) fn live(target: &Target, requests: &Rc<Requests>, before: u64) -> Result<Lived> {
    let start = Instant::now();
    let sent = load::closed(target.address, CONNECTIONS, requests, Duration::MAX)?;
    let count = requests.count as u64;
    ensure!(
        sent.accepted() == count,
        "not all were accepted: {:?}",
        sent.statuses
    );
    wait_until_settled(target, before + count)?;
    Ok(Lived {
        accepted_per_second: sent.rate(),
        settled_per_second: requests.count as f64 / start.elapsed().as_secs_f64(),
    })
}

/// Waits until `count` executions have succeeded; one that fails is an error.
pub(super) fn wait_until_settled(target: &Target, count: u64) -> Result<()> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let (succeeded, failed) = target.ended()?;
        ensure!(
            failed == 0,
            "{failed} executions failed, with a gateway that never does"
        );
        if succeeded >= count {
            return Ok(());
        }
        if succeeded > last {
            (last, since) = (succeeded, Instant::now());
        }
        ensure!(
            since.elapsed() < STALL,
            "{succeeded} of {count} settled, and no more for {STALL:?}"
        );
        thread::sleep(LOOK);
    }
}

/// From arrival to settlement, of the newest `count` events, by the server's own clock.
pub(super) fn latency(target: &Target, count: usize) -> Result<Value> {
    let mut latency = histogram()?;
    for event in target.newest_events(count)? {
        let at = |field: &str| -> Result<i64> {
            let text = event[field]
                .as_str()
                .with_context(|| format!("no {field} in {event}"))?;
            Ok(text
                .parse::<Timestamp>()
                .with_context(|| format!("{field} is `{text}`"))?
                .as_millisecond())
        };
        let milliseconds = at("updatedAt")? - at("receivedAt")?;
        latency.saturating_record(u64::try_from(milliseconds)?.max(1) * 1000);
    }
    Ok(json!({"events": latency.len(), "latency_ms": quantiles(&latency)}))
}
