//! What must be true, whatever happened. Judges from outside: by what senders were told, what
//! the gateway did, and what the store shows; never by what the product thinks of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use asl::history::HistoryEvent;
use bytes::Bytes;
use domain::delivery::{BodyHash, HeaderValue};
use domain::event::EventKeyDigest;
use domain::settlement::Settlement;
use domain::source::SourceName;
use domain::stream::{Change, ChangeKind};
use engine::journal::{self, Step};
use engine::store::{EventDetail, ExecutionDetail, ExecutionStatus};
use engine::workflow::{Course, Workflow};
use processor::gateway::simulated::LedgerEntry;
use serde_json::Value;

use super::Which;
use super::bank::Call;
use super::process::Answer;
use super::workload::{Delivery, Kind, sign};
use crate::deliveries::SECRET;
use crate::observed::Observed;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise, in a word or two.
    pub rule: &'static str,
    /// What was found instead.
    pub what: String,
}

/// What senders did and were told.
#[derive(Debug, Default)]
pub struct Promises {
    /// For each event, what the first 200 said.
    first: BTreeMap<EventKeyDigest, String>,
    /// Every 200: which event, which bytes, and with which outcome.
    kept: Vec<(EventKeyDigest, Bytes, String)>,
    /// Genuine bodies that were sent at all, by event.
    sent: BTreeMap<EventKeyDigest, BTreeSet<Bytes>>,
    /// How often each body that must be refused was sent, by source.
    refusable: BTreeMap<(SourceName, BodyHash), u64>,
}

/// Everything that there is to judge by when all is at rest.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Which workflow ran.
    pub workflow: Which,
    /// What the store shows.
    pub observed: &'a Observed,
    /// What the gateway did.
    pub ledger: Vec<LedgerEntry>,
    /// What the gateway was asked.
    pub calls: Vec<Call>,
    /// What senders were told.
    pub promises: &'a Promises,
    /// How often the store said that it has set a body apart.
    pub quarantined: BTreeMap<(SourceName, BodyHash), u64>,
}

/// What a check says.
pub type Judged = Result<(), Violation>;

impl Promises {
    /// A delivery is on its way.
    pub fn sending(&mut self, delivery: &Delivery) {
        match delivery.kind {
            Kind::Genuine { event } => {
                let sent = self.sent.entry(event).or_default();
                sent.insert(delivery.body.clone());
            }
            Kind::Forged(..) | Kind::Nonsense(..) => {
                let source = delivery.path.strip_prefix("/webhooks/");
                let source = SourceName::try_new(source.unwrap_or("generic")).expect("a source");
                let key = (source, delivery.body_hash());
                *self.refusable.entry(key).or_default() += 1;
            }
            Kind::Misdirected(..) => {}
        }
    }

    /// A sender was told something. Says whether it will not try again.
    ///
    /// # Errors
    /// When it is not what such a delivery must be told.
    pub fn told(&mut self, delivery: &Delivery, answer: &Answer) -> Result<bool, Violation> {
        let odd = || violation("answer", format!("{:?} was told {answer:?}", delivery.kind));
        let code = serde_json::from_str::<Value>(&answer.body)
            .ok()
            .and_then(|body| Some(body.get("code")?.as_str()?.to_owned()))
            .unwrap_or_default();
        match (delivery.kind, answer.status) {
            (Kind::Genuine { event }, 200) => self.promised(event, delivery, answer).map(|()| true),
            (_, 503) if ["intake_full", "store_unavailable"].contains(&&*code) => Ok(false),
            (
                Kind::Forged(status, word)
                | Kind::Nonsense(status, word)
                | Kind::Misdirected(status, word),
                told,
            ) if told == status && code == word => Ok(true),
            (
                Kind::Genuine { .. }
                | Kind::Forged(..)
                | Kind::Nonsense(..)
                | Kind::Misdirected(..),
                _,
            ) => Err(odd()),
        }
    }

    fn promised(&mut self, event: EventKeyDigest, delivery: &Delivery, answer: &Answer) -> Judged {
        let first = self
            .first
            .entry(event)
            .or_insert_with(|| answer.body.clone());
        ensure(*first == answer.body, "first answer", || {
            format!("{event} was first told {first}, and now {}", answer.body)
        })?;
        let outcome = answer.outcome.clone().unwrap_or_default();
        let stored_before = |(kept, _, outcome): &(EventKeyDigest, Bytes, String)| {
            *kept == event && outcome == "stored"
        };
        ensure(
            outcome != "stored" || !self.kept.iter().any(stored_before),
            "stored once",
            || format!("{event} was said to be new twice"),
        )?;
        self.kept.push((event, delivery.body.clone(), outcome));
        Ok(())
    }

    /// The events that somebody was promised.
    pub fn events(&self) -> impl Iterator<Item = &EventKeyDigest> {
        self.first.keys()
    }
}

/// Judges a world at rest.
///
/// # Errors
/// The first promise that was broken.
pub fn judge(evidence: &Evidence<'_>) -> Judged {
    let observed = evidence.observed;
    let events: BTreeMap<EventKeyDigest, &EventDetail> = observed
        .events
        .iter()
        .map(|event| (event.summary.record.event_key.digest(), event))
        .collect();
    ensure(events.len() == observed.events.len(), "once", || {
        "two records have the same event key".to_owned()
    })?;
    promises_are_kept(evidence.promises, &events)?;
    for (digest, event) in &events {
        claim_is_genuine(evidence.promises, digest, event)?;
        feed_tells_the_record(event)?;
    }
    feed_is_whole(&observed.feed)?;
    every_insert_has_one_execution(evidence)?;
    let workflow = Workflow::parse(evidence.workflow.text()).expect("a workflow");
    for execution in &observed.executions {
        execution_is_its_history(&workflow, execution)?;
        ends_agree(evidence.workflow, execution)?;
    }
    gateway_acted_once(evidence, &events)?;
    quarantine_holds_what_was_refused(evidence)?;
    counts_agree(observed)
}

fn promises_are_kept(
    promises: &Promises,
    events: &BTreeMap<EventKeyDigest, &EventDetail>,
) -> Judged {
    for (event, body, outcome) in &promises.kept {
        let Some(detail) = events.get(event) else {
            return Err(violation(
                "custody",
                format!("{event} got a 200 and is not there"),
            ));
        };
        let record = &detail.summary.record;
        let is_first = record.raw_payload == *body;
        let conflict = detail.conflicts.iter().any(|other| other.body == *body);
        let holds = match outcome.as_str() {
            "stored" | "duplicate" => is_first,
            "conflict" => !is_first && conflict,
            _ => false,
        };
        ensure(holds, "custody", || {
            format!("{event} was answered {outcome:?}, and its bytes are not kept so")
        })?;
    }
    for (event, said) in &promises.first {
        let said: Value = serde_json::from_str(said).unwrap_or_default();
        let key = &events[event].summary.record.key;
        let holds =
            said["paymentId"] == *key.payment_id && said["timestamp"] == key.timestamp.as_millis();
        ensure(holds, "first answer", || {
            format!("{event} was told {said}, and is {key:?}")
        })?;
    }
    Ok(())
}

/// The key was claimed by bytes that a genuine sender has sent under a genuine signature.
fn claim_is_genuine(promises: &Promises, digest: &EventKeyDigest, event: &EventDetail) -> Judged {
    let record = &event.summary.record;
    let sent = promises.sent.get(digest);
    let mut bodies = event.conflicts.iter().map(|conflict| &conflict.body);
    let genuine = |body| sent.is_some_and(|sent| sent.contains(body));
    ensure(
        genuine(&record.raw_payload) && bodies.all(genuine),
        "claim",
        || {
            format!(
                "{} is claimed by bytes that nobody genuine sent",
                record.event_key
            )
        },
    )?;
    let signature = sign(SECRET, &record.raw_payload);
    let kept = event.headers.one("x-webhook-signature");
    ensure(
        kept == HeaderValue::Once(signature.as_bytes()),
        "claim",
        || {
            format!(
                "{} is kept with a signature that proves nothing",
                record.event_key
            )
        },
    )?;
    let others: BTreeSet<_> = event
        .conflicts
        .iter()
        .map(|other| other.body_hash)
        .collect();
    ensure(others.len() == event.conflicts.len(), "conflicts", || {
        format!("{} has one conflict twice", record.event_key)
    })
}

fn feed_tells_the_record(event: &EventDetail) -> Judged {
    let record = &event.summary.record;
    let mut image: Option<&Value> = None;
    for change in &event.changes {
        let expected = if image.is_none() {
            ChangeKind::Insert
        } else {
            ChangeKind::Modify
        };
        let chains = change.old_image.as_ref() == image && change.kind == expected;
        ensure(chains, "feed", || {
            format!(
                "entry {} does not follow from the one before",
                change.sequence.get()
            )
        })?;
        image = change.new_image.as_ref();
    }
    ensure(image == Some(&record.image()), "feed", || {
        format!(
            "the feed ends with {image:?}, and the record is {:?}",
            record.image()
        )
    })
}

fn feed_is_whole(feed: &[Change]) -> Judged {
    for (number, change) in (1..).zip(feed) {
        ensure(change.sequence.get() == number, "feed", || {
            format!("entry {number} is missing")
        })?;
    }
    Ok(())
}

fn every_insert_has_one_execution(evidence: &Evidence<'_>) -> Judged {
    let observed = evidence.observed;
    let inserted = observed
        .feed
        .iter()
        .filter(|change| change.kind == ChangeKind::Insert)
        .map(|change| change.sequence);
    let started = observed
        .executions
        .iter()
        .map(|execution| execution.summary.sequence);
    let (inserted, mut started): (Vec<_>, Vec<_>) = (inserted.collect(), started.collect());
    started.sort_unstable();
    ensure(inserted == started, "one execution", || {
        format!("inserted {inserted:?}, started {started:?}")
    })
}

fn execution_is_its_history(workflow: &Workflow, execution: &ExecutionDetail) -> Judged {
    let name = execution.change.execution_name();
    let summary = &execution.summary;
    let steps: Result<Vec<_>, _> = execution
        .steps
        .iter()
        .map(|step| Step::decode(&step.text))
        .collect();
    let course = Course::new(
        workflow.definition.clone(),
        execution.change.clone(),
        summary.started_at,
    );
    let (Ok(steps), Some(snapshot)) = (steps, &execution.snapshot) else {
        return Err(violation("history", format!("{name} cannot be read")));
    };
    let (replayed, history) = course
        .history(&steps)
        .map_err(|misfit| violation("history", format!("{name}: {misfit}")))?;
    let kept = journal::decode_snapshot(snapshot).ok();
    ensure(kept.as_ref() == Some(&replayed), "history", || {
        format!("{name} is kept as {kept:?}, and its steps come to {replayed:?}")
    })?;
    let status = ExecutionStatus::from(replayed.status());
    ensure(status == summary.status, "history", || {
        format!(
            "{name} is kept as {:?}, and its steps end {status:?}",
            summary.status
        )
    })?;
    let numbered = (1..)
        .zip(&history)
        .all(|(id, event): (u32, &HistoryEvent)| event.id == id && event.previous_event_id < id);
    let counted = replayed.event_count() as usize == history.len();
    ensure(numbered && counted, "history", || {
        format!("{name} has a gap in its history")
    })?;
    let rests = (status == ExecutionStatus::Running) == summary.due_at.is_some();
    ensure(rests, "history", || {
        format!("{name} is {status:?}, due {:?}", summary.due_at)
    })
}

/// The execution and its record came to the same end.
fn ends_agree(workflow: Which, execution: &ExecutionDetail) -> Judged {
    let summary = &execution.summary;
    let settlement = &summary.record.settlement;
    let agree = match (summary.status, settlement) {
        (ExecutionStatus::Succeeded, Settlement::Completed { .. }) => true,
        // The seed's workflow records no failure; an operator's stop is recorded all the same.
        (ExecutionStatus::Failed, Settlement::Failed { error, .. }) => {
            workflow == Which::Shipped || error == "Operator.Stopped"
        }
        // The seed's workflow has no state that records a failure.
        (ExecutionStatus::Failed, Settlement::Received) => workflow == Which::Seeds,
        _ => false,
    };
    ensure(agree, "rest", || {
        let name = execution.change.execution_name();
        format!("{name} is {:?}, its record {settlement:?}", summary.status)
    })
}

fn gateway_acted_once(
    evidence: &Evidence<'_>,
    events: &BTreeMap<EventKeyDigest, &EventDetail>,
) -> Judged {
    let mut effects: BTreeMap<&str, Vec<&LedgerEntry>> = BTreeMap::new();
    for entry in &evidence.ledger {
        effects.entry(&entry.event_key).or_default().push(entry);
    }
    let mut keys = BTreeMap::new();
    for call in &evidence.calls {
        let event = EventKeyDigest::of_text(&call.event_key);
        let Some(record) = events.get(&event).map(|event| &event.summary.record) else {
            let what = format!("the gateway was asked for {}, unknown", call.event_key);
            return Err(violation("gateway", what));
        };
        let key = keys.entry(event).or_insert(&call.idempotency_key);
        ensure(*key == &call.idempotency_key, "same key", || {
            format!("{} was asked for under two keys", call.event_key)
        })?;
        let amount = format!("{} {}", record.amount, record.currency.code());
        ensure(call.amount == amount, "gateway", || {
            format!(
                "{} is {amount}, and {} was asked for",
                call.event_key, call.amount
            )
        })?;
    }
    for event in events.values() {
        let record = &event.summary.record;
        let text = record.event_key.to_string();
        let effects = effects.remove(&*text).unwrap_or_default();
        let holds = match &record.settlement {
            Settlement::Completed {
                transaction_id,
                processed_at,
                ..
            } => {
                effects.len() == 1 && {
                    let receipt = &effects[0].receipt;
                    receipt.transaction_id == *transaction_id
                        && receipt.processed_at == *processed_at
                }
            }
            Settlement::Failed { error, .. } if error == "PaymentDeclined" => effects.is_empty(),
            // Whoever gave up after answers were lost does not know; but never two.
            Settlement::Failed { .. } | Settlement::Received | Settlement::Processing { .. } => {
                effects.len() <= 1
            }
        };
        ensure(holds, "one effect", || {
            format!("{text} is {:?}, and had {effects:?}", record.settlement)
        })?;
    }
    ensure(effects.is_empty(), "one effect", || {
        format!("money moved for nothing: {effects:?}")
    })
}

fn quarantine_holds_what_was_refused(evidence: &Evidence<'_>) -> Judged {
    let mut said = evidence.quarantined.clone();
    for (summary, _) in &evidence.observed.quarantined {
        let key = (summary.source.clone(), summary.body_hash);
        let most = evidence.promises.refusable.get(&key).copied().unwrap_or(0);
        let least = said.remove(&key).unwrap_or(0);
        ensure(
            (least..=most).contains(&summary.count),
            "quarantine",
            || {
                format!(
                    "{} stand for {key:?}; {least} to {most} came",
                    summary.count
                )
            },
        )?;
    }
    ensure(said.is_empty(), "quarantine", || {
        format!("set apart and gone: {said:?}")
    })
}

fn counts_agree(observed: &Observed) -> Judged {
    let counts = &observed.counts;
    let of = |wanted: &dyn Fn(ExecutionStatus) -> bool| {
        let executions = observed.executions.iter();
        executions
            .filter(|each| wanted(each.summary.status))
            .count() as u64
    };
    let conflicts: usize = observed
        .events
        .iter()
        .map(|event| event.conflicts.len())
        .sum();
    for (what, counted, there) in [
        ("events", counts.events, observed.events.len() as u64),
        ("running", counts.running, 0),
        (
            "succeeded",
            counts.succeeded,
            of(&|status| status == ExecutionStatus::Succeeded),
        ),
        (
            "dead letters",
            counts.dead_letters,
            of(&|status| status == ExecutionStatus::Failed),
        ),
        (
            "quarantined",
            counts.quarantined,
            observed.quarantined.len() as u64,
        ),
        ("conflicts", counts.conflicts, conflicts as u64),
        ("feed lag", counts.feed_lag, 0),
    ] {
        ensure(counted == there, "counts", || {
            format!("{counted} {what} counted, {there} there")
        })?;
    }
    Ok(())
}

/// A violation.
pub fn violation(rule: &'static str, what: String) -> Violation {
    Violation { rule, what }
}

fn ensure(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Judged {
    if holds {
        Ok(())
    } else {
        Err(violation(rule, what()))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}] {}", self.rule, self.what)
    }
}
