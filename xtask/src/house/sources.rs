//! What every source file looks like: it says what it is for, and is short enough to read.

use super::hold;
use super::repository::{File, rust_files};
use super::rust_text::{Kind, functions, line_of, only, words};

/// Most code lines in a function, blank lines and comments aside: one screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Most lines in a file that is no test.
const FILE_LINES_MAX: usize = 600;

fn violations(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for File { path, text } in files {
        if !text.starts_with("//!") {
            found.push(format!(
                "{path}:1: does not open with `//!`: say first what the file is for and what it \
                 must never do"
            ));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX && !is_test_file(path) {
            found.push(format!(
                "{path}: {lines} lines, and {FILE_LINES_MAX} are the most: give one of its \
                 subjects a file of its own"
            ));
        }
        for function in functions(text) {
            let (name, lines) = (&function.name, function.code_lines);
            if lines > FUNCTION_LINES_MAX {
                found.push(format!(
                    "{path}:{}: `{name}` has {lines} lines, and {FUNCTION_LINES_MAX} are the most: \
                     keep the branches, move what is pure into functions with names",
                    function.line
                ));
            }
        }
        found.extend(marks(path, text));
    }
    found
}

/// Work that was put off in the source instead of in an issue.
fn marks(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let comments = only(text, Kind::Comment);
    let is_mark = |word: &str| word == concat!("FIX", "ME") || word == "XXX";
    for (at, word) in words(&comments).filter(|(_, word)| is_mark(word)) {
        // Three X are also the ISO 4217 code for no currency: a mark is the first word.
        let before = comments[..at].trim_end();
        let after = &comments[at + word.len()..];
        let leads = before.ends_with("//") || before.ends_with("*") || after.starts_with(':');
        if word != "XXX" || leads {
            found.push(format!(
                "{path}:{}: `{word}` in a comment: mend it, or open an issue and say here what \
                 holds today",
                line_of(text, at)
            ));
        }
    }
    let code = only(text, Kind::Code);
    for (at, word) in words(&code) {
        let is_macro = code[at + word.len()..].starts_with('!');
        if is_macro && matches!(word, "todo" | "unimplemented") {
            found.push(format!(
                "{path}:{}: `{word}!` in the code: write it, or leave out what needs it",
                line_of(text, at)
            ));
        }
    }
    found
}

/// Whether a path holds nothing but tests.
pub(super) fn is_test_file(path: &str) -> bool {
    path.starts_with("crates/testbed/")
        || path
            .split('/')
            .any(|part| part == "tests" || part == "benches")
        || path.ends_with("/tests.rs")
}

#[test]
fn every_source_file_is_fit_to_be_read() {
    hold(&violations(&rust_files()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        violations(&[File {
            path: path.to_owned(),
            text: text.to_owned(),
        }])
    }

    fn function_of(lines: usize) -> String {
        format!(
            "//! F.\nfn f() {{\n{}}}\n",
            "    // why\n\n    g(\"x\");\n".repeat(lines)
        )
    }

    #[test]
    fn the_first_and_the_last_that_is_allowed() {
        assert_eq!(found("a.rs", "//! A.\n").len(), 0);
        assert!(found("a.rs", "// A.\n")[0].contains("a.rs:1: does not open with `//!`"));
        assert!(found("a.rs", "#![no_std]\n//! A.\n")[0].contains("a.rs:1"));

        assert_eq!(found("a.rs", &function_of(70)).len(), 0);
        assert!(found("a.rs", &function_of(71))[0].contains("a.rs:2: `f` has 71 lines"));

        let file_of = |lines: usize| format!("//! A.\n{}", "\n".repeat(lines - 1));
        assert_eq!(found("crates/a/src/a.rs", &file_of(600)).len(), 0);
        assert!(found("crates/a/src/a.rs", &file_of(601))[0].contains("601 lines"));
        assert_eq!(found("crates/a/tests/a.rs", &file_of(601)).len(), 0);
    }

    #[test]
    fn marks_are_found_and_words_are_not() {
        let mark = concat!("FIX", "ME");
        let cases = [
            (format!("//! A.\n// {mark} later"), 1),
            ("//! A.\n// XXX: later".to_owned(), 1),
            ("//! A.\n// XXX later".to_owned(), 1),
            (
                "//! A (XAU, XXX, XTS).\nconst NONE: &str = \"XXX\";".to_owned(),
                0,
            ),
            (format!("//! A.\nconst NAME: &str = \"{mark}\";"), 0),
            ("//! A.\nfn a() { todo!() }".to_owned(), 1),
            ("//! A.\nfn a() { unimplemented!(\"b\") }".to_owned(), 1),
            ("//! A.\nfn todo() -> bool { todo != b }".to_owned(), 0),
        ];
        for (text, expected) in cases {
            assert_eq!(found("a.rs", &text).len(), expected, "{text}");
        }
    }
}
