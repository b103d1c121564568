//! One round of telling endpoints what became of a payment: each that is due is tried once.
//!
//! Input: `status` and `updatedAt`, the attributes of the change that is told, `progress`, what
//! the round before has said (`{}` before the first), and `redriveCount` from the context object.
//! Result: the [`Progress`]. The round is made beside the payment: it records nothing, and when
//! something else has become of the payment since, nobody is told of what is no longer so.

use domain::notification::{News, Outcome};
use domain::task::TaskFailure;
use domain::time::Timestamp;
use serde_json::Value;

use super::{Done, Job};
use crate::failure;
use crate::notify::progress::{DeliveryState, Progress};
use crate::notify::{Notifier, Occasion};

pub(super) const REACHES_OUTSIDE: bool = true;

/// How long before the attempt's own end its letters are given up, in milliseconds: a round that is
/// cut off is made again, and those who have it are sent it again.
const SLACK_MS: i64 = 1_000;

pub(super) async fn run<G>(job: Job<'_>, _gateway: &G) -> Result<Done, TaskFailure> {
    let count = job.input.get("redriveCount").and_then(Value::as_u64);
    let count = count.unwrap_or_default();
    let told = told(job.input.get("progress"))?;
    let news = News::of(&job.record.settlement).filter(|news| is_asked_for(job.input, *news));
    let progress = match (news, job.notifier) {
        (Some(news), Some(notifier)) => {
            let told = told.unwrap_or_else(|| begin(&job, notifier, news.outcome, count));
            // A person who lets it go on wants it to be tried now.
            let is_asked_for_now = count > told.redrive_count;
            let told = told.taken_up(count, job.now);
            round(&job, notifier, told, is_asked_for_now).await?
        }
        (Some(_), None) => unconfigured(told.unwrap_or_else(|| Progress::nobody(count)), &job),
        (None, _) => told.unwrap_or_else(|| Progress::nobody(count)).superseded(),
    };
    let output = serde_json::to_value(progress);
    let output = output.map_err(|_| failure::internal_error())?;
    Ok(Done {
        output,
        change: None,
    })
}

/// What the round before has said; `None` before the first.
fn told(progress: Option<&Value>) -> Result<Option<Progress>, TaskFailure> {
    let empty = |value: &&Value| {
        value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
    };
    let Some(value) = progress.filter(|value| !empty(value)) else {
        return Ok(None);
    };
    serde_json::from_value(value.clone()).map(Some).map_err(|_| {
        let cause = "the progress is not what send_notifications has said";
        failure::failed(failure::INVALID_EVENT, cause)
    })
}

/// Whether this end of the payment is the one that the input names. Without a name it is.
fn is_asked_for(input: &Value, news: News) -> bool {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    text("status").is_none_or(|status| Outcome::of_status(status) == Some(news.outcome))
        && text("updatedAt").is_none_or(|at| at == news.at.to_iso())
}

fn begin(job: &Job<'_>, notifier: &Notifier, outcome: Outcome, redrive_count: u64) -> Progress {
    let source = &job.record.event_key.source;
    let wanting = notifier
        .endpoints()
        .iter()
        .filter(|(_, endpoint)| endpoint.wants.includes(source, outcome))
        .map(|(name, _)| name.clone());
    let schedule = &notifier.manner().schedule;
    Progress::begin(wanting, schedule, redrive_count, job.now)
}

/// No endpoint is configured any more.
fn unconfigured(mut told: Progress, job: &Job<'_>) -> Progress {
    let names: Vec<_> = told.endpoints.keys().cloned().collect();
    for name in names {
        let is_told = told.endpoints.get(&name).map(|each| each.state);
        if is_told != Some(DeliveryState::Delivered) {
            told.given_up(&name, DeliveryState::Removed);
        }
    }
    told.concluded(job.now)
}

async fn round(
    job: &Job<'_>,
    notifier: &Notifier,
    mut progress: Progress,
    is_asked_for_now: bool,
) -> Result<Progress, TaskFailure> {
    let (mut well, mut failing) = (Vec::new(), Vec::new());
    for name in progress.due(job.now) {
        if !notifier.endpoints().contains_key(&name) {
            progress.given_up(&name, DeliveryState::Removed);
            continue;
        }
        let health = notifier.health(&name);
        let health = health.map_err(|unavailable| failure::records_unavailable(&unavailable))?;
        if health.disabled.is_some() {
            progress.given_up(&name, DeliveryState::Disabled);
        } else if !is_asked_for_now
            && let Some(until) = notifier.rests_until(&name, health, job.now)
        {
            progress.rested(&name, until, job.now);
        } else if health.failing_since.is_some() {
            failing.push(name);
        } else {
            well.push(name);
        }
    }
    if well.is_empty() && failing.is_empty() {
        return Ok(progress.concluded(job.now));
    }
    let Some(mut round) = notifier.begin_round() else {
        well.append(&mut failing);
        progress.put_off(&well, job.now);
        return Ok(progress.concluded(job.now));
    };
    let (mut probed, busy): (Vec<_>, Vec<_>) = failing.into_iter().partition(|name| round.probe(name));
    progress.put_off(&busy, job.now);
    let mut callable = well;
    callable.append(&mut probed);
    let deadline = job.call.deadline.as_millis().saturating_sub(SLACK_MS);
    let deadline = Timestamp::from_millis(deadline);
    let attempts = |name| progress.endpoints.get(name).map_or(0, |each| each.attempts);
    let calls = callable.iter().map(|name| {
        let occasion = Occasion {
            by: job.execution,
            attempts: attempts(name),
            now: job.now,
            deadline,
        };
        notifier.tell(&job.record, name, occasion)
    });
    let replies = futures_util::future::join_all(calls).await;
    for (name, reply) in callable.iter().zip(replies) {
        if let Some(reply) = reply {
            progress.attempted(name, reply, &notifier.manner().schedule, job.now);
        }
    }
    Ok(progress.concluded(job.now))
}
