//! Every promise in a document names the test that keeps it.
//!
//! A promise is written `(test: crate::module::name)`, several separated by commas; the path is
//! the one that `cargo nextest list` shows, with the crate's library name in front, and modules
//! called `tests` may be left out. In docs/delivery-semantics.md every list item is a promise
//! and must name at least one; anywhere else a test that is named must exist.

use super::hold;
use super::repository::{File, files, rust_files};
use super::rust_text::functions;

/// The document in which nothing may be promised without proof.
const STRICT: &str = "docs/delivery-semantics.md";

/// The paths of all tests, without segments called `tests`.
fn test_paths(sources: &[File]) -> Vec<String> {
    let mut paths = Vec::new();
    for file in sources {
        let Some(mut module) = module_of(&file.path) else {
            continue;
        };
        // Everything in the testbed is a test's: its suites are called by the stores' tests.
        let all_count = file.path.starts_with("crates/testbed/");
        let depth = module.len();
        for function in functions(&file.text) {
            if function.is_test || all_count {
                module.extend(function.modules);
                module.push(function.name);
                paths.push(canonical(module.iter().map(String::as_str)));
                module.truncate(depth);
            }
        }
    }
    paths
}

/// The module path of a source file, its crate's library name first.
fn module_of(path: &str) -> Option<Vec<String>> {
    let path = path.strip_suffix(".rs")?;
    let (name, inside) = match path.strip_prefix("crates/") {
        Some(rest) => rest.split_once('/')?,
        None => path.split_once('/')?,
    };
    let name = if name == "server" { "payhook" } else { name };
    let inside = inside
        .strip_prefix("src/")
        .or_else(|| inside.strip_prefix("tests/"))?;
    let mut module = vec![name.replace('-', "_")];
    module.extend(inside.split('/').map(str::to_owned));
    module.retain(|part| !matches!(part.as_str(), "lib" | "main" | "mod"));
    Some(module)
}

fn canonical<'a>(segments: impl Iterator<Item = &'a str>) -> String {
    segments
        .filter(|segment| *segment != "tests")
        .collect::<Vec<_>>()
        .join("::")
}

/// The tests that a text names, each with its line.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, mark) in text.match_indices("(test: ") {
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + mark.len()..];
        let list = rest.split(')').next().unwrap_or_default();
        found.extend(
            list.split(',')
                .map(|path| (line, path.trim().trim_matches('`').to_owned())),
        );
    }
    found
}

fn violations(documents: &[File], tests: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for File { path, text } in documents {
        for (line, name) in named(text) {
            if !tests.contains(&canonical(name.split("::"))) {
                found.push(format!(
                    "{path}:{line}: there is no test `{name}`: name one that exists \
                     (crate::module::name), or write it"
                ));
            }
        }
        if path == STRICT {
            found.extend(
                items(text)
                    .into_iter()
                    .filter(|(_, item)| named(item).is_empty())
                    .map(|(line, _)| {
                        format!(
                            "{path}:{line}: a promise without a test: end the list item with \
                         `(test: crate::module::name)`, or do not promise it"
                        )
                    }),
            );
        }
    }
    found
}

/// The list items of a document, each with its line and with the lines that go on with it.
fn items(text: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        let numbered = line.trim_start_matches(|character: char| character.is_ascii_digit());
        let is_item = line.starts_with("- ")
            || line.starts_with("* ")
            || (numbered.len() < line.len() && numbered.starts_with(". "));
        if is_item {
            items.push((number + 1, line.to_owned()));
        } else if let (true, true, Some((_, item))) = (
            open,
            line.starts_with(' ') || line.is_empty(),
            items.last_mut(),
        ) {
            item.push('\n');
            item.push_str(line);
        }
        open = is_item || (open && (line.starts_with(' ') || line.is_empty()));
    }
    items
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let documents = files(|path| path.ends_with(".md"));
    hold(&violations(&documents, &test_paths(&rust_files())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn tests_are_known_by_their_paths() {
        let unit = "#[cfg(test)] mod tests { #[test] fn holds() {} fn helps() {} }";
        let sources = [
            file("crates/store-sqlite/src/event_log.rs", unit),
            file(
                "crates/server/tests/crash.rs",
                "#[tokio::test] async fn survives() {}",
            ),
            file("crates/domain/src/lib.rs", unit),
            file(
                "crates/testbed/src/store_suite/feed.rs",
                "pub fn has_no_gap() {}",
            ),
            file("xtask/src/house.rs", unit),
        ];
        let expected = [
            "store_sqlite::event_log::holds",
            "payhook::crash::survives",
            "domain::holds",
            "testbed::store_suite::feed::has_no_gap",
            "xtask::house::holds",
        ];
        assert_eq!(test_paths(&sources), expected);
    }

    #[test]
    fn a_test_that_does_not_exist_is_found() {
        let tests = ["a::b::c".to_owned()];
        let cases = [
            ("We keep it (test: a::b::c).", 0),
            ("We keep it (test: `a::b::tests::c`).", 0),
            ("We keep it (test: a::b::c, a::b::d).", 1),
            ("We keep it\n(test: b::c).", 1),
            ("We keep it.", 0),
        ];
        for (text, expected) in cases {
            let found = violations(&[file("SECURITY.md", text)], &tests);
            assert_eq!(found.len(), expected, "{text}: {found:?}");
        }
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        let tests = ["a::b".to_owned()];
        let cases = [
            ("Prose promises nothing.\n", 0),
            ("- We keep it\n  for ever (test: a::b).\n", 0),
            ("- We keep it.\n- And this (test: a::b).\n", 1),
            (
                "1. We keep it.\n\n   For ever (test: a::b).\n2. Twice.\n",
                1,
            ),
            ("- We keep it.\n\nElsewhere (test: a::b).\n", 1),
        ];
        for (text, expected) in cases {
            let found = violations(&[file(STRICT, text)], &tests);
            assert_eq!(found.len(), expected, "{text}: {found:?}");
        }
    }
}
