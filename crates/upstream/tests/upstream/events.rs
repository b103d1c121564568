//! Pages of events that a provider has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use domain::providers::ProviderId::{Mollie, MollieClassic, Paypal, Stripe};
use domain::time::{Millis, Timestamp};
use engine::clock::ManualClock;
use engine::upstream::{EventPage, Upstream as _, UpstreamFailure};

use crate::support::{Asked, TOKEN, api, at, reply, source, upstream, with_server};

const SINCE: Timestamp = Timestamp::from_millis(1_700_000_000_999);

fn page(events: &[&str], next: Option<&str>) -> Result<EventPage, UpstreamFailure> {
    let bytes = |event: &&str| Bytes::copy_from_slice(event.as_bytes());
    Ok(EventPage {
        events: events.iter().map(bytes).collect(),
        next: next.map(str::to_owned),
    })
}

#[tokio::test]
async fn stripe_is_read_page_by_page_and_no_digit_is_lost() {
    let answer = |asked: &Asked| {
        if asked.uri.contains("starting_after=evt_2") {
            return reply(200, r#"{"data":[{"id":"evt_3"}],"has_more":false}"#);
        }
        let first = r#"{"object":"list","data":[{"id":"evt_1","n":1.10},
            {"id":"evt_2","big":99999999999999999999}],"has_more":true}"#;
        reply(200, first)
    };
    with_server(answer, async |url, log| {
        let (upstream, source) = (upstream(&url), source(Stripe));
        let first = upstream.events(&source, SINCE, None).await;
        let events = [
            r#"{"id":"evt_1","n":1.10}"#,
            r#"{"id":"evt_2","big":99999999999999999999}"#,
        ];
        assert_eq!(first, page(&events, Some("evt_2")));
        let second = upstream.events(&source, SINCE, Some("evt_2".into())).await;
        assert_eq!(second, page(&[r#"{"id":"evt_3"}"#], None));
        let base = "/v1/events?delivery_success=false&created%5Bgte%5D=1700000000&limit=100";
        let uris = [base.to_owned(), format!("{base}&starting_after=evt_2")];
        assert_eq!(log.uris(), uris);
        let bearer = Some(format!("Bearer {TOKEN}"));
        assert!(log.all().iter().all(|asked| asked.authorization == bearer));
    })
    .await;
}

#[tokio::test]
async fn a_cursor_is_a_value_and_nothing_else() {
    let answer = |_: &Asked| reply(200, r#"{"data":[{"id":"e"}],"has_more":true}"#);
    with_server(answer, async |url, log| {
        let (upstream, source) = (upstream(&url), source(Stripe));
        let cursor = Some("e&limit=1#/..".to_owned());
        upstream.events(&source, SINCE, cursor).await.unwrap();
        let uri = log.uris().remove(0);
        assert!(
            uri.ends_with("&starting_after=e%26limit%3D1%23%2F.."),
            "{uri}"
        );
        // A page that is its own successor is the last.
        let again = upstream.events(&source, SINCE, Some("e".into())).await;
        assert_eq!(again, page(&[r#"{"id":"e"}"#], None));
    })
    .await;
}

#[tokio::test]
async fn stripes_answer_is_a_list_or_not_read() {
    for answer in [
        "{}",
        "[]",
        "no",
        r#"{"data":[]}"#,
        r#"{"data":{},"has_more":false}"#,
        r#"{"data":[1],"has_more":false}"#,
        r#"{"data":[{}],"has_more":true}"#,
    ] {
        with_server(
            move |_| reply(200, answer),
            async |url, _| {
                let found = upstream(&url).events(&source(Stripe), SINCE, None).await;
                assert_eq!(found, Err(UpstreamFailure::Unreadable), "{answer}");
            },
        )
        .await;
    }
    let empty = |_: &Asked| reply(200, r#"{"data":[],"has_more":true}"#);
    with_server(empty, async |url, _| {
        let found = upstream(&url).events(&source(Stripe), SINCE, None).await;
        assert_eq!(found, page(&[], None));
    })
    .await;
    for (status, failure) in [
        (401, UpstreamFailure::Unauthorized),
        (429, UpstreamFailure::Unavailable),
        (500, UpstreamFailure::Unavailable),
        (404, UpstreamFailure::Unreadable),
    ] {
        with_server(
            move |_| reply(status, "{}"),
            async |url, _| {
                let found = upstream(&url).events(&source(Stripe), SINCE, None).await;
                assert_eq!(found, Err(failure), "{status}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn mollies_payments_are_read_until_they_are_too_old() {
    const NEW: &str = r#"{"id":"tr_3","createdAt":"2023-11-15T00:00:00+00:00"}"#;
    const EDGE: &str = r#"{"id":"tr_2","createdAt":"2023-11-14T22:13:21+00:00"}"#;
    const OLD: &str = r#"{"id":"tr_1","createdAt":"2023-11-14T22:13:20+00:00"}"#;
    let answer = |asked: &Asked| {
        let (payments, next) = match asked.uri.as_str() {
            "/v2/payments?limit=250" => (NEW.to_owned(), "tr_2"),
            _ => (format!("{EDGE},{OLD}"), "tr_0"),
        };
        // Where its link leads to is its own affair.
        let next =
            format!(r#"{{"href":"https://elsewhere.example/v2/payments?from={next}&limit=250"}}"#);
        let embedded = format!(r#"{{"payments":[{payments}]}}"#);
        reply(
            200,
            format!(r#"{{"count":1,"_embedded":{embedded},"_links":{{"next":{next}}}}}"#),
        )
    };
    for provider in [Mollie, MollieClassic] {
        with_server(answer, async |url, log| {
            let (upstream, source) = (upstream(&url), source(provider));
            let first = upstream.events(&source, SINCE, None).await;
            assert_eq!(first, page(&[NEW], Some("tr_2")));
            let second = upstream.events(&source, SINCE, Some("tr_2".into())).await;
            assert_eq!(second, page(&[EDGE], None));
            let uris = ["/v2/payments?limit=250", "/v2/payments?limit=250&from=tr_2"];
            assert_eq!(log.uris(), uris);
        })
        .await;
    }
    for answer in [
        r#"{"_embedded":{"payments":[{"id":"tr_1"}]}}"#,
        r#"{"_embedded":{"payments":[{"createdAt":"yesterday"}]}}"#,
        r#"{"_embedded":{}}"#,
        "{}",
    ] {
        with_server(
            move |_| reply(200, answer),
            async |url, _| {
                let found = upstream(&url).events(&source(Mollie), SINCE, None).await;
                assert_eq!(found, Err(UpstreamFailure::Unreadable), "{answer}");
            },
        )
        .await;
    }
    let last = r#"{"_embedded":{"payments":[]},"_links":{"next":null}}"#;
    with_server(
        move |_| reply(200, last),
        async |url, _| {
            let found = upstream(&url).events(&source(Mollie), SINCE, None).await;
            assert_eq!(found, page(&[], None));
        },
    )
    .await;
}

/// Gives tokens `t1`, `t2`, …, and pages of events to those that it likes.
fn paypal(
    likes: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> impl Fn(&Asked) -> axum::response::Response + Clone + Send + Sync + 'static {
    let given = Arc::new(AtomicUsize::new(0));
    move |asked| match asked.uri.as_str() {
        "/v1/oauth2/token" => {
            let number = given.fetch_add(1, Ordering::SeqCst) + 1;
            reply(
                200,
                format!(r#"{{"access_token":"t{number}","expires_in":600}}"#),
            )
        }
        _ if !likes(asked.authorization.as_deref().unwrap()) => reply(401, "{}"),
        uri if uri.contains("move_to=next") => {
            reply(200, r#"{"events":[{"id":"WH-2"}],"links":[]}"#)
        }
        _ => reply(
            200,
            r#"{"events":[{"id":"WH-1","v":"1.10"}],"links":[{"rel":"self","href":"x"},{"rel":"next",
            "href":"https://elsewhere.example/v1/notifications/webhooks-events?page_size=100&move_to=next"}]}"#,
        ),
    }
}

#[tokio::test]
async fn paypal_is_signed_in_once_and_read_page_by_page() {
    let clock = ManualClock::at(SINCE);
    with_server(paypal(|_| true), async |url, log| {
        let (upstream, source) = (at(&url, "client:hunter2", &clock), source(Paypal));
        let first = upstream.events(&source, SINCE, None).await.unwrap();
        assert_eq!(
            first.events,
            [Bytes::from_static(br#"{"id":"WH-1","v":"1.10"}"#)]
        );
        let second = upstream.events(&source, SINCE, first.next).await;
        assert_eq!(second, page(&[r#"{"id":"WH-2"}"#], None));
        let list = "/v1/notifications/webhooks-events";
        let uris = [
            "/v1/oauth2/token".to_owned(),
            format!("{list}?start_time=2023-11-14T22%3A13%3A20Z&page_size=100"),
            format!("{list}?page_size=100&move_to=next"),
        ];
        assert_eq!(log.uris(), uris);
        let asked = log.all();
        assert_eq!(asked[0].method, "POST");
        assert_eq!(asked[0].body, "grant_type=client_credentials");
        // base64 of client:hunter2
        assert_eq!(
            asked[0].authorization.as_deref(),
            Some("Basic Y2xpZW50Omh1bnRlcjI=")
        );
        assert_eq!(asked[1].authorization.as_deref(), Some("Bearer t1"));

        clock.set(SINCE.after(Millis::from_secs(539)));
        upstream.events(&source, SINCE, None).await.unwrap();
        assert_eq!(log.all().len(), 4, "the token is good for 600 s");
        clock.set(SINCE.after(Millis::from_secs(540)));
        upstream.events(&source, SINCE, None).await.unwrap();
        let tail: Vec<_> = log.all().split_off(4);
        assert_eq!(tail[0].uri, "/v1/oauth2/token");
        assert_eq!(tail[1].authorization.as_deref(), Some("Bearer t2"));
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_is_renewed_once() {
    let clock = ManualClock::at(SINCE);
    let liked = Arc::new(AtomicUsize::new(1));
    let now_liked = Arc::clone(&liked);
    let likes = move |authorization: &str| {
        authorization == format!("Bearer t{}", liked.load(Ordering::SeqCst))
    };
    with_server(paypal(likes), async |url, log| {
        let (upstream, source) = (at(&url, "client:hunter2", &clock), source(Paypal));
        upstream.events(&source, SINCE, None).await.unwrap();
        now_liked.store(2, Ordering::SeqCst);
        upstream.events(&source, SINCE, None).await.unwrap();
        assert_eq!(log.all().len(), 5, "asked, refused, signed in, asked");
        now_liked.store(9, Ordering::SeqCst);
        let found = upstream.events(&source, SINCE, None).await;
        assert_eq!(found, Err(UpstreamFailure::Unauthorized));
        assert_eq!(log.all().len(), 8);
    })
    .await;
}

#[tokio::test]
async fn paypals_sign_in_may_fail() {
    let clock = ManualClock::at(SINCE);
    for (status, answer, failure) in [
        (
            401,
            r#"{"error":"invalid_client"}"#,
            UpstreamFailure::Unauthorized,
        ),
        (500, "", UpstreamFailure::Unavailable),
        (200, "{}", UpstreamFailure::Unreadable),
        (
            200,
            r#"{"access_token":"a\nb","expires_in":600}"#,
            UpstreamFailure::Unreadable,
        ),
    ] {
        with_server(
            move |_| reply(status, answer),
            async |url, log| {
                let upstream = at(&url, "client:hunter2", &clock);
                let found = upstream.events(&source(Paypal), SINCE, None).await;
                assert_eq!(found, Err(failure), "{status} {answer}");
                assert_eq!(log.uris(), ["/v1/oauth2/token"]);
            },
        )
        .await;
    }
    // A token that is no pair signs nobody in.
    with_server(
        |_| reply(200, "{}"),
        async |url, log| {
            let upstream = at(&url, TOKEN, &clock);
            let found = upstream.events(&source(Paypal), SINCE, None).await;
            assert_eq!(found, Err(UpstreamFailure::Unauthorized));
            assert_eq!(log.all(), []);
            assert!(!format!("{:?}", api(&url, TOKEN)).contains("hunter2"));
        },
    )
    .await;
}
