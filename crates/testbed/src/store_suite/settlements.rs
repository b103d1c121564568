//! Settlements that stand alone: one effect, whoever asks and however often.

use domain::providers::Occasion;
use domain::record::RecordKey;
use domain::settlement::{Applied, Settlement};
use domain::task::RecordChange;
use engine::store::{EventLog as _, Settled, Settlements as _};

use super::bench::{Bench, at, at_once, claim_of, complete_of, fail_of};
use super::{Opener, SettlementOpener};
use crate::deliveries::{stripe_webhook, webhook};

fn asked(key: &RecordKey, text: &str) -> RecordChange {
    match text.split_once(' ').expect("two words") {
        ("claim", execution) => claim_of(key, execution),
        ("complete", transaction) => complete_of(key, transaction),
        (_, error) => fail_of(key, error),
    }
}

/// Every walk of two changes and a settlement: what the store answers, holds and tells is what the
/// rules say.
pub(crate) async fn every_change_of_the_table_is_applied_and_told_as_the_rules_say<
    O: SettlementOpener,
>() {
    let bench = Bench::<O>::new().await;
    let words = [
        "claim x",
        "claim y",
        "complete t",
        "complete u",
        "fail e",
        "fail f",
    ];
    let pairs = words
        .iter()
        .flat_map(|one| words.iter().map(move |two| [*one, *two]));
    let mut told = 0;
    for (number, walk) in pairs.enumerate() {
        let sent = webhook(&format!("evt_{number}")).payment(&format!("pay_{number}"));
        let (_, key) = bench.append(&sent).await;
        told += 1;
        let mut expected = Settlement::Received;
        for word in walk.into_iter().chain(["complete t"]) {
            let change = asked(&key, word);
            let settled = match expected.apply(&change.change, at(7)) {
                Applied::Changed(next) => {
                    expected = next;
                    told += 1;
                    Settled::Done
                }
                Applied::AlreadySo => Settled::Done,
                Applied::Refused => Settled::Refused,
            };
            assert_eq!(
                bench.settle(&change, at(7)).await,
                Ok(settled),
                "{walk:?} {word}"
            );
            let record = bench.record(&key).await.expect("readable").expect("kept");
            assert_eq!(record.settlement, expected, "{walk:?} {word}");
            assert_eq!(record.provider_status, "paid", "{walk:?}");
        }
    }
    assert_eq!(bench.seen().await.feed.len(), told);
}

pub(crate) async fn of_many_that_settle_at_once_one_does<O: SettlementOpener>() {
    let bench = Bench::<O>::new().await;
    let (_, key) = bench.append(&webhook("evt_1")).await;
    let store = &*bench;
    let settled = at_once(8, async |number| {
        let change = complete_of(&key, &format!("t{number}"));
        store.settle(&change, at(7)).await.expect("answered")
    });
    let done = settled.iter().filter(|each| **each == Settled::Done);
    assert_eq!(done.count(), 1, "{settled:?}");
    // One insertion and one change: nobody wrote over the winner.
    assert_eq!(bench.seen().await.feed.len(), 2);
}

pub(crate) async fn what_does_not_exist_is_not_settled<O: SettlementOpener>() {
    let bench = Bench::<O>::new().await;
    let key = RecordKey {
        payment_id: "nobody".to_owned(),
        timestamp: at(7),
    };
    let answer = bench.settle(&claim_of(&key, "x"), at(7)).await;
    assert_eq!(answer, Ok(Settled::NoRecord));
    assert_eq!(bench.record(&key).await, Ok(None));
}

/// Events about payment 1 and, the last but one, 2; of the first two only the event differs.
pub(super) async fn append_told_twice<O: Opener>(bench: &Bench<O>) -> Vec<RecordKey> {
    let mut keys = Vec::new();
    for (event, payment, occasion, amount) in [
        (1, 1, Occasion::Captured, "10"),
        (2, 1, Occasion::Captured, "10"),
        (3, 1, Occasion::Captured, "12"),
        (4, 1, Occasion::Authorized, "10"),
        (5, 2, Occasion::Captured, "10"),
    ] {
        let sent = stripe_webhook(event, payment, occasion, amount);
        keys.push(bench.append(&sent).await.1);
    }
    // A generic event is nobody's twin, whatever it says.
    keys.push(bench.append(&webhook("evt_1")).await.1);
    keys
}

/// Which of the records find another that was settled for them, and that it is the first.
pub(super) async fn with_a_twin<O: Opener>(bench: &Bench<O>, keys: &[RecordKey]) -> Vec<usize> {
    let mut found = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        let record = bench.record(key).await.expect("readable").expect("kept");
        if let Some(twin) = bench.settled_before(&record).await.expect("readable") {
            let first = bench.record(&keys[0]).await.expect("readable");
            assert_eq!(Some(twin), first);
            found.push(number);
        }
    }
    found
}

pub(crate) async fn what_was_settled_for_one_event_is_found_for_another_about_the_same<
    O: SettlementOpener,
>() {
    let bench = Bench::<O>::new().await;
    let keys = append_told_twice(&bench).await;
    for (change, expected) in [
        (claim_of(&keys[0], "x"), &[][..]),
        (complete_of(&keys[0], "t"), &[1]),
        (fail_of(&keys[1], "e"), &[1]),
    ] {
        assert_eq!(bench.settle(&change, at(7)).await, Ok(Settled::Done));
        assert_eq!(with_a_twin(&bench, &keys).await, expected, "{change:?}");
    }
}
