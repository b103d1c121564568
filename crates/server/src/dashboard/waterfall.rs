//! The trace of one event, from what is stored: when it was received, kept, and worked on. No
//! collector is asked; what an OTLP exporter sends beside this has the same trace id.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::view::EventDetailView;

/// How an attempt's beginning is called, without what it is an attempt at.
const BEGINNING: &str = "Scheduled";

/// How its end may be called, and whether that is good.
const ENDS: [(&str, bool); 3] = [("Succeeded", true), ("Failed", false), ("TimedOut", false)];

/// Width of the drawing of a bar, in its own units.
const WIDTH: i64 = 1000;

/// Something that took its time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    name: String,
    /// Milliseconds since 1970.
    from: i64,
    /// `None` while it goes on.
    until: Option<i64>,
    is_good: bool,
}

/// The trace of an event as a table with bars; empty when nothing of it can be placed in time.
pub(super) fn of(view: &EventDetailView) -> Markup {
    let spans = spans(view);
    let Some(begin) = spans.iter().map(|span| span.from).min() else {
        return html! {};
    };
    let last = spans.iter().map(|span| span.until.unwrap_or(span.from));
    let end = last.max().unwrap_or(begin);
    html! {
        table class="trace" {
            caption { "Trace " code { (view.event.trace_id) } ", " (words(end - begin)) }
            thead {
                tr {
                    th scope="col" { "Span" }
                    th scope="col" class="sum" { "After" }
                    th scope="col" class="sum" { "Took" }
                    th scope="col" { "When" }
                }
            }
            tbody {
                @for span in &spans {
                    tr {
                        td data-name="Span" { (span.name) @if !span.is_good { " ✗" } }
                        td data-name="After" class="sum" { (words(span.from - begin)) }
                        td data-name="Took" class="sum" {
                            @match span.until {
                                Some(until) => (words(until - span.from)),
                                None => "goes on",
                            }
                        }
                        td data-name="When" class="bar" { (bar(span, begin, end)) }
                    }
                }
            }
        }
    }
}

fn bar(span: &Span, begin: i64, end: i64) -> Markup {
    let whole = (end - begin).max(1);
    let place = |at: i64| (at - begin).saturating_mul(WIDTH) / whole;
    let from = place(span.from).min(WIDTH - 4);
    // What was quick is to be seen, too.
    let width = (place(span.until.unwrap_or(end)) - from).max(4);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 10" } preserveAspectRatio="none" aria-hidden="true" {
            rect class=(if span.is_good { "good" } else { "bad" }) x=(from) width=(width) y="1" height="8" {}
        }
    }
}

/// A time span for people.
fn words(millis: i64) -> String {
    match millis {
        ..10_000 => format!("{millis} ms"),
        10_000..600_000 => format!("{} s", millis / 1000),
        600_000.. => format!("{} min", millis / 60_000),
    }
}

fn spans(view: &EventDetailView) -> Vec<Span> {
    let received = millis(&view.event.received_at);
    let kept = view.changes.first().and_then(|change| millis(&change.at));
    let mut spans = Vec::new();
    if let (Some(from), Some(until)) = (received, kept) {
        spans.push(Span {
            name: "received, proved and kept".to_owned(),
            from,
            until: Some(until),
            is_good: true,
        });
    }
    if let Some(execution) = &view.execution {
        spans.extend(work(&execution.events));
    }
    spans
}

/// Every attempt at a task, in the order in which they began.
fn work(history: &[Value]) -> Vec<Span> {
    let mut spans: Vec<(u64, Span)> = Vec::new();
    for event in history {
        let (kind, id) = (text(event, "type"), number(event, "id"));
        let Some(at) = millis(text(event, "timestamp")) else {
            continue;
        };
        if kind.ends_with(BEGINNING) {
            let state = state_of(history, event).unwrap_or("a task");
            let before = spans.iter().filter(|(_, span)| is_of(&span.name, state));
            let attempt = before.count() + 1;
            let span = Span {
                name: format!("{state}, attempt {attempt}"),
                from: at,
                until: None,
                is_good: true,
            };
            spans.push((id, span));
            continue;
        }
        let Some((_, is_good)) = ENDS.iter().find(|(word, _)| is_end(kind, word)) else {
            continue;
        };
        let begun = came_from(history, event, |kind| kind.ends_with(BEGINNING));
        let begun = begun.map(|event| number(event, "id"));
        if let Some((_, span)) = spans.iter_mut().find(|(id, _)| Some(*id) == begun) {
            span.until.get_or_insert(at);
            span.is_good = *is_good;
        }
    }
    spans.into_iter().map(|(_, span)| span).collect()
}

/// Whether this is the end of an attempt, and not of a whole state or execution.
fn is_end(kind: &str, word: &str) -> bool {
    ["LambdaFunction", "Task"]
        .iter()
        .any(|what| kind.strip_prefix(what) == Some(word))
}

fn is_of(name: &str, state: &str) -> bool {
    name.strip_prefix(state)
        .is_some_and(|rest| rest.starts_with(", attempt "))
}

fn state_of<'a>(history: &'a [Value], event: &'a Value) -> Option<&'a str> {
    let entered = came_from(history, event, |kind| kind.ends_with("StateEntered"))?;
    entered
        .get("stateEnteredEventDetails")?
        .get("name")?
        .as_str()
}

/// The nearest event before this one on its own way that is of such a kind.
fn came_from<'a>(
    history: &'a [Value],
    event: &'a Value,
    is_it: impl Fn(&str) -> bool,
) -> Option<&'a Value> {
    let mut at = event;
    loop {
        let previous = number(at, "previousEventId");
        // Ids are 1, 2, 3, … and each points back, so this ends.
        let index = usize::try_from(previous).ok()?.checked_sub(1)?;
        let before = history.get(index)?;
        if number(before, "id") >= number(at, "id") {
            return None;
        }
        if is_it(text(before, "type")) {
            return Some(before);
        }
        at = before;
    }
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(event: &Value, name: &str) -> u64 {
    event.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn millis(iso: &str) -> Option<i64> {
    let at: Timestamp = iso.parse().ok()?;
    Some(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: u64, previous: u64, kind: &str, second: u64) -> Value {
        let mut event = json!({
            "id": id, "previousEventId": previous, "type": kind,
            "timestamp": format!("2026-11-23T10:00:{second:02}.000Z"),
        });
        if kind.ends_with("StateEntered") {
            event["stateEnteredEventDetails"] = json!({"name": format!("S{id}")});
        }
        event
    }

    #[test]
    fn attempts_are_told_apart_and_end_where_they_ended() {
        let history = [
            event(1, 0, "ExecutionStarted", 0),
            event(2, 0, "TaskStateEntered", 0),
            event(3, 2, "LambdaFunctionScheduled", 1),
            event(4, 3, "LambdaFunctionStarted", 1),
            event(5, 4, "LambdaFunctionFailed", 3),
            event(6, 5, "LambdaFunctionScheduled", 5),
            event(7, 6, "LambdaFunctionStarted", 5),
            event(8, 7, "LambdaFunctionSucceeded", 6),
            event(9, 8, "TaskStateExited", 6),
            event(10, 9, "TaskStateEntered", 6),
            event(11, 10, "TaskScheduled", 7),
        ];
        let told: Vec<_> = work(&history)
            .into_iter()
            .map(|span| {
                let took = span.until.map(|until| until - span.from);
                (span.name, took, span.is_good)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("S2, attempt 1".to_owned(), Some(2000), false),
                ("S2, attempt 2".to_owned(), Some(1000), true),
                ("S10, attempt 1".to_owned(), None, true),
            ]
        );
    }

    #[test]
    fn a_history_that_makes_no_sense_ends_too() {
        let history = [
            event(1, 1, "TaskScheduled", 0),
            event(2, 7, "TaskFailed", 0),
            event(3, 3, "TaskSucceeded", 1),
            json!({"type": "TaskFailed"}),
            json!(null),
        ];
        assert_eq!(work(&history).len(), 1);
    }
}
