//! What is measured, one function a scenario, in the order in which they run.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::disk;
use super::life::{self, Lived};
use super::load;
use super::request::Requests;
use super::target::{Mode, Target, folder_bytes};

/// What every scenario is given.
#[derive(Debug)]
pub(super) struct Bench {
    /// The measured binary.
    pub(super) binary: PathBuf,
    /// An empty folder on the measured disk.
    pub(super) folder: PathBuf,
    /// Seconds of each load.
    pub(super) seconds: u64,
    /// Most events in a store.
    pub(super) stored: u64,
}

impl Bench {
    fn start(&self, name: &str, mode: Mode) -> Result<Target> {
        Target::start(&self.binary, &self.folder.join(name), mode)
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Enough requests for a load of `rate` a second.
    fn requests(&self, first: u64, rate: u64) -> Result<Rc<Requests>> {
        Ok(Rc::new(Requests::new(
            first,
            usize::try_from(rate * self.seconds)?,
        )))
    }
}

/// One scenario.
#[derive(Debug)]
pub(super) struct Scenario {
    /// What `--only` and the results call it.
    pub(super) name: &'static str,
    /// What it measures.
    pub(super) what: &'static str,
    /// Measures it.
    pub(super) run: fn(&Bench) -> Result<Value>,
}

/// Every scenario.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "disk",
        what: "4 KiB overwrite and fdatasync on this disk",
        run: disk,
    },
    Scenario {
        name: "ceiling",
        what: "the same handler without a store, 64 connections",
        run: ceiling,
    },
    Scenario {
        name: "accept",
        what: "durable accepts at 1, 64 and 256 connections, nothing after custody",
        run: accept,
    },
    Scenario {
        name: "open",
        what: "1,000 webhooks/s, open loop, with their whole life",
        run: open,
    },
    Scenario {
        name: "life",
        what: "webhook to settlement, gateway latency 0, 64 connections; memory; disk space",
        run: whole_life,
    },
    Scenario {
        name: "stored",
        what: "throughput with ever more settled events in the store, and start-up with all",
        run: stored,
    },
];

/// Requests a second that no server on one machine has passed: loads end by the clock.
const RATE_MAX: u64 = 100_000;

fn disk(bench: &Bench) -> Result<Value> {
    disk::fdatasync(&bench.folder)
}

fn ceiling(bench: &Bench) -> Result<Value> {
    let target = bench.start("ceiling", Mode::NoStore)?;
    let load = load::closed(
        target.address,
        64,
        &bench.requests(0, RATE_MAX)?,
        bench.limit(),
    )?;
    target.stop()?;
    Ok(load.json())
}

fn accept(bench: &Bench) -> Result<Value> {
    let mut results = Map::new();
    for connections in [1, 64, 256] {
        let name = format!("accept-{connections}");
        let target = bench.start(&name, Mode::CustodyOnly)?;
        let requests = bench.requests(0, RATE_MAX / 2)?;
        let load = load::closed(target.address, connections, &requests, bench.limit())?;
        let mut result = load.json();
        let microseconds = target.processor_seconds()? * 1e6;
        result["server_cpu_us_per_event"] = json!(microseconds / load.accepted().max(1) as f64);
        results.insert(connections.to_string(), result);
        target.stop()?;
    }
    Ok(Value::Object(results))
}

fn open(bench: &Bench) -> Result<Value> {
    let target = bench.start("open", Mode::WholeLife)?;
    let requests = bench.requests(0, 1000)?;
    let load = load::open(target.address, 256, &requests, 1000)?;
    life::wait_until_settled(&target, load.accepted())?;
    let mut result = load.json();
    result["webhook_to_settled"] = life::latency(&target, 500)?;
    target.stop()?;
    Ok(result)
}

fn whole_life(bench: &Bench) -> Result<Value> {
    let target = bench.start("life", Mode::WholeLife)?;
    let idle = target.resident_bytes()?;
    // A first batch tells how many make a load of the asked length.
    let Lived {
        settled_per_second, ..
    } = life::live(&target, &batch(0, 5000), 0)?;
    let count = (settled_per_second * bench.seconds as f64) as usize;
    let Lived {
        accepted_per_second,
        settled_per_second,
    } = life::live(&target, &batch(5000, count), 5000)?;
    let settled = count as u64 + 5000;
    let loaded = target.resident_bytes()?;
    let cpu = target.processor_seconds()? * 1e6 / settled as f64;
    let data = target.data.clone();
    target.stop()?;
    Ok(json!({
        "events": count,
        "accepted_per_second": accepted_per_second,
        "settled_per_second": settled_per_second,
        "server_cpu_us_per_event": cpu,
        "resident_mb_idle": megabytes(idle),
        "resident_mb_after_load": megabytes(loaded),
        "disk_bytes_per_settled_event": folder_bytes(&data)? as f64 / settled as f64,
    }))
}

/// Events that throughput is measured with at each level.
const PROBE: u64 = 20_000;

/// Events that are sent and settled at a time while a store is filled.
const FILL: u64 = 100_000;

fn stored(bench: &Bench) -> Result<Value> {
    let mut target = bench.start("stored", Mode::WholeLife)?;
    let mut events = 0;
    let mut levels = Map::new();
    for level in [10_000, 100_000, 1_000_000] {
        if level > bench.stored {
            break;
        }
        while events < level {
            let next = FILL.min(level - events);
            life::live(&target, &batch(events, usize::try_from(next)?), events)?;
            events += next;
        }
        let lived = life::live(&target, &batch(events, usize::try_from(PROBE)?), events)?;
        events += PROBE;
        levels.insert(
            level.to_string(),
            json!({
                "accepted_per_second": lived.accepted_per_second,
                "settled_per_second": lived.settled_per_second,
                "resident_mb": megabytes(target.resident_bytes()?),
            }),
        );
    }
    target.stop()?;
    target = bench.start("stored", Mode::WholeLife)?;
    let result = json!({
        "levels": levels,
        "events": events,
        "ready_after_ms": target.ready_after.as_secs_f64() * 1000.0,
        "resident_mb_ready": megabytes(target.resident_bytes()?),
    });
    target.stop()?;
    Ok(result)
}

fn batch(first: u64, count: usize) -> Rc<Requests> {
    Rc::new(Requests::new(first, count))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
