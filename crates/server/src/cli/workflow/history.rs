//! An execution's history as a table, one event a line, cut to the terminal.

use asl::history::HistoryEvent;
use console::Term;
use serde_json::Value;

use crate::cli::output::{Output, Tone};

/// Narrowest room for the details, in columns: below it they are cut to nothing useful.
const DETAILS_COLUMNS_MIN: usize = 20;

struct Row {
    id: String,
    previous: String,
    time: String,
    kind: String,
    state: String,
    details: String,
}

/// The table, a heading first. `shown` are the same events as `GetExecutionHistory` shows them.
pub(super) fn table(output: Output, events: &[HistoryEvent], shown: &[Value]) -> Vec<String> {
    let start = events.first().map_or(0, |event| event.timestamp.0);
    let mut rows = vec![Row::heading()];
    let mut state = String::new();
    for (event, shown) in events.iter().zip(shown) {
        let details = details(shown);
        // Only the events of entering and leaving name their state; what is between them
        // belongs to it.
        if let Some(name) = details.and_then(|details| details.get("name")?.as_str()) {
            name.clone_into(&mut state);
        }
        let kind = event.event_type();
        let row = Row {
            id: event.id.to_string(),
            previous: event.previous_event_id.to_string(),
            time: seconds(event.timestamp.0.saturating_sub(start)),
            state: if kind.starts_with("Execution") {
                String::new()
            } else {
                state.clone()
            },
            details: details.map(summary).unwrap_or_default(),
            kind,
        };
        rows.push(row);
    }
    render(output, &rows, columns_max())
}

/// A span of virtual time: `2.500 s`.
pub(super) fn seconds(millis: u64) -> String {
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

/// What belongs to the event's own type: `lambdaFunctionScheduledEventDetails` and the like.
fn details(shown: &Value) -> Option<&Value> {
    shown
        .as_object()?
        .iter()
        .find(|(name, _)| name.ends_with("EventDetails"))
        .map(|(_, details)| details)
}

fn summary(details: &Value) -> String {
    let text = |name: &str| details.get(name).and_then(Value::as_str);
    let failure = [text("error"), text("cause")];
    if failure.iter().any(Option::is_some) {
        let parts: Vec<&str> = failure.into_iter().flatten().collect();
        return one_line(&parts.join(": "));
    }
    [("output", "out "), ("input", "in "), ("parameters", "in ")]
        .into_iter()
        .find_map(|(name, word)| Some(format!("{word}{}", one_line(text(name)?))))
        .unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|each| if each.is_control() { ' ' } else { each })
        .collect()
}

/// How wide a line may be; without bound where nobody looks at it on a terminal.
fn columns_max() -> Option<usize> {
    Term::stdout()
        .size_checked()
        .map(|(_, columns)| usize::from(columns))
}

fn render(output: Output, rows: &[Row], columns_max: Option<usize>) -> Vec<String> {
    let width = |of: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| console::measure_text_width(of(row)));
        widths.max().unwrap_or(0)
    };
    let widths = [
        width(|row| &row.id),
        width(|row| &row.previous),
        width(|row| &row.time),
        width(|row| &row.kind),
        width(|row| &row.state),
    ];
    let used: usize = widths.iter().map(|width| width + 2).sum();
    let room = columns_max.map(|max| max.saturating_sub(used).max(DETAILS_COLUMNS_MIN));
    rows.iter()
        .enumerate()
        .map(|(index, row)| {
            let details = match room {
                Some(room) => console::truncate_str(&row.details, room, "…"),
                None => row.details.as_str().into(),
            };
            let cells = [&row.id, &row.previous, &row.time, &row.kind, &row.state];
            let mut line = String::new();
            for (cell, width) in cells.into_iter().zip(widths) {
                line += cell;
                line.extend(std::iter::repeat_n(
                    ' ',
                    width + 2 - console::measure_text_width(cell),
                ));
            }
            line += &details;
            let line = line.trim_end();
            if index == 0 {
                output.paint(Tone::Faint, line)
            } else {
                line.to_owned()
            }
        })
        .collect()
}

impl Row {
    fn heading() -> Self {
        let [id, previous, time, kind, state, details] =
            ["id", "prev", "time", "type", "state", "details"].map(str::to_owned);
        Self {
            id,
            previous,
            time,
            kind,
            state,
            details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::ColorChoice;

    #[test]
    fn details_are_cut_to_the_room_that_is_left_and_never_to_nothing() {
        let row = Row {
            details: "é".repeat(200),
            ..Row::heading()
        };
        let rows = [Row::heading(), row];
        let output = Output::new(false, ColorChoice::Never);
        for (columns, expected) in [(Some(100), 100), (Some(10), 49), (None, 229)] {
            let lines = render(output, &rows, columns);
            assert_eq!(
                console::measure_text_width(&lines[1]),
                expected,
                "{columns:?}"
            );
        }
    }

    #[test]
    fn a_line_stays_one_line() {
        let details = serde_json::json!({"error": "E", "cause": "a\nb\u{1b}[31m"});
        assert_eq!(summary(&details), "E: a b [31m");
    }
}
