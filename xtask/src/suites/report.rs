//! What a person reads at the end. The last line is for machines too: `N passed, N failed`.

use std::time::Duration;

use super::Suite;
use super::count::Count;

/// How one suite went.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) count: Count,
    pub(crate) took: Duration,
}

/// Names the suites.
pub(crate) fn list(suites: &[&Suite]) {
    for suite in suites {
        let slow = if suite.slow { " (slow)" } else { "" };
        println!("{:<12} {}{slow}", suite.name, suite.what);
        for need in suite.needs {
            println!("{:<12}   needs {need:?}", "");
        }
    }
}

/// Prints the table and the last line; gives the number of failures.
pub(crate) fn summary(lines: &[Line]) -> u64 {
    println!(
        "\n{:<12} {:<8} {:>8} {:>8} {:>9}",
        "suite", "result", "passed", "failed", "seconds"
    );
    let mut total = Count::default();
    for line in lines {
        let count = line.count;
        let result = if count.failed == 0 { "ok" } else { "FAILED" };
        let seconds = line.took.as_secs_f64();
        let Count { passed, failed } = count;
        println!(
            "{:<12} {result:<8} {passed:>8} {failed:>8} {seconds:>9.1}",
            line.name
        );
        total.add(count);
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    total.failed
}
