//! A report that build servers read: JUnit's XML, as far as they agree on it.

use std::fmt::Write as _;

use super::test::FileReport;

/// The report of all files: one suite each, one case for each scenario.
pub(super) fn report(files: &[FileReport]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for file in files {
        let failed = file.scenarios.iter().filter(|it| !it.ok).count();
        // Writing into a text cannot fail.
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">",
            escaped(&file.file),
            file.scenarios.len()
        );
        for scenario in &file.scenarios {
            let names = (escaped(&scenario.name), escaped(&file.definition));
            let _ = write!(
                out,
                "    <testcase name=\"{}\" classname=\"{}\"",
                names.0, names.1
            );
            if scenario.ok {
                out.push_str("/>\n");
                continue;
            }
            out.push_str(">\n");
            for mismatch in &scenario.mismatches {
                let _ = writeln!(
                    out,
                    "      <failure message=\"{} is not as expected\">expected:\n{}\nfound:\n{}</failure>",
                    escaped(&mismatch.what),
                    escaped(&mismatch.expected),
                    escaped(&mismatch.found)
                );
            }
            out.push_str("    </testcase>\n");
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// A text as it may stand in XML; what XML cannot hold becomes a replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            letter => out.push(letter),
        }
    }
    out
}
