//! Keys of requests: each is taken once, has one answer, and is forgotten after its time.

use bytes::Bytes;
use engine::store::{
    KeptAnswer, KeyedRequest, REQUEST_KEYS_KEPT, RequestClaim, RequestKey, RequestLog as _,
};

use super::bench::{Bench, at, at_once};
use super::{Ending, StoreOpener};

fn key(operator: &str, key: &str) -> RequestKey {
    RequestKey {
        operator: operator.to_owned(),
        key: key.to_owned(),
    }
}

fn request(key: &RequestKey, print: u8, millis: i64) -> KeyedRequest {
    KeyedRequest {
        key: key.clone(),
        fingerprint: [print; 32],
        at: at(millis),
    }
}

fn known(print: u8, millis: i64, answer: Option<KeptAnswer>) -> RequestClaim {
    RequestClaim::Known {
        fingerprint: [print; 32],
        at: at(millis),
        answer,
    }
}

pub(crate) async fn a_key_is_taken_once_and_has_its_first_answer<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let (own, other) = (key("ana", "é'; --"), key("ben", "é'; --"));
    let claim = async |bench: &Bench<O>, request| bench.claim_request(request).await;
    assert_eq!(
        claim(&bench, request(&own, 1, 10)).await,
        Ok(RequestClaim::New)
    );
    assert_eq!(
        claim(&bench, request(&other, 2, 11)).await,
        Ok(RequestClaim::New)
    );
    let under_way = Ok(known(1, 10, None));
    assert_eq!(claim(&bench, request(&own, 1, 12)).await, under_way);
    assert_eq!(claim(&bench, request(&own, 9, 12)).await, under_way);
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(claim(&bench, request(&own, 1, 13)).await, under_way);
    for (answer, is_first) in [
        (
            KeptAnswer {
                status: 409,
                body: Some(Bytes::from_static(b"{\0}")),
            },
            true,
        ),
        (
            KeptAnswer {
                status: 200,
                body: None,
            },
            false,
        ),
    ] {
        let kept = bench.keep_answer(own.clone(), answer).await;
        assert_eq!(kept, Ok(is_first));
    }
    let first = KeptAnswer {
        status: 409,
        body: Some(Bytes::from_static(b"{\0}")),
    };
    // An answer stays; a key without one can be freed.
    assert_eq!(bench.free_request(own.clone()).await, Ok(false));
    assert_eq!(bench.free_request(other.clone()).await, Ok(true));
    assert_eq!(bench.free_request(other.clone()).await, Ok(false));
    let unknown = KeptAnswer {
        status: 200,
        body: None,
    };
    assert_eq!(
        bench.keep_answer(other.clone(), unknown.clone()).await,
        Ok(false)
    );
    let bench = bench.reopened(Ending::Clean).await;
    assert_eq!(
        claim(&bench, request(&own, 1, 14)).await,
        Ok(known(1, 10, Some(first)))
    );
    assert_eq!(
        claim(&bench, request(&other, 3, 15)).await,
        Ok(RequestClaim::New)
    );
    assert_eq!(
        bench.keep_answer(other.clone(), unknown.clone()).await,
        Ok(true)
    );
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(
        claim(&bench, request(&other, 3, 16)).await,
        Ok(known(3, 15, Some(unknown)))
    );
}

pub(crate) async fn a_key_is_forgotten_after_its_time<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let own = key("ana", "a");
    let kept = i64::try_from(REQUEST_KEYS_KEPT.get()).expect("a day");
    for (print, millis, expected) in [
        (1, 5, RequestClaim::New),
        (2, kept + 4, known(1, 5, None)),
        (3, kept + 5, RequestClaim::New),
        (4, kept + 6, known(3, kept + 5, None)),
    ] {
        let claimed = bench.claim_request(request(&own, print, millis)).await;
        assert_eq!(claimed, Ok(expected), "{print}");
    }
}

pub(crate) async fn of_many_that_take_one_key_at_once_one_is_told_that_it_is_new<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let own = key("ana", "a");
    let store: &O::Store = &bench;
    let claims = at_once(16, |number| {
        let print = u8::try_from(number).unwrap_or(0);
        store.claim_request(request(&own, print, 1))
    });
    let is_new = |claim: &&Result<RequestClaim, _>| **claim == Ok(RequestClaim::New);
    assert_eq!(claims.iter().filter(is_new).count(), 1);
    assert!(claims.iter().all(Result::is_ok));
}
