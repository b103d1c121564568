//! What tests must not do: be ignored, expect any panic, or wait for time to pass.

use super::hold;
use super::repository::{File, rust_files};
use super::rust_text::{Kind, line_of, only, test_modules, words};
use super::sources::is_test_file;

fn violations(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for File { path, text } in files {
        let code = only(text, Kind::Code);
        for (at, word) in words(&code) {
            let cure = match word {
                "ignore" | "should_panic" if is_attribute(&code, at) => match word {
                    "ignore" => "a test that does not run proves nothing: mend it or delete it",
                    _ => "any panic would pass: check the value, or catch the one panic meant",
                },
                "sleep" | "sleep_until" | "sleep_ms"
                    if is_in_test(path, &code, at) && is_free(&code, at) =>
                {
                    "time is moved, never slept: pass `now`, use ManualClock or tokio's paused \
                     time, or wait for the event itself (a line of output, a channel, a wakeup)"
                }
                _ => continue,
            };
            found.push(format!(
                "{path}:{}: `{word}` in a test: {cure}",
                line_of(text, at)
            ));
        }
    }
    found
}

/// Whether the word at `at` is inside `#[…]`, alone or in a `cfg_attr`.
fn is_attribute(code: &str, at: usize) -> bool {
    let before = &code[..at];
    before
        .rfind("#[")
        .is_some_and(|open| !before[open..].contains(']'))
}

/// Whether the word is a path or a free function, not a method such as `clock.sleep(..)`, and
/// not the declaration of one.
fn is_free(code: &str, at: usize) -> bool {
    let before = code[..at].trim_end();
    !before.ends_with('.') && !before.ends_with("fn")
}

fn is_in_test(path: &str, code: &str, at: usize) -> bool {
    is_test_file(path)
        || test_modules(code)
            .iter()
            .any(|&(from, to)| (from..=to).contains(&at))
}

#[test]
fn every_test_runs_expects_something_and_waits_for_nothing() {
    hold(&violations(&rust_files()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_must_not_do_is_found() {
        let cases = [
            ("crates/a/src/a.rs", "#[test]\n#[ignore]\nfn t() {}", 1),
            (
                "crates/a/src/a.rs",
                "#[test]\n#[ignore = \"slow\"]\nfn t() {}",
                1,
            ),
            (
                "crates/a/src/a.rs",
                "#[cfg_attr(miri, ignore)] fn t() {}",
                1,
            ),
            (
                "crates/a/src/a.rs",
                "#[should_panic(expected = \"a\")] fn t() {}",
                1,
            ),
            (
                "crates/a/src/a.rs",
                "#[test] fn t() { ignore(b[0]) } // #[ignore]",
                0,
            ),
            ("crates/a/src/a.rs", "fn f() { std::thread::sleep(a) }", 0),
            ("crates/a/tests/a.rs", "fn f() { std::thread::sleep(a) }", 1),
            ("crates/a/tests/a.rs", "use tokio::time::sleep;", 1),
            (
                "crates/a/tests/a.rs",
                "async fn f() { tokio::time::sleep_until(a).await }",
                1,
            ),
            (
                "crates/a/tests/a.rs",
                "async fn f() { clock.sleep(a).await }",
                0,
            ),
            (
                "crates/testbed/src/world.rs",
                "fn f() { thread::sleep(a) }",
                1,
            ),
            (
                "crates/a/src/a.rs",
                "#[cfg(test)] mod tests { fn f() { thread::sleep(a) } }",
                1,
            ),
            (
                "crates/a/src/a.rs",
                "#[cfg(test)] mod tests { } fn f() { thread::sleep(a) }",
                0,
            ),
        ];
        for (path, text, expected) in cases {
            let file = File {
                path: path.to_owned(),
                text: text.to_owned(),
            };
            assert_eq!(violations(&[file]).len(), expected, "{text}");
        }
    }
}
