//! What is drawn.

use engine::store::ExecutionStatus;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};

use crate::view::{CountsView, EventView, ExecutionView};

/// One moment.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Events a second, oldest first.
    pub(super) rates: Vec<u64>,
    /// How much there is of everything.
    pub(super) counts: Option<CountsView>,
    /// What waits for a person.
    pub(super) dead: Vec<ExecutionView>,
    /// What came last.
    pub(super) newest: Vec<EventView>,
    /// Why there is nothing to see.
    pub(super) trouble: Option<String>,
    /// Whether colours are shown.
    pub(super) has_color: bool,
}

/// Draws it.
pub(super) fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let dead_height = match picture.dead.len() {
        0 => 3,
        rows => u16::try_from(rows).unwrap_or(u16::MAX).min(8) + 3,
    };
    let [head, rates, dead, newest, foot] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Length(6),
        Constraint::Length(dead_height),
        Constraint::Min(4),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_counts(frame, head, picture);
    draw_rates(frame, rates, picture);
    draw_dead(frame, dead, picture);
    draw_newest(frame, newest, picture);
    frame.render_widget(Line::from("q quits").style(faint()), foot);
    if !picture.has_color {
        // Every word has its sign, too.
        for cell in &mut frame.buffer_mut().content {
            cell.set_fg(Color::Reset);
        }
    }
}

fn draw_counts(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let block = Block::bordered().title("payhook");
    let lines = match (&picture.counts, &picture.trouble) {
        (Some(counts), _) => counts_lines(counts),
        (None, Some(trouble)) => vec![Line::from(trouble.clone()).style(bad())],
        (None, None) => vec![Line::from("…")],
    };
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn counts_lines(counts: &CountsView) -> Vec<Line<'static>> {
    let number = |name: &str, count: u64, style: Style| {
        let text = format!("{count} {name}   ");
        Span::styled(text, if count == 0 { faint() } else { style })
    };
    let flow = Line::from(vec![
        number("events", counts.events, Style::new()),
        number("running", counts.running, Style::new()),
        number("succeeded", counts.succeeded, good()),
        number("not yet read", counts.feed_lag, Style::new()),
    ]);
    // Said with a sign, too: not everybody sees colours.
    let waits = counts.dead_letters + counts.quarantined + counts.anomalies + counts.conflicts;
    let sign = match waits {
        0 => Span::styled("✓ ", good()),
        _ => Span::styled("! ", bad()),
    };
    let person = Line::from(vec![
        sign,
        number("dead letters", counts.dead_letters, bad()),
        number("in quarantine", counts.quarantined, bad()),
        number("anomalies", counts.anomalies, bad()),
        number("conflicts", counts.conflicts, bad()),
    ]);
    vec![flow, person]
}

fn draw_rates(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let now = picture.rates.last().copied().unwrap_or(0);
    let most = picture.rates.iter().copied().max().unwrap_or(0);
    let title = format!("events a second: {now} now, {most} at most");
    // The newest are on the right, and as many as there is room for.
    let room = usize::from(area.width.saturating_sub(2));
    let shown = picture.rates.len().saturating_sub(room);
    let bars = picture.rates.get(shown..).unwrap_or_default();
    let chart = Sparkline::default()
        .block(Block::bordered().title(title))
        .style(Style::new().fg(Color::Blue))
        .data(bars);
    frame.render_widget(chart, area);
}

fn draw_dead(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let block = Block::bordered().title("waits for a person (payhook executions show ID)");
    if picture.dead.is_empty() {
        let words = Paragraph::new("nothing").style(faint()).block(block);
        return frame.render_widget(words, area);
    }
    let rows = picture.dead.iter().map(|execution| {
        Row::new([
            Cell::from(execution.id.to_string()),
            Cell::from(short(&execution.updated_at)),
            status(Some(execution.status)),
            Cell::from(execution.payment_id.clone()),
            Cell::from(execution.event_key.clone()),
        ])
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Length(19),
        Constraint::Length(12),
        Constraint::Fill(1),
        Constraint::Fill(2),
    ];
    let table = Table::new(rows, widths)
        .header(heading([
            "ID",
            "SINCE (UTC)",
            "STATUS",
            "PAYMENT",
            "EVENT KEY",
        ]))
        .block(block);
    frame.render_widget(table, area);
}

fn draw_newest(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let rows = picture.newest.iter().map(|event| {
        Row::new([
            Cell::from(short(&event.received_at)),
            Cell::from(event.source.clone()),
            Cell::from(event.payment_id.clone()),
            Cell::from(format!("{} {}", event.amount, event.currency)),
            Cell::from(event.status.clone()),
            status(event.execution),
        ])
    });
    let widths = [
        Constraint::Length(19),
        Constraint::Max(16),
        Constraint::Fill(1),
        Constraint::Length(18),
        Constraint::Length(14),
        Constraint::Length(12),
    ];
    let headings = [
        "RECEIVED (UTC)",
        "SOURCE",
        "PAYMENT",
        "AMOUNT",
        "RECORD",
        "EXECUTION",
    ];
    let table = Table::new(rows, widths)
        .header(heading(headings))
        .block(Block::bordered().title("newest events"));
    frame.render_widget(table, area);
}

fn heading<const N: usize>(names: [&'static str; N]) -> Row<'static> {
    Row::new(names).style(Style::new().add_modifier(Modifier::BOLD))
}

fn status(status: Option<ExecutionStatus>) -> Cell<'static> {
    match status {
        None => Cell::from("–").style(faint()),
        Some(ExecutionStatus::Running) => Cell::from("… running"),
        Some(ExecutionStatus::Succeeded) => Cell::from("✓ succeeded").style(good()),
        Some(ExecutionStatus::Failed) => Cell::from("! failed").style(bad()),
        Some(ExecutionStatus::TimedOut) => Cell::from("! timed out").style(bad()),
        Some(ExecutionStatus::Aborted) => Cell::from("! stopped").style(bad()),
    }
}

/// A time without its fraction and zone, which are the same everywhere.
fn short(iso: &str) -> String {
    iso.get(..19).unwrap_or(iso).replace('T', " ")
}

// Colours of the terminal itself, so that they can be read on its background.

fn good() -> Style {
    Style::new().fg(Color::Green)
}

fn bad() -> Style {
    Style::new().fg(Color::Red)
}

fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::*;

    fn drawn(picture: &Picture, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| draw(frame, picture)).expect("drawn");
        let buffer = terminal.backend().buffer();
        let cells = buffer.content().chunks(usize::from(width));
        let line =
            |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect();
        cells.map(line).collect::<Vec<String>>().join("\n")
    }

    fn full() -> Picture {
        let counts = json!({
            "events": 41, "running": 2, "succeeded": 38, "deadLetters": 1, "quarantined": 0,
            "conflicts": 0, "anomalies": 0, "feedLag": 0,
        });
        let dead = json!({
            "id": 7, "name": "evt-1", "status": "FAILED", "paymentId": "pay_broke",
            "eventKey": "generic/evt_7", "recordStatus": "failed",
            "startedAt": "2026-11-23T10:00:00.000Z", "updatedAt": "2026-11-23T10:00:09.000Z",
            "traceId": "", "definition": "",
        });
        Picture {
            rates: vec![0, 10, 3],
            counts: serde_json::from_value(counts).ok(),
            dead: vec![serde_json::from_value(dead).expect("a view")],
            ..Picture::default()
        }
    }

    #[test]
    fn what_matters_is_on_the_screen() {
        let screen = drawn(&full(), 100, 30);
        for words in [
            "41 events",
            "! 1 dead letters",
            "3 now, 10 at most",
            "2026-11-23 10:00:09",
            "pay_broke",
            "! failed",
            "generic/evt_7",
            "q quits",
        ] {
            assert!(screen.contains(words), "{words}:\n{screen}");
        }
    }

    #[test]
    fn colours_are_left_out_where_they_are_not_wanted() {
        let colours = |has_color| {
            let picture = Picture {
                has_color,
                ..full()
            };
            let mut terminal = Terminal::new(TestBackend::new(100, 30)).expect("a terminal");
            terminal.draw(|frame| draw(frame, &picture)).expect("drawn");
            let cells = terminal.backend().buffer().content().iter();
            cells.filter(|cell| cell.fg != Color::Reset).count()
        };
        assert!(colours(true) > 0);
        assert_eq!(colours(false), 0);
    }

    #[test]
    fn trouble_is_said_and_no_size_is_too_small() {
        let picture = Picture {
            trouble: Some("the server does not answer".to_owned()),
            ..Picture::default()
        };
        assert!(drawn(&picture, 80, 24).contains("the server does not answer"));
        for (width, height) in [(1, 1), (3, 2), (20, 5), (400, 100)] {
            drawn(&full(), width, height);
        }
    }
}
