//! Commits: all of a step or nothing of it, and only by whoever saw the step before.

use bytes::Bytes;
use domain::record::RecordKey;
use domain::settlement::{Applied, Settlement};
use domain::task::RecordChange;
use engine::store::{
    ChangeFeed as _, Claimed, Committed, EventLog as _, ExecutionDetail, ExecutionStatus,
    Executions as _, Inspect as _, Lease, StepRecord,
};

use super::bench::{
    Bench, LEASE, at, at_once, claim_of, complete_of, drain, expect_wakeup, fail_of, progress, seq,
};
use super::settlements::{append_told_twice, with_a_twin};
use super::{Ending, StoreOpener};

fn execution<O: StoreOpener>(bench: &Bench<O>, sequence: u64) -> ExecutionDetail {
    let found = bench.execution(seq(sequence)).expect("readable");
    found.expect("it was started")
}

fn steps(rows: &[(i64, &str)]) -> Vec<StepRecord> {
    let step = |(time, text): &(i64, &str)| StepRecord {
        at: at(*time),
        text: Bytes::copy_from_slice(text.as_bytes()),
    };
    rows.iter().map(step).collect()
}

async fn settlement<O: StoreOpener>(bench: &Bench<O>, key: &RecordKey) -> Settlement {
    let record = bench.record(key).await.expect("readable");
    record.expect("kept").settlement
}

/// One execution, claimed at 10; and its record's key.
async fn claimed<O: StoreOpener>() -> (Bench<O>, Claimed, RecordKey) {
    let bench = Bench::<O>::with_started(1).await;
    let claimed = bench.claim(1, 10);
    let key = claimed.change.key.clone();
    (bench, claimed, key)
}

pub(crate) async fn a_commit_is_seen_whole<O: StoreOpener>() {
    let (mut bench, claimed, key) = claimed::<O>().await;
    let mut step = progress(&claimed, 50);
    step.status = ExecutionStatus::Failed;
    step.snapshot = Bytes::from_static(b"\x00snapshot\xFF");
    step.steps = vec![Bytes::from_static(b"one"), Bytes::from_static(b"\xFF")];
    step.changes = vec![fail_of(&key, "PaymentDeclined")];
    step.due_at = Some(at(60));
    step.lease = Lease::Release;
    assert_eq!(bench.committed(step).await, Committed::Done);
    for ending in [Ending::Clean, Ending::Crash] {
        let ExecutionDetail {
            summary,
            snapshot,
            steps,
            ..
        } = execution(&bench, 1);
        assert_eq!(summary.status, ExecutionStatus::Failed);
        assert_eq!((summary.started_at, summary.updated_at), (at(10), at(50)));
        assert_eq!(summary.due_at, Some(at(60)));
        assert_eq!(snapshot, Some(Bytes::from_static(b"\x00snapshot\xFF")));
        let texts: Vec<_> = steps.iter().map(|step| (step.at, &*step.text)).collect();
        assert_eq!(texts, [(at(50), &b"one"[..]), (at(50), &b"\xFF"[..])]);
        let failed = Settlement::Failed {
            error: "PaymentDeclined".to_owned(),
            cause: "because".to_owned(),
            updated_at: at(50),
        };
        assert_eq!(settlement(&bench, &key).await, failed);
        assert_eq!(bench.feed().len(), 2);
        bench = bench.reopened(ending).await;
    }
    assert_eq!(bench.claim(1, 60).generation, 1);
}

pub(crate) async fn each_commit_makes_the_generation_one_more<O: StoreOpener>() {
    let (bench, mut claimed, _) = claimed::<O>().await;
    for generation in 0..5 {
        claimed.generation = generation;
        let mut step = progress(&claimed, 20);
        step.lease = Lease::KeepUntil(at(110));
        assert_eq!(bench.committed(step).await, Committed::Done);
    }
    assert_eq!(bench.try_claim(1, 20), None);
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(bench.claim(1, 20).generation, 5);
}

pub(crate) async fn a_stale_commit_writes_nothing<O: StoreOpener>() {
    let (bench, first, key) = claimed::<O>().await;
    // The lease ends, and somebody else moves the execution.
    let second = bench.claim(1, 110);
    assert_eq!(second.generation, first.generation);
    assert_eq!(
        bench.committed(progress(&second, 120)).await,
        Committed::Done
    );
    let before = bench.observed().await;
    let mut late = progress(&first, 130);
    late.status = ExecutionStatus::Succeeded;
    late.changes = vec![complete_of(&key, "txn")];
    late.due_at = None;
    assert_eq!(bench.committed(late.clone()).await, Committed::Stale);
    late.generation = 2;
    assert_eq!(bench.committed(late.clone()).await, Committed::Stale);
    // A change that would be refused does not make it any less stale.
    late.changes = vec![claim_of(&key, "x"), claim_of(&key, "y")];
    assert_eq!(bench.committed(late.clone()).await, Committed::Stale);
    bench.observed().await.assert_like(&before);
    assert_eq!(bench.next_due(), Ok(Some(at(120))));
    late.generation = 1;
    late.changes.truncate(1);
    assert_eq!(bench.committed(late).await, Committed::Done);
}

pub(crate) async fn of_many_commits_of_one_generation_one_is_done<O: StoreOpener>() {
    let (bench, claimed, key) = claimed::<O>().await;
    let store = &*bench;
    let answers = at_once(6, async |number| {
        let mut step = progress(&claimed, 20);
        step.steps = vec![Bytes::from(format!("by {number}"))];
        step.changes = vec![complete_of(&key, &format!("txn {number}"))];
        store.commit(step).await.expect("it is answered")
    });
    let done: Vec<_> = (0..6)
        .filter(|number| answers[*number] == Committed::Done)
        .collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    assert!(!answers.contains(&Committed::Refused), "{answers:?}");
    let won = format!("by {}", done[0]);
    assert_eq!(execution(&bench, 1).steps, steps(&[(20, &won)]));
    assert_eq!(bench.feed().len(), 2);
}

pub(crate) async fn an_ended_lease_alone_makes_no_commit_stale<O: StoreOpener>() {
    let (bench, claimed, _) = claimed::<O>().await;
    let late = progress(&claimed, 10_000);
    assert_eq!(bench.committed(late).await, Committed::Done);
}

pub(crate) async fn a_refused_commit_writes_nothing<O: StoreOpener>() {
    let (bench, mut claimed, key) = claimed::<O>().await;
    let mut step = progress(&claimed, 20);
    step.changes = vec![complete_of(&key, "txn")];
    step.lease = Lease::KeepUntil(at(110));
    assert_eq!(bench.committed(step).await, Committed::Done);
    claimed.generation = 1;
    let before = bench.observed().await;
    for change in [
        claim_of(&key, "x"),
        complete_of(&key, "other"),
        fail_of(&key, "e"),
    ] {
        let mut step = progress(&claimed, 30);
        step.status = ExecutionStatus::Succeeded;
        step.changes = vec![change];
        step.due_at = None;
        assert_eq!(bench.committed(step).await, Committed::Refused);
        bench.observed().await.assert_like(&before);
    }
    // The generation has not moved: the holder may say something else.
    let step = progress(&claimed, 40);
    assert_eq!(bench.committed(step).await, Committed::Done);
}

pub(crate) async fn a_refusal_takes_the_changes_before_it_along<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    let feed = bench.feed();
    let (one, two) = (&feed[0].key, &feed[1].key);
    bench
        .moved(2, 20, |step| step.changes = vec![complete_of(two, "txn")])
        .await;
    let before = bench.observed().await;
    let claimed = bench.claim(1, 30);
    let mut step = progress(&claimed, 30);
    step.changes = vec![
        claim_of(one, "x"),
        complete_of(one, "txn"),
        claim_of(two, "x"),
        complete_of(two, "txn"),
    ];
    assert_eq!(bench.committed(step).await, Committed::Refused);
    bench.observed().await.assert_like(&before);
    let bench = bench.reopened(Ending::Crash).await;
    bench.observed().await.assert_like(&before);
}

pub(crate) async fn changes_are_applied_in_order_each_on_the_one_before<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    let feed = bench.feed();
    let (one, two) = (&feed[0].key, &feed[1].key);
    let before = bench.record(one).await.expect("readable").expect("kept");
    bench
        .moved(1, 30, |step| {
            step.changes = vec![
                claim_of(one, "x"),
                fail_of(two, "e"),
                claim_of(one, "x"),
                complete_of(one, "txn"),
                complete_of(one, "txn"),
            ];
        })
        .await;
    let after = bench.record(one).await.expect("readable").expect("kept");
    let told = bench.feed().split_off(2);
    let keys: Vec<_> = told.iter().map(|change| &change.key).collect();
    assert_eq!(keys, [one, two, one]);
    assert!(told.iter().all(|change| change.at == at(30)));
    assert_eq!(told[0].old_image, Some(before.image()));
    assert_eq!(told[2].old_image, told[0].new_image);
    assert_eq!(told[2].new_image, Some(after.image()));
    assert_eq!(bench.feed_head(), Ok(seq(5)));
}

pub(crate) async fn what_is_already_so_writes_no_entry_and_refuses_nothing<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    let key = bench.feed()[0].key.clone();
    let mut now = 20;
    for change in [
        claim_of(&key, "x"),
        fail_of(&key, "e"),
        complete_of(&key, "txn"),
    ] {
        let change = || vec![change.clone()];
        bench.moved(1, now, |step| step.changes = change()).await;
        let before = bench.observed().await;
        let held = settlement(&bench, &key).await;
        bench
            .moved(1, now + 1, |step| step.changes = change())
            .await;
        assert_eq!(settlement(&bench, &key).await, held);
        assert_eq!(bench.feed(), before.feed);
        let (after, before) = (execution(&bench, 1), &before.executions[0]);
        assert_eq!(after.steps.len(), before.steps.len() + 1);
        assert_eq!(after.summary.updated_at, at(now + 1));
        now += 10;
    }
}

pub(crate) async fn every_change_of_the_table_is_applied_as_the_rules_say<O: StoreOpener>() {
    let changes: [fn(&RecordKey) -> RecordChange; 6] = [
        |key| claim_of(key, "x"),
        |key| claim_of(key, "y"),
        |key| complete_of(key, "txn"),
        |key| complete_of(key, "other"),
        |key| fail_of(key, "e"),
        |key| fail_of(key, "f"),
    ];
    let count = changes.len();
    // Every three changes one after the other, each on an event of its own.
    for first in 0..count {
        let bench = Bench::<O>::with_started(36).await;
        for (index, change) in bench.feed().into_iter().enumerate() {
            let key = change.key;
            let number = change.sequence.get();
            let mut expected = Settlement::Received;
            for (now, which) in [(400, first), (401, index / count), (402, index % count)] {
                let change = changes[which](&key);
                let mut step = progress(&bench.claim(number, now), now);
                step.changes = vec![change.clone()];
                let committed = bench.committed(step).await;
                match expected.apply(&change.change, at(now)) {
                    Applied::Changed(changed) => {
                        assert_eq!(committed, Committed::Done);
                        expected = changed;
                    }
                    Applied::AlreadySo => assert_eq!(committed, Committed::Done),
                    Applied::Refused => {
                        assert_eq!(committed, Committed::Refused);
                        bench.release(seq(number));
                    }
                }
                assert_eq!(settlement(&bench, &key).await, expected);
            }
        }
    }
}

pub(crate) async fn a_kept_lease_goes_on_until_the_commit_says<O: StoreOpener>() {
    let (bench, mut claimed, _) = claimed::<O>().await;
    // Claimed at 10 for 100: the first commit makes it longer, the second shorter.
    for (until, generation) in [(150, 0), (90, 1)] {
        claimed.generation = generation;
        let mut step = progress(&claimed, 50);
        step.lease = Lease::KeepUntil(at(until));
        step.due_at = Some(at(20));
        assert_eq!(bench.committed(step).await, Committed::Done);
        assert_eq!(bench.next_due(), Ok(None));
        assert_eq!(bench.claim_numbers(until.min(89), 9), [0; 0]);
        assert_eq!(bench.try_claim(1, until.min(89)), None);
    }
    assert_eq!(bench.claim_numbers(90, 9), [1]);
}

pub(crate) async fn a_released_execution_is_due_when_the_commit_says<O: StoreOpener>() {
    let (bench, claimed, _) = claimed::<O>().await;
    let mut step = progress(&claimed, 50);
    step.due_at = Some(at(70));
    assert_eq!(bench.committed(step).await, Committed::Done);
    assert_eq!(bench.next_due(), Ok(Some(at(70))));
    assert_eq!(bench.claim_numbers(69, 9), [0; 0]);
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(bench.next_due(), Ok(Some(at(70))));
    assert_eq!(bench.claim_numbers(69, 9), [0; 0]);
    assert_eq!(bench.claim_numbers(70, 9), [1]);
}

pub(crate) async fn an_execution_at_rest_is_not_due<O: StoreOpener>() {
    let (bench, claimed, _) = claimed::<O>().await;
    let mut step = progress(&claimed, 50);
    step.status = ExecutionStatus::Succeeded;
    step.due_at = None;
    assert_eq!(bench.committed(step).await, Committed::Done);
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(bench.next_due(), Ok(None));
    assert_eq!(bench.claim_numbers(i64::MAX, 9), [0; 0]);
    assert_eq!(execution(&bench, 1).summary.due_at, None);
}

pub(crate) async fn steps_are_appended_in_order<O: StoreOpener>() {
    let mut bench = Bench::<O>::with_started(2).await;
    let batches: [&[&'static str]; 5] = [&["a", "b"], &[], &["c"], &["", "a"], &["d", "e", "f"]];
    for (now, batch) in (20..).zip(batches) {
        let texts = batch.iter().map(|text| Bytes::from_static(text.as_bytes()));
        bench
            .moved(1, now, |step| step.steps = texts.collect())
            .await;
        bench.moved(2, now, |step| step.steps.clear()).await;
        bench = bench.reopened(Ending::Crash).await;
    }
    let expected = [
        (20, "a"),
        (20, "b"),
        (22, "c"),
        (23, ""),
        (23, "a"),
        (24, "d"),
        (24, "e"),
        (24, "f"),
    ];
    assert_eq!(execution(&bench, 1).steps, steps(&expected));
    assert_eq!(execution(&bench, 2).steps, []);
}

pub(crate) async fn a_redrive_takes_an_execution_up_again<O: StoreOpener>() {
    let (bench, claimed, key) = claimed::<O>().await;
    let mut step = progress(&claimed, 20);
    step.status = ExecutionStatus::Failed;
    step.changes = vec![fail_of(&key, "e")];
    step.due_at = None;
    assert_eq!(bench.committed(step).await, Committed::Done);
    assert_eq!(bench.counts().expect("readable").dead_letters, 1);
    bench.moved(1, 30, |step| step.due_at = Some(at(30))).await;
    let counts = bench.counts().expect("readable");
    assert_eq!((counts.dead_letters, counts.running), (0, 1));
    assert_eq!(bench.claim_numbers(30, 9), [1]);
}

pub(crate) async fn a_stale_or_refused_commit_leaves_the_lease_alone<O: StoreOpener>() {
    let (bench, mut claimed, key) = claimed::<O>().await;
    let mut step = progress(&claimed, 20);
    step.changes = vec![complete_of(&key, "txn")];
    step.lease = Lease::KeepUntil(at(110));
    assert_eq!(bench.committed(step).await, Committed::Done);
    let mut stale = progress(&claimed, 20);
    stale.lease = Lease::Release;
    assert_eq!(bench.committed(stale).await, Committed::Stale);
    assert_eq!(bench.try_claim(1, 20), None);
    claimed.generation = 1;
    let mut refused = progress(&claimed, 20);
    refused.changes = vec![claim_of(&key, "x")];
    assert_eq!(bench.committed(refused).await, Committed::Refused);
    assert_eq!(bench.try_claim(1, 20), None);
    assert_eq!(bench.claim_due(at(109), LEASE, 9), Ok(vec![]));
}

pub(crate) async fn a_release_wakes_who_waits_for_due_executions<O: StoreOpener>() {
    let (bench, claimed, _) = claimed::<O>().await;
    drain(bench.due_wakeup()).await;
    assert_eq!(
        bench.committed(progress(&claimed, 20)).await,
        Committed::Done
    );
    expect_wakeup(bench.due_wakeup(), "a commit that releases").await;
    // One that is due later moves the time that is waited for.
    let mut step = progress(&bench.claim(1, 30), 30);
    step.due_at = Some(at(90));
    drain(bench.due_wakeup()).await;
    assert_eq!(bench.committed(step).await, Committed::Done);
    expect_wakeup(bench.due_wakeup(), "a commit that releases until later").await;
}

pub(crate) async fn what_an_execution_has_settled_is_found_for_another_event_about_the_same<
    O: StoreOpener,
>() {
    let mut bench = Bench::<O>::new().await;
    let keys = append_told_twice(&bench).await;
    bench.start(1, 10).await;
    assert_eq!(with_a_twin(&bench, &keys).await, &[] as &[usize]);
    let complete = complete_of(&keys[0], "t");
    bench
        .moved(1, 20, |step| step.changes = vec![complete])
        .await;
    assert_eq!(with_a_twin(&bench, &keys).await, [1]);
    bench = bench.reopened(Ending::Crash).await;
    assert_eq!(with_a_twin(&bench, &keys).await, [1]);
}
