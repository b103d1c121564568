//! What is true of the payment that a hint names.

use bytes::Bytes;
use domain::providers::ProviderId::{
    Flutterwave, FlutterwaveV3, MercadoPago, MollieClassic, Stripe, Xendit,
};
use domain::time::{Millis, Timestamp};
use engine::upstream::{Upstream as _, UpstreamFailure};
use futures_util::future::{join, join_all};
use upstream::Options;

use crate::support::{
    Asked, TOKEN, api, hint, reply, silent, source, upstream, upstream_with, with_server,
};

const PAYMENT: &str = r#"{"id":"tr_1","amount":{"value":"10.00","currency":"EUR"},"n":1.10}"#;

#[tokio::test]
async fn a_payment_is_found_and_comes_as_it_is_written() {
    let cases = [
        (
            MollieClassic,
            "",
            "id=tr_d0b0E3EA3v",
            "/v2/payments/tr_d0b0E3EA3v",
        ),
        (
            MercadoPago,
            "data.id=123&type=payment",
            "",
            "/v1/payments/123",
        ),
        (
            MercadoPago,
            "",
            r#"{"type":"payment","data":{"id":"123"}}"#,
            "/v1/payments/123",
        ),
        (
            MercadoPago,
            "",
            r#"{"data":{"id":99999999999999999999}}"#,
            "/v1/payments/99999999999999999999",
        ),
        // Only the query is signed, so it wins.
        (
            MercadoPago,
            "data.id=1&type=payment",
            r#"{"data":{"id":2}}"#,
            "/v1/payments/1",
        ),
    ];
    for (provider, query, body, expected) in cases {
        with_server(
            |_| reply(200, PAYMENT),
            async |url, log| {
                let upstream = upstream(&url);
                let found = upstream.truth(&source(provider), &hint(query, body)).await;
                assert_eq!(found, Ok(Some(Bytes::from_static(PAYMENT.as_bytes()))));
                let asked = Asked {
                    method: "GET".to_owned(),
                    uri: expected.to_owned(),
                    authorization: Some(format!("Bearer {TOKEN}")),
                    body: String::new(),
                };
                assert_eq!(log.all(), [asked]);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn flutterwaves_answer_becomes_the_webhook_it_stands_for() {
    let body = r#"{"event":"charge.completed","data":{"id":288200108}}"#;
    let answers = [
        (
            200,
            r#"{"status":"success","message":"m","data":{"id":288200108,"amount":100.10}}"#,
            Ok(Some(Bytes::from_static(
                br#"{"event":"charge.completed","data":{"id":288200108,"amount":100.10}}"#,
            ))),
        ),
        (
            400,
            r#"{"status":"error","message":"No transaction was found for this id","data":null}"#,
            Ok(None),
        ),
        (404, "", Ok(None)),
        (
            400,
            r#"{"status":"error","message":"else"}"#,
            Err(UpstreamFailure::Unreadable),
        ),
        (
            400,
            r#"{"status":"success","data":{}}"#,
            Err(UpstreamFailure::Unreadable),
        ),
        (
            200,
            r#"{"status":"success","data":null}"#,
            Err(UpstreamFailure::Unreadable),
        ),
        (200, "[]", Err(UpstreamFailure::Unreadable)),
    ];
    for (status, answer, expected) in answers {
        with_server(
            move |_| reply(status, answer),
            async |url, log| {
                let upstream = upstream(&url);
                let found = upstream
                    .truth(&source(FlutterwaveV3), &hint("", body))
                    .await;
                assert_eq!(found, expected, "{status} {answer}");
                assert_eq!(log.uris(), ["/v3/transactions/288200108/verify"]);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn what_is_no_id_is_unknown_and_nothing_is_asked() {
    let long = format!("id=tr_{}", "a".repeat(62));
    let mut hints = vec![
        (MollieClassic, "", long.as_str()),
        (MollieClassic, "", ""),
        (MollieClassic, "", r#"{"id":"tr_1"}"#),
    ];
    for body in [
        "id=",
        "id=../",
        "id=..",
        "id=tr_1?x",
        "id=tr_1%3Fx",
        "id=tr_1/../../v2/balances",
        "id=tr_1%2F..",
        "id=tr_1%23",
        "id=tr_1%00",
        "id=tr_1%0d%0aHost:%20x",
        "id=tr_1 ",
        "id=tr_%C3%A9",
        "id=tr_1&id=tr_2",
        "id=sub_1",
        "ID=tr_1",
    ] {
        hints.push((MollieClassic, "", body));
    }
    for query in [
        "data.id=",
        "data.id=1/2",
        "data.id=..",
        "data.id=1_2",
        "data.id=1%3Fx",
        "data.id=1&type=merchant_order",
    ] {
        hints.push((MercadoPago, query, r#"{"data":{"id":1}}"#));
    }
    hints.push((
        MercadoPago,
        "",
        r#"{"type":"merchant_order","data":{"id":1}}"#,
    ));
    hints.push((MercadoPago, "", r#"{"data":{"id":1},"data":{"id":2}}"#));
    hints.push((MercadoPago, "", "no JSON"));
    for body in [
        r#"{"data":{"id":"1/../2"}}"#,
        r#"{"data":{"id":1.5}}"#,
        r#"{"data":{"id":1e5}}"#,
        r#"{"data":{"id":-1}}"#,
        r#"{"data":{"id":true}}"#,
        r#"{"data":{}}"#,
        r#"{"event":"transfer.completed","data":{"id":1}}"#,
        "",
    ] {
        hints.push((FlutterwaveV3, "", body));
    }
    with_server(
        |_| reply(200, PAYMENT),
        async |url, log| {
            let upstream = upstream(&url);
            for (provider, query, body) in &hints {
                let found = upstream.truth(&source(*provider), &hint(query, body)).await;
                assert_eq!(found, Ok(None), "{provider:?} {query} {body}");
            }
            assert_eq!(log.all(), []);
        },
    )
    .await;
}

#[tokio::test]
async fn each_refusal_has_its_name() {
    use UpstreamFailure::{Unauthorized, Unavailable, Unreadable};
    for (status, expected) in [
        (404, Ok(None)),
        (410, Ok(None)),
        (401, Err(Unauthorized)),
        (403, Err(Unauthorized)),
        (408, Err(Unavailable)),
        (429, Err(Unavailable)),
        (500, Err(Unavailable)),
        (503, Err(Unavailable)),
        (400, Err(Unreadable)),
        (422, Err(Unreadable)),
        (204, Err(Unreadable)),
    ] {
        with_server(
            move |_| reply(status, ""),
            async |url, log| {
                let upstream = upstream(&url);
                let found = upstream
                    .truth(&source(MollieClassic), &hint("", "id=tr_1"))
                    .await;
                assert_eq!(found, expected, "{status}");
                assert_eq!(log.all().len(), 1, "asked again");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_object_or_too_long_is_not_read() {
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(256 * 1024));
    let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(256 * 1024 - 8));
    let bodies: [Vec<u8>; 9] = [
        long.into(),
        "".into(),
        "<html>".into(),
        "[]".into(),
        "1".into(),
        r#"{"a":1"#.into(),
        r#"{"a":1}{"#.into(),
        r#"{"a":1,"a":2}"#.into(),
        b"{\"a\":\"\xff\"}".to_vec(),
    ];
    for body in bodies {
        with_server(
            move |_| reply(200, body.clone()),
            async |url, _| {
                let upstream = upstream(&url);
                let found = upstream
                    .truth(&source(MollieClassic), &hint("", "id=tr_1"))
                    .await;
                assert_eq!(found, Err(UpstreamFailure::Unreadable));
            },
        )
        .await;
    }
    with_server(
        move |_| reply(200, fits.clone()),
        async |url, _| {
            let upstream = upstream(&url);
            let found = upstream
                .truth(&source(MollieClassic), &hint("", "id=tr_1"))
                .await;
            assert_eq!(
                found.map(|body| body.map(|body| body.len())),
                Ok(Some(256 * 1024))
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    with_server(
        |_| reply(200, PAYMENT),
        async |elsewhere, elsewhere_log| {
            let answer = move |_: &Asked| {
                let mut response = reply(302, "");
                let location = format!("{elsewhere}/v2/payments/tr_1").parse().unwrap();
                response.headers_mut().insert("location", location);
                response
            };
            with_server(answer, async |url, _| {
                let upstream = upstream(&url);
                let found = upstream
                    .truth(&source(MollieClassic), &hint("", "id=tr_1"))
                    .await;
                assert_eq!(found, Err(UpstreamFailure::Unreadable));
            })
            .await;
            assert_eq!(elsewhere_log.all(), []);
        },
    )
    .await;
}

#[tokio::test]
async fn who_is_silent_or_not_there_is_unavailable() {
    let (listener, url) = silent().await;
    let mut quick = api(&url, TOKEN);
    quick.timeout = Millis::new(50);
    let (source, hint) = (source(MollieClassic), hint("", "id=tr_1"));
    let upstream = upstream_with(quick, &Options::default());
    let found = upstream.truth(&source, &hint).await;
    assert_eq!(found, Err(UpstreamFailure::Unavailable));
    drop(listener);
    let found = upstream.truth(&source, &hint).await;
    assert_eq!(found, Err(UpstreamFailure::Unavailable));
}

#[tokio::test]
async fn only_so_many_are_asked_at_once_and_the_others_wait_their_time() {
    let (listener, url) = silent().await;
    let mut quick = api(&url, TOKEN);
    quick.timeout = Millis::new(300);
    let options = Options {
        truths_at_once: 1,
        ..Options::default()
    };
    let (source, hint) = (source(MollieClassic), hint("", "id=tr_1"));
    let upstream = upstream_with(quick, &options);
    let truths = join_all((0..3).map(|_| upstream.truth(&source, &hint)));
    let connections = async {
        let first = listener.accept().await.unwrap();
        let second = tokio::time::timeout(Millis::new(200).to_duration(), listener.accept());
        (first, second.await.is_ok())
    };
    let (found, (_first, was_second_asked)) = join(truths, connections).await;
    assert!(
        found
            .iter()
            .all(|each| *each == Err(UpstreamFailure::Unavailable))
    );
    assert!(!was_second_asked);
}

#[tokio::test]
async fn who_cannot_be_asked_is_not() {
    with_server(
        |_| reply(200, PAYMENT),
        async |url, log| {
            let upstream = upstream(&url);
            let hint = hint("data.id=1", "id=tr_1");
            for provider in [Stripe, Xendit, Flutterwave] {
                let found = upstream.truth(&source(provider), &hint).await;
                assert_eq!(found, Err(UpstreamFailure::Unsupported), "{provider:?}");
            }
            let mercado_pago = source(MercadoPago);
            let page = upstream.events(&mercado_pago, Timestamp::from_millis(0), None);
            assert_eq!(page.await, Err(UpstreamFailure::Unsupported));
            // No credentials for that source.
            let mut other = source(MollieClassic);
            other.name = domain::source::SourceName::try_new("other").unwrap();
            let found = upstream.truth(&other, &hint).await;
            assert_eq!(found, Err(UpstreamFailure::Unauthorized));
            assert_eq!(log.all(), []);
        },
    )
    .await;
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    with_server(
        |_| reply(200, PAYMENT),
        async |url, log| {
            for base in [format!("{url}/eu"), format!("{url}/eu/")] {
                let upstream = upstream(&base);
                let found = upstream
                    .truth(&source(MollieClassic), &hint("", "id=tr_1"))
                    .await;
                assert!(matches!(found, Ok(Some(_))));
            }
            assert_eq!(log.uris(), ["/eu/v2/payments/tr_1", "/eu/v2/payments/tr_1"]);
        },
    )
    .await;
}
