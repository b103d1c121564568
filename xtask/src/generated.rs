//! Parts of documents that are written by a program, so that they cannot go stale unseen.
//!
//! A generated part stands between two marks, `<!-- generated: NAME -->` and
//! `<!-- end: NAME -->`, alone on their lines. `cargo xtask generate` writes every part anew;
//! a test fails while one of them differs from what would be written.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::bench::report;
use crate::root::root;
use crate::suites;

/// One generated part.
#[derive(Debug)]
pub(crate) struct Generated {
    /// The document, from the root.
    pub(crate) path: &'static str,
    /// The name in the marks.
    pub(crate) name: &'static str,
    /// Makes the text between the marks.
    pub(crate) text: fn() -> Result<String>,
}

// THE LIST of generated parts: one line each.
/// Every generated part of every document.
pub(crate) const ALL: &[Generated] = &[
    Generated {
        path: "CONTRIBUTING.md",
        name: "suites",
        text: suites_table,
    },
    Generated {
        path: report::DOCUMENT,
        name: "benchmarks",
        text: report::kept_table,
    },
];

/// Writes every generated part anew.
pub(crate) fn write_all() -> Result<ExitCode> {
    for part in ALL {
        let path = root().join(part.path);
        let document = fs::read_to_string(&path).with_context(|| part.path)?;
        let fresh = replaced(&document, part.name, &(part.text)()?).context(part.path)?;
        if fresh != document {
            fs::write(&path, fresh)?;
            println!("{}: wrote {}", part.path, part.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `document` with `text` between the marks of `name`.
pub(crate) fn replaced(document: &str, name: &str, text: &str) -> Result<String> {
    let open = format!("<!-- generated: {name} -->\n");
    let close = format!("<!-- end: {name} -->\n");
    let (before, rest) = document
        .split_once(&open)
        .with_context(|| format!("the mark `{}` is missing", open.trim_end()))?;
    let (_, after) = rest
        .split_once(&close)
        .with_context(|| format!("the mark `{}` is missing", close.trim_end()))?;
    ensure!(
        !after.contains(&open),
        "the mark `{}` stands twice",
        open.trim_end()
    );
    Ok(format!("{before}{open}{}\n{close}{after}", text.trim_end()))
}

fn suites_table() -> Result<String> {
    let mut table = String::from("| suite | what it proves |\n|---|---|\n");
    for suite in suites::all() {
        table.push_str(&format!("| `{}` | {} |\n", suite.name, suite.what));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_is_replaced() {
        let old = "a\n<!-- generated: t -->\nold\n<!-- end: t -->\nz\n";
        let new = "a\n<!-- generated: t -->\nnew\n<!-- end: t -->\nz\n";
        assert_eq!(replaced(old, "t", "new\n").unwrap(), new);
        assert_eq!(replaced(new, "t", "new\n").unwrap(), new);
        assert!(
            replaced(old, "u", "")
                .unwrap_err()
                .to_string()
                .contains("generated: u")
        );
        let open_only = "<!-- generated: t -->\n";
        assert!(
            replaced(open_only, "t", "")
                .unwrap_err()
                .to_string()
                .contains("end: t")
        );
        assert!(replaced(&format!("{old}{old}"), "t", "").is_err());
    }
}
