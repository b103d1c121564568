//! Following the change feed over HTTP.

use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::webhook::Webhook;

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_followed_from_where_one_was_and_ends_with_the_server() {
    let home = Home::new("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("pay_1", "evt_1"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/evt_1").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let follow = |path: &str, last: Option<&str>| {
        let url = format!("http://{}/api/changes/stream{path}", server.admin);
        let mut request = client.get(url).bearer_auth(&server.token);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send()
    };
    let mut old = follow("?after=0", None).await.unwrap();
    assert_eq!(old.headers()["content-type"], "text/event-stream");
    let first = old.chunk().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    for part in [
        "event: change",
        "id: 1",
        "\"paymentId\":\"pay_1\"",
        "\"eventName\":\"INSERT\"",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let mut again = follow("?after=0", Some("1")).await.unwrap();
    let second = again.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&second).contains("id: 2"));
    let mut new = follow("", None).await.unwrap();
    server
        .send(&Webhook::payment("pay_2", "evt_2"))
        .await
        .accepts("stored");
    let next = new.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&next).contains("pay_2"));
    let drained = async { while let Ok(Some(_)) = new.chunk().await {} };
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    let ((), stopped) = tokio::join!(drained, stopped);
    stopped.unwrap();
}
