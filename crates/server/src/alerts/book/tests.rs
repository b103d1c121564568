//! The book as a whole: who is told, once, and what a restart changes of it.

use domain::time::Millis;
use proptest::prelude::*;

use super::super::target::SendFailure;
use super::super::watch::Verdict;
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn pace() -> Pace {
    Pace {
        lasting: Millis::new(0),
        calm: Millis::new(0),
        repeat: None,
    }
}

fn plan(rules: &[Rule], targets: &[(&str, &[Rule])]) -> Plan {
    let targets = targets.iter();
    Plan {
        paces: rules.iter().map(|rule| (*rule, pace())).collect(),
        targets: targets
            .map(|(name, rules)| ((*name).to_owned(), rules.to_vec()))
            .collect(),
    }
}

fn seen(rule: Rule, subject: &str, verdict: Verdict) -> Observation {
    Observation {
        id: rule.about(subject.to_owned()),
        verdict,
        level: 0,
        what: format!("{subject} is {verdict:?}."),
    }
}

/// Turns and alerts of the message that is to be sent now.
fn told(book: &Book, target: &str, now: i64) -> Vec<(Turn, String)> {
    match book.next(target, at(now)) {
        Next::Send(message) => {
            let notices = message.notices.into_iter();
            let id = |notice: &Notice| notice.rule.about(notice.subject.clone()).to_string();
            notices.map(|notice| (notice.turn, id(&notice))).collect()
        }
        Next::Nothing | Next::At(_) => Vec::new(),
    }
}

#[test]
fn all_that_one_look_finds_is_one_message_for_each_target_that_wants_it() {
    let rules = [Rule::DeadLetters, Rule::QuarantineGrowth];
    let plan = plan(
        &rules,
        &[
            ("all", &[]),
            ("some", &[Rule::DeadLetters]),
            ("none", &[Rule::DiskSpace]),
        ],
    );
    let mut book = Book::default();
    let look = [
        seen(Rule::QuarantineGrowth, "b", Verdict::Bad),
        seen(Rule::QuarantineGrowth, "a", Verdict::Bad),
        seen(Rule::DeadLetters, "", Verdict::Bad),
        // It is off.
        seen(Rule::DiskSpace, "", Verdict::Bad),
    ];
    let found = book.take(&look, &plan, at(1), "m1");
    assert_eq!(found.notices.len(), 3);
    let fired = |id: &str| (Turn::Fired, id.to_owned());
    assert_eq!(
        told(&book, "all", 1),
        [
            fired("dead_letters"),
            fired("quarantine_growth:b"),
            fired("quarantine_growth:a")
        ]
    );
    assert_eq!(told(&book, "some", 1), [fired("dead_letters")]);
    assert_eq!(told(&book, "none", 1), []);
    assert_eq!(book.take(&look, &plan, at(2), "m2"), Told::default());
    assert_eq!(book.outbox("all"), (1, None));
}

#[test]
fn a_restart_tells_nobody_again_and_forgets_no_message() {
    let plan = plan(&[Rule::DeadLetters], &[("ops", &[])]);
    let bad = [seen(Rule::DeadLetters, "", Verdict::Bad)];
    let mut book = Book::default();
    book.take(&bad, &plan, at(1), "m1");
    // It dies before anything was sent …
    let mut book = Book::read(&book.write()).unwrap();
    assert_eq!(book.take(&bad, &plan, at(2), "m2"), Told::default());
    assert_eq!(
        told(&book, "ops", 2),
        [(Turn::Fired, "dead_letters".to_owned())]
    );
    book.tried("ops", "m1", at(3), None);
    // … and after it was.
    let mut book = Book::read(&book.write()).unwrap();
    book.take(&bad, &plan, at(4), "m3");
    assert_eq!(book.next("ops", at(4)), Next::Nothing);
    let fine = [seen(Rule::DeadLetters, "", Verdict::Fine)];
    let found = book.take(&fine, &plan, at(5), "m4");
    assert_eq!(found.notices[0].since, at(1));
    assert_eq!(
        told(&book, "ops", 5),
        [(Turn::Resolved, "dead_letters".to_owned())]
    );
}

#[test]
fn what_nobody_looks_at_any_more_is_told_once_and_forgotten() {
    let all = plan(
        &[Rule::QuarantineGrowth, Rule::DeadLetters],
        &[("ops", &[])],
    );
    let mut book = Book::default();
    let look = [
        seen(Rule::QuarantineGrowth, "gone", Verdict::Bad),
        seen(Rule::QuarantineGrowth, "quiet", Verdict::Fine),
        seen(Rule::DeadLetters, "", Verdict::Bad),
    ];
    book.take(&look, &all, at(1), "m1");
    book.tried("ops", "m1", at(1), None);
    // The source is gone, and the rule is off.
    let less = plan(&[Rule::QuarantineGrowth], &[("ops", &[])]);
    book.take(&look[1..], &less, at(2), "m2");
    let over = |id: &str| (Turn::Unwatched, id.to_owned());
    assert_eq!(
        told(&book, "ops", 2),
        [over("dead_letters"), over("quarantine_growth:gone")]
    );
    assert_eq!(book.take(&look[1..], &less, at(3), "m3"), Told::default());
    assert_eq!(book.open().count(), 0);
}

#[test]
fn a_target_that_is_no_longer_configured_leaves_nothing_behind() {
    let mut book = Book::default();
    let look = [seen(Rule::DeadLetters, "", Verdict::Bad)];
    book.take(
        &look,
        &plan(&[Rule::DeadLetters], &[("old", &[])]),
        at(1),
        "m1",
    );
    book.take(
        &look,
        &plan(&[Rule::DeadLetters], &[("new", &[])]),
        at(2),
        "m2",
    );
    assert_eq!(
        (book.next("old", at(2)), book.next("new", at(2))),
        (Next::Nothing, Next::Nothing)
    );
    assert!(!book.write().contains("\"old\""), "{}", book.write());
}

#[test]
fn a_book_of_another_payhook_is_none() {
    for text in [
        "",
        "{",
        r#"{"watches":{"no_such_rule":{"phase":"quiet"}},"outboxes":{}}"#,
    ] {
        assert!(Book::read(text).is_err(), "{text}");
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Bad),
        Just(Verdict::Fine),
        Just(Verdict::Unknown)
    ]
}

proptest! {
    /// Whatever is seen, whenever it is restarted, and however often a target is away: what it
    /// takes is every message in order, in which a beginning and an end of each alert take turns.
    #[test]
    fn a_target_hears_of_every_beginning_and_every_end_in_turn(
        looks in prop::collection::vec(
            (prop::collection::vec(verdict(), 3), 0_i64..600, any::<bool>(), any::<bool>()),
            1..40,
        ),
    ) {
        let rules = [Rule::QuarantineGrowth];
        let plan = plan(&rules, &[("ops", &[])]);
        let (mut book, mut now, mut heard) = (Book::default(), 0, Vec::new());
        let mut written = 0;
        for (number, (verdicts, step, is_restarted, is_there)) in looks.into_iter().enumerate() {
            now += step;
            let look: Vec<_> = ["a", "b", "c"].into_iter().zip(verdicts)
                .map(|(subject, verdict)| seen(Rule::QuarantineGrowth, subject, verdict))
                .collect();
            let found = book.take(&look, &plan, at(now), &format!("m{number}"));
            written += found.notices.len();
            prop_assert!(found.dropped.is_empty());
            if is_restarted {
                let kept = Book::read(&book.write()).unwrap();
                prop_assert_eq!(&kept, &book);
                book = kept;
            }
            if let Next::Send(message) = book.next("ops", at(now)) {
                let failure = (!is_there).then_some(SendFailure::Unreachable);
                book.tried("ops", &message.id, at(now), failure);
                if is_there {
                    heard.extend(message.notices);
                }
            }
        }
        while book.outbox("ops").0 > 0 {
            now += 300;
            if let Next::Send(message) = book.next("ops", at(now)) {
                book.tried("ops", &message.id, at(now), None);
                heard.extend(message.notices);
            }
        }
        prop_assert_eq!(heard.len(), written);
        for subject in ["a", "b", "c"] {
            let turns = heard.iter().filter(|notice| notice.subject == subject);
            let turns = turns.map(|notice| notice.turn);
            let take_turns = [Turn::Fired, Turn::Resolved].into_iter().cycle();
            prop_assert!(turns.clone().eq(take_turns.take(turns.count())));
        }
    }
}
