//! Every rule on both sides of its limits.

use domain::secret::Secret;
use domain::source::{Handling, SourceName};
use engine::metrics::{Buckets, Metrics};

use super::super::reading::{Disk, Shelf};
use super::*;
use crate::config::sources::SourceConfig;

const MINUTE: i64 = 60;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

/// A source with secrets: label, start and end.
fn source(name: &str, secrets: &[(&str, Option<i64>, Option<i64>)]) -> Source {
    let config = "secrets = [{ value = 'key', in_clear = true }]";
    let template: SourceConfig = toml::from_str(config).unwrap();
    let template = template.build("generic").unwrap();
    let secrets = secrets.iter().map(|(label, start, end)| {
        let mut secret = Secret::new(*label, "key");
        if let Some(start) = start {
            secret = secret.starting_at(at(*start));
        }
        if let Some(end) = end {
            secret = secret.retiring_at(at(*end));
        }
        secret
    });
    Source {
        name: SourceName::try_new(name).unwrap(),
        secrets: secrets.collect(),
        when_authenticated: Handling::Accept,
        ..template
    }
}

fn judge(config: &str, sources: &[Source]) -> Judge {
    Judge::new(toml::from_str(config).unwrap(), sources, at(0))
}

/// A reading of a payhook where all is well.
fn well(second: i64) -> Reading {
    Reading {
        at: at(second),
        store: Ok(Shelf {
            dead_letters: 0,
            waiting_since: None,
        }),
        counted: Counted::default(),
        disk: Some(Disk {
            free: 50 << 30,
            total: 100 << 30,
        }),
    }
}

fn with(second: i64, change: impl FnOnce(&mut Reading)) -> Reading {
    let mut reading = well(second);
    change(&mut reading);
    reading
}

#[track_caller]
fn check(judge: &mut Judge, reading: &Reading, id: &str, verdict: Verdict, what: &str) {
    let found = judge.look(reading);
    let one = found.iter().find(|seen| seen.id.to_string() == id);
    let one = one.unwrap_or_else(|| panic!("{id} is missing in {found:?}"));
    assert_eq!((one.verdict, one.what.as_str()), (verdict, what), "{id}");
}

#[test]
fn where_all_is_well_nothing_is_wrong_once_enough_was_seen() {
    let mut judge = judge("", &[source("shop", &[("main", None, None)])]);
    let verdicts = |judge: &mut Judge, second| -> Vec<(String, Verdict)> {
        let reading = with(second, |reading| {
            reading.counted.quarantined.insert("shop".to_owned(), 0);
        });
        let found = judge.look(&reading);
        found
            .into_iter()
            .map(|seen| (seen.id.to_string(), seen.verdict))
            .collect()
    };
    let expected = |windowed| {
        [
            ("store_unavailable", windowed),
            ("disk_space", Verdict::Fine),
            ("dead_letters", Verdict::Fine),
            ("failure_rate", windowed),
            ("backlog_age", Verdict::Fine),
            ("ack_latency", windowed),
            ("quarantine_growth:shop", windowed),
        ]
        .map(|(id, verdict)| (id.to_owned(), verdict))
    };
    assert_eq!(verdicts(&mut judge, 1), expected(Verdict::Unknown));
    assert_eq!(verdicts(&mut judge, 15 * MINUTE), expected(Verdict::Fine));
}

#[test]
fn a_store_that_fails_is_wrong_and_hides_what_it_holds() {
    let mut judge = judge("", &[]);
    for (unavailable, what) in [
        (
            Unavailable::Unreadable,
            "Webhooks cannot be kept: the store cannot be read.",
        ),
        (
            Unavailable::Overloaded,
            "Webhooks cannot be kept: the store's queue is full.",
        ),
    ] {
        let reading = with(1, |reading| reading.store = Err(unavailable));
        check(
            &mut judge,
            &reading,
            "store_unavailable",
            Verdict::Bad,
            what,
        );
        check(&mut judge, &reading, "dead_letters", Verdict::Unknown, what);
        check(&mut judge, &reading, "backlog_age", Verdict::Unknown, what);
    }
    let told_503 = |second, not_kept| with(second, |reading| reading.counted.not_kept = not_kept);
    let bad = "2 webhooks were not kept in the last 1 min.";
    check(
        &mut judge,
        &told_503(100, 2),
        "store_unavailable",
        Verdict::Bad,
        bad,
    );
    check(
        &mut judge,
        &told_503(159, 2),
        "store_unavailable",
        Verdict::Bad,
        bad,
    );
    let fine = "Webhooks are kept.";
    check(
        &mut judge,
        &told_503(160, 2),
        "store_unavailable",
        Verdict::Fine,
        fine,
    );
}

#[test]
fn a_disk_is_full_by_bytes_or_by_percent() {
    let mut judge = judge(
        "disk_space = { free_bytes_min = 1000, free_percent_min = 10 }",
        &[],
    );
    for (free, total, verdict, what) in [
        (
            1000,
            10_000,
            Verdict::Fine,
            "1000 B of 9.7 KiB (10 %) are free.",
        ),
        (
            999,
            2_000,
            Verdict::Bad,
            "999 B of 1.9 KiB (49 %) are free.",
        ),
        (
            1000,
            10_001,
            Verdict::Bad,
            "1000 B of 9.7 KiB (9 %) are free.",
        ),
    ] {
        let reading = with(1, |reading| reading.disk = Some(Disk { free, total }));
        check(&mut judge, &reading, "disk_space", verdict, what);
    }
    let silent = with(1, |reading| reading.disk = None);
    check(
        &mut judge,
        &silent,
        "disk_space",
        Verdict::Unknown,
        "The disk does not say.",
    );
}

#[test]
fn dead_letters_are_counted_and_a_backlog_is_as_old_as_its_oldest() {
    let mut judge = judge(
        "dead_letters = { executions_max = 1 }\nbacklog_age = { age_seconds_max = 60 }",
        &[],
    );
    for (dead_letters, since, letters, backlog) in [
        (0, None, Verdict::Fine, Verdict::Fine),
        (1, Some(40), Verdict::Fine, Verdict::Fine),
        (2, Some(39), Verdict::Bad, Verdict::Bad),
        // Due in the future: a retry that waits its turn.
        (0, Some(500), Verdict::Fine, Verdict::Fine),
    ] {
        let reading = with(100, |reading| {
            reading.store = Ok(Shelf {
                dead_letters,
                waiting_since: since.map(at),
            });
        });
        let found = judge.look(&reading);
        let of = |rule: Rule| found.iter().find(|seen| seen.id.rule == rule).unwrap();
        assert_eq!(of(Rule::DeadLetters).verdict, letters, "{dead_letters}");
        assert_eq!(of(Rule::DeadLetters).level, dead_letters);
        assert_eq!(of(Rule::BacklogAge).verdict, backlog, "{since:?}");
    }
    let reading = with(200, |reading| {
        reading.store = Ok(Shelf {
            dead_letters: 1,
            waiting_since: Some(at(19)),
        });
    });
    let what = "1 execution ended badly and waits for a person.";
    check(&mut judge, &reading, "dead_letters", Verdict::Fine, what);
    let what = "The oldest of what could go on has waited for 3 min 1 s.";
    check(&mut judge, &reading, "backlog_age", Verdict::Bad, what);
}

#[test]
fn failures_are_a_share_of_what_ended_lately() {
    let limits = "{ window_seconds = 60, percent_max = 20, executions_min = 10 }";
    let mut judge = judge(&format!("failure_rate = {limits}"), &[]);
    let ended = |second, failed, succeeded| {
        with(second, |reading| {
            reading.counted.failed = failed;
            reading.counted.succeeded = succeeded;
        })
    };
    for (second, failed, succeeded, verdict, share) in [
        (
            10,
            9,
            0,
            Verdict::Unknown,
            "9 of 9 executions that ended in the last 1 min ended badly (100 %).",
        ),
        (
            20,
            9,
            1,
            Verdict::Bad,
            "9 of 10 executions that ended in the last 1 min ended badly (90 %).",
        ),
        (
            30,
            9,
            36,
            Verdict::Unknown,
            "9 of 45 executions that ended in the last 1 min ended badly (20 %).",
        ),
        (
            31,
            9,
            35,
            Verdict::Bad,
            "9 of 44 executions that ended in the last 1 min ended badly (20 %).",
        ),
        (
            91,
            9,
            35,
            Verdict::Fine,
            "0 of 0 executions that ended in the last 1 min ended badly (0 %).",
        ),
        (
            92,
            18,
            35,
            Verdict::Fine,
            "9 of 9 executions that ended in the last 1 min ended badly (100 %).",
        ),
        (
            93,
            19,
            35,
            Verdict::Bad,
            "10 of 10 executions that ended in the last 1 min ended badly (100 %).",
        ),
    ] {
        check(
            &mut judge,
            &ended(second, failed, succeeded),
            "failure_rate",
            verdict,
            share,
        );
    }
}

#[test]
fn slow_answers_are_those_of_lately() {
    let limits = "{ window_seconds = 60, p99_ms_max = 100, webhooks_min = 2 }";
    let mut judge = judge(&format!("ack_latency = {limits}"), &[]);
    let metrics = Metrics::default();
    let mut answered = |second, seconds: &[f64], verdict, many| {
        seconds
            .iter()
            .for_each(|each| metrics.ack_seconds.observe(*each));
        let reading = with(second, |reading| {
            reading.counted.acks = Buckets::of(&metrics.ack_seconds);
        });
        let found = judge.look(&reading);
        let seen = found
            .iter()
            .find(|seen| seen.id.rule == Rule::AckLatency)
            .unwrap();
        assert_eq!(seen.verdict, verdict, "{seen:?}");
        assert!(
            seen.what.ends_with(&format!("({many} in all).")),
            "{seen:?}"
        );
    };
    answered(1, &[3.0], Verdict::Unknown, 1);
    answered(2, &[3.0], Verdict::Bad, 2);
    answered(60, &[], Verdict::Bad, 2);
    answered(62, &[0.001, 0.002], Verdict::Fine, 2);
}

#[test]
fn refused_deliveries_count_for_each_source() {
    let limits = "{ window_seconds = 60, deliveries_max = 10, sources = { shop = 2 } }";
    let sources = [source("shop", &[]), source("other", &[])];
    let mut judge = judge(&format!("quarantine_growth = {limits}"), &sources);
    let refused = |second, shop, other| {
        with(second, |reading| {
            let counts = [("shop".to_owned(), shop), ("other".to_owned(), other)];
            reading.counted.quarantined = counts.into();
        })
    };
    let look = |judge: &mut Judge, reading: &Reading| -> Vec<(String, Verdict, u64)> {
        let found = judge.look(reading).into_iter();
        let found = found.filter(|seen| seen.id.rule == Rule::QuarantineGrowth);
        found
            .map(|seen| (seen.id.subject, seen.verdict, seen.level))
            .collect()
    };
    let expected = |other, shop| {
        let one = |name: &str, (verdict, level)| (name.to_owned(), verdict, level);
        vec![one("other", other), one("shop", shop)]
    };
    assert_eq!(
        look(&mut judge, &refused(60, 2, 10)),
        expected((Verdict::Fine, 10), (Verdict::Fine, 2))
    );
    assert_eq!(
        look(&mut judge, &refused(121, 5, 21)),
        expected((Verdict::Bad, 11), (Verdict::Bad, 3))
    );
}

#[test]
fn a_secret_is_old_when_it_ends_soon_or_a_newer_one_has_taken_over() {
    let limits = "{ window_seconds = 60, retires_within_seconds = 100, grace_seconds = 50 }";
    let shop = source(
        "shop",
        &[
            ("first", None, None),
            ("second", Some(1000), None),
            ("ends", Some(1000), Some(2000)),
        ],
    );
    let lone = source("lone", &[("only", None, None), ("other", None, None)]);
    let mut judge = judge(&format!("old_secret_used = {limits}"), &[shop, lone]);
    let mut uses = 0;
    let mut look = |second| -> Vec<(String, Verdict)> {
        uses += 1;
        let reading = with(second, |reading| {
            let labels = ["shop/first", "shop/second", "shop/ends", "lone/only"];
            reading.counted.proved = labels.map(|label| (label.to_owned(), uses)).into();
        });
        let found = judge.look(&reading).into_iter();
        let found = found.filter(|seen| seen.id.rule == Rule::OldSecretUsed);
        found.map(|seen| (seen.id.subject, seen.verdict)).collect()
    };
    let expected = |first, ends| vec![("shop/first".into(), first), ("shop/ends".into(), ends)];
    for (second, first, ends) in [
        (1, Verdict::Fine, Verdict::Fine),
        (1049, Verdict::Fine, Verdict::Fine),
        (1050, Verdict::Bad, Verdict::Fine),
        (1899, Verdict::Bad, Verdict::Fine),
        (1900, Verdict::Bad, Verdict::Bad),
    ] {
        assert_eq!(look(second), expected(first, ends), "{second}");
    }
}

#[test]
fn an_old_secret_that_is_not_used_is_fine() {
    let limits = "{ window_seconds = 60, retires_within_seconds = 100 }";
    let shop = source("shop", &[("ends", None, Some(1000))]);
    let mut judge = judge(&format!("old_secret_used = {limits}"), &[shop]);
    let proved = |second, uses| {
        with(second, |reading| {
            reading.counted.proved = [("shop/ends".to_owned(), uses)].into();
        })
    };
    let end = "It ends at 1970-01-01T00:16:40.000Z.";
    for (second, uses, verdict, many) in [
        (940, 0, Verdict::Fine, "0 deliveries"),
        (941, 1, Verdict::Bad, "1 delivery"),
        (1001, 1, Verdict::Fine, "0 deliveries"),
    ] {
        let end = if second > 1000 {
            "It ended at 1970-01-01T00:16:40.000Z."
        } else {
            end
        };
        let what = format!("Secret shop/ends proved {many} in the last 1 min. {end}");
        let id = "old_secret_used:shop/ends";
        check(&mut judge, &proved(second, uses), id, verdict, &what);
    }
}
