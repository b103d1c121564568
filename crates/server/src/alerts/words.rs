//! What people read: how much, for how long, and what to do next. Never a secret, never a byte of
//! what was received.

use domain::time::Millis;
use engine::store::Unavailable;

use super::rule::Rule;

/// A number with its noun.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

/// The same as a sentence, which says "No" for none.
pub(crate) fn sentence(number: u64, one: &str, many: &str) -> String {
    match number {
        0 => format!("No {one}"),
        _ => count(number, one, many),
    }
}

/// A span of time in its two largest units.
pub(crate) fn span(span: Millis) -> String {
    let seconds = span.get() / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {smaller}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => two(minutes, "min", seconds % 60, "s"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        (_, _, _) => two(days, "d", hours % 24, "h"),
    }
}

/// A number of bytes, rounded down to a tenth of its unit.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut text = format!("{bytes} B");
    for (unit, power) in units.into_iter().zip(1_u32..) {
        let size = 1_u128 << (10 * power);
        let tenths = u128::from(bytes) * 10 / size;
        if tenths < 10 {
            break;
        }
        text = format!("{}.{} {unit}", tenths / 10, tenths % 10);
    }
    text
}

/// How many of a hundred `part` is of `whole`, rounded down; nothing of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// Why the store does not do what it should.
pub(crate) fn store(unavailable: Unavailable) -> String {
    let why = match unavailable {
        Unavailable::Failed => {
            "the store's disk has failed it. This process ends now, to be started again; /readyz \
             says when webhooks are taken again, and no message will"
        }
        Unavailable::Unreadable => "the store cannot be read",
        Unavailable::Overloaded => "the store's queue is full",
        Unavailable::Closing => "the store is closing",
        Unavailable::Unreachable => "the store cannot be reached",
    };
    format!("Webhooks cannot be kept: {why}.")
}

/// What the rule is called where people read.
pub(crate) const fn title(rule: Rule) -> &'static str {
    match rule {
        Rule::StoreUnavailable => "Webhooks are not kept",
        Rule::DiskSpace => "The disk fills up",
        Rule::DeadLetters => "Executions wait for a person",
        Rule::FailureRate => "Many executions fail",
        Rule::BacklogAge => "The backlog is old",
        Rule::AckLatency => "Answers to providers are slow",
        Rule::QuarantineGrowth => "Deliveries are refused",
        Rule::OldSecretUsed => "An old secret is still in use",
    }
}

/// What to do next.
pub(crate) const fn advice(rule: Rule) -> &'static str {
    match rule {
        Rule::StoreUnavailable => {
            "Providers are told 503 and send again. Look at the disk (`df`, `dmesg`) and at the \
             log; when it is mended: `payhook store check`."
        }
        Rule::DiskSpace => {
            "Make room, or move the data directory to a larger disk: with no room left webhooks \
             are told 503."
        }
        Rule::DeadLetters => {
            "See why: `payhook executions list --status dead_letter`. When the reason is gone: \
             `payhook executions redrive ID`."
        }
        Rule::FailureRate => {
            "Mostly the gateway: `payhook executions list --status dead_letter` shows the errors. \
             Is it down for long, `workflow.enabled = false` takes custody only."
        }
        Rule::BacklogAge => {
            "Is the gateway slow, or processor.concurrency too small, or workflow.enabled = \
             false? `payhook executions list --status running`."
        }
        Rule::AckLatency => {
            "Providers give up after 5 to 30 s. Mostly the disk: compare \
             payhook_store_fsync_seconds with payhook_store_commit_seconds."
        }
        Rule::QuarantineGrowth => {
            "Everything of one source: its secret is wrong, or a proxy changes the body. \
             `payhook quarantine list` says which; mend it, restart, `payhook quarantine promote \
             ID`. Some of it: somebody tries, and nothing gets through."
        }
        Rule::OldSecretUsed => {
            "Put the new secret in at the provider before the old one ends, or its deliveries \
             are refused."
        }
    }
}

/// The dashboard's page about it.
pub(crate) const fn page(rule: Rule) -> &'static str {
    match rule {
        Rule::StoreUnavailable | Rule::DiskSpace | Rule::AckLatency => "/",
        Rule::DeadLetters | Rule::FailureRate => "/executions?status=dead_letter",
        Rule::BacklogAge => "/executions?status=running",
        Rule::QuarantineGrowth => "/quarantine",
        Rule::OldSecretUsed => "/sources",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (millis, text) in [
            (0, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (61_000, "1 min 1 s"),
            (7_260_000, "2 h 1 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Millis::new(millis)), text);
        }
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_610_612_736, "1.5 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!([percent(1, 3), percent(0, 0), percent(7, 7)], [33, 0, 100]);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(sentence(0, "x waits.", "y"), "No x waits.");
        assert_eq!(sentence(1, "x waits.", "y"), "1 x waits.");
    }
}
