//! The audit log: every act in order, its end once, nothing taken out.

use domain::time::Timestamp;
use engine::store::{Act, ActEnd, ActSummary, Action, AuditLog as _};

use super::bench::Bench;
use super::{Ending, StoreOpener};

fn act(number: i64, action: Action) -> Act {
    Act {
        at: Timestamp::from_millis(number),
        operator: format!("ana-{number}"),
        action,
        target: number.to_string(),
        reason: format!("because of {number}: <é'\"; DROP TABLE audit>"),
    }
}

fn list<O: StoreOpener>(bench: &Bench<O>, before: Option<u64>, limit: usize) -> Vec<ActSummary> {
    bench.list_acts(before, limit).expect("readable").items
}

pub(crate) async fn acts_are_kept_in_order_with_their_ends<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    assert_eq!(list(&bench, None, 10), []);
    let not_done = ActEnd::NotDone {
        why: "an attempt is under way".to_owned(),
    };
    let ends = [Some(ActEnd::Done), Some(not_done.clone()), None, None];
    let mut expected = Vec::new();
    for ((number, action), end) in (1..).zip(Action::ALL).zip(ends) {
        let act = act(number, action);
        let id = bench.record_act(act.clone()).await.expect("kept");
        assert_eq!(id, number.unsigned_abs());
        if let Some(end) = &end {
            assert_eq!(bench.end_act(id, end.clone()).await, Ok(true));
        }
        expected.insert(0, ActSummary { id, act, end });
    }
    // The first end counts, and what was never begun has none.
    assert_eq!(bench.end_act(1, not_done).await, Ok(false));
    for id in [0, 5, u64::MAX] {
        assert_eq!(bench.end_act(id, ActEnd::Done).await, Ok(false), "{id}");
    }
    assert_eq!(list(&bench, None, 10), expected);
    let page = bench.list_acts(None, 3).expect("readable");
    assert_eq!((&page.items[..], page.next), (&expected[..3], Some(2)));
    let page = bench.list_acts(page.next, 3).expect("readable");
    assert_eq!((&page.items[..], page.next), (&expected[3..], None));
    let bench = bench.reopened(Ending::Clean).await;
    assert_eq!(list(&bench, None, 10), expected);
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(list(&bench, None, 10), expected);
    assert_eq!(bench.end_act(3, ActEnd::Done).await, Ok(true));
    assert_eq!(bench.record_act(act(9, Action::Stop)).await, Ok(5));
}
