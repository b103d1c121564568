//! From the change feed to executions: reads what changed, keeps what the filter matches, and
//! starts one execution for each.
//!
//! The new executions and the cursor are one transaction, so a crash at any point repeats a
//! batch or does not, and an entry that has an execution keeps it.

use std::sync::Arc;

use domain::stream::ChangeKind;
use domain::time::Millis;
use pattern::Pattern;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::{ChangeFeed, DefinitionId, Executions, StartExecution, Unavailable};

/// How long the pipe waits after the store could not serve it.
const PAUSE_AFTER_TROUBLE: Millis = Millis::new(500);

/// The pipe of one workflow.
pub struct Pipe<S> {
    store: Arc<S>,
    filter: Filter,
    definition: DefinitionId,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    batch_max: usize,
}

/// An event pattern, and which kinds of change it can match at all.
#[derive(Debug)]
pub struct Filter {
    pattern: Pattern,
    kinds: [bool; 3],
}

/// What one pass of the pipe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pumped {
    /// The feed was read to its end.
    Dry,
    /// There may be more.
    More,
}

impl<S: ChangeFeed + Executions> Pipe<S> {
    /// A pipe that starts executions of `definition`, which the store must have kept.
    pub fn new(
        store: Arc<S>,
        (filter, definition): (Filter, DefinitionId),
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        batch_max: usize,
    ) -> Self {
        Self {
            store,
            filter,
            definition,
            clock,
            metrics,
            batch_max,
        }
    }

    /// One pass: at most one batch of the feed.
    pub async fn pump_once(&self) -> Result<Pumped, Unavailable> {
        let cursor = self.store.pipe_cursor()?;
        let wanted = |kind| self.filter.may_match(kind);
        let (changes, end) = self.store.read_after(cursor, self.batch_max, &wanted)?;
        if end == cursor {
            return Ok(Pumped::Dry);
        }
        let now = self.clock.now();
        let starts: Vec<_> = changes
            .into_iter()
            // Whose bytes were destroyed before anybody read them is nobody's to process.
            .filter(|change| !change.is_shredded())
            .map(|change| (change.sequence, change.into_stream_record()))
            .filter(|(_, record)| self.filter.pattern.matches(record))
            .map(|(sequence, _)| StartExecution {
                sequence,
                started_at: now,
            })
            .collect();
        let started = starts.len();
        self.store.start_all(starts, self.definition, end).await?;
        self.metrics.executions_started.inc_by(started as u64);
        debug!(started, cursor = end.get(), "the pipe moved on");
        let read = end.get().saturating_sub(cursor.get());
        Ok(if read < self.batch_max as u64 {
            Pumped::Dry
        } else {
            Pumped::More
        })
    }

    /// Pumps until told to stop: whenever the feed's wake-up comes, and once at the beginning
    /// for what came while nobody ran.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.pump_once().await {
                Ok(Pumped::More) => {}
                Ok(Pumped::Dry) => tokio::select! {
                    biased;
                    () = self.store.feed_wakeup().wait() => {}
                    () = stop.cancelled() => {}
                },
                Err(unavailable) => {
                    warn!(%unavailable, "the pipe could not read or write; it will try again");
                    let later = self.clock.now().after(PAUSE_AFTER_TROUBLE);
                    tokio::select! {
                        biased;
                        () = self.clock.sleep_until(later) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
    }
}

impl Filter {
    /// A filter from the text of an event pattern.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, pattern::PatternError> {
        let pattern = Pattern::parse(text)?;
        // Most filters ask for one kind of change; the feed need not even be decoded for the
        // others. Whatever cannot be told from the pattern's face is left to the pattern.
        let names = serde_json::from_str::<serde_json::Value>(text)
            .ok()
            .and_then(|json| {
                json.get("eventName")
                    .and_then(|names| names.as_array().cloned())
            })
            .filter(|names| names.iter().all(serde_json::Value::is_string));
        let may_match = |kind: ChangeKind| {
            names
                .as_ref()
                .is_none_or(|names| names.iter().any(|name| name == kind.event_name()))
        };
        let kinds = [ChangeKind::Insert, ChangeKind::Modify, ChangeKind::Remove].map(may_match);
        Ok(Self { pattern, kinds })
    }

    fn may_match(&self, kind: ChangeKind) -> bool {
        let [insert, modify, remove] = self.kinds;
        match kind {
            ChangeKind::Insert => insert,
            ChangeKind::Modify => modify,
            ChangeKind::Remove => remove,
        }
    }
}

impl<S> std::fmt::Debug for Pipe<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pipe")
            .field("filter", &self.filter)
            .field("batch_max", &self.batch_max)
            .finish_non_exhaustive()
    }
}
