//! Events as files that other programs read: CSV (RFC 4180), or JSON with one event a line.

use bytes::Bytes;
use engine::operator::NotDone;
use engine::store::Store;
use futures_util::stream::{self, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, EventQuery};
use crate::view::EventView;

/// How an event is written.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A header and a line for each, with commas.
    #[default]
    Csv,
    /// A JSON object a line.
    Jsonl,
}

/// Events that are read at once.
pub(crate) const PAGE: usize = 1000;

/// The columns of a CSV file.
const COLUMNS: [&str; 14] = [
    "id",
    "received_at",
    "source",
    "event_key",
    "payment_id",
    "amount",
    "currency",
    "provider",
    "told",
    "status",
    "execution",
    "transaction_id",
    "error",
    "trace_id",
];

impl Format {
    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/jsonl; charset=utf-8",
        }
    }

    /// How the name of a file ends.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// What stands before the first event.
    pub(crate) fn head(self) -> Vec<u8> {
        match self {
            Self::Csv => csv_lines([COLUMNS.map(str::to_owned)].into_iter()),
            Self::Jsonl => Vec::new(),
        }
    }

    /// Some events.
    pub(crate) fn lines(self, events: &[EventView]) -> Vec<u8> {
        match self {
            Self::Csv => csv_lines(events.iter().map(row)),
            Self::Jsonl => {
                let mut lines = Vec::new();
                for event in events {
                    lines.extend(serde_json::to_vec(event).unwrap_or_default());
                    lines.push(b'\n');
                }
                lines
            }
        }
    }
}

fn csv_lines(rows: impl Iterator<Item = [String; 14]>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        // Memory takes everything, and every row has as many fields.
        let _ = writer.write_record(row.iter().map(|field| harmless(field)));
    }
    writer.into_inner().unwrap_or_default()
}

/// A field that no spreadsheet takes for a formula: whoever sends a webhook chooses what stands in it.
fn harmless(field: &str) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    }
}

fn row(event: &EventView) -> [String; 14] {
    let told = event.meaning.as_ref().map(|meaning| &meaning.event_type);
    let execution = event.execution.map(|status| {
        let word = serde_json::to_value(status).unwrap_or_default();
        word.as_str().unwrap_or_default().to_owned()
    });
    [
        event.id.to_string(),
        event.received_at.clone(),
        event.source.clone(),
        event.event_key.clone(),
        event.payment_id.clone(),
        event.amount.clone(),
        event.currency.clone(),
        event.provider.clone(),
        told.unwrap_or(&event.provider_status).clone(),
        event.status.clone(),
        execution.unwrap_or_default(),
        event.transaction_id.clone().unwrap_or_default(),
        event.error.clone().unwrap_or_default(),
        event.trace_id.clone(),
    ]
}

/// Every event that the query asks for, newest first, a page at a time: nothing is held but the
/// page that is being sent.
pub(crate) fn stream<S: Store>(
    desk: impl AsRef<Desk<S>> + Send + 'static,
    query: EventQuery,
    format: Format,
) -> impl Stream<Item = Result<Bytes, NotDone>> + Send {
    let query = EventQuery {
        limit: Some(PAGE),
        ..query
    };
    let begin = (desk, Some(query), format.head());
    stream::try_unfold(begin, move |(desk, query, mut bytes)| async move {
        let Some(query) = query else {
            return Ok(None);
        };
        // Others that wait for this thread go first.
        tokio::task::yield_now().await;
        let page = desk.as_ref().events(&query)?;
        bytes.extend(format.lines(&page.items));
        let next = page.next.map(|before| EventQuery {
            before: Some(before),
            ..query
        });
        Ok(Some((Bytes::from(bytes), (desk, next, Vec::new()))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_breaks_its_row() {
        for (field, expected) in [
            ("pay_1", "pay_1"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=a,\"b", "\"'=a,\"\"b\""),
        ] {
            let mut row = [""; 14].map(str::to_owned);
            row[0] = field.to_owned();
            let line = String::from_utf8(csv_lines([row].into_iter())).unwrap();
            assert_eq!(line, format!("{expected}{}\r\n", ",".repeat(13)));
        }
    }
}
