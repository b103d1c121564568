//! The verdict as text and as JSON. The names in the JSON are part of the product.

use domain::admit::Refusal;
use domain::delivery::RawDelivery;
use domain::diagnosis::Diagnosis;
use domain::event::PaymentEvent;
use domain::signature::ProofKind;
use engine::store::QuarantineReason;
use serde::Serialize;

use super::Verdict;
use crate::cli::output::{Output, Tone};
use crate::view::{FindingView, MeaningView};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    accepted: bool,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    received_at: String,
    body_bytes: usize,
    body_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<RefusalView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingView>,
    events: Vec<EventView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct RefusalView {
    code: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventView<'a> {
    payment_id: &'a str,
    amount: String,
    currency: String,
    status: &'a str,
    provider: &'a str,
    event_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<MeaningView>,
    execution_name: String,
}

/// Prints the verdict.
pub(super) fn print(
    output: Output,
    verdict: &Verdict,
    delivery: &RawDelivery,
    notes: &[String],
) -> anyhow::Result<()> {
    let report = Report::new(verdict, delivery, notes);
    if output.is_json() {
        return output.json(&report);
    }
    report.print_text(output);
    Ok(())
}

impl<'a> Report<'a> {
    fn new(verdict: &'a Verdict, delivery: &'a RawDelivery, notes: &'a [String]) -> Self {
        let proof = match verdict {
            Verdict::Accepted { proof, .. } => Some(*proof),
            Verdict::TooLong { .. } | Verdict::Unreadable { .. } | Verdict::Unproven(_) => None,
        };
        let (secret, refusal) = match verdict {
            Verdict::Accepted { secret, .. } => (Some(secret.as_str()), None),
            Verdict::TooLong { bytes_max } => (None, Some(RefusalView::too_long(*bytes_max))),
            Verdict::Unreadable { secret, refusal } => {
                (Some(secret.as_str()), Some(RefusalView::new(*refusal)))
            }
            Verdict::Unproven(Diagnosis { refusal, .. }) => {
                (None, Some(RefusalView::new((*refusal).into())))
            }
        };
        let events = match verdict {
            Verdict::Accepted { events, .. } => events.as_slice(),
            Verdict::TooLong { .. } | Verdict::Unreadable { .. } | Verdict::Unproven(_) => &[],
        };
        let findings = match verdict {
            Verdict::Unproven(diagnosis) => diagnosis.findings.as_slice(),
            Verdict::Accepted { .. } | Verdict::TooLong { .. } | Verdict::Unreadable { .. } => &[],
        };
        Self {
            accepted: refusal.is_none(),
            verified: secret.is_some() && proof != Some(ProofKind::Authenticated),
            proof: proof.map(ProofKind::as_str),
            source: delivery.source.as_str(),
            secret,
            received_at: delivery.received_at.to_iso(),
            body_bytes: delivery.body.len(),
            body_sha256: delivery.body_hash().to_string(),
            refusal,
            findings: findings.iter().map(FindingView::new).collect(),
            events: events.iter().map(EventView::new).collect(),
            notes,
        }
    }

    fn print_text(&self, output: Output) {
        match (self.secret, &self.refusal) {
            (Some(secret), None) if self.proof == Some(ProofKind::Authenticated.as_str()) => {
                output.line(format!(
                    "{}: sent by who holds secret {secret:?} of source {:?}; no signature covers the \
                     body.",
                    output.paint(Tone::Warning, "authenticated"),
                    self.source
                ));
            }
            (Some(secret), None) => output.line(format!(
                "{}: signed with secret {secret:?} of source {:?}.",
                output.paint(Tone::Good, "accepted"),
                self.source
            )),
            (Some(secret), Some(refusal)) => output.line(format!(
                "{}: signed with secret {secret:?} of source {:?}, but the body is refused: {}.",
                output.paint(Tone::Bad, "refused"),
                self.source,
                refusal.message
            )),
            (None, refusal) => output.line(format!(
                "{}: {}.",
                output.paint(Tone::Bad, "not verified"),
                refusal.as_ref().map_or("", |refusal| &refusal.message)
            )),
        }
        for finding in &self.findings {
            output.line(format!("  {}", finding.message));
            if let Some(advice) = &finding.advice {
                output.line(format!("    {}", output.paint(Tone::Faint, advice)));
            }
        }
        let row = |name: &str, value: &str| {
            output.line(format!(
                "  {} {value}",
                output.paint(Tone::Faint, &format!("{name:<10}"))
            ));
        };
        for event in &self.events {
            row("payment", event.payment_id);
            row("amount", &format!("{} {}", event.amount, event.currency));
            row("status", event.status);
            row("provider", event.provider);
            if let Some(meaning) = &event.meaning {
                row("means", &meaning.words());
            }
            row("event key", &event.event_key);
            row("execution", &event.execution_name);
        }
        row(
            "body",
            &format!("{} bytes, SHA-256 {}", self.body_bytes, self.body_sha256),
        );
        row("judged at", &self.received_at);
        for note in self.notes {
            output.line(format!("{} {note}", output.paint(Tone::Warning, "note:")));
        }
    }
}

impl RefusalView {
    fn too_long(bytes_max: usize) -> Self {
        Self {
            code: "body_too_large",
            message: format!("the body is longer than server.body_bytes_max = {bytes_max}"),
        }
    }

    fn new(refusal: Refusal) -> Self {
        Self {
            code: QuarantineReason::from(refusal).as_str(),
            message: refusal.to_string(),
        }
    }
}

impl<'a> EventView<'a> {
    fn new(event: &'a PaymentEvent) -> Self {
        Self {
            payment_id: &event.payment_id,
            amount: event.amount.to_string(),
            currency: event.currency.to_string(),
            status: &event.status,
            provider: &event.provider,
            event_key: event.key.to_string(),
            meaning: event.meaning.as_ref().map(MeaningView::new),
            execution_name: event.key.digest().execution_name(),
        }
    }
}
