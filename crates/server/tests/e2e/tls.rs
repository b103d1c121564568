//! TLS on the front door: one certificate, followed without a restart.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::support::home::{Home, SECRET};
use crate::support::server::Server;
use crate::support::tcp::Connection;
use crate::support::tls::{Files, Pair, connect};
use crate::support::until_async;
use crate::support::webhook::{body, signature};

const STALE: &str = "payhook_tls_certificate_stale";

fn webhook(event: &str) -> String {
    let body = body("p", event);
    format!(
        "POST /webhooks HTTP/1.1\r\nhost: localhost\r\nx-webhook-signature: {}\r\n\
         content-length: {}\r\n\r\n{body}",
        signature(SECRET, body.as_bytes()),
        body.len()
    )
}

/// The status line of the answer to a webhook.
async fn deliver(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    event: &str,
) -> String {
    stream.write_all(webhook(event).as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let count = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_come_over_tls_and_not_without() {
    let home = Home::new("");
    let pair = Pair::new();
    home.configure(&Files::new(&home, &pair).config());
    let server = Server::start(&home);
    for (version, event) in [(&TLS12, "old"), (&TLS13, "new")] {
        let mut stream = connect(server.listen, &pair, &[version]).await.unwrap();
        assert_eq!(deliver(&mut stream, event).await, "HTTP/1.1 200 OK");
    }
    // Who speaks plain HTTP is not answered in it.
    let mut plain = Connection::open(server.listen);
    plain.send_in_vain(webhook("plain"));
    let said = plain.everything();
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    let failed = r#"payhook_connections_ended_total{listener="front",reason="tls_handshake"}"#;
    server.counts(failed, 1.0).await;
    assert_eq!(server.api("counts").await["events"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_a_handshake_keeps_nobody_out() {
    let home = Home::new("");
    let pair = Pair::new();
    let config = Files::new(&home, &pair).config();
    home.configure(&format!(
        "{config}server.connections_max = 4\nserver.head_timeout_ms = 3600000"
    ));
    let server = Server::start(&home);
    let silent: Vec<_> = (0..8).map(|_| Connection::open(server.listen)).collect();
    let mut stream = connect(server.listen, &pair, &[&TLS13]).await.unwrap();
    assert_eq!(deliver(&mut stream, "e").await, "HTTP/1.1 200 OK");
    drop((silent, stream));
    server.stop();

    home.configure(&format!("{config}server.head_timeout_ms = 200"));
    let server = Server::start(&home);
    assert!(Connection::open(server.listen).is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_up_and_a_bad_one_leaves_the_old() {
    let home = Home::new("");
    let pairs = [Pair::new(), Pair::new(), Pair::new()];
    let files = Files::new(&home, &pairs[0]);
    home.configure(&files.config());
    let server = Server::start(&home);
    let mut kept = connect(server.listen, &pairs[0], &[&TLS13]).await.unwrap();
    files.write(&pairs[1].certificate_pem, &pairs[1].key_pem);
    let shows = async |pair: &Pair| {
        until_async("the certificate is shown", async || {
            connect(server.listen, pair, &[&TLS13]).await.ok()
        })
        .await
    };
    let mut stream = shows(&pairs[1]).await;
    assert_eq!(deliver(&mut stream, "one").await, "HTTP/1.1 200 OK");
    assert!(connect(server.listen, &pairs[0], &[&TLS13]).await.is_err());
    // Who was there before goes on.
    assert_eq!(deliver(&mut kept, "two").await, "HTTP/1.1 200 OK");

    for (certificate, key, mode, words) in useless(&pairs) {
        files.write(&certificate, &key);
        files.allow(mode);
        says_in_healthz(&server, words).await;
        assert_eq!(server.metric(STALE).await, 1.0);
        assert!(connect(server.listen, &pairs[1], &[&TLS13]).await.is_ok());
        assert!(home.log("server").contains(words));
    }
    files.allow(0o640);
    shows(&pairs[2]).await;
    server.counts(STALE, 0.0).await;
    assert!(
        server
            .ask_admin("/healthz")
            .await
            .json()
            .get("certificate")
            .is_none()
    );
    let secret = pairs[2].key_pem.lines().nth(1).unwrap();
    assert!(!home.log("server").contains(secret));
}

/// What cannot take the place of the second of three certificates, and the words for it.
fn useless([first, _, third]: &[Pair; 3]) -> [(String, String, u32, &'static str); 4] {
    let (certificate, key) = (third.certificate_pem.clone(), third.key_pem.clone());
    let nonsense = || "nonsense".to_owned();
    [
        (
            certificate.clone(),
            first.key_pem.clone(),
            0o600,
            "do not go together",
        ),
        (nonsense(), key.clone(), 0o600, "holds no certificate"),
        (
            certificate.clone(),
            nonsense(),
            0o600,
            "holds no private key",
        ),
        (certificate, key, 0o644, "can be read or written by others"),
    ]
}

/// Waits until `/healthz` names what is wrong with the certificate, and says that all else is well.
async fn says_in_healthz(server: &Server, words: &str) {
    until_async(words, async || {
        let health = server.ask_admin("/healthz").await;
        assert_eq!(
            (health.status, &health.json()["status"]),
            (200, &"ok".into())
        );
        let trouble = health.json()["certificate"].as_str()?.to_owned();
        trouble.contains(words).then_some(())
    })
    .await;
}

#[test]
fn what_is_no_certificate_keeps_it_from_starting() {
    let home = Home::new("");
    let pair = Pair::new();
    let files = Files::new(&home, &pair);
    home.configure(&files.config());
    for mode in [0o604, 0o620, 0o644, 0o666] {
        files.allow(mode);
        home.run("serve").fails_with(&[
            "[server.tls]",
            "can be read or written by others",
            "chmod 640",
        ]);
    }
    files.write(&Pair::new().certificate_pem, &pair.key_pem);
    home.run("serve")
        .fails_with(&["[server.tls]", "do not go together"]);
    std::fs::remove_file(&files.key).unwrap();
    home.run("serve")
        .fails_with(&["[server.tls]", "cannot read", "key.pem"]);
}
