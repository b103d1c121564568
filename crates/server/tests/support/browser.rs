//! Somebody who looks at the dashboard: a cookie, and no script.

use reqwest::redirect::Policy;
use reqwest::{Client, Method};

use super::server::Server;
use super::{Answer, PATIENCE};

/// A browser without a script engine. It follows no redirect by itself.
pub(crate) struct Browser {
    client: Client,
    base: String,
    pub(crate) cookie: Option<String>,
}

impl Browser {
    /// One that has not signed in.
    pub(crate) fn stranger(server: &Server) -> Self {
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(Policy::none());
        Self {
            client: client.build().unwrap(),
            base: format!("http://{}", server.admin),
            cookie: None,
        }
    }

    /// One that has signed in with this token.
    pub(crate) async fn with_token(server: &Server, token: &str) -> Self {
        let mut browser = Self::stranger(server);
        let answer = browser.send("/sign-in", &[("token", token)]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser.take_cookie(&answer);
        browser
    }

    /// One that has signed in as the admin.
    pub(crate) async fn of(server: &Server) -> Self {
        Self::with_token(server, &server.token).await
    }

    pub(crate) fn take_cookie(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie");
        self.cookie = cookie.split(';').next().map(str::to_owned);
    }

    /// Any request, with headers of its own.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<&[(&str, &str)]>,
    ) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(form) = form {
            let fields = form
                .iter()
                .map(|(name, value)| format!("{name}={}", encoded(value)));
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(fields.collect::<Vec<_>>().join("&"));
        }
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], None).await
    }

    /// A page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        answer.body
    }

    /// Sends a form.
    pub(crate) async fn send(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.ask(Method::POST, path, &[], Some(form)).await
    }

    /// Opens an action's page, and confirms it.
    pub(crate) async fn confirm(&self, path: &str, reason: &str) -> Answer {
        let token = form_token(&self.page(path).await);
        self.send(path, &[("form_token", &token), ("reason", reason)])
            .await
    }
}

/// What the form on a page carries.
pub(crate) fn form_token(page: &str) -> String {
    let (_, rest) = page
        .split_once("name=\"form_token\" value=\"")
        .expect("no form");
    rest.split('"').next().unwrap().to_owned()
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
