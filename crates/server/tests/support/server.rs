//! A running `payhook serve`, and what its listeners answer.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::Value;

use super::home::{Home, Process};
use super::webhook::Webhook;
use super::{Answer, PATIENCE, until, until_async};

/// The name under which a server's output is kept in its home.
pub(crate) const SERVER: &str = "server";

/// A running server. Ends with its handle.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) token: String,
    client: Client,
}

#[derive(Deserialize)]
struct RuntimeFile {
    pid: u32,
    listen: SocketAddr,
    admin: SocketAddr,
}

impl Server {
    /// Starts a server in `home` and waits until it is there.
    #[track_caller]
    pub(crate) fn start(home: &Home) -> Self {
        Self::wait_for(home, home.spawn(SERVER, &["serve"]))
    }

    /// Waits until a server that is being started in `home` is there.
    #[track_caller]
    pub(crate) fn wait_for(home: &Home, process: Process) -> Self {
        Self::try_wait_for(home, process).unwrap_or_else(|code| {
            panic!("the server ended with {code}:\n{}", home.log(SERVER));
        })
    }

    /// Waits until a server that is being started in `home` is there, or has ended with a code.
    #[track_caller]
    pub(crate) fn try_wait_for(home: &Home, mut process: Process) -> Result<Self, i32> {
        let runtime = until("the server is there, or has ended", || {
            if let Some(code) = process.ended() {
                return Some(Err(code));
            }
            let text = fs::read(home.data().join("server.json")).ok()?;
            let runtime: RuntimeFile = serde_json::from_slice(&text).unwrap();
            // One that was killed leaves its file behind.
            (runtime.pid == process.id()).then_some(Ok(runtime))
        })?;
        let token = fs::read_to_string(home.data().join("admin-token")).unwrap();
        let client = Client::builder().no_proxy().timeout(PATIENCE);
        Ok(Self {
            process,
            listen: runtime.listen,
            admin: runtime.admin,
            token,
            client: client.build().unwrap(),
        })
    }

    /// Sends a webhook.
    pub(crate) async fn send(&self, webhook: &Webhook) -> Answer {
        self.try_send(webhook).await.unwrap()
    }

    /// Sends a webhook to a server that may not be there.
    pub(crate) async fn try_send(&self, webhook: &Webhook) -> reqwest::Result<Answer> {
        let request = webhook.request(&self.client, self.listen);
        Answer::read(request.send().await?).await
    }

    /// Asks the front door anything.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.listen);
        let response = self.client.request(method, url).send().await.unwrap();
        Answer::read(response).await.unwrap()
    }

    /// Asks the admin listener without a token.
    pub(crate) async fn ask_admin(&self, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.admin);
        let response = self.client.get(url).send().await.unwrap();
        Answer::read(response).await.unwrap()
    }

    /// Asks the admin listener of a server that may not be there.
    pub(crate) async fn try_ask_admin(&self, path: &str) -> Option<Answer> {
        let url = format!("http://{}{path}", self.admin);
        let response = self.client.get(url).send().await.ok()?;
        Answer::read(response).await.ok()
    }

    /// Asks the admin API as an operator.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("http://{}/api/{path}", self.admin);
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }

    /// Asks for a deed under a key of its own, as somebody with `token`.
    pub(crate) async fn once(
        &self,
        (token, key): (&str, &str),
        path: &str,
        body: &Value,
    ) -> Answer {
        let url = format!("http://{}/api/{path}", self.admin);
        let request = self.client.post(url).bearer_auth(token).json(body);
        let request = request.header("Idempotency-Key", key);
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }

    /// What the admin API says at `path`.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// One sample of `/metrics`, by its name and labels; 0 where there is none yet.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let metrics = self.ask_admin("/metrics").await.body;
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a sample of `/metrics` is `expected`: counting comes after what is counted.
    pub(crate) async fn counts(&self, sample: &str, expected: f64) {
        let what = format!("{sample} is {expected}");
        until_async(&what, async || {
            (self.metric(sample).await == expected).then_some(())
        })
        .await;
    }

    /// Waits until the event with this key is as `wanted`, and shows it.
    pub(crate) async fn event_that(&self, key: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until_async(&format!("{key} is as wanted"), async || {
            let path = format!("events/{key}");
            let answer = self.call(Method::GET, &path, None).await;
            Some(answer.json()).filter(|event| answer.status == 200 && wanted(event))
        })
        .await
    }

    /// Waits until the execution of the event with this key has come to rest, and shows both.
    pub(crate) async fn event_at_rest(&self, key: &str) -> Value {
        self.event_that(key, |event| {
            let status = &event["event"]["execution"];
            !status.is_null() && status != "RUNNING"
        })
        .await
    }

    /// Asks the server to stop and waits until it has, in order.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.process.terminate();
        assert_eq!(self.process.wait(), 0, "exit code");
    }

    /// Kills the server (`kill -9`).
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }

    /// A client that gives up soon, for senders that try again.
    pub(crate) fn impatient_client() -> Client {
        let client = Client::builder().no_proxy();
        client.timeout(Duration::from_secs(5)).build().unwrap()
    }
}
