//! How endpoints fare: by the rules, each change on the one before, through every ending.

use domain::notification::{Attempted, DeliveryFailure, EndpointName, Health, HealthChange};
use domain::time::Millis;
use engine::store::Endpoints as _;

use super::bench::{Bench, at, at_once};
use super::{Ending, StoreOpener};

fn named(name: &str) -> EndpointName {
    EndpointName::try_new(name).expect("a name")
}

fn attempted(result: Attempted) -> HealthChange {
    HealthChange::Attempted {
        result,
        disable_after: Millis::new(100),
    }
}

fn failed(failure: DeliveryFailure) -> HealthChange {
    attempted(Attempted::Failed(failure))
}

/// Changes that lead through every state, and one that changes nothing at the end of each.
fn story() -> [(i64, HealthChange); 11] {
    [
        (5, attempted(Attempted::Delivered)),
        (6, failed(DeliveryFailure::Status(503))),
        (7, failed(DeliveryFailure::NoLiveKey)),
        (8, HealthChange::Enable),
        (9, attempted(Attempted::Delivered)),
        (10, failed(DeliveryFailure::Timeout)),
        (110, failed(DeliveryFailure::Unreachable)),
        (111, HealthChange::Enable),
        (112, attempted(Attempted::Gone)),
        (113, HealthChange::Enable),
        (114, HealthChange::Disable),
    ]
}

pub(crate) async fn an_endpoint_of_which_nothing_was_told_is_well<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    assert_eq!(bench.endpoint(&named("shop")), Ok(Health::default()));
    assert_eq!(bench.endpoints(), Ok(Vec::new()));
}

pub(crate) async fn endpoints_fare_as_the_rules_say_through_every_ending<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    let (shop, crm) = (named("shop"), named("crm"));
    let mut expected = Health::default();
    let endings = [Ending::Clean, Ending::Crash].into_iter().cycle();
    for ((now, change), ending) in story().into_iter().zip(endings) {
        expected = expected.after(&change, at(now));
        let changed = bench.change_endpoint(&shop, change, at(now)).await;
        assert_eq!(changed, Ok(expected), "{now}");
        bench = bench.reopened(ending).await;
        assert_eq!(bench.endpoint(&shop), Ok(expected), "{now}");
        assert_eq!(bench.endpoint(&crm), Ok(Health::default()), "{now}");
        let listed: Vec<_> = Some((shop.clone(), expected))
            .filter(|(_, health)| *health != Health::default())
            .into_iter()
            .collect();
        assert_eq!(bench.endpoints(), Ok(listed), "{now}");
    }
    let off = bench
        .change_endpoint(&crm, HealthChange::Disable, at(1))
        .await;
    let listed = vec![(crm, off.expect("kept")), (shop, expected)];
    assert_eq!(bench.endpoints(), Ok(listed), "by name");
}

pub(crate) async fn of_many_failures_at_once_each_is_counted<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let shop = named("shop");
    let store = &*bench;
    let mut counts = at_once(4, async |_| {
        let failure = failed(DeliveryFailure::Timeout);
        let health = store.change_endpoint(&shop, failure, at(5)).await;
        health.expect("kept").failures
    });
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3, 4]);
    let health = bench.endpoint(&shop).expect("readable");
    assert_eq!((health.failures, health.failing_since), (4, Some(at(5))));
}
