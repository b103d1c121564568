//! Looking: listings, filters, pages and details.

use domain::money::Amount;
use domain::payment::Anomaly;
use domain::providers::Occasion;
use domain::time::Timestamp;
use engine::store::{
    AnomalySummary, EventDetail, EventFilter, ExecutionFilter, ExecutionStatus, Executions as _,
    Inspect as _, Page,
};

use super::bench::{Bench, at, claim_of, complete_of, fail_of, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::{SECRET_LABEL, STRIPE, Webhook, stripe_webhook, webhook};

fn events<O: StoreOpener>(bench: &Bench<O>, filter: &EventFilter) -> Vec<u64> {
    let page = bench.list_events(filter, None, 1_000).expect("readable");
    assert_eq!(page.next, None);
    let items = page.items.iter();
    items.map(|each| each.sequence.get()).collect()
}

fn executions<O: StoreOpener>(bench: &Bench<O>, status: Option<ExecutionStatus>) -> Vec<u64> {
    let filter = ExecutionFilter {
        status,
        ..ExecutionFilter::default()
    };
    let page = bench.list_executions(&filter, None, 1_000);
    let page = page.expect("readable");
    assert_eq!(page.next, None);
    let items = page.items.iter();
    items.map(|each| each.sequence.get()).collect()
}

fn event<O: StoreOpener>(bench: &Bench<O>, sent: &Webhook) -> EventDetail {
    let found = bench.event(&sent.event_key().digest()).expect("readable");
    found.expect("kept")
}

pub(crate) async fn events_are_listed_newest_first_in_pages<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(7).await;
    let key = bench.feed()[2].key.clone();
    bench
        .moved(3, 80, |step| step.changes = vec![claim_of(&key, "x")])
        .await;
    bench.append(&webhook("evt_9")).await;
    let filter = EventFilter::default();
    let all = bench
        .list_events(&filter, None, 99)
        .expect("readable")
        .items;
    assert_eq!(events(&bench, &filter), [9, 7, 6, 5, 4, 3, 2, 1]);
    for limit in 1..10 {
        let mut before = None;
        for expected in all.chunks(limit) {
            let page = bench.list_events(&filter, before, limit).expect("readable");
            assert_eq!(page.items, expected, "{limit}");
            before = page.next;
        }
        assert_eq!(before, None, "{limit}");
    }
    for (before, first) in [
        (10, Some(9)),
        (9, Some(7)),
        (8, Some(7)),
        (1, None),
        (0, None),
    ] {
        let page = bench
            .list_events(&filter, Some(before), 1)
            .expect("readable");
        let found = page.items.first().map(|each| each.sequence.get());
        assert_eq!(found, first, "{before}");
    }
}

pub(crate) async fn events_are_filtered_by_payment_status_and_source<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    for (id, payment, status, source) in [
        ("a", "p", "paid", "generic"),
        ("b", "p", "pending", "second"),
        ("c", "q", "paid", "second"),
        ("d", "pp", "PAID", "generic"),
    ] {
        let sent = webhook(id).payment(payment).status(status).source(source);
        bench.append(&sent).await;
    }
    bench.start(1, 10).await;
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 20, |step| step.changes = vec![complete_of(&key, "txn")])
        .await;
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for (payment, status, source, expected) in [
        ("", "", "", vec![4, 3, 2, 1]),
        ("p", "", "", vec![2, 1]),
        ("q", "", "", vec![3]),
        ("", "paid", "", vec![3]),
        ("", "completed", "", vec![1]),
        ("", "PAID", "", vec![4]),
        ("", "", "generic", vec![4, 1]),
        ("", "", "second", vec![3, 2]),
        ("p", "", "second", vec![2]),
        ("p", "completed", "generic", vec![1]),
        ("p", "paid", "generic", vec![]),
        ("p%", "", "", vec![]),
        ("", "", "gen", vec![]),
    ] {
        let filter = EventFilter {
            payment_id: text(payment),
            status: text(status),
            source: text(source),
            ..EventFilter::default()
        };
        assert_eq!(events(&bench, &filter), expected, "{filter:?}");
    }
}

pub(crate) async fn events_are_filtered_by_time_amount_and_error<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    // Hours apart; two came at once and the other way round.
    const HOUR: i64 = 3_600_000;
    for (number, received_at) in [HOUR, 2 * HOUR, 2 * HOUR - 9, 5 * HOUR]
        .into_iter()
        .enumerate()
    {
        let sent = webhook(&format!("evt_{number}")).received_at(received_at);
        bench.append(&sent.amount(&format!("{number}.50"))).await;
    }
    bench.start(1, 10).await;
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 20, |step| step.changes = vec![fail_of(&key, "Declined")])
        .await;
    let hour = |hours: Option<i64>| hours.map(|hours| Timestamp::from_millis(hours * HOUR));
    let amount = |text: &str| (!text.is_empty()).then(|| Amount::parse(text).expect("a number"));
    for (since, until, sum, error, expected) in [
        (None, None, "", "", vec![4, 3, 2, 1]),
        (Some(2), None, "", "", vec![4, 2]),
        (None, Some(2), "", "", vec![3, 1]),
        (Some(1), Some(2), "", "", vec![3, 1]),
        (Some(3), Some(4), "", "", vec![]),
        (Some(5), Some(6), "", "", vec![4]),
        (Some(6), None, "", "", vec![]),
        (None, Some(0), "", "", vec![]),
        (None, None, "1.5", "", vec![2]),
        (None, None, "1.51", "", vec![]),
        (None, None, "", "Declined", vec![1]),
        (None, None, "", "Other", vec![]),
        (Some(2), None, "", "Declined", vec![]),
    ] {
        let filter = EventFilter {
            since: hour(since),
            until: hour(until),
            amount: amount(sum),
            error: (!error.is_empty()).then(|| error.to_owned()),
            ..EventFilter::default()
        };
        assert_eq!(events(&bench, &filter), expected, "{filter:?}");
    }
}

pub(crate) async fn a_filtered_listing_is_paged_by_what_matches<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    for number in 0..9 {
        let sent = webhook(&format!("evt_{number}"));
        bench
            .append(&sent.payment(&format!("pay_{}", number % 3)))
            .await;
    }
    let filter = EventFilter {
        payment_id: Some("pay_1".to_owned()),
        ..EventFilter::default()
    };
    let page = |before, limit| {
        let Page { items, next } = bench.list_events(&filter, before, limit).expect("readable");
        let items: Vec<_> = items.iter().map(|each| each.sequence.get()).collect();
        (items, next.is_some())
    };
    assert_eq!(page(None, 2), (vec![8, 5], true));
    assert_eq!(page(Some(5), 2), (vec![2], false));
    assert_eq!(page(None, 3), (vec![8, 5, 2], false));
    assert_eq!(page(Some(8), 1), (vec![5], true));
    assert_eq!(page(Some(2), 1), (vec![], false));
}

pub(crate) async fn an_event_has_all_that_was_kept_about_it<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    let sent = webhook("evt_2").payment("pay_2");
    let key = bench.feed()[1].key.clone();
    bench
        .moved(2, 30, |step| {
            step.status = ExecutionStatus::Succeeded;
            step.changes = vec![claim_of(&key, "x"), complete_of(&key, "txn")];
            step.due_at = None;
        })
        .await;
    bench.append(&sent.clone().note("conflict")).await;
    bench.append(&webhook("evt_3").payment("pay_2")).await;
    let bench = bench.reopened(Ending::Crash).await;
    let detail = event(&bench, &sent);
    assert_eq!(detail.summary.sequence, seq(2));
    assert_eq!(detail.summary.record.key, key);
    assert_eq!(detail.summary.record.status(), "completed");
    assert_eq!(detail.summary.execution, Some(ExecutionStatus::Succeeded));
    assert_eq!(detail.headers, sent.raw().headers);
    assert_eq!(detail.secret_label, SECRET_LABEL);
    let feed = bench.feed();
    assert_eq!(detail.changes, [&feed[1..2], &feed[2..4]].concat());
    assert_eq!(detail.conflicts.len(), 1);
    let unstarted = event(&bench, &webhook("evt_3"));
    assert_eq!(unstarted.summary.execution, None);
    assert_eq!(unstarted.conflicts, []);
}

pub(crate) async fn an_event_is_found_by_every_entry_about_it<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 30, |step| step.changes = vec![claim_of(&key, "x")])
        .await;
    bench
        .moved(2, 30, |step| step.changes = vec![complete_of(&key, "txn")])
        .await;
    let expected = bench.event(&webhook("evt_1").event_key().digest());
    for sequence in [1, 3, 4] {
        assert_eq!(bench.event_at(seq(sequence)), expected, "{sequence}");
    }
    assert_ne!(bench.event_at(seq(2)), expected);
}

pub(crate) async fn conflicts_are_listed_in_the_order_they_came<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    bench.append(&webhook("evt_1")).await;
    bench.append(&webhook("evt_2")).await;
    let notes = ["z", "a", "m", "b"];
    for note in notes.into_iter().chain(["a", "z"]) {
        bench.append(&webhook("evt_1").note(note)).await;
        bench.append(&webhook("evt_2").note(note)).await;
    }
    for event_id in ["evt_1", "evt_2"] {
        let conflicts = event(&bench, &webhook(event_id)).conflicts;
        let bodies: Vec<_> = conflicts.into_iter().map(|each| each.body).collect();
        assert_eq!(
            bodies,
            notes.map(|note| webhook(event_id).note(note).body())
        );
    }
}

pub(crate) async fn executions_are_listed_newest_first_in_pages<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(6).await;
    bench.append(&webhook("evt_unstarted")).await;
    assert_eq!(executions(&bench, None), [6, 5, 4, 3, 2, 1]);
    let filter = ExecutionFilter::default();
    let all = bench.list_executions(&filter, None, 99).expect("readable");
    for limit in 1..8 {
        let mut before = None;
        for expected in all.items.chunks(limit) {
            let page = bench.list_executions(&filter, before, limit);
            let page = page.expect("readable");
            assert_eq!(page.items, expected, "{limit}");
            before = page.next;
        }
        assert_eq!(before, None, "{limit}");
    }
}

pub(crate) async fn executions_are_filtered_by_status<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(7).await;
    let statuses = [
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
        ExecutionStatus::Running,
        ExecutionStatus::Failed,
    ];
    for (sequence, status) in (1..).zip(statuses) {
        bench.moved(sequence, 90, |step| step.status = status).await;
    }
    for (status, expected) in [
        (ExecutionStatus::Running, vec![7, 5]),
        (ExecutionStatus::Succeeded, vec![1]),
        (ExecutionStatus::Failed, vec![6, 2]),
        (ExecutionStatus::TimedOut, vec![3]),
        (ExecutionStatus::Aborted, vec![4]),
    ] {
        assert_eq!(executions(&bench, Some(status)), expected, "{status:?}");
    }
    for (status, expected) in [
        (None, vec![6, 4, 3, 2]),
        (Some(ExecutionStatus::Failed), vec![6, 2]),
        (Some(ExecutionStatus::Running), vec![]),
        (Some(ExecutionStatus::Succeeded), vec![]),
    ] {
        let filter = ExecutionFilter {
            status,
            dead_letters: true,
        };
        let page = bench.list_executions(&filter, None, 10).expect("readable");
        let found: Vec<u64> = page.items.iter().map(|item| item.sequence.get()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let filter = ExecutionFilter {
        status: Some(ExecutionStatus::Failed),
        ..ExecutionFilter::default()
    };
    for (before, found, more) in [(None, 6, true), (Some(6), 2, false)] {
        let page = bench.list_executions(&filter, before, 1).expect("readable");
        assert_eq!(
            (page.items[0].sequence, page.next.is_some()),
            (seq(found), more)
        );
    }
}

pub(crate) async fn an_execution_shows_the_record_of_now_and_the_images_of_then<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    let change = bench.feed()[0].clone();
    let complete = complete_of(&change.key, "txn");
    bench
        .moved(1, 30, |step| {
            step.changes = vec![complete];
            step.due_at = Some(at(40));
        })
        .await;
    let found = bench.execution(seq(1)).expect("readable");
    let detail = found.expect("started");
    assert_eq!(detail.change, change);
    assert_eq!(detail.summary.record.status(), "completed");
    assert_eq!(detail.summary.updated_at, at(30));
    assert_eq!(detail.summary.due_at, Some(at(40)));
    // An execution may be about a later change, too: its event is the record's.
    bench.start(2, 50).await;
    let found = bench.execution(seq(2)).expect("readable");
    let second = found.expect("started");
    assert_eq!(second.change, bench.feed()[1]);
    assert_eq!(second.summary.event, detail.summary.event);
    assert_eq!(second.summary.record, detail.summary.record);
    assert_eq!(bench.claim_numbers(50, 9), [1, 2]);
    assert_eq!(bench.claim_due(at(50), super::bench::LEASE, 9), Ok(vec![]));
}

pub(crate) async fn what_does_not_exist_is_not_shown<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    bench.append(&webhook("evt_2")).await;
    let unknown = webhook("evt_3").event_key().digest();
    assert_eq!(bench.event(&unknown), Ok(None));
    for sequence in [0, 3, 1_000_000] {
        assert_eq!(bench.event_at(seq(sequence)), Ok(None));
        assert_eq!(bench.execution(seq(sequence)), Ok(None));
    }
    assert_eq!(bench.execution(seq(2)), Ok(None));
}

pub(crate) async fn an_event_that_came_with_other_bytes_is_listed_once<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let tell = |amount: &str| stripe_webhook(1, 1, Occasion::Captured, amount).received_at(1_001);
    for amount in ["10", "10", "12", "12", "13"] {
        bench.append(&tell(amount)).await;
    }
    let listed = bench.list_anomalies(None, 9).expect("readable").items;
    let told = listed.iter().map(|each| (each.sequence, each.anomaly));
    assert_eq!(told.collect::<Vec<_>>(), [(seq(1), Anomaly::Conflict)]);
    let detail = bench.event_at(seq(1)).expect("readable").expect("kept");
    assert_eq!(detail.anomalies, [Anomaly::Conflict]);
    assert_eq!(detail.conflicts.len(), 2);
}

pub(crate) async fn what_does_not_fit_is_listed_newest_first_in_pages<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let tell = |event: u32, occasion, amount: &str| {
        // Room for a signed time.
        stripe_webhook(event, 1, occasion, amount).received_at(1_000 + i64::from(event))
    };
    bench.append(&tell(1, Occasion::Captured, "10")).await;
    bench.append(&tell(2, Occasion::Authorized, "10")).await;
    bench.append(&tell(3, Occasion::Captured, "12")).await;
    bench.append(&tell(3, Occasion::Captured, "12")).await;
    let first = bench.list_anomalies(None, 1).expect("readable");
    let told = |page: &Page<AnomalySummary>| {
        let told = page.items.iter();
        told.map(|each| (each.sequence.get(), each.anomaly))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&first), [(3, Anomaly::AmountDiffers)]);
    let second = bench.list_anomalies(first.next, 1).expect("readable");
    assert_eq!(told(&second), [(2, Anomaly::Late)]);
    assert_eq!(second.next, None);
    assert_eq!(second.items[0].source.as_str(), STRIPE);
    assert_eq!(second.items[0].received_at, at(1_002));
    let detail = bench.event_at(seq(2)).expect("readable").expect("kept");
    assert_eq!(detail.anomalies, [Anomaly::Late]);
    assert_eq!(bench.counts().expect("readable").anomalies, 2);
}

pub(crate) async fn payments_are_listed_once_each_by_their_newest_event<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    let generic = domain::source::SourceName::generic();
    assert_eq!(
        bench.list_payments(None, None, 9).map(|page| page.items),
        Ok(vec![])
    );
    for (number, payment, source) in [
        (1, "a", "generic"),
        (2, "b", "generic"),
        (3, "a", "second"),
        (4, "a", "generic"),
        (5, "c", "generic"),
        (6, "a", "second"),
        (7, "b", "generic"),
    ] {
        let sent = webhook(&format!("evt_{number}")).payment(payment);
        bench.append(&sent.source(source)).await;
        let ending = if number % 2 == 0 {
            Ending::Clean
        } else {
            Ending::Crash
        };
        bench = bench.reopened(ending).await;
    }
    for (source, expected) in [(None, &[7, 6, 5, 4][..]), (Some(&generic), &[7, 5, 4][..])] {
        for limit in 1..6 {
            let mut before = None;
            for expected in expected.chunks(limit) {
                let page = bench
                    .list_payments(source, before, limit)
                    .expect("readable");
                let found = page.items.iter().map(|each| each.sequence.get());
                assert_eq!(found.collect::<Vec<_>>(), expected, "{source:?}, {limit}");
                before = page.next;
            }
            assert_eq!(before, None, "{source:?}, {limit}");
        }
    }
    let newest = bench.list_payments(None, None, 1).expect("readable");
    let listed = bench
        .list_events(&EventFilter::default(), None, 1)
        .expect("readable");
    assert_eq!(newest.items, listed.items);
}
