//! How many tests passed and failed, read from what the test runners print.

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Count {
    /// Adds another runner's count.
    pub(crate) fn add(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// What a printed line adds: the summary line of nextest, of one target of `cargo test`, or of
    /// one project of Vitest.
    pub(crate) fn of_line(line: &str) -> Count {
        let line = without_colour(line);
        let line = line.trim_start();
        let tail = match (
            line.strip_prefix("Summary ["),
            line.strip_prefix("test result: "),
            line.strip_prefix("Tests  "),
        ) {
            (Some(tail), _, _) => tail.split_once(" run: ").map_or("", |(_, tail)| tail),
            (None, Some(tail), _) | (None, None, Some(tail)) => tail,
            (None, None, None) => return Count::default(),
        };
        let mut count = Count::default();
        let mut before = "";
        for word in tail
            .split([' ', ',', ';', '(', ')', '.'])
            .filter(|word| !word.is_empty())
        {
            let number = before.parse().unwrap_or(0);
            match word {
                "passed" => count.passed += number,
                // "timed out" and "exec failed" are two words each.
                "failed" | "timed" | "exec" => count.failed += number,
                _ => {}
            }
            before = word;
        }
        count
    }
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after
            .split_once(|end: char| end.is_ascii_alphabetic())
            .map_or("", |(_, tail)| tail);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_counted_and_other_lines_are_not() {
        let cases = [
            (
                "     Summary [   0.010s] 5 tests run: 4 passed, 1 failed, 0 skipped",
                4,
                1,
            ),
            (
                "     Summary [  61.2s] 9 tests run: 6 passed (1 slow), 1 failed, 2 timed out, 3 skipped",
                6,
                3,
            ),
            (
                "     Summary [  1.0s] 3/9 tests run: 2 passed, 1 exec failed, 0 skipped",
                2,
                1,
            ),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m \u{1b}[32mpassed\u{1b}[0m, 0 skipped",
                1,
                0,
            ),
            (
                "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
                12,
                0,
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
                3,
                2,
            ),
            ("      Tests  12 passed (12)", 12, 0),
            (
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m2 failed\u{1b}[22m | \u{1b}[1m1 passed\u{1b}[22m (3)",
                1,
                2,
            ),
            (" Test Files  1 failed | 3 passed (4)", 0, 0),
            ("test house::arrows::hold ... ok", 0, 0),
            (
                "        PASS [   0.004s] xtask count::tests::7 passed",
                0,
                0,
            ),
        ];
        for (line, passed, failed) in cases {
            assert_eq!(Count::of_line(line), Count { passed, failed }, "{line}");
        }
    }
}
