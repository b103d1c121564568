//! What became of each delivery, and whether it should have.

use serde::Serialize;

use super::child::{Answer, Stage};
use super::script::{Delivery, End};
use super::watch;
use crate::cli::output::{Output, Tone};
use crate::view::EventDetailView;

/// What became of one delivery.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    /// What it shows.
    title: &'static str,
    /// The payment it is about.
    payment_id: String,
    /// How it was answered.
    answer: Answer,
    /// The record's status in the end; absent when there is no record of its own.
    status: Option<String>,
    /// How often the gateway was asked.
    attempts: u32,
    /// The error on record.
    error: Option<String>,
    /// Why it ended so.
    why: &'static str,
    /// Whether it ended as it had to.
    pub(super) ok: bool,
    /// How it had to end.
    expected: Expected,
}

#[derive(Debug, Serialize)]
struct Expected {
    answer: Answer,
    end: End,
}

impl Outcome {
    /// Compares what became of a delivery with what had to.
    pub(super) fn judge(
        delivery: &Delivery,
        answer: Answer,
        event: Option<&EventDetailView>,
    ) -> Self {
        let (status, word) = delivery.answer;
        let expected_answer = Answer {
            status,
            word: word.to_owned(),
        };
        let attempts = event.map_or(0, watch::attempts);
        let status = event.map(|event| event.event.status.clone());
        let error = event.and_then(|event| event.event.error.clone());
        let ended_well = match delivery.end {
            End::Completed { attempts: fewest } => {
                status.as_deref() == Some("completed") && attempts >= fewest
            }
            End::Failed {
                attempts: exactly,
                error: name,
            } => {
                status.as_deref() == Some("failed")
                    && attempts == exactly
                    && error.as_deref() == Some(name)
            }
            End::SameAsFirst => status.as_deref() == Some("completed"),
            End::Refused => status.is_none(),
        };
        Self {
            title: delivery.title,
            payment_id: delivery.payment_id(),
            ok: ended_well && answer == expected_answer,
            answer,
            status,
            attempts,
            error,
            why: delivery.why,
            expected: Expected {
                answer: expected_answer,
                end: delivery.end,
            },
        }
    }
}

/// Prints all of them, and where to look further.
pub(super) fn print(output: Output, outcomes: &[Outcome], stage: &Stage) -> anyhow::Result<()> {
    let as_expected = outcomes.iter().filter(|outcome| outcome.ok).count();
    if output.is_json() {
        return output.json(&serde_json::json!({
            "ok": as_expected == outcomes.len(),
            "outcomes": outcomes,
            "configuration": stage.configuration(),
        }));
    }
    let row = |outcome: &Outcome| {
        let (mark, tone) = if outcome.ok {
            ("ok", Tone::Good)
        } else {
            ("NOT OK", Tone::Bad)
        };
        let end = match (&outcome.status, &outcome.error) {
            (Some(status), Some(error)) => format!("{status}: {error}"),
            (Some(status), None) => status.clone(),
            (None, _) => "-".to_owned(),
        };
        [
            output.paint(tone, mark),
            outcome.title.to_owned(),
            format!("{} {}", outcome.answer.status, outcome.answer.word),
            end,
            if outcome.attempts == 0 {
                String::new()
            } else {
                outcome.attempts.to_string()
            },
            outcome.why.to_owned(),
        ]
    };
    let headings = ["", "WHAT WAS SENT", "ANSWER", "PAYMENT", "TRIES", "WHY"];
    output.table(headings, outcomes.iter().map(row).collect());
    let summary = format!("\n{as_expected} of {} as expected.", outcomes.len());
    let tone = if as_expected == outcomes.len() {
        Tone::Good
    } else {
        Tone::Bad
    };
    output.line(output.paint(tone, &summary));
    let configuration = stage.configuration();
    let configuration = configuration.display();
    output.line("\nLook further (the server has stopped; its data is still there):");
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "payhook".to_owned());
    for command in [
        "events list",
        "events show generic/evt_3",
        "executions list --status failed",
        "quarantine list",
    ] {
        output.line(format!("  {program} --config {configuration} {command}"));
    }
    Ok(())
}
