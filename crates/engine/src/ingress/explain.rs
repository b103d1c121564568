//! Says in the log why a delivery was refused, now and then.
//!
//! A diagnosis costs some milliseconds, which a forger could have us spend with every call. So only
//! so many are made each minute; the quarantine tells of every one when somebody looks.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use domain::admit::{Refusal, Refused};
use domain::delivery::RawDelivery;
use domain::diagnosis::{Finding, diagnose};
use domain::signature::SignatureRefusal;
use domain::source::Source;
use domain::time::{Millis, Timestamp};
use tracing::{Span, warn};

/// Most explanations in a row, and the pause that earns one more.
const BURST: u32 = 5;
const PAUSE: Millis = Millis::from_secs(10);

/// Longest body that is explained here, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Most deliveries that wait for their explanation.
const WAITING_MAX: usize = 4;

/// A thread that explains refused deliveries in the log, beside those that answer senders. It ends
/// when the last of these is dropped.
#[derive(Debug, Clone)]
pub struct Explainer {
    waiting: SyncSender<Unexplained>,
    allowance: Arc<Allowance>,
}

struct Unexplained {
    refusal: SignatureRefusal,
    delivery: RawDelivery,
    judged: Source,
    others: Vec<Source>,
    span: Span,
}

impl Explainer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start() -> io::Result<Self> {
        let (waiting, deliveries) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("explain".to_owned());
        thread.spawn(move || explain_all(&deliveries))?;
        Ok(Self {
            waiting,
            allowance: Arc::default(),
        })
    }

    /// Has the refusal explained, if it is one of a signature and its turn.
    pub(super) fn take(&self, refused: &Refused, judged: &Source, known: impl Fn() -> Vec<Source>) {
        let Refusal::Signature(refusal) = refused.refusal else {
            return;
        };
        let delivery = &refused.delivery;
        if delivery.body.len() > BODY_BYTES_MAX || !self.allowance.take(delivery.received_at) {
            return;
        }
        let unexplained = Unexplained {
            refusal,
            delivery: delivery.clone(),
            judged: judged.clone(),
            others: known(),
            span: Span::current(),
        };
        // Nobody waits for it: what finds no room is explained when somebody looks.
        drop(self.waiting.try_send(unexplained));
    }
}

fn explain_all(deliveries: &Receiver<Unexplained>) {
    for unexplained in deliveries {
        let span = unexplained.span.clone();
        span.in_scope(|| explain(&unexplained));
    }
}

/// How many explanations may still be made.
#[derive(Debug, Default)]
struct Allowance(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    made: u32,
    since: Timestamp,
}

impl Allowance {
    /// Takes one, if there is one at `now`.
    fn take(&self, now: Timestamp) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.since(spent.since).get() / PAUSE.get();
        if earned > 0 {
            spent.made = spent
                .made
                .saturating_sub(u32::try_from(earned).unwrap_or(u32::MAX));
            spent.since = now;
        }
        let is_left = spent.made < BURST;
        if is_left {
            spent.made += 1;
        }
        is_left
    }
}

/// Explains a refused signature in the log. Holds no byte of a secret, a signature or a body.
fn explain(unexplained: &Unexplained) {
    let Unexplained {
        refusal,
        delivery,
        judged,
        others,
        span: _,
    } = unexplained;
    let diagnosis = diagnose(*refusal, delivery, judged, others);
    let codes: Vec<&str> = diagnosis.findings.iter().map(Finding::code).collect();
    let said: Vec<String> = diagnosis.findings.iter().map(Finding::to_string).collect();
    warn!(
        source = %judged.name,
        findings = codes.join(","),
        "{}",
        said.join(" ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_one_more_after_each_pause() {
        let allowance = Allowance::default();
        let start = 1_000_000_000;
        let at = |millis: i64| Timestamp::from_millis(start + millis);
        let taken = |millis| (0..20).filter(|_| allowance.take(at(millis))).count();
        assert_eq!(taken(0), 5);
        assert_eq!(taken(9_999), 0);
        assert_eq!(taken(10_000), 1);
        assert_eq!(taken(40_000), 3);
        assert_eq!(taken(10_000_000), 5);
    }
}
