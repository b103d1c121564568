//! Watches the demo's events until each has come to rest.

use std::time::Duration;

use anyhow::bail;
use engine::store::ExecutionStatus;
use indicatif::ProgressBar;
use serde_json::Value;

use super::script::{Delivery, End};
use crate::access::{Access, Purpose};
use crate::config::Config;
use crate::view::EventDetailView;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What the event of a delivery has come to; `None` for a delivery without one.
pub(super) async fn until_rest(
    config: &Config,
    deliveries: &[Delivery],
    progress: &ProgressBar,
    timeout: Duration,
) -> anyhow::Result<Vec<Option<EventDetailView>>> {
    let access = Access::open(config, Purpose::Look).await?;
    let deadline = tokio::time::Instant::now() + timeout;
    loop {
        let mut ends = Vec::new();
        let mut waiting = Vec::new();
        for delivery in deliveries {
            let end = match (delivery.end, delivery.event_key()) {
                (End::Refused, _) | (_, None) => None,
                (_, Some(key)) => access.event(&key, false).await.ok(),
            };
            let running = end.as_ref().is_some_and(|event| {
                event
                    .event
                    .execution
                    .is_none_or(|status| status == ExecutionStatus::Running)
            });
            if running {
                waiting.push(delivery.payment_id());
            }
            ends.push(end);
        }
        if waiting.is_empty() {
            return Ok(ends);
        }
        progress.set_message(format!("waiting for {}", waiting.join(", ")));
        if tokio::time::Instant::now() >= deadline {
            bail!(
                "not at rest after {} s: {}",
                timeout.as_secs(),
                waiting.join(", ")
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How often the gateway's task was tried, by the execution's history.
pub(super) fn attempts(event: &EventDetailView) -> u32 {
    let Some(execution) = &event.execution else {
        return 0;
    };
    let mut in_task = false;
    let mut attempts = 0;
    for event in &execution.events {
        let kind = event
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match kind {
            "TaskStateEntered" => {
                in_task = event.pointer("/stateEnteredEventDetails/name")
                    == Some(&Value::String("ProcessPayment".to_owned()));
            }
            "LambdaFunctionScheduled" if in_task => attempts += 1,
            _ => {}
        }
    }
    attempts
}
