//! `docs/asl-conformance.md`: how many cases match, and each that does not. Its parts are written by
//! the tests that compare, with `PAYHOOK_WRITE=1`, and held to what they find without.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::excused;

/// One line of a part's table.
pub(crate) struct Row<'a> {
    pub(crate) what: &'a str,
    pub(crate) results: Vec<&'a (String, Result<(), String>)>,
    /// Cases that were not run, each with the reason.
    pub(crate) not_run: Vec<(String, &'a str)>,
}

/// Writes a part of the document, or fails when it does not say what was found. Another set of cases
/// than the document is about cannot be compared with it.
pub(crate) fn keep(part: &str, rows: &[Row<'_>], excuses: &[(&str, &str)]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/asl-conformance.md");
    // The tests of one binary run side by side.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(document) = std::fs::read_to_string(&path) else {
        return;
    };
    let (open, close) = (format!("<!-- compared: {part} -->\n"), "<!-- end -->");
    let begin = document.find(&open).expect("the part has its mark") + open.len();
    let end = document[begin..].find(close).expect("and its end") + begin;
    let text = text(rows, excuses);
    if document[begin..end] == text {
        return;
    }
    if std::env::var_os("PAYHOOK_WRITE").is_some() {
        let document = format!("{}{text}{}", &document[..begin], &document[end..]);
        std::fs::write(&path, document).expect("the document can be written");
        return;
    }
    let totals = rows
        .iter()
        .map(|row| format!("| {} | {} |", row.what, total(row)));
    let mut totals = totals.map(|total| document[begin..end].contains(&total));
    assert!(
        !totals.all(|is_there| is_there),
        "docs/asl-conformance.md is stale: PAYHOOK_WRITE=1 cargo test -p payhook-asl"
    );
}

fn total(row: &Row<'_>) -> usize {
    row.results.len() + row.not_run.len()
}

fn text(rows: &[Row<'_>], excuses: &[(&str, &str)]) -> String {
    let mut text = "| | cases | match | differ | not run |\n|---|---|---|---|---|\n".to_owned();
    let mut listed = String::new();
    for row in rows {
        let differ = row.results.iter().filter(|(_, result)| result.is_err());
        let names: Vec<&String> = differ.map(|(name, _)| name).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            row.what,
            total(row),
            row.results.len() - names.len(),
            names.len(),
            row.not_run.len()
        );
        for name in names {
            let reason = excused(excuses, name).unwrap_or("not explained yet");
            let _ = writeln!(listed, "- `{name}` differs: {reason}.");
        }
        for (name, reason) in &row.not_run {
            let _ = writeln!(listed, "- `{name}` is not run: {reason}.");
        }
    }
    if !listed.is_empty() {
        text.push('\n');
        text.push_str(&listed);
    }
    text
}

static ALONE: Mutex<()> = Mutex::new(());
